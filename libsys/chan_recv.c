/* SPDX-License-Identifier: MIT */
/*
 * Channels: messages that come. Owns putting frames together again, and what is
 * set aside while a call waits for its reply. What was received is in memory
 * of one's own before anybody looks at it; only begin_get() shows the peer's.
 */
#include <stdlib.h>
#include <string.h>
#include "libsys/chan.h"
#include "libsys/mbox.h"

#define FRAMES 64 /* looked at before the time is */
#define TURNS  2  /* of the peer's, each of many frames that are no message: likewise */

/* Who receives: the user's buffer, and for whom. */
struct sink {
	uint8_t *buf;
	size_t size;
	unsigned flags;
	uint32_t id; /* the reply to this call only; 0: any message */
};

/* What take() says besides errors and 0 (nothing whole yet). */
enum { TAKEN = 1, KEPT = 2 };

static bool was_canceled(struct writ_chan *c, uint32_t id)
{
	for (unsigned i = 0; i < CHAN_CANCELED && i < c->ncanceled; i++)
		if (id != 0 && c->canceled[i] == id) {
			c->canceled[i] = 0;
			return true;
		}
	return false;
}

/* --- kept ones --------------------------------------------------------------------- */

static struct chan_kept *kept_new(struct writ_chan *c, size_t len)
{
	struct chan_kept *k = NULL;

	if (len + sizeof(*k) <= CHAN_KEPT_MAX - c->kept_bytes)
		k = malloc(sizeof(*k) + len);
	if (k != NULL)
		c->kept_bytes += sizeof(*k) + len;
	return k;
}

static void kept_free(struct writ_chan *c, struct chan_kept *k)
{
	c->kept_bytes -= sizeof(*k) + k->msg.len;
	free(k);
}

static void kept_add(struct writ_chan *c, struct chan_kept *k)
{
	k->next = NULL;
	*c->kept_tail = k;
	c->kept_tail = &k->next;
}

static struct chan_kept *kept_take(struct writ_chan *c, uint32_t id)
{
	for (struct chan_kept **at = &c->kept, *k; (k = *at) != NULL; at = &k->next) {
		if (id != 0 && (k->msg.event != WRIT_CHAN_REPLY || k->msg.id != id))
			continue;
		*at = k->next;
		if (c->kept_tail == &k->next)
			c->kept_tail = at;
		return k;
	}
	return NULL;
}

/* --- one frame ---------------------------------------------------------------------- */

static int check_first(struct writ_chan *c, const struct frame *f)
{
	if (c->cur.on || f->kind > FRAME_REPLY || f->total > WRIT_CHAN_MAX || f->len > f->total ||
	    (f->len == 0 && f->total > 0))
		return chan_break(c);
	return 0;
}

/* Where the message that @f begins is to go: RANGE (it stays), or c->cur is set. */
static int begin(struct writ_chan *c, const struct frame *f, const struct sink *s)
{
	bool mine = s->id == 0 || (f->kind == FRAME_REPLY && f->id == s->id);
	bool fits = mine && f->total <= s->size;
	bool drop = f->kind == FRAME_REPLY && was_canceled(c, f->id);

	if (mine && !fits && !drop && (s->flags & WRIT_CHAN_MAY_DISCARD) == 0)
		return -WRIT_E_RANGE;
	c->cur.msg = (struct writ_chan_msg){
		.event = f->kind == FRAME_REPLY ? WRIT_CHAN_REPLY : WRIT_CHAN_MSG,
		.label = f->label,
		.id = f->id,
		.len = f->total,
		.ncaps = f->ncaps,
	};
	memcpy(c->cur.msg.caps, f->caps, sizeof(f->caps));
	c->cur.have = 0;
	c->cur.part = NULL;
	c->cur.dst = fits && !drop ? s->buf : NULL;
	c->cur.dropped = drop;
	c->cur.wanted = mine && fits && !drop;
	if (!mine && !drop) {
		c->cur.part = kept_new(c, f->total);
		if (c->cur.part == NULL)
			return chan_break(c); /* more than anybody keeps */
		c->cur.dst = c->cur.part->data;
		c->cur.wanted = true;
	}
	c->cur.on = true;
	return 0;
}

