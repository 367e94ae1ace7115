/* SPDX-License-Identifier: MIT */
/*
 * Channels: frames. Which transport each direction is on, going from one to
 * another, and waiting. Knows nothing of messages, sessions or of how a
 * transport works.
 */
#include "libsys/chan.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "libsys/sys.h"
#include "libsys/tx_kernel.h"

#define DEFAULT_UPGRADE 8
#define DEFAULT_IDLE_MS 1000
#define TURNS_MAX       16 /* from one transport to another, without a message */

struct writ_chan *chan_new(bool client, const struct writ_chan_attr *attr)
{
	struct writ_chan *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->client = client;
	c->turn_to = -1;
	c->kept_tail = &c->kept;
	if (attr != NULL)
		c->attr = *attr;
	if (c->attr.upgrade_after == 0)
		c->attr.upgrade_after = DEFAULT_UPGRADE;
	if (c->attr.idle_ms == 0)
		c->attr.idle_ms = DEFAULT_IDLE_MS;
	spin_init(&c->spin, c->attr.spin_ns);
	return c;
}

void chan_caps_drop(const writ_cap_t *caps, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		writ_slot_free(caps[i]);
}

void chan_free(struct writ_chan *c)
{
	struct chan_kept *k, *next;

	for (k = c->kept; k != NULL; k = next) {
		next = k->next;
		chan_caps_drop(k->msg.caps, k->msg.ncaps);
		free(k);
	}
	if (c->cur.on)
		chan_caps_drop(c->cur.msg.caps, c->cur.msg.ncaps);
	free(c->cur.part);
	free(c->get.kept);
	free(c->put.copy);
	if (c->rest != NULL)
		chan_caps_drop(c->rest->f.caps, c->rest->f.ncaps);
	free(c->rest);
	for (unsigned i = 0; i < CHAN_TX_N; i++)
		if (c->tx[i] != NULL)
			c->tx[i]->ops->close(c->tx[i]);
	free(c);
}

void chan_install(struct writ_chan *c, unsigned number, struct tx *t)
{
	bool first = true;

	for (unsigned i = 0; i < CHAN_TX_N; i++)
		first = first && c->tx[i] == NULL;
	c->tx[number] = t;
	if (first)
		c->in = c->out = (uint8_t)number;
}

unsigned chan_on(const struct writ_chan *c, bool in)
{
	return in ? c->in : c->out;
}

int chan_break(struct writ_chan *c)
{
	c->broken = true;
	return -WRIT_E_PEER_CLOSED;
}

int chan_mute(struct writ_chan *c)
{
	c->mute = true;
	return -WRIT_E_PEER_CLOSED;
}

/* --- what goes --------------------------------------------------------------------- */

static struct tx *out_of(const struct writ_chan *c)
{
	return c->tx[c->out];
}

size_t chan_frame_max(const struct writ_chan *c)
{
	return out_of(c)->frame_max;
}

int chan_commit(struct writ_chan *c, const struct frame *f)
{
	return out_of(c)->ops->commit(out_of(c), f, c->corked && f->wait == 0);
}

/* The frame that ends the use of a transport. */
static int turn(struct writ_chan *c)
{
	struct frame f = { .kind = FRAME_SWITCH,
		.label = (uint32_t)c->turn_to,
		.id = c->turn_how,
		.wait = (c->turn_how & SWITCH_FOLLOWS) == 0 };
	int r;

	if (c->put.at != NULL || out_of(c)->ops->reserve(out_of(c), 0) == NULL)
		return -WRIT_E_BUSY;
	r = chan_commit(c, &f);
	if (r < 0)
		return chan_mute(c);
	out_of(c)->ops->flush(out_of(c)); /* what was corked there */
	c->asking = c->client && c->peer.session != 0 && c->turn_to == CHAN_TX_USER && !c->granted;
	c->out = (uint8_t)c->turn_to;
	c->turn_to = -1;
	if ((c->turn_how & SWITCH_FOLLOWS) != 0)
		chan_settle(c, false);
	return 0;
}

/* As much as there is room for of what had none. */
static int rest_go(struct writ_chan *c)
{
	struct chan_rest *s = c->rest;

	while (s->done < s->size || s->f.kind != FRAME_MORE) {
		struct frame f = s->f;
		void *at;
		int r = 0;

		if (f.ncaps > 0 && !out_of(c)->caps) {
			c->turn_to = CHAN_TX_KERNEL;
			c->turn_how = 0;
			r = turn(c);
		}
		if (r < 0)
			return r;
		f.len = s->size - s->done;
		if (f.len > chan_frame_max(c))
			f.len = (uint32_t)chan_frame_max(c);
		f.wait = s->wait && s->done + f.len == s->size;
		at = out_of(c)->ops->reserve(out_of(c), f.len);
		if (at == NULL)
			return -WRIT_E_BUSY;
		memcpy(at, s->data + s->done, f.len);
		r = chan_commit(c, &f);
		if (r < 0)
			return chan_mute(c);
		chan_caps_drop(f.caps, f.ncaps);
		s->done += f.len;
		s->f.kind = FRAME_MORE;
		s->f.ncaps = 0;
	}
	free(s);
	c->rest = NULL;
	return 0;
}

