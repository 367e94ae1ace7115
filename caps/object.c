/* SPDX-License-Identifier: MIT */
/*
 * The table and its objects: birth, references, death; and what an Untyped allows and
 * what is used of it. An account is never overdrawn, and lives until all that was
 * charged to it has been given back. An object dies on a list and not in the call that
 * let go of it, so no chain of deaths, however long, recurses or takes longer than its
 * caller's budget. Upholds C4, C5, C6, C8, C9.
 *
 * Free lists end in untouched entries: an entry whose next is 0 is followed by
 * the one behind it in the table. So untouched memory stays untouched.
 */
#include "caps.h"

void captab_init(struct captab *t, captab_finalise *fn, void *arg)
{
	must(t->nslots >= 64 && t->nslots % 64 == 0 && t->nslots < SLOT_UP);
	must(t->nobjs >= 1 && t->nobjs < SLOT_UP && t->naccts >= 1 && t->naccts < SLOT_UP);
	t->nblocks = t->nslots / 64;
	t->free_obj = t->free_acct = t->block_hint = 1;
	t->finalise = fn;
	t->arg = arg;
	t->blocks[0] = 1; /* slot 0 lies in it */
}

struct object *captab_obj(const struct captab *t, obj_t o)
{
	if (o == 0 || o >= t->nobjs || t->objs[o].type == WRIT_TYPE_NULL)
		return NULL;
	return &t->objs[o];
}

/* The object, which the caller says is there. */
static struct object *obj_get(const struct captab *t, obj_t o)
{
	struct object *obj = captab_obj(t, o);

	must(obj != NULL);
	return obj;
}

/* --- accounts ------------------------------------------------------------- */

struct account *captab_account(const struct captab *t, obj_t o)
{
	const struct object *obj = captab_obj(t, o);

	if (obj == NULL || obj->type != WRIT_TYPE_UNTYPED)
		return NULL;
	return &t->accts[obj->body];
}

static bool charge_fits(const struct account *a, struct charge c)
{
	return c.bytes <= a->max.bytes - a->used.bytes && c.slots <= a->max.slots - a->used.slots &&
	    c.procs <= a->max.procs - a->used.procs;
}

static bool account_in_use(const struct account *a)
{
	return a->used.bytes != 0 || a->used.slots != 0 || a->used.procs != 0;
}

/* Put @o on the list of the dying if nothing keeps it alive. */
static void obj_settle(struct captab *t, obj_t o)
{
	struct object *obj = obj_get(t, o);

	if (obj->refs != 0 || obj->dying)
		return;
	if (obj->type == WRIT_TYPE_UNTYPED && account_in_use(&t->accts[obj->body]))
		return;
	obj->dying = 1;
	if (t->dying_tail != 0)
		t->objs[t->dying_tail].next = o;
	else
		t->dying_head = o;
	t->dying_tail = o;
}

int captab_untyped_new(struct captab *t, obj_t parent, struct charge max, obj_t *ret)
{
	uint32_t acct = t->free_acct;
	struct account *a = &t->accts[acct];
	int err;

	if (acct >= t->naccts)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	err = caps_obj_make(t, WRIT_TYPE_UNTYPED, parent, max, acct, ret);
	if (err != 0)
		return err;
	t->free_acct = a->next != 0 ? a->next : acct + 1;
	*a = (struct account){ .max = max, .obj = *ret };
	return 0;
}

int captab_charge(struct captab *t, obj_t untyped, struct charge c)
{
	struct account *a = captab_account(t, untyped);

	must(a != NULL);
	if (t->objs[untyped].dying || !charge_fits(a, c))
		return WRIT_E_NOT_ENOUGH_MEMORY;
	a->used.bytes += c.bytes;
	a->used.slots += c.slots;
	a->used.procs += c.procs;
	return 0;
}

void captab_uncharge(struct captab *t, obj_t untyped, struct charge c)
{
	struct account *a = captab_account(t, untyped);

	must(a != NULL);
	must(c.bytes <= a->used.bytes && c.slots <= a->used.slots && c.procs <= a->used.procs);
	a->used.bytes -= c.bytes;
	a->used.slots -= c.slots;
	a->used.procs -= c.procs;
	obj_settle(t, untyped);
}

/* --- objects -------------------------------------------------------------- */

int caps_obj_make(struct captab *t, unsigned type, obj_t untyped, struct charge c, uint32_t body,
    obj_t *ret)
{
	obj_t o = t->free_obj;
	struct object *obj = &t->objs[o];
	int err;

	if (o >= t->nobjs)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if (untyped != 0) {
		err = captab_charge(t, untyped, c);
		if (err != 0)
			return err;
		captab_hold(t, untyped);
	}
	t->free_obj = obj->next != 0 ? obj->next : o + 1;
	t->live_objs++;
	*obj = (struct object){
		.type = (uint8_t)type,
		.epoch = obj->epoch,
		.untyped = untyped,
		.body = body,
		.paid = c,
	};
	*ret = o;
	return 0;
}

int captab_obj_new(struct captab *t, unsigned type, obj_t untyped, struct charge c, uint32_t body,
    obj_t *ret)
{
	must(type > WRIT_TYPE_NULL && type < WRIT_TYPE_N);
	must(type != WRIT_TYPE_CNODE && type != WRIT_TYPE_UNTYPED);
	return caps_obj_make(t, type, untyped, c, body, ret);
}

/* Give back the entry and all that the object owned and had paid for. */
static void obj_free(struct captab *t, obj_t o)
{
	struct object *obj = &t->objs[o];
	struct object was = *obj;

	if (was.type == WRIT_TYPE_CNODE)
		caps_cnode_free(t, &was);
	if (was.type == WRIT_TYPE_UNTYPED) {
		t->accts[was.body] = (struct account){ .next = t->free_acct };
		t->free_acct = was.body;
	}
	*obj = (struct object){ .epoch = was.epoch + 1, .next = t->free_obj };
	t->free_obj = o;
	t->live_objs--;
	if (was.untyped != 0) {
		captab_uncharge(t, was.untyped, was.paid);
		captab_unhold(t, was.untyped);
	}
}

void captab_obj_drop(struct captab *t, obj_t o)
{
	struct object *obj = obj_get(t, o);

	must(obj->refs == 0 && !obj->dying);
	if (obj->type == WRIT_TYPE_CNODE) {
		for (slot_t i = 0; i < 1u << obj->bits; i++)
			caps_slot_retire(t, obj->base + i);
	}
	if (obj->type == WRIT_TYPE_UNTYPED)
		must(!account_in_use(&t->accts[obj->body]));
	obj_free(t, o);
}

void captab_hold(struct captab *t, obj_t o)
{
	struct object *obj = obj_get(t, o);

	must(!obj->dying && obj->refs < UINT32_MAX);
	obj->refs++;
}

void captab_unhold(struct captab *t, obj_t o)
{
	struct object *obj = obj_get(t, o);

	must(obj->refs > 0);
	obj->refs--;
	obj_settle(t, o);
}

bool captab_reap(struct captab *t, unsigned budget)
{
	for (; budget > 0 && t->dying_head != 0; budget--) {
		obj_t o = t->dying_head;
		struct object *obj = &t->objs[o];

		if (obj->type == WRIT_TYPE_CNODE && t->reap_next < 1u << obj->bits) {
			caps_slot_retire(t, obj->base + t->reap_next++);
			continue;
		}
		t->finalise(t->arg, o);
		t->dying_head = obj->next;
		if (t->dying_head == 0)
			t->dying_tail = 0;
		t->reap_next = 0;
		obj_free(t, o);
	}
	return t->dying_head != 0;
}
