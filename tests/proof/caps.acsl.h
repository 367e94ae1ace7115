/* SPDX-License-Identifier: MIT */
/*
 * The words that the ACSL contracts of caps/ are written in. tools/prove has
 * Frama-C read this file before each of caps/; the compiler never sees it.
 */
#pragma once
#include <writ/cap.h>

/*@ assigns \nothing; ensures \false; exits \false; */
void __builtin_trap(void);

/*@
// The memory of the table: three arrays apart from each other and from the table.
predicate slots_ok{L}(struct captab *t) =
  \valid(t) && 64 <= t->nslots < 0x80000000 && \valid(t->slots + (0 .. t->nslots - 1)) &&
  \separated(t, t->slots + (0 .. t->nslots - 1));
predicate table{L}(struct captab *t) =
  slots_ok(t) && 1 <= t->nobjs < 0x80000000 && 1 <= t->naccts < 0x80000000 &&
  \valid(t->objs + (0 .. t->nobjs - 1)) && \valid(t->accts + (0 .. t->naccts - 1)) &&
  \separated(t, t->slots + (0 .. t->nslots - 1), t->objs + (0 .. t->nobjs - 1),
    t->accts + (0 .. t->naccts - 1));

// Shifts, as a prover can't see them by itself.
axiomatic Shift {
  axiom shr_sign: \forall integer x, n; 0 <= x && 0 <= n ==> 0 <= (x >> n);
}
lemma mod_below: \forall integer a, b; 0 <= a && 0 < b ==> 0 <= a % b < b;

// Objects: an Untyped has an account, a CNode its run of slots.
predicate object{L}(struct captab *t, integer o) = 0 < o < t->nobjs && t->objs[o].type != 0;
predicate untyped{L}(struct captab *t, integer o) =
  object(t, o) && t->objs[o].type == WRIT_TYPE_UNTYPED;
predicate cnode{L}(struct captab *t, integer o) =
  object(t, o) && t->objs[o].type == WRIT_TYPE_CNODE;
predicate cnodes_ok{L}(struct captab *t) = \forall integer o; cnode(t, o) ==>
  t->objs[o].bits <= 16 && t->objs[o].base > 0 &&
  t->objs[o].base + (1 << t->objs[o].bits) <= t->nslots;

// C6: an account is never overdrawn.
predicate not_over{L}(struct account *a) = a->used.bytes <= a->max.bytes &&
  a->used.slots <= a->max.slots && a->used.procs <= a->max.procs;
predicate accounts_ok{L}(struct captab *t) =
  (\forall integer o; untyped(t, o) ==> t->objs[o].body < t->naccts) &&
  (\forall integer i; 0 <= i < t->naccts ==> not_over(t->accts + i));
predicate fits{L}(struct account *a, struct charge c) =
  a->used.bytes + c.bytes <= a->max.bytes && a->used.slots + c.slots <= a->max.slots &&
  a->used.procs + c.procs <= a->max.procs;
// The account holds c more than before, exactly.
predicate more{A, B}(struct account *a, struct charge c) =
  \at(a->used.bytes, A) == \at(a->used.bytes, B) + c.bytes &&
  \at(a->used.slots, A) == \at(a->used.slots, B) + c.slots &&
  \at(a->used.procs, A) == \at(a->used.procs, B) + c.procs;

// Slots: what captab_slot() calls one, and what lies in it.
predicate slot{L}(struct captab *t, integer s) = 0 < s < t->nslots && t->slots[s].cnode != 0;
predicate full{L}(struct captab *t, integer s) = slot(t, s) && t->slots[s].cap.type != 0;
predicate names_ok{L}(struct captab *t) = \forall integer s; 0 <= s < t->nslots ==>
  t->slots[s].cap.obj < t->nobjs && t->slots[s].cnode < t->nobjs;
predicate stale{L}(struct captab *t, integer s) =
  t->slots[s].cap.epoch != t->objs[t->slots[s].cap.obj].epoch;
predicate lacks{L}(struct captab *t, integer s, integer rights) =
  (rights & ~t->slots[s].cap.rights) != 0;
predicate may_fill{L}(struct captab *t, integer s) =
  slot(t, s) && t->objs[t->slots[s].cnode].dying == 0;
*/