int chan_progress(struct writ_chan *c)
{
	int r = 0;

	if (c->broken || c->gone || c->mute)
		return -WRIT_E_PEER_CLOSED;
	if (c->asking)
		r = chan_verdict(c);
	if (r == 0 && c->turn_to >= 0)
		r = turn(c);
	return r == 0 && c->rest != NULL ? rest_go(c) : r;
}

void *chan_reserve(struct writ_chan *c, size_t len, int *ret)
{
	void *at = NULL;

	*ret = c->turn_to >= 0 || c->rest != NULL || c->asking || c->broken || c->gone || c->mute
	    ? chan_progress(c)
	    : 0;
	if (*ret == 0)
		at = out_of(c)->ops->reserve(out_of(c), len);
	if (*ret == 0 && at == NULL)
		*ret = -WRIT_E_BUSY;
	return at;
}

int chan_switch(struct writ_chan *c, unsigned number, uint32_t how)
{
	if (c->out == number && c->turn_to < 0 && how == 0)
		return 0;
	if (c->tx[number] == NULL)
		return -WRIT_E_INVALID_ARGUMENT;
	c->turn_to = (int)number;
	c->turn_how = how;
	c->release = c->release || (how & SWITCH_RELEASE) != 0;
	return chan_progress(c);
}

/* --- what comes -------------------------------------------------------------------- */

int chan_release(struct writ_chan *c)
{
	/* A session that is closed has no more than what had come; its peer may still write. */
	if (c->gone && ++c->late > CHAN_LATE_MAX)
		return chan_break(c);
	return c->tx[c->in]->ops->release(c->tx[c->in]) < 0 ? chan_break(c) : 0;
}

/* The peer goes on with another transport: read there, and let what goes follow. */
static int switched(struct writ_chan *c, const struct frame *f)
{
	int r;

	if (!c->client && c->refused && f->label == CHAN_TX_USER && c->in == CHAN_TX_KERNEL &&
	    c->tx[CHAN_TX_USER] == NULL) {
		kernel_server_refuse(c->tx[c->in]);
		return 0;
	}
	r = chan_release(c);
	/* It is the server that gives rings back. */
	if (r < 0 || f->label >= CHAN_TX_N || c->tx[f->label] == NULL || f->len != 0 ||
	    (!c->client && f->id == SWITCH_RELEASE))
		return chan_break(c);
	c->in = (uint8_t)f->label;
	if ((f->id & SWITCH_FOLLOWS) != 0) {
		chan_settle(c, true);
		return 0;
	}
	if (c->release && (f->id & SWITCH_RELEASE) == 0)
		return 0; /* sent before it read that the ring goes: its answer to that will come */
	if ((f->id & SWITCH_RELEASE) != 0)
		c->release = true;
	if (c->out == c->in && c->turn_to < 0 && (f->id & SWITCH_RELEASE) == 0)
		return 0;
	c->turn_to = c->in;
	c->turn_how = SWITCH_FOLLOWS | (f->id & SWITCH_RELEASE);
	chan_progress(c); /* if it can't be said now, then before the next message */
	return 0;
}

int chan_peek(struct writ_chan *c, struct frame *ret, const void **data)
{
	unsigned turns = 0;
	int r = 0;

	if (c->rest != NULL || c->turn_to >= 0 || c->asking)
		chan_progress(c);
	while (!c->broken) {
		r = c->tx[c->in]->ops->peek(c->tx[c->in], ret, data);
		if (r == 1 && ret->ncaps > 0 && ret->kind > FRAME_REPLY) {
			r = chan_break(c); /* its transport still has them, and drops them */
			break;
		}
		if (r <= 0 || ret->kind != FRAME_SWITCH)
			break;
		r = switched(c, ret);
		if (r < 0)
			break;
		if (++turns == TURNS_MAX)
			return 0; /* others want their turn */
	}
	if (r == 0 && !c->broken && !c->gone)
		return 0;
	return r == 1 && !c->broken ? 1 : -WRIT_E_PEER_CLOSED;
}

/* --- waiting ------------------------------------------------------------------------ */

int64_t chan_end(int64_t timeout)
{
	return timeout < 0 ? -1 : spin_now() + timeout;
}

bool chan_arm(struct writ_chan *c, unsigned want, size_t len)
{
	bool in = (want & TX_IN) != 0 && c->tx[c->in]->ops->arm(c->tx[c->in], TX_IN, 0);
	bool out = (want & TX_OUT) != 0 && out_of(c)->ops->arm(out_of(c), TX_OUT, len);
	struct tx *k = c->tx[CHAN_TX_KERNEL];

	/* The server may wait to be asked, through the kernel, and make no room before. */
	if (want == TX_OUT && c->client && k != NULL && k != out_of(c) && !k->fast)
		k->ops->arm(k, TX_IN | TX_OUT, 0);
	return in || out;
}

