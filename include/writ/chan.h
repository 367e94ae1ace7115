/* SPDX-License-Identifier: MIT */
/*
 * Channels: one session between a client and a server, a pair of rings in a
 * sealed memfd that the kernel made and handed to both (design: fos's user
 * messaging). First version: calls with one reply, up to 64 KiB a message.
 *
 * The peer may be hostile and may write anything anywhere in the ring at any
 * time: all that is read is copied before it is checked, and each side keeps
 * its own indices. A peer that breaks the protocol costs this channel only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/gate.h>

#define CHAN_MSG_MAX 65536  /* bytes of one message */
#define CHAN_SLOTS   64     /* descriptors a direction, 64 bytes each */
#define CHAN_INLINE  40     /* bytes that fit into a descriptor */
#define CHAN_BULK    131072 /* bytes of payload area a direction; power of two */

/* One cache line. Published by storing seq last (release). */
struct chan_slot {
	uint32_t seq; /* 1 + number of the message when full */
	uint32_t len;
	uint32_t off;   /* where in the bulk area, when len > CHAN_INLINE; mod CHAN_BULK */
	uint32_t label; /* of the user's */
	uint64_t id;    /* matches reply and request */
	uint8_t data[CHAN_INLINE];
};
_Static_assert(sizeof(struct chan_slot) == 64, "one cache line");

/* One direction. tail and done are written by the consumer, the rest by the producer. */
struct chan_half {
	_Alignas(64) uint32_t asleep; /* consumer: ring the doorbell */
	_Alignas(64) uint32_t tail;   /* consumer: messages taken */
	uint32_t bulk_tail;           /* consumer: bulk bytes taken, running */
	uint32_t starved;             /* producer: waits for room, ring when some is freed */
	_Alignas(64) struct chan_slot slot[CHAN_SLOTS];
	uint8_t bulk[CHAN_BULK];
};
struct chan_ring {
	struct chan_half half[2]; /* 0: client to server */
};

struct chan {
	uint32_t session, rights;
	struct chan_ring *ring;
	uint64_t next_id;
	uint32_t sent, bulk_sent, taken, bulk_taken; /* private running counts */
	int side;                                    /* 0 client, 1 server */
	int bell_in, bell_out;                       /* eventfds: wait on, ring */
	bool closed;                                 /* the peer is gone, or broke the protocol */
	char prefix[WRIT_PREFIX_MAX];
};

/* Size of the memfd the kernel makes; it charges it to the client. */
#define CHAN_BYTES ((sizeof(struct chan_ring) + 4095) / 4096 * 4096)

/*
 * Client: open a session through Path capability @path. Waits while the server
 * is being restarted. Errors: as CONNECT in docs/abi.md.
 */
int chan_open(struct chan *c, writ_cap_t path);
/* Server: take over what EV_CONNECT brought. */
void chan_adopt(struct chan *c, const struct writ_event *ev);
/* Server: take over what EV_RING brought. Takes the descriptors, also on failure. Errors:
 * NOT_ENOUGH_MEMORY, BAD_REQUEST (it has a ring, or this is none). */
int chan_ring(struct chan *c, const struct writ_event *ev);
/*
 * Give the ring's memory back to Linux, whoever still maps it: for a server
 * whose client is gone or broke the protocol. Pages count as of the realm that
 * touched them first, so closed rings that a client keeps would use up the
 * server's memory limit. What was not read of the ring is lost.
 */
void chan_forget(struct chan *c);
/* Unmap, close, tell the kernel. Safe on a zeroed or closed one. */
void chan_close(struct chan *c);

/*
 * Send one message. Blocks while there is no room, up to @timeout_ms (< 0: for
 * ever). Errors: PEER_CLOSED, TIMED_OUT, RANGE (len > CHAN_MSG_MAX).
 */
int chan_send(struct chan *c, uint64_t id, uint32_t label, const void *msg, size_t len,
    int timeout_ms);

/*
 * Is there room for a message of @len bytes? 1, or 0: then the peer rings
 * bell_in when it has made some; or PEER_CLOSED. Never blocks.
 */
int chan_room(struct chan *c, size_t len);

/*
 * Take one message into @buf. Returns its length, or an error: BUSY (none now),
 * PEER_CLOSED, RANGE (longer than @size: dropped). Never blocks.
 */
int64_t chan_take(struct chan *c, uint64_t *ret_id, uint32_t *ret_label, void *buf, size_t size);

/*
 * Has the peer taken all that was sent? If it died without, then what was sent
 * last was certainly not done and may be sent again elsewhere.
 */
bool chan_all_taken(const struct chan *c);

/*
 * Send a request and wait for the reply with its id; blocks. Returns the
 * reply's length or an error.
 */
int64_t chan_call(struct chan *c, uint32_t label, const void *req, size_t len, void *rep,
    size_t size);

/*
 * Before sleeping on bell_in (poll, epoll): announce it. Returns true when a
 * message is there already: don't sleep. After waking: chan_wake() (clears the bell).
 */
bool chan_sleep(struct chan *c);
void chan_wake(struct chan *c);
