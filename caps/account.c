/* SPDX-License-Identifier: MIT */
/*
 * Accounts: what an Untyped allows and what is used of it. An account is never
 * overdrawn, and lives until all that was charged to it has been given back.
 * Upholds C6.
 */
#include "caps.h"

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

bool caps_account_in_use(const struct account *a)
{
	return a->used.bytes != 0 || a->used.slots != 0 || a->used.procs != 0;
}

void caps_account_free(struct captab *t, uint32_t acct)
{
	t->accts[acct] = (struct account){ .next = t->free_acct };
	t->free_acct = acct;
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
	caps_obj_settle(t, untyped);
}
