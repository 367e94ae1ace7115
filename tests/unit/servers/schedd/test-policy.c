/* SPDX-License-Identifier: MIT */
/* The scheduler's policy: its rules one by one, then at random against a checker. */
#include "servers/schedd/policy.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MIB (UINT64_C(1) << 20)

static struct policy *make(uint32_t cores, uint32_t be_max, uint64_t memory)
{
	struct policy_conf c = { .cores = cores, .be_max = be_max, .memory = memory };
	struct policy *p = policy_new(&c);

	ck_assert_ptr_nonnull(p);
	return p;
}

static void add(struct policy *p, uint32_t pid, uint32_t realm, uint32_t class, uint32_t cores,
    uint64_t memory)
{
	struct writ_ev_proc ev = { .pid = pid,
		.realm = realm,
		.class = class,
		.cores = cores,
		.memory = memory };

	ck_assert_int_eq(policy_add(p, &ev, false), 0);
}

static uint32_t next_at(struct policy *p, uint64_t now)
{
	struct writ_ev_proc ev;

	return policy_next(p, now, &ev) == 1 ? ev.pid : 0;
}

static uint32_t next(struct policy *p)
{
	return next_at(p, 0);
}

START_TEST(a_realm_starts_its_procs_in_order)
{
	struct policy *p = make(2000, 100, 0);

	for (uint32_t i = 1; i <= 5; i++)
		add(p, i, 7, WRIT_CLASS_BE, 0, MIB);
	for (uint32_t i = 1; i <= 5; i++)
		ck_assert_uint_eq(next(p), i);
	ck_assert_uint_eq(next(p), 0);
	policy_free(p);
}
END_TEST

START_TEST(realms_take_turns)
{
	struct policy *p = make(2000, 100, 0);
	uint32_t realm[4] = { 0 };

	for (uint32_t i = 1; i <= 50; i++)
		add(p, i, 1, WRIT_CLASS_BE, 0, 0);
	for (uint32_t i = 51; i <= 55; i++)
		add(p, i, 2, WRIT_CLASS_BE, 0, 0);
	for (uint32_t i = 56; i <= 60; i++)
		add(p, i, 3, WRIT_CLASS_BE, 0, 0);
	for (unsigned i = 0; i < 15; i++) {
		struct writ_ev_proc ev;

		ck_assert_int_eq(policy_next(p, 0, &ev), 1);
		realm[ev.realm]++;
	}
	ck_assert_uint_eq(realm[1], 5);
	ck_assert_uint_eq(realm[2], 5);
	ck_assert_uint_eq(realm[3], 5);
	policy_free(p);
}
END_TEST

START_TEST(lc_comes_before_be)
{
	struct policy *p = make(2000, 100, 0);

	add(p, 1, 1, WRIT_CLASS_BE, 0, 0);
	add(p, 2, 2, WRIT_CLASS_LC, 500, 0);
	ck_assert_uint_eq(next(p), 2);
	ck_assert_uint_eq(next(p), 1);
	policy_free(p);
}
END_TEST

START_TEST(lc_reserves_its_cores_and_be_needs_none)
{
	struct policy *p = make(2000, 100, 0);

	add(p, 1, 1, WRIT_CLASS_LC, 1500, 0);
	add(p, 2, 1, WRIT_CLASS_LC, 600, 0);
	add(p, 3, 1, WRIT_CLASS_BE, 0, 0);
	ck_assert_uint_eq(next(p), 1);
	ck_assert_uint_eq(next(p), 3);
	ck_assert_uint_eq(next(p), 0);
	ck_assert(policy_waiting(p));
	policy_remove(p, 1);
	ck_assert_uint_eq(next(p), 2);
	ck_assert_uint_eq(policy_used(p).lc_cores, 600);
	policy_free(p);
}
END_TEST

