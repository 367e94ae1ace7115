/* SPDX-License-Identifier: MIT */
/* Objects: birth, references, epochs, death and the reaper's budget. */
#include "fixture.h"
#include <signal.h>

#define RW (WRIT_R_READ | WRIT_R_WRITE)

START_TEST(object_starts_with_no_references_and_its_body)
{
	obj_t o;

	DONE(captab_obj_new(&w.t, WRIT_TYPE_IMAGE, w.untyped, (struct charge){ 1, 2, 3 }, 77, &o));
	ck_assert_uint_eq(captab_obj(&w.t, o)->type, WRIT_TYPE_IMAGE);
	ck_assert_uint_eq(captab_obj(&w.t, o)->refs, 0);
	ck_assert_uint_eq(captab_obj(&w.t, o)->body, 77);
	ck_assert_uint_eq(captab_obj(&w.t, o)->untyped, w.untyped);
	reap();
	ck_assert_ptr_nonnull(captab_obj(&w.t, o));
	captab_obj_drop(&w.t, o);
}
END_TEST

START_TEST(drop_undoes_new_without_finalise)
{
	struct charge before = captab_account(&w.t, w.untyped)->used;
	uint32_t live = w.t.live_objs;
	obj_t o = make(WRIT_TYPE_IMAGE);

	captab_obj_drop(&w.t, o);
	ck_assert_ptr_null(captab_obj(&w.t, o));
	ck_assert_uint_eq(w.t.live_objs, live);
	ck_assert_uint_eq(captab_account(&w.t, w.untyped)->used.bytes, before.bytes);
	reap();
	ck_assert(!is_dead(o));
}
END_TEST

START_TEST(drop_gives_back_a_cnodes_slots)
{
	struct charge before = captab_account(&w.t, w.untyped)->used;
	obj_t n;
	slot_t s;

	DONE(captab_cnode_new(&w.t, w.untyped, 7, &n));
	s = captab_cnode_slot(&w.t, n, 0);
	captab_obj_drop(&w.t, n);
	ck_assert_ptr_null(captab_slot(&w.t, s));
	ck_assert_uint_eq(captab_account(&w.t, w.untyped)->used.slots, before.slots);
	DONE(captab_cnode_new(&w.t, w.untyped, 7, &n));
	ck_assert_uint_eq(captab_cnode_slot(&w.t, n, 0), s);
	captab_obj_drop(&w.t, n);
}
END_TEST

START_TEST(a_full_table_is_refused_and_loses_nothing)
{
	obj_t made[W_OBJS], o = 0;
	unsigned n = 0;

	while (captab_obj_new(&w.t, WRIT_TYPE_PROC, 0, (struct charge){ 0 }, 0, &o) == 0)
		made[n++] = o;
	ck_assert_uint_eq(n, W_OBJS - 1 - 4); /* entry 0, and the four of the fixture */
	o = 0;
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_obj_new(&w.t, WRIT_TYPE_PROC, w.untyped, (struct charge){ 1, 0, 0 }, 0, &o));
	REFUSED(NOT_ENOUGH_MEMORY, captab_cnode_new(&w.t, w.untyped, 6, &o));
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_untyped_new(&w.t, w.untyped, (struct charge){ 1, 0, 0 }, &o));
	ck_assert_uint_eq(o, 0);
	captab_obj_drop(&w.t, made[5]);
	o = make(WRIT_TYPE_PROC);
	ck_assert_uint_eq(o, made[5]);
	VERIFY();
	for (unsigned i = 0; i < n; i++)
		captab_obj_drop(&w.t, made[i]);
}
END_TEST

START_TEST(hold_keeps_an_object_without_a_capability)
{
	put(1, w.ep, RW);
	captab_hold(&w.t, w.ep);
	drop(1);
	reap();
	ck_assert(!is_dead(w.ep));
	put(1, w.ep, RW);
	drop(1);
	captab_unhold(&w.t, w.ep);
	ck_assert(!is_dead(w.ep));
	reap();
	ck_assert(is_dead(w.ep));
}
END_TEST

START_TEST(bump_makes_every_capability_stale_and_new_ones_are_not)
{
	const struct cap *c;

	put(1, w.ep, RW);
	copy(1, 2);
	DONE(captab_check(&w.t, at(2), 0, 0, &c));
	captab_obj_bump(&w.t, w.ep);
	REFUSED(STALE, captab_check(&w.t, at(1), 0, 0, &c));
	REFUSED(STALE, captab_check(&w.t, at(2), 0, 0, &c));
	ck_assert(!is_empty(1) && !is_empty(2));
	put(3, w.ep, RW);
	DONE(captab_check(&w.t, at(3), 0, 0, &c));
}
END_TEST

