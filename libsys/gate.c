/* SPDX-License-Identifier: MIT */
/*
 * The gate client: packets to the kernel and back over fd 3. Owns the cookies
 * and what came while something else was awaited. Knows no call by name; never
 * lets a descriptor leak that came with a packet nobody wanted.
 */
#include <writ/gate.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "libsys/sys.h"

#define BODY_MAX (WRIT_MSG_MAX - sizeof(struct writ_hdr))
/* Two events for each of 16384 sessions, and as much again. Beyond it the gate is given up. */
#define KEPT_MAX 65536

/* A packet set aside. */
struct kept {
	struct kept *next;
	struct writ_hdr hdr;
	int fds[WRIT_FDS_MAX];
	uint8_t body[];
};
struct kept_list {
	struct kept *head, **tail;
};

/* The packet that was read last. */
struct packet {
	struct writ_hdr hdr;
	int fds[WRIT_FDS_MAX];
	uint8_t body[BODY_MAX];
};

static struct gate {
	uint32_t cookie;
	bool dead;
	unsigned nkept;
	struct kept_list events, replies;
	struct packet in;
} g;

struct writ_hdr sys_hdr(unsigned op, uint32_t cap, uint64_t arg, size_t len)
{
	return (struct writ_hdr){
		.op = (uint16_t)op,
		.cap = cap,
		.arg = arg,
		.len = (uint16_t)len,
	};
}

/*
 * Cookies of the library's own calls: nobody else is given their replies. With
 * QUIET, nobody wants them at all.
 */
#define COOKIE_OWN   (1u << 31)
#define COOKIE_QUIET (1u << 30)
#define COOKIE_MASK  (COOKIE_QUIET - 1)

static void fds_close(int *fds)
{
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static int gate_dead(void)
{
	g.dead = true;
	return -WRIT_E_PEER_CLOSED;
}

/* Take the descriptors out of @m. Returns how many there were. */
static unsigned fds_adopt(struct msghdr *m, int *fds)
{
	unsigned n = 0;

	memset(fds, -1, sizeof(int) * WRIT_FDS_MAX);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		if (n > WRIT_FDS_MAX)
			n = WRIT_FDS_MAX;
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	}
	return n;
}

/* Read one packet into g.in. Returns 0, -BUSY (none now; only with MSG_DONTWAIT), or -PEER_CLOSED.
 */
