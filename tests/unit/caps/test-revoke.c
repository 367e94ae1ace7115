/* SPDX-License-Identifier: MIT */
/*
 * Revoke in slices with other operations between them (sel4test's
 * PREEMPT_REVOKE), and the name of a slot that stays the same slot's.
 */
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL WRIT_R_ALL

enum { SLICE = 100, COPIES = 1 << 14, SLOTS = 1 << 16 };

static struct captab t;
static void *mem;
static obj_t big, ep;

static void on_finalise(void *arg, obj_t obj)
{
	(void)arg;
	(void)obj;
}

static void setup(void)
{
	size_t size = captab_size(SLOTS, 16, 4);

	mem = aligned_alloc(64, size);
	ck_assert_ptr_nonnull(mem);
	memset(mem, 0, size);
	captab_make(&t, mem, SLOTS, 16, 4, on_finalise, NULL);
	DONE(captab_cnode_new(&t, 0, 15, &big));
	captab_hold(&t, big);
	DONE(captab_obj_new(&t, WRIT_TYPE_ENDPOINT, 0, (struct charge){ 0 }, 0, &ep));
	DONE(captab_insert(&t, 0, captab_cnode_slot(&t, big, 0), ep, ALL, 0));
}

static void teardown(void)
{
	ck_assert_ptr_null(captab_verify(&t));
	free(mem);
}

static slot_t in(unsigned i)
{
	return captab_cnode_slot(&t, big, i);
}

/* 2^n copies of slot 0: of itself, of each other, or each of the one before. */
static void make_copies(unsigned n, unsigned shape)
{
	for (unsigned i = 1; i <= n; i++) {
		unsigned from = shape == 0 ? 0 : shape == 1 ? i / 2 : i - 1;

		DONE(captab_copy(&t, in(from), in(i), ALL));
	}
}

/* Preempted as often as slices say, whatever the shape, and complete at the end. */
START_TEST(PREEMPT_REVOKE)
{
	for (unsigned n = 1; n <= COPIES; n *= 2) {
		uint32_t gen = captab_slot(&t, in(0))->gen;
		unsigned slices = 0;
		bool more = true;

		make_copies(n, (unsigned)_i);
		for (; more; slices++) {
			uint32_t before = t.live_slots;

			DONE(captab_revoke_at(&t, in(0), gen, SLICE, &more));
			ck_assert_uint_eq(before - t.live_slots,
			    more || n % SLICE == 0 ? SLICE : n % SLICE);
		}
		ck_assert_uint_eq(slices, (n + SLICE - 1) / SLICE);
		ck_assert_uint_eq(t.live_slots, 1);
		if (n == COPIES)
			printf("PREEMPT_REVOKE: %u copies, shape %d, preempted %u times\n", n, _i,
			    slices - 1);
	}
}
END_TEST

/* Between two slices a descendant does something to escape. */
static void interfere(unsigned turn, slot_t *mine, unsigned *next)
{
	slot_t to = in(++*next);

	switch (turn % 5) {
	case 0: /* derive */ DONE(captab_copy(&t, *mine, to, ALL)); break;
	case 1: /* move away */
		DONE(captab_move(&t, *mine, to));
		*mine = to;
		break;
	case 2: /* mint, and go on from there */
		if (captab_slot(&t, *mine)->cap.badge == 0) {
			DONE(captab_mint(&t, *mine, to, ALL, turn + 1));
			*mine = to;
		}
		break;
	case 3: /* derive, and let the original go */
		DONE(captab_copy(&t, *mine, to, ALL));
		DONE(captab_delete(&t, *mine));
		*mine = to;
		break;
	default: /* change places with a fresh copy of one's own */
		DONE(captab_copy(&t, *mine, to, ALL));
		DONE(captab_rotate(&t, *mine, to, *mine));
		break;
	}
}

START_TEST(PREEMPT_REVOKE_with_operations_between_the_slices)
{
	uint32_t gen = captab_slot(&t, in(0))->gen;
	unsigned next = COPIES, turn = 0, slices = 0;
	slot_t mine = in(COPIES - 1);
	bool more = true;

	make_copies(COPIES, (unsigned)_i);
	for (; more; slices++) {
		DONE(captab_revoke_at(&t, in(0), gen, SLICE, &more));
		if (captab_slot(&t, mine)->cap.type != WRIT_TYPE_NULL)
			interfere(turn++, &mine, &next);
		else if (captab_first(&t, in(0)) == 0)
			break;
		if (slices % 16 == 0)
			ck_assert_ptr_null(captab_verify(&t));
	}
	/* not one escaped, wherever it went */
	ck_assert_uint_eq(t.live_slots, 1);
	ck_assert_uint_ge(slices, COPIES / SLICE);
	printf("PREEMPT_REVOKE: shape %d, %u slices, %u operations between them\n", _i, slices,
	    turn);
}
END_TEST