START_TEST(an_epoch_never_comes_again_with_its_number)
{
	uint32_t epoch = captab_obj(&w.t, w.ep)->epoch;
	obj_t o;

	put(1, w.ep, RW);
	drop(1);
	reap();
	o = make(WRIT_TYPE_ENDPOINT);
	ck_assert_uint_eq(o, w.ep);
	ck_assert_uint_ne(captab_obj(&w.t, o)->epoch, epoch);
}
END_TEST

/* --- dying ----------------------------------------------------------------- */

START_TEST(reap_keeps_to_its_budget)
{
	for (unsigned i = 1; i <= 5; i++) {
		put(i, make(WRIT_TYPE_PROC), RW);
		drop(i);
	}
	ck_assert(captab_reap(&w.t, 0));
	ck_assert_uint_eq(w.ndead, 0);
	ck_assert(captab_reap(&w.t, 2));
	ck_assert_uint_eq(w.ndead, 2);
	VERIFY();
	ck_assert(!captab_reap(&w.t, 3));
	ck_assert_uint_eq(w.ndead, 5);
	ck_assert(!captab_reap(&w.t, 3));
}
END_TEST

START_TEST(a_dying_cnode_costs_a_unit_for_each_slot_then_one)
{
	obj_t n;
	slot_t s;

	DONE(captab_cnode_new(&w.t, w.untyped, 6, &n));
	put(1, n, RW);
	put(2, w.ep, RW);
	s = captab_cnode_slot(&w.t, n, 0);
	DONE(captab_copy(&w.t, at(2), s + 9, RW));
	DONE(captab_copy(&w.t, at(2), s + 63, RW));
	drop(1);
	ck_assert(captab_reap(&w.t, 10));
	ck_assert_ptr_null(captab_slot(&w.t, s + 9));
	ck_assert_uint_eq(captab_slot(&w.t, s + 63)->cap.obj, w.ep);
	ck_assert_uint_eq(captab_obj(&w.t, w.ep)->refs, 2);
	VERIFY();
	ck_assert(captab_reap(&w.t, 54));
	ck_assert_uint_eq(captab_obj(&w.t, w.ep)->refs, 1);
	ck_assert(!is_dead(n));
	VERIFY();
	ck_assert(!captab_reap(&w.t, 1));
	ck_assert(is_dead(n));
}
END_TEST

START_TEST(a_dying_cnodes_blocks_and_charge_come_back_after_finalise)
{
	struct charge before = captab_account(&w.t, w.untyped)->used;
	obj_t n, m;
	slot_t s;

	DONE(captab_cnode_new(&w.t, w.untyped, 8, &n));
	s = captab_cnode_slot(&w.t, n, 0);
	put(1, n, RW);
	drop(1);
	ck_assert(captab_reap(&w.t, 256));
	ck_assert_uint_eq(captab_account(&w.t, w.untyped)->used.slots, before.slots + 256);
	DONE(captab_cnode_new(&w.t, w.untyped, 6, &m));
	ck_assert_uint_ne(captab_cnode_slot(&w.t, m, 0), s);
	captab_obj_drop(&w.t, m);
	reap();
	ck_assert_uint_eq(captab_account(&w.t, w.untyped)->used.slots, before.slots);
	DONE(captab_cnode_new(&w.t, w.untyped, 8, &m));
	ck_assert_uint_eq(captab_cnode_slot(&w.t, m, 0), s);
	captab_obj_drop(&w.t, m);
}
END_TEST

START_TEST(a_cnode_that_holds_itself_dies_by_revoke)
{
	obj_t n;
	slot_t s;

	DONE(captab_cnode_new(&w.t, w.untyped, 6, &n));
	put(1, w.ep, RW);
	DONE(captab_insert(&w.t, at(1), at(2), n, RW, 0));
	s = captab_cnode_slot(&w.t, n, 3);
	DONE(captab_copy(&w.t, at(2), s, RW));
	drop(2);
	reap();
	ck_assert(!is_dead(n));
	revoke_all(1);
	reap();
	ck_assert(is_dead(n));
	ck_assert_ptr_null(captab_slot(&w.t, s));
}
END_TEST

