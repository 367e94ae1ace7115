/* SPDX-License-Identifier: MIT */
/*
 * The kernel transport, server's side: messages of all sessions come through
 * one open RECV and are answered by Reply. Owns the Replies; keeps no more of a
 * session than its client has calls open, which the protocol bounds: one that
 * doesn't obey it loses its session.
 */
#include <stdlib.h>
#include <string.h>
#include "libsys/chan.h"
#include "libsys/sys.h"
#include "libsys/tx_kernel.h"
#include "libsys/tx_wire.h"

#define CALLS 3  /* of one session, taken and not answered */
#define AHEAD 64 /* frames that lie unread while their calls have been answered */
#define SPARE 8  /* slots that Replies leave free: messages must go on coming */

struct got {
	struct got *next;
	struct frame f;
	writ_cap_t reply; /* 0: lent */
	uint8_t data[];
};

struct server {
	struct tx tx;
	struct port *port;
	writ_cap_t held; /* Reply of a call whose sender waits for a frame; or 0 */
	unsigned ngot;
	uint32_t pid;
	bool broken;
	struct got *head, **tail;
};

static struct wire_out out; /* built and sent at once */

static struct server *of(struct tx *t)
{
	return (struct server *)t;
}

/* --- the port ------------------------------------------------------------------------ */

static void slots(struct port *p)
{
	if (p->reply == 0)
		p->reply = sys_slots_new(1);
	if (p->take == 0)
		p->take = sys_slots_new(WRIT_CAPS_MAX);
	out.req.reply = p->reply;
	out.req.take = p->take;
	out.req.ntake = p->take != 0 ? WRIT_CAPS_MAX : 0;
}

int port_open(struct port *p)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_RECV, p->endpoint, 0, sizeof(out.req));
	int64_t cookie;

	if (p->cookie != 0)
		return 0;
	out.req = (struct writ_msg_req){ 0 };
	slots(p);
	if (p->reply == 0)
		return -WRIT_E_BUSY;
	cookie = sys_gate_post(&h, &out);
	p->cookie = cookie < 0 ? 0 : (uint32_t)cookie;
	return cookie < 0 ? (int)cookie : 0;
}

/*
 * Answer the call in @reply with what @out holds, of @len bytes. Together with
 * the next RECV when none is open; whether the caller is still there, its session tells.
 */
static void answer(struct port *p, writ_cap_t reply, size_t len)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_REPLY_RECV, p->endpoint, reply, len);
	int64_t cookie;

	if (p->cookie != 0) {
		h = sys_hdr(WRIT_OP_REPLY, reply, 0, len);
		sys_gate_post_quiet(&h, &out);
		sys_slot_back(reply);
		return;
	}
	if (p->reply == 0)
		p->reply = reply; /* it is empty by the time that the next one comes */
	else
		sys_slot_back(reply);
	slots(p);
	cookie = sys_gate_post(&h, &out);
	p->cookie = cookie < 0 ? 0 : (uint32_t)cookie;
}

static void ack(struct port *p, writ_cap_t reply)
{
	out.req = (struct writ_msg_req){ 0 };
	answer(p, reply, sizeof(out.req));
}

static void later(struct server *s, writ_cap_t reply)
{
	wire_get(&out);
	answer(s->port, reply, WIRE_LEN(0));
}

/*
 * Keep this call for what goes back; an older one answers nothing any more. Where
 * slots are short, the proc that has most calls open asks again later.
 */
static void hold(struct server *s, writ_cap_t reply)
{
	struct writ_chan *c;
	struct server *most;

	if (s->held != 0)
		ack(s->port, s->held);
	s->held = 0;
	if (sys_slots_left() <= SPARE) {
		c = s->port->most(s->port->arg, s->pid);
		if (c == NULL) {
			later(s, reply);
			return;
		}
		most = of(c->tx[CHAN_TX_KERNEL]);
		later(most, most->held);
		most->held = 0;
	}
	s->held = reply;
}

