/* SPDX-License-Identifier: MIT */
/*
 * Channels over rings. Owns what happens in the memory shared with the peer,
 * and believes nothing of it: indices are private and the shared ones are only
 * compared with them, descriptors are read once, field by field, into locals,
 * and a value that the protocol can't have made ends the channel.
 */
#include <writ/chan.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "libsys/sys.h"

#define SPIN_MAX_NS 20000
#define SPIN_MIN_NS 1000

/* What was read of a descriptor, once. */
struct taken {
	uint32_t len, off, label;
	uint64_t id;
};

/* How long to spin before sleeping: grows while that pays, shrinks while it doesn't. */
static int64_t spin_ns = -1;

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static struct chan_half *half_out(const struct chan *c)
{
	return &c->ring->half[c->side];
}

static struct chan_half *half_in(const struct chan *c)
{
	return &c->ring->half[!c->side];
}

static int chan_break(struct chan *c)
{
	c->closed = true;
	return -WRIT_E_PEER_CLOSED;
}

/* --- begin and end ---------------------------------------------------------- */

/* Take over what the kernel gave. Takes the descriptors, also on failure. */
static int chan_map(struct chan *c, const int *fds)
{
	void *p = MAP_FAILED;

	if (fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0)
		p = mmap(NULL, CHAN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	if (fds[0] >= 0)
		close(fds[0]);
	c->bell_in = fds[1];
	c->bell_out = fds[2];
	if (p == MAP_FAILED) {
		chan_close(c);
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	c->ring = p;
	return 0;
}

int chan_open(struct chan *c, writ_cap_t path)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_CONNECT, path, 0, 0);
	const struct writ_ring_req ring = { .bytes = CHAN_BYTES, .bells = 1 };
	struct writ_connect_rep rep = { 0 };
	int fds[WRIT_FDS_MAX];
	int r = writ_gate_call(&h, NULL, NULL, &rep, sizeof(rep), NULL);

	if (r < 0)
		return r;
	*c = (struct chan){ .session = (uint32_t)h.arg, .rights = rep.rights, .side = 0 };
	memcpy(c->prefix, rep.prefix, sizeof(c->prefix) - 1);
	h = sys_hdr(WRIT_OP_RING, 0, c->session, sizeof(ring));
	r = writ_gate_call(&h, &ring, NULL, NULL, 0, fds);
	if (r == -WRIT_E_FAILED_LOOKUP) { /* the server has closed it already */
		c->closed = true;
		return 0;
	}
	if (r < 0) {
		chan_close(c);
		return r;
	}
	return chan_map(c, fds);
}

void chan_adopt(struct chan *c, const struct writ_event *ev)
{
	*c = (struct chan){
		.session = ev->connect.session,
		.rights = ev->connect.rights,
		.side = 1,
	};
	memcpy(c->prefix, ev->connect.prefix, sizeof(c->prefix) - 1);
}

int chan_ring(struct chan *c, const struct writ_event *ev)
{
	if (c->ring == NULL && ev->ring.bytes >= CHAN_BYTES)
		return chan_map(c, ev->fds);
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		if (ev->fds[i] >= 0)
			close(ev->fds[i]);
	return -WRIT_E_BAD_REQUEST;
}

void chan_forget(struct chan *c)
{
	/* Where Linux can't, the pages go with the last mapping. */
	if (c->ring != NULL && madvise(c->ring, CHAN_BYTES, MADV_REMOVE) < 0)
		return;
}

void chan_close(struct chan *c)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_CLOSE, 0, c->session, 0);

	if (c->ring != NULL)
		munmap(c->ring, CHAN_BYTES);
	if (c->bell_in > 0)
		close(c->bell_in);
	if (c->bell_out > 0)
		close(c->bell_out);
	/* The kernel may have closed it first: then there is nothing to tell. */
	if (c->session != 0 && sys_gate_closed(c->session) == 0)
		writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
	*c = (struct chan){ .closed = true };
}

/* --- doorbells --------------------------------------------------------------- */

/* If the peer announced in @flag that it sleeps: wake it, once. */
static void bell_ring(struct chan *c, uint32_t *flag)
{
	const uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(flag, __ATOMIC_RELAXED) == 0 ||
	    __atomic_exchange_n(flag, 0, __ATOMIC_RELAXED) == 0)
		return;
	/* A bell that is full already has rung: the only way to fail. */
	if (write(c->bell_out, &one, sizeof(one)) < 0 && errno != EAGAIN)
		c->closed = true;
}

void chan_wake(struct chan *c)
{
	uint64_t n;

	if (c->ring == NULL)
		return;
	store(&half_in(c)->asleep, 0);
	/* Nobody rang: that is no error. */
	if (read(c->bell_in, &n, sizeof(n)) < 0 && errno != EAGAIN && errno != EINTR)
		c->closed = true;
}

