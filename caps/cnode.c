/* SPDX-License-Identifier: MIT */
/*
 * CNodes: runs of slots, in blocks of 64, and the walk through them that turns
 * an address into a slot. The lowest run that fits is taken, so that memory
 * used once is used again. Upholds C7.
 */
#include "caps.h"

enum { BITS_MIN = 6, BITS_MAX = 16, BLOCK_BITS = 6 };

static bool block_used(const struct captab *t, uint32_t b)
{
	return t->blocks[b / 64] >> b % 64 & 1;
}

/* The first of @n free blocks in a row; 0 when there are none (block 0 is slot 0's). */
static uint32_t run_find(const struct captab *t, uint32_t n)
{
	uint32_t len = 0;

	for (uint32_t b = t->block_hint; b < t->nblocks; b++) {
		if (b % 64 == 0 && t->blocks[b / 64] == UINT64_MAX) {
			len = 0;
			b += 63;
			continue;
		}
		len = block_used(t, b) ? 0 : len + 1;
		if (len == n)
			return b + 1 - n;
	}
	return 0;
}

static void run_take(struct captab *t, uint32_t first, uint32_t n)
{
	for (uint32_t b = first; b < first + n; b++)
		t->blocks[b / 64] |= UINT64_C(1) << b % 64;
	while (t->block_hint < t->nblocks && block_used(t, t->block_hint))
		t->block_hint++;
}

static void run_free(struct captab *t, uint32_t first, uint32_t n)
{
	for (uint32_t b = first; b < first + n; b++)
		t->blocks[b / 64] &= ~(UINT64_C(1) << b % 64);
	if (first < t->block_hint)
		t->block_hint = first;
}

int captab_cnode_new(struct captab *t, obj_t untyped, unsigned bits, obj_t *ret)
{
	struct charge c;
	uint32_t run;
	obj_t o;
	int err;

	if (bits < BITS_MIN || bits > BITS_MAX)
		return WRIT_E_RANGE;
	run = run_find(t, 1u << (bits - BLOCK_BITS));
	if (run == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	c = (struct charge){ .bytes = sizeof(struct slot) << bits, .slots = 1u << bits };
	err = caps_obj_make(t, WRIT_TYPE_CNODE, untyped, c, 0, &o);
	if (err != 0)
		return err;
	run_take(t, run, 1u << (bits - BLOCK_BITS));
	t->objs[o].bits = (uint16_t)bits;
	t->objs[o].base = run << BLOCK_BITS;
	for (slot_t i = 0; i < 1u << bits; i++)
		t->slots[t->objs[o].base + i].cnode = o;
	*ret = o;
	return 0;
}

void caps_cnode_free(struct captab *t, const struct object *cnode)
{
	run_free(t, cnode->base >> BLOCK_BITS, 1u << (cnode->bits - BLOCK_BITS));
}

slot_t captab_cnode_slot(const struct captab *t, obj_t cnode, uint64_t index)
{
	const struct object *n = captab_obj(t, cnode);

	if (n == NULL || n->type != WRIT_TYPE_CNODE || n->dying || index >= UINT64_C(1) << n->bits)
		return 0;
	return n->base + (slot_t)index;
}

/* The CNode that @c names; NULL when it names none, or no longer. */
static const struct object *cnode_of(const struct captab *t, const struct cap *c)
{
	const struct object *n = captab_obj(t, c->obj);

	if (c->type != WRIT_TYPE_CNODE || n == NULL || n->type != WRIT_TYPE_CNODE || n->dying ||
	    n->epoch != c->epoch)
		return NULL;
	return n;
}

/* The @n highest of the @left lowest bits of @index. */
static uint64_t bits_take(uint64_t index, unsigned left, unsigned n)
{
	uint64_t span = UINT64_C(1) << n;

	/*@ assert span: span == (1 << n) && span >= 1; */
	return n == 0 ? 0 : (index >> (left - n)) % span;
}

int captab_resolve(const struct captab *t, const struct cap *root, uint64_t index, unsigned depth,
    slot_t *ret)
{
	const struct object *n = cnode_of(t, root);
	unsigned left = depth;

	if (n == NULL)
		return WRIT_E_INVALID_CAPABILITY;
	if (depth < 1 || depth > 64)
		return WRIT_E_RANGE;
	/*@ loop invariant 1 <= left <= 64 && \valid_read(root) && *ret == \at(*ret, Pre);
	    loop invariant n == \null || (cnode(t, root->obj) && n == t->objs + root->obj);
	    loop assigns root, n, left; */
	while (n != NULL) {
		unsigned guard_bits = root->flags % (CAP_GUARD_BITS + 1u);
		slot_t s;

		if (guard_bits + n->bits > left ||
		    bits_take(index, left, guard_bits) != root->guard)
			return WRIT_E_FAILED_LOOKUP;
		left -= guard_bits;
		s = n->base + (slot_t)bits_take(index, left, n->bits);
		left -= n->bits;
		if (left == 0) {
			*ret = s;
			return 0;
		}
		root = &t->slots[s].cap;
		n = cnode_of(t, root);
	}
	return WRIT_E_FAILED_LOOKUP;
}
