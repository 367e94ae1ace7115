/* SPDX-License-Identifier: MIT */
/*
 * A dump on its way to be real: what has been made of it and where it lies.
 *
 * Each object is made once, by a call on what it comes from; that gives a first
 * capability, its *master*. It becomes the one that the dump wants there, or those
 * are copied from it and it is a helper, deleted in the end: its children then are
 * its parent's, as they are in the dump.
 */
#pragma once
#include <writ/gate.h>
#include <writ/srv.h>
#include "servers/loader/dump.h"

enum { BUILD_SLOTS = 4096, BUILD_DEPTH = 1000, BUILD_BOOTS = 80 };

struct obj_state {
	bool made, making, placed, wanted; /* wanted: the master stays a helper */
	uint32_t parent;                   /* of its top capabilities: a capability */
	uint32_t top, ntops;
	writ_cap_t helper;
	writ_cap_t cnode; /* a capability to this CNode, to put others into it */
	uint32_t cspace;  /* a Proc's: its CNode */
	uint32_t context; /* a Proc's: the SchedContext that is to be bound to it */
	uint64_t offset;  /* an Image's: in the images */
};

struct cap_state {
	bool made, home;
	writ_cap_t at; /* while not home: a slot of one's own */
	uint32_t next_top, first_child, next_child;
};

/* What the kernel gave at boot. */
struct boot_cap {
	unsigned type;
	const char *name;
	writ_cap_t at;
	bool taken;
};

/* Which object is which Image, for OP_OBJECTS. */
struct image_hash {
	uint32_t obj;
	uint8_t sha256[32];
};

struct build {
	const struct dump *d;
	struct obj_state *o; /* by number, from 1 on; so are the capabilities */
	struct cap_state *c;
	uint32_t *loose; /* capabilities that are made and not home */
	uint32_t nloose, root;
	uint64_t used[BUILD_SLOTS / 64];
	struct boot_cap boots[BUILD_BOOTS];
	unsigned nboots, depth;
	writ_cap_t image; /* for procs that have started where the dump comes from */
	const uint8_t *images;
	size_t images_len;
	struct image_hash *hashes;
	uint32_t nhashes;
	char *why;
};

/* "LINE: reason". The error. */
int build_bad(struct build *b, unsigned line, int err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
const struct dump_obj *obj_at(const struct build *b, uint32_t o);
const struct dump_cap *cap_at(const struct build *b, uint32_t c);
/* What @o is made from when its capability is to lie below @parent; 0: the kernel's, at boot. */
uint32_t build_source(const struct build *b, uint32_t o, uint32_t parent);

/* Work out who is whose child and which masters are helpers (prepare.c). 0 or an error. */
int build_prepare(struct build *b);
/* An empty slot of one's own that the dump does not want. 0: none. */
writ_cap_t build_slot(struct build *b);
void build_slot_free(struct build *b, writ_cap_t slot);

/* Make @o by a call on a capability in slot @src, into slot @dst (make.c). 0 or an error. */
int make_object(struct build *b, uint32_t o, writ_cap_t src, writ_cap_t dst);

/* See that @o is made; a slot of one's own where a capability to it with all rights lies
 * (build.c). 0 or an error. */
int build_obj(struct build *b, uint32_t o);
int build_master(struct build *b, uint32_t o, writ_cap_t *ret);
/* All of it. */
int build_all(struct build *b);
