/* SPDX-License-Identifier: MIT */
/* Untypeds and their accounts: what goes in comes out. */
#include "fixture.h"

#define RW (WRIT_R_READ | WRIT_R_WRITE)

static struct charge used(obj_t untyped)
{
	return captab_account(&w.t, untyped)->used;
}

static bool same(struct charge a, struct charge b)
{
	return a.bytes == b.bytes && a.slots == b.slots && a.procs == b.procs;
}

static obj_t untyped(obj_t parent, struct charge max)
{
	obj_t o = 0;

	DONE(captab_untyped_new(&w.t, parent, max, &o));
	return o;
}

START_TEST(an_account_is_an_untypeds_only)
{
	const struct account *a = captab_account(&w.t, w.untyped);

	ck_assert_ptr_nonnull(a);
	ck_assert_uint_eq(a->obj, w.untyped);
	ck_assert_uint_eq(a->max.procs, 100);
	ck_assert_ptr_eq(a, &w.t.accts[captab_obj(&w.t, w.untyped)->body]);
	ck_assert_ptr_null(captab_account(&w.t, w.ep));
	ck_assert_ptr_null(captab_account(&w.t, 0));
	ck_assert_ptr_null(captab_account(&w.t, W_OBJS - 1));
	ck_assert_ptr_null(captab_account(&w.t, UINT32_MAX));
}
END_TEST

START_TEST(the_reserve_comes_from_the_parent_and_goes_back)
{
	struct charge before = used(w.untyped);
	obj_t u = untyped(w.untyped, (struct charge){ 1000, 20, 3 });

	ck_assert_uint_eq(used(w.untyped).bytes, before.bytes + 1000);
	ck_assert_uint_eq(used(w.untyped).slots, before.slots + 20);
	ck_assert_uint_eq(used(w.untyped).procs, before.procs + 3);
	put(1, u, RW);
	drop(1);
	ck_assert_uint_eq(used(w.untyped).bytes, before.bytes + 1000);
	reap();
	ck_assert(same(used(w.untyped), before));
}
END_TEST

START_TEST(each_field_of_a_quota_is_a_limit)
{
	obj_t u = untyped(w.untyped, (struct charge){ 100, 10, 2 }), o = 0;

	captab_hold(&w.t, u);
	REFUSED(NOT_ENOUGH_MEMORY, captab_charge(&w.t, u, (struct charge){ 101, 0, 0 }));
	REFUSED(NOT_ENOUGH_MEMORY, captab_charge(&w.t, u, (struct charge){ 0, 11, 0 }));
	REFUSED(NOT_ENOUGH_MEMORY, captab_charge(&w.t, u, (struct charge){ 0, 0, 3 }));
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_charge(&w.t, u, (struct charge){ UINT64_MAX, UINT32_MAX, UINT32_MAX }));
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_obj_new(&w.t, WRIT_TYPE_PROC, u, (struct charge){ 1, 1, 3 }, 0, &o));
	REFUSED(NOT_ENOUGH_MEMORY, captab_untyped_new(&w.t, u, (struct charge){ 101, 0, 0 }, &o));
	REFUSED(NOT_ENOUGH_MEMORY, captab_cnode_new(&w.t, u, 6, &o));
	DONE(captab_charge(&w.t, u, (struct charge){ 100, 10, 2 }));
	REFUSED(NOT_ENOUGH_MEMORY, captab_charge(&w.t, u, (struct charge){ 1, 0, 0 }));
	REFUSED(NOT_ENOUGH_MEMORY, captab_charge(&w.t, u, (struct charge){ UINT64_MAX, 0, 0 }));
	DONE(captab_charge(&w.t, u, (struct charge){ 0, 0, 0 }));
	captab_uncharge(&w.t, u, (struct charge){ 1, 10, 2 });
	DONE(captab_charge(&w.t, u, (struct charge){ 1, 0, 0 }));
	captab_uncharge(&w.t, u, (struct charge){ 100, 0, 0 });
	captab_unhold(&w.t, u);
}
END_TEST

START_TEST(an_object_charges_its_untyped_while_it_lives)
{
	struct charge before = used(w.untyped);
	obj_t o;

	DONE(captab_obj_new(&w.t, WRIT_TYPE_PROC, w.untyped, (struct charge){ 7, 5, 1 }, 0, &o));
	ck_assert_uint_eq(used(w.untyped).procs, before.procs + 1);
	put(1, o, RW);
	drop(1);
	ck_assert_uint_eq(used(w.untyped).procs, before.procs + 1);
	reap();
	ck_assert(same(used(w.untyped), before));
}
END_TEST

START_TEST(an_untyped_outlives_its_capabilities_while_objects_are_charged)
{
	obj_t u = untyped(w.untyped, (struct charge){ 100, 0, 0 }), o;

	put(1, u, RW);
	DONE(captab_obj_new(&w.t, WRIT_TYPE_PROC, u, (struct charge){ 7, 0, 0 }, 0, &o));
	DONE(captab_insert(&w.t, at(1), at(2), o, RW, 0));
	drop(1);
	reap();
	ck_assert(!is_dead(u));
	ck_assert_uint_eq(captab_parent(&w.t, at(2)), 0);
	drop(2);
	reap();
	ck_assert(is_dead(o));
	ck_assert(is_dead(u));
}
END_TEST

