/* SPDX-License-Identifier: MIT */
/*
 * Channels: their sessions. Opening and closing, taking a ring when there is
 * much to say and giving it back. Owns the links of this proc's own channels.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libsys/chan.h"
#include "libsys/chan_tag.h"
#include "libsys/mbox.h"
#include "libsys/name_cache.h"
#include "libsys/ring.h"
#include "libsys/sys.h"
#include "libsys/tx_kernel.h"

#define WINDOW_NS INT64_C(100000000)  /* messages are counted over this long */
#define SULK_NS   INT64_C(1000000000) /* after a ring was refused */
#define CLOSE_NS  INT64_C(1000000000) /* what was sent has this long to be taken */

static struct writ_chan *mine; /* all that this proc opened */

/* --- rings ----------------------------------------------------------------------------- */

/* The link to the same server that another channel has, if it has room. */
static struct writ_chan *linked(const struct writ_chan *c, int *ret_number)
{
	const struct link *full = NULL;

	sys_gate_pump(); /* whose server has gone? */
	for (struct writ_chan *o = mine; o != NULL; o = o->next) {
		if (o->link == NULL || o->link == full || o->broken || chan_was_closed(o) ||
		    (c->server != 0 ? o->server != c->server : o->path != c->path))
			continue;
		*ret_number = link_number(o->link);
		if (*ret_number >= 0)
			return o;
		full = o->link;
	}
	*ret_number = 0;
	return NULL;
}

