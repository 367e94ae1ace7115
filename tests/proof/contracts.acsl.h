/* SPDX-License-Identifier: MIT */
/*
 * Contracts of functions of caps/, among them some that only one file knows.
 * tools/prove has Frama-C read them with the code; loop invariants stand there.
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
static void obj_settle(struct captab *t, obj_t o);

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

/*@ requires table(t); assigns \nothing; exits \false;
    ensures slot(t, s) ==> \result == t->slots + s;
    ensures !slot(t, s) ==> \result == \null; */
struct slot *captab_slot(const struct captab *t, slot_t s);

/*@ requires table(t); assigns \nothing; exits \false;
    ensures full(t, s) ==> \result == t->slots + s;
    ensures !full(t, s) ==> \result == \null; */
static struct slot *slot_full(const struct captab *t, slot_t s);

/*@ requires table(t) && names_ok(t); assigns \nothing; exits \false;
    ensures may_fill(t, s) ==> \result == t->slots + s;
    ensures !may_fill(t, s) ==> \result == \null; */
static struct slot *slot_dst(const struct captab *t, slot_t s);

/*@ requires table(t) && \valid_read(c) && c->obj < t->nobjs; assigns \nothing; exits \false;
    ensures \result <==> c->epoch != t->objs[c->obj].epoch; */
static bool cap_stale(const struct captab *t, const struct cap *c);

/*@ requires table(t) && names_ok(t) && \valid(ret) && \separated(ret, t, t->slots + (0 .. t->nslots
   - 1), t->objs + (0 .. t->nobjs - 1)); assigns *ret; exits \false; ensures \result == 0 <==>
   full(t, s) && !stale(t, s) && !lacks(t, s, rights) && (type == 0 || t->slots[s].cap.type ==
   type); ensures \result == 0 ==> *ret == &t->slots[s].cap; ensures \result != 0 ==> *ret ==
   \old(*ret); */
int captab_check(const struct captab *t, slot_t s, unsigned type, uint16_t rights,
    const struct cap **ret);

/*@ requires parent == \null || \valid_read(parent); assigns \nothing; exits \false;
    ensures \result == 0 <==> parent == \null || parent->obj != obj ||
      ((rights & ~parent->rights) == 0 && (parent->badge == 0 || badge == parent->badge) &&
       parent->type != WRIT_TYPE_REPLY); */
static int insert_allowed(const struct cap *parent, obj_t obj, uint16_t rights, uint64_t badge);

/*@ requires table(t) && names_ok(t); assigns \nothing; exits \false;
    ensures \result == 0 <==> full(t, src) && may_fill(t, dst) && t->slots[dst].cap.type == 0 &&
      !stale(t, src) && !lacks(t, src, rights) && t->slots[src].cap.type != WRIT_TYPE_REPLY &&
      !(t->slots[src].cap.type == WRIT_TYPE_UNTYPED && t->slots[src].first != 0); */
static int derive_allowed(const struct captab *t, slot_t src, slot_t dst, uint16_t rights);

/*@ requires \valid(c); assigns c->badge; exits \false;
    ensures \result == 0 <==> badge != 0 && \old(c->badge) == 0 && (c->type ==
      WRIT_TYPE_ENDPOINT || c->type == WRIT_TYPE_NOTIFICATION || c->type == WRIT_TYPE_PATH);
    ensures c->badge == (\result == 0 ? badge : \old(c->badge)); */
static int badge_set(struct cap *c, uint64_t badge);

/*@ requires table(t) && names_ok(t); assigns \nothing; exits \false;
    ensures \result == 0 <==> full(t, src) && may_fill(t, dst) && t->slots[dst].cap.type == 0; */
static int move_allowed(const struct captab *t, slot_t src, slot_t dst);

/*@ requires table(t); assigns \nothing; exits \false;
    ensures object(t, o) ==> \result == t->objs + o;
    ensures !object(t, o) ==> \result == \null; */
struct object *captab_obj(const struct captab *t, obj_t o);

/*@ requires table(t) && accounts_ok(t); assigns \nothing; exits \false;
    ensures untyped(t, o) ==> \result == t->accts + t->objs[o].body;
    ensures !untyped(t, o) ==> \result == \null; */
struct account *captab_account(const struct captab *t, obj_t o);

/*@ requires \valid_read(a) && not_over(a); assigns \nothing; exits \false;
    ensures \result <==> fits(a, c); */
static bool charge_fits(const struct account *a, struct charge c);

/*@ requires \valid_read(a); assigns \nothing; exits \false;
    ensures \result <==> a->used.bytes != 0 || a->used.slots != 0 || a->used.procs != 0; */
static bool account_in_use(const struct account *a);

/*@ requires table(t) && accounts_ok(t) && untyped(t, untyped);
    assigns t->accts[t->objs[untyped].body].used; exits \false;
    ensures \result == 0 || \result == WRIT_E_NOT_ENOUGH_MEMORY;
    ensures \result == 0 <==> !\old(t->objs[untyped].dying) &&
      \old(fits(t->accts + t->objs[untyped].body, c));
    ensures \result == 0 ==> more{Post, Pre}(t->accts + t->objs[untyped].body, c);
    ensures \result != 0 ==> t->accts[t->objs[untyped].body].used ==
      \old(t->accts[t->objs[untyped].body].used);
    ensures accounts_ok(t); */
int captab_charge(struct captab *t, obj_t untyped, struct charge c);

/*@ requires table(t) && cnodes_ok(t); assigns \nothing; exits \false;
    ensures 0 <= \result < t->nslots;
    ensures !cnode(t, cnode) || t->objs[cnode].dying != 0 ==> \result == 0; */
slot_t captab_cnode_slot(const struct captab *t, obj_t cnode, uint64_t index);

/*@ requires table(t) && \valid_read(c); assigns \nothing; exits \false;
    ensures \result == \null || (cnode(t, c->obj) && \result == t->objs + c->obj &&
      c->type == WRIT_TYPE_CNODE && \result->dying == 0 && \result->epoch == c->epoch); */
static const struct object *cnode_of(const struct captab *t, const struct cap *c);

/*@ requires n <= left <= 64 && n <= 63; assigns \nothing; exits \false;
    ensures 0 <= \result < (1 << n); */
static uint64_t bits_take(uint64_t index, unsigned left, unsigned n);

/*@ requires table(t) && cnodes_ok(t) && \valid_read(root) && \valid(ret) &&
      \separated(ret, root) && \separated(ret, t, t->slots + (0 .. t->nslots - 1),
      t->objs + (0 .. t->nobjs - 1));
    assigns *ret; exits \false;
    ensures \result == 0 ==> 0 < *ret < t->nslots;
    ensures \result != 0 ==> *ret == \old(*ret); */
int captab_resolve(const struct captab *t, const struct cap *root, uint64_t index, unsigned depth,
    slot_t *ret);
