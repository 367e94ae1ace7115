/* SPDX-License-Identifier: MIT */
/*
 * Calls on capabilities themselves: derive, move, delete, revoke, look. The
 * rules are captab's; here addresses become slots and nothing else is decided.
 */
#include "kernel.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The request of a call on slots, and what its source resolves to. */
static int source(struct k_req *q, const struct writ_cap_req **ret, slot_t *ret_src)
{
	*ret = q->in;
	return q->h.len == sizeof(**ret) ? k_resolve(q, &(*ret)->src, ret_src) : WRIT_E_BAD_REQUEST;
}

static void say_missing(struct k_req *q, slot_t src, uint32_t rights)
{
	const struct slot *s = captab_slot(&k.caps, src);

	if (s != NULL)
		q->missing = rights & ~(uint32_t)s->cap.rights;
}

static int derive(struct k_req *q, bool badged)
{
	const struct writ_cap_req *r;
	slot_t src, dst;
	int e;

	if ((e = source(q, &r, &src)) != 0 || (e = k_resolve(q, &r->dst, &dst)) != 0)
		return e;
	if ((r->rights & ~(uint32_t)WRIT_R_ALL) != 0)
		return WRIT_E_BAD_REQUEST;
	e = badged ? captab_mint(&k.caps, src, dst, (uint16_t)r->rights, r->badge)
		   : captab_copy(&k.caps, src, dst, (uint16_t)r->rights);
	if (e == WRIT_E_NO_RIGHT)
		say_missing(q, src, r->rights);
	if (e != 0)
		snprintf(q->why, sizeof(q->why), "slot %u to slot %u", (unsigned)r->src.index,
		    (unsigned)r->dst.index);
	else
		k_object_name(&captab_slot(&k.caps, dst)->cap, q->why, sizeof(q->why));
	return e;
}

int k_call_copy(struct k_req *q)
{
	return derive(q, false);
}

int k_call_mint(struct k_req *q)
{
	return derive(q, true);
}

int k_call_move(struct k_req *q)
{
	const struct writ_cap_req *r;
	slot_t src, dst;
	int e;

	if ((e = source(q, &r, &src)) != 0 || (e = k_resolve(q, &r->dst, &dst)) != 0)
		return e;
	return captab_move(&k.caps, src, dst);
}

int k_call_delete(struct k_req *q)
{
	const struct writ_cap_req *r;
	slot_t s;
	int e;

	if ((e = source(q, &r, &s)) != 0)
		return e;
	return captab_delete(&k.caps, s);
}

/* In slices: the loop goes on with it, and the reply comes when nothing is left. */
int k_call_revoke(struct k_req *q)
{
	const struct writ_cap_req *r;
	slot_t s;
	int e;

	if ((e = source(q, &r, &s)) != 0)
		return e;
	q->p->revoking = s;
	q->p->revoke_gen = captab_slot(&k.caps, s)->gen;
	q->p->revoke_cookie = q->h.cookie;
	k_list_add(&k.revokes, &q->p->revoke_link);
	k_audit(q->p, WRIT_AUDIT_REVOKED, WRIT_OP_REVOKE, 0, 0, q->h.cap, NULL);
	return K_LATER;
}

int k_call_inspect(struct k_req *q)
{
	const struct writ_cap_req *r;
	struct writ_cap_info *out = (void *)q->out;
	const struct cap *c;
	slot_t s;
	int e;

	if ((e = source(q, &r, &s)) != 0)
		return e;
	c = &captab_slot(&k.caps, s)->cap;
	*out = (struct writ_cap_info){ .index = (uint32_t)r->src.index,
		.pid = q->p->pid,
		.type = c->type,
		.rights = c->rights,
		.obj = c->obj,
		.badge = c->badge };
	if (c->type != WRIT_TYPE_NULL)
		k_object_name(c, out->name, sizeof(out->name));
	q->out_len = sizeof(*out);
	return 0;
}

/* --- objects without a file of their own ------------------------------------------ */

