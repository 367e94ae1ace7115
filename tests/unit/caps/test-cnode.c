/* SPDX-License-Identifier: MIT */
/* CNodes: size, place, and the resolution of addresses. */
#include "fixture.h"

#define RW (WRIT_R_READ | WRIT_R_WRITE)

static obj_t cnode(unsigned bits)
{
	obj_t o = 0;

	DONE(captab_cnode_new(&w.t, w.untyped, bits, &o));
	return o;
}

/* A capability to @n with a guard, as it lies in a slot. */
static struct cap cap_to(obj_t n, unsigned guard_bits, uint32_t guard)
{
	return (struct cap){
		.type = WRIT_TYPE_CNODE,
		.flags = (uint8_t)guard_bits,
		.obj = n,
		.epoch = captab_obj(&w.t, n)->epoch,
		.guard = guard,
	};
}

START_TEST(a_cnode_has_its_slots_and_no_more)
{
	obj_t n = cnode(8);
	slot_t first = captab_cnode_slot(&w.t, n, 0);

	for (unsigned i = 0; i < 256; i++) {
		slot_t s = captab_cnode_slot(&w.t, n, i);

		ck_assert_uint_eq(s, first + i);
		ck_assert_uint_eq(captab_slot(&w.t, s)->cnode, n);
	}
	ck_assert_uint_eq(captab_cnode_slot(&w.t, n, 256), 0);
	ck_assert_uint_eq(captab_cnode_slot(&w.t, n, UINT64_MAX), 0);
	ck_assert_uint_eq(captab_cnode_slot(&w.t, w.ep, 0), 0);
	ck_assert_uint_eq(captab_cnode_slot(&w.t, 0, 0), 0);
	captab_obj_drop(&w.t, n);
}
END_TEST

START_TEST(a_cnode_is_charged_its_slots)
{
	struct charge before = captab_account(&w.t, w.untyped)->used;
	obj_t n = cnode(7);
	struct charge after = captab_account(&w.t, w.untyped)->used;

	ck_assert_uint_eq(after.bytes - before.bytes, 128 * sizeof(struct slot));
	ck_assert_uint_eq(after.slots - before.slots, 128);
	captab_obj_drop(&w.t, n);
}
END_TEST

START_TEST(sizes_out_of_range_are_refused)
{
	obj_t n = 0;

	REFUSED(RANGE, captab_cnode_new(&w.t, w.untyped, 0, &n));
	REFUSED(RANGE, captab_cnode_new(&w.t, w.untyped, 5, &n));
	REFUSED(RANGE, captab_cnode_new(&w.t, w.untyped, 17, &n));
	REFUSED(RANGE, captab_cnode_new(&w.t, w.untyped, UINT32_MAX, &n));
	REFUSED(NOT_ENOUGH_MEMORY, captab_cnode_new(&w.t, w.untyped, 16, &n));
	ck_assert_uint_eq(n, 0);
	n = cnode(6);
	captab_obj_drop(&w.t, n);
}
END_TEST

START_TEST(slots_run_out_and_holes_are_found_again)
{
	obj_t n[6], big = 0;

	/* 8 blocks: slot 0's, the fixture's, and six */
	for (unsigned i = 0; i < 6; i++)
		n[i] = cnode(6);
	REFUSED(NOT_ENOUGH_MEMORY, captab_cnode_new(&w.t, w.untyped, 6, &big));
	captab_obj_drop(&w.t, n[1]);
	captab_obj_drop(&w.t, n[3]);
	REFUSED(NOT_ENOUGH_MEMORY, captab_cnode_new(&w.t, w.untyped, 7, &big));
	captab_obj_drop(&w.t, n[2]);
	big = cnode(7);
	n[1] = cnode(6);
	VERIFY();
	REFUSED(NOT_ENOUGH_MEMORY, captab_cnode_new(&w.t, w.untyped, 6, &n[2]));
	captab_obj_drop(&w.t, big);
	captab_obj_drop(&w.t, n[0]);
	captab_obj_drop(&w.t, n[1]);
	captab_obj_drop(&w.t, n[4]);
	captab_obj_drop(&w.t, n[5]);
}
END_TEST

/* --- captab_resolve -------------------------------------------------------- */

START_TEST(resolve_one_level)
{
	struct cap root = cap_to(w.cnode, 0, 0);
	slot_t s = 0;

	for (unsigned i = 0; i < 64; i++) {
		DONE(captab_resolve(&w.t, &root, i, 6, &s));
		ck_assert_uint_eq(s, at(i));
	}
	/* bits above the depth don't count */
	DONE(captab_resolve(&w.t, &root, 0xff00000000000000 | 3, 6, &s));
	ck_assert_uint_eq(s, at(3));
}
END_TEST

