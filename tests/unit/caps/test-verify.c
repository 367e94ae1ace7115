/* SPDX-License-Identifier: MIT */
/*
 * captab_verify() sees what is wrong: each invariant broken by hand in a sound
 * table, and the sentence it answers with. Without this the other tests'
 * silence would say nothing.
 */
#include "fixture.h"
#include <string.h>

#define RW (WRIT_R_READ | WRIT_R_WRITE)

static struct slot *slot(unsigned i)
{
	return captab_slot(&w.t, at(i));
}

/* A table with a bit of everything. */
static void furnish(void)
{
	obj_t small, n;

	put(1, w.ep, RW);
	DONE(captab_mint(&w.t, at(1), at(2), RW, 7));
	copy(2, 3);
	copy(1, 4);
	put(5, w.proc, RW);
	DONE(captab_untyped_new(&w.t, w.untyped, (struct charge){ 50, 0, 0 }, &small));
	put(6, small, RW);
	DONE(captab_cnode_new(&w.t, w.untyped, 6, &n));
	put(7, n, RW);
	put(8, make(WRIT_TYPE_IMAGE), RW);
	drop(8);
	VERIFY();
}

/* Change @lvalue, expect that the @nth invariant is found broken, restore it. */
#define BREAKS(nth, lvalue, value) \
	do { \
		__typeof__(lvalue) was_ = (lvalue); \
		const char *said_; \
		(lvalue) = (value); \
		said_ = captab_verify(&w.t); \
		(lvalue) = was_; \
		ck_assert_msg(said_ != NULL, #lvalue " = " #value " was not noticed"); \
		ck_assert_msg(strncmp(said_, nth ":", strlen(nth ":")) == 0, \
		    #lvalue " = " #value ": %s", said_); \
		VERIFY(); \
	} while (0)

START_TEST(c1_the_tree)
{
	furnish();
	BREAKS("C1", slot(2)->prev, at(4));
	BREAKS("C1", slot(2)->next, at(3));
	BREAKS("C1", slot(2)->next, at(9));
	BREAKS("C1", slot(2)->first, 0);
	BREAKS("C1", slot(2)->last, at(4));
	BREAKS("C1", slot(3)->next, SLOT_UP | at(1));
	BREAKS("C1", slot(3)->next, UINT32_MAX);
	BREAKS("C1", slot(3)->next, W_SLOTS + 1);
	BREAKS("C1", slot(9)->next, SLOT_UP);
	BREAKS("C1", slot(9)->first, at(3));
	BREAKS("C1", slot(5)->prev, SLOT_UP);
	BREAKS("C1", slot(4)->cap.type, WRIT_TYPE_NULL);
	BREAKS("C1", w.t.slots[0].first, at(5));
	BREAKS("C1", w.t.slots[0].last, at(6));
	BREAKS("C1", w.t.live_slots, w.t.live_slots + 1);
	BREAKS("C1", w.t.live_slots, w.t.live_slots - 1);
}
END_TEST

START_TEST(c1_no_loop)
{
	struct slot a, b;

	furnish();
	/* take 5 and 6 out of the list of roots and make each the other's child */
	a = *slot(5);
	b = *slot(6);
	slot(1)->next = at(7);
	slot(7)->prev = at(1);
	slot(5)->first = slot(5)->last = at(6);
	slot(6)->first = slot(6)->last = at(5);
	slot(5)->prev = slot(5)->next = SLOT_UP | at(6);
	slot(6)->prev = slot(6)->next = SLOT_UP | at(5);
	ck_assert_str_eq(captab_verify(&w.t), "C1: each capability lies in the tree exactly once");
	*slot(5) = a;
	*slot(6) = b;
	slot(1)->next = at(5);
	slot(7)->prev = at(6);
}
END_TEST

START_TEST(c2_rights_and_c3_badges)
{
	furnish();
	BREAKS("C2", slot(2)->cap.rights, WRIT_R_ALL);
	BREAKS("C2", slot(1)->cap.rights, WRIT_R_READ);
	BREAKS("C3", slot(3)->cap.badge, 8);
	BREAKS("C3", slot(3)->cap.badge, 0);
	BREAKS("C3", slot(5)->cap.badge, 1);
	BREAKS("C3", slot(1)->cap.guard, 1);
	BREAKS("C3", slot(1)->cap.flags, 1);
}
END_TEST

START_TEST(c2_one_reply)
{
	obj_t reply = make(WRIT_TYPE_REPLY);

	furnish();
	put(10, reply, RW);
	VERIFY();
	put(11, reply, RW);
	ck_assert_str_eq(captab_verify(&w.t), "C2: a Reply has one capability");
	drop(11);
	VERIFY();
}
END_TEST

START_TEST(c4_dangling_and_c5_references)
{
	obj_t dying;

	furnish();
	dying = w.t.dying_head;
	BREAKS("C4", slot(1)->cap.obj, W_OBJS - 1);
	BREAKS("C4", slot(5)->cap.obj, w.ep);
	BREAKS("C4", slot(5)->cap.obj, 0);
	BREAKS("C4", w.t.objs[w.proc].dying, 1);
	BREAKS("C4", w.t.objs[w.ep].type, WRIT_TYPE_NULL);
	BREAKS("C5", w.t.objs[w.ep].refs, 3);
	BREAKS("C5", w.t.objs[w.untyped].refs, 1);
	BREAKS("C5", w.t.objs[dying].refs, 1);
	BREAKS("C5", w.t.objs[dying].dying, 0);
	BREAKS("C5", w.t.dying_head, 0);
	BREAKS("C5", w.t.dying_tail, 0);
	BREAKS("C5", w.t.objs[dying].next, dying);
}
END_TEST

START_TEST(c6_accounts)
{
	struct account *a = &w.t.accts[captab_obj(&w.t, w.untyped)->body];

	furnish();
	BREAKS("C6", a->used.bytes, 0);
	BREAKS("C6", a->used.slots, 0);
	BREAKS("C6", a->max.bytes, 1);
	BREAKS("C6", a->max.slots, 1);
	BREAKS("C6", a->obj, w.ep);
	BREAKS("C6", w.t.objs[w.proc].paid.procs, 1);
}
END_TEST

START_TEST(c7_cnodes_and_c8_free_lists)
{
	slot_t inside;
	obj_t n;

	furnish();
	n = lies(7)->obj;
	inside = captab_cnode_slot(&w.t, n, 5);
	BREAKS("C7", w.t.slots[inside].cnode, w.cnode);
	BREAKS("C7", w.t.slots[inside].cnode, 0);
	BREAKS("C7", w.t.objs[n].base, w.t.objs[n].base + 64);
	BREAKS("C7", w.t.objs[n].bits, 7);
	BREAKS("C7", w.t.blocks[0], w.t.blocks[0] | 1 << 6);
	BREAKS("C7", w.t.block_hint, 6);
	BREAKS("C8", w.t.free_obj, w.ep);
	BREAKS("C8", w.t.free_obj, W_OBJS);
	BREAKS("C8", w.t.free_acct, 1);
	BREAKS("C8", w.t.free_acct, W_ACCTS);
	BREAKS("C8", w.t.live_objs, w.t.live_objs + 1);
}
END_TEST

Suite *suite_verify(void)
{
	Suite *s = suite_create("verify");
	TCase *c = world_case(s, "each invariant, broken");

	tcase_add_test(c, c1_the_tree);
	tcase_add_test(c, c1_no_loop);
	tcase_add_test(c, c2_rights_and_c3_badges);
	tcase_add_test(c, c2_one_reply);
	tcase_add_test(c, c4_dangling_and_c5_references);
	tcase_add_test(c, c6_accounts);
	tcase_add_test(c, c7_cnodes_and_c8_free_lists);
	return s;
}