START_TEST(an_untyped_outlives_its_capabilities_while_something_is_charged)
{
	obj_t u = untyped(w.untyped, (struct charge){ 100, 0, 0 });

	put(1, u, RW);
	DONE(captab_charge(&w.t, u, (struct charge){ 60, 0, 0 }));
	drop(1);
	reap();
	ck_assert(!is_dead(u));
	captab_uncharge(&w.t, u, (struct charge){ 59, 0, 0 });
	reap();
	ck_assert(!is_dead(u));
	captab_uncharge(&w.t, u, (struct charge){ 1, 0, 0 });
	reap();
	ck_assert(is_dead(u));
}
END_TEST

START_TEST(an_object_that_costs_nothing_keeps_its_untyped_too)
{
	obj_t u = untyped(w.untyped, (struct charge){ 100, 0, 0 }), o;

	put(1, u, RW);
	DONE(captab_obj_new(&w.t, WRIT_TYPE_PROC, u, (struct charge){ 0, 0, 0 }, 0, &o));
	put(2, o, RW);
	drop(1);
	reap();
	ck_assert(!is_dead(u));
	drop(2);
	reap();
	ck_assert(is_dead(u));
}
END_TEST

START_TEST(a_dying_untyped_pays_for_nothing)
{
	obj_t u = untyped(w.untyped, (struct charge){ 100, 0, 0 }), o = 0;

	put(1, u, RW);
	drop(1);
	REFUSED(NOT_ENOUGH_MEMORY, captab_charge(&w.t, u, (struct charge){ 1, 0, 0 }));
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_obj_new(&w.t, WRIT_TYPE_PROC, u, (struct charge){ 0 }, 0, &o));
	captab_uncharge(&w.t, u, (struct charge){ 0 }); /* nothing: it dies once all the same */
	VERIFY();
	reap();
	ck_assert_uint_eq(w.ndead, 1);
}
END_TEST

START_TEST(revoke_of_an_untyped_gives_all_back)
{
	obj_t u = untyped(w.untyped, (struct charge){ 100000, 200, 9 }), v, n, o;

	put(1, u, RW);
	DONE(captab_untyped_new(&w.t, u, (struct charge){ 5000, 80, 2 }, &v));
	DONE(captab_insert(&w.t, at(1), at(2), v, RW, 0));
	DONE(captab_cnode_new(&w.t, v, 6, &n));
	DONE(captab_insert(&w.t, at(2), at(3), n, RW, 0));
	DONE(captab_obj_new(&w.t, WRIT_TYPE_PROC, v, (struct charge){ 1, 0, 2 }, 0, &o));
	DONE(captab_insert(&w.t, at(2), captab_cnode_slot(&w.t, n, 1), o, RW, 0));
	ck_assert_uint_eq(used(u).bytes, 5000);
	ck_assert_uint_eq(used(v).slots, 64);
	revoke_all(1);
	reap();
	ck_assert(is_dead(v) && is_dead(n) && is_dead(o));
	ck_assert(same(used(u), (struct charge){ 0, 0, 0 }));
	ck_assert(!is_empty(1));
}
END_TEST

START_TEST(accounts_run_out_and_are_used_again)
{
	obj_t made[W_ACCTS], o = 0;
	unsigned n;

	for (n = 0; n < W_ACCTS - 2; n++)
		made[n] = untyped(w.untyped, (struct charge){ 1, 1, 0 });
	REFUSED(NOT_ENOUGH_MEMORY,
	    captab_untyped_new(&w.t, w.untyped, (struct charge){ 1, 0, 0 }, &o));
	ck_assert_uint_eq(o, 0);
	captab_obj_drop(&w.t, made[3]);
	made[3] = untyped(w.untyped, (struct charge){ 2, 0, 0 });
	VERIFY();
	while (n-- > 0)
		captab_obj_drop(&w.t, made[n]);
}
END_TEST

START_TEST(boot_untyped_comes_from_nowhere)
{
	struct charge before = used(w.untyped);
	obj_t u = untyped(0, (struct charge){ UINT64_MAX, UINT32_MAX, UINT32_MAX });

	ck_assert(same(used(w.untyped), before));
	captab_hold(&w.t, u);
	DONE(captab_charge(&w.t, u, (struct charge){ UINT64_MAX, UINT32_MAX, UINT32_MAX }));
	REFUSED(NOT_ENOUGH_MEMORY, captab_charge(&w.t, u, (struct charge){ 1, 1, 1 }));
	captab_uncharge(&w.t, u, (struct charge){ UINT64_MAX, UINT32_MAX, UINT32_MAX });
	captab_unhold(&w.t, u);
}
END_TEST

Suite *suite_account(void)
{
	Suite *s = suite_create("accounts");
	TCase *c = world_case(s, "accounts");

	tcase_add_test(c, an_account_is_an_untypeds_only);
	tcase_add_test(c, the_reserve_comes_from_the_parent_and_goes_back);
	tcase_add_test(c, each_field_of_a_quota_is_a_limit);
	tcase_add_test(c, an_object_charges_its_untyped_while_it_lives);
	tcase_add_test(c, an_untyped_outlives_its_capabilities_while_objects_are_charged);
	tcase_add_test(c, an_untyped_outlives_its_capabilities_while_something_is_charged);
	tcase_add_test(c, an_object_that_costs_nothing_keeps_its_untyped_too);
	tcase_add_test(c, a_dying_untyped_pays_for_nothing);
	tcase_add_test(c, revoke_of_an_untyped_gives_all_back);
	tcase_add_test(c, accounts_run_out_and_are_used_again);
	tcase_add_test(c, boot_untyped_comes_from_nowhere);
	return s;
}