static bool readable(const struct chan *c)
{
	return load(&half_in(c)->slot[c->taken % CHAN_SLOTS].seq) == c->taken + 1;
}

bool chan_sleep(struct chan *c)
{
	struct chan_half *in;

	if (c->closed || c->ring == NULL)
		return true;
	in = half_in(c);
	__atomic_store_n(&in->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!readable(c))
		return false;
	__atomic_store_n(&in->asleep, 0, __ATOMIC_RELAXED);
	return true;
}

/* --- messages ---------------------------------------------------------------- */

/* Is there room for @len bytes? 1, 0, or an error when the peer's counts can't be. */
static int has_room(struct chan *c, size_t len)
{
	const struct chan_half *out = half_out(c);
	uint32_t used = c->sent - load(&out->tail);
	uint32_t bulk = c->bulk_sent - load(&out->bulk_tail);

	if (used > CHAN_SLOTS || bulk > CHAN_BULK)
		return chan_break(c);
	return used < CHAN_SLOTS && (len <= CHAN_INLINE || len <= CHAN_BULK - bulk);
}

static void bulk_put(struct chan_half *h, uint32_t at, const void *msg, size_t len)
{
	size_t off = at % CHAN_BULK, n = CHAN_BULK - off;

	if (n > len)
		n = len;
	memcpy(h->bulk + off, msg, n);
	memcpy(h->bulk, (const uint8_t *)msg + n, len - n);
}

static void bulk_get(const struct chan_half *h, uint32_t at, void *buf, size_t len)
{
	size_t off = at % CHAN_BULK, n = CHAN_BULK - off;

	if (n > len)
		n = len;
	memcpy(buf, h->bulk + off, n);
	memcpy((uint8_t *)buf + n, h->bulk, len - n);
}

static void put(struct chan *c, uint64_t id, uint32_t label, const void *msg, size_t len)
{
	struct chan_half *out = half_out(c);
	struct chan_slot *s = &out->slot[c->sent % CHAN_SLOTS];

	s->len = (uint32_t)len;
	s->off = c->bulk_sent % CHAN_BULK;
	s->label = label;
	s->id = id;
	if (len > CHAN_INLINE) {
		bulk_put(out, c->bulk_sent, msg, len);
		c->bulk_sent += (uint32_t)len;
	} else if (len > 0) {
		memcpy(s->data, msg, len);
	}
	store(&s->seq, ++c->sent);
	bell_ring(c, &out->asleep);
}

/* Each field is read exactly once, whatever the compiler would like. */
static struct taken slot_read(const struct chan_slot *s)
{
	return (struct taken){
		.len = __atomic_load_n(&s->len, __ATOMIC_RELAXED),
		.off = __atomic_load_n(&s->off, __ATOMIC_RELAXED),
		.label = __atomic_load_n(&s->label, __ATOMIC_RELAXED),
		.id = __atomic_load_n(&s->id, __ATOMIC_RELAXED),
	};
}

int64_t chan_take(struct chan *c, uint64_t *ret_id, uint32_t *ret_label, void *buf, size_t size)
{
	struct chan_half *in;
	const struct chan_slot *s;
	struct taken t;
	uint32_t seq, old;

	if (c->closed || c->ring == NULL)
		return -WRIT_E_PEER_CLOSED;
	in = half_in(c);
	s = &in->slot[c->taken % CHAN_SLOTS];
	seq = load(&s->seq);
	if (seq != c->taken + 1) {
		old = c->taken < CHAN_SLOTS ? 0 : c->taken + 1 - CHAN_SLOTS;
		return seq == old || seq == c->taken + 1 - CHAN_SLOTS ? -WRIT_E_BUSY
								      : chan_break(c);
	}
	t = slot_read(s);
	if (t.len > CHAN_MSG_MAX || (t.len > CHAN_INLINE && t.off != c->bulk_taken % CHAN_BULK))
		return chan_break(c);
	if (t.len <= size && t.len > CHAN_INLINE)
		bulk_get(in, c->bulk_taken, buf, t.len);
	else if (t.len <= size && t.len > 0)
		memcpy(buf, s->data, t.len);
	/* A peer that forgot the ring meanwhile left zeros to copy, and none of the numbers. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (load(&s->seq) != seq)
		return chan_break(c);
	c->taken++;
	if (t.len > CHAN_INLINE)
		c->bulk_taken += t.len;
	store(&in->bulk_tail, c->bulk_taken);
	store(&in->tail, c->taken);
	bell_ring(c, &in->starved);
	*ret_id = t.id;
	*ret_label = t.label;
	return t.len <= size ? (int64_t)t.len : -WRIT_E_RANGE;
}

bool chan_all_taken(const struct chan *c)
{
	return c->ring != NULL && load(&half_out(c)->tail) == c->sent;
}

/* --- waiting ------------------------------------------------------------------ */

/* What is waited for: a message, or (when @room) room for @len bytes. 1, 0 or an error. */
struct want {
	bool room;
	size_t len;
};

static int wanted(struct chan *c, const struct want *w)
{
	if (c->closed)
		return -WRIT_E_PEER_CLOSED;
	return w->room ? has_room(c, w->len) : readable(c);
}

static int64_t spin_budget(void)
{
	cpu_set_t set;

	if (spin_ns < 0) {
		spin_ns = SPIN_MAX_NS;
		if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) < 2)
			spin_ns = 0;
	}
	return spin_ns;
}

