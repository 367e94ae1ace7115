/* SPDX-License-Identifier: MIT */
/*
 * Private to caps/: what its files use of each other. Callers outside go
 * through <writ/cap.h> only.
 */
#pragma once
#include <writ/cap.h>

/* The caller or this library broke the contract: going on would corrupt authority. */
/*@ assigns \nothing; ensures ok; exits \false; */
static inline void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* A link to a parent, SLOT_UP | @s: as sums, which a prover follows more easily. */
static inline bool up_is(uint32_t link)
{
	return link >= SLOT_UP;
}

static inline uint32_t up_to(slot_t s)
{
	return s + SLOT_UP;
}

static inline slot_t up_slot(uint32_t link)
{
	return link - SLOT_UP;
}

/* Slots 1 to 63 share slot 0's block and are no CNode's: one lends its links to a swap. */
enum { SLOT_SPARE = 1 };

/* Types whose capabilities may be minted with a badge. */
static inline bool type_mints(unsigned type)
{
	return type == WRIT_TYPE_ENDPOINT || type == WRIT_TYPE_NOTIFICATION ||
	    type == WRIT_TYPE_PATH;
}

/* Types whose capabilities may carry one: a Session has that of its Path. */
static inline bool type_takes_badge(unsigned type)
{
	return type_mints(type) || type == WRIT_TYPE_SESSION;
}

/* --- tree.c: links between slots; knows nothing of what lies in them ----- */

/* Make @s, which has no links, the last child of @parent (0: a root). */
void caps_tree_link(struct captab *t, slot_t parent, slot_t s);
/* Take @s out; its children take its place, in their order. */
void caps_tree_unlink(struct captab *t, slot_t s);
/* Put @dst, which has no links, where @src is; @src has none afterwards. */
void caps_tree_replace(struct captab *t, slot_t src, slot_t dst);

/* --- slot.c -------------------------------------------------------------- */

/* Empty @s if it isn't, and take it from its CNode: from now on it is free. */
void caps_slot_retire(struct captab *t, slot_t s);

/* --- object.c ------------------------------------------------------------ */

/* captab_obj_new() for every type. */
int caps_obj_make(struct captab *t, unsigned type, obj_t untyped, struct charge c, uint32_t body,
    obj_t *ret);

/* --- cnode.c ------------------------------------------------------------- */

/* Give back the blocks of a CNode whose slots are all retired. */
void caps_cnode_free(struct captab *t, const struct object *cnode);
