/* SPDX-License-Identifier: MIT */
/* Check, insert, copy, mint, move, delete, revoke: each error, and their order. */
#include "fixture.h"

#define RW      (WRIT_R_READ | WRIT_R_WRITE)
#define NOWHERE (W_SLOTS - 1) /* a slot that no CNode has */

/* --- captab_slot, captab_check ------------------------------------------- */

START_TEST(slot_is_null_unless_a_cnode_has_it)
{
	ck_assert_ptr_nonnull(captab_slot(&w.t, at(0)));
	ck_assert_ptr_nonnull(captab_slot(&w.t, at(63)));
	ck_assert_ptr_null(captab_slot(&w.t, 0));
	ck_assert_ptr_null(captab_slot(&w.t, NOWHERE));
	ck_assert_ptr_null(captab_slot(&w.t, W_SLOTS));
	ck_assert_ptr_null(captab_slot(&w.t, UINT32_MAX));
}
END_TEST

START_TEST(check_gives_the_cap_of_right_type_and_rights)
{
	const struct cap *c = NULL;

	put(1, w.ep, RW);
	DONE(captab_check(&w.t, at(1), WRIT_TYPE_ENDPOINT, RW, &c));
	ck_assert_ptr_eq(c, lies(1));
	ck_assert_uint_eq(c->obj, w.ep);
	DONE(captab_check(&w.t, at(1), 0, 0, &c));
	DONE(captab_check(&w.t, at(1), 0, WRIT_R_READ, &c));
}
END_TEST

START_TEST(check_refuses_in_the_order_of_its_contract)
{
	const struct cap *c = NULL;

	REFUSED(FAILED_LOOKUP, captab_check(&w.t, at(1), 0, 0, &c));
	REFUSED(FAILED_LOOKUP, captab_check(&w.t, NOWHERE, 0, 0, &c));
	REFUSED(FAILED_LOOKUP, captab_check(&w.t, 0, 0, 0, &c));
	put(1, w.ep, RW);
	REFUSED(NO_RIGHT, captab_check(&w.t, at(1), WRIT_TYPE_ENDPOINT, WRIT_R_GRANT, &c));
	REFUSED(NO_RIGHT, captab_check(&w.t, at(1), 0, RW | WRIT_R_GRANT, &c));
	REFUSED(INVALID_CAPABILITY, captab_check(&w.t, at(1), WRIT_TYPE_PROC, WRIT_R_GRANT, &c));
	captab_obj_bump(&w.t, w.ep);
	REFUSED(STALE, captab_check(&w.t, at(1), WRIT_TYPE_PROC, WRIT_R_GRANT, &c));
	REFUSED(STALE, captab_check(&w.t, at(1), 0, 0, &c));
	ck_assert_ptr_null(c);
}
END_TEST

/* --- captab_insert -------------------------------------------------------- */

START_TEST(insert_makes_a_root_or_a_child)
{
	put(1, w.ep, RW);
	ck_assert_uint_eq(lies(1)->type, WRIT_TYPE_ENDPOINT);
	ck_assert_uint_eq(lies(1)->rights, RW);
	ck_assert_uint_eq(captab_parent(&w.t, at(1)), 0);
	DONE(captab_insert(&w.t, at(1), at(2), w.proc, WRIT_R_ALL, 0));
	ck_assert_uint_eq(captab_parent(&w.t, at(2)), at(1));
	ck_assert_uint_eq(lies(2)->rights, WRIT_R_ALL);
	DONE(captab_insert(&w.t, at(1), at(3), w.ep, WRIT_R_READ, 7));
	ck_assert_uint_eq(lies(3)->badge, 7);
	ck_assert_uint_eq(w.t.live_slots, 3);
}
END_TEST

