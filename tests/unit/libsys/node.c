/* SPDX-License-Identifier: MIT */
/*
 * A server and its clients as they are in a node, with a small kernel that
 * knows no more than sessions, calls and rings. What the kernel would do about
 * rights is not tested here.
 */
#include "node.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "fixture.h"
#include <writ/start.h>
#include <writ/writ.h>

#define CALLS 256

/* A call from when it is sent until it is answered. */
struct call {
	unsigned client, session;
	uint32_t cookie, slot; /* slot: of its Reply, once it is taken */
	bool used, taken;
	uint32_t len;
	uint8_t data[WRIT_DATA_MAX];
};

struct node node;
static struct call calls[CALLS];
static struct {
	bool open;
	uint32_t cookie, reply;
	uint16_t op;
} recv_by_server;

/* --- the small kernel --------------------------------------------------------------- */

static pid_t start(int (*fn)(void *), unsigned i)
{
	int g[2];

	gate_pair(g);
	node.procs[i].pid = proc_fork(g[1], fn, NULL);
	node.procs[i].gate = g[0];
	node.procs[i].alive = true;
	return node.procs[i].pid;
}

static void server_start(void)
{
	struct start_buf s;

	start(node.server, 0);
	node.ready = false;
	node.server_lives++;
	start_init(&s);
	start_name(&s, WRIT_TYPE_ENDPOINT, "fs", 1, WRIT_R_READ);
	kernel_begin(node.procs[0].gate, &s);
}

/* A client with Paths: "/all" (slot 1) has all rights, "/new" (slot 2) may create only. */
void client_start(int (*fn)(void *))
{
	unsigned i = node.nprocs++;
	struct start_buf s;

	start(fn, i);
	start_init(&s);
	start_name(&s, WRIT_TYPE_PATH, "/all", 1, 0x7f);
	start_name(&s, WRIT_TYPE_PATH, "/new/d", 2, WRIT_R_CREATE);
	kernel_begin(node.procs[i].gate, &s);
}

static void tell_closed(unsigned proc, unsigned session)
{
	struct writ_hdr h = {
		.op = WRIT_EV_CLOSED,
		.version = WRIT_ABI_VERSION,
		.reply = 2,
		.arg = session,
	};

	if (node.procs[proc].alive)
		kernel_say(node.procs[proc].gate, &h, NULL, NULL);
}

static void do_connect(unsigned client, const struct writ_hdr *q, struct writ_hdr *rep)
{
	uint32_t rights = q->cap == 1 ? 0x7f : WRIT_R_CREATE;
	struct writ_connect_rep body = { .session = ++node.nsessions, .rights = rights };
	struct writ_ev_connect ev = {
		.session = node.nsessions,
		.rights = rights,
		.pid = 100 + client,
		.realm = 1,
	};
	struct writ_hdr h = {
		.op = WRIT_EV_CONNECT,
		.version = WRIT_ABI_VERSION,
		.reply = 2,
		.len = sizeof(ev),
		.arg = node.nsessions,
	};

	ck_assert_uint_lt(node.nsessions, SESSIONS);
	snprintf(ev.prefix, sizeof(ev.prefix), "%s", q->cap == 1 ? "/" : "/d");
	node.sessions[node.nsessions].client = client;
	node.sessions[node.nsessions].open = true;
	kernel_say(node.procs[0].gate, &h, &ev, NULL);
	rep->arg = node.nsessions;
	rep->len = sizeof(body);
	kernel_say(node.procs[client].gate, rep, &body, NULL);
}

static void do_ring(unsigned client, const struct writ_hdr *q, const struct writ_ring_req *r,
    struct writ_hdr *rep)
{
	int fds[3] = { -1, -1, -1 }, crossed[3];
	struct writ_ev_ring ev = { .session = (uint32_t)q->arg,
		.bells = r->bells,
		.bytes = r->bytes,
		.tag = r->tag };
	struct writ_hdr h = { .op = WRIT_EV_RING,
		.version = WRIT_ABI_VERSION,
		.reply = 2,
		.arg = q->arg,
		.len = sizeof(ev),
		.nfds = r->bells != 0 ? 3 : 1 };

