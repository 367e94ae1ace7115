/* SPDX-License-Identifier: MIT */
/*
 * Messages: channels and mailboxes, over whatever carries them.
 *
 * A channel joins a client (who opened it through a Path) and a server (who
 * holds the Endpoint behind it). Both sides are alike once it is open: either
 * sends, calls, receives and replies; messages of a side arrive once, whole and
 * in the order in which they were sent, whichever transport carries them and
 * however often that changes. The transports are fos's (Belay, "Message Passing
 * in a Factored OS", MIT 2011): `kernel`, endpoint messages through the gate,
 * for what is sent now and then and for all that carries capabilities; `user`, a
 * ring in shared memory, for what is sent often. `auto` begins with the first
 * and moves to the second by use, and back when idle (docs/messages.md).
 *
 * The peer may be hostile: it can end or stall its own channel and nothing
 * else. When it is gone, what it had sent before is still received, then
 * PEER_CLOSED. A mailbox receives from many channels.
 *
 * Times are ns; a timeout < 0 is for ever, 0 never blocks (BUSY). One thread at a
 * time uses all of this, as with the gate. All functions return 0, a count, or a
 * negated enum writ_err; besides what they name: PEER_CLOSED, TIMED_OUT,
 * NOT_ENOUGH_MEMORY.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/ipc.h>

#define WRIT_CHAN_MAX (1u << 30) /* bytes of one message */

enum writ_transport { WRIT_TX_AUTO, WRIT_TX_KERNEL, WRIT_TX_USER };

/* All zeros: what is usual. */
struct writ_chan_attr {
	enum writ_transport transport;
	uint32_t upgrade_after; /* auto: messages within 100 ms before it takes a ring; 0: 8 */
	uint32_t idle_ms;       /* auto: gives the ring back after so long without use; 0: 1000 */
	uint32_t bulk;          /* payload area of a ring a direction, bytes: a power of two from
				   16 KiB to 64 MiB; 0: 256 KiB. It is charged to one's realm. */
	int64_t spin_ns;        /* most that a wait spins; 0: as learned; < 0: never */
	bool nowait;            /* open: BUSY when no server is there, instead of waiting */
};

/* What the kernel attests of the other side, to a server; a client sees its Path's own. */
struct writ_chan_peer {
	uint32_t session, pid, realm, rights;
	uint64_t badge;
	char prefix[WRIT_PREFIX_MAX];
};

enum writ_chan_event {
	WRIT_CHAN_MSG,      /* a message; id != 0: a call, which wants a reply */
	WRIT_CHAN_REPLY,    /* the answer to the call of that id */
	WRIT_CHAN_CANCELED, /* the peer has given up its call of that id; no data */
	WRIT_CHAN_OPENED,   /* mailbox: a client came; no data */
	WRIT_CHAN_CLOSED,   /* mailbox: this channel is over; close it */
};

/* What came. */
struct writ_chan_msg {
	enum writ_chan_event event;
	uint32_t label, id;
	uint32_t len;    /* of the whole message, bytes */
	uint32_t offset; /* begin_get: where in it the piece lies */
	unsigned ncaps; /* own slots with what came; whoever receives frees them (writ_slot_free) */
	writ_cap_t caps[WRIT_CAPS_MAX];
};

/* Counted since it was opened. [0] kernel, [1] user. */
struct writ_chan_stats {
	uint64_t sent[2], received[2]; /* messages, by the transport of their first byte */
	uint64_t bytes_out[2], bytes_in[2];
	uint64_t upgrades, downgrades; /* to a ring, away from it */
	uint64_t spins, sleeps;        /* waits that ended while spinning, and not */
	uint64_t spin_ns, wake_ns;     /* now: budget of a wait; what a wake-up takes here */
};

struct writ_chan;
struct writ_mbox;

/* --- channels ------------------------------------------------------------------- */

/*
 * Open a channel to the server behind Path @path. @attr NULL: all usual. Blocks
 * while the server is being restarted (unless nowait). Errors: as CONNECT in docs/abi.md,
 * INVALID_ARGUMENT (@attr). The caller closes *ret.
 */
