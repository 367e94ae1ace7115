/* SPDX-License-Identifier: MIT */
/*
 * The capability library (caps/): slots, objects, the derivation tree, quotas.
 *
 * Pure C: no system call, no allocation, no global, no I/O. The caller gives
 * the memory once; every operation is O(1) but for those that say otherwise.
 * The kernel is its only user besides the tests. Semantics follow seL4's
 * (manual ch. 3, "Capability Spaces"); docs/capabilities.md says where not:
 * above all, *every* capability revokes what was derived from it, also a copy,
 * and deleting one hands its children to its parent.
 *
 * Errors are the positive numbers of <writ/err.h>, 0 is success. A function
 * that fails has changed nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/err.h>
#include <writ/rights.h>

/* A slot's number in the one table of the node; 0 is no slot. Never seen by procs. */
typedef uint32_t slot_t;
/* An object's number; 0 is no object. */
typedef uint32_t obj_t;

/* What a capability says. Copied by value; valid only while it lies in a slot. */
struct cap {
	uint8_t type;    /* enum writ_type; NULL means the slot is empty */
	uint8_t flags;   /* CAP_... */
	uint16_t rights; /* WRIT_R_... */
	obj_t obj;
	uint32_t epoch; /* must equal the object's, else the cap is stale */
	uint32_t guard; /* CNode caps: guard value; else 0 */
	uint64_t badge; /* Endpoint, Notification, Path, Session (its Path's): 0 = unbadged */
};
enum { CAP_GUARD_BITS = 0x3f /* low 6 bits of flags on CNode caps: guard size */ };

/*
 * One slot. The tree links are threaded so that each operation is O(1): the
 * first child's prev and the last child's next are the parent, marked by
 * SLOT_UP. The caller reads them through captab_parent() and friends only.
 */
struct slot {
	struct cap cap;
	uint32_t gen;         /* counts what has lain here: a stale name never fits again */
	obj_t cnode;          /* the CNode this slot belongs to; 0: the slot is free */
	uint32_t first, last; /* children */
	uint32_t prev, next;  /* siblings, or the parent with SLOT_UP */
};
_Static_assert(sizeof(struct slot) == 48, "kernel memory per slot <= 64 bytes");
#define SLOT_UP 0x80000000u

/* What an object costs its Untyped. */
struct charge {
	uint64_t bytes;
	uint32_t slots, procs;
};

/* Header of an object; its body, if it has one, is the caller's. */
struct object {
	uint8_t type;  /* enum writ_type; NULL: this entry is free */
	uint8_t dying; /* on the list of objects to finalise */
	uint16_t bits; /* CNode: log2 of its slots */
	uint32_t refs; /* capabilities that name it, captab_hold()s, objects it pays for */
	uint32_t epoch;
	obj_t untyped; /* who pays; 0: nobody (boot objects) */
	uint32_t body; /* the caller's index into its table of that type */
	slot_t base;   /* CNode: its first slot */
	uint32_t next; /* free list, or list of the dying */
	struct charge paid;
};

/* An Untyped's account, kept beside the object table, indexed by object->body. */
struct account {
	struct charge max, used;
	obj_t obj;
	uint32_t next;
};

/*
 * Called once for an object that no capability names any more. The body is to
 * be released; the entry itself is freed (and its charge returned) after the
 * call. May call any captab_ function but captab_reap().
 */
typedef void captab_finalise(void *arg, obj_t obj);

/* Called when what lies in @s has changed, or is about to go. Must not call back. */
typedef void captab_changed(void *arg, slot_t s);

struct captab {
	struct slot *slots;
	uint32_t nslots;
	struct object *objs;
	uint32_t nobjs;
	struct account *accts;
	uint32_t naccts;
	uint64_t *blocks;
	uint32_t nblocks; /* one bit per 64 slots; set = used */
	uint32_t free_obj, free_acct, dying_head, dying_tail, block_hint;
	uint32_t reap_next;             /* slots done of the first dying CNode */
	uint32_t live_slots, live_objs; /* occupied slots, objects in use */
	captab_finalise *finalise;
	captab_changed *changed; /* NULL: nobody wants to know */
	void *arg;
};

/*
 * Set up @t, which has its four arrays, zeroed, and the lengths of the first
 * three; @nslots is a multiple of 64, and @blocks has CAPTAB_WORDS(nslots) words.
 * Untouched parts stay untouched: free lists grow on use, so an mmap costs only
 * what is used. Slot 0, object 0 and account 0 are never given out.
 */