START_TEST(be_procs_are_bounded)
{
	struct policy *p = make(2000, 3, 0);

	for (uint32_t i = 1; i <= 5; i++)
		add(p, i, 1, WRIT_CLASS_BE, 0, 0);
	for (uint32_t i = 1; i <= 3; i++)
		ck_assert_uint_eq(next(p), i);
	ck_assert_uint_eq(next(p), 0);
	policy_remove(p, 2);
	ck_assert_uint_eq(next(p), 4);
	ck_assert_uint_eq(next(p), 0);
	policy_free(p);
}
END_TEST

START_TEST(memory_is_bounded)
{
	struct policy *p = make(2000, 100, 100 * MIB);

	add(p, 1, 1, WRIT_CLASS_BE, 0, 40 * MIB);
	add(p, 2, 2, WRIT_CLASS_BE, 0, 40 * MIB);
	add(p, 3, 3, WRIT_CLASS_BE, 0, 40 * MIB);
	add(p, 4, 4, WRIT_CLASS_BE, 0, 10 * MIB);
	ck_assert_uint_eq(next(p), 1);
	ck_assert_uint_eq(next(p), 2);
	ck_assert_uint_eq(next(p), 4); /* passes over 3 */
	ck_assert_uint_eq(next(p), 0);
	policy_remove(p, 1);
	ck_assert_uint_eq(next(p), 3);
	policy_free(p);
}
END_TEST

START_TEST(a_proc_larger_than_the_machine_starts_too)
{
	struct policy *p = make(2000, 100, 100 * MIB);

	add(p, 1, 1, WRIT_CLASS_BE, 0, 1000 * MIB);
	add(p, 2, 1, WRIT_CLASS_LC, 64000, UINT64_MAX);
	ck_assert_uint_eq(next(p), 2);
	ck_assert_uint_eq(next(p), 1);
	ck_assert_uint_eq(policy_used(p).memory, 100 * MIB);
	policy_free(p);
}
END_TEST

START_TEST(a_large_proc_is_not_starved_by_small_ones)
{
	struct policy *p = make(2000, 1000, 100 * MIB);
	uint32_t pid = 10, oldest = 10, started = 0;

	add(p, 1, 1, WRIT_CLASS_BE, 0, 50 * MIB);
	add(p, 2, 1, WRIT_CLASS_BE, 0, 50 * MIB);
	ck_assert_uint_eq(next(p), 1);
	for (uint32_t i = 0; i < 50; i++)
		add(p, pid++, 2, WRIT_CLASS_BE, 0, MIB);
	for (unsigned i = 0; i < 3000 && started != 2; i++) {
		while ((started = next(p)) != 0 && started != 2)
			;
		if (started == 2)
			break;
		policy_remove(p, oldest++);
		add(p, pid++, 2, WRIT_CLASS_BE, 0, MIB);
	}
	ck_assert_uint_eq(started, 2);
	policy_free(p);
}
END_TEST

START_TEST(waiting_for_one_ends_by_the_clock)
{
	struct policy *p = make(2000, 1000, 100 * MIB);

	add(p, 1, 1, WRIT_CLASS_BE, 0, 60 * MIB);
	add(p, 2, 1, WRIT_CLASS_BE, 0, 10 * MIB);
	ck_assert_uint_eq(next_at(p, 0), 1);
	ck_assert_uint_eq(next_at(p, 0), 2);
	add(p, 3, 2, WRIT_CLASS_LC, 100, 50 * MIB);
	add(p, 4, 1, WRIT_CLASS_BE, 0, MIB);
	ck_assert_uint_eq(next_at(p, 1), 0);
	ck_assert_uint_eq(next_at(p, POLICY_HOLD_MS), 0);
	ck_assert_uint_eq(next_at(p, POLICY_HOLD_MS + 2), 4);
	policy_remove(p, 1);
	ck_assert_uint_eq(next_at(p, POLICY_HOLD_MS + 3), 3);
	policy_free(p);
}
END_TEST