int writ_chan_open(writ_cap_t path, const struct writ_chan_attr *attr, struct writ_chan **ret);
/*
 * The same by name: "/run/db", "/run/db/~any" (any member of the fleet),
 * "/run/db/~local" (one on this machine), "/run/db/MEMBER". Where it leads is
 * remembered; when that turns out to be stale, it is looked up once more. It never
 * waits for a server to come back (BUSY), but for the name of a service,
 * "/svc/NAME", which is its Path. Errors: also NO_PATH, NO_RIGHT (read),
 * NOT_FOUND (nobody has registered).
 */
int writ_chan_open_name(const char *name, const struct writ_chan_attr *attr,
    struct writ_chan **ret);
/* Close and free it; what was sent is still received by the peer, for which this blocks up to a
 * second on the kernel transport. NULL is ignored. */
void writ_chan_close(struct writ_chan *c);
const struct writ_chan_peer *writ_chan_peer(const struct writ_chan *c);
/* A word of the user's own. */
void **writ_chan_state(struct writ_chan *c);
/* Statistics, into *ret. */
void writ_chan_stat(const struct writ_chan *c, struct writ_chan_stats *ret);
/* Move to @t now (not AUTO), and stay there until told otherwise. Messages keep their order.
 * Client only: else ILLEGAL_OPERATION. */
int writ_chan_switch(struct writ_chan *c, enum writ_transport t);

/*
 * Send a message of up to WRIT_CHAN_MAX bytes, with copies of up to
 * WRIT_CAPS_MAX capabilities. Blocks while there is no room. Errors: RANGE
 * (longer), NO_RIGHT (capabilities through a Path without grant), FAILED_LOOKUP,
 * STALE (a capability of @m is not there; nothing was sent). When the time is over in the
 * middle of a long message, what is left of it is kept, and goes before anything else.
 */
int writ_chan_send(struct writ_chan *c, uint32_t label, const struct writ_msg *m, int64_t timeout);

/*
 * Receive the next message. Returns its length. One that is longer than @size:
 * RANGE, *ret says how long it is and it stays, or (@flags & MAY_DISCARD) it and its
 * capabilities are thrown away. *ret may be NULL: capabilities are thrown away.
 */
#define WRIT_CHAN_MAY_DISCARD 1u
int64_t writ_chan_recv(struct writ_chan *c, void *buf, size_t size, struct writ_chan_msg *ret,
    unsigned flags, int64_t timeout);

/*
 * Send and wait for the reply, whose length is returned; messages that come
 * meanwhile stay and are received afterwards. On TIMED_OUT the call is given up
 * (writ_chan_cancel). RANGE: the reply is longer than @size, and thrown away.
 * ILLEGAL_OPERATION: it is a channel to oneself.
 */
int64_t writ_chan_call(struct writ_chan *c, uint32_t label, const struct writ_msg *m, void *rep,
    size_t size, struct writ_chan_msg *ret, int64_t timeout);
/* Send only; its reply is received as WRIT_CHAN_REPLY. Returns the id (> 0). */
int64_t writ_chan_call_begin(struct writ_chan *c, uint32_t label, const struct writ_msg *m,
    int64_t timeout);
/*
 * Give it up: the peer is told, a reply that still comes is thrown away. Never blocks; what has no
 * room now goes later. Errors, when the peer isn't told: BUSY (something waits for room already),
 * ILLEGAL_OPERATION (in the middle of begin_put).
 */
int writ_chan_cancel(struct writ_chan *c, uint32_t id);
/*
 * Answer call @id. As writ_chan_send(); with @timeout 0 and without capabilities it is kept
 * when there is no room, and goes as soon as there is: a server never has to wait for a client.
 * (One at a time: else BUSY. A mailbox takes nothing of a channel that has one kept.)
 */
int writ_chan_reply(struct writ_chan *c, uint32_t id, uint32_t label, const struct writ_msg *m,
    int64_t timeout);
/* Both in one, which is one system call less where it takes system calls. */
int64_t writ_chan_reply_recv(struct writ_chan *c, uint32_t id, uint32_t label,
    const struct writ_msg *m, void *buf, size_t size, struct writ_chan_msg *ret, int64_t timeout);

