/* SPDX-License-Identifier: MIT */
/*
 * One step of a run: a request, an end, a report of a nest, a turn of the
 * kernel's loop, something of Linux that fails.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "tests/fuzz/kernel/world.h"

static struct client *some_client(void)
{
	struct client *live[W_PROCS] = { NULL };
	unsigned n = 0;

	for (unsigned i = 0; i < W_PROCS; i++)
		if (w.clients[i].fd >= 0)
			live[n++] = &w.clients[i];
	return n > 0 ? live[pick(n)] : NULL;
}

static void read_all(void)
{
	for (unsigned i = 0; i < W_PROCS; i++)
		if (!w.clients[i].deaf)
			client_read(&w.clients[i], UINT32_MAX);
}

static void run(void)
{
	kernel_turn();
	kernel_work();
	kernel_turn();
	read_all();
}

static void request(bool at_once)
{
	static struct ask a;
	struct client *c = some_client();

	if (c == NULL)
		return;
	make_request(c, &a);
	client_send(c, &a);
	if (at_once)
		run();
}

/* A packet that is none: shorter than its header, or of nothing but descriptors. */
static void short_packet(void)
{
	static struct ask a;
	struct client *c = some_client();
	struct iovec iov = { &a.h, pick(sizeof(a.h)) };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} cm = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = pick(2) == 0 ? sealed_memfd(true) : -1;

	memset(&a.h, (int)pick(256), sizeof(a.h));
	snprintf(w.what, sizeof(w.what), "a packet of %zu bytes", iov.iov_len);
	if (fd >= 0) {
		m.msg_control = &cm;
		m.msg_controllen = sizeof(cm.buf);
		cm.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&cm.align), &fd, sizeof(fd));
	}
	if (c != NULL && (iov.iov_len > 0 || c->pid != k.root->pid) &&
	    sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 && c->nasked < W_ASKED)
		c->asked[c->nasked++] = 0;
	k_close(&fd);
	run();
}

/* Root is the last to go. */
static void death(void)
{
	struct client *c = some_client();

	if (c == NULL || c->pid == k.root->pid || pick(2) == 0)
		return;
	snprintf(w.what, sizeof(w.what), "the end of pid %u", c->pid);
	if (pick(4) == 0)
		shutdown(c->fd, SHUT_WR);
	else
		client_die(c);
	run();
}

static void listening(void)
{
	struct client *c = some_client();

	if (c != NULL && c->pid != k.root->pid)
		c->deaf = !c->deaf;
	read_all();
}

static void trouble(void)
{
	switch (pick(4)) {
	case 0: w.fail_in = 1 + pick(4); break;
	case 1: w.no_cgroup = !w.no_cgroup; break;
	case 2: w.busy_nest = !w.busy_nest; break;
	default: w.fail_in = 0; w.no_cgroup = w.busy_nest = false;
	}
}

void world_step(void)
{
	unsigned what = pick(32);

	if (what < 19) {
		request(true);
	} else if (what < 22) {
		request(false);
	} else if (what < 26) {
		snprintf(w.what, sizeof(w.what), "a report of a nest");
		nest_step();
		run();
	} else if (what == 26) {
		snprintf(w.what, sizeof(w.what), "a turn of the loop");
		run();
	} else if (what == 27) {
		world_respawn();
	} else if (what == 28) {
		listening();
	} else if (what == 29) {
		trouble();
	} else if (what == 30) {
		short_packet();
	} else {
		death();
	}
}
