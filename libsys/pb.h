/* SPDX-License-Identifier: MIT */
/*
 * fs.proto as plain structs: the only place that knows protobuf-c. Private to
 * libsys; fuzzed by tests/fuzz.
 *
 * Unpacking takes its memory from one arena of 256 KiB, which the next unpack
 * overwrites: what a struct points to lives until then. A message that isn't
 * encoded the one canonical way (so also a string with a NUL inside) is refused.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/fssrv.h>

#define PB_ARENA 262144

/* Slots with what goes or came beside a message: never packed. */
struct pb_caps {
	unsigned n;
	writ_cap_t slot[WRIT_CAPS_MAX];
};

struct pb_req {
	unsigned op; /* enum fssrv_op; may be any number */
	uint32_t flags, handle, count;
	uint64_t offset;
	const char *path, *to; /* never NULL; no control bytes; shorter than WRIT_PREFIX_MAX */
	const void *data;
	size_t len;
	struct pb_caps caps;
	bool takes; /* what comes with the reply is taken, and not thrown away */
};

struct pb_rep {
	uint32_t status, missing, handle;
	uint64_t count;
	const void *data;
	size_t len;
	bool has_stat;
	struct writ_stat stat;
	const struct writ_dirent *ents;
	unsigned nents;   /* pack: to send; unpack: see pb_rep_ent() */
	const void *msg;  /* unpack: its own */
	const char *name; /* of a member: shorter than FSSRV_MEMBER_MAX; "" or (pack) NULL: none */
	struct pb_caps caps;
};

/* Write into @buf. Returns the length, or -WRIT_E_RANGE when that is more than @size. */
int64_t pb_req_pack(const struct pb_req *q, void *buf, size_t size);
int64_t pb_rep_pack(const struct pb_rep *p, void *buf, size_t size);

/* Returns 0, or -WRIT_E_BAD_REQUEST. *ret is written only on success. */
int pb_req_unpack(const void *buf, size_t len, struct pb_req *ret);
int pb_rep_unpack(const void *buf, size_t len, struct pb_rep *ret);

/* Entry @i < p->nents of an unpacked reply. Returns 0, or -WRIT_E_BAD_REQUEST when it is no file
 * name. */
int pb_rep_ent(const struct pb_rep *p, unsigned i, struct writ_dirent *ret);
