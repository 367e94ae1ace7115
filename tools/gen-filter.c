/* SPDX-License-Identifier: MIT */
/*
 * Prints the seccomp filter of each profile, made by libseccomp from the table
 * in kernel/syscalls.h, as C for kernel/filter.c. Runs when Writ is built, and
 * is trusted as the compiler is; unit-filter and tests/isolation hold what it
 * wrote against the table.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "kernel/nest.h"
#include "kernel/syscalls.h"

static const struct row {
	const char *name, *rule_name;
	int nr;
	unsigned rule, profiles;
} rows[] = {
#define X(name, rule, profiles, reason) { #name, #rule, SYS_##name, SYSCALL_##rule, profiles },
	SYSCALLS(X)
#undef X
};
#define NROWS  (sizeof(rows) / sizeof(rows[0]))
#define NUMBER offsetof(struct seccomp_data, nr)

static const struct syscall_check checks[][SYSCALL_CHECKS_MAX] = { /* mask 0: no check */
#define X(id, text, ...) [SYSCALL_##id] = { __VA_ARGS__ },
	SYSCALL_RULES(X)
#undef X
};

/* No check of the architecture, nor of x32: the profile's filter, older, kills for both. */
static const struct sock_filter threads[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NUMBER),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 2),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | FILTER_ERRNO),
};

static void must(int r, const char *what)
{
	if (r < 0)
		errx(EXIT_FAILURE, "%s: %s", what, strerror(-r));
}

static void add_row(scmp_filter_ctx ctx, const struct row *row)
{
	uint32_t action = row->rule == SYSCALL_ABSENT ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW;
	struct scmp_arg_cmp arg[SYSCALL_CHECKS_MAX];
	unsigned n = 0;

	for (; n < SYSCALL_CHECKS_MAX && checks[row->rule][n].mask != 0; n++) {
		const struct syscall_check *c = &checks[row->rule][n];

		arg[n] = SCMP_CMP64(c->arg, SCMP_CMP_MASKED_EQ, c->mask, c->value);
	}
	must(seccomp_rule_add_exact_array(ctx, action, row->nr, n, arg), row->name);
}

/* A search tree, not a list: Linux tries each number when it takes a filter. Returns its length. */
static unsigned make(unsigned profile, struct sock_filter *f)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(FILTER_ERRNO));
	FILE *file = tmpfile();
	size_t n;

	if (ctx == NULL || file == NULL)
		err(EXIT_FAILURE, "seccomp_init");
	must(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "BADARCH");
	must(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "OPTIMIZE");
	for (unsigned i = 0; i < NROWS; i++)
		if (rows[i].profiles & 1u << profile)
			add_row(ctx, &rows[i]);
	must(seccomp_export_bpf(ctx, fileno(file)), "seccomp_export_bpf");
	rewind(file);
	n = fread(f, sizeof(*f), BPF_MAXINSNS, file);
	if (n == 0)
		errx(EXIT_FAILURE, "empty filter");
	fclose(file);
	seccomp_release(ctx);
	return (unsigned)n;
}

/* --- as C ----------------------------------------------------------------------------- */

/* Say which call a number is, and by which rules it is allowed. */
static void say_call(uint32_t nr, unsigned profile)
{
	const char *name = NULL;

	for (unsigned i = 0; i < NROWS; i++) {
		if ((uint32_t)rows[i].nr != nr || !(rows[i].profiles & 1u << profile))
			continue;
		printf("%s%s", name == NULL ? rows[i].name : "", name == NULL ? ": " : ", ");
		printf("%s", rows[i].rule_name);
		name = rows[i].name;
	}
	if (name == NULL)
		printf("%#x", nr);
}

static const char *action(uint32_t k)
{
	switch (k) {
	case SECCOMP_RET_ALLOW: return "allow";
	case SECCOMP_RET_KILL_PROCESS: return "kill";
	case SECCOMP_RET_ERRNO | ENOSYS: return "absent";
	default: return "refuse";
	}
}

static void say(const struct sock_filter *i, uint32_t loaded, unsigned profile)
{
	const unsigned args = offsetof(struct seccomp_data, args);

	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		if (i->k >= args)
			printf("  argument %u, %s half", (i->k - args) / 8,
			    i->k % 8 != 0 ? "upper" : "lower");
		else
			printf("%s", i->k == NUMBER ? "the number" : "the architecture");
		break;
	case BPF_JMP:
		if (loaded != NUMBER || BPF_OP(i->code) == BPF_JA) {
			printf("  compare");
		} else {
			printf("%s", BPF_OP(i->code) == BPF_JGT ? "above " : "");
			say_call(i->k, profile);
		}
		break;
	case BPF_RET: printf("%s", action(i->k)); break;
	default: printf("  mask"); break;
	}
}

/* Follow the jumps, which only go forward, to know what each instruction finds loaded. */
static void print(const char *name, const struct sock_filter *f, unsigned n, unsigned profile)
{
	uint32_t loaded[2 * BPF_MAXINSNS] = { 0 };

	printf("\nstatic const struct sock_filter filter_%s[] = {\n", name);
	for (unsigned i = 0; i < n; i++) {
		unsigned class = BPF_CLASS(f[i].code);

		if (class == BPF_JMP && BPF_OP(f[i].code) == BPF_JA)
			loaded[i + 1 + f[i].k] = loaded[i];
		else if (class == BPF_JMP)
			loaded[i + 1 + f[i].jt] = loaded[i + 1 + f[i].jf] = loaded[i];
		else if (class != BPF_RET)
			loaded[i + 1] = class == BPF_LD ? f[i].k : loaded[i];
		printf("\t{ %#04x, %3u, %3u, %#10x }, /* %3u ", f[i].code, f[i].jt, f[i].jf, f[i].k,
		    i);
		say(&f[i], loaded[i], profile);
		printf(" */\n");
	}
	printf("};\n");
}

int main(void)
{
	static const char *const names[] = {
#define X(id, name) name,
		WRIT_PROFILES(X)
#undef X
	};
	struct sock_filter f[BPF_MAXINSNS];

	printf("/* Made by tools/gen-filter from kernel/syscalls.h. */\n");
	for (unsigned p = 0; p < WRIT_PROFILE_N; p++)
		print(names[p], f, make(p, f), p);
	print("threads", threads, sizeof(threads) / sizeof(threads[0]), WRIT_PROFILE_SERVER);
	if (fflush(stdout) != 0 || ferror(stdout))
		err(EXIT_FAILURE, "writing");
	return EXIT_SUCCESS;
}
