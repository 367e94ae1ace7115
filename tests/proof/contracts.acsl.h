/* SPDX-License-Identifier: MIT */
/*
 * Contracts of functions of caps/ that write the tree, references and accounts.
 * tools/prove has Frama-C read them with the code, as it does those that stand
 * above the functions.
 */
#pragma once
#include "caps/caps.h"

/*@
// C1 as slot s sees it: the neighbours and the children it names are slots of the table.
predicate links_in{L}(struct captab *t, integer s) =
  t->slots[s].first < t->nslots && t->slots[s].last < t->nslots &&
  (t->slots[s].first == 0 <==> t->slots[s].last == 0) &&
  (t->slots[s].prev < SLOT_UP ? t->slots[s].prev < t->nslots
    : t->slots[s].prev - SLOT_UP < t->nslots) &&
  (t->slots[s].next < SLOT_UP ? t->slots[s].next < t->nslots
    : t->slots[s].next - SLOT_UP < t->nslots);
// The slot that a link leads to.
logic integer place(integer l) = l < SLOT_UP ? l : l - SLOT_UP;
predicate dying_ok{L}(struct captab *t) = t->dying_head < t->nobjs && t->dying_tail < t->nobjs;
predicate all_kept{A, B}(struct account *a) = \at(a->used.bytes, A) == \at(a->used.bytes, B) &&
  \at(a->used.slots, A) == \at(a->used.slots, B) &&
  \at(a->used.procs, A) == \at(a->used.procs, B);
*/

/*@ requires slots_ok(t) && parent < t->nslots && s < t->nslots &&
      t->slots[parent].last < t->nslots;
    assigns t->slots[t->slots[parent].last].next, t->slots[parent].first, t->slots[parent].last,
      t->slots[s].prev, t->slots[s].next;
    exits \false; */
void caps_tree_link(struct captab *t, slot_t parent, slot_t s);

/*@ requires slots_ok(t) && s < t->nslots && links_in(t, s);
    assigns t->slots[s].first, t->slots[s].last, t->slots[s].prev, t->slots[s].next,
      t->slots[t->slots[s].first].prev, t->slots[t->slots[s].last].next,
      t->slots[place(t->slots[s].prev)].first, t->slots[place(t->slots[s].prev)].next,
      t->slots[place(t->slots[s].next)].last, t->slots[place(t->slots[s].next)].prev;
    exits \false;
    ensures t->slots[s].first == 0 && t->slots[s].last == 0 && t->slots[s].prev == 0 &&
      t->slots[s].next == 0; */
void caps_tree_unlink(struct captab *t, slot_t s);

/*@ requires slots_ok(t) && src < t->nslots && dst < t->nslots && links_in(t, src) && src != dst;
    assigns t->slots[src].first, t->slots[src].last, t->slots[src].prev, t->slots[src].next,
      t->slots[dst].first, t->slots[dst].last, t->slots[dst].prev, t->slots[dst].next,
      t->slots[t->slots[src].first].prev, t->slots[t->slots[src].last].next,
      t->slots[place(t->slots[src].prev)].first, t->slots[place(t->slots[src].prev)].next,
      t->slots[place(t->slots[src].next)].last, t->slots[place(t->slots[src].next)].prev;
    exits \false;
    ensures t->slots[src].first == 0 && t->slots[src].last == 0 && t->slots[src].prev == 0 &&
      t->slots[src].next == 0; */
void caps_tree_replace(struct captab *t, slot_t src, slot_t dst);

/*@ requires table(t); assigns t->objs[o].refs; exits \false;
    ensures object(t, o) && t->objs[o].dying == 0;
    ensures t->objs[o].refs == \old(t->objs[o].refs) + 1; */
void captab_hold(struct captab *t, obj_t o);

/*@ requires table(t) && accounts_ok(t) && dying_ok(t);
    assigns t->objs[o].dying, t->objs[t->dying_tail].next, t->dying_head, t->dying_tail;
    exits \false;
    ensures object(t, o) && dying_ok(t);
    ensures \old(t->objs[o].refs) != 0 ==> t->objs[o].dying == \old(t->objs[o].dying);
    ensures \old(t->objs[o].refs) == 0 && !untyped(t, o) ==> t->objs[o].dying != 0;
    ensures t->objs[o].dying != \old(t->objs[o].dying) ==> t->dying_tail == o; */
void caps_obj_settle(struct captab *t, obj_t o);

/*@ requires table(t) && accounts_ok(t) && dying_ok(t);
    assigns t->objs[o].refs, t->objs[o].dying, t->objs[t->dying_tail].next, t->dying_head,
      t->dying_tail;
    exits \false;
    ensures object(t, o) && dying_ok(t);
    ensures t->objs[o].refs == \old(t->objs[o].refs) - 1;
    ensures t->objs[o].refs == 0 && !untyped(t, o) ==> t->objs[o].dying != 0; */
void captab_unhold(struct captab *t, obj_t o);

/*@ requires table(t) && accounts_ok(t) && dying_ok(t) && untyped(t, o);
    assigns t->accts[t->objs[o].body].used, t->objs[o].dying, t->objs[t->dying_tail].next,
      t->dying_head, t->dying_tail;
    exits \false;
    ensures more{Pre, Post}(t->accts + t->objs[o].body, c);
    ensures not_over(t->accts + t->objs[o].body); */
void captab_uncharge(struct captab *t, obj_t o, struct charge c);

/*@ requires table(t) && accounts_ok(t) && 0 < t->free_obj && (untyped == 0 || untyped(t, untyped));
    requires t->free_obj < t->nobjs ==> t->objs[t->free_obj].type == 0;
    requires \valid(ret) && \separated(ret, t, t->slots + (0 .. t->nslots - 1),
      t->objs + (0 .. t->nobjs - 1), t->accts + (0 .. t->naccts - 1));
    assigns t->accts[t->objs[untyped].body].used, t->objs[untyped].refs, t->objs[t->free_obj],
      t->free_obj, t->live_objs, *ret;
    exits \false;
    ensures \result == 0 || \result == WRIT_E_NOT_ENOUGH_MEMORY;
    ensures \result != 0 ==> t->free_obj == \old(t->free_obj) && *ret == \old(*ret);
    ensures \result == 0 ==> *ret == \old(t->free_obj);
    ensures \result != 0 && untyped != 0 ==>
      all_kept{Pre, Post}(t->accts + \old(t->objs[untyped].body)) &&
      t->objs[untyped].refs == \old(t->objs[untyped].refs); */
int caps_obj_make(struct captab *t, unsigned type, obj_t untyped, struct charge c, uint32_t body,
    obj_t *ret);
