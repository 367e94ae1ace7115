// SPDX-License-Identifier: MIT
/* How long one spins. Other work on this machine can only make a budget 0 for a while: retried. */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
#include "libsys/spin.h"
#include "tests/unit/libsys/ring_suites.h"

#define NOWHERE UINT32_MAX

static struct spin spin;
static int left; /* looks until there is something; < 0: never */

static int look(void *arg)
{
	(void)arg;
	return left == 0 || (left > 0 && --left == 0);
}

static void setup(void)
{
	spin_init(&spin, 0);
}

/* Spin with @budget, undisturbed; what is the budget afterwards? */
static int64_t after(int64_t budget, int looks, int want)
{
	for (int i = 0; i < 1000; i++) {
		left = looks;
		spin.until_ns = 0;
		spin.budget_ns = budget;
		ck_assert_int_eq(spin_wait(&spin, NOWHERE, look, NULL), want);
		if (!spin.until_ns)
			return spin.budget_ns;
		usleep(1000);
	}
	ck_abort_msg("this CPU is never left alone for %lld ns", (long long)budget);
}

START_TEST(learns)
{
	ck_assert_int_gt(spin_budget(&spin, NOWHERE), 0);
	ck_assert_int_eq(after(8000, 3, 1), 10000);
	ck_assert_int_eq(after(8000, -1, 0), 7000);
	ck_assert_int_eq(after(SPIN_MAX_NS, 3, 1), SPIN_MAX_NS);
	ck_assert_int_gt(spin.hits, 0);
}
END_TEST

/* Never below a part of what a sleep costs, nor above the limit. */
START_TEST(bounds)
{
	spin.wake_ns = 16000;
	for (int i = 0; i < 50; i++)
		after(spin.budget_ns < 0 ? 16000 : spin.budget_ns, -1, 0);
	ck_assert_int_eq(spin.budget_ns, 4000);
	spin.limit_ns = 2000;
	ck_assert_int_eq(after(1900, 3, 1), 2000);
	spin_slept(&spin, 1000, 0);
	ck_assert_int_eq(spin.budget_ns, 2000);
}
END_TEST

START_TEST(short_sleeps)
{
	spin.budget_ns = 10000;
	spin_slept(&spin, 15000, 20000);
	ck_assert_int_eq(spin.budget_ns, 15000);
	ck_assert_int_eq(spin.wake_ns, 20000);
	spin_slept(&spin, 50000, 0);
	ck_assert_int_eq(spin.budget_ns, 15000);
	ck_assert_uint_eq(spin.sleeps, 2);
}
END_TEST

START_TEST(never)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
	ck_assert_int_eq(spin_budget(&spin, (uint32_t)cpu), 0);
	ck_assert_int_gt(spin_budget(&spin, (uint32_t)cpu + 1), 0);
	left = -1;
	ck_assert_int_eq(spin_wait(&spin, (uint32_t)cpu, look, NULL), 0);
	left = 0;
	ck_assert_int_eq(spin_wait(&spin, (uint32_t)cpu, look, NULL), 1);
	spin_init(&spin, -1);
	ck_assert_int_eq(spin_budget(&spin, NOWHERE), 0);
}
END_TEST

static int stall(void *arg)
{
	(void)arg;
	if (left-- == 10)
		usleep(1000);
	return 0;
}

/* Somebody else ran here: no spinning for a while. */
START_TEST(taken_away)
{
	spin.budget_ns = SPIN_MAX_NS;
	left = 20;
	ck_assert_int_eq(spin_wait(&spin, NOWHERE, stall, NULL), 0);
	ck_assert_int_gt(spin.until_ns, spin_now());
	ck_assert_int_eq(spin_budget(&spin, NOWHERE), 0);
	usleep(20000);
	ck_assert_int_eq(spin_budget(&spin, NOWHERE), SPIN_MAX_NS);
}
END_TEST

Suite *spin_suite(void)
{
	Suite *s = suite_create("spin");
	TCase *t = tcase_create("spin");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, learns);
	tcase_add_test(t, bounds);
	tcase_add_test(t, short_sleeps);
	tcase_add_test(t, never);
	tcase_add_test(t, taken_away);
	suite_add_tcase(s, t);
	return s;
}