	if (r->bytes == 0) {
		kernel_say(node.procs[client].gate, rep, NULL, NULL);
		return;
	}
	fds[0] = memfd_create("ring", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fds[0], (off_t)r->bytes), 0);
	fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[2] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	crossed[0] = fds[0];
	crossed[1] = fds[2];
	crossed[2] = fds[1];
	rep->nfds = h.nfds;
	kernel_say(node.procs[client].gate, rep, NULL, fds);
	kernel_say(node.procs[0].gate, &h, &ev, crossed);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

/* The oldest call that nobody has taken goes to the server, if it receives. */
static void meet(void)
{
	struct {
		struct writ_msg_rep rep;
		uint8_t data[WRIT_DATA_MAX];
	} m = { 0 };
	struct writ_hdr h = { .op = recv_by_server.op,
		.version = WRIT_ABI_VERSION,
		.reply = 1,
		.cookie = recv_by_server.cookie };

	for (unsigned i = 0; i < CALLS && recv_by_server.open; i++) {
		struct call *c = &calls[(node.oldest + i) % CALLS];

		if (!c->used || c->taken)
			continue;
		recv_by_server.open = false;
		c->taken = true;
		c->slot = recv_by_server.reply;
		m.rep.pid = 100 + c->client;
		m.rep.realm = 1;
		m.rep.call = 1;
		m.rep.session = c->session;
		memcpy(m.data, c->data, c->len);
		h.len = (uint16_t)(sizeof(m.rep) + c->len);
		kernel_say(node.procs[0].gate, &h, &m, NULL);
	}
}

static void do_call(unsigned client, const struct writ_hdr *q, const uint8_t *body)
{
	struct writ_hdr no = { .op = q->op,
		.version = WRIT_ABI_VERSION,
		.cookie = q->cookie,
		.reply = 1,
		.status = WRIT_E_FAILED_LOOKUP };
	unsigned at;

	if (!node.sessions[q->arg % SESSIONS].open) {
		kernel_say(node.procs[client].gate, &no, NULL, NULL);
		return;
	}
	at = node.newest++ % CALLS;
	ck_assert(!calls[at].used);
	calls[at] = (struct call){ .client = client,
		.session = (unsigned)q->arg,
		.cookie = q->cookie,
		.used = true,
		.len = q->len - (uint32_t)sizeof(struct writ_msg_req) };
	memcpy(calls[at].data, body + sizeof(struct writ_msg_req), calls[at].len);
	meet();
}

static void answer(struct call *c, int status, const uint8_t *data, uint32_t len)
{
	struct {
		struct writ_msg_rep rep;
		uint8_t data[WRIT_DATA_MAX];
	} m = { 0 };
	struct writ_hdr h = { .op = WRIT_OP_CALL,
		.version = WRIT_ABI_VERSION,
		.reply = 1,
		.cookie = c->cookie,
		.status = status };

	if (status == 0) {
		memcpy(m.data, data, len);
		h.len = (uint16_t)(sizeof(m.rep) + len);
	}
	if (node.procs[c->client].alive)
		kernel_say(node.procs[c->client].gate, &h, &m, NULL);
	c->used = false;
	while (node.oldest != node.newest && !calls[node.oldest % CALLS].used)
		node.oldest++;
}

/* Returns the status: FAILED_LOOKUP when there is no such call (any more). */
static int do_reply(uint32_t slot, const struct writ_hdr *q, const uint8_t *body)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (calls[i].used && calls[i].taken && calls[i].slot == slot) {
			answer(&calls[i], 0, body + sizeof(struct writ_msg_req),
			    q->len - (uint32_t)sizeof(struct writ_msg_req));
			return 0;
		}
	return WRIT_E_FAILED_LOOKUP;
}

static void do_recv(const struct writ_hdr *q, const uint8_t *body)
{
	struct writ_msg_req r;

	memcpy(&r, body, sizeof(r));
	recv_by_server.open = true;
	recv_by_server.cookie = q->cookie;
	recv_by_server.op = q->op;
	recv_by_server.reply = r.reply;
	meet();
}