void chan_disarm(struct writ_chan *c, unsigned want)
{
	if ((want & TX_IN) != 0)
		c->tx[c->in]->ops->disarm(c->tx[c->in], TX_IN);
	if ((want & TX_OUT) != 0)
		out_of(c)->ops->disarm(out_of(c), TX_OUT);
}

/* How much room the next frame of what waits to go needs. */
static size_t rest_need(const struct writ_chan *c)
{
	size_t left = c->rest != NULL && c->turn_to < 0 ? c->rest->size - c->rest->done : 0;

	return left < chan_frame_max(c) ? left : chan_frame_max(c);
}

/* What a wait is for, while it spins. */
struct wish {
	struct writ_chan *c;
	unsigned want;
	size_t len;
};

static int wish_ready(void *arg)
{
	const struct wish *w = arg;
	struct tx *in = w->c->tx[w->c->in], *out = out_of(w->c);
	struct frame f;
	const void *data;

	if ((w->want & TX_IN) != 0 && in->fast && in->ops->peek(in, &f, &data) != 0)
		return 1;
	return (w->want & TX_OUT) != 0 && out->fast && out->ops->reserve(out, w->len) != NULL;
}

/* Sleep till a descriptor says something. @end as in chan_wait(). */
static int doze(struct writ_chan *c, unsigned want, int64_t end)
{
	struct pollfd p[3] = {
		{ .fd = (want & TX_IN) != 0 ? c->tx[c->in]->fd : -1, .events = POLLIN },
		{ .fd = (want & TX_OUT) != 0 ? out_of(c)->fd : -1, .events = POLLIN },
		{ .fd = c->peer.session != 0 ? WRIT_GATE_FD : -1, .events = POLLIN },
	};
	int64_t retry = c->tx[c->in]->retry_ns,
		till = retry != 0 && (end < 0 || retry < end) ? retry : end;
	int64_t left = till < 0 ? 0 : till - spin_now();
	struct timespec t = { left / 1000000000, left % 1000000000 };

	if (till >= 0 && left <= 0)
		return till == end ? -WRIT_E_TIMED_OUT : 0;
	if (till < 0 && p[0].fd < 0 && p[1].fd < 0 && p[2].fd >= 0)
		return sys_gate_block(); /* it is the gate alone that tells */
	if (ppoll(p, 3, till < 0 ? NULL : &t, NULL) < 0 && errno != EINTR)
		return -WRIT_E_PEER_CLOSED;
	for (unsigned i = 0; i < 2; i++) {
		struct tx *tx = c->tx[i == 0 ? c->in : c->out];

		if (p[i].revents != 0 && tx->ops->woken != NULL)
			tx->ops->woken(tx, chan_hinted);
	}
	return p[2].revents != 0 ? sys_gate_pump() : 0;
}

/* The server's word on a ring comes through the gate, which is all to wait for till then. 0: it is
 * there; 1: something came; or TIMED_OUT. */
static int wait_verdict(struct writ_chan *c, int64_t end)
{
	struct pollfd p = { .fd = WRIT_GATE_FD, .events = POLLIN };
	int64_t left = end < 0 ? -1 : (end - spin_now() + 999999) / 1000000;

	if (chan_verdict(c) == 0)
		return 0;
	if (chan_was_closed(c))
		return 1;
	if (end >= 0 && left <= 0)
		return -WRIT_E_TIMED_OUT;
	if ((poll(&p, 1, (int)left) < 0 && errno != EINTR) || sys_gate_pump() < 0)
		c->gone = true;
	return 1;
}

int chan_wait(struct writ_chan *c, unsigned want, size_t len, int64_t end)
{
	struct wish w = { c, want, len };
	const struct tx *t = c->tx[(want & TX_IN) != 0 ? c->in : c->out];
	int64_t began;
	int r = 0;

	if (c->corked) /* nobody answers what he was not woken for */
		out_of(c)->ops->flush(out_of(c));
	if (c->rest != NULL || c->turn_to >= 0) {
		want |= TX_OUT;
		w.want = want;
		w.len = len = rest_need(c);
	}
	if (c->asking && (r = wait_verdict(c, end)) != 0)
		return r < 0 ? r : 0;
	if (t->fast && spin_wait(&c->spin, t->peer_cpu, wish_ready, &w) != 0)
		return 0;
	if (chan_was_closed(c))
		return 0;
	began = spin_now();
	if (!chan_arm(c, want, len))
		r = doze(c, want, end);
	chan_disarm(c, want);
	spin_slept(&c->spin, spin_now() - began, t->wake_ns);
	if (r == -WRIT_E_PEER_CLOSED)
		c->gone = true;
	chan_was_closed(c);
	return r == -WRIT_E_TIMED_OUT ? r : 0;
}