START_TEST(insert_refuses_in_the_order_of_its_contract)
{
	put(1, w.ep, RW);
	put(2, w.proc, RW);
	REFUSED(FAILED_LOOKUP, captab_insert(&w.t, 0, NOWHERE, w.ep, RW, 0));
	REFUSED(FAILED_LOOKUP, captab_insert(&w.t, 0, 0, w.ep, RW, 0));
	REFUSED(FAILED_LOOKUP, captab_insert(&w.t, NOWHERE, at(2), w.ep, RW, 0));
	REFUSED(FAILED_LOOKUP, captab_insert(&w.t, at(9), at(2), w.ep, RW, 0));
	REFUSED(DELETE_FIRST, captab_insert(&w.t, 0, at(2), 0, RW, 0));
	REFUSED(STALE, captab_insert(&w.t, 0, at(3), 0, RW, 0));
	REFUSED(STALE, captab_insert(&w.t, 0, at(3), W_OBJS - 1, RW, 0));
	REFUSED(STALE, captab_insert(&w.t, 0, at(3), W_OBJS, RW, 0));
	REFUSED(NO_RIGHT, captab_insert(&w.t, at(2), at(3), w.proc, WRIT_R_ALL, 5));
	REFUSED(ILLEGAL_OPERATION, captab_insert(&w.t, at(2), at(3), w.proc, RW, 5));
	captab_obj_bump(&w.t, w.proc);
	REFUSED(DELETE_FIRST, captab_insert(&w.t, at(2), at(1), w.proc, WRIT_R_ALL, 5));
	REFUSED(STALE, captab_insert(&w.t, at(2), at(3), w.proc, WRIT_R_ALL, 5));
	DONE(captab_insert(&w.t, 0, at(3), w.proc, WRIT_R_ALL, 0));
}
END_TEST

START_TEST(insert_refuses_a_dying_object)
{
	put(1, w.ep, RW);
	drop(1);
	REFUSED(STALE, captab_insert(&w.t, 0, at(1), w.ep, RW, 0));
	reap();
	REFUSED(STALE, captab_insert(&w.t, 0, at(1), w.ep, RW, 0));
}
END_TEST

START_TEST(insert_keeps_a_badge_below_the_same_object)
{
	put(1, w.ep, RW);
	DONE(captab_mint(&w.t, at(1), at(2), RW, 7));
	REFUSED(ILLEGAL_OPERATION, captab_insert(&w.t, at(2), at(3), w.ep, RW, 8));
	REFUSED(ILLEGAL_OPERATION, captab_insert(&w.t, at(2), at(3), w.ep, RW, 0));
	DONE(captab_insert(&w.t, at(2), at(3), w.ep, RW, 7));
}
END_TEST

START_TEST(insert_badges_only_what_takes_a_badge)
{
	for (unsigned type = 1; type < WRIT_TYPE_N; type++) {
		bool takes = type == WRIT_TYPE_ENDPOINT || type == WRIT_TYPE_NOTIFICATION ||
		    type == WRIT_TYPE_PATH || type == WRIT_TYPE_SESSION;
		obj_t o;

		if (type == WRIT_TYPE_CNODE || type == WRIT_TYPE_UNTYPED)
			continue;
		o = make(type);
		if (takes)
			DONE(captab_insert(&w.t, 0, at(type), o, RW, 1));
		else
			REFUSED(ILLEGAL_OPERATION, captab_insert(&w.t, 0, at(type), o, RW, 1));
		if (!takes)
			captab_obj_drop(&w.t, o);
	}
}
END_TEST

/* --- captab_copy, captab_mint --------------------------------------------- */

START_TEST(copy_is_a_child_to_the_same_object_with_the_badge)
{
	DONE(captab_insert(&w.t, 0, at(1), w.ep, RW, 9));
	DONE(captab_copy(&w.t, at(1), at(2), WRIT_R_READ));
	ck_assert_uint_eq(captab_parent(&w.t, at(2)), at(1));
	ck_assert_uint_eq(lies(2)->obj, w.ep);
	ck_assert_uint_eq(lies(2)->badge, 9);
	ck_assert_uint_eq(lies(2)->rights, WRIT_R_READ);
	ck_assert_uint_eq(lies(1)->rights, RW);
	ck_assert_uint_eq(captab_obj(&w.t, w.ep)->refs, 2);
}
END_TEST

START_TEST(copy_of_a_cnode_cap_keeps_its_guard)
{
	put(1, w.cnode, RW);
	captab_slot(&w.t, at(1))->cap.flags = 4;
	captab_slot(&w.t, at(1))->cap.guard = 0xa;
	copy(1, 2);
	ck_assert_uint_eq(lies(2)->flags, 4);
	ck_assert_uint_eq(lies(2)->guard, 0xa);
	drop(1);
	drop(2);
}
END_TEST

START_TEST(rights_not_held_are_refused_and_not_masked)
{
	/* every mask of the source against every mask asked for */
	for (unsigned have = 0; have <= WRIT_R_ALL; have += 7) {
		put(1, w.ep, (uint16_t)have);
		captab_hold(&w.t, w.ep);
		for (unsigned want = 0; want <= WRIT_R_ALL; want++) {
			if (want & ~have) {
				ck_assert_int_eq(captab_copy(&w.t, at(1), at(2), (uint16_t)want),
				    WRIT_E_NO_RIGHT);
				ck_assert(is_empty(2));
				continue;
			}
			DONE(captab_copy(&w.t, at(1), at(2), (uint16_t)want));
			ck_assert_uint_eq(lies(2)->rights, want);
			drop(2);
		}
		REFUSED(NO_RIGHT, captab_copy(&w.t, at(1), at(2), 0x8000));
		drop(1);
	}
	for (unsigned have = 0; have <= WRIT_R_ALL; have += 7)
		captab_unhold(&w.t, w.ep);
}
END_TEST