START_TEST(one_that_ends_while_it_waits_is_forgotten)
{
	struct policy *p = make(2000, 100, 0);
	struct policy_use u;

	add(p, 1, 1, WRIT_CLASS_BE, 0, MIB);
	add(p, 2, 1, WRIT_CLASS_BE, 0, MIB);
	add(p, 3, 1, WRIT_CLASS_BE, 0, MIB);
	policy_remove(p, 2);
	policy_remove(p, 99);
	ck_assert_uint_eq(next(p), 1);
	ck_assert_uint_eq(next(p), 3);
	policy_remove(p, 1);
	policy_remove(p, 3);
	policy_remove(p, 3);
	u = policy_used(p);
	ck_assert_uint_eq(u.be + u.lc + u.waiting + u.lc_cores, 0);
	ck_assert_uint_eq(u.memory, 0);
	policy_free(p);
}
END_TEST

START_TEST(one_that_runs_already_counts_and_twice_is_once)
{
	struct writ_ev_proc ev = { .pid = 1, .realm = 1, .class = WRIT_CLASS_BE };
	struct policy *p = make(2000, 1, 0);

	ck_assert_int_eq(policy_add(p, &ev, true), 0);
	ck_assert_int_eq(policy_add(p, &ev, false), 0);
	add(p, 2, 1, WRIT_CLASS_BE, 0, 0);
	ck_assert_uint_eq(next(p), 0);
	ck_assert_uint_eq(policy_used(p).be, 1);
	policy_remove(p, 1);
	ck_assert_uint_eq(next(p), 2);
	ev = (struct writ_ev_proc){ .pid = 9, .class = WRIT_CLASS_N };
	ck_assert_int_eq(policy_add(p, &ev, false), -WRIT_E_RANGE);
	policy_free(p);
}
END_TEST

START_TEST(a_full_table_is_an_error_and_then_room_again)
{
	struct policy *p = make(2000, 1, 0);
	struct writ_ev_proc ev = { .realm = 1 };

	for (uint32_t i = 1; i <= POLICY_PROCS; i++)
		add(p, i, i % 3, WRIT_CLASS_BE, 0, 0);
	ev.pid = POLICY_PROCS + 1;
	ck_assert_int_eq(policy_add(p, &ev, false), -WRIT_E_NOT_ENOUGH_MEMORY);
	policy_remove(p, 5);
	ck_assert_int_eq(policy_add(p, &ev, false), 0);
	policy_free(p);
	p = make(2000, 1, 0);
	for (uint32_t i = 1; i <= POLICY_REALMS; i++)
		add(p, i, i, WRIT_CLASS_BE, 0, 0);
	ev = (struct writ_ev_proc){ .pid = 99999, .realm = POLICY_REALMS + 1 };
	ck_assert_int_eq(policy_add(p, &ev, false), -WRIT_E_NOT_ENOUGH_MEMORY);
	policy_remove(p, 5);
	ck_assert_int_eq(policy_add(p, &ev, false), 0);
	policy_free(p);
}
END_TEST

/* --- at random ------------------------------------------------------------- */

#define MODEL 400
static struct model {
	struct writ_ev_proc ev;
	int state; /* 0 none, 1 waits, 2 runs */
	uint64_t order, starts;
} model[MODEL];

static uint64_t capped(uint64_t v, uint64_t max)
{
	return v > max ? max : v;
}

static void check_use(const struct policy *p, uint64_t memory, uint32_t cores, uint32_t be_max)
{
	struct policy_use want = { 0 }, u = policy_used(p);

	for (unsigned i = 0; i < MODEL; i++) {
		const struct model *m = &model[i];

		want.waiting += m->state == 1;
		if (m->state != 2)
			continue;
		want.memory += capped(m->ev.memory, memory / 2);
		if (m->ev.class == WRIT_CLASS_LC) {
			want.lc++;
			want.lc_cores += (uint32_t)capped(m->ev.cores, cores);
		} else {
			want.be++;
		}
	}
	ck_assert_uint_eq(u.waiting, want.waiting);
	ck_assert_uint_eq(u.memory, want.memory);
	ck_assert_uint_eq(u.lc, want.lc);
	ck_assert_uint_eq(u.be, want.be);
	ck_assert_uint_eq(u.lc_cores, want.lc_cores);
	ck_assert(u.memory <= memory && u.lc_cores <= cores && u.be <= be_max);
}