static void do_close(unsigned by, unsigned session)
{
	if (session == 0 || session >= SESSIONS || !node.sessions[session].open)
		return;
	node.sessions[session].open = false;
	for (unsigned i = 0; i < CALLS; i++)
		if (calls[i].used && calls[i].session == session)
			answer(&calls[i], calls[i].taken ? WRIT_E_PEER_CLOSED : WRIT_E_CANCELED,
			    NULL, 0);
	tell_closed(by == 0 ? node.sessions[session].client : 0, session);
}

static void proc_gone(unsigned i)
{
	node.procs[i].alive = false;
	node.procs[i].status = proc_join(node.procs[i].pid);
	close(node.procs[i].gate);
	if (node.procs[i].status != 0)
		printf("proc %u ended with %d\n", i, node.procs[i].status);
	for (unsigned s = 1; s <= node.nsessions; s++)
		if (i == 0 || node.sessions[s].client == i)
			do_close(i, s);
	if (i == 0)
		recv_by_server.open = false;
	if (i == 0 && node.server_lives < 3)
		server_start();
}

static void serve_gate(unsigned i)
{
	union {
		struct writ_note_req note;
		struct writ_ring_req ring;
		uint8_t raw[8192];
	} b;
	struct writ_hdr h, rep;
	int fd;

	if (!kernel_hear(node.procs[i].gate, &h, &b, sizeof(b), &fd)) {
		proc_gone(i);
		return;
	}
	rep = (struct writ_hdr){
		.op = h.op,
		.version = WRIT_ABI_VERSION,
		.cookie = h.cookie,
		.reply = 1,
	};
	switch (h.op) {
	case WRIT_OP_CONNECT: do_connect(i, &h, &rep); return;
	case WRIT_OP_RING: do_ring(i, &h, &b.ring, &rep); return;
	case WRIT_OP_CALL: do_call(i, &h, b.raw); return;
	case WRIT_OP_RECV: do_recv(&h, b.raw); return;
	case WRIT_OP_REPLY: rep.status = do_reply(h.cap, &h, b.raw); break;
	case WRIT_OP_REPLY_RECV:
		rep.status = do_reply((uint32_t)h.arg, &h, b.raw);
		if (rep.status != 0)
			break;
		do_recv(&h, b.raw);
		return;
	case WRIT_OP_CLOSE: do_close(i, (unsigned)h.arg); break;
	case WRIT_OP_STARTED: node.ready = node.ready || i == 0; break;
	case WRIT_OP_NOTE:
		node.notes++;
		memcpy(node.noted, b.note.what, sizeof(node.noted));
		break;
	}
	kernel_say(node.procs[i].gate, &rep, NULL, NULL);
}

/* Serve all gates until no client is left (or, with @ready, until the server has started). */
void kernel_run(bool ready)
{
	for (;;) {
		struct pollfd p[PROCS];
		unsigned clients = 0;

		for (unsigned i = 0; i < node.nprocs; i++) {
			clients += i > 0 && node.procs[i].alive;
			p[i] = (struct pollfd){
				.fd = node.procs[i].alive ? node.procs[i].gate : -1,
				.events = POLLIN,
			};
		}
		if (ready ? node.ready : clients == 0)
			return;
		ck_assert_int_gt(poll(p, node.nprocs, 20000), 0);
		for (unsigned i = 0; i < node.nprocs; i++)
			if (p[i].revents != 0)
				serve_gate(i);
	}
}

void node_start(int (*server)(void *))
{
	memset(&node, 0, sizeof(node));
	memset(calls, 0, sizeof(calls));
	recv_by_server.open = false;
	node.nprocs = 1;
	node.server = server;
	server_start();
	kernel_run(true);
}

void node_stop(void)
{
	ck_assert(node.procs[0].alive);
	kill(node.procs[0].pid, SIGKILL);
	proc_join(node.procs[0].pid);
	close(node.procs[0].gate);
	for (unsigned i = 1; i < node.nprocs; i++)
		ck_assert_int_eq(node.procs[i].status, 0);
}

void adopt(void)
{
	char **argv;
	int argc;

	MUST(writ_adopt(&argc, &argv) == 0);
}