static int retype_endpoint(struct k_req *q, slot_t dst)
{
	struct charge cost = { .bytes = sizeof(struct k_endpoint) };
	uint32_t body = k_pool_get(&k.endpoint_pool);
	obj_t obj;
	int e;

	if (body == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if ((e = captab_obj_new(&k.caps, WRIT_TYPE_ENDPOINT, q->cap->obj, cost, body, &obj)) != 0) {
		k_pool_put(&k.endpoint_pool, body);
		return e;
	}
	k.endpoints[body] = (struct k_endpoint){ .obj = obj };
	k_list_init(&k.endpoints[body].of_listener);
	k_list_init(&k.endpoints[body].waiting);
	return captab_insert(&k.caps, q->slot, dst, obj,
	    WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT | WRIT_R_GRANT_REPLY, 0);
}

int k_call_retype(struct k_req *q)
{
	const struct writ_retype_req *r = q->in;
	struct charge max;
	slot_t dst;
	obj_t obj;
	int e;

	if (q->h.len != sizeof(*r))
		return WRIT_E_BAD_REQUEST;
	if ((e = k_resolve_empty(q, &r->dst, &dst)) != 0)
		return e;
	if (r->type == WRIT_TYPE_ENDPOINT)
		return retype_endpoint(q, dst);
	if (r->type != WRIT_TYPE_UNTYPED)
		return WRIT_E_INVALID_ARGUMENT;
	max =
	    (struct charge){ .bytes = r->max.bytes, .slots = r->max.slots, .procs = r->max.procs };
	if ((e = captab_untyped_new(&k.caps, q->cap->obj, max, &obj)) != 0)
		return e;
	return captab_insert(&k.caps, q->slot, dst, obj, WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT,
	    0);
}

int k_call_quota(struct k_req *q)
{
	const struct account *a = captab_account(&k.caps, q->cap->obj);
	struct writ_quota_rep *out = (void *)q->out;

	out->max = (struct writ_quota){ a->max.bytes, a->max.slots, a->max.procs };
	out->used = (struct writ_quota){ a->used.bytes, a->used.slots, a->used.procs };
	q->out_len = sizeof(*out);
	return 0;
}

int k_call_fd(struct k_req *q)
{
	const struct cap *c;
	slot_t s;
	int e = k_need(q, q->h.cap, 0, WRIT_R_READ, &s, &c);

	if (e != 0)
		return e;
	if (c->type != WRIT_TYPE_MEMORY && c->type != WRIT_TYPE_HOST)
		return WRIT_E_INVALID_CAPABILITY;
	q->out_fds[0] = k.files[captab_obj(&k.caps, c->obj)->body].fd;
	q->out_nfds = 1;
	return 0;
}

/* --- the derivation tree ------------------------------------------------------------ */

/* Whose CSpace a slot belongs to, and its index there. */
static void slot_owner(slot_t s, struct writ_cap_info *out)
{
	const struct slot *sl = captab_slot(&k.caps, s);
	const struct object *cn = captab_obj(&k.caps, sl->cnode);

	out->index = s - cn->base;
	out->pid = sl->cnode != k.own && cn->body != 0 ? k.procs[cn->body].pid : 0;
}

/* Rows in the order of slots, not of the tree: each names its parent, the reader builds the tree.
 */
int k_call_caps(struct k_req *q)
{
	struct writ_cap_info *out = (void *)q->out;
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);
	uint64_t s = q->h.arg != 0 ? q->h.arg : 1;

	for (unsigned seen = 0; s < k.caps.nslots && n < max && seen < 65536; s++, seen++) {
		const struct slot *sl = captab_slot(&k.caps, (slot_t)s);

		if (sl == NULL) {
			s |= 63; /* CNodes are made of blocks of 64 */
			continue;
		}
		if (sl->cap.type == WRIT_TYPE_NULL)
			continue;
		out[n] = (struct writ_cap_info){ .slot = (uint32_t)s,
			.parent = captab_parent(&k.caps, (slot_t)s),
			.type = sl->cap.type,
			.rights = sl->cap.rights,
			.obj = sl->cap.obj,
			.badge = sl->cap.badge };
		slot_owner((slot_t)s, &out[n]);
		k_object_name(&sl->cap, out[n].name, sizeof(out[n].name));
		n++;
	}
	q->h.arg = s < k.caps.nslots ? s : 0;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}