START_TEST(copy_and_mint_refuse_in_the_order_of_their_contract)
{
	obj_t small;

	DONE(captab_untyped_new(&w.t, w.untyped, (struct charge){ .bytes = 100 }, &small));
	put(1, small, WRIT_R_WRITE);
	put(2, w.ep, RW);
	put(3, w.proc, RW);
	REFUSED(FAILED_LOOKUP, captab_copy(&w.t, at(9), at(2), RW));
	REFUSED(FAILED_LOOKUP, captab_copy(&w.t, 0, at(8), RW));
	REFUSED(FAILED_LOOKUP, captab_copy(&w.t, NOWHERE, at(8), RW));
	REFUSED(FAILED_LOOKUP, captab_copy(&w.t, at(1), NOWHERE, RW));
	REFUSED(FAILED_LOOKUP, captab_copy(&w.t, at(1), 0, RW));
	REFUSED(DELETE_FIRST, captab_copy(&w.t, at(1), at(2), RW));
	REFUSED(DELETE_FIRST, captab_copy(&w.t, at(1), at(1), WRIT_R_WRITE));
	DONE(captab_insert(&w.t, at(1), at(4), make(WRIT_TYPE_ENDPOINT), RW, 0));
	REFUSED(NO_RIGHT, captab_copy(&w.t, at(1), at(8), RW));
	REFUSED(REVOKE_FIRST, captab_copy(&w.t, at(1), at(8), WRIT_R_WRITE));
	REFUSED(REVOKE_FIRST, captab_mint(&w.t, at(1), at(8), WRIT_R_WRITE, 0));
	captab_obj_bump(&w.t, small);
	REFUSED(DELETE_FIRST, captab_copy(&w.t, at(1), at(2), RW));
	REFUSED(STALE, captab_copy(&w.t, at(1), at(8), RW));
	REFUSED(NO_RIGHT, captab_mint(&w.t, at(3), at(8), WRIT_R_ALL, 0));
	REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(3), at(8), RW, 1));
	DONE(captab_copy(&w.t, at(3), at(8), RW));
}
END_TEST

START_TEST(untyped_is_copied_only_without_children)
{
	obj_t small;

	DONE(captab_untyped_new(&w.t, w.untyped, (struct charge){ .bytes = 100 }, &small));
	put(1, small, RW);
	copy(1, 2);
	REFUSED(REVOKE_FIRST, captab_copy(&w.t, at(1), at(3), RW));
	revoke_all(1);
	copy(1, 3);
}
END_TEST

START_TEST(mint_only_from_unbadged_endpoint_notification_path)
{
	for (unsigned type = 1; type < WRIT_TYPE_N; type++) {
		bool takes = type == WRIT_TYPE_ENDPOINT || type == WRIT_TYPE_NOTIFICATION ||
		    type == WRIT_TYPE_PATH;

		if (type == WRIT_TYPE_CNODE || type == WRIT_TYPE_UNTYPED)
			continue;
		put(1, make(type), RW);
		REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(1), at(2), RW, 0));
		if (takes) {
			DONE(captab_mint(&w.t, at(1), at(2), WRIT_R_READ, 3));
			ck_assert_uint_eq(lies(2)->badge, 3);
			ck_assert_uint_eq(lies(2)->rights, WRIT_R_READ);
			ck_assert_uint_eq(captab_parent(&w.t, at(2)), at(1));
			REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(2), at(3), WRIT_R_READ, 4));
			REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(2), at(3), WRIT_R_READ, 3));
			REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(2), at(3), WRIT_R_READ, 0));
		} else {
			REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(1), at(2), RW, 3));
		}
		revoke_all(1);
		drop(1);
	}
}
END_TEST

/* --- captab_move ----------------------------------------------------------- */

START_TEST(move_takes_the_cap_with_its_place)
{
	put(1, w.ep, RW);
	DONE(captab_mint(&w.t, at(1), at(2), RW, 5));
	copy(2, 3);
	DONE(captab_move(&w.t, at(2), at(7)));
	ck_assert(is_empty(2));
	ck_assert_uint_eq(lies(7)->badge, 5);
	ck_assert_uint_eq(captab_parent(&w.t, at(7)), at(1));
	ck_assert_uint_eq(captab_parent(&w.t, at(3)), at(7));
	ck_assert_uint_eq(captab_obj(&w.t, w.ep)->refs, 3);
	ck_assert_uint_eq(w.t.live_slots, 3);
}
END_TEST

