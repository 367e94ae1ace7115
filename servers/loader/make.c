/* SPDX-License-Identifier: MIT */
/*
 * One object by one kernel call, with the attributes that the dump gives it.
 * Refuses what the kernel refuses, with the line of the object.
 */
#include "servers/loader/build.h"
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <writ/ipc.h>
#include <writ/proc.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int retype(const struct dump_obj *x, writ_cap_t src, writ_cap_t dst)
{
	struct writ_quota max = { 0 };

	if (x->type == WRIT_TYPE_UNTYPED) {
		max = (struct writ_quota){ x->n[0], (uint32_t)x->n[1], (uint32_t)x->n[2] };
	} else if (x->type == WRIT_TYPE_CNODE) {
		max.slots = (uint32_t)x->n[0];
	} else if (x->type == WRIT_TYPE_MEMORY) {
		max.bytes = x->n[0];
	}
	return writ_retype(src, x->type, (struct writ_addr){ .index = dst }, 1, max);
}

/* The one of the dump, or the kernel's while no line of the dump has taken it. */
static int sched_control(struct build *b, writ_cap_t *ret)
{
	for (uint32_t o = 1; o <= b->d->nobjs; o++)
		if (obj_at(b, o)->type == WRIT_TYPE_SCHED_CONTROL)
			return build_master(b, o, ret);
	for (unsigned i = 0; i < b->nboots; i++)
		if (b->boots[i].type == WRIT_TYPE_SCHED_CONTROL)
			*ret = b->boots[i].at;
	return 0;
}

static int make_context(struct build *b, const struct dump_obj *x, writ_cap_t src, writ_cap_t dst)
{
	struct writ_sched_req r = { .context = dst,
		.class = (uint32_t)x->n[0],
		.cores = (uint32_t)x->n[1],
		.weight = (uint32_t)x->n[2],
		.period = (uint32_t)x->n[3],
		.budget = (uint32_t)x->n[4] };
	writ_cap_t control;
	int e = sched_control(b, &control);

	if (e == 0)
		e = retype(x, src, dst);
	return e == 0 ? writ_sched_configure(control, &r) : e;
}

