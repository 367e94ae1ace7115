/* SPDX-License-Identifier: MIT */
/* The nest's own working: orders, events, ends, in every profile. */
#include "tests.h"

START_TEST(every_profile_runs_a_proc)
{
	struct nest n = harness_nest((unsigned)_i, "smoke", 200001);
	struct probe p = harness_probe(&n, harness_order("probe"), -1);

	ck_assert_int_eq(p.end.what, 0);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_ENVIRON, 0), 0);
	harness_end(&n, &p);
	ck_assert_int_eq(p.end.code, 0);
	ck_assert_uint_gt(p.end.rss_max, 0);
	harness_fini(&n);
}
END_TEST

TCase *nest_tests(void)
{
	TCase *t = tcase_create("nest");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, every_profile_runs_a_proc, 0, WRIT_PROFILE_N);
	return t;
}
