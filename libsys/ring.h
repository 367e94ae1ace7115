/* SPDX-License-Identifier: MIT */
/*
 * The user transport: a sealed memfd that the kernel made for one session (RING),
 * mapped by both sides. Each direction is a queue of slots of two cache lines and a bulk
 * area for what doesn't fit into one. Single producer, single consumer.
 *
 * Memory, for @bulk bytes a direction:
 *   page 0            struct ring_ctl: words that one side writes and the other reads
 *   then 2 x 4 KiB    slots, client to server first
 *   then 2 x bulk     bulk areas; each is mapped twice in a row, so that what wraps is contiguous
 *
 * A message: header and up to RING_INLINE bytes in a slot, published by storing
 * its lap last (Barrelfish UMP: one line per message of up to 40 bytes); longer
 * data in the bulk area, at the place that both sides know by counting, at
 * 64-byte steps. Indices are private; what the peer writes is copied once, then
 * checked, and a value that the protocol can't have made ends the channel.
 *
 * Waking: a consumer that looks at a ring all the time leaves `watch` 0: nobody
 * pays for a wake-up. One that goes to sleep, or has 10,000 others to look at, sets it:
 * then the producer sets the ring's bit in the hints of their link, and rings
 * the link's bell if that word was empty. A link is what all rings between the
 * same two procs share: two bells (eventfds) and RING_HINTS bits a direction, in
 * page 0 of the ring that it came with.
 */
#pragma once
#include "libsys/tx.h"

#define RING_SLOTS    32
#define RING_INLINE   104
#define RING_HINTS    1024         /* rings of a link */
#define RING_BULK     (256u << 10) /* with less, two CPUs copy at two thirds of the rate */
#define RING_BULK_MIN (16u << 10)
#define RING_BULK_MAX (64u << 20)

/* Bytes of the memfd, which RING is to make. */
size_t ring_bytes(uint32_t bulk);

/* What all rings between two procs share. */
struct link;
/*
 * A link with the hints in page 0 of the memfd @fd (borrowed). Takes @bell_in (to be
 * waited for) and @bell_out (to be rung), also on failure. @side: 0 client, 1 server.
 * NULL: no memory. Counted: one reference for the caller.
 */
struct link *link_new(int fd, int bell_in, int bell_out, int side);
struct link *link_get(struct link *l);
/* Give a reference back; the last unmaps and closes. NULL is ignored. */
void link_put(struct link *l);
int link_fd(const struct link *l); /* bell_in */
/* A free number for one more ring; -1: RING_HINTS are in use. The client chooses. */
int link_number(struct link *l);
/*
 * The bell rang, or may have: forget it (if @clear: where it isn't edge-triggered) and
 * call @fn for each ring that has its hint set. @fn may close rings of @l, and @l.
 */
void link_rang(struct link *l, bool clear, void (*fn)(void *arg, void *owner), void *arg);

/*
 * A ring over @fd (borrowed; of ring_bytes(@bulk), which the caller has checked with
 * fstat, and sealed against shrinking) as number @index of @l, of which it takes a reference.
 * @owner is what link_rang() passes. NULL: no memory, or the number is in use or too big.
 */
struct tx *ring_new(int fd, uint32_t bulk, int side, struct link *l, unsigned index, void *owner);
/* Has the peer taken all that was sent, or may it have: where it gave the memory back? */
bool ring_all_taken(const struct tx *t);
/* Give the memory's pages back to Linux, whoever still maps it; what was not read is lost. Hints of
 * other rings that lie there stay as long as their link. */
void ring_forget(struct tx *t);