/* A sealed memfd with the bytes of image @o, or an error. */
static int image_file(struct build *b, uint32_t o)
{
	const struct dump_obj *x = obj_at(b, o);
	uint64_t at = b->o[o].offset;
	uint8_t is[crypto_hash_sha256_BYTES];
	int fd;

	if (b->images == NULL || at > b->images_len || x->n[0] > b->images_len - at)
		return -WRIT_E_NOT_FOUND;
	crypto_hash_sha256(is, b->images + at, x->n[0]);
	if (x->hashed && memcmp(is, x->sha256, sizeof(is)) != 0)
		return -WRIT_E_INVALID_ARGUMENT;
	fd = memfd_create(x->text, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	for (uint64_t done = 0; done < x->n[0];) {
		ssize_t n = write(fd, b->images + at + done, x->n[0] - done);

		if (n <= 0) {
			close(fd);
			return -WRIT_E_NO_SPACE;
		}
		done += (uint64_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	close(fd);
	return -WRIT_E_IO;
}

static int make_image(struct build *b, uint32_t o, writ_cap_t src, writ_cap_t dst)
{
	const struct dump_obj *x = obj_at(b, o);
	struct image_hash *h = &b->hashes[b->nhashes];
	struct writ_cap_info info;
	int fd = image_file(b, o), e;

	if (fd < 0)
		return fd;
	e = writ_image_create(src, dst, x->text, fd);
	close(fd);
	if (e == 0 && x->hashed && (e = writ_cap_inspect(dst, &info)) == 0) {
		h->obj = info.obj;
		memcpy(h->sha256, x->sha256, sizeof(h->sha256));
		b->nhashes++;
	}
	return e;
}

static int make_realm(struct build *b, const struct dump_obj *x, writ_cap_t src, writ_cap_t dst)
{
	struct writ_realm_req r = { .dst.index = dst,
		.memory = x->n[0],
		.cores = (uint32_t)x->n[1] };
	int e = build_master(b, x->ref[DUMP_ACCOUNT], &r.account);

	if (e == 0 && x->ref[DUMP_HOST] != 0)
		e = build_master(b, x->ref[DUMP_HOST], &r.host);
	if (e != 0)
		return e;
	memcpy(r.name, x->text, strnlen(x->text, sizeof(r.name) - 1));
	return writ_realm_create(src, &r);
}

static int make_spawn(const struct dump_obj *x, writ_cap_t src, writ_cap_t dst)
{
	struct writ_spawncap_req r = { .dst.index = dst,
		.classes = (uint32_t)x->n[0],
		.profiles = (uint32_t)x->n[1],
		.procs = (uint32_t)x->n[2],
		.cores = (uint32_t)x->n[3],
		.memory = x->n[4] };

	return writ_spawncap_derive(src, &r);
}

/* The source's prefix is a part of the Path's; the master has what the tops have in common. */
static int make_path(struct build *b, uint32_t o, writ_cap_t src, writ_cap_t dst)
{
	const struct dump_obj *x = obj_at(b, o);
	uint32_t up = build_source(b, o, b->o[o].parent), rights = 0;
	const char *rest = x->text;
	struct writ_cap_info info;
	uint64_t badge = b->o[o].top != 0 ? cap_at(b, b->o[o].top)->badge : 0;
	int e = writ_cap_inspect(src, &info);

	if (e != 0)
		return e;
	for (uint32_t t = b->o[o].top; t != 0; t = b->c[t].next_top) {
		rights |= cap_at(b, t)->rights;
		if (cap_at(b, t)->badge != badge)
			badge = 0;
	}
	if (obj_at(b, up)->type == WRIT_TYPE_PATH) {
		const char *base = obj_at(b, up)->text;
		size_t n = strcmp(base, "/") == 0 ? 0 : strlen(base);

		if (strncmp(rest, base, n) != 0 || (rest[n] != '/' && rest[n] != '\0'))
			return -WRIT_E_BAD_PATH;
		rest += n;
	}
	return writ_path_derive(src, dst, rest, rights, info.badge != 0 ? 0 : badge);
}

/* A proc whose Spawn is gone gets one for itself, below the same capability. */
static int spare_spawn(const struct dump_obj *x, writ_cap_t realm, writ_cap_t dst)
{
	struct writ_spawncap_req r = { .dst.index = dst,
		.classes = (1u << WRIT_CLASS_N) - 1,
		.profiles = 1u << x->n[1],
		.procs = 1,
		.cores = (uint32_t)x->n[2],
		.memory = x->n[3] };

	return writ_spawncap_derive(realm, &r);
}

/* Its class and cores when a SchedContext is to set them: any that the Spawn allows. */
static void class_of(const struct build *b, uint32_t o, uint32_t spawn, struct writ_spawn_req *r)
{
	uint64_t allowed = spawn != 0 ? obj_at(b, spawn)->n[0] : UINT64_MAX;

	if (b->o[o].context == 0)
		return;
	r->cores = 0;
	for (uint8_t i = 0; i < WRIT_CLASS_N && (allowed >> r->class & 1) == 0; i++)
		if ((allowed >> i & 1) != 0)
			r->class = i;
}

static int make_proc(struct build *b, uint32_t o, writ_cap_t src, writ_cap_t dst)
{
	const struct dump_obj *x = obj_at(b, o);
	uint32_t up = build_source(b, o, b->o[o].parent);
	bool spare = obj_at(b, up)->type == WRIT_TYPE_REALM;
	writ_cap_t spawn = spare ? build_slot(b) : src;
	struct writ_spawn_req r = { .dst.index = dst,
		.image = b->image,
		.class = (uint8_t)x->n[0],
		.profile = (uint8_t)x->n[1],
		.cores = (uint32_t)x->n[2],
		.flags = WRIT_SPAWN_HOLD,
		.memory = x->n[3],
		.log_max = x->n[4] };
	struct writ_hdr h = { .op = WRIT_OP_SPAWN, .cap = spawn, .len = sizeof(r) };
	int e = 0;

	if (b->o[o].cspace == 0 || spawn == 0)
		return b->o[o].cspace == 0 ? -WRIT_E_NOT_FOUND : -WRIT_E_NOT_ENOUGH_MEMORY;
	r.cnode_bits = (uint8_t)obj_at(b, b->o[o].cspace)->n[0];
	memcpy(r.name, x->text, strnlen(x->text, sizeof(r.name) - 1));
	class_of(b, o, spare ? 0 : up, &r);
	if (x->ref[DUMP_IMAGE] != 0)
		e = build_master(b, x->ref[DUMP_IMAGE], &r.image);
	if (e == 0 && spare)
		e = spare_spawn(x, src, spawn);
	if (e == 0)
		e = writ_gate_call(&h, &r, NULL, NULL, 0, NULL);
	if (e == 0 && !x->held)
		e = writ_proc_resume(dst); /* pending all the same: nobody starts it */
	if (spare) {
		writ_cap_delete(spawn);
		build_slot_free(b, spawn);
	}
	return e;
}

int make_object(struct build *b, uint32_t o, writ_cap_t src, writ_cap_t dst)
{
	const struct dump_obj *x = obj_at(b, o);
	int e;

	switch (x->type) {
	case WRIT_TYPE_SCHED_CONTEXT: e = make_context(b, x, src, dst); break;
	case WRIT_TYPE_IMAGE: e = make_image(b, o, src, dst); break;
	case WRIT_TYPE_REALM: e = make_realm(b, x, src, dst); break;
	case WRIT_TYPE_SPAWN: e = make_spawn(x, src, dst); break;
	case WRIT_TYPE_PATH: e = make_path(b, o, src, dst); break;
	case WRIT_TYPE_PROC: e = make_proc(b, o, src, dst); break;
	default: e = retype(x, src, dst); break;
	}
	if (e < 0 && b->why[0] == '\0')
		build_bad(b, x->line, e, "%s can't be made: %s", x->name, writ_strerror(e));
	return e;
}