/* Nobody is there for it: its sender is told so. */
static void drop(const struct frame *f, writ_cap_t reply)
{
	chan_caps_drop(f->caps, f->ncaps);
	writ_slot_free(reply);
}

static unsigned unanswered(const struct server *s)
{
	unsigned n = s->held != 0;

	for (const struct got *g = s->head; g != NULL; g = g->next)
		n += g->reply != 0;
	return n;
}

/* A call of a session: @reply is its Reply. */
static void deliver(struct port *p, const struct wire_in *in, size_t len, writ_cap_t reply)
{
	struct writ_chan *c = p->find(p->arg, in->rep.session);
	struct server *s = c != NULL ? of(c->tx[CHAN_TX_KERNEL]) : NULL;
	struct frame f = { 0 };
	struct got *g = NULL;
	bool ok = wire_read(&in->head, len, &f) && s != NULL && reply != 0;

	f.ncaps = in->rep.ncaps;
	for (unsigned i = 0; i < f.ncaps; i++)
		f.caps[i] = p->take + i;
	if (f.ncaps > 0) {
		for (unsigned i = f.ncaps; i < WRIT_CAPS_MAX; i++)
			sys_slot_back(p->take + i);
		p->take = 0;
	}
	ok = ok && unanswered(s) < CALLS && s->ngot < AHEAD;
	if (ok)
		s->pid = in->rep.pid;
	if (ok && f.kind == WIRE_GET) { /* nothing to be read, whatever lies before it */
		hold(s, reply);
		p->ready(p->arg, c);
		return;
	}
	if (ok)
		g = malloc(sizeof(*g) + f.len);
	if (g == NULL) {
		if (s != NULL) {
			s->broken = true;
			chan_break(c);
		}
		drop(&f, reply);
	} else {
		g->f = f;
		g->reply = reply;
		g->next = NULL;
		memcpy(g->data, in->data, f.len);
		*s->tail = g;
		s->tail = &g->next;
		s->ngot++;
	}
	if (c != NULL)
		p->ready(p->arg, c);
}

int port_poll(struct port *p)
{
	static struct wire_in in;
	struct writ_hdr h = { 0 };

	p->events(p->arg);
	while (p->cookie != 0 && sys_gate_answer(p->cookie, &h, &in, sizeof(in))) {
		writ_cap_t reply = 0;

		p->cookie = 0;
		if (h.status == 0 && in.rep.call != 0) {
			reply = p->reply;
			p->reply = 0;
		}
		if (h.status == 0 && h.len >= sizeof(in.rep))
			deliver(p, &in, h.len - sizeof(in.rep), reply);
		else if (h.status == WRIT_E_NO_RIGHT || h.status == WRIT_E_INVALID_CAPABILITY)
			return -h.status;
	}
	/* A caller who has gone takes the RECV with it that went with his answer. */
	return h.status != 0 && port_open(p) == -WRIT_E_PEER_CLOSED ? -WRIT_E_PEER_CLOSED : 0;
}

void port_close(struct port *p)
{
	struct writ_hdr h;

	/* An open RECV would take the next message, for nobody. What it may have taken goes. */
	if (p->cookie != 0 && writ_cancel(p->cookie) >= 0)
		sys_gate_answer(p->cookie, &h, NULL, 0);
	writ_slot_free(p->reply);
	for (unsigned i = 0; p->take != 0 && i < WRIT_CAPS_MAX; i++)
		writ_slot_free(p->take + i);
	p->reply = p->take = p->cookie = 0;
}

/* --- a session's side ------------------------------------------------------------------ */

/*
 * Where no Reply is held, that of a frame whose sender waits is lent before the frame is
 * read: what it waits for may have to go first, when a ring's frames lie before this one.
 */
static void lend(struct server *s)
{
	for (struct got *g = s->head; s->held == 0 && g != NULL; g = g->next)
		if (g->f.wait) {
			s->held = g->reply;
			g->reply = 0;
		}
}

