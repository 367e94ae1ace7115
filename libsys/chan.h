/* SPDX-License-Identifier: MIT */
/*
 * The inside of a channel: what its files share, and what tests use to make one
 * over transports of their own. The public part is <writ/chan.h>.
 *
 * Each direction uses one transport at a time. Who sends may go on with another
 * at any frame: FRAME_SWITCH is the last on the old one. Who reads it goes on
 * with the new one, and lets what it sends follow. So order needs no numbers and no
 * acknowledgement, and each direction is at one place at any time.
 */
#pragma once
#include <writ/chan.h>
#include "libsys/spin.h"
#include "libsys/tx.h"

enum { CHAN_TX_KERNEL, CHAN_TX_USER, CHAN_TX_OTHER, CHAN_TX_N };

struct link;
struct name_entry;
struct mbox_link;

#define CHAN_LATE_MAX 256         /* frames that can lie in all transports together */
#define CHAN_CANCELED 64          /* calls given up whose replies are still recognised */
#define CHAN_KEPT_MAX (16u << 20) /* bytes kept of messages that came while a call waited */

/* A message that came while a call waited for its reply. */
struct chan_kept {
	struct chan_kept *next;
	struct writ_chan_msg msg;
	uint8_t data[];
};

/* The rest of a message that had no room: it goes before anything else. */
struct chan_rest {
	struct frame f;      /* of the message; kind is MORE once its first frame has gone */
	uint32_t done, size; /* bytes */
	bool wait;
	uint8_t data[];
};

struct writ_chan {
	struct tx *tx[CHAN_TX_N];
	uint8_t in, out;
	bool client, gone; /* gone: the kernel says that the session is closed */
	bool broken;       /* the peer broke the rules: nothing more is read */
	bool mute;         /* nothing can be sent any more; what came before can be read */
	bool to_self;      /* both ends are one's own */
	bool release;      /* one side has said that the ring is no longer needed */
	bool corked;
	bool asking, granted;   /* client: whether the server takes the ring; that it did */
	bool refused;           /* server: a ring that it didn't take */
	int turn_to;            /* transport to go on with before the next frame; -1: none */
	uint32_t turn_how;      /* SWITCH_... */
	uint32_t next_id, late; /* late: frames read since it is gone */
	struct chan_rest *rest;
	struct chan_kept *kept, **kept_tail;
	size_t kept_bytes;
	uint32_t canceled[CHAN_CANCELED], ncanceled;
	struct { /* the message that is being received */
		bool on, wanted;
		struct writ_chan_msg msg;
		uint32_t have;
		bool dropped;           /* the answer to something given up */
		uint8_t *dst;           /* NULL: it is thrown away */
		struct chan_kept *part; /* dst is in here; or NULL: it is the user's buffer */
	} cur;
	struct { /* the one that begin_get() gives in pieces */
		bool on, held;
		struct writ_chan_msg msg;
		uint32_t have, piece;
		struct chan_kept *kept;
	} get;
	struct { /* and begin_put() takes */
		bool on;
		uint32_t total, done, place;
		struct frame f;
		void *at;      /* what the user fills */
		uint8_t *copy; /* that, where the transport's own place is a brief one */
	} put;
	struct spin spin;
	struct writ_chan_attr attr;
	struct writ_chan_peer peer;
	struct writ_chan_stats stats;
	void *state;
	/* the session (chan_open.c) */
	writ_cap_t path;          /* client */
	struct name_entry *named; /* opened by name: a use of that entry (name_cache.h) */
	uint32_t server;          /* its pid, as the kernel said; 0: unknown */
	struct link *link;
	uint32_t link_id;  /* the session that brought it */
	int64_t window_ns; /* auto: when it began to count */
	unsigned window;
	uint64_t seen; /* server: messages by the last look for idle ones */
	uint32_t idle_ms,
	    quiet_ms;        /* after so long it is idle (0: never); for so long it has been */
	uint64_t ring_bytes; /* server: of the ring's memory */
	struct {             /* server: a new ring, while the old one is still read */
		struct tx *tx;
		struct link *link;
		uint64_t tag;
	} ring_next;
	struct writ_chan *next; /* client: all that this proc opened */
	/* the mailbox (mbox.c) */
	struct writ_mbox *box;
	struct mbox_link *boxed_link;
	struct writ_chan *ready_next, *hot_prev, *hot_next, *by_next, *all_prev, *all_next;
	bool ready, hot, armed, opened; /* opened: OPENED has been said */
};

