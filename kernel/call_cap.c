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
	return q->h.len == sizeof(**ret) ? k_resolve(q, &(*ret)->src, WRIT_BY_SRC, ret_src)
					 : WRIT_E_BAD_REQUEST;
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

	if ((e = source(q, &r, &src)) != 0 || (e = k_resolve(q, &r->dst, WRIT_BY_DST, &dst)) != 0)
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

	if ((e = source(q, &r, &src)) != 0 || (e = k_resolve(q, &r->dst, WRIT_BY_DST, &dst)) != 0)
		return e;
	e = q->h.op == WRIT_OP_MUTATE ? captab_mutate(&k.caps, src, dst, r->badge)
				      : captab_move(&k.caps, src, dst);
	if (e == 0)
		k_hook_moved(dst);
	return e;
}

int k_call_mutate(struct k_req *q)
{
	return k_call_move(q);
}

int k_call_rotate(struct k_req *q)
{
	const struct writ_rotate_req *r = q->in;
	slot_t src, pivot, dst;
	int e;

	if (q->h.len != sizeof(*r))
		return WRIT_E_BAD_REQUEST;
	if ((e = k_resolve(q, &r->src, WRIT_BY_SRC, &src)) != 0 ||
	    (e = k_resolve(q, &r->pivot, WRIT_BY_SRC, &pivot)) != 0 ||
	    (e = k_resolve(q, &r->dst, WRIT_BY_DST, &dst)) != 0 ||
	    (e = captab_rotate(&k.caps, src, pivot, dst)) != 0)
		return e;
	k_hook_moved(pivot);
	k_hook_moved(dst);
	return 0;
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
	k_object_name(&captab_slot(&k.caps, s)->cap, q->why, sizeof(q->why));
	k_audit(q->p, WRIT_AUDIT_REVOKED, WRIT_OP_REVOKE, 0, 0, (uint32_t)r->src.index, q->why);
	return K_LATER;
}

/* What lies in @s, and in whose CSpace that is. */
static void cap_row(slot_t s, struct writ_cap_info *out)
{
	const struct slot *sl = captab_slot(&k.caps, s);
	const struct object *cn = captab_obj(&k.caps, sl->cnode);

	*out = (struct writ_cap_info){ .index = s - cn->base,
		.cnode = sl->cnode,
		.pid = cn->body != 0 ? k.procs[cn->body].pid : 0,
		.type = sl->cap.type,
		.rights = sl->cap.rights,
		.obj = sl->cap.obj,
		.guard_bits = sl->cap.flags & CAP_GUARD_BITS,
		.guard = sl->cap.guard,
		.badge = sl->cap.badge };
	k_object_name(&sl->cap, out->name, sizeof(out->name));
}

int k_call_inspect(struct k_req *q)
{
	const struct writ_cap_req *r;
	struct writ_cap_info *out = (void *)q->out;
	slot_t s;
	int e;

	if ((e = source(q, &r, &s)) != 0)
		return e;
	cap_row(s, out);
	q->out_len = sizeof(*out);
	return 0;
}

/* --- the whole distribution ----------------------------------------------------------- */

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
		cap_row((slot_t)s, &out[n]);
		out[n].slot = (uint32_t)s;
		out[n++].parent = captab_parent(&k.caps, (slot_t)s);
	}
	q->h.arg = s < k.caps.nslots ? s : 0;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}

int k_call_objects(struct k_req *q)
{
	struct writ_object *out = (void *)q->out;
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);
	uint64_t i = q->h.arg != 0 ? q->h.arg : 1, end = k.caps.nobjs;

	for (unsigned seen = 0; i < end && n < max && seen < 65536; i++, seen++)
		if (captab_obj(&k.caps, (obj_t)i) != NULL)
			k_object_row((obj_t)i, &out[n++]);
	q->h.arg = i < end ? i : 0;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}
