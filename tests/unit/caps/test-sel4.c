/* SPDX-License-Identifier: MIT */
/*
 * What seL4's own test suite (sel4test) asks of CNode operations, untypeds and
 * badges, under its names, where Writ means the same. Where Writ differs on
 * purpose (docs/capabilities.md), the test says so.
 */
#include "fixture.h"

#define RW  (WRIT_R_READ | WRIT_R_WRITE)
#define ALL WRIT_R_ALL

/* Copy: from a cap to an empty slot; not onto an occupied slot; not from an empty one. */
START_TEST(CNODEOP0001_copy)
{
	put(1, w.ep, ALL);
	DONE(captab_copy(&w.t, at(1), at(2), ALL));
	ck_assert(!is_empty(1) && !is_empty(2));
	REFUSED(DELETE_FIRST, captab_copy(&w.t, at(1), at(2), ALL));
	REFUSED(FAILED_LOOKUP, captab_copy(&w.t, at(9), at(3), ALL));
	REFUSED(DELETE_FIRST, captab_copy(&w.t, at(1), at(1), ALL));
}
END_TEST

/* Delete: of a cap, and again of the then empty slot. */
START_TEST(CNODEOP0002_delete)
{
	put(1, w.ep, ALL);
	drop(1);
	ck_assert(is_empty(1));
	drop(1);
	ck_assert(is_empty(1));
}
END_TEST

/* Mint: as copy. */
START_TEST(CNODEOP0003_mint)
{
	put(1, w.ep, ALL);
	DONE(captab_mint(&w.t, at(1), at(2), ALL, 1));
	REFUSED(DELETE_FIRST, captab_mint(&w.t, at(1), at(2), ALL, 1));
	REFUSED(FAILED_LOOKUP, captab_mint(&w.t, at(9), at(3), ALL, 1));
	REFUSED(DELETE_FIRST, captab_mint(&w.t, at(1), at(1), ALL, 1));
}
END_TEST

/* Move: the source is empty afterwards; not onto an occupied slot, itself included. */
START_TEST(CNODEOP0004_move)
{
	put(1, w.ep, ALL);
	DONE(captab_move(&w.t, at(1), at(2)));
	ck_assert(is_empty(1) && !is_empty(2));
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, at(1), at(2)));
	REFUSED(DELETE_FIRST, captab_move(&w.t, at(2), at(2)));
	put(3, w.proc, ALL);
	REFUSED(DELETE_FIRST, captab_move(&w.t, at(2), at(3)));
}
END_TEST

/* Revoke: the cap stays, its copies go; of an empty slot it is no error. */
START_TEST(CNODEOP0007_revoke)
{
	put(1, w.ep, ALL);
	copy(1, 2);
	copy(2, 3);
	revoke_all(1);
	ck_assert(!is_empty(1) && is_empty(2) && is_empty(3));
	revoke_all(1);
	ck_assert(!is_empty(1));
	revoke_all(9);
}
END_TEST

/* Retype with fan-out: all or nothing, and what it costs is what comes back. */
START_TEST(RETYPE0000_fan_out)
{
	enum { MAX = 8 };
	struct charge c = { .bytes = 10, .procs = 1 };
	obj_t u, made[MAX + 1];

	DONE(captab_untyped_new(&w.t, w.untyped, (struct charge){ MAX * 10, 0, MAX }, &u));
	put(1, u, RW);
	for (unsigned n = 1; n <= MAX + 1; n++) {
		unsigned i = 0;

		while (i < n && captab_obj_new(&w.t, WRIT_TYPE_PROC, u, c, 0, &made[i]) == 0)
			i++;
		ck_assert_uint_eq(i, n < MAX ? n : MAX);
		ck_assert_uint_eq(captab_account(&w.t, u)->used.bytes, 10 * i);
		ck_assert_uint_eq(captab_account(&w.t, u)->used.procs, i);
		if (n % 2 == 0) { /* half of them end in slots, the other half is undone */
			for (unsigned k = 0; k < i; k++)
				DONE(captab_insert(&w.t, at(1), at(2 + k), made[k], RW, 0));
			revoke_all(1);
			reap();
		} else {
			while (i > 0)
				captab_obj_drop(&w.t, made[--i]);
		}
		ck_assert_uint_eq(captab_account(&w.t, u)->used.bytes, 0);
		ck_assert_uint_eq(captab_account(&w.t, u)->used.procs, 0);
		VERIFY();
	}
}
END_TEST

