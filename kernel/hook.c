/* SPDX-License-Identifier: MIT */
/*
 * What hangs on capabilities: sessions, messages on their way, waits, mappings
 * each have a capability in a CNode of the kernel's own, derived from the one
 * that they depend on. So revoke finds them where it finds everything (K5), and
 * no other table has to be searched.
 */
#include "kernel.h"

uint32_t k_own_get(slot_t *ret)
{
	uint32_t i = k_pool_get(&k.own_pool, 0);
	obj_t *cn = &k.own[i >> K_OWN_BITS];

	if (i == 0)
		return 0;
	if (*cn == 0) {
		if (captab_cnode_new(&k.caps, k.untyped, K_OWN_BITS, cn) != 0) {
			k_pool_put(&k.own_pool, 0, i);
			return 0;
		}
		captab_hold(&k.caps, *cn);
		captab_obj(&k.caps, *cn)->body = K_OWN_BODY;
	}
	*ret = k_own_slot(i);
	return i;
}

slot_t k_own_slot(uint32_t entry)
{
	return captab_cnode_slot(&k.caps, k.own[entry >> K_OWN_BITS],
	    entry & ((1u << K_OWN_BITS) - 1));
}

void k_own_put(uint32_t entry)
{
	captab_delete(&k.caps, k_own_slot(entry));
	k_pool_put(&k.own_pool, 0, entry);
}

int k_hook_on(struct k_hook *h, unsigned type, slot_t parent)
{
	const struct cap *on = &captab_slot(&k.caps, parent)->cap;
	uint64_t badge = type == WRIT_TYPE_SESSION ? on->badge : 0;
	uint16_t rights = type == WRIT_TYPE_REPLY ? WRIT_R_GRANT : on->rights;
	slot_t s;
	uint32_t i = k_own_get(&s);
	obj_t obj;
	int e;

	if (i == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if ((e = captab_obj_new(&k.caps, type, 0, (struct charge){ 0 }, i, &obj)) != 0) {
		k_pool_put(&k.own_pool, 0, i);
		return e;
	}
	*h = (struct k_hook){ .entry = i, .obj = obj, .slot = s };
	k.hooks[i] = h;
	return captab_insert(&k.caps, parent, s, obj, rights, badge);
}

bool k_hook_holds(const struct k_hook *h)
{
	const struct slot *s = h->entry != 0 ? captab_slot(&k.caps, h->slot) : NULL;

	return s != NULL && s->cap.type != WRIT_TYPE_NULL && s->cap.obj == h->obj;
}

void k_hook_off(struct k_hook *h)
{
	if (k_hook_holds(h))
		captab_delete(&k.caps, h->slot);
	if (h->entry != 0)
		k.hooks[h->entry] = NULL;
	h->entry = 0;
}

struct k_hook *k_hook_of(const struct cap *c)
{
	return k.hooks[k_body(c)];
}

void k_hook_moved(slot_t slot)
{
	const struct cap *c = &captab_slot(&k.caps, slot)->cap;

	if (c->type == WRIT_TYPE_REPLY && k_hook_of(c) != NULL)
		k_hook_of(c)->slot = slot;
}

/* The last capability has gone: by revoke, or with the CSpace that it lay in. */
void k_hook_gone(uint32_t body)
{
	struct k_hook *h = k.hooks[body];

	k.hooks[body] = NULL;
	if (h == NULL)
		return;
	h->entry = 0;
	if (captab_obj(&k.caps, h->obj)->type == WRIT_TYPE_SESSION)
		k_session_close(k_container(h, struct k_session, hook), NULL);
	else
		k_wait_lost(k_container(h, struct k_wait, hook));
}
