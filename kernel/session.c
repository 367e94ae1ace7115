/* SPDX-License-Identifier: MIT */
/*
 * Paths and sessions: who may talk to which server about what. A session is
 * held by a capability in the kernel's own CNode, a child of the Path it was
 * opened through: revoking the Path closes it (K5). Of a ring between the two
 * the kernel knows no more than its size: once handed over it is out of the way.
 */
#include "kernel.h"
#include <sys/eventfd.h>

/* --- paths -------------------------------------------------------------------- */

/* "/a/b": absolute, no empty, "." or ".." component, no control bytes. "" and "/" are the root. */
static bool prefix_ok(const char *s, size_t size)
{
	char ended[WRIT_PREFIX_MAX + 1];

	if (memchr(s, '\0', size) == NULL || (*s != '/' && *s != '\0'))
		return false;
	for (const char *c = s; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	snprintf(ended, sizeof(ended), "%s/", s);
	return strcmp(s, "/") == 0 ||
	    (strstr(ended, "//") == NULL && strstr(ended, "/./") == NULL &&
		strstr(ended, "/../") == NULL);
}

/* The prefix of the source followed by @add. False when too long. */
static bool prefix_join(const char *base, const char *add, char *out)
{
	int n = snprintf(out, WRIT_PREFIX_MAX, "%s%s", strcmp(base, "/") == 0 ? "" : base,
	    strcmp(add, "/") == 0 ? "" : add);

	if (n == 0)
		memcpy(out, "/", 2);
	return n < WRIT_PREFIX_MAX;
}

/* A Path below the capability in @src: that of a Path or a session, which are of @from, or (NULL)
 * of an Endpoint. */
static int path_make(struct k_req *q, slot_t src, const struct k_path *from)
{
	const struct cap *c = &captab_slot(&k.caps, src)->cap;
	obj_t endpoint = from != NULL ? from->endpoint : c->obj;
	const struct writ_path_req *r = q->in;
	char prefix[WRIT_PREFIX_MAX];
	uint32_t body;
	int e;

	if (!prefix_ok(r->prefix, sizeof(r->prefix)))
		return WRIT_E_BAD_REQUEST;
	q->missing = r->rights & ~(from != NULL ? c->rights : (uint32_t)WRIT_R_ALL);
	if (q->missing != 0)
		return k_why(q, WRIT_E_NO_RIGHT, "%s", r->prefix);
	if (r->badge != 0 && (c->badge != 0 || q->h.op == WRIT_OP_GRANT))
		return WRIT_E_ILLEGAL_OPERATION;
	if (!prefix_join(from != NULL ? from->prefix : "/", r->prefix, prefix))
		return WRIT_E_RANGE;
	if ((e = k_make(q, WRIT_TYPE_PATH, k_account(q->p), 0, src, q->at[0], (uint16_t)r->rights,
		 r->badge != 0 ? r->badge : c->badge, &body)) != 0)
		return e;
	k.paths[body].endpoint = endpoint;
	memcpy(k.paths[body].prefix, prefix, sizeof(prefix));
	captab_hold(&k.caps, endpoint);
	return k_why(q, 0, "%s", prefix);
}

int k_call_path(struct k_req *q)
{
	return path_make(q, q->slot,
	    q->cap->type == WRIT_TYPE_PATH ? &k.paths[k_body(q->cap)] : NULL);
}

struct k_session *k_session_named(struct k_req *q, unsigned sides)
{
	uint64_t id = q->h.arg;
	struct k_session *s = &k.sessions[(id & 0xffff) < K_SESSIONS ? id & 0xffff : 0];

	if (id != 0 && s->id == id && !s->closed &&
	    (((sides & K_CLIENT) != 0 && s->client == q->p) ||
		((sides & K_SERVER) != 0 && s->server == q->p)))
		return s;
	k_why(q, 0, "no session %llu of its own", (unsigned long long)id);
	return NULL;
}

/* A server can hand on what its client's session carries, and nothing else in the client's name. */
int k_call_grant(struct k_req *q)
{
	const struct k_session *s = k_session_named(q, K_SERVER);

	if (s == NULL || !k_hook_holds(&s->hook))
		return WRIT_E_FAILED_LOOKUP;
	return path_make(q, s->hook.slot, &k.paths[captab_obj(&k.caps, s->path)->body]);
}

/* --- endpoints ------------------------------------------------------------------ */

/* NULL: nobody, or no longer by right. */
static struct k_proc *listener(const struct k_endpoint *ep)
{
	const struct k_wait *w = k_first(&ep->listening, struct k_wait, at);

	return w != NULL && k_hook_holds(&w->hook) ? w->waiter : NULL;
}

/* Tell the listener, or wait for one. */
static void offer(struct k_session *s)
{
	k_list_del(&s->of_server);
	if ((s->server = listener(s->ep)) == NULL) {
		k_list_add(&s->ep->waiting, &s->of_server);
		return;
	}
	k_list_add(&s->server->clients, &s->of_server);
	k_event_post(s->server, &s->ev_server);
}

int k_call_listen(struct k_req *q)
{
	struct k_endpoint *ep = &k.endpoints[k_body(q->cap)];
	const struct k_proc *now = listener(ep);
	struct k_session *s;
	struct k_wait *w;
	int e;

	if (now != NULL && now != q->p)
		return k_why(q, WRIT_E_BUSY, "%s[%u] listens already", now->name, now->pid);
	if (now == q->p)
		return 0;
	k_each(w, &ep->listening, at) /* revoked and not yet told */
		k_wait_drop(w);
	if ((e = k_wait_new(q, q->p, q->slot, K_WAIT_LISTEN, &ep->listening, &w)) != 0)
		return e;
	k_each(s, &ep->waiting, of_server)
		offer(s);
	return 0;
}

/* --- sessions ------------------------------------------------------------------- */

/* What it costs its client while it is open, with a ring of @bytes. */
static struct charge cost(uint64_t bytes)
{
	return (struct charge){ .bytes = sizeof(struct k_session) + bytes };
}

void k_session_told(struct k_session *s)
{
	struct k_wait *m;

	if (s->closed) {
		k_session_settle(s);
		return;
	}
	s->known = true;
	if (s->fds[0] >= 0) { /* its server is told of the ring next */
		k_list_add(&s->server->events, &s->ev_server.link);
		return;
	}
	k_each(m, &s->held, at) {
		k_list_del(&m->at);
		k_list_add(&s->ep->senders, &m->at);
	}
	k_endpoint_match(s->ep);
}

/* Free the entry once it is closed and nobody is still to be told. */
void k_session_settle(struct k_session *s)
{
	if (s->id == 0 || !s->closed || !k_list_empty(&s->ev_server.link) ||
	    !k_list_empty(&s->ev_client.link))
		return;
	captab_unhold(&k.caps, s->path);
	s->id = 0;
	k_pool_put(&k.session_pool, s->realm, (uint32_t)(s - k.sessions));
}

void k_session_close(struct k_session *s, const struct k_proc *by)
{
	struct k_proc *client = s->client, *server = s->server;
	struct k_wait *w;

	if (s->closed)
		return;
	k_hook_off(&s->hook);
	/* what its client has sent and nobody taken is canceled; what was taken gets no answer */
	k_each(w, &client->waits, of)
		if (w->msg != NULL && w->msg->session == s->id)
			k_wait_fail(w, w->to != NULL ? WRIT_E_PEER_CLOSED : WRIT_E_CANCELED);
	k_list_del(&s->of_client);
	k_list_del(&s->of_server);
	k_list_del(&s->ev_server.link);
	k_close_fds(s->fds);
	captab_uncharge(&k.caps, k_account(client), cost(s->bytes));
	s->client = s->server = NULL;
	if (client != by && k_proc_alive(client))
		k_event_post(client, &s->ev_client);
	if (server != NULL && server != by && s->known && k_proc_alive(server))
		k_event_post(server, &s->ev_server);
	s->closed = true; /* only now: whoever is told last frees it */
	k_session_settle(s);
}

int k_call_connect(struct k_req *q)
{
	const struct k_path *path = &k.paths[k_body(q->cap)];
	struct k_endpoint *ep = &k.endpoints[captab_obj(&k.caps, path->endpoint)->body];
	struct writ_connect_rep *rep = (void *)q->out;
	struct k_session *s;
	uint32_t i;
	int e;

	if ((q->h.arg & 1) != 0 && listener(ep) == NULL)
		return WRIT_E_BUSY;
	if ((i = k_pool_get(&k.session_pool, q->p->realm)) == 0)
		return k_why(q, WRIT_E_NOT_ENOUGH_MEMORY,
		    "more sessions than the realm leaves to others");
	s = &k.sessions[i];
	*s = (struct k_session){ .gen = s->gen + 1, .realm = q->p->realm, .client = q->p };
	s->id = ((s->gen & 0x7fff) | 0x8000u) << 16 | i;
	s->ep = ep;
	s->fds[0] = s->fds[1] = s->fds[2] = -1;
	s->path = q->cap->obj;
	s->rights = q->cap->rights;
	s->badge = q->cap->badge;
	s->ev_server.kind = K_EV_SERVER;
	s->ev_client.kind = K_EV_CLIENT;
	if ((e = captab_charge(&k.caps, k_account(q->p), cost(0))) == 0 &&
	    (e = k_hook_on(&s->hook, WRIT_TYPE_SESSION, q->slot)) != 0)
		captab_uncharge(&k.caps, k_account(q->p), cost(0));
	if (e != 0) {
		s->id = 0;
		k_pool_put(&k.session_pool, q->p->realm, i);
		return e;
	}
	captab_hold(&k.caps, s->path);
	*rep = (struct writ_connect_rep){ .session = s->id, .rights = s->rights };
	memcpy(rep->prefix, path->prefix, sizeof(rep->prefix));
	q->h.arg = s->id;
	q->out_len = sizeof(*rep);
	k_list_add(&q->p->sessions, &s->of_client);
	offer(s);
	rep->server = s->server != NULL ? s->server->pid : 0;
	return 0;
}

static int ring_new(uint64_t bytes, bool bells, int *fds)
{
	fds[0] = k_memory_new("writ-ring", bytes);
	for (unsigned i = 1; i < 3 && bells; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fds[0] >= 0 && (!bells || (fds[1] >= 0 && fds[2] >= 0)))
		return 0;
	k_close_fds(fds);
	return WRIT_E_NOT_ENOUGH_MEMORY;
}

/* The one before stays paid for until there is the new one. */
int k_call_ring(struct k_req *q)
{
	const struct writ_ring_req *r = q->in;
	struct k_session *s = k_session_named(q, K_CLIENT);
	obj_t account = k_account(q->p);
	struct charge now = { .bytes = r->bytes };
	int e;

	if (s == NULL)
		return WRIT_E_FAILED_LOOKUP;
	if (r->bytes > WRIT_RING_MAX || r->bytes % 4096 != 0)
		return WRIT_E_RANGE;
	if (s->fds[0] >= 0)
		return WRIT_E_BUSY;
	if ((e = captab_charge(&k.caps, account, now)) != 0)
		return e;
	if (r->bytes != 0 && (e = ring_new(r->bytes, r->bells != 0, s->fds)) != 0) {
		captab_uncharge(&k.caps, account, now);
		return e;
	}
	captab_uncharge(&k.caps, account, (struct charge){ .bytes = s->bytes });
	s->bytes = r->bytes;
	s->tag = r->tag;
	if (r->bytes == 0)
		return 0;
	q->out_nfds = r->bells != 0 ? 3 : 1;
	q->out_fds[0] = s->fds[0];
	q->out_fds[1] = s->fds[2]; /* each waits on what the other rings */
	q->out_fds[2] = s->fds[1];
	k_gate_answer(q, 0); /* before the server's event takes the descriptors away */
	if (s->server != NULL)
		k_event_post(s->server, &s->ev_server);
	return K_LATER;
}

int k_call_close(struct k_req *q)
{
	struct k_session *s = k_session_named(q, K_CLIENT | K_SERVER);

	if (s == NULL)
		return WRIT_E_FAILED_LOOKUP;
	k_session_close(s, q->p);
	return 0;
}