static int gate_recv(int flags)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * WRIT_FDS_MAX)];
	} ctl;
	struct iovec iov[2] = { { &g.in.hdr, sizeof(g.in.hdr) }, { g.in.body, BODY_MAX } };
	struct msghdr m = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = ctl.buf,
		.msg_controllen = sizeof(ctl.buf),
	};
	ssize_t n;

	if (g.dead)
		return -WRIT_E_PEER_CLOSED;
	do {
		n = recvmsg(WRIT_GATE_FD, &m, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -WRIT_E_BUSY;
	if (n <= 0)
		return gate_dead();
	fds_adopt(&m, g.in.fds);
	if ((size_t)n < sizeof(g.in.hdr) || (m.msg_flags & MSG_TRUNC) != 0 ||
	    g.in.hdr.version != WRIT_ABI_VERSION || g.in.hdr.len != (size_t)n - sizeof(g.in.hdr)) {
		fds_close(g.in.fds);
		return gate_dead();
	}
	return 0;
}

/* Set g.in aside. An event lost would be a session lost: when there is no room, the gate is given
 * up. */
static int gate_keep(void)
{
	struct kept_list *l = g.in.hdr.reply == 1 ? &g.replies : &g.events;
	struct kept *k = NULL;

	if (g.in.hdr.reply == 1 && (g.in.hdr.cookie & COOKIE_QUIET) != 0) {
		fds_close(g.in.fds);
		return 0;
	}
	if (g.nkept < KEPT_MAX)
		k = malloc(sizeof(*k) + g.in.hdr.len);
	if (k == NULL) {
		fds_close(g.in.fds);
		return gate_dead();
	}
	k->next = NULL;
	k->hdr = g.in.hdr;
	memcpy(k->fds, g.in.fds, sizeof(k->fds));
	memcpy(k->body, g.in.body, g.in.hdr.len);
	if (l->head == NULL)
		l->tail = &l->head;
	*l->tail = k;
	l->tail = &k->next;
	g.nkept++;
	return 0;
}

static struct kept *kept_take(struct kept_list *l, struct kept **at)
{
	struct kept *k = *at;

	*at = k->next;
	if (l->tail == &k->next)
		l->tail = at;
	g.nkept--;
	return k;
}

/*
 * The gate is full of requests: wait for room, and read meanwhile, since the
 * kernel may be waiting for us to do so.
 */
static int gate_make_room(void)
{
	struct pollfd p = { .fd = WRIT_GATE_FD, .events = POLLIN | POLLOUT };
	int r;

	if (poll(&p, 1, -1) < 0)
		return errno == EINTR ? 0 : gate_dead();
	if ((p.revents & POLLIN) == 0)
		return (p.revents & POLLOUT) != 0 ? 0 : gate_dead();
	r = gate_recv(MSG_DONTWAIT);
	if (r == -WRIT_E_BUSY)
		return 0;
	return r < 0 ? r : gate_keep();
}

static void fds_attach(struct msghdr *m, void *buf, const int *fds, unsigned n)
{
	struct cmsghdr *c;

	m->msg_control = buf;
	m->msg_controllen = CMSG_SPACE(sizeof(int) * n);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
}

/* Send @h with a cookie that has @bits. Returns it, or an error. */
static int64_t gate_send(struct writ_hdr *h, const void *req, const int *fds, uint32_t bits)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * WRIT_FDS_MAX)];
	} ctl = { 0 };
	struct iovec iov[2] = { { h, sizeof(*h) }, { (void *)(uintptr_t)req, h->len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = h->len > 0 ? 2 : 1 };
	int r;

	if (h->len > BODY_MAX || h->nfds > WRIT_FDS_MAX)
		return -WRIT_E_RANGE;
	if (g.dead)
		return -WRIT_E_PEER_CLOSED;
	g.cookie = (g.cookie + 1) & COOKIE_MASK;
	if (g.cookie == 0)
		g.cookie = 1;
	h->version = WRIT_ABI_VERSION;
	h->cookie = g.cookie | bits;
	h->reply = 0;
	if (h->nfds > 0 && fds != NULL)
		fds_attach(&m, ctl.buf, fds, h->nfds);
	while (sendmsg(WRIT_GATE_FD, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return gate_dead();
		r = gate_make_room();
		if (r < 0)
			return r;
	}
	return h->cookie;
}

int64_t writ_gate_send(struct writ_hdr *h, const void *req, const int *fds)
{
	return gate_send(h, req, fds, 0);
}

int64_t sys_gate_post(struct writ_hdr *h, const void *req)
{
	return gate_send(h, req, NULL, COOKIE_OWN);
}

int sys_gate_post_quiet(struct writ_hdr *h, const void *req)
{
	int64_t r = gate_send(h, req, NULL, COOKIE_OWN | COOKIE_QUIET);

	return r < 0 ? (int)r : 0;
}

/* Hand a packet to who waits for it. Takes the descriptors. */
static int reply_give(const struct writ_hdr *hdr, const void *body, int *fds,
    struct writ_hdr *ret_h, void *rep, size_t size, int *ret_fds)
{
	*ret_h = *hdr;
	if (size > 0)
		memcpy(rep, body, hdr->len < size ? hdr->len : size);
	if (ret_fds != NULL)
		memcpy(ret_fds, fds, sizeof(int) * WRIT_FDS_MAX);
	else
		fds_close(fds);
	return -hdr->status;
}

/* The kept reply to @cookie (0: any but the library's own); NULL when there is none. The caller
 * frees it. */
static struct kept *kept_reply(uint32_t cookie)
{
	for (struct kept **at = &g.replies.head; *at != NULL; at = &(*at)->next)
		if (cookie != 0 ? (*at)->hdr.cookie == cookie
				: ((*at)->hdr.cookie & COOKIE_OWN) == 0)
			return kept_take(&g.replies, at);
	return NULL;
}

int writ_gate_reply(uint32_t cookie, struct writ_hdr *ret_h, void *rep, size_t size, int *ret_fds)
{
	struct pollfd p = { .fd = WRIT_GATE_FD, .events = POLLIN };
	struct kept *k = kept_reply(cookie);
	int r;

	if (k != NULL) {
		r = reply_give(&k->hdr, k->body, k->fds, ret_h, rep, size, ret_fds);
		free(k);
		return r;
	}
	for (;;) {
		r = gate_recv(0);
		if (r == -WRIT_E_BUSY) {
			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return gate_dead();
			continue;
		}
		if (r < 0)
			return r;
		if (g.in.hdr.reply == 1 && g.in.hdr.cookie == cookie)
			return reply_give(&g.in.hdr, g.in.body, g.in.fds, ret_h, rep, size,
			    ret_fds);
		r = gate_keep();
		if (r < 0)
			return r;
	}
}

int writ_gate_poll_reply(struct writ_hdr *ret_h, void *rep, size_t size)
{
	struct kept *k = kept_reply(0);
	int r;

	if (k != NULL) {
		reply_give(&k->hdr, k->body, k->fds, ret_h, rep, size, NULL);
		free(k);
		return 1;
	}
	while ((r = gate_recv(MSG_DONTWAIT)) == 0) {
		if (g.in.hdr.reply == 1 && (g.in.hdr.cookie & COOKIE_OWN) == 0) {
			reply_give(&g.in.hdr, g.in.body, g.in.fds, ret_h, rep, size, NULL);
			return 1;
		}
		r = gate_keep();
		if (r < 0)
			return r;
	}
	return r == -WRIT_E_BUSY ? 0 : r;
}

int writ_gate_call(struct writ_hdr *h, const void *req, const int *fds, void *rep, size_t size,
    int *ret_fds)
{
	int64_t cookie = writ_gate_send(h, req, fds);

	if (cookie < 0)
		return (int)cookie;
	return writ_gate_reply((uint32_t)cookie, h, rep, size, ret_fds);
}

static void event_give(const struct writ_hdr *hdr, const void *body, const int *fds,
    struct writ_event *ret)
{
	const size_t room = sizeof(ret->connect); /* the largest of them */

	memset(ret, 0, sizeof(*ret));
	ret->hdr = *hdr;
	memcpy(&ret->connect, body, hdr->len < room ? hdr->len : room);
	memcpy(ret->fds, fds, sizeof(ret->fds));
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Read a packet within @timeout_ms. Returns 1, 0 (none in time), or an error. */
static int gate_recv_timed(int64_t timeout_ms)
{
	struct pollfd p = { .fd = WRIT_GATE_FD, .events = POLLIN };
	int64_t end = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;
	int r;

	for (;;) {
		r = gate_recv(MSG_DONTWAIT);
		if (r != -WRIT_E_BUSY)
			return r < 0 ? r : 1;
		if (timeout_ms == 0 || (timeout_ms > 0 && (timeout_ms = end - now_ms()) <= 0))
			return 0;
		if (poll(&p, 1, (int)timeout_ms) < 0 && errno != EINTR)
			return gate_dead();
	}
}

int writ_event_next(struct writ_event *ret, int timeout_ms)
{
	int64_t end = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;
	struct kept *k;
	int r;

	if (g.events.head != NULL) {
		k = kept_take(&g.events, &g.events.head);
		event_give(&k->hdr, k->body, k->fds, ret);
		free(k);
		return 1;
	}
	for (;;) {
		r = gate_recv_timed(timeout_ms);
		if (r <= 0)
			return r;
		if (g.in.hdr.reply == 2) {
			event_give(&g.in.hdr, g.in.body, g.in.fds, ret);
			return 1;
		}
		r = gate_keep();
		if (r < 0)
			return r;
		if (timeout_ms > 0 && (timeout_ms = (int)(end - now_ms())) < 0)
			timeout_ms = 0;
	}
}

bool writ_event_kept(void)
{
	return g.events.head != NULL;
}

bool sys_reply_kept(void)
{
	for (const struct kept *k = g.replies.head; k != NULL; k = k->next)
		if ((k->hdr.cookie & COOKIE_OWN) == 0)
			return true;
	return false;
}

bool sys_gate_answer(uint32_t cookie, struct writ_hdr *ret_h, void *rep, size_t size)
{
	struct kept *k = kept_reply(cookie);

	if (k == NULL)
		return false;
	reply_give(&k->hdr, k->body, k->fds, ret_h, rep, size, NULL);
	free(k);
	return true;
}

int sys_gate_pump(void)
{
	int r;

	while ((r = gate_recv(MSG_DONTWAIT)) == 0) {
		r = gate_keep();
		if (r < 0)
			return r;
	}
	return r == -WRIT_E_BUSY ? 0 : r;
}

int sys_gate_block(void)
{
	int r = gate_recv(0);

	if (r == 0)
		return gate_keep();
	return r == -WRIT_E_BUSY ? 0 : r;
}

bool sys_event_take(struct writ_event *ret, bool (*wanted)(void *arg, const struct writ_hdr *h),
    void *arg)
{
	struct kept **at = &g.events.head, *k;

	while (*at != NULL && !wanted(arg, &(*at)->hdr))
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	k = kept_take(&g.events, at);
	event_give(&k->hdr, k->body, k->fds, ret);
	free(k);
	return true;
}

void sys_gate_forget(uint32_t session)
{
	for (struct kept **at = &g.events.head, *k; *at != NULL;) {
		if ((*at)->hdr.arg != session ||
		    ((*at)->hdr.op != WRIT_EV_CLOSED && (*at)->hdr.op != WRIT_EV_RING)) {
			at = &(*at)->next;
			continue;
		}
		k = kept_take(&g.events, at);
		fds_close(k->fds);
		free(k);
	}
}

bool sys_gate_closed(uint32_t session)
{
	struct kept **at = &g.events.head, *k;

	while (*at != NULL && ((*at)->hdr.op != WRIT_EV_CLOSED || (*at)->hdr.arg != session))
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	k = kept_take(&g.events, at);
	fds_close(k->fds);
	free(k);
	return true;
}

int64_t sys_gate_begin(struct writ_begin *ret, void *blob, size_t size)
{
	size_t n;

	/* Blocks: only a gate that was left non-blocking has to be polled. */
	while (gate_recv(0) < 0) {
		struct pollfd p = { .fd = WRIT_GATE_FD, .events = POLLIN };

		if (g.dead || poll(&p, 1, -1) < 0)
			return -WRIT_E_BAD_REQUEST;
	}
	fds_close(g.in.fds);
	if (g.in.hdr.op != WRIT_EV_BEGIN || g.in.hdr.len < sizeof(*ret))
		return -WRIT_E_BAD_REQUEST;
	memcpy(ret, g.in.body, sizeof(*ret));
	n = g.in.hdr.len - sizeof(*ret);
	if (n != ret->blob || n > size)
		return -WRIT_E_BAD_REQUEST;
	memcpy(blob, g.in.body + sizeof(*ret), n);
	return (int64_t)n;
}
