/* SPDX-License-Identifier: MIT */
/*
 * What sel4test asks of Mutate, Rotate and the resolution of addresses, under
 * its names. Where Writ differs on purpose is in docs/capabilities.md.
 */
#include "fixture.h"

#define RW  (WRIT_R_READ | WRIT_R_WRITE)
#define ALL WRIT_R_ALL

/* A capability to a new CNode of 64 slots in slot @i. */
static obj_t put_cnode(unsigned i)
{
	obj_t n = 0;

	DONE(captab_cnode_new(&w.t, w.untyped, 6, &n));
	put(i, n, ALL);
	return n;
}

#define GUARD(value, size) ((uint64_t)(value) << 6 | (size))

/* Mutate: as move, and with a new guard; only a CNode capability has one. */
START_TEST(CNODEOP0005_mutate)
{
	slot_t s = 0;
	obj_t n = put_cnode(1);

	copy(1, 9);
	DONE(captab_mutate(&w.t, at(1), at(2), GUARD(5, 3)));
	ck_assert(is_empty(1) && !is_empty(2));
	ck_assert_uint_eq(lies(2)->flags, 3);
	ck_assert_uint_eq(lies(2)->guard, 5);
	ck_assert_uint_eq(captab_parent(&w.t, at(9)), at(2));
	DONE(captab_resolve(&w.t, lies(2), 5 << 6 | 7, 9, &s));
	ck_assert_uint_eq(s, captab_cnode_slot(&w.t, n, 7));
	ck_assert_int_eq(captab_resolve(&w.t, lies(2), 4 << 6 | 7, 9, &s), WRIT_E_FAILED_LOOKUP);
	REFUSED(FAILED_LOOKUP, captab_mutate(&w.t, at(1), at(3), 0));
	REFUSED(DELETE_FIRST, captab_mutate(&w.t, at(2), at(2), 0));
	REFUSED(DELETE_FIRST, captab_mutate(&w.t, at(2), at(9), 0));
	put(4, w.ep, ALL);
	REFUSED(ILLEGAL_OPERATION, captab_mutate(&w.t, at(4), at(5), 0));
	DONE(captab_move(&w.t, at(4), at(5)));
	drop(5);
	captab_obj_bump(&w.t, n);
	REFUSED(STALE, captab_mutate(&w.t, at(2), at(3), 0));
	drop(2);
	drop(9);
}
END_TEST

/* Guards that can never match are refused, by mint and by mutate. */
START_TEST(CNODEOP0005_guards_that_cannot_match)
{
	static const uint64_t bad[] = { GUARD(1, 0), GUARD(8, 3), GUARD(0, 59), GUARD(0, 63),
		GUARD(UINT64_C(1) << 32, 58), UINT64_MAX };
	static const uint64_t good[] = { 0, GUARD(7, 3), GUARD(0, 58), GUARD(UINT32_MAX, 32),
		GUARD(UINT32_MAX, 58) };

	(void)put_cnode(1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(1), at(2), ALL, bad[i]));
		REFUSED(ILLEGAL_OPERATION, captab_mutate(&w.t, at(1), at(2), bad[i]));
	}
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		DONE(captab_mint(&w.t, at(1), at(2), ALL, good[i]));
		ck_assert_uint_eq(GUARD(lies(2)->guard, lies(2)->flags), good[i]);
		ck_assert_uint_eq(lies(2)->badge, 0);
		copy(2, 3);
		ck_assert_uint_eq(GUARD(lies(3)->guard, lies(3)->flags), good[i]);
		drop(2);
		drop(3);
	}
	drop(1);
}
END_TEST

/* Rotate: the source goes to the pivot, the pivot to the destination. */
START_TEST(CNODEOP0008_rotate)
{
	put(1, w.ep, ALL);
	put(2, w.proc, ALL);
	copy(1, 11);
	copy(2, 12);
	DONE(captab_rotate(&w.t, at(1), at(2), at(3)));
	ck_assert(is_empty(1));
	ck_assert_uint_eq(lies(2)->obj, w.ep);
	ck_assert_uint_eq(lies(3)->obj, w.proc);
	ck_assert_uint_eq(captab_parent(&w.t, at(11)), at(2));
	ck_assert_uint_eq(captab_parent(&w.t, at(12)), at(3));
	revoke_all(3);
	ck_assert(is_empty(12) && !is_empty(11));
}
END_TEST

