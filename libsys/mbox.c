/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes: the loop. Which channel gets a turn, and when to spin and to sleep.
 * Work is O(channels that have something); nothing here blocks for one of them.
 */
#include "libsys/mbox.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "libsys/sys.h"

#define BATCH     64
#define TURNS     64 /* messages, before the descriptors are looked at again */
#define SWEEP_NS  INT64_C(250000000)
#define WATCH_BIT ((uintptr_t)1)

/* --- states of a channel ------------------------------------------------------------------ */

void mbox_cool(struct writ_mbox *b, struct writ_chan *c)
{
	if (!c->hot)
		return;
	c->hot = false;
	b->nhot--;
	if (c->hot_prev != NULL)
		c->hot_prev->hot_next = c->hot_next;
	else
		b->hot = c->hot_next;
	if (c->hot_next != NULL)
		c->hot_next->hot_prev = c->hot_prev;
}

static void heat(struct writ_mbox *b, struct writ_chan *c)
{
	if (c->hot)
		return;
	c->hot = true;
	b->nhot++;
	c->hot_prev = NULL;
	c->hot_next = b->hot;
	if (b->hot != NULL)
		b->hot->hot_prev = c;
	b->hot = c;
}

void mbox_ready(struct writ_mbox *b, struct writ_chan *c)
{
	if (c->ready)
		return;
	c->ready = true;
	c->ready_next = NULL;
	*b->ready_tail = c;
	b->ready_tail = &c->ready_next;
}

void chan_hinted(void *chan)
{
	struct writ_chan *c = chan;

	if (c->box != NULL)
		mbox_ready(c->box, c);
}

static struct writ_chan *pop(struct writ_mbox *b)
{
	struct writ_chan *c = b->ready_head;

	if (c == NULL)
		return NULL;
	b->ready_head = c->ready_next;
	if (b->ready_head == NULL)
		b->ready_tail = &b->ready_head;
	c->ready = false;
	if (c->armed)
		chan_disarm(c, TX_IN | TX_OUT);
	c->armed = false;
	return c;
}

/* Its peer rings from now on; or there is something already, and it is ready. */
static void put_to_sleep(struct writ_mbox *b, struct writ_chan *c)
{
	size_t len = c->rest != NULL ? c->rest->size - c->rest->done : 0;
	unsigned want = c->rest != NULL || c->turn_to >= 0 ? TX_OUT : TX_IN;

	mbox_cool(b, c);
	c->armed = true;
	if (len > chan_frame_max(c))
		len = chan_frame_max(c);
	if (chan_arm(c, want, len))
		mbox_ready(b, c);
}

/* --- a turn -------------------------------------------------------------------------------- */

/* One message of @c. BUSY: it has none now. */
static int64_t serve(struct writ_mbox *b, struct writ_chan *c, void *buf, size_t size,
    struct writ_chan_msg *ret, unsigned flags)
{
	int64_t n;

	*ret = (struct writ_chan_msg){ .event = WRIT_CHAN_OPENED };
	if (!c->opened) {
		c->opened = true;
		mbox_ready(b, c);
		return 0;
	}
	/* Nothing is taken of one that leaves no room for what it is sent. */
	n = c->rest != NULL || c->turn_to >= 0 ? chan_progress(c) : 0;
	if (n == 0 || n == -WRIT_E_PEER_CLOSED)
		n = writ_chan_recv(c, buf, size, ret, flags, 0);
	if (n >= 0 || n == -WRIT_E_RANGE) {
		mbox_ready(b, c);
		return n;
	}
	if (n == -WRIT_E_BUSY) {
		if (c->rest == NULL && c->turn_to < 0 && b->nhot < MBOX_HOT_MAX)
			heat(b, c);
		else
			put_to_sleep(b, c);
		return n;
	}
	ret->event = WRIT_CHAN_CLOSED;
	return 0;
}

static int hot_ready(void *arg)
{
	struct writ_mbox *b = arg;
	const void *data;
	struct frame f;
	int any = 0;

	for (struct writ_chan *c = b->hot, *next; c != NULL; c = next) {
		struct tx *t = c->tx[c->in];

		next = c->hot_next;
		if (!t->fast || t->ops->peek(t, &f, &data) == 0)
			continue;
		mbox_cool(b, c);
		mbox_ready(b, c);
		any = 1;
	}
	return any;
}

/* A CPU that one of those looked at runs on: another than one's own, if there is such. */
static uint32_t hot_cpu(const struct writ_mbox *b)
{
	uint32_t here = spin_cpu();
	bool fast = false;

	for (const struct writ_chan *c = b->hot; c != NULL; c = c->hot_next) {
		const struct tx *t = c->tx[c->in];

		fast = fast || t->fast;
		if (t->fast && t->peer_cpu != here)
			return t->peer_cpu;
	}
	return here;
}

/* --- waiting --------------------------------------------------------------------------------- */

