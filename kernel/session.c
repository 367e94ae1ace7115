/* SPDX-License-Identifier: MIT */
/*
 * Paths and sessions: who may talk to which server about what. A session is
 * held by a capability in the kernel's own CNode, a child of the Path it was
 * opened through: revoking the Path closes it (K5). After the ring has been
 * handed to both sides the kernel is out of the way.
 */
#include "kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <writ/chan.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

/* --- paths -------------------------------------------------------------------- */

/* "/a/b": absolute, no empty, "." or ".." component, no control bytes. "" and "/" are the root. */
static bool prefix_ok(const char *s, size_t size)
{
	const char *end = memchr(s, '\0', size);

	if (end == NULL || (*s != '/' && *s != '\0'))
		return false;
	if (s[0] == '\0' || s[1] == '\0')
		return true;
	while (*s == '/') {
		size_t n = strcspn(++s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		for (; n > 0; n--, s++)
			if ((unsigned char)*s < ' ' || *s == 0x7f)
				return false;
	}
	return true;
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

/* What a PATH request asks for, checked: endpoint, whole prefix, parent slot. */
struct path_plan {
	slot_t src, dst;
	obj_t endpoint;
	uint64_t badge;
	char prefix[WRIT_PREFIX_MAX];
};

static int path_decode(struct k_req *q, struct path_plan *pl)
{
	const struct writ_path_req *r = q->in;
	const struct cap *c;
	const char *base = "/";
	int e;

	if (q->h.len != sizeof(*r) || !prefix_ok(r->prefix, sizeof(r->prefix)))
		return WRIT_E_BAD_REQUEST;
	if ((e = k_need(q, q->h.cap, 0, 0, &pl->src, &c)) != 0 ||
	    (e = k_resolve_empty(q, &r->dst, &pl->dst)) != 0)
		return e;
	if (c->type == WRIT_TYPE_PATH) {
		const struct k_path *p = &k.paths[captab_obj(&k.caps, c->obj)->body];

		pl->endpoint = p->endpoint;
		base = p->prefix;
		q->missing = r->rights & ~(uint32_t)c->rights;
	} else if (c->type == WRIT_TYPE_ENDPOINT) {
		pl->endpoint = c->obj;
		q->missing = WRIT_R_GRANT & ~(uint32_t)c->rights;
	} else {
		return WRIT_E_INVALID_CAPABILITY;
	}
	if (q->missing != 0 || (r->rights & ~(uint32_t)WRIT_R_ALL) != 0) {
		snprintf(q->why, sizeof(q->why), "%s", r->prefix);
		return WRIT_E_NO_RIGHT;
	}
	if (r->badge != 0 && c->badge != 0)
		return WRIT_E_ILLEGAL_OPERATION;
	pl->badge = r->badge != 0 ? r->badge : c->badge;
	return prefix_join(base, r->prefix, pl->prefix) ? 0 : WRIT_E_RANGE;
}

int k_call_path(struct k_req *q)
{
	const struct writ_path_req *r = q->in;
	struct charge cost = { .bytes = sizeof(struct k_path) };
	struct path_plan pl = { 0 }; /* the whole prefix goes to servers */
	uint32_t body;
	obj_t obj;
	int e = path_decode(q, &pl);

	if (e != 0)
		return e;
	if ((body = k_pool_get(&k.path_pool)) == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if ((e = captab_obj_new(&k.caps, WRIT_TYPE_PATH, k_account(q->p), cost, body, &obj)) != 0) {
		k_pool_put(&k.path_pool, body);
		return e;
	}
	k.paths[body].endpoint = pl.endpoint;
	memcpy(k.paths[body].prefix, pl.prefix, sizeof(pl.prefix));
	captab_hold(&k.caps, pl.endpoint);
	captab_insert(&k.caps, pl.src, pl.dst, obj, (uint16_t)r->rights, pl.badge);
	snprintf(q->why, sizeof(q->why), "%s", pl.prefix);
	return 0;
}

/* --- endpoints ------------------------------------------------------------------ */

int k_call_listen(struct k_req *q)
{
	struct k_endpoint *ep = &k.endpoints[captab_obj(&k.caps, q->cap->obj)->body];
	struct k_list *n, *next;

	if (ep->listener != NULL && ep->listener != q->p) {
		snprintf(q->why, sizeof(q->why), "%s[%u] listens already", ep->listener->name,
		    ep->listener->pid);
		return WRIT_E_BUSY;
	}
	if (ep->listener == q->p)
		return 0;
	ep->listener = q->p;
	k_list_add(&q->p->listens, &ep->of_listener);
	for (n = ep->waiting.next; n != &ep->waiting; n = next) {
		next = n->next;
		k_session_offer(k_container(n, struct k_session, of_server));
	}
	return 0;
}

void k_endpoint_gone(struct k_endpoint *ep)
{
	k_list_del(&ep->of_listener);
	k_pool_put(&k.endpoint_pool, (uint32_t)(ep - k.endpoints));
}

/* --- sessions ------------------------------------------------------------------- */

void k_session_offer(struct k_session *s)
{
	k_list_del(&s->of_server);
	if (s->ep->listener == NULL) {
		k_list_add(&s->ep->waiting, &s->of_server);
		return;
	}
	s->server = s->ep->listener;
	k_list_add(&s->server->clients, &s->of_server);
	k_event_post(s->server, &s->ev_server);
}

/* Free the entry once it is closed, has no capability, and nobody is still to be told. */
void k_session_settle(struct k_session *s)
{
	if (s->id == 0 || !s->closed || s->obj != 0 || !k_list_empty(&s->ev_server.link) ||
	    !k_list_empty(&s->ev_client.link))
		return;
	captab_uncharge(&k.caps, s->account, (struct charge){ .bytes = CHAN_BYTES });
	captab_unhold(&k.caps, s->account);
	captab_unhold(&k.caps, s->path);
	s->id = 0;
	k.nsessions--;
	k_pool_put(&k.session_pool, (uint32_t)(s - k.sessions));
}

/* Take both sides off their lists and tell those that are not @by. */
static void part(struct k_session *s, const struct k_proc *by)
{
	bool delivered = s->fds[0] < 0;

	s->closed = true;
	k_list_del(&s->of_client);
	k_list_del(&s->of_server);
	for (unsigned i = 0; i < 3; i++)
		k_close(&s->fds[i]);
	if (s->client != NULL) {
		k.realms[s->client->realm].sessions--;
		if (s->client != by && k_proc_alive(s->client))
			k_event_post(s->client, &s->ev_client);
	}
	if (s->server != NULL && s->server != by && delivered && k_proc_alive(s->server)) {
		s->ev_server.kind = K_EV_CLOSED_SERVER;
		k_event_post(s->server, &s->ev_server);
	} else {
		k_list_del(&s->ev_server.link);
	}
	s->client = s->server = NULL;
}

void k_session_close(struct k_session *s, const struct k_proc *by)
{
	if (s->closed)
		return;
	part(s, by);
	captab_delete(&k.caps, captab_cnode_slot(&k.caps, k.own, s->id & 0xffff));
}

void k_session_gone(struct k_session *s)
{
	if (!s->closed)
		part(s, NULL);
	s->obj = 0;
	k_session_settle(s);
}

static int make_ring(int *ring, int *bell_client, int *bell_server)
{
	*ring = memfd_create("writ-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (*ring < 0 && errno == EINVAL)
		*ring = memfd_create("writ-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	*bell_client = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*bell_server = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*ring >= 0 && *bell_client >= 0 && *bell_server >= 0 &&
	    ftruncate(*ring, (off_t)CHAN_BYTES) == 0 &&
	    fcntl(*ring, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return 0;
	k_close(ring);
	k_close(bell_client);
	k_close(bell_server);
	return WRIT_E_NOT_ENOUGH_MEMORY;
}

/* An entry with its capability in the kernel's CNode, a child of the Path's slot. */
static int session_new(struct k_req *q, struct k_session **ret)
{
	struct charge cost = { .bytes = CHAN_BYTES };
	uint32_t i = k_pool_get(&k.session_pool);
	struct k_session *s = &k.sessions[i];
	obj_t account = k_account(q->p), obj;
	int e;

	if (i == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if ((e = captab_charge(&k.caps, account, cost)) != 0) {
		k_pool_put(&k.session_pool, i);
		return e;
	}
	e = captab_obj_new(&k.caps, WRIT_TYPE_SESSION, 0, (struct charge){ 0 }, i, &obj);
	if (e != 0) {
		captab_uncharge(&k.caps, account, cost);
		k_pool_put(&k.session_pool, i);
		return e;
	}
	*s = (struct k_session){ .gen = (s->gen + 1) & 0x7fff,
		.obj = obj,
		.account = account,
		.path = q->cap->obj,
		.rights = q->cap->rights,
		.badge = q->cap->badge,
		.ev_server.kind = K_EV_CONNECT,
		.ev_client.kind = K_EV_CLOSED_CLIENT };
	s->id = (s->gen | 0x8000u) << 16 | i;
	k_list_init(&s->of_client);
	k_list_init(&s->of_server);
	k_list_init(&s->ev_server.link);
	k_list_init(&s->ev_client.link);
	captab_hold(&k.caps, account);
	captab_hold(&k.caps, s->path);
	captab_insert(&k.caps, q->slot, captab_cnode_slot(&k.caps, k.own, i), obj, q->cap->rights,
	    q->cap->badge);
	*ret = s;
	return 0;
}

int k_call_connect(struct k_req *q)
{
	const struct k_path *path = &k.paths[captab_obj(&k.caps, q->cap->obj)->body];
	struct writ_connect_rep *rep = (void *)q->out;
	struct k_session *s;
	int ring, bell_client, bell_server, e;

	if (q->h.len != 0)
		return WRIT_E_BAD_REQUEST;
	if (k.realms[q->p->realm].sessions >= K_SESSIONS - k.nsessions) {
		snprintf(q->why, sizeof(q->why), "more sessions than the realm leaves to others");
		return WRIT_E_NOT_ENOUGH_MEMORY;
	}
	if ((e = make_ring(&ring, &bell_client, &bell_server)) != 0)
		return e;
	if ((e = session_new(q, &s)) != 0) {
		close(ring);
		close(bell_client);
		close(bell_server);
		return e;
	}
	*rep = (struct writ_connect_rep){ .session = s->id, .rights = s->rights };
	memcpy(rep->prefix, path->prefix, sizeof(rep->prefix));
	q->h.arg = s->id;
	q->out_len = sizeof(*rep);
	q->out_nfds = 3;
	q->out_fds[0] = ring;
	q->out_fds[1] = bell_client;
	q->out_fds[2] = bell_server;
	s->fds[0] = ring; /* the server waits on what the client rings */
	s->fds[1] = bell_server;
	s->fds[2] = bell_client;
	s->client = q->p;
	s->ep = &k.endpoints[captab_obj(&k.caps, path->endpoint)->body];
	k.realms[q->p->realm].sessions++;
	k.nsessions++;
	k_list_add(&q->p->sessions, &s->of_client);
	k_gate_answer(q, 0); /* before the offer takes the descriptors away */
	k_session_offer(s);
	return K_LATER;
}

int k_call_close(struct k_req *q)
{
	uint32_t i = (uint32_t)(q->h.arg & 0xffff);
	struct k_session *s = &k.sessions[i < K_SESSIONS ? i : 0];

	if (s->id == 0 || s->id != q->h.arg || s->closed ||
	    (s->client != q->p && s->server != q->p)) {
		snprintf(q->why, sizeof(q->why), "no session %llu", (unsigned long long)q->h.arg);
		return WRIT_E_FAILED_LOOKUP;
	}
	k_session_close(s, q->p);
	return 0;
}