/* Source and destination the same: a swap, also of a parent and its child. */
START_TEST(CNODEOP0008_rotate_swaps)
{
	uint32_t gen1 = captab_slot(&w.t, at(1))->gen, gen2 = captab_slot(&w.t, at(2))->gen;

	put(1, w.ep, ALL);
	DONE(captab_mint(&w.t, at(1), at(2), ALL, 7));
	copy(2, 3);
	copy(1, 4);
	DONE(captab_rotate(&w.t, at(1), at(2), at(1)));
	ck_assert_uint_eq(lies(1)->badge, 7);
	ck_assert_uint_eq(lies(2)->badge, 0);
	ck_assert_uint_eq(captab_parent(&w.t, at(2)), 0);
	ck_assert_uint_eq(captab_parent(&w.t, at(1)), at(2));
	ck_assert_uint_eq(captab_parent(&w.t, at(3)), at(1));
	ck_assert_uint_eq(captab_parent(&w.t, at(4)), at(2));
	ck_assert_uint_ne(captab_slot(&w.t, at(1))->gen, gen1);
	ck_assert_uint_ne(captab_slot(&w.t, at(2))->gen, gen2);
	VERIFY();
	DONE(captab_rotate(&w.t, at(1), at(2), at(1)));
	ck_assert_uint_eq(captab_parent(&w.t, at(2)), at(1));
	revoke_all(1);
	ck_assert(is_empty(2) && is_empty(3) && is_empty(4));
}
END_TEST

START_TEST(CNODEOP0008_rotate_onto_an_occupied_slot)
{
	put(1, w.ep, ALL);
	put(2, w.proc, ALL);
	copy(1, 3);
	REFUSED(DELETE_FIRST, captab_rotate(&w.t, at(1), at(2), at(3)));
	drop(3);
	DONE(captab_rotate(&w.t, at(1), at(2), at(3)));
}
END_TEST

START_TEST(CNODEOP0008_rotate_with_a_pivot_that_is_an_end)
{
	put(1, w.ep, ALL);
	put(2, w.proc, ALL);
	REFUSED(ILLEGAL_OPERATION, captab_rotate(&w.t, at(1), at(1), at(3)));
	REFUSED(ILLEGAL_OPERATION, captab_rotate(&w.t, at(1), at(2), at(2)));
	REFUSED(ILLEGAL_OPERATION, captab_rotate(&w.t, at(1), at(1), at(1)));
	DONE(captab_rotate(&w.t, at(1), at(2), at(3)));
}
END_TEST

START_TEST(CNODEOP0008_rotate_from_empty_slots)
{
	put(1, w.ep, ALL);
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, at(1), at(2), at(3)));
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, at(2), at(1), at(3)));
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, at(2), at(1), at(2)));
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, 0, at(1), at(3)));
	put(2, w.proc, ALL);
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, at(1), at(2), 0));
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, at(1), at(2), W_SLOTS));
	DONE(captab_rotate(&w.t, at(1), at(2), at(3)));
}
END_TEST

/* Nothing goes into a CNode that dies, by a rotation neither. */
START_TEST(CNODEOP0008_rotate_into_a_dying_cnode)
{
	obj_t n = put_cnode(1);
	slot_t in = captab_cnode_slot(&w.t, n, 0), in2 = captab_cnode_slot(&w.t, n, 1);

	put(2, w.ep, ALL);
	put(3, w.proc, ALL);
	DONE(captab_copy(&w.t, at(3), in, ALL));
	DONE(captab_rotate(&w.t, at(2), in, at(4)));
	DONE(captab_rotate(&w.t, at(4), in, at(4)));
	DONE(captab_rotate(&w.t, at(4), at(3), at(5)));
	drop(1);
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, at(5), in, at(6)));
	REFUSED(FAILED_LOOKUP, captab_rotate(&w.t, at(5), at(3), in2));
	REFUSED(FAILED_LOOKUP, captab_mutate(&w.t, at(5), in2, 0));
	reap();
}
END_TEST

/*
 * SaveCaller: the Reply goes to another slot, and from there to a third; there is
 * never a second one, and it goes with what it was made below.
 */
