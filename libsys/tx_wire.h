/* SPDX-License-Identifier: MIT */
/*
 * How a frame looks in an endpoint message: a header, then its data. A message
 * without even a header acknowledges; a header of kind WIRE_GET asks
 * for a frame; in an answer it says: ask later.
 */
#pragma once
#include <string.h>
#include "libsys/tx.h"

struct wire {
	uint32_t len, total, label, id;
	uint8_t kind, wait, pad[6];
};
_Static_assert(sizeof(struct wire) == 24, "no hidden padding");

#define WIRE_GET      FRAME_N
#define WIRE_NO       (FRAME_N + 1) /* answer to a SWITCH: it isn't done */
#define WIRE_DATA_MAX (WRIT_DATA_MAX - sizeof(struct wire))
#define WIRE_LEN(len) (sizeof(struct writ_msg_req) + sizeof(struct wire) + (len))

/* A request of SEND and its kin, and what RECV gives. */
struct wire_out {
	struct writ_msg_req req;
	struct wire head;
	uint8_t data[WIRE_DATA_MAX];
};
struct wire_in {
	struct writ_msg_rep rep;
	struct wire head;
	uint8_t data[WIRE_DATA_MAX];
};

static inline void wire_write(struct wire_out *o, const struct frame *f)
{
	o->req = (struct writ_msg_req){ .ncaps = f->ncaps };
	for (unsigned i = 0; i < f->ncaps; i++)
		o->req.caps[i] = f->caps[i];
	o->head = (struct wire){ .len = f->len,
		.total = f->total,
		.label = f->label,
		.id = f->id,
		.kind = f->kind,
		.wait = f->wait };
}

static inline void wire_get(struct wire_out *o)
{
	o->req = (struct writ_msg_req){ 0 };
	o->head = (struct wire){ .kind = WIRE_GET, .wait = 1 };
}

/* Is @w, with @len bytes from it on, a frame? Then it is in *ret, without capabilities. */
static inline bool wire_read(const struct wire *w, size_t len, struct frame *ret)
{
	if (len < sizeof(*w) || w->len != len - sizeof(*w) || w->kind > WIRE_GET)
		return false;
	*ret = (struct frame){ .len = w->len,
		.total = w->total,
		.label = w->label,
		.id = w->id,
		.kind = w->kind,
		.wait = w->wait != 0 };
	return true;
}