/* The message is whole: TAKEN (it is in the user's buffer), KEPT, RANGE (thrown away), or 0. */
static int finish(struct writ_chan *c)
{
	unsigned t = c->in == CHAN_TX_USER;

	c->cur.on = false;
	if (!c->cur.dropped && c->cur.msg.event == WRIT_CHAN_REPLY &&
	    was_canceled(c, c->cur.msg.id)) { /* while it came */
		c->cur.dropped = true;
		c->cur.wanted = false;
	}
	c->stats.received[t]++;
	c->stats.bytes_in[t] += c->cur.msg.len;
	if (c->client)
		chan_used(c, c->cur.msg.len);
	if (c->cur.part != NULL && !c->cur.wanted) {
		c->kept_bytes -= sizeof(*c->cur.part) + c->cur.msg.len;
		free(c->cur.part);
		c->cur.part = NULL;
	}
	if (c->cur.part != NULL) {
		c->cur.part->msg = c->cur.msg;
		kept_add(c, c->cur.part);
		c->cur.part = NULL;
		return KEPT;
	}
	if (c->cur.wanted)
		return TAKEN;
	chan_caps_drop(c->cur.msg.caps, c->cur.msg.ncaps);
	c->cur.msg.ncaps = 0;
	return c->cur.dropped ? 0 : -WRIT_E_RANGE;
}

static int canceled(struct writ_chan *c, const struct frame *f, const struct sink *s)
{
	struct chan_kept *k;

	if (chan_release(c) < 0)
		return -WRIT_E_PEER_CLOSED;
	c->cur.msg = (struct writ_chan_msg){ .event = WRIT_CHAN_CANCELED, .id = f->id };
	if (s->id == 0)
		return TAKEN;
	k = kept_new(c, 0);
	if (k == NULL)
		return chan_break(c);
	k->msg = c->cur.msg;
	kept_add(c, k);
	return KEPT;
}

/* Take frame @f with @data. As finish(), or 0: the message goes on. */
static int take(struct writ_chan *c, const struct frame *f, const void *data, const struct sink *s)
{
	int r = 0;

	if (f->kind == FRAME_CANCEL && !c->cur.on)
		return canceled(c, f, s);
	if (f->kind == FRAME_MORE &&
	    !(c->cur.on && f->len > 0 && f->len <= c->cur.msg.len - c->cur.have))
		return chan_break(c);
	if (f->kind != FRAME_MORE && ((r = check_first(c, f)) != 0 || (r = begin(c, f, s)) != 0)) {
		if (r == -WRIT_E_RANGE)
			c->cur.msg = (struct writ_chan_msg){ .label = f->label,
				.id = f->id,
				.len = f->total,
				.event = f->kind == FRAME_REPLY };
		return r;
	}
	if (c->cur.dst != NULL && f->len > 0)
		memcpy(c->cur.dst + c->cur.have, data, f->len);
	c->cur.have += f->len;
	if (chan_release(c) < 0)
		return -WRIT_E_PEER_CLOSED;
	return c->cur.have == c->cur.msg.len ? finish(c) : 0;
}

/* --- receiving ------------------------------------------------------------------------ */

/* The user goes away with his buffer: what came of the message must be elsewhere. */
static int set_aside(struct writ_chan *c)
{
	struct chan_kept *k;

	if (!c->cur.on || c->cur.dst == NULL || c->cur.part != NULL)
		return 0;
	k = c->box == NULL || mbox_may_keep(c->box, c, c->cur.msg.len)
	    ? malloc(sizeof(*k) + c->cur.msg.len)
	    : NULL;
	if (k == NULL)
		return chan_break(c);
	c->kept_bytes += sizeof(*k) + c->cur.msg.len;
	memcpy(k->data, c->cur.dst, c->cur.have);
	c->cur.part = k;
	c->cur.dst = k->data;
	return 0;
}