START_TEST(CNODEOP0009_save_caller)
{
	obj_t reply = make(WRIT_TYPE_REPLY);

	put(1, w.ep, ALL);
	DONE(captab_insert(&w.t, at(1), at(2), reply, ALL, 0));
	DONE(captab_move(&w.t, at(2), at(3)));
	ck_assert(is_empty(2));
	REFUSED(FAILED_LOOKUP, captab_move(&w.t, at(2), at(4)));
	REFUSED(DELETE_FIRST, captab_move(&w.t, at(3), at(1)));
	REFUSED(ILLEGAL_OPERATION, captab_copy(&w.t, at(3), at(4), ALL));
	REFUSED(ILLEGAL_OPERATION, captab_copy(&w.t, at(3), at(4), 0));
	REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(3), at(4), ALL, 0));
	REFUSED(ILLEGAL_OPERATION, captab_mint(&w.t, at(3), at(4), ALL, 7));
	REFUSED(ILLEGAL_OPERATION, captab_mutate(&w.t, at(3), at(4), 0));
	REFUSED(ILLEGAL_OPERATION, captab_insert(&w.t, at(3), at(4), reply, 0, 0));
	copy(1, 4); /* what it was made below can be copied */
	DONE(captab_rotate(&w.t, at(3), at(4), at(3)));
	ck_assert_uint_eq(lies(4)->type, WRIT_TYPE_REPLY);
	ck_assert_uint_eq(captab_parent(&w.t, at(4)), at(1));
	revoke_all(1);
	ck_assert(is_empty(3) && is_empty(4));
	reap();
	ck_assert(is_dead(reply));
}
END_TEST

/* Given up unused: the object dies, and the kernel hears of it by finalise. */
START_TEST(CNODEOP0002_delete_of_a_reply_ends_it)
{
	obj_t reply = make(WRIT_TYPE_REPLY);

	put(1, reply, ALL);
	DONE(captab_move(&w.t, at(1), at(2)));
	reap();
	ck_assert(!is_dead(reply));
	drop(2);
	reap();
	ck_assert(is_dead(reply));
}
END_TEST

/* 64 CNodes of 64 slots in a chain would be 384 bits: ten levels fill an address. */
START_TEST(CSPACE0001_full_resolution)
{
	enum { LEVELS = 6 };
	obj_t n[LEVELS];
	struct cap root;
	uint64_t address = 0;
	slot_t s = 0;

	for (unsigned i = 0; i < LEVELS; i++) {
		DONE(captab_cnode_new(&w.t, w.untyped, 6, &n[i]));
		captab_hold(&w.t, n[i]);
	}
	for (unsigned i = 0; i + 1 < LEVELS; i++) {
		unsigned index = (i * 29 + 13) % 64;

		DONE(captab_insert(&w.t, 0, captab_cnode_slot(&w.t, n[i], index), n[i + 1], RW, 0));
		address = address << 6 | index;
	}
	address = address << 6 | 42;
	root = (struct cap){ .type = WRIT_TYPE_CNODE, .obj = n[0] };
	root.epoch = captab_obj(&w.t, n[0])->epoch;
	DONE(captab_resolve(&w.t, &root, address, LEVELS * 6, &s));
	ck_assert_uint_eq(s, captab_cnode_slot(&w.t, n[LEVELS - 1], 42));
	/* every flip of one bit on the way leads nowhere, or in the last CNode elsewhere */
	for (unsigned bit = 6; bit < LEVELS * 6; bit++)
		REFUSED(FAILED_LOOKUP,
		    captab_resolve(&w.t, &root, address ^ UINT64_C(1) << bit, LEVELS * 6, &s));
	for (unsigned bit = 0; bit < 6; bit++) {
		DONE(captab_resolve(&w.t, &root, address ^ UINT64_C(1) << bit, LEVELS * 6, &s));
		ck_assert_uint_ne(s, captab_cnode_slot(&w.t, n[LEVELS - 1], 42));
	}
	for (unsigned depth = 1; depth <= 64; depth++) {
		if (depth % 6 != 0 || depth > LEVELS * 6)
			ck_assert_int_eq(captab_resolve(&w.t, &root, address, depth, &s),
			    WRIT_E_FAILED_LOOKUP);
	}
	for (unsigned i = 0; i < LEVELS; i++)
		captab_unhold(&w.t, n[i]);
}
END_TEST