/* Batching: between the two the peer is not woken for what is sent. Errors: PEER_CLOSED only. */
void writ_chan_cork(struct writ_chan *c);
int writ_chan_flush(struct writ_chan *c);

/*
 * Zero-copy. begin_put: a place for the first or next piece of a message of
 * @total bytes; returns how much of it may be filled there (> 0). end_put: @n
 * bytes are; they go. The message has ended when all pieces make up @total; no
 * other may be sent before. @id: of the call that it answers, or 0. n = 0 gives the place back
 * when no piece has gone. Errors of begin_put: RANGE (@total beyond WRIT_CHAN_MAX); BUSY,
 * TIMED_OUT (no room: call it again). Of end_put: ILLEGAL_OPERATION (no place was given, or @n is
 * more than that).
 */
int64_t writ_chan_begin_put(struct writ_chan *c, uint32_t id, uint32_t label, uint32_t total,
    void **ret, int64_t timeout);
int writ_chan_end_put(struct writ_chan *c, size_t n);
/*
 * begin_get: the next piece where it lies; returns its length, *ret says of which
 * message and where in it. THE PEER CAN STILL CHANGE IT: read each byte once, or
 * copy. Holds until end_get. Its first piece brings the capabilities (ret->ncaps), which whoever
 * calls this frees, as writ_chan_recv()'s. Errors: BUSY; ILLEGAL_OPERATION (a piece is held, or a
 * message has been received in part).
 */
int64_t writ_chan_begin_get(struct writ_chan *c, struct writ_chan_msg *ret, const void **data,
    int64_t timeout);
void writ_chan_end_get(struct writ_chan *c);

/*
 * Join two channels into one, as ipcz merges portals: all that comes on one goes
 * out on the other, capabilities included, till a side closes; then both are
 * closed and freed, whatever is returned; but ILLEGAL_OPERATION (the same channel twice, one in a
 * mailbox, or with a message begun or kept) leaves both open. Blocks till then. Calls are passed
 * on with their ids.
 */
int writ_chan_merge(struct writ_chan *a, struct writ_chan *b);

/* --- mailboxes ------------------------------------------------------------------- */

/* A mailbox that takes the clients of @endpoint (right read; 0: it only waits for channels that
 * are added). Errors: BUSY (another one of this proc has clients: one mailbox serves a proc; or
 * somebody else listens), NO_RIGHT, FAILED_LOOKUP, INVALID_CAPABILITY (@endpoint). The caller
 * frees *ret. */
int writ_mbox_new(writ_cap_t endpoint, struct writ_mbox **ret);
/* Closes all its channels. */
void writ_mbox_free(struct writ_mbox *b);
/* Have messages of @c, which one opened oneself, come through @b. Errors: ILLEGAL_OPERATION (a
 * server's side, or in a mailbox already). */
int writ_mbox_add(struct writ_mbox *b, struct writ_chan *c);
/*
 * The next message of any channel, which is *ret_c; as writ_chan_recv(), and also OPENED and
 * CLOSED. Each channel that has something gets its turn. One with a
 * message longer than @size: RANGE with *ret_c, *ret.
 */
int64_t writ_mbox_recv(struct writ_mbox *b, struct writ_chan **ret_c, void *buf, size_t size,
    struct writ_chan_msg *ret, unsigned flags, int64_t timeout);
/*
 * Register under @name ("/run/db"): a Path to the mailbox's Endpoint (with right grant), with
 * @rights, is given to whoever serves that name, for those that look it up; until one
 * unregisters, frees the mailbox or ends. *ret_member (may be NULL; WRIT_NAME_MAX bytes) is
 * one's name in the fleet. If the server of the name is started anew, writ_mbox_recv() registers
 * again, as another member. Needs rights mount and grant on the name. Errors: NO_PATH,
 * NO_RIGHT, EXISTS (a file of that name), NO_SPACE (too many members),
 * ILLEGAL_OPERATION (no Endpoint; or the server has no names).
 */
int writ_mbox_register(struct writ_mbox *b, const char *name, uint32_t rights, char *ret_member);
/* All that @b has registered under @name. NOT_FOUND: nothing. */
int writ_mbox_unregister(struct writ_mbox *b, const char *name);