START_TEST(resolve_refuses_as_its_contract_says)
{
	struct cap root = cap_to(w.cnode, 0, 0), other = root;
	slot_t s = 0;

	put(1, w.ep, RW);
	REFUSED(INVALID_CAPABILITY, captab_resolve(&w.t, lies(1), 1, 0, &s));
	REFUSED(INVALID_CAPABILITY, captab_resolve(&w.t, lies(2), 1, 6, &s));
	other.epoch++;
	REFUSED(INVALID_CAPABILITY, captab_resolve(&w.t, &other, 1, 6, &s));
	other = root;
	other.obj = W_OBJS;
	REFUSED(INVALID_CAPABILITY, captab_resolve(&w.t, &other, 1, 6, &s));
	REFUSED(RANGE, captab_resolve(&w.t, &root, 1, 0, &s));
	REFUSED(RANGE, captab_resolve(&w.t, &root, 1, 65, &s));
	REFUSED(RANGE, captab_resolve(&w.t, &root, 1, UINT32_MAX, &s));
	for (unsigned depth = 1; depth <= 64; depth++) {
		if (depth != 6)
			REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 0, depth, &s));
	}
	ck_assert_uint_eq(s, 0);
	DONE(captab_resolve(&w.t, &root, 1, 6, &s));
}
END_TEST

START_TEST(guards_must_match)
{
	struct cap root = cap_to(w.cnode, 58, 0);
	slot_t s = 0;

	DONE(captab_resolve(&w.t, &root, 5, 64, &s));
	ck_assert_uint_eq(s, at(5));
	REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 64 + 5, 64, &s));
	REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 5, 63, &s));
	for (unsigned bit = 6; bit < 64; bit++)
		REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 5 | UINT64_C(1) << bit, 64, &s));
	root = cap_to(w.cnode, 4, 0xa);
	DONE(captab_resolve(&w.t, &root, 0xa << 6 | 7, 10, &s));
	ck_assert_uint_eq(s, at(7));
	REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 0xb << 6 | 7, 10, &s));
	REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 0xa << 6 | 7, 9, &s));
	root = cap_to(w.cnode, 63, 0);
	REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 0, 64, &s));
}
END_TEST

START_TEST(resolve_walks_through_cnodes)
{
	obj_t inner = cnode(7);
	struct cap root = cap_to(w.cnode, 2, 1);
	slot_t s = 0;

	put(3, inner, RW);
	captab_slot(&w.t, at(3))->cap.flags = 5;
	captab_slot(&w.t, at(3))->cap.guard = 0x15;
	put(4, w.ep, RW);
	/* guard 01, slot 000011, guard 10101, slot 1000001 */
	DONE(captab_resolve(&w.t, &root, 0x1 << 18 | 3 << 12 | 0x15 << 7 | 65, 20, &s));
	ck_assert_uint_eq(s, captab_cnode_slot(&w.t, inner, 65));
	DONE(captab_resolve(&w.t, &root, 1 << 6 | 3, 8, &s));
	ck_assert_uint_eq(s, at(3));
	REFUSED(FAILED_LOOKUP, /* guard of the second */
	    captab_resolve(&w.t, &root, 0x1 << 18 | 3 << 12 | 0x14 << 7 | 65, 20, &s));
	REFUSED(FAILED_LOOKUP, /* an endpoint on the way */
	    captab_resolve(&w.t, &root, 0x1 << 18 | 4 << 12 | 0x15 << 7 | 65, 20, &s));
	REFUSED(FAILED_LOOKUP, /* nothing on the way */
	    captab_resolve(&w.t, &root, 0x1 << 18 | 5 << 12 | 0x15 << 7 | 65, 20, &s));
	captab_obj_bump(&w.t, inner);
	REFUSED(FAILED_LOOKUP, /* a stale one on the way */
	    captab_resolve(&w.t, &root, 0x1 << 18 | 3 << 12 | 0x15 << 7 | 65, 20, &s));
	captab_slot(&w.t, at(3))->cap.flags = 0;
	captab_slot(&w.t, at(3))->cap.guard = 0;
	drop(3);
}
END_TEST

START_TEST(resolve_ends_in_a_cnode_that_holds_itself)
{
	struct cap root = cap_to(w.cnode, 0, 0);
	slot_t s = 0;

	put(0, w.cnode, RW);
	DONE(captab_resolve(&w.t, &root, 9, 60, &s));
	ck_assert_uint_eq(s, at(9));
	REFUSED(FAILED_LOOKUP, captab_resolve(&w.t, &root, 9, 64, &s));
	drop(0);
}
END_TEST

START_TEST(a_dying_cnode_has_no_addresses)
{
	obj_t n = cnode(6);
	struct cap root = cap_to(n, 0, 0);
	slot_t s = 0;

	put(1, n, RW);
	DONE(captab_resolve(&w.t, &root, 1, 6, &s));
	drop(1);
	REFUSED(INVALID_CAPABILITY, captab_resolve(&w.t, &root, 1, 6, &s));
	ck_assert_uint_eq(captab_cnode_slot(&w.t, n, 1), 0);
}
END_TEST

Suite *suite_cnode(void)
{
	Suite *s = suite_create("cnodes");
	TCase *c = world_case(s, "slots");

	tcase_add_test(c, a_cnode_has_its_slots_and_no_more);
	tcase_add_test(c, a_cnode_is_charged_its_slots);
	tcase_add_test(c, sizes_out_of_range_are_refused);
	tcase_add_test(c, slots_run_out_and_holes_are_found_again);
	c = world_case(s, "resolve");
	tcase_add_test(c, resolve_one_level);
	tcase_add_test(c, resolve_refuses_as_its_contract_says);
	tcase_add_test(c, guards_must_match);
	tcase_add_test(c, resolve_walks_through_cnodes);
	tcase_add_test(c, resolve_ends_in_a_cnode_that_holds_itself);
	tcase_add_test(c, a_dying_cnode_has_no_addresses);
	return s;
}
