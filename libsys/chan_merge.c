/* SPDX-License-Identifier: MIT */
/*
 * Joining two channels: frames of one are passed on to the other as they come,
 * so nothing is put together here and memory stays bounded, however long a
 * message is.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "libsys/chan.h"
#include "libsys/sys.h"

enum { AGAIN = 1 };

/* One direction: how much of the frame that is being passed on has gone. */
struct pipe {
	struct writ_chan *from, *to;
	uint32_t done;
	size_t need; /* bytes for which @to has no room */
	bool full;
};

/* A piece of @f; 0, AGAIN (it is to go another way now), BUSY, or an error. */
static int pass_piece(struct pipe *p, const struct frame *f, const uint8_t *data)
{
	struct frame g = *f;
	void *at;
	int r;

	g.len = f->len - p->done;
	if (g.len > chan_frame_max(p->to))
		g.len = (uint32_t)chan_frame_max(p->to);
	g.wait = f->wait && p->done + g.len == f->len;
	if (p->done > 0) {
		g.kind = FRAME_MORE;
		g.ncaps = 0;
	}
	p->need = g.len;
	at = chan_reserve(p->to, g.len, &r);
	if (at == NULL)
		return r;
	if (g.len > chan_frame_max(p->to) || (g.ncaps > 0 && !p->to->tx[p->to->out]->caps))
		return AGAIN;
	memcpy(at, data + p->done, g.len);
	r = chan_commit(p->to, &g);
	chan_caps_drop(g.caps, g.ncaps);
	p->done += g.len;
	return r;
}

/* All that can be passed on now. BUSY when that is over, or an error. */
static int pass(struct pipe *p)
{
	const void *data;
	struct frame f;
	int r = 0;

	p->full = false;
	while (r == 0) {
		r = chan_peek(p->from, &f, &data);
		if (r <= 0)
			return r == 0 ? -WRIT_E_BUSY : r;
		r = 0;
		do {
			if (f.ncaps > 0 && p->done == 0 && !p->to->tx[p->to->out]->caps)
				r = chan_switch(p->to, CHAN_TX_KERNEL, 0);
			r = r >= 0 || r == -WRIT_E_BUSY ? pass_piece(p, &f, data) : r;
		} while (r == AGAIN || (r == 0 && p->done < f.len));
		p->full = r == -WRIT_E_BUSY;
		if (r == 0) {
			p->done = 0;
			r = chan_release(p->from);
		}
	}
	return r;
}

static void arm_all(struct pipe *p, bool *ret_now)
{
	*ret_now = false;
	for (unsigned i = 0; i < 2; i++) {
		bool now = p[i].full ? chan_arm(p[i].to, TX_OUT, p[i].need)
				     : chan_arm(p[i].from, TX_IN, 0);

		*ret_now = *ret_now || now;
	}
}

static int sleep_both(struct pipe *p)
{
	struct pollfd fds[5] = { { .fd = WRIT_GATE_FD, .events = POLLIN } };
	bool now;
	int r = sys_gate_pump();

	arm_all(p, &now);
	for (unsigned i = 0; i < 4; i++) {
		const struct writ_chan *c = p[i & 1].from;

		fds[i + 1] = (struct pollfd){ .fd = c->tx[i < 2 ? c->in : c->out]->fd,
			.events = POLLIN };
	}
	if (r == 0 && !now && poll(fds, 5, -1) < 0 && errno != EINTR)
		r = -WRIT_E_IO;
	for (unsigned i = 0; i < 4; i++) {
		const struct writ_chan *c = p[i & 1].from;
		struct tx *t = c->tx[i < 2 ? c->in : c->out];

		if (fds[i + 1].revents != 0 && t->ops->woken != NULL)
			t->ops->woken(t, chan_hinted);
	}
	for (unsigned i = 0; i < 2; i++) {
		chan_disarm(p[i].from, TX_IN | TX_OUT);
		chan_is_gone(p[i].from);
	}
	return r;
}

int writ_chan_merge(struct writ_chan *a, struct writ_chan *b)
{
	struct pipe p[2] = { { .from = a, .to = b }, { .from = b, .to = a } };
	int r = 0;

	if (a == b || a->box != NULL || b->box != NULL || a->get.on || b->get.on || a->cur.on ||
	    b->cur.on || a->put.on || b->put.on || a->kept != NULL || b->kept != NULL)
		return -WRIT_E_ILLEGAL_OPERATION;
	while (r == 0) {
		int x = pass(&p[0]), y = pass(&p[1]);

		if (x != -WRIT_E_BUSY || y != -WRIT_E_BUSY)
			r = x != -WRIT_E_BUSY ? x : y;
		else
			r = sleep_both(p);
	}
	writ_chan_close(a);
	writ_chan_close(b);
	return r == -WRIT_E_PEER_CLOSED ? 0 : r;
}