static int spin(struct chan *c, const struct want *w)
{
	int64_t budget = spin_budget(), end = now_ns() + budget;
	int r;

	if (budget == 0)
		return wanted(c, w);
	do {
		for (unsigned i = 0; i < 32; i++) {
			r = wanted(c, w);
			if (r != 0) {
				spin_ns = budget * 2 < SPIN_MAX_NS ? budget * 2 : SPIN_MAX_NS;
				return r;
			}
			__builtin_ia32_pause();
		}
	} while (now_ns() < end);
	spin_ns = budget / 2 > SPIN_MIN_NS ? budget / 2 : SPIN_MIN_NS;
	return 0;
}

/* Sleep until a bell or the gate has something, or @end (ns; < 0: for ever). 0 or an error. */
static int doze(struct chan *c, int64_t end)
{
	struct pollfd p[2] = {
		{ .fd = c->bell_in, .events = POLLIN },
		{ .fd = WRIT_GATE_FD, .events = POLLIN },
	};
	int64_t left = end < 0 ? 0 : end - now_ns();
	struct timespec t;
	int r;

	if (end >= 0 && left <= 0)
		return -WRIT_E_TIMED_OUT;
	t = (struct timespec){ left / 1000000000, left % 1000000000 };
	r = sys_gate_closed(c->session);
	if (r == 0 && ppoll(p, 2, end < 0 ? NULL : &t, NULL) > 0 && p[1].revents != 0)
		r = sys_gate_closed(c->session);
	if (r != 0) {
		c->session = 0;
		return chan_break(c);
	}
	if (p[0].revents != 0)
		chan_wake(c);
	return 0;
}

/* Announce, look again, sleep; until what is wanted is there. 0 or an error. */
static int chan_wait(struct chan *c, const struct want *w, int64_t end)
{
	uint32_t *flag = w->room ? &half_out(c)->starved : &half_in(c)->asleep;
	int r = spin(c, w);

	while (r == 0) {
		__atomic_store_n(flag, 1, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		r = wanted(c, w);
		if (r == 0)
			r = doze(c, end);
		if (r == 0)
			r = wanted(c, w);
	}
	__atomic_store_n(flag, 0, __ATOMIC_RELAXED);
	return r < 0 ? r : 0;
}

int chan_room(struct chan *c, size_t len)
{
	int r;

	if (c->closed || c->ring == NULL)
		return -WRIT_E_PEER_CLOSED;
	r = has_room(c, len);
	if (r != 0)
		return r;
	__atomic_store_n(&half_out(c)->starved, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return has_room(c, len);
}

int chan_send(struct chan *c, uint64_t id, uint32_t label, const void *msg, size_t len,
    int timeout_ms)
{
	const struct want w = { true, len };
	int r;

	if (len > CHAN_MSG_MAX)
		return -WRIT_E_RANGE;
	r = chan_room(c, len);
	if (r == 0 && timeout_ms == 0)
		return -WRIT_E_TIMED_OUT;
	if (r == 0)
		r = chan_wait(c, &w,
		    timeout_ms < 0 ? -1 : now_ns() + timeout_ms * INT64_C(1000000));
	if (r < 0)
		return r;
	put(c, id, label, msg, len);
	return 0;
}

int64_t chan_call(struct chan *c, uint32_t label, const void *req, size_t len, void *rep,
    size_t size)
{
	const struct want w = { false, 0 };
	uint64_t id = ++c->next_id, got;
	uint32_t lab;
	int64_t n = chan_send(c, id, label, req, len, -1);

	while (n >= 0) {
		n = chan_take(c, &got, &lab, rep, size);
		if (n == -WRIT_E_BUSY)
			n = chan_wait(c, &w, -1);
		else if (n == -WRIT_E_PEER_CLOSED || got == id)
			return n;
		else
			n = 0; /* the answer to something given up */
	}
	return n;
}
