/* SPDX-License-Identifier: MIT */
/* Channels without a kernel: both ends, over transports of the test's choice. */
#pragma once
#include <stdlib.h>
#include <unistd.h>
#include "libsys/chan.h"
#include "tx_any.h"

/* In a forked end: say what is wrong and end; the other end sees the status. */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			_exit(99); \
		} \
	} while (0)

/* The numbers under which channels know them here. */
enum { STREAM = CHAN_TX_KERNEL, RING = CHAN_TX_USER, SMALL = CHAN_TX_OTHER };

/* A ring without a kernel, each side with a link of its own; what its bells tell is @owner's. */
struct tx_ends ring_ends(uint32_t bulk, struct writ_chan *owner[2]);

/*
 * A channel with all transports, that begins on @first: a stream, a ring, and a
 * stream of small frames. [0] is the client's end.
 */
void chan_pair(struct writ_chan *ret[2], unsigned first);

/*
 * Both ends, each in a process of its own: @server(c, arg) in a fork, @client(c, arg) here; when it
 * is back, its end is closed and the server must end well.
 */
void chan_two(unsigned first, void (*client)(struct writ_chan *c, void *arg),
    void (*server)(struct writ_chan *c, void *arg), void *arg);

struct writ_msg chan_msg(const void *data, size_t len);
/* @len bytes of content @seed, in memory that the caller frees. */
void *chan_content(uint64_t seed, size_t len);
