/* SPDX-License-Identifier: MIT */
/*
 * What ring.c and link.c share: the words in page 0 of a ring's memory.
 *
 * Each word has one writer, or two that take turns by exchange, and a pair of cache
 * lines of its own (the hardware fetches lines in pairs). `watch` and `starved` lie
 * apart from what changes all the time, so that looking at them costs nothing.
 */
#pragma once
#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include "libsys/ring.h"

#define RING_PAGE  4096
#define RING_HEAD  (3 * RING_PAGE) /* before the bulk areas */
#define RING_LINES 128

/* Of one direction. */
struct ring_dir {
	/*
	 * By the consumer: slots taken in the low half, bulk lines taken in the high one. Stored
	 * now and then, so that a producer that looks at it finds room for more than one.
	 */
	alignas(RING_LINES) _Atomic uint64_t tail;
	/* The same slots, stored at each. Only looked at when it matters what was taken. */
	alignas(RING_LINES) _Atomic uint32_t taken;
	/* The consumer sets it before it sleeps, the producer takes it and rings. */
	alignas(RING_LINES) _Atomic uint32_t watch;
	/* The producer sets it before it sleeps, the consumer takes it and rings. */
	alignas(RING_LINES) _Atomic uint32_t starved;
};

/* By one side. */
struct ring_side {
	alignas(RING_LINES) _Atomic uint64_t rang_ns; /* CLOCK_MONOTONIC before it last rang */
	_Atomic uint32_t cpu;                         /* where it runs, + 1 */
};

struct ring_ctl {
	struct ring_dir dir[2];   /* client to server, server to client */
	struct ring_side side[2]; /* client, server */
	/* Of the link, where it is this ring that it came with: to the server, to the client. */
	alignas(RING_LINES) _Atomic uint64_t hints[2][RING_HINTS / 64];
};
static_assert(sizeof(struct ring_ctl) <= RING_PAGE, "page 0");

/* Enter @t as number @index. False: it is in use, or no memory. */
bool link_enter(struct link *l, unsigned index, struct tx *t, void *owner);
void link_leave(struct link *l, unsigned index);
/* Set the hint of number @index, and ring the bell if no other was set. */
void link_ring(struct link *l, unsigned index);
/* The ring it came with was forgotten: give the hints' page back to Linux with the last reference.
 */
void link_forget(struct link *l);
/* Is @fd the memory in which the hints lie? */
bool link_lies_in(const struct link *l, int fd);

/* The bell rang for @t: learn how long that took. */
void ring_rang(struct tx *t);
