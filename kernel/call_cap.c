/* SPDX-License-Identifier: MIT */
/*
 * Calls on capabilities themselves: derive, move, delete, revoke, look. The
 * rules are captab's; here addresses become slots and nothing else is decided.
 * And objects made from an Untyped, with the descriptors of those that are files.
 */
#include "kernel.h"
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

enum { IMAGE_MAX = 256 << 20 };

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

int k_call_inspect(struct k_req *q)
{
	k_cap_row(q->at[0], (void *)q->out);
	q->out_len = sizeof(struct writ_cap_info);
	return 0;
}

/* --- the whole distribution ----------------------------------------------------------- */

/* In the order of slots, not of the tree: each row names its parent, the reader builds the tree. */
int k_call_caps(struct k_req *q)
{
	struct writ_cap_info *out = (void *)q->out;
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);
	uint64_t s = q->h.arg != 0 ? q->h.arg : 1;

	for (unsigned seen = 0; s < k.caps.nslots && n < max && seen < 65536; s++, seen++) {
		const struct slot *sl = captab_slot(&k.caps, (slot_t)s);

		if (sl == NULL)
			s |= 63; /* CNodes are made of blocks of 64 */
		if (sl == NULL || sl->cap.type == WRIT_TYPE_NULL)
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

/* --- objects: up to WRIT_FANOUT_MAX at once, all or none --------------------------------- */

int k_memory_new(const char *name, uint64_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* Linux before 6.3 */
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 &&
	    (ftruncate(fd, (off_t)bytes) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0))
		k_close(&fd);
	return fd;
}

/* Make an object of @f, paid for by the invoked Untyped; its descriptor is the object's then. */
static int make_file(struct k_req *q, unsigned type, slot_t dst, unsigned rights, struct k_file f)
{
	uint32_t body;
	int e = k_make(q, type, q->cap->obj, f.size, q->slot, dst, (uint16_t)rights, 0, &body);

	f.realm = q->p->realm;
	if (e == 0)
		k.files[body] = f;
	return e;
}