/* The last capability: as long as there is one, in whatever slot, the object lives. */
START_TEST(last_capability_of_each_type_ends_the_object)
{
	static const unsigned types[] = { WRIT_TYPE_ENDPOINT, WRIT_TYPE_NOTIFICATION,
		WRIT_TYPE_PROC, WRIT_TYPE_MEMORY, WRIT_TYPE_IMAGE, WRIT_TYPE_PATH, WRIT_TYPE_SPAWN,
		WRIT_TYPE_REALM, WRIT_TYPE_SESSION };

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		obj_t o = make(types[i]);

		put(1, o, ALL);
		copy(1, 2);
		copy(2, 3);
		DONE(captab_move(&w.t, at(3), at(4)));
		drop(1);
		drop(2);
		reap();
		ck_assert(captab_obj(&w.t, o) != NULL && !captab_obj(&w.t, o)->dying);
		drop(4);
		ck_assert(captab_obj(&w.t, o)->dying);
		reap();
		ck_assert(captab_obj(&w.t, o) == NULL);
		ck_assert_uint_eq(w.ndead, i + 1);
	}
}
END_TEST

/* Retype: all or nothing, over occupied slots, and only what fits. */
START_TEST(RETYPE0000_refusals)
{
	obj_t u, o = 0;

	DONE(captab_untyped_new(&w.t, w.untyped, (struct charge){ 100, 0, 2 }, &u));
	put(1, u, RW);
	put(2, w.ep, RW);
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_obj_new(&w.t, WRIT_TYPE_PROC, u, (struct charge){ 101, 0, 1 }, 0, &o));
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_obj_new(&w.t, WRIT_TYPE_PROC, u, (struct charge){ 1, 0, 3 }, 0, &o));
	DONE(captab_obj_new(&w.t, WRIT_TYPE_PROC, u, (struct charge){ 1, 0, 1 }, 0, &o));
	REFUSED(DELETE_FIRST, captab_insert(&w.t, at(1), at(2), o, RW, 0));
	captab_obj_drop(&w.t, o);
	ck_assert_uint_eq(captab_account(&w.t, u)->used.bytes, 0);
}
END_TEST

/* Retype: one after the other until it is used up; freed by revoke, all of it again. */
START_TEST(RETYPE0001_incremental)
{
	obj_t u, o;

	DONE(captab_untyped_new(&w.t, w.untyped, (struct charge){ 160, 0, 0 }, &u));
	put(1, u, RW);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 16; i++) {
			DONE(captab_obj_new(&w.t, WRIT_TYPE_ENDPOINT, u,
			    (struct charge){ 10, 0, 0 }, 0, &o));
			DONE(captab_insert(&w.t, at(1), at(2 + i), o, RW, 0));
		}
		REFUSED(NOT_ENOUGH_MEMORY,
		    captab_obj_new(&w.t, WRIT_TYPE_ENDPOINT, u, (struct charge){ 1, 0, 0 }, 0, &o));
		revoke_all(1);
		reap();
	}
}
END_TEST

/* --- the badge family (sel4test SMC0002-0008, on endpoints) ----------------- */

START_TEST(BADGE0002_original_can_be_copied)
{
	put(1, w.ep, ALL);
	copy(1, 2);
	ck_assert_uint_eq(lies(2)->badge, 0);
}
END_TEST