static int look(struct writ_mbox *b, int timeout_ms)
{
	struct epoll_event e[BATCH];
	int n = epoll_wait(b->epfd, e, BATCH, timeout_ms);

	if (n < 0 && errno != EINTR)
		return -WRIT_E_IO;
	b->turns = 0;
	for (int i = 0; i < n; i++) {
		uintptr_t p = (uintptr_t)e[i].data.ptr;

		if (p != 0 && (p & WATCH_BIT) == 0)
			mbox_rang((struct mbox_link *)p);
	}
	for (int i = 0; i < n; i++) {
		uintptr_t p = (uintptr_t)e[i].data.ptr;
		const struct mbox_watch *w = (const struct mbox_watch *)(p & ~WATCH_BIT);

		if ((p & WATCH_BIT) != 0)
			w->fn(w->owner, w->arg);
	}
	for (int i = 0; i < n; i++)
		if (e[i].data.ptr == NULL)
			return mbox_gate(b);
	return 0;
}

/* How long epoll may sleep, ms. */
static int nap(const struct writ_mbox *b, int64_t end)
{
	int64_t left = -1;

	for (const struct writ_chan *c = b->own > 0 ? b->all : NULL; c != NULL; c = c->all_next) {
		int64_t retry = c->client ? c->tx[c->in]->retry_ns : 0;

		if (retry != 0 && (end < 0 || retry < end))
			end = retry;
	}

	if (end >= 0)
		left = end - spin_now();
	if (b->releasable > 0 && (end < 0 || left > SWEEP_NS))
		left = SWEEP_NS;
	if (end < 0 && b->releasable == 0)
		return -1;
	left = (left + 999999) / 1000000;
	return left > 0 ? (int)(left < INT32_MAX ? left : INT32_MAX) : 0;
}

/* No slot is left for another message: those who leave no room for their answers go. */
static int make_slots(struct writ_mbox *b)
{
	for (struct writ_chan *c = b->all; c != NULL; c = c->all_next)
		if (!c->client && (c->rest != NULL || c->turn_to >= 0) &&
		    kernel_server_full(c->tx[CHAN_TX_KERNEL])) {
			chan_break(c);
			mbox_ready(b, c);
		}
	return 0;
}

/* Spin while that makes sense, then sleep; until a channel is ready, or something else came. */
static int rest(struct writ_mbox *b, int64_t end)
{
	int64_t began, again;
	bool now;
	int r = 0;

	if (b->hot != NULL && spin_wait(&b->spin, hot_cpu(b), hot_ready, b) != 0)
		return 0;
	r = mbox_gate(b); /* what the gate holds, or was read of it meanwhile */
	while (b->hot != NULL)
		put_to_sleep(b, b->hot);
	for (unsigned i = 0; i < b->nports && r == 0; i++) {
		r = port_open(&b->ports[i]);
		if (r == -WRIT_E_BUSY)
			r = make_slots(b);
	}
	if (r < 0)
		return r;
	again = b->names != NULL ? b->names->renew(b) : -1;
	if (again >= 0 && (end < 0 || again < end))
		end = again;
	began = spin_now();
	if (b->releasable > 0 && began - b->swept_ns > SWEEP_NS)
		mbox_sweep(b, began);
	now = b->ready_head != NULL || (b->others && (writ_event_kept() || sys_reply_kept()));
	r = look(b, now ? 0 : nap(b, end));
	if (b->ready_head != NULL)
		spin_slept(&b->spin, spin_now() - began,
		    b->ready_head->tx[b->ready_head->in]->wake_ns);
	return r;
}

int64_t mbox_step(struct writ_mbox *b, struct writ_chan **ret_c, void *buf, size_t size,
    struct writ_chan_msg *ret, unsigned flags, int64_t end)
{
	struct writ_chan *c;
	int64_t n = 0;

	/* However much there is to do for those that are ready, others get their turn as well. */
	if (++b->turns > TURNS && (n = look(b, 0)) == 0 && (n = mbox_gate(b)) == 0)
		hot_ready(b);
	if (n < 0)
		return n;
	if (b->ready_head == NULL && hot_ready(b) == 0)
		n = rest(b, end);
	for (unsigned i = 0; i < TURNS && n == 0 && (c = pop(b)) != NULL; i++) {
		n = serve(b, c, buf, size, ret, flags);
		if (n != -WRIT_E_BUSY) {
			*ret_c = c;
			return n;
		}
		n = 0;
	}
	return n < 0 ? n : -WRIT_E_BUSY;
}

int64_t writ_mbox_recv(struct writ_mbox *b, struct writ_chan **ret_c, void *buf, size_t size,
    struct writ_chan_msg *ret, unsigned flags, int64_t timeout)
{
	int64_t end = chan_end(timeout), n;

	for (;;) {
		n = mbox_step(b, ret_c, buf, size, ret, flags, timeout == 0 ? spin_now() : end);
		if (n != -WRIT_E_BUSY)
			return n;
		if (timeout == 0)
			return n;
		if (end >= 0 && spin_now() >= end)
			return -WRIT_E_TIMED_OUT;
	}
}