/* The slot got another owner between two slices: its descendants are let alone. */
START_TEST(a_slot_that_changed_hands_is_noticed)
{
	uint32_t gen = captab_slot(&t, in(0))->gen;
	bool more = true;

	make_copies(300, 0);
	DONE(captab_revoke_at(&t, in(0), gen, SLICE, &more));
	DONE(captab_delete(&t, in(0)));
	ck_assert_int_eq(captab_revoke_at(&t, in(0), gen, SLICE, &more), WRIT_E_STALE);
	DONE(captab_move(&t, in(300), in(0)));
	DONE(captab_copy(&t, in(0), in(1000), ALL));
	ck_assert_int_eq(captab_revoke_at(&t, in(0), gen, SLICE, &more), WRIT_E_STALE);
	ck_assert_int_ne(captab_slot(&t, in(1000))->cap.type, WRIT_TYPE_NULL);
	/* the negative control: without its generation the other's child goes */
	DONE(captab_revoke(&t, in(0), SLICE, &more));
	ck_assert_int_eq(captab_slot(&t, in(1000))->cap.type, WRIT_TYPE_NULL);
}
END_TEST

START_TEST(a_capability_that_moved_away_is_noticed)
{
	uint32_t gen = captab_slot(&t, in(0))->gen;
	bool more = true;

	make_copies(300, 1);
	DONE(captab_revoke_at(&t, in(0), gen, SLICE, &more));
	DONE(captab_move(&t, in(0), in(1000)));
	ck_assert_int_eq(captab_revoke_at(&t, in(0), gen, SLICE, &more), WRIT_E_STALE);
	DONE(captab_move(&t, in(1000), in(0)));
	ck_assert_int_eq(captab_revoke_at(&t, in(0), gen, SLICE, &more), WRIT_E_STALE);
	DONE(captab_revoke_at(&t, in(0), captab_slot(&t, in(0))->gen, SLOTS, &more));
	ck_assert(!more);
}
END_TEST

START_TEST(a_slot_that_went_with_its_cnode_is_noticed)
{
	obj_t n, other;
	uint32_t gen;
	slot_t s;
	bool more;

	DONE(captab_cnode_new(&t, 0, 6, &n));
	captab_hold(&t, n);
	s = captab_cnode_slot(&t, n, 5);
	DONE(captab_copy(&t, in(0), s, ALL));
	gen = captab_slot(&t, s)->gen;
	DONE(captab_copy(&t, s, in(1), ALL));
	DONE(captab_copy(&t, s, in(2), ALL));
	DONE(captab_revoke_at(&t, s, gen, 1, &more));
	ck_assert(more);
	captab_unhold(&t, n);
	ck_assert(!captab_reap(&t, 100));
	ck_assert_int_eq(captab_revoke_at(&t, s, gen, 1, &more), WRIT_E_STALE);
	DONE(captab_cnode_new(&t, 0, 6, &other));
	ck_assert_uint_eq(captab_cnode_slot(&t, other, 5), s);
	ck_assert_int_eq(captab_revoke_at(&t, s, gen, 1, &more), WRIT_E_STALE);
	ck_assert_int_eq(captab_revoke_at(&t, 0, 0, 1, &more), WRIT_E_STALE);
	ck_assert_int_eq(captab_revoke_at(&t, SLOTS, 0, 1, &more), WRIT_E_STALE);
	captab_obj_drop(&t, other);
}
END_TEST

Suite *suite_revoke(void)
{
	Suite *s = suite_create("revoke in slices");
	TCase *c = tcase_create("revoke in slices");

	suite_add_tcase(s, c);
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, PREEMPT_REVOKE, 0, 3);
	tcase_add_loop_test(c, PREEMPT_REVOKE_with_operations_between_the_slices, 0, 3);
	tcase_add_test(c, a_slot_that_changed_hands_is_noticed);
	tcase_add_test(c, a_capability_that_moved_away_is_noticed);
	tcase_add_test(c, a_slot_that_went_with_its_cnode_is_noticed);
	return s;
}