START_TEST(move_refuses_in_the_order_of_its_contract)
{
	put(1, w.ep, RW);
	put(2, w.proc, RW);
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, at(9), at(2)));
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, at(9), at(9)));
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, 0, at(9)));
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, at(1), NOWHERE));
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, at(1), 0));
	REFUSED(DELETE_FIRST, captab_move(&w.t, at(1), at(2)));
	REFUSED(DELETE_FIRST, captab_move(&w.t, at(1), at(1)));
}
END_TEST

START_TEST(stale_caps_can_be_moved_and_deleted_and_count)
{
	put(1, w.ep, RW);
	copy(1, 2);
	captab_obj_bump(&w.t, w.ep);
	DONE(captab_move(&w.t, at(2), at(3)));
	drop(1);
	reap();
	ck_assert(!is_dead(w.ep));
	drop(3);
	reap();
	ck_assert(is_dead(w.ep));
}
END_TEST

/* --- captab_delete, captab_revoke ------------------------------------------ */

START_TEST(delete_hands_children_to_the_parent)
{
	put(1, w.ep, RW);
	copy(1, 2);
	copy(2, 3);
	copy(2, 4);
	drop(2);
	ck_assert_uint_eq(captab_parent(&w.t, at(3)), at(1));
	ck_assert_uint_eq(captab_parent(&w.t, at(4)), at(1));
	drop(1);
	ck_assert_uint_eq(captab_parent(&w.t, at(3)), 0);
	ck_assert_uint_eq(captab_first(&w.t, 0), at(3));
	ck_assert_uint_eq(captab_next(&w.t, at(3)), at(4));
	ck_assert_uint_eq(captab_next(&w.t, at(4)), 0);
}
END_TEST

START_TEST(delete_of_the_last_reference_starts_death)
{
	put(1, w.ep, RW);
	copy(1, 2);
	drop(1);
	ck_assert(!captab_obj(&w.t, w.ep)->dying);
	drop(2);
	ck_assert(captab_obj(&w.t, w.ep)->dying);
	ck_assert(!is_dead(w.ep));
	reap();
	ck_assert(is_dead(w.ep));
	ck_assert_ptr_null(captab_obj(&w.t, w.ep));
}
END_TEST

START_TEST(delete_of_an_empty_slot_is_no_error)
{
	uint32_t gen = captab_slot(&w.t, at(1))->gen;

	drop(1);
	ck_assert_uint_eq(captab_slot(&w.t, at(1))->gen, gen);
	REFUSED(FAILED_LOOKUP, captab_delete(&w.t, NOWHERE));
	REFUSED(FAILED_LOOKUP, captab_delete(&w.t, 0));
}
END_TEST

START_TEST(generation_changes_whenever_a_slot_is_emptied)
{
	uint32_t gen = captab_slot(&w.t, at(1))->gen;

	put(1, w.ep, RW);
	ck_assert_uint_eq(captab_slot(&w.t, at(1))->gen, gen);
	DONE(captab_move(&w.t, at(1), at(2)));
	ck_assert_uint_eq(captab_slot(&w.t, at(1))->gen, gen + 1);
	copy(2, 1);
	revoke_all(2);
	ck_assert_uint_eq(captab_slot(&w.t, at(1))->gen, gen + 2);
	copy(2, 1);
	drop(1);
	ck_assert_uint_eq(captab_slot(&w.t, at(1))->gen, gen + 3);
}
END_TEST

START_TEST(revoke_deletes_all_descendants_and_stays)
{
	put(1, w.ep, RW);
	put(9, w.proc, RW);
	copy(1, 2);
	copy(2, 3);
	copy(3, 4);
	copy(1, 5);
	revoke_all(2);
	ck_assert(!is_empty(2));
	ck_assert(is_empty(3));
	ck_assert(is_empty(4));
	ck_assert(!is_empty(5));
	revoke_all(1);
	ck_assert(!is_empty(1));
	ck_assert(is_empty(2));
	ck_assert(is_empty(5));
	ck_assert(!is_empty(9));
}
END_TEST