static void check_start(const struct writ_ev_proc *ev, uint64_t starts)
{
	struct model *m = &model[ev->pid % MODEL];

	ck_assert_int_eq(m->state, 1);
	ck_assert_uint_eq(m->ev.pid, ev->pid);
	ck_assert_uint_eq(m->ev.realm, ev->realm);
	for (unsigned i = 0; i < MODEL; i++)
		if (model[i].state == 1 && model[i].ev.realm == ev->realm &&
		    model[i].ev.class == ev->class)
			ck_assert_msg(model[i].order >= m->order, "out of order");
	m->state = 2;
	m->starts = starts;
}

START_TEST(at_random_every_rule_holds)
{
	const char *seed_text = getenv("WRIT_SEED");
	unsigned seed = seed_text != NULL ? (unsigned)atoi(seed_text) : (unsigned)time(NULL);
	uint64_t memory = 256 * MIB, now = 0, starts = 0, order = 0;
	struct policy *p = make(4000, 40, memory);
	struct writ_ev_proc ev;

	printf("policy: WRIT_SEED=%u\n", seed);
	srand(seed);
	memset(model, 0, sizeof(model));
	for (unsigned step = 0; step < 100000; step++) {
		struct model *m = &model[rand() % MODEL];

		now += (uint64_t)(rand() % 50);
		if (m->state == 0) {
			m->ev = (struct writ_ev_proc){ .pid = (uint32_t)(m - model) + MODEL * step,
				.realm = (uint32_t)(rand() % 9),
				.class = rand() % 5 == 0 ? WRIT_CLASS_LC : WRIT_CLASS_BE,
				.cores = (uint32_t)(rand() % 6000),
				.memory = (uint64_t)(rand() % 300) * MIB / 4 };
			m->state = 1;
			m->order = order++;
			ck_assert_int_eq(policy_add(p, &m->ev, false), 0);
		} else if (m->state == 2 || rand() % 20 == 0) {
			policy_remove(p, m->ev.pid);
			m->state = 0;
		}
		while (rand() % 4 != 0 && policy_next(p, now, &ev) == 1)
			check_start(&ev, ++starts);
		check_use(p, memory, 4000, 40);
	}
	/* Nobody new comes: all that waits gets its turn as others end. */
	for (unsigned round = 0; policy_waiting(p); round++) {
		ck_assert_uint_lt(round, 100 * MODEL);
		now += 20;
		while (policy_next(p, now, &ev) == 1)
			check_start(&ev, ++starts);
		for (unsigned i = 0; i < MODEL; i++)
			if (model[i].state == 2 && rand() % 3 == 0) {
				policy_remove(p, model[i].ev.pid);
				model[i].state = 0;
			}
		check_use(p, memory, 4000, 40);
	}
	policy_free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schedd policy");
	TCase *t = tcase_create("rules");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_realm_starts_its_procs_in_order);
	tcase_add_test(t, realms_take_turns);
	tcase_add_test(t, lc_comes_before_be);
	tcase_add_test(t, lc_reserves_its_cores_and_be_needs_none);
	tcase_add_test(t, be_procs_are_bounded);
	tcase_add_test(t, memory_is_bounded);
	tcase_add_test(t, a_proc_larger_than_the_machine_starts_too);
	tcase_add_test(t, a_large_proc_is_not_starved_by_small_ones);
	tcase_add_test(t, waiting_for_one_ends_by_the_clock);
	tcase_add_test(t, one_that_ends_while_it_waits_is_forgotten);
	tcase_add_test(t, one_that_runs_already_counts_and_twice_is_once);
	tcase_add_test(t, a_full_table_is_an_error_and_then_room_again);
	tcase_add_test(t, at_random_every_rule_holds);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_VERBOSE);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