/* A kept message into the user's hands. */
static int64_t hand_over(struct writ_chan *c, struct chan_kept *k, const struct sink *s,
    struct writ_chan_msg *ret)
{
	int64_t n = k->msg.len;

	*ret = k->msg;
	if (k->msg.len <= s->size) {
		if (k->msg.len > 0)
			memcpy(s->buf, k->data, k->msg.len);
	} else if ((s->flags & WRIT_CHAN_MAY_DISCARD) == 0) {
		k->next = c->kept;
		if (c->kept == NULL)
			c->kept_tail = &k->next;
		c->kept = k;
		ret->ncaps = 0;
		return -WRIT_E_RANGE;
	} else {
		chan_caps_drop(k->msg.caps, k->msg.ncaps);
		ret->ncaps = 0;
		n = -WRIT_E_RANGE;
	}
	kept_free(c, k);
	return n;
}

static int64_t next(struct writ_chan *c, const struct sink *s, struct writ_chan_msg *ret,
    int64_t end)
{
	struct chan_kept *k = c->kept != NULL ? kept_take(c, s->id) : NULL;
	const void *data;
	struct frame f;
	unsigned n = 0;
	int r;

	while (k == NULL) {
		/* However much comes, of what is no message, there is an end. */
		if (++n % FRAMES == 0 && (end == 0 || (end > 0 && spin_now() >= end)))
			return set_aside(c) < 0 ? -WRIT_E_PEER_CLOSED
			    : end == 0          ? -WRIT_E_BUSY
						: -WRIT_E_TIMED_OUT;
		r = chan_peek(c, &f, &data);
		if (r == 0 && end == 0 && !chan_is_gone(c)) {
			r = -WRIT_E_BUSY;
		} else if (r == 0) {
			r = chan_wait(c, TX_IN, 0, end);
			if (r == 0)
				continue;
		} else if (r > 0) {
			r = take(c, &f, data, s);
		}
		if (r == TAKEN || r == -WRIT_E_RANGE) {
			*ret = c->cur.msg;
			return r == TAKEN ? (int64_t)ret->len : r;
		}
		if (r == KEPT)
			k = kept_take(c, s->id);
		if (r < 0)
			return set_aside(c) < 0 ? -WRIT_E_PEER_CLOSED : r;
	}
	return hand_over(c, k, s, ret);
}

int64_t writ_chan_recv(struct writ_chan *c, void *buf, size_t size, struct writ_chan_msg *ret,
    unsigned flags, int64_t timeout)
{
	const struct sink s = { .buf = buf, .size = size, .flags = flags };
	struct writ_chan_msg msg;
	int64_t n;

	if (c->get.on && !c->broken)
		return -WRIT_E_ILLEGAL_OPERATION;
	n = next(c, &s, &msg, timeout == 0 ? 0 : chan_end(timeout));
	if (n < 0 && n != -WRIT_E_RANGE)
		return n;
	if (ret != NULL)
		*ret = msg;
	else
		chan_caps_drop(msg.caps, msg.ncaps);
	return n;
}

int64_t writ_chan_call(struct writ_chan *c, uint32_t label, const struct writ_msg *m, void *rep,
    size_t size, struct writ_chan_msg *ret, int64_t timeout)
{
	int64_t end = chan_end(timeout), id, n;
	struct sink s = { .buf = rep, .size = size, .flags = WRIT_CHAN_MAY_DISCARD };
	struct writ_chan_msg msg;

	if (c->to_self || (c->get.on && !c->broken))
		return -WRIT_E_ILLEGAL_OPERATION;
	id = writ_chan_call_begin(c, label, m, timeout);
	if (id < 0)
		return id;
	s.id = (uint32_t)id;
	n = next(c, &s, &msg, timeout == 0 ? 0 : end);
	if (n == -WRIT_E_TIMED_OUT || n == -WRIT_E_BUSY)
		writ_chan_cancel(c, (uint32_t)id);
	if (n < 0)
		return n;
	if (ret != NULL)
		*ret = msg;
	else
		chan_caps_drop(msg.caps, msg.ncaps);
	return n;
}