START_TEST(revoke_keeps_to_its_budget)
{
	bool more = false;

	put(1, w.ep, RW);
	for (unsigned i = 2; i < 12; i++)
		copy(i / 2, i);
	DONE(captab_revoke(&w.t, at(1), 0, &more));
	ck_assert(more);
	ck_assert_uint_eq(w.t.live_slots, 11);
	DONE(captab_revoke(&w.t, at(1), 4, &more));
	ck_assert(more);
	ck_assert_uint_eq(w.t.live_slots, 7);
	VERIFY();
	copy(1, 20); /* derived meanwhile: goes as well */
	DONE(captab_revoke(&w.t, at(1), 6, &more));
	ck_assert(more);
	DONE(captab_revoke(&w.t, at(1), 1, &more));
	ck_assert(!more);
	ck_assert_uint_eq(w.t.live_slots, 1);
	ck_assert(is_empty(20));
}
END_TEST

START_TEST(revoke_of_an_empty_slot_is_no_error)
{
	bool more = true;

	REFUSED(FAILED_LOOKUP, captab_revoke(&w.t, NOWHERE, 1, &more));
	REFUSED(FAILED_LOOKUP, captab_revoke(&w.t, 0, 1, &more));
	ck_assert(more);
	DONE(captab_revoke(&w.t, at(1), 1, &more));
	ck_assert(!more);
}
END_TEST

START_TEST(revoke_takes_other_objects_made_from_the_cap)
{
	put(1, w.ep, RW);
	DONE(captab_insert(&w.t, at(1), at(2), w.proc, RW, 0));
	revoke_all(1);
	reap();
	ck_assert(is_dead(w.proc));
	ck_assert(!is_dead(w.ep));
}
END_TEST

START_TEST(nothing_goes_into_a_dying_cnode)
{
	obj_t n;
	slot_t inside;

	DONE(captab_cnode_new(&w.t, w.untyped, 6, &n));
	put(1, n, RW);
	put(2, w.ep, RW);
	inside = captab_cnode_slot(&w.t, n, 5);
	DONE(captab_copy(&w.t, at(2), inside, RW));
	drop(1);
	REFUSED(FAILED_LOOKUP, captab_copy(&w.t, at(2), inside + 1, RW));
	REFUSED(FAILED_LOOKUP, captab_insert(&w.t, 0, inside + 1, w.proc, RW, 0));
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, at(2), inside + 1));
	revoke_all(2); /* but what lies there can be deleted */
	ck_assert_uint_eq(captab_slot(&w.t, inside)->cap.type, WRIT_TYPE_NULL);
}
END_TEST

Suite *suite_slot(void)
{
	Suite *s = suite_create("slots");
	TCase *c = world_case(s, "check");

	tcase_add_test(c, slot_is_null_unless_a_cnode_has_it);
	tcase_add_test(c, check_gives_the_cap_of_right_type_and_rights);
	tcase_add_test(c, check_refuses_in_the_order_of_its_contract);
	c = world_case(s, "insert");
	tcase_add_test(c, insert_makes_a_root_or_a_child);
	tcase_add_test(c, insert_refuses_in_the_order_of_its_contract);
	tcase_add_test(c, insert_refuses_a_dying_object);
	tcase_add_test(c, insert_keeps_a_badge_below_the_same_object);
	tcase_add_test(c, insert_badges_only_what_takes_a_badge);
	c = world_case(s, "derive");
	tcase_add_test(c, copy_is_a_child_to_the_same_object_with_the_badge);
	tcase_add_test(c, copy_of_a_cnode_cap_keeps_its_guard);
	tcase_add_test(c, rights_not_held_are_refused_and_not_masked);
	tcase_add_test(c, copy_and_mint_refuse_in_the_order_of_their_contract);
	tcase_add_test(c, untyped_is_copied_only_without_children);
	tcase_add_test(c, mint_only_from_unbadged_endpoint_notification_path);
	c = world_case(s, "move");
	tcase_add_test(c, move_takes_the_cap_with_its_place);
	tcase_add_test(c, move_refuses_in_the_order_of_its_contract);
	tcase_add_test(c, stale_caps_can_be_moved_and_deleted_and_count);
	c = world_case(s, "delete");
	tcase_add_test(c, delete_hands_children_to_the_parent);
	tcase_add_test(c, delete_of_the_last_reference_starts_death);
	tcase_add_test(c, delete_of_an_empty_slot_is_no_error);
	tcase_add_test(c, generation_changes_whenever_a_slot_is_emptied);
	tcase_add_test(c, revoke_deletes_all_descendants_and_stays);
	tcase_add_test(c, revoke_keeps_to_its_budget);
	tcase_add_test(c, revoke_of_an_empty_slot_is_no_error);
	tcase_add_test(c, revoke_takes_other_objects_made_from_the_cap);
	tcase_add_test(c, nothing_goes_into_a_dying_cnode);
	return s;
}
