/* SPDX-License-Identifier: MIT */
/*
 * The derivation tree: every ordered tree of up to six capabilities, and every
 * move, delete and revoke in each of them, against parent pointers in an array.
 */
#include "fixture.h"
#include <string.h>

enum { NODES_MAX = 6, SPARE = NODES_MAX + 1 };

/* Slot i of the test's CNode holds node i (from 1); up[i] is its parent, 0 for roots. */
struct shape {
	unsigned n, up[SPARE + 1];
};

/* The @number'th shape of @n nodes: the parent of node i is one of 0..i-1. */
static struct shape shape_of(unsigned n, unsigned number)
{
	struct shape s = { .n = n };

	for (unsigned i = 1; i <= n; i++) {
		s.up[i] = number % i;
		number /= i;
	}
	return s;
}

static unsigned factorial(unsigned n)
{
	return n < 2 ? 1 : n * factorial(n - 1);
}

static void build(const struct shape *s)
{
	for (unsigned i = 1; i <= s->n; i++)
		DONE(captab_insert(&w.t, s->up[i] ? at(s->up[i]) : 0, at(i), w.ep, 1, 0));
}

static void clear(void)
{
	for (unsigned i = 1; i <= SPARE; i++)
		drop(i);
	ck_assert_uint_eq(captab_first(&w.t, 0), 0);
}

/* Nodes not in @gone have the parents of @s, and what is in it is empty. */
static void compare(const struct shape *s, const bool *gone)
{
	for (unsigned i = 1; i <= SPARE; i++) {
		ck_assert_int_eq(is_empty(i), gone[i]);
		if (!gone[i])
			ck_assert_uint_eq(captab_parent(&w.t, at(i)), s->up[i] ? at(s->up[i]) : 0);
	}
	VERIFY();
}

static void try_delete(struct shape s, unsigned x)
{
	bool gone[SPARE + 1] = { false };

	for (unsigned i = s.n + 1; i <= SPARE; i++)
		gone[i] = true;
	build(&s);
	drop(x);
	gone[x] = true;
	for (unsigned i = 1; i <= s.n; i++) {
		if (s.up[i] == x)
			s.up[i] = s.up[x];
	}
	compare(&s, gone);
	clear();
}

static void try_move(struct shape s, unsigned x)
{
	bool gone[SPARE + 1] = { false };

	for (unsigned i = s.n + 1; i < SPARE; i++)
		gone[i] = true;
	build(&s);
	DONE(captab_move(&w.t, at(x), at(SPARE)));
	gone[x] = true;
	s.up[SPARE] = s.up[x];
	for (unsigned i = 1; i <= s.n; i++) {
		if (s.up[i] == x)
			s.up[i] = SPARE;
	}
	compare(&s, gone);
	clear();
}

static void try_revoke(struct shape s, unsigned x)
{
	bool gone[SPARE + 1] = { false };

	for (unsigned i = s.n + 1; i <= SPARE; i++)
		gone[i] = true;
	build(&s);
	revoke_all(x);
	for (unsigned i = x + 1; i <= s.n; i++)
		gone[i] = s.up[i] == x || gone[s.up[i]];
	compare(&s, gone);
	clear();
}

static void each_shape(void (*try)(struct shape, unsigned))
{
	captab_hold(&w.t, w.ep);
	for (unsigned n = 1; n <= NODES_MAX; n++) {
		for (unsigned number = 0; number < factorial(n); number++) {
			for (unsigned x = 1; x <= n; x++)
				try(shape_of(n, number), x);
		}
	}
	captab_unhold(&w.t, w.ep);
}

START_TEST(delete_is_right_in_every_shape)
{
	each_shape(try_delete);
}
END_TEST

START_TEST(move_is_right_in_every_shape)
{
	each_shape(try_move);
}
END_TEST

START_TEST(revoke_is_right_in_every_shape)
{
	each_shape(try_revoke);
}
END_TEST

START_TEST(children_are_in_the_order_they_were_made)
{
	put(1, w.ep, WRIT_R_ALL);
	for (unsigned i = 2; i < 10; i++)
		copy(1, i);
	for (unsigned i = 2; i < 9; i++)
		ck_assert_uint_eq(captab_next(&w.t, at(i)), at(i + 1));
	ck_assert_uint_eq(captab_first(&w.t, at(1)), at(2));
	ck_assert_uint_eq(captab_next(&w.t, at(9)), 0);
}
END_TEST

START_TEST(children_take_the_deleted_parents_place)
{
	put(1, w.ep, WRIT_R_ALL);
	copy(1, 2);
	copy(1, 3);
	copy(1, 4);
	copy(3, 5);
	copy(3, 6);
	drop(3);
	ck_assert_uint_eq(captab_first(&w.t, at(1)), at(2));
	ck_assert_uint_eq(captab_next(&w.t, at(2)), at(5));
	ck_assert_uint_eq(captab_next(&w.t, at(5)), at(6));
	ck_assert_uint_eq(captab_next(&w.t, at(6)), at(4));
}
END_TEST

START_TEST(neighbours_of_nothing_are_nothing)
{
	ck_assert_uint_eq(captab_first(&w.t, 0), 0);
	ck_assert_uint_eq(captab_first(&w.t, at(1)), 0);
	ck_assert_uint_eq(captab_next(&w.t, at(1)), 0);
	ck_assert_uint_eq(captab_parent(&w.t, at(1)), 0);
	ck_assert_uint_eq(captab_first(&w.t, W_SLOTS - 1), 0);
	ck_assert_uint_eq(captab_next(&w.t, UINT32_MAX), 0);
	ck_assert_uint_eq(captab_parent(&w.t, W_SLOTS), 0);
	ck_assert_uint_eq(captab_next(&w.t, 0), 0);
}
END_TEST

START_TEST(parent_and_child_can_both_move)
{
	put(1, w.ep, WRIT_R_ALL);
	copy(1, 2);
	copy(2, 3);
	DONE(captab_move(&w.t, at(2), at(10)));
	DONE(captab_move(&w.t, at(3), at(2)));
	DONE(captab_move(&w.t, at(1), at(3)));
	ck_assert_uint_eq(captab_parent(&w.t, at(2)), at(10));
	ck_assert_uint_eq(captab_parent(&w.t, at(10)), at(3));
	ck_assert_uint_eq(captab_parent(&w.t, at(3)), 0);
	revoke_all(3);
	ck_assert(is_empty(10) && is_empty(2));
}
END_TEST

Suite *suite_tree(void)
{
	Suite *s = suite_create("tree");
	TCase *c = world_case(s, "every shape");

	tcase_add_test(c, delete_is_right_in_every_shape);
	tcase_add_test(c, move_is_right_in_every_shape);
	tcase_add_test(c, revoke_is_right_in_every_shape);
	c = world_case(s, "neighbours");
	tcase_add_test(c, children_are_in_the_order_they_were_made);
	tcase_add_test(c, children_take_the_deleted_parents_place);
	tcase_add_test(c, neighbours_of_nothing_are_nothing);
	tcase_add_test(c, parent_and_child_can_both_move);
	return s;
}