/*
 * The same with an address of all 64 bits: guards make up for levels of at least
 * six. Each CNode on the way holds one capability, and so every other index of
 * every level, and every flip of any bit above the last level, is refused.
 */
START_TEST(CSPACE0001_64_bits_with_guards)
{
	static const unsigned size[] = { 4, 9, 0, 10, 5 };
	static const uint32_t guard[] = { 0xb, 0x155, 0, 0x2aa, 0x11 };
	enum { LEVELS = sizeof(size) / sizeof(size[0]) };
	uint64_t address = 0;
	unsigned depth = 0, last = 0;
	obj_t n[LEVELS];
	slot_t s = 0;

	for (unsigned i = 0; i < LEVELS; i++) {
		DONE(captab_cnode_new(&w.t, w.untyped, 6, &n[i]));
		put(2 * i + 1, n[i], ALL);
	}
	for (unsigned i = 0; i < LEVELS; i++) {
		unsigned index = last = (i * 37 + 21) % 64;
		slot_t into = i == 0 ? at(20)
				     : captab_cnode_slot(&w.t, n[i - 1], ((i - 1) * 37 + 21) % 64);

		DONE(captab_mint(&w.t, at(2 * i + 1), into, RW, GUARD(guard[i], size[i])));
		address = (address << size[i] | guard[i]) << 6 | index;
		depth += size[i] + 6;
	}
	ck_assert_uint_eq(depth, 58);
	/* one more level, plain: 64 bits */
	DONE(captab_copy(&w.t, at(1), captab_cnode_slot(&w.t, n[LEVELS - 1], last), RW));
	address = address << 6 | 33;
	DONE(captab_resolve(&w.t, lies(20), address, 64, &s));
	ck_assert_uint_eq(s, captab_cnode_slot(&w.t, n[0], 33));
	for (unsigned bit = 6; bit < 64; bit++)
		REFUSED(FAILED_LOOKUP,
		    captab_resolve(&w.t, lies(20), address ^ UINT64_C(1) << bit, 64, &s));
	for (unsigned i = 0; i < 64; i++) { /* every other address of the last level */
		DONE(captab_resolve(&w.t, lies(20), (address & ~UINT64_C(63)) | i, 64, &s));
		ck_assert_uint_eq(s, captab_cnode_slot(&w.t, n[0], i));
	}
	for (unsigned d = 1; d < 64; d++) { /* cut short, only a whole level's end is good */
		bool end = d == 10 || d == 25 || d == 31 || d == 47 || d == 58;

		ck_assert_int_eq(captab_resolve(&w.t, lies(20), address >> (64 - d), d, &s),
		    end ? 0 : WRIT_E_FAILED_LOOKUP);
		ck_assert_int_ne(captab_resolve(&w.t, lies(20), address, d, &s), 0);
	}
	for (unsigned i = 0; i < LEVELS; i++)
		captab_obj_bump(&w.t, n[i]); /* a stale level on the way */
	REFUSED(INVALID_CAPABILITY, captab_resolve(&w.t, lies(20), address, 64, &s));
	for (unsigned i = 0; i < LEVELS; i++) {
		revoke_all(2 * i + 1);
		drop(2 * i + 1);
	}
}
END_TEST

Suite *suite_sel4_cnode(void)
{
	Suite *s = suite_create("sel4test, CNodes");
	TCase *c = world_case(s, "mutate and rotate");

	tcase_add_test(c, CNODEOP0005_mutate);
	tcase_add_test(c, CNODEOP0005_guards_that_cannot_match);
	tcase_add_test(c, CNODEOP0008_rotate);
	tcase_add_test(c, CNODEOP0008_rotate_swaps);
	tcase_add_test(c, CNODEOP0008_rotate_onto_an_occupied_slot);
	tcase_add_test(c, CNODEOP0008_rotate_with_a_pivot_that_is_an_end);
	tcase_add_test(c, CNODEOP0008_rotate_from_empty_slots);
	tcase_add_test(c, CNODEOP0008_rotate_into_a_dying_cnode);
	c = world_case(s, "replies");
	tcase_add_test(c, CNODEOP0009_save_caller);
	tcase_add_test(c, CNODEOP0002_delete_of_a_reply_ends_it);
	c = world_case(s, "addresses");
	tcase_add_test(c, CSPACE0001_full_resolution);
	tcase_add_test(c, CSPACE0001_64_bits_with_guards);
	return s;
}
