/* SPDX-License-Identifier: MIT */
/*
 * The procs' ends of their gates. What comes out of one must be well formed,
 * and every request have at most one reply.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "tests/fuzz/kernel/world.h"

struct packet {
	struct writ_hdr h;
	char body[WRIT_MSG_MAX];
};

void client_die(struct client *c)
{
	k_close(&c->fd);
	c->over = true;
}

void client_send(struct client *c, struct ask *a)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * W_FDS_MAX)];
	} cm = { 0 };
	struct iovec iov[2] = { { &a->h, sizeof(a->h) }, { a->body, a->len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (a->nfds > 0) {
		m.msg_control = &cm;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * a->nfds);
		cm.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int) * a->nfds) };
		memcpy(CMSG_DATA(&cm.align), a->fds, sizeof(int) * a->nfds);
	}
	if (c->nasked == W_ASKED) /* the oldest has none */
		memmove(c->asked, c->asked + 1, --c->nasked * sizeof(c->asked[0]));
	if (c->fd >= 0 && sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		c->asked[c->nasked++] = a->h.cookie;
		w.asked++;
	}
	for (unsigned i = 0; i < a->nfds; i++)
		close(a->fds[i]);
	a->nfds = 0;
}

static unsigned close_rights(struct msghdr *m)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t len = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < len; i++, n++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			close(fd);
		}
	}
	return n;
}

static void due(struct client *c, const struct writ_hdr *h)
{
	for (unsigned i = 0; i < c->nasked; i++)
		if (c->asked[i] == h->cookie) {
			c->asked[i] = c->asked[--c->nasked];
			w.done += h->status == 0;
			if (h->cookie == w.watch)
				w.status = h->status;
			return;
		}
	world_fail("a reply to what was not asked, or was answered");
}

static void check(struct client *c, const struct packet *p, size_t n, unsigned nfds)
{
	const struct writ_hdr *h = &p->h;

	if (n < sizeof(*h) || h->version != WRIT_ABI_VERSION || h->len != n - sizeof(*h) ||
	    h->nfds != nfds || h->reply < 1 || h->reply > 2)
		world_fail("a packet that is not well formed");
	if (h->reply == 2 &&
	    (h->op < WRIT_EV_BEGIN || h->op > WRIT_EV_RING || h->cookie != 0 || h->status != 0))
		world_fail("no such event, or one with fields of a reply");
	if (h->status != 0 && (nfds != 0 || h->len != 0))
		world_fail("an error that brings something");
	if (h->missing != 0 && h->status != WRIT_E_NO_RIGHT)
		world_fail("a right is missing, and that is not the error");
	if (h->reply == 1)
		due(c, h);
}

/* The next packet; false when there is none. */
static bool take(struct client *c, struct packet *p)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * W_FDS_MAX)];
	} cm;
	struct iovec iov = { p, sizeof(*p) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &cm,
		.msg_controllen = sizeof(cm) };
	ssize_t n = c->fd >= 0 ? recvmsg(c->fd, &m, MSG_DONTWAIT) : -1;
	unsigned nfds = n > 0 ? close_rights(&m) : 0;

	if (n > 0)
		check(c, p, (size_t)n, nfds);
	else if (n == 0 || (c->fd >= 0 && errno != EAGAIN))
		client_die(c); /* as libwrit has it */
	return n > 0;
}

void client_read(struct client *c, unsigned n)
{
	static struct packet p;

	while (n-- > 0 && take(c, &p))
		;
}

int client_ask(struct client *c, struct ask *a, uint64_t *ret_arg)
{
	static struct packet p;

	w.watch = a->h.cookie = ++w.cookie;
	w.status = -1;
	client_send(c, a);
	for (unsigned i = 0; i < 100 && w.status == -1; i++) {
		kernel_turn();
		kernel_work();
		while (w.status == -1 && take(c, &p))
			;
	}
	if (ret_arg != NULL)
		*ret_arg = p.h.arg;
	return w.status;
}