/* seL4: a copy loses the power to revoke. Writ: every capability revokes what came of it. */
START_TEST(BADGE0003_copy_revokes_its_own_copies_and_no_others)
{
	put(1, w.ep, ALL);
	copy(1, 2);
	copy(2, 3);
	copy(1, 4);
	revoke_all(2);
	ck_assert(is_empty(3));
	ck_assert(!is_empty(1) && !is_empty(2) && !is_empty(4));
}
END_TEST

START_TEST(BADGE0004_unbadged_can_be_badged)
{
	put(1, w.ep, ALL);
	copy(1, 2);
	DONE(captab_mint(&w.t, at(1), at(3), ALL, 5));
	DONE(captab_mint(&w.t, at(2), at(4), ALL, 6));
	ck_assert_uint_eq(lies(3)->badge, 5);
	ck_assert_uint_eq(lies(4)->badge, 6);
}
END_TEST

START_TEST(BADGE0005_badged_cannot_change_badge)
{
	put(1, w.ep, ALL);
	DONE(captab_mint(&w.t, at(1), at(2), ALL, 5));
	REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(2), at(3), ALL, 6));
	REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(2), at(3), ALL, 5));
	REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(2), at(3), ALL, 0));
}
END_TEST

START_TEST(BADGE0006_badged_can_be_copied)
{
	put(1, w.ep, ALL);
	DONE(captab_mint(&w.t, at(1), at(2), ALL, 5));
	copy(2, 3);
	ck_assert_uint_eq(lies(3)->badge, 5);
	REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(3), at(4), ALL, 6));
}
END_TEST

START_TEST(BADGE0007_badged_original_revokes_its_copies)
{
	put(1, w.ep, ALL);
	DONE(captab_mint(&w.t, at(1), at(2), ALL, 5));
	copy(2, 3);
	copy(3, 4);
	revoke_all(2);
	ck_assert(!is_empty(2) && is_empty(3) && is_empty(4));
	revoke_all(1);
	ck_assert(is_empty(2));
}
END_TEST

START_TEST(BADGE0008_badged_original_does_not_revoke_other_originals)
{
	put(1, w.ep, ALL);
	DONE(captab_mint(&w.t, at(1), at(2), ALL, 5));
	DONE(captab_mint(&w.t, at(1), at(3), ALL, 6));
	DONE(captab_mint(&w.t, at(1), at(4), ALL, 5)); /* even with an equal badge */
	revoke_all(2);
	ck_assert(!is_empty(3) && !is_empty(4));
}
END_TEST

Suite *suite_sel4(void)
{
	Suite *s = suite_create("sel4test");
	TCase *c = world_case(s, "CNode operations");

	tcase_add_test(c, CNODEOP0001_copy);
	tcase_add_test(c, CNODEOP0002_delete);
	tcase_add_test(c, CNODEOP0003_mint);
	tcase_add_test(c, CNODEOP0004_move);
	tcase_add_test(c, CNODEOP0007_revoke);
	tcase_add_test(c, last_capability_of_each_type_ends_the_object);
	c = world_case(s, "untypeds");
	tcase_add_test(c, RETYPE0000_refusals);
	tcase_add_test(c, RETYPE0000_fan_out);
	tcase_add_test(c, RETYPE0001_incremental);
	c = world_case(s, "badges");
	tcase_add_test(c, BADGE0002_original_can_be_copied);
	tcase_add_test(c, BADGE0003_copy_revokes_its_own_copies_and_no_others);
	tcase_add_test(c, BADGE0004_unbadged_can_be_badged);
	tcase_add_test(c, BADGE0005_badged_cannot_change_badge);
	tcase_add_test(c, BADGE0006_badged_can_be_copied);
	tcase_add_test(c, BADGE0007_badged_original_revokes_its_copies);
	tcase_add_test(c, BADGE0008_badged_original_does_not_revoke_other_originals);
	return s;
}