void captab_init(struct captab *t, captab_finalise *fn, void *arg);
#define CAPTAB_WORDS(nslots) (((nslots) / 64 + 63) / 64)

/* --- objects ------------------------------------------------------------ */

/*
 * Make an object of @type that @untyped pays @c for (0: nobody). It starts
 * with no references and dies when the first ones are gone again, or at once
 * by captab_obj_drop(). Errors: NOT_ENOUGH_MEMORY (table full, or the quota
 * of the Untyped).
 */
int captab_obj_new(struct captab *t, unsigned type, obj_t untyped, struct charge c, uint32_t body,
    obj_t *ret);
/* Undo captab_obj_new() for an object that never got a reference. No finalise. */
void captab_obj_drop(struct captab *t, obj_t obj);
/* Keep / let go of an object without a capability (a running proc holds itself). With the last
 * reference it starts to die. */
void captab_hold(struct captab *t, obj_t obj);
void captab_unhold(struct captab *t, obj_t obj);
/*
 * Finalise up to @budget dying objects and free them. Slots of a dying CNode
 * are deleted one by one, each a unit of the budget. Returns true when some
 * are left: call again.
 */
bool captab_reap(struct captab *t, unsigned budget);

/* --- accounts ----------------------------------------------------------- */

/*
 * Make an Untyped whose account allows @max, reserved out of @parent (0: the
 * boot Untyped; its account comes from nowhere). The reserve goes back when it
 * is finalised. The object's body is its account. An Untyped lives until all
 * that was charged to it is given back, also without a capability to it.
 * Errors: NOT_ENOUGH_MEMORY.
 */
int captab_untyped_new(struct captab *t, obj_t parent, struct charge max, obj_t *ret);
/* Charge @c to @untyped beside its objects / give it back. Errors: NOT_ENOUGH_MEMORY. */
int captab_charge(struct captab *t, obj_t untyped, struct charge c);
void captab_uncharge(struct captab *t, obj_t untyped, struct charge c);
/* The account of an Untyped; NULL when @obj is none. */
struct account *captab_account(const struct captab *t, obj_t obj);

/* --- CNodes ------------------------------------------------------------- */

/*
 * Make a CNode of 2^bits slots (6..16), charged to @untyped at
 * sizeof(struct slot) bytes and one slot each. O(slots made + blocks looked through).
 * Errors: RANGE (bits), NOT_ENOUGH_MEMORY.
 */
int captab_cnode_new(struct captab *t, obj_t untyped, unsigned bits, obj_t *ret);
/* Slot @index of CNode @cnode, with no guard; 0 when out of range. */
slot_t captab_cnode_slot(const struct captab *t, obj_t cnode, uint64_t index);

/*
 * Resolve @index, @depth bits deep (1..64), from the CNode capability @root:
 * seL4's guarded page table, most significant bit first. Succeeds when the bits
 * run out exactly at a slot. Errors: INVALID_CAPABILITY (@root is no CNode cap),
 * RANGE (depth), FAILED_LOOKUP (guard or depth mismatch, or no CNode on the way).
 */
int captab_resolve(const struct captab *t, const struct cap *root, uint64_t index, unsigned depth,
    slot_t *ret);

/* --- slots -------------------------------------------------------------- */

/* The slot, or NULL when @s is no slot in use by a CNode. */
struct slot *captab_slot(const struct captab *t, slot_t s);
/* The object header; NULL when @o is none in use. */
struct object *captab_obj(const struct captab *t, obj_t o);

/*
 * The capability in slot @s when it is there, not stale, of @type (0: any) and
 * has all of @rights. Errors: FAILED_LOOKUP (empty), STALE, INVALID_CAPABILITY
 * (type), NO_RIGHT. *ret is borrowed until the slot changes.
 */
int captab_check(const struct captab *t, slot_t s, unsigned type, uint16_t rights,
    const struct cap **ret);

/*
 * Put a new capability to @obj into @dst, as a child of @parent (0: a root of
 * the tree). Rights are the caller's word: an object's maker decides them; but
 * below a capability to the same object they can only shrink, and a badge stays.
 * A Reply has one capability: its maker puts one, and none may lie below it.
 * Errors, in this order: FAILED_LOOKUP (no such slot, or @parent empty),
 * DELETE_FIRST (@dst occupied), STALE (@parent is, or @obj is gone or dying),
 * NO_RIGHT, ILLEGAL_OPERATION (badge: see struct cap; a Reply below itself).
 */
