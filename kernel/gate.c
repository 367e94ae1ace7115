/* SPDX-License-Identifier: MIT */
/*
 * The gate: the only entry for untrusted requests. Everything is copied before
 * it is looked at; one row per call says which capability and right it needs,
 * checked here and nowhere else. A proc that sends garbage gets an error, one
 * that doesn't read its replies is ended; nobody else notices (K1, K4).
 */
#include "kernel.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

enum { OUTQ_MAX = 64 * 1024 }; /* events wait when so much is unread; replies may use the rest */

struct call {
	int (*fn)(struct k_req *q);
	uint8_t audit, addrs;
	bool invokes; /* a capability, in the header */
	uint16_t body;
};
static struct call calls[] = {
#define X(id, name, fn, audit, body, addrs, doc) \
	[WRIT_OP_##id] = { k_call_##fn, WRIT_AUDIT_##audit, WRIT_ADDRS_##addrs, false, \
		WRIT_BODY_##body },
	WRIT_CALLS(X)
#undef X
};
_Static_assert(sizeof(calls) / sizeof(calls[0]) == WRIT_OP_N, "every call has exactly one row");

#define X(id, name) name,
static const char *const roles[WRIT_BY_N] = { WRIT_ROLES(X) };
#undef X

/* What a capability must have, by the part it plays, the call, and its type. */
static struct need {
	bool may;
	uint16_t all, any;
} needs[WRIT_BY_N][WRIT_OP_N][WRIT_TYPE_N];

void k_gate_init(void)
{
#define X(op, type, role, rights, one) \
	needs[WRIT_BY_##role][WRIT_OP_##op][WRIT_TYPE_##type] = (struct need){ true, \
		WRIT_R_##rights, WRIT_R_##one }; \
	calls[WRIT_OP_##op].invokes |= WRIT_BY_##role == WRIT_BY_CAP;
	WRIT_INVOCATIONS(X)
#undef X
}

/* False when the gate has no room or is gone. */
static bool send_packet(int gate, struct writ_hdr *h, const void *body, const int *fds)
{
	struct iovec iov[2] = { { h, sizeof(*h) }, { (void *)body, h->len } };

	h->version = WRIT_ABI_VERSION;
	return packet_send(gate, iov, h->len != 0 ? 2 : 1, fds, fds != NULL ? h->nfds : 0,
		   MSG_DONTWAIT) == 0;
}

void k_gate_say(struct k_proc *p, struct writ_hdr *h, const void *body, const int *fds)
{
	h->reply = 1;
	if (p->gate >= 0 && !send_packet(p->gate, h, body, fds) &&
	    (errno == EAGAIN || errno == ETOOMANYREFS))
		k_proc_kill(p, "did not read the replies on its gate");
}

void k_gate_reply(struct k_proc *p, uint16_t op, uint32_t cookie, int status, const void *body,
    uint16_t len)
{
	struct writ_hdr h = { .op = op, .cookie = cookie, .status = status, .len = len };

	k_gate_say(p, &h, body, NULL);
}

/* --- addresses --------------------------------------------------------------- */

int k_need(struct k_req *q, uint32_t index, enum writ_role role, const struct cap **ret)
{
	slot_t s = captab_cnode_slot(&k.caps, q->p->cnode, index);
	const struct cap *c = NULL;
	const struct need *n;
	int e = captab_check(&k.caps, s, 0, 0, &c);

	if (e == 0) {
		n = &needs[role][q->h.op][c->type];
		q->missing = (n->all & ~c->rights) | ((n->any & c->rights) == 0 ? n->any : 0u);
		e = !n->may ? WRIT_E_INVALID_CAPABILITY : q->missing != 0 ? WRIT_E_NO_RIGHT : 0;
		*ret = c;
	}
	return e == 0 ? 0 : k_why(q, e, "slot %u (%s)", index, roles[role]);
}

static int resolve(struct k_req *q, const struct writ_addr *a, enum writ_role role, slot_t *ret)
{
	const struct cap *root = NULL;
	int e = 0;

	if (a->root == 0 && a->depth == 0)
		*ret = captab_cnode_slot(&k.caps, q->p->cnode, a->index);
	else if ((e = k_need(q, a->root, role, &root)) != 0)
		return e;
	else
		e = captab_resolve(&k.caps, root, a->index, a->depth != 0 ? a->depth : 64, ret);
	if (e == 0 && *ret == 0)
		e = WRIT_E_FAILED_LOOKUP;
	return e == 0 ? 0 : k_why(q, e, "slot %llu", (unsigned long long)a->index);
}

static int resolve_empty(struct k_req *q, const struct writ_addr *a, slot_t *ret)
{
	int r = resolve(q, a, WRIT_BY_DST, ret);

	if (r == 0 && captab_slot(&k.caps, *ret)->cap.type != WRIT_TYPE_NULL)
		r = k_why(q, WRIT_E_DELETE_FIRST, "slot %llu is occupied",
		    (unsigned long long)a->index);
	return r;
}

int k_empty(struct k_req *q, uint32_t index, slot_t *ret)
{
	return resolve_empty(q, &(struct writ_addr){ .index = index }, ret);
}

/* --- taking requests -------------------------------------------------------- */

static struct k_req request; /* the one at a time */

void k_gate_watch(const struct k_proc *p, int op, unsigned events)
{
	int direct = p->turn == WRIT_CLASS_LC ? k.urgent : k.epfd;

	k_epoll(p->direct ? direct : k.realms[p->realm].epfd[p->turn], op, p->gate, events,
	    K_POLL_GATE, (uint32_t)(p - k.procs));
}

/* The next packet into @q. 1: there is one, 0: none now, -1: the gate is closed. */
static int receive(struct k_proc *p, struct k_req *q)
{
	static _Alignas(8) char buf[WRIT_MSG_MAX];
	struct iovec iov[2] = { { &q->h, sizeof(q->h) }, { buf, WRIT_MSG_MAX - sizeof(q->h) } };
	ssize_t n = packet_recv(p->gate, iov, 2, q->fds, MSG_DONTWAIT);

	if (n == -ECONNRESET) /* said once, when it left something unread; then what it sent */
		n = packet_recv(p->gate, iov, 2, q->fds, MSG_DONTWAIT);
	q->p = p;
	q->in = buf;
	q->cap = NULL;
	q->missing = 0;
	q->out_len = q->out_nfds = 0;
	q->why[0] = '\0';
	if (n <= 0) {
		k_close_fds(q->fds); /* a packet of nothing but descriptors is the end, too */
		return n == -EAGAIN || n == -EINTR ? 0 : -1;
	}
	if ((size_t)n < sizeof(q->h))
		memset(&q->h, 0, sizeof(q->h));
	if (q->h.version != WRIT_ABI_VERSION || q->h.reply != 0 || n > WRIT_MSG_MAX ||
	    q->h.len != (size_t)n - sizeof(q->h))
		q->h.op = WRIT_OP_NONE;
	return 1;
}

/* The addresses that the body begins with. */
static int resolve_all(struct k_req *q, unsigned addrs)
{
	const struct writ_addr *a = q->in;
	unsigned n = addrs == WRIT_ADDRS_SPD ? 3 : addrs == WRIT_ADDRS_SD ? 2 : addrs != 0;
	int e = 0;

	if (addrs == WRIT_ADDRS_D)
		return resolve_empty(q, a, &q->at[0]);
	for (unsigned i = 0; i < n && e == 0; i++)
		e = resolve(q, &a[i], i > 0 && i == n - 1 ? WRIT_BY_DST : WRIT_BY_SRC, &q->at[i]);
	return e;
}

/* The call's own demands. Returns 0 or the error, with q->why and q->missing set. */
static int admit(struct k_req *q)
{
	const struct call *c = &calls[q->h.op < WRIT_OP_N ? q->h.op : WRIT_OP_NONE];
	int e = 0;

	if (c->fn == NULL)
		return k_why(q, WRIT_E_BAD_REQUEST, "not a request of ABI version %d",
		    WRIT_ABI_VERSION);
	if (c->invokes && (e = k_need(q, q->h.cap, WRIT_BY_CAP, &q->cap)) != 0)
		return e;
	q->slot = c->invokes ? k_slot(q->cap) : 0;
	if (q->h.len < c->body >> 1 || ((c->body & 1) == 0 && q->h.len != c->body >> 1))
		return WRIT_E_BAD_REQUEST;
	return resolve_all(q, c->addrs);
}

void k_gate_answer(struct k_req *q, int status)
{
	struct writ_hdr h = { .op = q->h.op,
		.cookie = q->h.cookie,
		.status = status,
		.arg = q->h.arg,
		.missing = q->missing,
		.len = status == 0 ? q->out_len : 0,
		.nfds = status == 0 ? q->out_nfds : 0 };

	if (status != 0)
		k_audit(q->p, WRIT_AUDIT_REFUSED, q->h.op, status, q->missing, q->h.cap, q->why);
	k_gate_say(q->p, &h, q->out, q->out_fds);
	if (status == 0 && calls[q->h.op].audit != 0)
		k_audit(q->p, calls[q->h.op].audit, q->h.op, 0, 0, q->h.cap, q->why);
}

void k_gate_read(struct k_proc *p)
{
	struct k_req *q = &request;
	int r = p->gate >= 0 && p->revoking == 0 ? receive(p, q) : 0, status;

	if (r < 0) { /* it has ended, or gave up its gate: the same */
		k_gate_watch(p, EPOLL_CTL_DEL, 0);
		k_close(&p->gate);
		k_proc_kill(p, NULL);
	}
	if (r <= 0)
		return;
	if ((status = admit(q)) == 0)
		status = calls[q->h.op].fn(q);
	if (status != K_LATER)
		k_gate_answer(q, status);
	k_close_fds(q->fds);
}

void k_gate_drain(struct k_proc *p)
{
	struct k_req *q = &request;

	if (p->gate >= 0)
		shutdown(p->gate, SHUT_RD); /* whoever else holds its end adds no more */
	while (p->gate >= 0 && receive(p, q) > 0) {
		if ((q->h.op == WRIT_OP_STARTED || q->h.op == WRIT_OP_EXITED ||
			q->h.op == WRIT_OP_NOTE) &&
		    admit(q) == 0)
			calls[q->h.op].fn(q);
		k_close_fds(q->fds);
	}
}

/* --- checks that several calls make ------------------------------------------------- */

bool k_name_ok(const char *name, size_t size)
{
	if (memchr(name, '\0', size) == NULL || name[0] == '\0')
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~' || *c == '/')
			return false;
	return true;
}

/* --- telling procs ------------------------------------------------------------- */

bool k_gate_tell(const struct k_proc *p, struct writ_hdr h, const void *body, const int *fds)
{
	h.reply = 2;
	return send_packet(p->gate, &h, body, fds);
}

static bool send_connect(const struct k_proc *p, const struct k_session *s)
{
	struct writ_ev_connect e = { s->id, s->rights, s->badge, s->client->pid, s->realm, "" };

	memcpy(e.prefix, k.paths[captab_obj(&k.caps, s->path)->body].prefix, sizeof(e.prefix));
	return k_gate_tell(p,
	    (struct writ_hdr){ .op = WRIT_EV_CONNECT, .len = sizeof(e), .arg = s->id }, &e, NULL);
}

static bool send_ring(const struct k_proc *p, struct k_session *s)
{
	struct writ_ev_ring e = { s->id, s->fds[1] >= 0, s->bytes, s->tag };
	struct writ_hdr h = { .op = WRIT_EV_RING, .len = sizeof(e), .arg = s->id };

	h.nfds = e.bells != 0 ? 3 : 1;
	if (!k_gate_tell(p, h, &e, s->fds))
		return false;
	k_close_fds(s->fds);
	return true;
}

static bool send_session(const struct k_proc *p, struct k_session *s)
{
	if (s->client == NULL)
		return k_gate_tell(p, (struct writ_hdr){ .op = WRIT_EV_CLOSED, .arg = s->id }, NULL,
		    NULL);
	return s->known ? send_ring(p, s) : send_connect(p, s);
}

static bool send_sched(const struct k_proc *sched, struct k_proc *p)
{
	struct writ_ev_proc e = { p->pid, p->realm, p->class, p->cores, p->memory };
	struct writ_hdr h = { .op = WRIT_EV_RUNNING, .len = sizeof(e), .arg = p->pid };

	if (!k_proc_alive(p))
		h.op = WRIT_EV_EXIT;
	else if (p->state == WRIT_STATE_PENDING)
		h.op = WRIT_EV_PENDING;
	if ((h.op == WRIT_EV_PENDING && p->held) || (h.op == WRIT_EV_EXIT && !p->told_pending))
		return true;
	if (!k_gate_tell(sched, h, &e, NULL))
		return false;
	p->told_pending = h.op != WRIT_EV_EXIT;
	return true;
}

static bool send_event(struct k_proc *p, struct k_event *e)
{
	switch (e->kind) {
	case K_EV_SERVER: return send_session(p, k_container(e, struct k_session, ev_server));
	case K_EV_CLIENT: return send_session(p, k_container(e, struct k_session, ev_client));
	case K_EV_SIGNAL: return k_notification_send(k_container(e, struct k_wait, ev));
	case K_EV_SCHED:
	default: return send_sched(p, k_container(e, struct k_proc, ev_sched));
	}
}

void k_event_done(struct k_event *e)
{
	k_list_del(&e->link);
	if (e->kind == K_EV_CLIENT)
		k_session_settle(k_container(e, struct k_session, ev_client));
	else if (e->kind == K_EV_SERVER)
		k_session_told(k_container(e, struct k_session, ev_server));
}

void k_event_flush(struct k_proc *p)
{
	bool stuck = false;
	struct k_event *e;

	while (p->gate >= 0 && !stuck && (e = k_first(&p->events, struct k_event, link)) != NULL) {
		int unread = 0;

		stuck = (ioctl(p->gate, SIOCOUTQ, &unread) == 0 && unread > OUTQ_MAX) ||
		    !send_event(p, e);
		if (!stuck)
			k_event_done(e);
	}
	if (p->gate >= 0 && stuck != p->want_out) {
		p->want_out = stuck;
		k_gate_watch(p, EPOLL_CTL_MOD, EPOLLIN | (stuck ? EPOLLOUT : 0));
	}
}

void k_event_post(struct k_proc *p, struct k_event *e)
{
	if (k_list_empty(&e->link))
		k_list_add(&p->events, &e->link);
	k_event_flush(p);
}
