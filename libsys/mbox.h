/* SPDX-License-Identifier: MIT */
/*
 * The inside of a mailbox: what its files and the server skeleton share.
 *
 * A channel is in one of four states: ready (something may have come: it gets a
 * turn), hot (nothing now, but it is looked at while the mailbox spins), armed
 * (asleep: its peer rings), or at the user's. Sleeping costs nothing for channels that are
 * armed already, and waking looks only at those whose hint is set.
 */
#pragma once
#include "libsys/chan.h"
#include "libsys/tx_kernel.h"

#define MBOX_PORTS   16
#define MBOX_BUCKETS 4096
#define MBOX_HOT_MAX 256
#define MBOX_KEEP    (16u << 20) /* bytes kept of messages that are under way, all clients */

/* A link whose bell is in the epoll set. */
struct mbox_link {
	struct mbox_link *next;
	struct link *link;
	uint32_t id, pid; /* the session that brought it, and whose it is; a client's own: pid 0 */
	unsigned rings;
};

struct mbox_watch {
	struct mbox_watch *next;
	void (*fn)(void *owner, void *arg);
	void *owner, *arg;
};

/* What a mailbox that has registered names owes them (name.c). */
struct mbox_names {
	/* Before it sleeps. Returns when to come again at the latest, ns; < 0: any time. */
	int64_t (*renew)(struct writ_mbox *b);
	void (*gone)(struct writ_mbox *b);
};

struct writ_mbox {
	int epfd;
	unsigned nports, nchans, max_chans, nhot, releasable, own; /* own: opened oneself */
	struct port ports[MBOX_PORTS];
	struct writ_chan *ready_head, **ready_tail, *hot, *all;
	struct writ_chan *by_session[MBOX_BUCKETS];
	struct mbox_link *links;
	struct mbox_watch *watches;
	struct spin spin;
	uint64_t ring_max; /* bytes of rings */
	int64_t swept_ns;
	bool others;    /* what comes besides is looked at by who calls mbox_step() */
	unsigned turns; /* since the descriptors were looked at */
	/* A client that is sent away: why. May be NULL. */
	void (*refused)(void *arg, uint32_t pid, int err);
	void *arg;
	const struct mbox_names *names; /* it has registered names; NULL: none */
};

/* One more Endpoint to serve. Errors: as LISTEN. */
int mbox_listen(struct writ_mbox *b, writ_cap_t endpoint);
/* Call @fn(@owner, @arg) when @fd is readable. 0 or an error. */
int mbox_watch(struct writ_mbox *b, int fd, void (*fn)(void *owner, void *arg), void *owner,
    void *arg);
/* As writ_mbox_recv(), but returns BUSY after each sleep that brought nothing: what else came
 * is the caller's to look at. */
int64_t mbox_step(struct writ_mbox *b, struct writ_chan **ret_c, void *buf, size_t size,
    struct writ_chan_msg *ret, unsigned flags, int64_t end);

/* Is this event about a session of @box, or is it to be one? */
bool mbox_wants(void *box, const struct writ_hdr *h);

/* May @len more bytes be kept of what @c sends or is sent? A proc has a quarter of what is left. */
bool mbox_may_keep(const struct writ_mbox *b, const struct writ_chan *c, size_t len);

/* --- between mbox.c (the loop) and mbox_serve.c (sessions and links) ---------------- */

/* Take from the gate what is about sessions of @b, and the messages of its ports. 0 or an error. */
int mbox_gate(struct writ_mbox *b);
/* A link's bell rang. */
void mbox_rang(struct mbox_link *l);
/* @c has taken a ring. 0 or an error. */
int mbox_link(struct writ_mbox *b, struct writ_chan *c);
/* It has given it back. */
void mbox_unlink(struct writ_mbox *b, struct writ_chan *c);
/* Put @c into @b's tables; out of them: chan_unbox(). */
void mbox_enter(struct writ_mbox *b, struct writ_chan *c);
struct writ_chan *mbox_find(void *box, uint32_t session);
/* See to rings that have not been used for long. */
void mbox_sweep(struct writ_mbox *b, int64_t now);
void mbox_ready(struct writ_mbox *b, struct writ_chan *c);
void mbox_cool(struct writ_mbox *b, struct writ_chan *c); /* no longer hot */
