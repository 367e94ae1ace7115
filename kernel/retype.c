/* SPDX-License-Identifier: MIT */
/*
 * Objects made from an Untyped, and the descriptors of those that are files.
 * Up to WRIT_FANOUT_MAX at once, all or none.
 */
#include "kernel.h"
#include <sys/mman.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

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

int k_file_make(struct k_req *q, unsigned type, slot_t dst, unsigned rights, struct k_file f)
{
	uint32_t body = k_pool_get(&k.file_pool, f.realm = q->p->realm);
	int e = WRIT_E_NOT_ENOUGH_MEMORY;

	if (body != 0)
		e = k_make(type, q->cap->obj, f.size, q->slot, dst, (uint16_t)rights, 0, &body);
	if (e == 0)
		k.files[body] = f;
	else
		k_pool_put(&k.file_pool, f.realm, body);
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
	if ((e = k_file_make(q, WRIT_TYPE_MEMORY, dst, K_ALL, f)) != 0)
		close(f.fd);
	return e;
}

/* What is nothing but a body. */
static int make_body(struct k_req *q, unsigned type, slot_t dst)
{
	unsigned rights = K_ALL | (type == WRIT_TYPE_ENDPOINT ? WRIT_R_GRANT_REPLY : 0);
	uint32_t i;
	int e = k_make(type, q->cap->obj, 0, q->slot, dst, (uint16_t)rights, 0, &i);

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

/* It costs a slot besides, as it may live without one; and may make no realms if its maker can't.
 */
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

int k_call_quota(struct k_req *q)
{
	const struct account *a = captab_account(&k.caps, q->cap->obj);
	struct writ_quota_rep *out = (void *)q->out;

	out->max = (struct writ_quota){ a->max.bytes, a->max.slots, a->max.procs };
	out->used = (struct writ_quota){ a->used.bytes, a->used.slots, a->used.procs };
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
		char path[32];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if ((fd = ro = open(path, O_RDONLY | O_CLOEXEC)) < 0)
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
