/* SPDX-License-Identifier: MIT */
/*
 * Capabilities in slots: insert, derive, move, delete, revoke. The only file
 * that writes a slot's cap. Each function checks all, then changes all.
 * Upholds C2, C3, C4, C9, C10, C11.
 */
#include "caps.h"

struct slot *captab_slot(const struct captab *t, slot_t s)
{
	if (s == 0 || s >= t->nslots || t->slots[s].cnode == 0)
		return NULL;
	return &t->slots[s];
}

/* The slot when a capability lies in it, else NULL. */
static struct slot *slot_full(const struct captab *t, slot_t s)
{
	struct slot *sl = captab_slot(t, s);

	return sl != NULL && sl->cap.type != WRIT_TYPE_NULL ? sl : NULL;
}

/* The slot when something may be put there: none into a CNode that dies. */
static struct slot *slot_dst(const struct captab *t, slot_t s)
{
	struct slot *sl = captab_slot(t, s);

	return sl != NULL && !t->objs[sl->cnode].dying ? sl : NULL;
}

static bool cap_stale(const struct captab *t, const struct cap *c)
{
	return c->epoch != t->objs[c->obj].epoch;
}

static void changed(const struct captab *t, slot_t s)
{
	if (t->changed != NULL)
		t->changed(t->arg, s);
}

static void slot_fill(struct captab *t, slot_t parent, slot_t dst, struct cap c)
{
	caps_tree_link(t, parent, dst);
	captab_hold(t, c.obj);
	t->slots[dst].cap = c;
	t->live_slots++;
	changed(t, dst);
}

static void slot_empty(struct captab *t, slot_t s)
{
	struct slot *sl = &t->slots[s];
	obj_t o = sl->cap.obj;

	changed(t, s);
	caps_tree_unlink(t, s);
	sl->cap = (struct cap){ 0 };
	sl->gen++;
	t->live_slots--;
	captab_unhold(t, o);
}

void caps_slot_retire(struct captab *t, slot_t s)
{
	if (t->slots[s].cap.type != WRIT_TYPE_NULL)
		slot_empty(t, s);
	t->slots[s].cnode = 0;
}

int captab_check(const struct captab *t, slot_t s, unsigned type, uint16_t rights,
    const struct cap **ret)
{
	const struct slot *sl = slot_full(t, s);

	if (sl == NULL)
		return WRIT_E_FAILED_LOOKUP;
	if (cap_stale(t, &sl->cap))
		return WRIT_E_STALE;
	if (type != WRIT_TYPE_NULL && sl->cap.type != type)
		return WRIT_E_INVALID_CAPABILITY;
	if (rights & ~sl->cap.rights)
		return WRIT_E_NO_RIGHT;
	*ret = &sl->cap;
	return 0;
}

/* May a capability to @obj with these rights and badge lie below @parent? */
static int insert_allowed(const struct cap *parent, obj_t obj, uint16_t rights, uint64_t badge)
{
	if (parent == NULL || parent->obj != obj)
		return 0;
	if (rights & ~parent->rights)
		return WRIT_E_NO_RIGHT;
	if ((parent->badge != 0 && badge != parent->badge) || parent->type == WRIT_TYPE_REPLY)
		return WRIT_E_ILLEGAL_OPERATION;
	return 0;
}

int captab_insert(struct captab *t, slot_t parent, slot_t dst, obj_t obj, uint16_t rights,
    uint64_t badge)
{
	const struct slot *up = slot_full(t, parent);
	const struct slot *to = slot_dst(t, dst);
	const struct object *o = captab_obj(t, obj);
	int err;

	if ((parent != 0 && up == NULL) || to == NULL)
		return WRIT_E_FAILED_LOOKUP;
	if (to->cap.type != WRIT_TYPE_NULL)
		return WRIT_E_DELETE_FIRST;
	if (o == NULL || o->dying || (up != NULL && cap_stale(t, &up->cap)))
		return WRIT_E_STALE;
	err = insert_allowed(up != NULL ? &up->cap : NULL, obj, rights, badge);
	if (err != 0)
		return err;
	if (badge != 0 && !type_takes_badge(o->type))
		return WRIT_E_ILLEGAL_OPERATION;
	slot_fill(t, parent, dst,
	    (struct cap){ .type = o->type,
		.rights = rights,
		.obj = obj,
		.epoch = o->epoch,
		.badge = badge });
	return 0;
}

/* What copy and mint have in common: all but the badge. */
static int derive_allowed(const struct captab *t, slot_t src, slot_t dst, uint16_t rights)
{
	const struct slot *from = slot_full(t, src);
	const struct slot *to = slot_dst(t, dst);

	if (from == NULL || to == NULL)
		return WRIT_E_FAILED_LOOKUP;
	if (to->cap.type != WRIT_TYPE_NULL)
		return WRIT_E_DELETE_FIRST;
	if (cap_stale(t, &from->cap))
		return WRIT_E_STALE;
	if (rights & ~from->cap.rights)
		return WRIT_E_NO_RIGHT;
	if (from->cap.type == WRIT_TYPE_UNTYPED && from->first != 0)
		return WRIT_E_REVOKE_FIRST;
	return from->cap.type == WRIT_TYPE_REPLY ? WRIT_E_ILLEGAL_OPERATION : 0;
}