/* A channel without a session and without transports. NULL: no memory. @attr may be NULL. */
struct writ_chan *chan_new(bool client, const struct writ_chan_attr *attr);
/* Close its transports and free it. */
void chan_free(struct writ_chan *c);
/* Give it transport @number (takes @t over). The first one is what both directions begin with. */
void chan_install(struct writ_chan *c, unsigned number, struct tx *t);
/* Send FRAME_SWITCH and go on with @number in the outgoing direction; the peer's
 * follows. 0, BUSY (no room for the frame now: it is done before the next message) or PEER_CLOSED.
 * @how: SWITCH_RELEASE or 0. */
int chan_switch(struct writ_chan *c, unsigned number, uint32_t how);
/* The transport that is used now for what comes (@in) or goes. */
unsigned chan_on(const struct writ_chan *c, bool in);

/* Delete and give back the slots of capabilities that came. */
void chan_caps_drop(const writ_cap_t *caps, unsigned n);

/* --- frames (chan.c) ------------------------------------------------------------- */

/* The peer broke the rules, or is gone: PEER_CLOSED. */
int chan_break(struct writ_chan *c);
/* Nothing more can be sent: PEER_CLOSED. */
int chan_mute(struct writ_chan *c);
/* The next frame that is part of a message: 1, 0 (none now) or PEER_CLOSED. Switches on the way. */
int chan_peek(struct writ_chan *c, struct frame *ret, const void **data);
int chan_release(struct writ_chan *c);
/* A place for a frame of @len, behind all that has to go before. NULL with *ret: BUSY, or
 * PEER_CLOSED. */
void *chan_reserve(struct writ_chan *c, size_t len, int *ret);
int chan_commit(struct writ_chan *c, const struct frame *f);
/* What is to go before anything else: 0, BUSY or PEER_CLOSED. */
int chan_progress(struct writ_chan *c);
/* Largest frame on the way out now. */
size_t chan_frame_max(const struct writ_chan *c);
/* Spin, then sleep, until the peer did something or @end (CLOCK_MONOTONIC ns, < 0: for ever);
 * 0, TIMED_OUT or PEER_CLOSED. @want: enum tx_want; @len for TX_OUT. */
int chan_wait(struct writ_chan *c, unsigned want, size_t len, int64_t end);
/* When a wait of @timeout ns is over. */
int64_t chan_end(int64_t timeout);
/* Before the sleep of a mailbox: true when there is something already. */
bool chan_arm(struct writ_chan *c, unsigned want, size_t len);
void chan_disarm(struct writ_chan *c, unsigned want);

/* --- messages (chan_send.c, chan_recv.c) ------------------------------------------ */

/*
 * Send the message that @first begins. @keep: what has no room now is kept and goes later, unless
 * something is kept already (BUSY); its capabilities' slots are the channel's, whatever comes of
 * it.
 */
int chan_put(struct writ_chan *c, const struct frame *first, const void *data, bool keep,
    int64_t end);

/* --- the session (chan_open.c) ------------------------------------------------------ */

/* A message went or came: is it time for another transport? Client only. */
void chan_used(struct writ_chan *c, size_t len);
/* Client: the server's word on the ring, if it has come. 0, or BUSY: nothing may go there yet. */
int chan_verdict(struct writ_chan *c);
/* Both sides have left the ring for good: give it back. @read: the peer has read all of it. */
void chan_settle(struct writ_chan *c, bool read);
/* Server: the client has a ring. Takes @t and @link, but not on failure. 0 or an error. */
int chan_ring_in(struct writ_chan *c, struct tx *t, struct link *link, uint64_t tag);
/* After PEER_CLOSED: may the peer have got what was sent last? If not, it may be sent elsewhere. */
bool chan_taken(const struct writ_chan *c);
/* Is the session closed, as far as the gate has been read; and after reading what is there. */
bool chan_was_closed(struct writ_chan *c);
bool chan_is_gone(struct writ_chan *c);
/* Take from what the gate has said that sessions are closed which one opened oneself. */
void chan_note_closed(void);

/* --- the mailbox (mbox.c) ------------------------------------------------------------- */

/* There is something to be done for it: a turn, if it belongs to a mailbox. */
void chan_hinted(void *chan);
/* It is being freed: out of all lists. */
void chan_unbox(struct writ_chan *c);
