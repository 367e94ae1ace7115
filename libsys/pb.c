/* SPDX-License-Identifier: MIT */
#include "libsys/pb.h"
#include <string.h>
#include <writ/chan.h>
#include <writ/fs.pb-c.h>
#include <writ/fssrv.h>

static struct arena {
	size_t used;
	_Alignas(16) uint8_t mem[PB_ARENA];
} arena;

static void *arena_get(void *arg, size_t n)
{
	struct arena *a = arg;
	size_t size = (n + 15) & ~(size_t)15;
	void *p = a->mem + a->used;

	if (size < n || size > sizeof(a->mem) - a->used)
		return NULL;
	a->used += size;
	return p;
}

/* All of it is given back at once, when the next message is unpacked. */
static void arena_put(void *arg, void *p)
{
	(void)arg;
	(void)p;
}

static ProtobufCAllocator arena_allocator = { arena_get, arena_put, &arena };

/*
 * Unpack, and pack again in mind: a length that differs gives away a NUL inside
 * a string, repeated fields, and other ways to say one thing twice.
 */
static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *d, const void *buf, size_t len)
{
	ProtobufCMessage *m;

	if (len > SRV_MSG_MAX)
		return NULL;
	arena.used = 0;
	m = protobuf_c_message_unpack(d, &arena_allocator, len, buf);
	if (m == NULL || protobuf_c_message_get_packed_size(m) != len)
		return NULL;
	return m;
}

static int64_t pack(const ProtobufCMessage *m, void *buf, size_t size)
{
	size_t n = protobuf_c_message_get_packed_size(m);

	if (n > size)
		return -WRIT_E_RANGE;
	return (int64_t)protobuf_c_message_pack(m, buf);
}

static ProtobufCBinaryData bytes(const void *p, size_t n)
{
	return (ProtobufCBinaryData){ .len = n, .data = (uint8_t *)(uintptr_t)p };
}

/* Printable, and shorter than @max. "" is. */
static bool string_ok(const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return n < max;
}

int64_t pb_req_pack(const struct pb_req *q, void *buf, size_t size)
{
	Writ__Fs__Req m = WRIT__FS__REQ__INIT;

	m.op = (Writ__Fs__Op)q->op;
	m.path = (char *)(uintptr_t)(q->path != NULL ? q->path : "");
	m.to = (char *)(uintptr_t)(q->to != NULL ? q->to : "");
	m.flags = q->flags;
	m.handle = q->handle;
	m.offset = q->offset;
	m.count = q->count;
	m.data = bytes(q->data, q->len);
	return pack(&m.base, buf, size);
}

int pb_req_unpack(const void *buf, size_t len, struct pb_req *ret)
{
	const Writ__Fs__Req *m = (const void *)unpack(&writ__fs__req__descriptor, buf, len);

	if (m == NULL || !string_ok(m->path, WRIT_PREFIX_MAX) || !string_ok(m->to, WRIT_PREFIX_MAX))
		return -WRIT_E_BAD_REQUEST;
	*ret = (struct pb_req){
		.op = (unsigned)m->op,
		.flags = m->flags,
		.handle = m->handle,
		.count = m->count,
		.offset = m->offset,
		.path = m->path,
		.to = m->to,
		.data = m->data.data,
		.len = m->data.len,
	};
	return 0;
}

int64_t pb_rep_pack(const struct pb_rep *p, void *buf, size_t size)
{
	static Writ__Fs__Entry ents[FSSRV_DIR_BATCH], *at[FSSRV_DIR_BATCH];
	Writ__Fs__Rep m = WRIT__FS__REP__INIT;
	Writ__Fs__Stat st = WRIT__FS__STAT__INIT;

	if (p->nents > FSSRV_DIR_BATCH)
		return -WRIT_E_RANGE;
	m.status = p->status;
	m.missing = p->missing;
	m.handle = p->handle;
	m.count = p->count;
	m.data = bytes(p->data, p->len);
	m.name = (char *)(uintptr_t)(p->name != NULL ? p->name : "");
	if (p->has_stat) {
		st.kind = p->stat.kind;
		st.size = p->stat.size;
		st.version = p->stat.version;
		st.mtime_ns = p->stat.mtime_ns;
		m.stat = &st;
	}
	for (unsigned i = 0; i < p->nents; i++) {
		writ__fs__entry__init(&ents[i]);
		ents[i].name = (char *)(uintptr_t)p->ents[i].name;
		ents[i].kind = p->ents[i].kind;
		ents[i].size = p->ents[i].size;
		at[i] = &ents[i];
	}
	m.n_entries = p->nents;
	m.entries = at;
	return pack(&m.base, buf, size);
}

int pb_rep_unpack(const void *buf, size_t len, struct pb_rep *ret)
{
	const Writ__Fs__Rep *m = (const void *)unpack(&writ__fs__rep__descriptor, buf, len);

	if (m == NULL || !string_ok(m->name, FSSRV_MEMBER_MAX))
		return -WRIT_E_BAD_REQUEST;
	*ret = (struct pb_rep){
		.status = m->status,
		.missing = m->missing,
		.handle = m->handle,
		.count = m->count,
		.data = m->data.data,
		.len = m->data.len,
		.nents = (unsigned)m->n_entries,
		.msg = m,
		.name = m->name,
	};
	if (m->stat != NULL) {
		ret->has_stat = true;
		ret->stat = (struct writ_stat){
			.kind = m->stat->kind,
			.size = m->stat->size,
			.version = m->stat->version,
			.mtime_ns = m->stat->mtime_ns,
		};
	}
	return 0;
}

int pb_rep_ent(const struct pb_rep *p, unsigned i, struct writ_dirent *ret)
{
	const Writ__Fs__Rep *m = p->msg;
	const Writ__Fs__Entry *e = m->entries[i];
	size_t n = strnlen(e->name, sizeof(ret->name));

	if (n == 0 || !string_ok(e->name, sizeof(ret->name)) || strchr(e->name, '/') != NULL)
		return -WRIT_E_BAD_REQUEST;
	ret->kind = e->kind;
	ret->size = e->size;
	memcpy(ret->name, e->name, n + 1);
	return 0;
}
