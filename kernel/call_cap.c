/* SPDX-License-Identifier: MIT */
/*
 * Calls on capabilities themselves: derive, move, delete, revoke, look. The
 * rules are captab's; here addresses become slots and nothing else is decided.
 */
#include "guard.h"

int k_call_derive(struct k_req *q)
{
	const struct writ_cap_req *r = q->in;
	slot_t src = q->at[0], dst = q->at[1];
	int e;

	if ((r->rights & ~(uint32_t)WRIT_R_ALL) != 0)
		return WRIT_E_BAD_REQUEST;
	e = q->h.op == WRIT_OP_MINT ? captab_mint(&k.caps, src, dst, (uint16_t)r->rights, r->badge)
				    : captab_copy(&k.caps, src, dst, (uint16_t)r->rights);
	if (e == WRIT_E_NO_RIGHT)
		q->missing = r->rights & ~(uint32_t)captab_slot(&k.caps, src)->cap.rights;
	if (e != 0)
		return k_why(q, e, "slot %u to slot %u", (unsigned)r->src.index,
		    (unsigned)r->dst.index);
	k_object_name(&captab_slot(&k.caps, dst)->cap, q->why, sizeof(q->why));
	return 0;
}

int k_call_move(struct k_req *q)
{
	const struct writ_cap_req *r = q->in;
	int e = q->h.op == WRIT_OP_MUTATE ? captab_mutate(&k.caps, q->at[0], q->at[1], r->badge)
					  : captab_move(&k.caps, q->at[0], q->at[1]);

	if (e == 0)
		k_hook_moved(q->at[1]);
	return e;
}

int k_call_rotate(struct k_req *q)
{
	int e = captab_rotate(&k.caps, q->at[0], q->at[1], q->at[2]);

	if (e == 0) {
		k_hook_moved(q->at[1]);
		k_hook_moved(q->at[2]);
	}
	return e;
}

int k_call_delete(struct k_req *q)
{
	int e = captab_delete(&k.caps, q->at[0]);

	captab_reap(&k.caps, K_SLICE); /* what it paid for is there again when it is answered */
	return e;
}

/* In slices: the loop goes on with it, and the reply comes when nothing is left. */
int k_call_revoke(struct k_req *q)
{
	const struct writ_cap_req *r = q->in;
	const struct slot *s = captab_slot(&k.caps, q->at[0]);

	q->p->revoking = q->at[0];
	q->p->revoke_gen = s->gen;
	q->p->revoke_cookie = q->h.cookie;
	k_list_add(&k.revokes, &q->p->revoke_link);
	k_object_name(&s->cap, q->why, sizeof(q->why));
	k_audit(q->p, WRIT_AUDIT_REVOKED, WRIT_OP_REVOKE, 0, 0, (uint32_t)r->src.index, q->why);
	return K_LATER;
}

void k_cap_row(slot_t s, struct writ_cap_info *out)
{
	const struct slot *sl = captab_slot(&k.caps, s);
	const struct object *cn = captab_obj(&k.caps, sl->cnode);

	*out = (struct writ_cap_info){ .index = s - cn->base,
		.cnode = sl->cnode,
		.pid = k_cnode_pid(cn),
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
	k_cap_row(q->at[0], (void *)q->out);
	q->out_len = sizeof(struct writ_cap_info);
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
		k_cap_row((slot_t)s, &out[n]);
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
