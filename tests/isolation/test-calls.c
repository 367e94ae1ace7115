/* SPDX-License-Identifier: MIT */
/*
 * Every rule of the table of system calls, in every profile, both ways; and with the
 * filter left out, to see that the test can fail. Every number: cases.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kernel/nest.h"
#include "oracle.h"
#include "tests.h"

#define X32_BIT 0x40000000u

static const uint64_t bad[6] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
	UINT64_MAX };

/* A call that doesn't come back when it is allowed. */
static int ends_caller(uint32_t nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_rt_sigreturn;
}

/* Whether what a call gave is what the table says. */
static int as_expected(enum verdict v, int64_t ret)
{
	switch (v) {
	case REFUSED: return ret == -FILTER_ERRNO;
	case ABSENT: return ret == -ENOSYS;
	case ALLOWED: return ret != -FILTER_ERRNO && ret != -ENOSYS;
	}
	return 0;
}

static void check_call(const struct nest *n, struct probe *p, unsigned profile, uint32_t nr,
    const uint64_t arg[6])
{
	enum verdict v = oracle(profile, nr, arg);
	int64_t ret = harness_call(n, p, nr, arg);

	ck_assert_msg(as_expected(v, ret),
	    "profile %s, call %u: the table says %s, the call gave %lld",
	    ((const char *[]){ "native", "files", "server" })[profile], nr,
	    ((const char *[]){ "refused", "absent", "allowed" })[v], (long long)ret);
}

START_TEST(every_rule_holds_both_ways)
{
	unsigned profile = (unsigned)_i;
	struct nest n = harness_nest(profile, "rules", 200003);
	struct probe p = harness_probe(&n, harness_order("probe"), -1);

	for (unsigned i = 0; i < oracle_nrows; i++) {
		const struct oracle_row *row = &oracle_rows[i];
		uint64_t arg[6];

		if (ends_caller(row->nr))
			continue;
		oracle_fit(row, arg);
		if (row->nr != SYS_clone) /* works: see nobody_forks and threads_only_in_server */
			check_call(&n, &p, profile, row->nr, arg);
		for (unsigned c = 0; c < oracle_checks(row->rule); c++) {
			oracle_fit(row, arg);
			oracle_spoil(row->rule, c, arg);
			check_call(&n, &p, profile, row->nr, arg);
		}
	}
	harness_end(&n, &p);
	harness_fini(&n);
}
END_TEST

/* A request that should end the probe. Returns its wait status, -1 when it lives on. */
static int status_of(const struct nest *n, struct probe_req q)
{
	struct probe p = harness_probe(n, harness_order("probe"), -1);
	struct probe_rep r;
	int lives = harness_ask(n, &p, &q, &r);

	harness_end(n, &p);
	return lives ? -1 : p.end.code;
}

START_TEST(ends_are_allowed)
{
	struct nest n = harness_nest((unsigned)_i, "ends", 200004);
	int s;

	s = status_of(&n, (struct probe_req){ .op = PROBE_CALL, .nr = SYS_exit, .arg = { 7 } });
	ck_assert(WIFEXITED(s) && WEXITSTATUS(s) == 7);
	s = status_of(&n,
	    (struct probe_req){ .op = PROBE_CALL, .nr = SYS_exit_group, .arg = { 8 } });
	ck_assert(WIFEXITED(s) && WEXITSTATUS(s) == 8);
	s = status_of(&n, (struct probe_req){ .op = PROBE_CALL, .nr = SYS_rt_sigreturn });
	ck_assert_msg(WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV, "status %#x", (unsigned)s);
	harness_fini(&n);
}
END_TEST

/* Linux 6.14 and later let these pass every filter: they are for trampolines that Linux itself
 * writes (uprobes). */
START_TEST(uprobe_calls_do_nothing)
{
	struct nest n = harness_nest((unsigned)_i, "uprobes", 200007);

	for (uint32_t nr = 335; nr <= 336; nr++) {
		struct probe p = harness_probe(&n, harness_order("probe"), -1);
		struct probe_req q = { .op = PROBE_CALL, .nr = nr };
		struct probe_rep r;

		if (harness_ask(&n, &p, &q, &r))
			ck_assert_msg(r.ret == -FILTER_ERRNO || r.ret == -ENXIO, "%u: %lld", nr,
			    (long long)r.ret);
		harness_end(&n, &p);
		ck_assert(p.end.code == 0 || WTERMSIG(p.end.code) == SIGILL);
	}
	harness_fini(&n);
}
END_TEST

START_TEST(control_without_filter_calls_go_through)
{
	unsigned differ = 0, refused = 0;
	struct nest n;
	struct probe p;

	harness_skip = "filter";
	n = harness_nest(WRIT_PROFILE_NATIVE, "control", 200006);
	p = harness_probe(&n, harness_order("probe"), -1);
	for (uint32_t nr = 0; nr <= 450; nr++) {
		struct probe_req q = { .op = PROBE_CALL, .nr = nr };
		struct probe_rep r;

		memcpy(q.arg, bad, sizeof(q.arg));
		if (ends_caller(nr) || nr == SYS_pause || nr == SYS_sync)
			continue;
		if (!harness_ask(&n, &p, &q, &r)) {
			harness_end(&n, &p);
			p = harness_probe(&n, harness_order("probe"), -1);
			r.ret = 0;
		}
		refused += r.ret == -FILTER_ERRNO;
		differ += !as_expected(oracle(WRIT_PROFILE_NATIVE, nr, bad), r.ret);
	}
	printf("# without the filter %u of 450 calls are not as the table says\n", differ);
	ck_assert_uint_eq(refused, 0);
	ck_assert_uint_gt(differ, 200);
	ck_assert_int_eq(status_of(&n, (struct probe_req){ .op = PROBE_CALL32, .nr = 20 }), -1);
	ck_assert_int_eq(status_of(&n,
			     (struct probe_req){ .op = PROBE_CALL, .nr = X32_BIT | SYS_getpid }),
	    -1);
	harness_end(&n, &p);
	harness_fini(&n);
}
END_TEST

TCase *call_tests(void)
{
	TCase *t = tcase_create("calls");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_rule_holds_both_ways, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, ends_are_allowed, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, uprobe_calls_do_nothing, 0, WRIT_PROFILE_N);
	tcase_add_test(t, control_without_filter_calls_go_through);
	return t;
}
