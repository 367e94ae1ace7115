/* SPDX-License-Identifier: MIT */
/*
 * What a channel needs of a transport: an ordered, reliable stream of frames in
 * each direction between two sides, and no more. Fragments, calls, switching
 * from one transport to another are the channel's (chan.c); a transport neither
 * looks at a frame's header nor knows of messages. Three exist: rings (ring.c),
 * the gate (tx_kernel.c), and in tests a byte stream (tests/unit/libsys/tx_stream.c).
 *
 * Nothing here blocks. What peek() gives may lie in memory that a hostile peer
 * still writes to: the header is a copy, the data is not.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/abi.h>
#include <writ/gate.h>

enum frame_kind {
	FRAME_MSG,    /* first (and mostly only) frame of a message; id != 0: a call */
	FRAME_REPLY,  /* the same of the answer to call id */
	FRAME_MORE,   /* the next piece of the message that is going on */
	FRAME_CANCEL, /* call id has been given up */
	FRAME_SWITCH, /* the last on this transport for now: go on with transport `label`; id: below
		       */
	FRAME_N
};
enum {
	SWITCH_FOLLOWS = 1, /* done because the peer did: it need not follow */
	SWITCH_RELEASE = 2, /* the ring is no longer needed; who reads that says the same */
};

/* A frame's header. */
struct frame {
	uint32_t len;   /* bytes in this frame */
	uint32_t total; /* bytes of the whole message (MSG, REPLY) */
	uint32_t label, id;
	uint8_t kind;
	uint8_t
	    wait; /* the sender goes to sleep for what comes back: the gate keeps its call open */
	uint8_t ncaps; /* only where tx->caps: slots of one's own with what goes or came */
	writ_cap_t caps[WRIT_CAPS_MAX];
};

enum tx_want { TX_IN = 1, TX_OUT = 2 };

struct tx;
struct tx_ops {
	/*
	 * A place for the data of a frame of @len (<= frame_max) bytes, contiguous.
	 * NULL: no room now; one that is broken takes all, and commit() says so. The same
	 * place again until commit(), if asked for as much.
	 */
	void *(*reserve)(struct tx *t, size_t len);
	/*
	 * Send the frame whose data lies in the place reserved for at least f->len bytes.
	 * @cork: the peer needn't be woken yet. 0 or an error: of capabilities (nothing
	 * was sent; NO_RIGHT, FAILED_LOOKUP, STALE), else PEER_CLOSED.
	 */
	int (*commit)(struct tx *t, const struct frame *f, bool cork);
	/* Wake the peer for what was corked. */
	void (*flush)(struct tx *t);
	/*
	 * The next frame: 1, 0 (none now), or -PEER_CLOSED (no more will come, or the peer
	 * broke the rules: what had come whole has been given). Again the same until release().
	 */
	int (*peek)(struct tx *t, struct frame *ret, const void **data);
	/* The frame is done with. Returns 0, or -PEER_CLOSED: its data may be torn, don't use it.
	 */
	int (*release)(struct tx *t);
	/*
	 * One is going to sleep until there is a frame (TX_IN) or room for @len bytes
	 * (TX_OUT): see that the peer rings. True: it is there already. disarm() afterwards.
	 */
	bool (*arm)(struct tx *t, unsigned want, size_t len);
	void (*disarm)(struct tx *t, unsigned want);
	/*
	 * Its descriptor was readable: forget that. Where one descriptor tells of several
	 * transports, @hinted is called with the owner of each that it told of. May be NULL.
	 */
	void (*woken)(struct tx *t, void (*hinted)(void *owner));
	/* Unmap, close, free @t. */
	void (*close)(struct tx *t);
};
struct tx {
	const struct tx_ops *ops;
	size_t frame_max;  /* data bytes in one frame */
	bool caps;         /* frames can carry capabilities */
	bool brief;        /* a place holds only until anything is done with another transport */
	bool fast;         /* peek() is a look at memory: spinning on it makes sense */
	int fd;            /* readable when the peer rang; -1: it is the gate that tells */
	uint32_t peer_cpu; /* where the peer ran last, as it says; UINT32_MAX: unknown */
	int64_t retry_ns;  /* look again by then (CLOCK_MONOTONIC) without being rung; 0: no need */
	int64_t wake_ns;   /* what a wake-up by the peer took lately; 0: unknown */
};
