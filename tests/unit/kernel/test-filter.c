/* SPDX-License-Identifier: MIT */
/*
 * The filters as they are installed, run by a small interpreter: for every number and for
 * random arguments it must answer as the table says. WRIT_SEED sets the seed.
 */
#include <check.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "kernel/nest.h"
#include "kernel/syscalls.h"
#include "tests/isolation/oracle.h"

#define ROUNDS 100000

static const struct sock_fprog *prog;

/* Run the filter. Fails the test where it leaves its bounds or uses what it shouldn't. */
static uint32_t run(const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < prog->len; pc++) {
		const struct sock_filter *i = &prog->filter[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert(i->k % 4 == 0 && i->k < sizeof(*d));
			memcpy(&a, (const char *)d + i->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JGT | BPF_K: pc += a > i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JSET | BPF_K: pc += (a & i->k) != 0 ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JA: pc += i->k; break;
		case BPF_RET | BPF_K: return i->k;
		default: ck_abort_msg("instruction %u: code %#x", pc, i->code);
		}
	}
	ck_abort_msg("ran past the end");
	return 0;
}

static uint32_t answer(enum verdict v)
{
	switch (v) {
	case REFUSED: return SECCOMP_RET_ERRNO | FILTER_ERRNO;
	case ABSENT: return SECCOMP_RET_ERRNO | ENOSYS;
	case ALLOWED: return SECCOMP_RET_ALLOW;
	}
	return 0;
}

static void compare(unsigned profile, const struct seccomp_data *d)
{
	uint64_t arg[6];

	memcpy(arg, d->args, sizeof(arg));
	ck_assert_msg(run(d) == answer(oracle(profile, (uint32_t)d->nr, arg)),
	    "profile %u, call %d (%#llx, %#llx, %#llx, %#llx, %#llx, %#llx)", profile, d->nr,
	    d->args[0], d->args[1], d->args[2], d->args[3], d->args[4], d->args[5]);
}

START_TEST(every_number_answers_as_the_table_says)
{
	prog = &filters[_i];
	for (int nr = 0; nr < 4096; nr++) {
		struct seccomp_data d = { .nr = nr, .arch = AUDIT_ARCH_X86_64 };

		compare((unsigned)_i, &d);
		memset(d.args, 0xff, sizeof(d.args));
		compare((unsigned)_i, &d);
	}
}
END_TEST

static uint64_t random_word(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

START_TEST(arguments_near_a_rule_answer_as_the_table_says)
{
	const char *env = getenv("WRIT_SEED");
	unsigned seed = env != NULL ? (unsigned)strtoul(env, NULL, 0) : (unsigned)time(NULL);
	unsigned allowed = 0;

	printf("# WRIT_SEED=%u\n", seed);
	srandom(seed);
	prog = &filters[_i];
	for (int round = 0; round < ROUNDS; round++) {
		const struct oracle_row *row = &oracle_rows[(unsigned long)random() % oracle_nrows];
		struct seccomp_data d = { .nr = (int)row->nr, .arch = AUDIT_ARCH_X86_64 };
		uint64_t arg[6];

		oracle_fit(row, arg);
		for (int flips = (int)(random() % 4); flips > 0; flips--)
			arg[random() % 6] ^= UINT64_C(1) << random() % 64;
		if (random() % 16 == 0)
			arg[random() % 6] = random_word();
		memcpy(d.args, arg, sizeof(arg));
		compare((unsigned)_i, &d);
		allowed += run(&d) == SECCOMP_RET_ALLOW;
	}
	ck_assert_uint_gt(allowed, ROUNDS / 4); /* else the test looks at nothing */
	ck_assert_uint_lt(allowed, ROUNDS);
}
END_TEST

START_TEST(foreign_abis_are_killed)
{
	struct seccomp_data d = { .nr = SYS_read, .arch = AUDIT_ARCH_I386 };

	prog = &filters[_i];
	ck_assert_uint_eq(run(&d), SECCOMP_RET_KILL_PROCESS);
	d.arch = AUDIT_ARCH_X86_64;
	ck_assert_uint_eq(run(&d), SECCOMP_RET_ALLOW);
	d.nr = 0x40000000 | SYS_read;
	ck_assert_uint_eq(run(&d), SECCOMP_RET_KILL_PROCESS);
	d.nr = 0x40000000;
	ck_assert_uint_eq(run(&d), SECCOMP_RET_KILL_PROCESS);
	d.nr = -2;
	ck_assert_uint_eq(run(&d), SECCOMP_RET_KILL_PROCESS);
	d.nr = -1; /* no call of any ABI: what a tracer leaves to skip one */
	ck_assert_uint_eq(run(&d), SECCOMP_RET_ERRNO | FILTER_ERRNO);
}
END_TEST

START_TEST(the_second_filter_refuses_processes_and_nothing_else)
{
	prog = &filters[FILTER_THREADS];
	for (int nr = 0; nr < 4096; nr++) {
		struct seccomp_data d = { .nr = nr, .arch = AUDIT_ARCH_X86_64 };

		ck_assert_uint_eq(run(&d),
		    nr == SYS_clone ? SECCOMP_RET_ERRNO | FILTER_ERRNO : SECCOMP_RET_ALLOW);
		d.args[0] = PTHREAD_CLONE;
		ck_assert_uint_eq(run(&d), SECCOMP_RET_ALLOW);
	}
}
END_TEST

START_TEST(no_other_filter_is_installed)
{
	ck_assert_int_eq(filter_install(FILTER_N), -EINVAL);
}
END_TEST

/* The three profiles nest, but for what is only absent, and the number of the image: what native
 * may, files may; what files may, server may. */
START_TEST(profiles_widen)
{
	for (unsigned i = 0; i < oracle_nrows; i++) {
		unsigned p = oracle_rows[i].profiles;

		if (oracle_rows[i].rule == SYSCALL_FD_IMAGE ||
		    oracle_rows[i].rule == SYSCALL_EXEC_IMAGE)
			ck_assert_uint_eq(p, 3);
		else if (oracle_rows[i].rule != SYSCALL_ABSENT)
			ck_assert_msg(p == 1u << WRIT_PROFILE_SERVER || p == 6 || p == 7, "%s",
			    oracle_rows[i].name);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filter");
	TCase *t = tcase_create("filter");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_number_answers_as_the_table_says, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, arguments_near_a_rule_answer_as_the_table_says, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, foreign_abis_are_killed, 0, WRIT_PROFILE_N);
	tcase_add_test(t, the_second_filter_refuses_processes_and_nothing_else);
	tcase_add_test(t, no_other_filter_is_installed);
	tcase_add_test(t, profiles_widen);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