int captab_insert(struct captab *t, slot_t parent, slot_t dst, obj_t obj, uint16_t rights,
    uint64_t badge);

/*
 * Derive a child of @src in @dst, to the same object. Rights not held by @src
 * are refused, not masked (unlike seL4, which downgrades silently).
 * copy keeps the badge and the guard. mint sets @badge: only from an unbadged
 * Endpoint, Notification or Path cap (ILLEGAL_OPERATION else, also for badge 0).
 * On a CNode cap, @badge is the new guard as seL4 has it: value << 6 | size, 0
 * for none (ILLEGAL_OPERATION: a value that needs more than size or 32 bits, or a
 * size that leaves no room for the CNode's own bits in an address).
 * An Untyped with children can't be copied (REVOKE_FIRST), a Reply never
 * (ILLEGAL_OPERATION): it answers one call once, so there is one of it, to be moved
 * or deleted.
 * Errors, in this order: FAILED_LOOKUP (no such slot, or empty source),
 * DELETE_FIRST, STALE, NO_RIGHT, REVOKE_FIRST, ILLEGAL_OPERATION.
 */
int captab_copy(struct captab *t, slot_t src, slot_t dst, uint16_t rights);
int captab_mint(struct captab *t, slot_t src, slot_t dst, uint16_t rights, uint64_t badge);

/* Move @src to the empty slot @dst, with its place in the tree. Errors: FAILED_LOOKUP,
 * DELETE_FIRST. */
int captab_move(struct captab *t, slot_t src, slot_t dst);
/*
 * Move a CNode capability and set its guard, given as for mint. Errors, in this
 * order: those of captab_move(), STALE, ILLEGAL_OPERATION (no CNode, or the guard).
 */
int captab_mutate(struct captab *t, slot_t src, slot_t dst, uint64_t guard);
/*
 * Move @pivot to the empty slot @dst and @src to @pivot, as one step; with
 * @dst == @src the two change places. Both keep their places in the tree.
 * Errors, in this order: FAILED_LOOKUP (no such slot, or @src or @pivot empty),
 * ILLEGAL_OPERATION (@pivot is @src or @dst), DELETE_FIRST.
 */
int captab_rotate(struct captab *t, slot_t src, slot_t pivot, slot_t dst);

/*
 * Empty slot @s. Its children become its parent's, in its place. The object
 * starts to die when this was its last reference. An empty slot is no error
 * (as in seL4). Errors: FAILED_LOOKUP (no such slot).
 */
int captab_delete(struct captab *t, slot_t s);

/*
 * Delete up to @budget descendants of @s, which itself stays, while the slot's
 * generation is still @gen (struct slot; read when the revoke begins). *ret_more is
 * true when some are left: call again. Between calls others may run; what they
 * derive from @s meanwhile goes as well. STALE: the capability has left @s, so
 * that what is left of its descendants is its parent's, or went with it. They
 * were not all revoked, and nothing below a later capability in @s was touched.
 */
int captab_revoke_at(struct captab *t, slot_t s, uint32_t gen, unsigned budget, bool *ret_more);

/* 0 when there is none. O(siblings). */
slot_t captab_parent(const struct captab *t, slot_t s);

/* --- for tests: these lie in tests/unit/caps, outside the trusted part ----- */

/* Set up @t over @mem, zeroed, of captab_size() bytes and aligned to 64. */
void captab_make(struct captab *t, void *mem, uint32_t nslots, uint32_t nobjs, uint32_t naccts,
    captab_finalise *fn, void *arg);
size_t captab_size(uint32_t nslots, uint32_t nobjs, uint32_t naccts);

/* Make every capability to @obj stale at once; they stay in their slots until deleted. */
void captab_obj_bump(struct captab *t, obj_t obj);

/* Revoke below what lies in @s now. Errors: FAILED_LOOKUP (no such slot). */
int captab_revoke(struct captab *t, slot_t s, unsigned budget, bool *ret_more);

/* The other tree neighbours; captab_first() of 0 is the first root, captab_next() of one the next.
 */
slot_t captab_first(const struct captab *t, slot_t s);
slot_t captab_next(const struct captab *t, slot_t s);

/*
 * Every invariant of docs/capabilities.md that can be seen at one moment,
 * looked through from scratch: O(n), once more for each 512 objects.
 * Returns NULL, or the sentence of the first one that doesn't hold.
 */
const char *captab_verify(const struct captab *t);