static int make_memory(struct k_req *q, slot_t dst, uint64_t bytes)
{
	struct k_file f = { .size = bytes };
	int e;

	if (bytes == 0 || bytes > (uint64_t)1 << 40)
		return WRIT_E_RANGE;
	if ((f.fd = k_memory_new("writ-memory", bytes)) < 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if ((e = make_file(q, WRIT_TYPE_MEMORY, dst, K_ALL, f)) != 0)
		close(f.fd);
	return e;
}

/* What is nothing but a body. */
static int make_body(struct k_req *q, unsigned type, slot_t dst)
{
	unsigned rights = K_ALL | (type == WRIT_TYPE_ENDPOINT ? WRIT_R_GRANT_REPLY : 0);
	uint32_t i;
	int e = k_make(q, type, q->cap->obj, 0, q->slot, dst, (uint16_t)rights, 0, &i);

	if (e != 0)
		return e;
	if (type == WRIT_TYPE_NOTIFICATION)
		k.notifications[i] = (struct k_notification){ 0 };
	else if (type == WRIT_TYPE_SCHED_CONTEXT)
		k.contexts[i] = (struct k_context){ .set.weight = 100 };
	else
		k.endpoints[i] = (struct k_endpoint){ .obj = captab_slot(&k.caps, dst)->cap.obj };
	return 0;
}

/* It costs a slot, as it may live without one; and may make no realms if its maker can't. */
static int make_untyped(struct k_req *q, const struct writ_retype_req *r, slot_t dst)
{
	struct charge max = { r->max.bytes, r->max.slots, r->max.procs }, own = { .slots = 1 };
	obj_t obj;
	int e = captab_charge(&k.caps, q->cap->obj, own);

	if (e == 0 && (e = captab_untyped_new(&k.caps, q->cap->obj, max, &obj)) != 0)
		captab_uncharge(&k.caps, q->cap->obj, own);
	return e != 0
	    ? e
	    : captab_insert(&k.caps, q->slot, dst, obj, K_ALL & (q->cap->rights | WRIT_R_READ), 0);
}

static int make(struct k_req *q, const struct writ_retype_req *r, slot_t dst)
{
	obj_t obj;
	int e;

	switch (r->type) {
	case WRIT_TYPE_ENDPOINT:
	case WRIT_TYPE_NOTIFICATION:
	case WRIT_TYPE_SCHED_CONTEXT: return make_body(q, r->type, dst);
	case WRIT_TYPE_MEMORY: return make_memory(q, dst, r->max.bytes);
	case WRIT_TYPE_CNODE: e = captab_cnode_new(&k.caps, q->cap->obj, r->max.slots, &obj); break;
	case WRIT_TYPE_UNTYPED: return make_untyped(q, r, dst);
	default: return WRIT_E_INVALID_ARGUMENT;
	}
	return e != 0 ? e : captab_insert(&k.caps, q->slot, dst, obj, K_ALL, 0);
}

int k_call_retype(struct k_req *q)
{
	const struct writ_retype_req *r = q->in;
	const struct object *cn = captab_obj(&k.caps, captab_slot(&k.caps, q->at[0])->cnode);
	slot_t dst = q->at[0], end = dst + r->count;
	int e = 0;

	if (r->count < 1 || r->count > WRIT_FANOUT_MAX ||
	    r->count > cn->base + (1u << cn->bits) - dst)
		return WRIT_E_RANGE;
	for (slot_t s = dst; s < end; s++)
		if (captab_slot(&k.caps, s)->cap.type != WRIT_TYPE_NULL)
			return WRIT_E_DELETE_FIRST;
	for (slot_t s = dst; s < end && e == 0; s++)
		if ((e = make(q, r, s)) != 0)
			while (s-- > dst)
				captab_delete(&k.caps, s);
	if (e == 0)
		return k_why(q, 0, "%u of type %s", r->count, k_types[r->type]);
	captab_reap(&k.caps, WRIT_FANOUT_MAX + 1); /* what was made gives back what it took */
	return e;
}

int k_call_image(struct k_req *q)
{
	const struct writ_image_req *r = q->in;
	struct k_file f = { .fd = q->fds[0] };
	struct stat st;
	int e;

	if (f.fd < 0 || !k_name_ok(r->name, sizeof(r->name)))
		return WRIT_E_BAD_REQUEST;
	if (fcntl(f.fd, F_GET_SEALS) != K_SEALED || fstat(f.fd, &st) != 0 || st.st_size > IMAGE_MAX)
		return k_why(q, WRIT_E_INVALID_ARGUMENT,
		    "image %s: not a memfd with all four seals", r->name);
	f.size = (uint64_t)st.st_size;
	memcpy(f.name, r->name, sizeof(f.name));
	if ((e = make_file(q, WRIT_TYPE_IMAGE, q->at[0], WRIT_R_EXEC | WRIT_R_GRANT, f)) != 0)
		return e;
	q->fds[0] = -1;
	return k_why(q, 0, "image %s", r->name);
}

int k_call_quota(struct k_req *q)
{
	const struct account *a = captab_account(&k.caps, q->cap->obj);
	struct writ_quota_rep *out = (void *)q->out;

	*out = (struct writ_quota_rep){ { a->max.bytes, a->max.slots, a->max.procs },
		{ a->used.bytes, a->used.slots, a->used.procs } };
	q->out_len = sizeof(*out);
	return 0;
}

/* A Memory without the right to write is opened once more, for reading only. */
int k_call_fd(struct k_req *q)
{
	int fd = k.files[k_body(q->cap)].fd, ro = -1, e;
	struct k_wait *w;

	if (k.files[k_body(q->cap)].writable && (q->cap->rights & WRIT_R_WRITE) == 0) {
		q->missing = WRIT_R_WRITE; /* a folder can't be opened once more for less */
		return WRIT_E_NO_RIGHT;
	}
	if (q->cap->type == WRIT_TYPE_MEMORY && (q->cap->rights & WRIT_R_WRITE) == 0) {
		fd = ro = open(text("/proc/self/fd/%d", fd).s, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return WRIT_E_IO;
	}
	if ((e = k_wait_new(q, q->p, q->slot, K_WAIT_MAPPED, NULL, &w)) == 0) {
		w->file = q->cap->obj;
		captab_hold(&k.caps, w->file);
		q->out_fds[0] = fd;
		q->out_nfds = 1;
		k_gate_answer(q, 0);
		e = K_LATER;
	}
	k_close(&ro);
	return e;
}
