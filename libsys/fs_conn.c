/* SPDX-License-Identifier: MIT */
/*
 * Sessions behind Path capabilities: opened on first use, opened again when
 * their server has died, closed when others have been used more lately and no
 * file is open in them. Owns the channels of the file client.
 */
#include <stdlib.h>
#include <string.h>
#include <writ/srv.h>
#include "libsys/chan.h"
#include "libsys/fs.h"
#include "libsys/sys.h"

#define IDLE_MAX 16 /* sessions kept without an open file */

struct fs_conn {
	struct fs_conn *next;
	writ_cap_t cap;
	bool open;
	uint32_t epoch;
	unsigned files; /* open in this session */
	uint64_t used;  /* when last, in calls */
	struct writ_chan *chan;
};

static struct fs_conn *conns;
static uint64_t calls;
static uint8_t buf[SRV_MSG_MAX];

static struct fs_conn *conn_of(writ_cap_t cap)
{
	struct fs_conn *c = conns;

	while (c != NULL && c->cap != cap)
		c = c->next;
	if (c != NULL)
		return c;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->cap = cap;
	c->next = conns;
	conns = c;
	return c;
}

int fs_resolve_quiet(const char *path, struct fs_target *ret)
{
	struct fs_target t = { 0 };
	writ_cap_t cap;
	int r = sys_path_check(path);

	if (r < 0)
		return r;
	cap = sys_path_find(path, &t.rights, &t.rest);
	if (cap == 0)
		return -WRIT_E_NO_PATH;
	t.conn = conn_of(cap);
	if (t.conn == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	*ret = t;
	return 0;
}

int fs_resolve(const char *path, uint32_t wants, struct fs_target *ret)
{
	int r = fs_resolve_quiet(path, ret);

	if (r == -WRIT_E_NO_PATH)
		writ_note(0, wants, WRIT_E_NO_PATH, path);
	return r;
}

uint32_t fs_conn_epoch(const struct fs_conn *c)
{
	return c->epoch;
}

static void conn_drop(struct fs_conn *c)
{
	writ_chan_close(c->chan);
	c->chan = NULL;
	c->open = false;
	c->files = 0;
}

/* Close what has been idle longest when enough are. */
static void conn_spare(void)
{
	struct fs_conn *oldest = NULL;
	unsigned idle = 0;

	for (struct fs_conn *c = conns; c != NULL; c = c->next) {
		if (!c->open || c->files > 0)
			continue;
		idle++;
		if (oldest == NULL || c->used < oldest->used)
			oldest = c;
	}
	if (idle >= IDLE_MAX)
		conn_drop(oldest);
}

static int conn_open(struct fs_conn *c, bool nowait)
{
	const struct writ_chan_attr attr = { .nowait = nowait };
	int r;

	c->used = ++calls;
	if (c->open)
		return 0;
	conn_spare();
	r = writ_chan_open(c->cap, &attr, &c->chan);
	if (r < 0)
		return r;
	c->open = true;
	c->epoch++;
	return 0;
}

bool fs_conn_lives(struct fs_conn *c, uint32_t epoch)
{
	if (c->open && c->epoch == epoch && c->chan->gone)
		conn_drop(c);
	return c->open && c->epoch == epoch;
}

bool fs_conn_ready(struct fs_conn *c)
{
	return conn_open(c, true) == 0;
}

void fs_conn_hold(struct fs_conn *c)
{
	c->files++;
}

void fs_conn_release(struct fs_conn *c, uint32_t epoch)
{
	if (c->open && c->epoch == epoch && c->files > 0)
		c->files--;
}

/* Was it one of the capabilities that could not go? Then nothing went. */
static bool unsent(const struct pb_req *q, int64_t r)
{
	return q->caps.n > 0 &&
	    (r == -WRIT_E_NO_RIGHT || r == -WRIT_E_FAILED_LOOKUP ||
		r == -WRIT_E_INVALID_CAPABILITY || r == -WRIT_E_ILLEGAL_OPERATION);
}

/*
 * Send and wait. *ret_done says whether the server may have done it. A reply
 * that makes no sense ends the session: the next call starts another.
 */
static int conn_try(struct fs_conn *c, const struct pb_req *q, struct pb_rep *ret, bool *ret_done)
{
	struct writ_chan_msg came = { 0 };
	struct writ_msg m = { .data = buf };
	int64_t n = pb_req_pack(q, buf, sizeof(buf));

	*ret_done = false;
	if (n < 0)
		return (int)n;
	m.len = (size_t)n;
	m.ncaps = q->caps.n;
	memcpy(m.caps, q->caps.slot, sizeof(m.caps));
	n = writ_chan_call(c->chan, 0, &m, buf, sizeof(buf), q->takes ? &came : NULL, -1);
	*ret_done = n != -WRIT_E_PEER_CLOSED || chan_taken(c->chan);
	if (n >= 0 && pb_rep_unpack(buf, (size_t)n, ret) < 0) {
		chan_caps_drop(came.caps, came.ncaps);
		n = -WRIT_E_IO;
	}
	if (n < 0) {
		if (!unsent(q, n))
			conn_drop(c);
		return (int)n;
	}
	ret->caps.n = came.ncaps;
	memcpy(ret->caps.slot, came.caps, sizeof(came.caps));
	return ret->status > INT32_MAX ? -WRIT_E_IO : -(int)ret->status;
}

int fs_conn_call(struct fs_conn *c, const struct pb_req *q, bool harmless, struct pb_rep *ret)
{
	bool was_open = c->open, done;
	int r = conn_open(c, false);

	if (r < 0)
		return r;
	r = conn_try(c, q, ret, &done);
	if (r != -WRIT_E_PEER_CLOSED || c->open || (!harmless && done))
		return r;
	/* One that had just been opened and died at once isn't asked for ever. */
	if (!was_open && done)
		return r;
	r = conn_open(c, false);
	return r < 0 ? r : conn_try(c, q, ret, &done);
}

int fs_conn_call_handle(struct fs_conn *c, uint32_t epoch, const struct pb_req *q,
    struct pb_rep *ret)
{
	bool done;

	if (!c->open || c->epoch != epoch)
		return -WRIT_E_PEER_CLOSED;
	return conn_try(c, q, ret, &done);
}
