/* SPDX-License-Identifier: MIT */
/*
 * Channels: messages that go. Owns how a message is cut into frames, and what
 * is kept of one that had no room.
 */
#include <stdlib.h>
#include <string.h>
#include "libsys/chan.h"
#include "libsys/mbox.h"
#include "libsys/sys.h"

/* A place for a frame, by @end at the latest. */
static void *place(struct writ_chan *c, size_t len, int64_t end, int *ret)
{
	void *at = chan_reserve(c, len, ret);

	if (at == NULL && c->corked) /* whoever sleeps makes no room */
		c->tx[c->out]->ops->flush(c->tx[c->out]);
	while (at == NULL && *ret == -WRIT_E_BUSY && end != 0) {
		*ret = chan_wait(c, TX_OUT, len, end);
		if (*ret == 0)
			at = chan_reserve(c, len, ret);
	}
	return at;
}

/* Keep what has not gone of the message that @f begins or continues. */
static int stash(struct writ_chan *c, const struct frame *f, const uint8_t *data, size_t len,
    bool wait)
{
	struct chan_rest *s = NULL;

	if (c->box == NULL || mbox_may_keep(c->box, c, len))
		s = malloc(sizeof(*s) + len);
	if (s == NULL) { /* a message that has begun can't be left out */
		if (f->kind == FRAME_MORE)
			chan_mute(c);
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	*s = (struct chan_rest){ .f = *f, .size = (uint32_t)len, .wait = wait };
	if (data != NULL)
		memcpy(s->data, data, len);
	c->rest = s;
	return 0;
}

static void count_out(struct writ_chan *c, size_t len)
{
	unsigned t = c->out == CHAN_TX_USER;

	c->stats.sent[t]++;
	c->stats.bytes_out[t] += len;
	if (c->client)
		chan_used(c, len);
}

/* The first frame is part of it already; send the rest. What has begun is never given up. */
static int more(struct writ_chan *c, struct frame f, const uint8_t *data, size_t len, int64_t end)
{
	bool wait = f.wait;
	int r = 0;

	f.kind = FRAME_MORE;
	f.ncaps = 0;
	while (len > 0) {
		void *at;

		f.len = (uint32_t)(len < chan_frame_max(c) ? len : chan_frame_max(c));
		f.wait = wait && f.len == len;
		at = place(c, f.len, end, &r);
		if (at == NULL)
			return r == -WRIT_E_PEER_CLOSED ? r : stash(c, &f, data, len, wait);
		/* The transport may be another than it was, with smaller frames. */
		if (f.len > chan_frame_max(c))
			continue;
		memcpy(at, data, f.len);
		r = chan_commit(c, &f);
		if (r < 0)
			return chan_mute(c);
		data += f.len;
		len -= f.len;
	}
	return 0;
}

/* As chan_put(). *ret_given: what becomes of the capabilities is settled. */
static int put(struct writ_chan *c, const struct frame *first, const void *data, bool keep,
    int64_t end, bool *ret_given)
{
	struct frame f = *first;
	void *at;
	int r;

	if (c->put.on)
		return c->broken || c->mute ? -WRIT_E_PEER_CLOSED : -WRIT_E_ILLEGAL_OPERATION;
	if (f.ncaps > 0 && !c->tx[c->out]->caps && c->tx[CHAN_TX_KERNEL] == NULL)
		return -WRIT_E_ILLEGAL_OPERATION;
	do { /* till the place is where it is to go: what was to go before may have been a turn */
		r = f.ncaps > 0 && !c->tx[c->out]->caps ? chan_switch(c, CHAN_TX_KERNEL, 0) : 0;
		if (r < 0 && r != -WRIT_E_BUSY)
			return r;
		f.len = f.total < chan_frame_max(c) ? f.total : (uint32_t)chan_frame_max(c);
		at = place(c, f.len, end, &r);
	} while (
	    at != NULL && (f.len > chan_frame_max(c) || (f.ncaps > 0 && !c->tx[c->out]->caps)));
	if (at == NULL && r == -WRIT_E_BUSY && keep && c->rest == NULL) {
		r = stash(c, &f, data, f.total, first->wait);
		*ret_given = *ret_given || r == 0;
		return r;
	}
	if (at == NULL)
		return r;
	f.wait = first->wait && f.len == f.total;
	if (data != NULL)
		memcpy(at, data, f.len);
	r = chan_commit(c, &f);
	if (r < 0)
		return r;
	count_out(c, f.total);
	f.wait = first->wait;
	return f.len == f.total ? 0
				: more(c, f, (const uint8_t *)data + f.len, f.total - f.len, end);
}

int chan_put(struct writ_chan *c, const struct frame *first, const void *data, bool keep,
    int64_t end)
{
	bool given = !keep;
	int r = put(c, first, data, keep, end, &given);

	if (!given) /* they have gone as copies, or never will */
		chan_caps_drop(first->caps, first->ncaps);
	return r;
}

static int put_msg(struct writ_chan *c, unsigned kind, uint32_t id, uint32_t label, bool wait,
    const struct writ_msg *m, int64_t timeout)
{
	struct frame f = { .kind = (uint8_t)kind, .id = id, .label = label, .wait = wait };
	bool keep = kind == FRAME_REPLY && timeout == 0 && m->ncaps == 0;

	if (m->len > WRIT_CHAN_MAX || m->ncaps > WRIT_CAPS_MAX)
		return -WRIT_E_RANGE;
	f.total = (uint32_t)m->len;
	f.ncaps = (uint8_t)m->ncaps;
	memcpy(f.caps, m->caps, sizeof(f.caps));
	return chan_put(c, &f, m->data, keep, timeout == 0 ? 0 : chan_end(timeout));
}

int writ_chan_send(struct writ_chan *c, uint32_t label, const struct writ_msg *m, int64_t timeout)
{
	return put_msg(c, FRAME_MSG, 0, label, false, m, timeout);
}

/* An id of a call: never 0, and one that the other side would not give. */
static uint32_t next_id(struct writ_chan *c)
{
	c->next_id = (c->next_id + 1) & INT32_MAX;
	if (c->next_id == 0)
		c->next_id = 1;
	return c->next_id;
}

int64_t writ_chan_call_begin(struct writ_chan *c, uint32_t label, const struct writ_msg *m,
    int64_t timeout)
{
	uint32_t id = next_id(c);
	int r = put_msg(c, FRAME_MSG, id, label, true, m, timeout);

	return r < 0 ? r : (int64_t)id;
}

int writ_chan_reply(struct writ_chan *c, uint32_t id, uint32_t label, const struct writ_msg *m,
    int64_t timeout)
{
	return put_msg(c, FRAME_REPLY, id, label, false, m, timeout);
}

int writ_chan_cancel(struct writ_chan *c, uint32_t id)
{
	const struct frame f = { .kind = FRAME_CANCEL, .id = id };

	c->canceled[c->ncanceled++ % CHAN_CANCELED] = id;
	return chan_put(c, &f, "", true, 0);
}

void writ_chan_cork(struct writ_chan *c)
{
	c->corked = true;
}

int writ_chan_flush(struct writ_chan *c)
{
	c->corked = false;
	c->tx[c->out]->ops->flush(c->tx[c->out]);
	return c->broken || c->gone || c->mute ? -WRIT_E_PEER_CLOSED : 0;
}

/* --- in place ----------------------------------------------------------------------- */

int64_t writ_chan_begin_put(struct writ_chan *c, uint32_t id, uint32_t label, uint32_t total,
    void **ret, int64_t timeout)
{
	size_t n;
	int r;

	if (!c->put.on) {
		if (total > WRIT_CHAN_MAX)
			return -WRIT_E_RANGE;
		c->put.f = (struct frame){ .kind = id != 0 ? FRAME_REPLY : FRAME_MSG,
			.id = id,
			.label = label,
			.total = total };
		c->put.total = total;
		c->put.done = 0;
	}
	do {
		n = c->put.total - c->put.done;
		if (n > chan_frame_max(c))
			n = chan_frame_max(c);
		c->put.at = place(c, n, timeout == 0 ? 0 : chan_end(timeout), &r);
	} while (c->put.at != NULL && n > chan_frame_max(c));
	if (c->put.at == NULL)
		return r;
	if (c->tx[c->out]->brief && (c->put.at = c->put.copy = malloc(n + 1)) == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	c->put.on = true;
	c->put.place = (uint32_t)n;
	*ret = c->put.at;
	return (int64_t)n;
}

/* What was filled elsewhere, into the transport's place. 0 or PEER_CLOSED. */
static int put_copied(struct writ_chan *c, size_t n)
{
	void *at = c->tx[c->out]->ops->reserve(c->tx[c->out], n);

	if (at != NULL)
		memcpy(at, c->put.copy, n);
	free(c->put.copy);
	c->put.copy = NULL;
	return at == NULL ? chan_mute(c) : 0;
}

int writ_chan_end_put(struct writ_chan *c, size_t n)
{
	int r;

	if (c->put.at == NULL || n > c->put.place)
		return -WRIT_E_ILLEGAL_OPERATION;
	c->put.at = NULL;
	if (c->put.copy != NULL && put_copied(c, n) < 0)
		return -WRIT_E_PEER_CLOSED;
	if (n == 0 && c->put.total > 0) {
		c->put.on = c->put.done > 0;
		return 0;
	}
	c->put.f.len = (uint32_t)n;
	r = chan_commit(c, &c->put.f);
	if (r < 0)
		return chan_mute(c);
	c->put.f.kind = FRAME_MORE;
	c->put.done += (uint32_t)n;
	if (c->put.done < c->put.total)
		return 0;
	c->put.on = false;
	count_out(c, c->put.total);
	return 0;
}
