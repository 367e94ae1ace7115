/* SPDX-License-Identifier: MIT */
/*
 * Turns the table of system calls into classic BPF. The program is one row
 * after another: the kernel remembers which calls are allowed whatever their
 * arguments are, so length costs those nothing.
 *
 * Must hold: the architecture is checked before the number (else int $0x80
 * walks past), numbers with the x32 bit end the process, and what no row
 * allows is refused.
 */
#include "filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscalls.h"

#define X32_BIT 0x40000000u

static const struct row {
	uint16_t nr;
	uint8_t rule, profiles;
} rows[] = {
#define X(name, rule, profiles, reason) { SYS_##name, SYSCALL_##rule, profiles },
	SYSCALLS(X)
#undef X
};

static const struct rule {
	struct syscall_check check[SYSCALL_CHECKS_MAX]; /* mask 0: no check */
} rules[] = {
#define X(id, text, ...) [SYSCALL_##id] = { { __VA_ARGS__ } },
	SYSCALL_RULES(X)
#undef X
};

struct program {
	struct sock_filter *f;
	unsigned n, max;
};

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->n < p->max)
		p->f[p->n] = (struct sock_filter)BPF_JUMP(code, k, jt, jf);
	p->n++;
}

static void emit_load(struct program *p, unsigned offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void emit_return(struct program *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

static unsigned half_size(uint64_t mask)
{
	return (uint32_t)mask == 0 ? 0 : (uint32_t)mask == UINT32_MAX ? 2 : 3;
}

static unsigned check_size(const struct syscall_check *c)
{
	return half_size(c->mask) + half_size(c->mask >> 32);
}

/* Compare one half of an argument; jump over @over instructions after this one where it differs. */
static void emit_half(struct program *p, unsigned offset, uint32_t mask, uint32_t value,
    unsigned over)
{
	if (mask == 0)
		return;
	emit_load(p, offset);
	if (mask != UINT32_MAX)
		emit(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)over);
}

/* If the row's call and rule match, return its action; else go on behind it with the number loaded.
 */
static void emit_row(struct program *p, const struct row *row)
{
	const struct rule *r = &rules[row->rule];
	uint32_t action = row->rule == SYSCALL_ABSENT ? SECCOMP_RET_ERRNO | ENOSYS
						      : SECCOMP_RET_ALLOW;
	unsigned left = 0;

	for (unsigned i = 0; i < SYSCALL_CHECKS_MAX; i++)
		left += check_size(&r->check[i]);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->nr, 0, (uint8_t)(left == 0 ? 1 : left + 2));
	for (unsigned i = 0; i < SYSCALL_CHECKS_MAX; i++) {
		const struct syscall_check *c = &r->check[i];
		unsigned at = offsetof(struct seccomp_data, args) + 8 * c->arg;

		left -= half_size(c->mask);
		emit_half(p, at, (uint32_t)c->mask, (uint32_t)c->value, left + 1);
		left -= half_size(c->mask >> 32);
		emit_half(p, at + 4, (uint32_t)(c->mask >> 32), (uint32_t)(c->value >> 32),
		    left + 1);
	}
	emit_return(p, action);
	if (r->check[0].mask != 0)
		emit_load(p, offsetof(struct seccomp_data, nr));
}

int filter_build(unsigned profile, struct sock_filter *f, unsigned max)
{
	struct program p = { f, 0, max };

	if (profile >= WRIT_PROFILE_N)
		return -EINVAL;
	emit_load(&p, offsetof(struct seccomp_data, arch));
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	emit_return(&p, SECCOMP_RET_KILL_PROCESS);
	emit_load(&p, offsetof(struct seccomp_data, nr));
	emit(&p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	emit_return(&p, SECCOMP_RET_KILL_PROCESS);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].profiles & 1u << profile)
			emit_row(&p, &rows[i]);
	emit_return(&p, SECCOMP_RET_ERRNO | FILTER_ERRNO);
	return p.n <= max ? (int)p.n : -E2BIG;
}

static int install(struct sock_filter *f, int n)
{
	struct sock_fprog prog = { (unsigned short)n, f };

	if (n < 0)
		return n;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}

int filter_install(unsigned profile)
{
	struct sock_filter f[FILTER_MAX];

	return install(f, filter_build(profile, f, FILTER_MAX));
}

int filter_threads_only(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | FILTER_ERRNO),
	};

	return install(f, sizeof(f) / sizeof(f[0]));
}