int captab_copy(struct captab *t, slot_t src, slot_t dst, uint16_t rights)
{
	int err = derive_allowed(t, src, dst, rights);
	struct cap c;

	if (err != 0)
		return err;
	c = t->slots[src].cap;
	c.rights = rights;
	slot_fill(t, src, dst, c);
	return 0;
}

/* Set the guard of a CNode capability, given as seL4 does: value << 6 | size. */
static int guard_set(const struct captab *t, struct cap *c, uint64_t data)
{
	unsigned bits = data % (CAP_GUARD_BITS + 1u);
	uint64_t guard = data / (CAP_GUARD_BITS + 1u);

	if (c->type != WRIT_TYPE_CNODE || bits + t->objs[c->obj].bits > 64 || guard > UINT32_MAX ||
	    guard >> bits != 0)
		return WRIT_E_ILLEGAL_OPERATION;
	c->flags = (uint8_t)bits;
	c->guard = (uint32_t)guard;
	return 0;
}

static int badge_set(struct cap *c, uint64_t badge)
{
	if (badge == 0 || c->badge != 0 || !type_mints(c->type))
		return WRIT_E_ILLEGAL_OPERATION;
	c->badge = badge;
	return 0;
}

int captab_mint(struct captab *t, slot_t src, slot_t dst, uint16_t rights, uint64_t badge)
{
	int err = derive_allowed(t, src, dst, rights);
	struct cap c;

	if (err != 0)
		return err;
	c = t->slots[src].cap;
	err = c.type == WRIT_TYPE_CNODE ? guard_set(t, &c, badge) : badge_set(&c, badge);
	if (err != 0)
		return err;
	c.rights = rights;
	slot_fill(t, src, dst, c);
	return 0;
}

static int move_allowed(const struct captab *t, slot_t src, slot_t dst)
{
	const struct slot *to = slot_dst(t, dst);

	if (slot_full(t, src) == NULL || to == NULL)
		return WRIT_E_FAILED_LOOKUP;
	return to->cap.type != WRIT_TYPE_NULL ? WRIT_E_DELETE_FIRST : 0;
}

static void slot_move(struct captab *t, slot_t src, slot_t dst, struct cap c)
{
	caps_tree_replace(t, src, dst);
	t->slots[dst].cap = c;
	t->slots[src].cap = (struct cap){ 0 };
	t->slots[src].gen++;
	changed(t, src);
	changed(t, dst);
}

int captab_move(struct captab *t, slot_t src, slot_t dst)
{
	int err = move_allowed(t, src, dst);

	if (err == 0)
		slot_move(t, src, dst, t->slots[src].cap);
	return err;
}

int captab_mutate(struct captab *t, slot_t src, slot_t dst, uint64_t guard)
{
	int err = move_allowed(t, src, dst);
	struct cap c;

	if (err != 0)
		return err;
	c = t->slots[src].cap;
	if (cap_stale(t, &c))
		return WRIT_E_STALE;
	err = guard_set(t, &c, guard);
	if (err == 0)
		slot_move(t, src, dst, c);
	return err;
}

int captab_rotate(struct captab *t, slot_t src, slot_t pivot, slot_t dst)
{
	struct cap first, second;

	if (slot_full(t, src) == NULL || slot_full(t, pivot) == NULL ||
	    slot_dst(t, pivot) == NULL || slot_dst(t, dst) == NULL)
		return WRIT_E_FAILED_LOOKUP;
	if (pivot == src || pivot == dst)
		return WRIT_E_ILLEGAL_OPERATION;
	if (src != dst && t->slots[dst].cap.type != WRIT_TYPE_NULL)
		return WRIT_E_DELETE_FIRST;
	first = t->slots[src].cap;
	second = t->slots[pivot].cap;
	caps_tree_replace(t, pivot, SLOT_SPARE);
	slot_move(t, src, pivot, first);
	caps_tree_replace(t, SLOT_SPARE, dst);
	t->slots[dst].cap = second;
	t->slots[pivot].gen++;
	changed(t, dst);
	return 0;
}

int captab_delete(struct captab *t, slot_t s)
{
	if (captab_slot(t, s) == NULL)
		return WRIT_E_FAILED_LOOKUP;
	if (t->slots[s].cap.type != WRIT_TYPE_NULL)
		slot_empty(t, s);
	return 0;
}

int captab_revoke_at(struct captab *t, slot_t s, uint32_t gen, unsigned budget, bool *ret_more)
{
	if (captab_slot(t, s) == NULL || t->slots[s].gen != gen)
		return WRIT_E_STALE;
	for (; budget > 0 && t->slots[s].first != 0; budget--)
		slot_empty(t, t->slots[s].first);
	*ret_more = t->slots[s].first != 0;
	return 0;
}