int64_t writ_chan_reply_recv(struct writ_chan *c, uint32_t id, uint32_t label,
    const struct writ_msg *m, void *buf, size_t size, struct writ_chan_msg *ret, int64_t timeout)
{
	int r = writ_chan_reply(c, id, label, m, timeout);

	return r < 0 ? r : writ_chan_recv(c, buf, size, ret, 0, timeout);
}

/* --- in place --------------------------------------------------------------------------- */

/* What begin_get() gives next comes from a message that was kept. */
static int64_t get_kept(struct writ_chan *c, struct writ_chan_msg *ret, const void **data)
{
	c->get.kept = kept_take(c, 0);
	c->get.msg = c->get.kept->msg;
	c->get.on = c->get.held = true;
	c->get.have = 0;
	c->get.piece = c->get.msg.len;
	*ret = c->get.msg;
	*data = c->get.kept->data;
	return c->get.piece;
}

static int get_first(struct writ_chan *c, const struct frame *f)
{
	if (check_first(c, f) < 0)
		return -WRIT_E_PEER_CLOSED;
	c->get.msg = (struct writ_chan_msg){
		.event = f->kind == FRAME_REPLY ? WRIT_CHAN_REPLY : WRIT_CHAN_MSG,
		.label = f->label,
		.id = f->id,
		.len = f->total,
		.ncaps = f->ncaps,
	};
	memcpy(c->get.msg.caps, f->caps, sizeof(f->caps));
	c->get.have = 0;
	return 0;
}

int64_t writ_chan_begin_get(struct writ_chan *c, struct writ_chan_msg *ret, const void **data,
    int64_t timeout)
{
	int64_t end = timeout == 0 ? 0 : chan_end(timeout);
	struct frame f;
	unsigned n = 0;
	int r = 0;

	if (c->cur.on || c->get.held)
		return -WRIT_E_ILLEGAL_OPERATION;
	if (!c->get.on && c->kept != NULL)
		return get_kept(c, ret, data);
	while (r == 0) {
		r = chan_peek(c, &f, data);
		if (r == 0 && end == 0 && !chan_is_gone(c))
			return -WRIT_E_BUSY;
		if (r == 0 && ++n % TURNS == 0 && end > 0 && spin_now() >= end)
			return -WRIT_E_TIMED_OUT;
		if (r == 0 && (r = chan_wait(c, TX_IN, 0, end)) < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (f.kind == FRAME_CANCEL && !c->get.on) {
		*ret = (struct writ_chan_msg){ .event = WRIT_CHAN_CANCELED, .id = f.id };
		return chan_release(c);
	}
	if (f.kind != FRAME_MORE)
		r = c->get.on ? chan_break(c) : get_first(c, &f);
	else if (!c->get.on || f.len == 0 || f.len > c->get.msg.len - c->get.have)
		r = chan_break(c);
	if (r < 0)
		return r;
	c->get.on = c->get.held = true;
	c->get.piece = f.len;
	*ret = c->get.msg;
	ret->offset = c->get.have;
	c->get.msg.ncaps = 0; /* they came with the first piece */
	return f.len;
}

void writ_chan_end_get(struct writ_chan *c)
{
	if (!c->get.held)
		return;
	c->get.held = false;
	c->get.have += c->get.piece;
	c->get.on = c->get.have < c->get.msg.len;
	if (c->get.kept != NULL) {
		kept_free(c, c->get.kept);
		c->get.kept = NULL;
		return;
	}
	chan_release(c);
	if (c->get.on)
		return;
	c->stats.received[c->in == CHAN_TX_USER]++;
	c->stats.bytes_in[c->in == CHAN_TX_USER] += c->get.msg.len;
	if (c->client)
		chan_used(c, c->get.msg.len);
}