static void *server_reserve(struct tx *t, size_t len)
{
	struct server *s = of(t);

	(void)len;
	port_poll(s->port);
	lend(s);
	return s->held != 0 || s->broken ? out.data : NULL;
}

/* Capabilities may be refused, and the Reply is still there then. */
static int commit_caps(struct server *s, size_t len)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_REPLY, s->held, 0, len);
	int r = writ_gate_call(&h, &out, NULL, NULL, 0, NULL);

	if (r == -WRIT_E_PEER_CLOSED || r == 0)
		sys_slot_back(s->held);
	if (r == 0)
		s->held = 0;
	return r;
}

static int server_commit(struct tx *t, const struct frame *f, bool cork)
{
	struct server *s = of(t);
	writ_cap_t reply = s->held;

	(void)cork;
	if (s->broken)
		return -WRIT_E_PEER_CLOSED;
	wire_write(&out, f);
	if (f->ncaps > 0)
		return commit_caps(s, WIRE_LEN(f->len));
	s->held = 0;
	answer(s->port, reply, WIRE_LEN(f->len));
	return 0;
}

static void server_flush(struct tx *t)
{
	(void)t;
}

static int server_peek(struct tx *t, struct frame *ret, const void **data)
{
	struct server *s = of(t);

	if (s->head == NULL)
		return s->broken ? -WRIT_E_PEER_CLOSED : 0;
	*ret = s->head->f;
	*data = s->head->data;
	return 1;
}

/* It is taken: say so, or keep the call for what goes back. */
static int server_release(struct tx *t)
{
	struct server *s = of(t);
	struct got *g = s->head;

	s->head = g->next;
	if (s->head == NULL)
		s->tail = &s->head;
	s->ngot--;
	if (g->f.wait && g->reply != 0)
		hold(s, g->reply);
	else if (g->reply != 0)
		ack(s->port, g->reply);
	free(g);
	return 0;
}

void kernel_server_refuse(struct tx *t)
{
	struct server *s = of(t);
	struct got *g = s->head;

	s->head = g->next;
	if (s->head == NULL)
		s->tail = &s->head;
	s->ngot--;
	out.req = (struct writ_msg_req){ 0 };
	out.head = (struct wire){ .kind = WIRE_NO };
	answer(s->port, g->reply, WIRE_LEN(0));
	free(g);
}

static bool server_arm(struct tx *t, unsigned want, size_t len)
{
	struct server *s = of(t);

	(void)len;
	port_poll(s->port);
	if (want != TX_IN)
		lend(s);
	if (port_open(s->port) == -WRIT_E_PEER_CLOSED)
		s->broken = true;
	return s->broken || (want == TX_IN ? s->head != NULL : s->held != 0);
}

static void server_disarm(struct tx *t, unsigned want)
{
	(void)t;
	(void)want;
}

static void server_close(struct tx *t)
{
	struct server *s = of(t);

	while (s->head != NULL) {
		struct got *g = s->head;

		s->head = g->next;
		drop(&g->f, g->reply);
		free(g);
	}
	if (s->held != 0)
		writ_slot_free(s->held);
	free(s);
}

bool kernel_server_holds(const struct tx *t)
{
	return ((const struct server *)t)->held != 0;
}

bool kernel_server_full(const struct tx *t)
{
	return ((const struct server *)t)->ngot > 0;
}

struct tx *kernel_server_new(struct port *p)
{
	static const struct tx_ops ops = { server_reserve, server_commit, server_flush, server_peek,
		server_release, server_arm, server_disarm, NULL, server_close };
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->tx = (struct tx){ .ops = &ops,
		.frame_max = WIRE_DATA_MAX,
		.caps = true,
		.brief = true,
		.fd = -1,
		.peer_cpu = UINT32_MAX };
	s->port = p;
	s->tail = &s->head;
	return &s->tx;
}