/* finalise: deletes a capability, makes an object, puts a capability somewhere */
static unsigned busy_calls;
static void busy_finalise(void *arg, obj_t obj)
{
	obj_t o;

	ck_assert_ptr_eq(arg, &w);
	ck_assert_uint_ne(captab_obj(&w.t, obj)->type, WRIT_TYPE_NULL);
	ck_assert_str_eq(captab_verify(&w.t) ? captab_verify(&w.t) : "", "");
	if (busy_calls++ != 0)
		return;
	drop(2);
	o = make(WRIT_TYPE_PROC);
	ck_assert_uint_ne(o, obj);
	put(3, o, RW);
}

START_TEST(finalise_may_call_the_library)
{
	busy_calls = 0;
	w.t.finalise = busy_finalise;
	put(1, w.ep, RW);
	put(2, w.proc, RW);
	drop(1);
	ck_assert(captab_reap(&w.t, 1));
	ck_assert(captab_obj(&w.t, w.proc)->dying);
	ck_assert(!captab_reap(&w.t, 1));
	ck_assert_uint_eq(busy_calls, 2);
	drop(3);
}
END_TEST

/* --- the caller's own mistakes end the process ------------------------------ */

START_TEST(a_hold_let_go_twice_traps)
{
	captab_hold(&w.t, w.ep);
	captab_hold(&w.t, w.ep);
	captab_unhold(&w.t, w.ep);
	captab_unhold(&w.t, w.ep);
	captab_unhold(&w.t, w.ep);
}
END_TEST

START_TEST(a_hold_on_a_dying_object_traps)
{
	captab_hold(&w.t, w.ep);
	captab_unhold(&w.t, w.ep);
	captab_hold(&w.t, w.ep);
}
END_TEST

START_TEST(a_drop_of_an_object_in_use_traps)
{
	put(1, w.ep, RW);
	captab_obj_drop(&w.t, w.ep);
}
END_TEST

START_TEST(an_uncharge_of_more_than_was_charged_traps)
{
	captab_uncharge(&w.t, w.untyped, (struct charge){ .procs = 1 });
}
END_TEST

START_TEST(an_object_paid_by_no_untyped_traps)
{
	obj_t o;

	(void)captab_obj_new(&w.t, WRIT_TYPE_PROC, w.ep, (struct charge){ 0 }, 0, &o);
}
END_TEST

START_TEST(an_untyped_made_as_a_plain_object_traps)
{
	obj_t o;

	(void)captab_obj_new(&w.t, WRIT_TYPE_UNTYPED, 0, (struct charge){ 0 }, 0, &o);
}
END_TEST

Suite *suite_object(void)
{
	Suite *s = suite_create("objects");
	TCase *c = world_case(s, "life");

	tcase_add_test(c, object_starts_with_no_references_and_its_body);
	tcase_add_test(c, drop_undoes_new_without_finalise);
	tcase_add_test(c, drop_gives_back_a_cnodes_slots);
	tcase_add_test(c, a_full_table_is_refused_and_loses_nothing);
	tcase_add_test(c, hold_keeps_an_object_without_a_capability);
	tcase_add_test(c, bump_makes_every_capability_stale_and_new_ones_are_not);
	tcase_add_test(c, an_epoch_never_comes_again_with_its_number);
	c = world_case(s, "death");
	tcase_add_test(c, reap_keeps_to_its_budget);
	tcase_add_test(c, a_dying_cnode_costs_a_unit_for_each_slot_then_one);
	tcase_add_test(c, a_dying_cnodes_blocks_and_charge_come_back_after_finalise);
	tcase_add_test(c, a_cnode_that_holds_itself_dies_by_revoke);
	tcase_add_test(c, finalise_may_call_the_library);
	c = world_case(s, "misuse");
	tcase_add_test_raise_signal(c, a_hold_let_go_twice_traps, SIGILL);
	tcase_add_test_raise_signal(c, a_hold_on_a_dying_object_traps, SIGILL);
	tcase_add_test_raise_signal(c, a_drop_of_an_object_in_use_traps, SIGILL);
	tcase_add_test_raise_signal(c, an_uncharge_of_more_than_was_charged_traps, SIGILL);
	tcase_add_test_raise_signal(c, an_object_paid_by_no_untyped_traps, SIGILL);
	tcase_add_test_raise_signal(c, an_untyped_made_as_a_plain_object_traps, SIGILL);
	return s;
}