static void fds_close(const int *fds)
{
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Have the kernel make a ring of @bulk, and map it. */
static int ring_get(struct writ_chan *c, uint32_t bulk)
{
	int number = 0, fds[WRIT_FDS_MAX] = { -1, -1, -1 }, r;
	const struct writ_chan *with = linked(c, &number);
	uint32_t id = with != NULL ? with->link_id : c->peer.session;
	uint32_t idle = c->attr.transport == WRIT_TX_AUTO ? c->attr.idle_ms : 0;
	struct writ_ring_req q = { .bytes = ring_bytes(bulk),
		.tag = chan_tag(id, (unsigned)number, idle),
		.bells = with == NULL };
	struct writ_hdr h = sys_hdr(WRIT_OP_RING, 0, c->peer.session, sizeof(q));
	struct tx *t = NULL;

	r = writ_gate_call(&h, &q, NULL, NULL, 0, fds);
	if (r < 0) /* it may have been closed meanwhile */
		return r == -WRIT_E_FAILED_LOOKUP ? -WRIT_E_PEER_CLOSED : r;
	c->link = with != NULL ? link_get(with->link) : link_new(fds[0], fds[1], fds[2], 0);
	fds[1] = fds[2] = -1;
	c->link_id = id;
	if (c->link != NULL)
		t = ring_new(fds[0], bulk, 0, c->link, (unsigned)number, c);
	fds_close(fds);
	if (t == NULL) {
		link_put(c->link);
		c->link = NULL;
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	chan_install(c, CHAN_TX_USER, t);
	return c->box != NULL ? mbox_link(c->box, c) : 0;
}

/* Go over to a ring. 0, or why not: then everything stays as it was. */
static int upgrade(struct writ_chan *c)
{
	int r = 0;

	if (c->release || c->gone)
		return -WRIT_E_BUSY;
	if (c->tx[CHAN_TX_USER] == NULL)
		r = ring_get(c, c->attr.bulk != 0 ? c->attr.bulk : RING_BULK);
	if (r == 0)
		r = chan_switch(c, CHAN_TX_USER, 0);
	if (r == 0 || r == -WRIT_E_BUSY)
		c->stats.upgrades++;
	return r == -WRIT_E_BUSY ? 0 : r;
}

void chan_used(struct writ_chan *c, size_t len)
{
	int64_t now;

	if (c->out != CHAN_TX_KERNEL || c->turn_to >= 0 || c->peer.session == 0 || c->release ||
	    c->attr.transport == WRIT_TX_KERNEL || c->put.at != NULL)
		return;
	now = spin_now();
	if (now < c->window_ns)
		return; /* refused lately */
	if (now - c->window_ns > WINDOW_NS) {
		c->window_ns = now;
		c->window = 0;
	}
	c->window++;
	if (c->attr.transport != WRIT_TX_USER && c->window < c->attr.upgrade_after &&
	    len <= c->tx[CHAN_TX_KERNEL]->frame_max && c->tx[CHAN_TX_USER] == NULL)
		return;
	if (upgrade(c) < 0)
		c->window_ns = now + SULK_NS;
}

int chan_ring_in(struct writ_chan *c, struct tx *t, struct link *link, uint64_t tag)
{
	c->refused = false;
	if (c->tx[CHAN_TX_USER] != NULL) { /* not yet read to its end */
		c->ring_next.tx = t;
		c->ring_next.link = link;
		c->ring_next.tag = tag;
		return 0;
	}
	c->link = link;
	c->link_id = chan_tag_link(tag);
	c->idle_ms = chan_tag_idle_ms(tag);
	c->quiet_ms = 0;
	c->seen = UINT64_MAX; /* the last look was at the ring before it */
	if (c->box != NULL && mbox_link(c->box, c) < 0) {
		c->link = NULL;
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	chan_install(c, CHAN_TX_USER, t);
	return 0;
}

static void ring_drop(struct writ_chan *c)
{
	c->tx[CHAN_TX_USER]->ops->close(c->tx[CHAN_TX_USER]);
	c->tx[CHAN_TX_USER] = NULL;
	c->granted = false;
	if (c->box != NULL)
		mbox_unlink(c->box, c);
	link_put(c->link);
	c->link = NULL;
}

int chan_verdict(struct writ_chan *c)
{
	struct writ_ring_req q = { 0 };
	struct writ_hdr h = sys_hdr(WRIT_OP_RING, 0, c->peer.session, sizeof(q));
	int r = kernel_client_verdict(c->tx[CHAN_TX_KERNEL]);

	if (r == 0)
		return -WRIT_E_BUSY;
	c->asking = false;
	c->granted = r > 0;
	if (r > 0)
		return 0;
	c->out = CHAN_TX_KERNEL; /* nothing has gone there */
	ring_drop(c);
	c->window_ns = spin_now() + SULK_NS;
	sys_gate_post_quiet(&h, &q);
	return 0;
}

void chan_settle(struct writ_chan *c, bool read)
{
	struct writ_ring_req q = { 0 };
	struct writ_hdr h = sys_hdr(WRIT_OP_RING, 0, c->peer.session, sizeof(q));
	struct tx *t = c->ring_next.tx;

	if (!c->release || c->in == CHAN_TX_USER || c->out == CHAN_TX_USER || c->turn_to >= 0 ||
	    c->tx[CHAN_TX_USER] == NULL)
		return;
	if (read && !c->client) /* a client that keeps it mapped keeps nothing of one's memory */
		ring_forget(c->tx[CHAN_TX_USER]);
	ring_drop(c);
	c->release = false;
	c->window = 0;
	c->stats.downgrades++;
	if (c->client && !c->gone && c->peer.session != 0)
		sys_gate_post_quiet(&h, &q); /* it is no longer paid for */
	c->ring_next.tx = NULL;
	if (t != NULL && chan_ring_in(c, t, c->ring_next.link, c->ring_next.tag) < 0) {
		t->ops->close(t);
		link_put(c->ring_next.link);
		chan_break(c);
	}
}

int writ_chan_switch(struct writ_chan *c, enum writ_transport t)
{
	int r;

	if (!c->client || c->peer.session == 0 || c->put.on)
		return -WRIT_E_ILLEGAL_OPERATION;
	if (t != WRIT_TX_KERNEL && t != WRIT_TX_USER)
		return -WRIT_E_INVALID_ARGUMENT;
	if (t == WRIT_TX_USER) {
		r = upgrade(c);
	} else {
		r = chan_switch(c, CHAN_TX_KERNEL, 0);
		c->stats.downgrades += r == 0 || r == -WRIT_E_BUSY;
	}
	if (r == 0 || r == -WRIT_E_BUSY)
		c->attr.transport = t;
	return r == -WRIT_E_BUSY && t == WRIT_TX_KERNEL ? 0 : r;
}

/* --- begin and end ------------------------------------------------------------------------ */

static bool attr_ok(const struct writ_chan_attr *a)
{
	return a == NULL ||
	    (a->transport <= WRIT_TX_USER &&
		(a->bulk == 0 ||
		    (a->bulk >= RING_BULK_MIN && a->bulk <= RING_BULK_MAX &&
			(a->bulk & (a->bulk - 1)) == 0)));
}

/* Give the kernel's answer to CONNECT a channel. The session is closed again on failure. */
static int begin(struct writ_chan *c, writ_cap_t path, uint32_t session,
    const struct writ_connect_rep *rep)
{
	struct tx *t = kernel_client_new(path, session);

	if (t == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	chan_install(c, CHAN_TX_KERNEL, t);
	c->path = path;
	c->server = rep->server;
	c->to_self = rep->server == writ_self()->pid;
	c->peer.rights = rep->rights;
	memcpy(c->peer.prefix, rep->prefix, sizeof(c->peer.prefix) - 1);
	return c->attr.transport == WRIT_TX_USER ? upgrade(c) : 0;
}

int writ_chan_open(writ_cap_t path, const struct writ_chan_attr *attr, struct writ_chan **ret)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_CONNECT, path, attr != NULL && attr->nowait, 0);
	struct writ_connect_rep rep = { 0 };
	struct writ_chan *c;
	int r;

	if (!attr_ok(attr))
		return -WRIT_E_INVALID_ARGUMENT;
	c = chan_new(true, attr);
	if (c == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	r = writ_gate_call(&h, NULL, NULL, &rep, sizeof(rep), NULL);
	if (r < 0) {
		chan_free(c);
		return r;
	}
	c->peer.session = (uint32_t)h.arg;
	c->next = mine;
	mine = c;
	r = begin(c, path, (uint32_t)h.arg, &rep);
	if (r < 0) {
		writ_chan_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

bool chan_taken(const struct writ_chan *c)
{
	const struct tx *t = c->tx[c->out];

	return c->out == CHAN_TX_USER ? ring_all_taken(t) : kernel_client_taken(t);
}

static bool gone(struct writ_chan *c)
{
	c->gone = true;
	chan_hinted(c);
	return true;
}

bool chan_was_closed(struct writ_chan *c)
{
	return c->gone || (c->peer.session != 0 && sys_gate_closed(c->peer.session) && gone(c));
}

bool chan_is_gone(struct writ_chan *c)
{
	if (!c->gone && c->peer.session != 0 && c->box == NULL && sys_gate_pump() < 0)
		gone(c);
	return chan_was_closed(c);
}

void chan_note_closed(void)
{
	for (struct writ_chan *c = mine; c != NULL; c = c->next)
		if (!c->gone)
			chan_was_closed(c);
}

/* What was sent is on its way to be read before the session ends. */
static void linger(struct writ_chan *c)
{
	struct pollfd p = { .fd = WRIT_GATE_FD, .events = POLLIN };
	struct tx *t = c->tx[CHAN_TX_KERNEL];
	int64_t end = spin_now() + CLOSE_NS;

	if (c->corked)
		writ_chan_flush(c);
	while (chan_progress(c) == -WRIT_E_BUSY && chan_wait(c, TX_OUT, 0, end) == 0)
		;
	while (c->client && !c->to_self && !c->gone && kernel_client_unread(t) &&
	    spin_now() < end && poll(&p, 1, (int)(CLOSE_NS / 1000000)) >= 0 && sys_gate_pump() == 0)
		t->ops->arm(t, TX_OUT, 0);
}

static void unlist(struct writ_chan *c)
{
	struct writ_chan **at = &mine;

	while (*at != NULL && *at != c)
		at = &(*at)->next;
	if (*at == c)
		*at = c->next;
}

void writ_chan_close(struct writ_chan *c)
{
	struct link *link;
	struct writ_hdr h;

	if (c == NULL)
		return;
	if (c->tx[CHAN_TX_KERNEL] != NULL)
		linger(c);
	h = sys_hdr(WRIT_OP_CLOSE, 0, c->peer.session, 0);
	/* The kernel may have closed it first: then there is nothing to tell. */
	if (c->peer.session != 0 && !c->gone && sys_gate_pump() == 0 &&
	    !sys_gate_closed(c->peer.session))
		writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
	sys_gate_forget(c->peer.session);
	if (c->client)
		unlist(c);
	else if (c->tx[CHAN_TX_USER] != NULL && (c->gone || c->broken))
		ring_forget(c->tx[CHAN_TX_USER]); /* pages count as of whom touched them first */
	chan_unbox(c);
	if (c->ring_next.tx != NULL) {
		c->ring_next.tx->ops->close(c->ring_next.tx);
		link_put(c->ring_next.link);
	}
	if (c->named != NULL)
		name_cache_put(c->named);
	link = c->link;
	chan_free(c);
	link_put(link);
}

/* --- looking at it ---------------------------------------------------------------------- */

const struct writ_chan_peer *writ_chan_peer(const struct writ_chan *c)
{
	return &c->peer;
}

void **writ_chan_state(struct writ_chan *c)
{
	return &c->state;
}

void writ_chan_stat(const struct writ_chan *c, struct writ_chan_stats *ret)
{
	*ret = c->stats;
	ret->spins = c->spin.hits;
	ret->sleeps = c->spin.sleeps;
	ret->spin_ns = c->spin.budget_ns > 0 ? (uint64_t)c->spin.budget_ns : 0;
	ret->wake_ns = (uint64_t)c->spin.wake_ns;
}
