/* SPDX-License-Identifier: MIT */
/*
 * What holds between the kernel's tables after every step: each thing is in the
 * lists it belongs to and in no other, is counted once, and hangs on the
 * capability that its hook names. Looked through from scratch; changes nothing.
 */
#include "tests/fuzz/kernel/world.h"
#include <string.h>

enum { LIST_MAX = 4096 };

/* Each function returns the first sentence that doesn't hold. */
#define MUST(what, sentence) \
	do { \
		if (!(what)) \
			return sentence; \
	} while (0)

/* How often @one is in @list (all of it for NULL); LIST_MAX when the links disagree. */
static unsigned count(const struct k_list *list, const struct k_list *one)
{
	unsigned n = 0, found = 0;

	if (list->next == NULL)
		return list->prev == NULL ? 0 : LIST_MAX;
	for (const struct k_list *at = list; n < LIST_MAX; n++) {
		if (at->next == NULL || at->next->prev != at)
			return LIST_MAX;
		at = at->next;
		if (at == list)
			return one != NULL ? found : n;
		found += at == one;
	}
	return LIST_MAX;
}

static bool alone(const struct k_list *l)
{
	return (l->next == NULL && l->prev == NULL) || (l->next == l && l->prev == l);
}

/* --- pools ------------------------------------------------------------------------- */

static bool is_free(const struct k_pool *p, uint32_t i)
{
	unsigned n = 0;

	for (uint32_t f = p->free; f != 0; f = p->next[f]) {
		if (f == i)
			return true;
		if (f >= p->used_to || ++n > p->size)
			world_fail("a pool's free list is broken");
	}
	return i >= p->used_to;
}

static bool used_wait(uint32_t i)
{
	const struct k_wait *x = &k.waits[i];

	return x->waiter != NULL && k_proc_alive(x->waiter) && !k_list_empty(&x->of) &&
	    count(&x->waiter->waits, &x->of) == 1;
}

/* By one wait, and no other. */
static bool used_msg(uint32_t i)
{
	unsigned n = 0;

	for (uint32_t j = 1; j < k.wait_pool.used_to; j++)
		n += used_wait(j) && k.waits[j].msg == &k.msgs[i];
	if (n > 1)
		world_fail("a message is two's");
	return n == 1;
}

static bool used_session(uint32_t i)
{
	return k.sessions[i].id != 0;
}

static bool used_realm(uint32_t i)
{
	return k.realms[i].used;
}

/* An entry is free, or in use: not both, not neither. */
static const char *verify_pools(void)
{
	static const struct {
		const struct k_pool *pool;
		bool (*used)(uint32_t i);
	} pools[] = { { &k.msg_pool, used_msg }, { &k.wait_pool, used_wait },
		{ &k.session_pool, used_session }, { &k.realm_pool, used_realm } };

	for (size_t p = 0; p < sizeof(pools) / sizeof(pools[0]); p++)
		for (uint32_t i = 1; i < pools[p].pool->used_to; i++)
			MUST(is_free(pools[p].pool, i) != pools[p].used(i),
			    "pools: an entry of messages, waits, sessions or realms is lost or free "
			    "and in use");
	return NULL;
}

/* The bodies of objects: in use as long as their object is. */
static const char *verify_bodies(void)
{
	static const struct k_pool *const pools[WRIT_TYPE_N] = { [WRIT_TYPE_ENDPOINT] =
								     &k.endpoint_pool,
		[WRIT_TYPE_PATH] = &k.path_pool,
		[WRIT_TYPE_SPAWN] = &k.spawn_pool,
		[WRIT_TYPE_IMAGE] = &k.file_pool,
		[WRIT_TYPE_MEMORY] = &k.file_pool,
		[WRIT_TYPE_HOST] = &k.file_pool,
		[WRIT_TYPE_NOTIFICATION] = &k.notification_pool,
		[WRIT_TYPE_SCHED_CONTEXT] = &k.context_pool };
	static const struct k_pool *const each[] = { &k.endpoint_pool, &k.path_pool, &k.spawn_pool,
		&k.file_pool, &k.notification_pool, &k.context_pool };
	uint8_t used[6][64] = { 0 };

	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);
		const struct k_pool *p = obj != NULL ? pools[obj->type] : NULL;

		for (unsigned i = 0; p != NULL && i < 6; i++)
			if (each[i] == p)
				used[i][obj->body % 64]++;
	}
	for (unsigned i = 0; i < 6; i++)
		for (uint32_t b = 1; b < each[i]->used_to; b++)
			MUST(used[i][b] == !is_free(each[i], b),
			    "pools: the body of an object is lost, shared or free and in use");
	return NULL;
}

/* --- hooks --------------------------------------------------------------------------- */

static bool dying(obj_t o)
{
	const struct object *obj = captab_obj(&k.caps, o);

	return obj != NULL && obj->dying;
}

/* On means: known by its entry, and its capability where it says, or about to be reaped. */
static bool hook_ok(const struct k_hook *h, bool session)
{
	const struct object *o = captab_obj(&k.caps, h->obj);

	return h->entry != 0 && k.hooks[h->entry] == h && o != NULL && o->body == h->entry &&
	    (o->type == WRIT_TYPE_SESSION) == session && (k_hook_holds(h) || o->dying);
}

/* The capability and the hook know each other; each entry of the kernel's own is one of them. */
static const char *verify_hooks(void)
{
	uint8_t used[2048] = { 0 };

	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);

		if (obj != NULL &&
		    (obj->type == WRIT_TYPE_SESSION || obj->type == WRIT_TYPE_REPLY ||
			obj->type == WRIT_TYPE_HOLD))
			used[obj->body]++;
	}
	for (uint32_t i = 1; i < k.msg_pool.used_to; i++)
		for (unsigned j = 0; j < WRIT_CAPS_MAX && used_msg(i); j++)
			if (k.msgs[i].own[j] != 0)
				used[k.msgs[i].own[j]]++;
	for (uint32_t i = 1; i < k.own_pool.used_to; i++) {
		MUST(used[i] <= 1, "hooks: two use one slot of the kernel's own");
		MUST(k.hooks[i] == NULL || (used[i] == 1 && k.hooks[i]->entry == i),
		    "hooks: one that is on has no object");
	}
	for (uint32_t i = k.own_pool.free, n = 0; i != 0; i = k.own_pool.next[i], n++)
		MUST(n < k.own_pool.size && used[i]++ == 0, "hooks: a free slot is in use");
	for (uint32_t i = 1; i < k.own_pool.used_to; i++)
		MUST(used[i] == 1, "hooks: a slot of the kernel's own is lost");
	for (slot_t s = 64; s < k.caps.nslots; s++) {
		const struct cap *c = &k.caps.slots[s].cap;

		if (c->type == WRIT_TYPE_SESSION || c->type == WRIT_TYPE_REPLY ||
		    c->type == WRIT_TYPE_HOLD)
			MUST(k_hook_of(c) != NULL && k_hook_of(c)->slot == s,
			    "hooks: a capability has no hook, or one that looks elsewhere");
	}
	return NULL;
}

/* --- messages, waits, sessions ------------------------------------------------------------ */

static bool open_of(uint32_t id, const struct k_proc *client)
{
	const struct k_session *s = &k.sessions[id & 0xffff];

	return s->id == id && !s->closed && s->client == client;
}

static const char *verify_msgs(void)
{
	for (uint32_t i = 1; i < k.wait_pool.used_to; i++) {
		const struct k_wait *m = &k.waits[i];
		unsigned at = 0;

		if (!used_wait(i) || m->what != K_WAIT_SENT)
			continue;
		MUST(m->msg != NULL, "messages: one has nothing in it");
		for (uint32_t e = 1; e < k.endpoint_pool.used_to; e++)
			if (!is_free(&k.endpoint_pool, e))
				at += count(&k.endpoints[e].senders, &m->at);
		for (uint32_t s = 1; s < k.session_pool.used_to; s++)
			if (k.sessions[s].id != 0)
				at += count(&k.sessions[s].held, &m->at);
		MUST(at == (m->to == NULL), "messages: a sent one waits at one endpoint");
		MUST(m->msg->session == 0 || open_of(m->msg->session, m->waiter),
		    "messages: a session's end with it");
		MUST(m->to == NULL || (k_proc_alive(m->to) && count(&m->to->calls, &m->at) == 1),
		    "messages: a taken one is its receiver's");
		MUST(m->to == NULL || m->op == WRIT_OP_CALL,
		    "messages: only a call is kept when it is taken");
	}
	return NULL;
}

/* Of the queues that it is in, those that are for what it waits for; 99 for a wrong one. */
static unsigned queued(const struct k_wait *x, const struct k_list *queue, bool right)
{
	unsigned n = count(queue, &x->at);

	return n != 0 && !right ? 99 : n;
}

static unsigned queues(const struct k_wait *x)
{
	unsigned n = 0;

	for (uint32_t i = 1; i < k.endpoint_pool.used_to; i++) {
		const struct k_endpoint *ep = &k.endpoints[i];

		if (is_free(&k.endpoint_pool, i))
			continue;
		n += queued(x, &ep->receivers, x->what == K_WAIT_MSG);
		n += queued(x, &ep->listening, x->what == K_WAIT_LISTEN);
	}
	for (uint32_t i = 1; i < k.notification_pool.used_to; i++)
		if (!is_free(&k.notification_pool, i)) {
			n += queued(x, &k.notifications[i].waiters, x->what == K_WAIT_SIGNAL);
			n += queued(x, &k.notifications[i].bound, x->what == K_WAIT_BOUND);
		}
	for (uint32_t i = 0; i < k.nprocs; i++)
		if (k.procs[i].pid != 0)
			n += queued(x, &k.procs[i].waiters, x->what <= K_WAIT_EXIT);
	return n;
}

static const char *verify_waits(void)
{
	for (uint32_t i = 1; i < k.wait_pool.used_to; i++) {
		const struct k_wait *x = &k.waits[i];

		if (!used_wait(i))
			continue;
		MUST(hook_ok(&x->hook, false), "waits: one hangs on nothing");
		MUST(x->what == K_WAIT_SENT || (x->msg == NULL && x->to == NULL),
		    "waits: only who has sent has a message");
		MUST(x->what >= K_WAIT_MAPPED ? alone(&x->at)
					      : queues(x) == (x->what != K_WAIT_SENT),
		    "waits: one waits where it says, and only there");
		MUST(x->what == K_WAIT_BOUND || alone(&x->ev.link),
		    "waits: only who has signals as events is to be told of one");
	}
	for (uint32_t i = 1; i < k.endpoint_pool.used_to; i++) {
		const struct k_endpoint *ep = &k.endpoints[i];

		if (is_free(&k.endpoint_pool, i))
			continue;
		MUST(k_list_empty(&ep->senders) || k_list_empty(&ep->receivers),
		    "endpoints: senders and receivers that are there meet");
		MUST(count(&ep->listening, NULL) <= 1, "endpoints: one listens");
		MUST(k_list_empty(&ep->waiting) || k_list_empty(&ep->listening) ||
			!k_hook_holds(&k_container(ep->listening.next, struct k_wait, at)->hook),
		    "endpoints: no session waits where somebody listens");
	}
	return NULL;
}

static const char *verify_sessions(void)
{
	for (uint32_t i = 1; i < k.session_pool.used_to; i++) {
		const struct k_session *s = &k.sessions[i];

		if (s->id == 0)
			continue;
		MUST((s->id & 0xffff) == i, "sessions: the id names the entry");
		MUST(alone(&s->held) || (!s->closed && !k_session_known(s)),
		    "sessions: what was sent goes on once its server knows it");
		MUST(s->fds[0] < 0 || (!s->closed && !k_session_known(s)),
		    "sessions: its server is told of a ring");
		if (s->closed) {
			MUST(s->hook.entry == 0 && s->client == NULL && s->server == NULL,
			    "sessions: a closed one has no sides");
			MUST(!alone(&s->ev_server.link) || !alone(&s->ev_client.link),
			    "sessions: a closed one is kept for who must be told");
			continue;
		}
		MUST(hook_ok(&s->hook, true), "sessions: one hangs on nothing");
		MUST(s->client != NULL && k_proc_alive(s->client) &&
			count(&s->client->sessions, &s->of_client) == 1,
		    "sessions: its client is alive and knows it");
		MUST(s->server != NULL
			? k_proc_alive(s->server) && count(&s->server->clients, &s->of_server) == 1
			: count(&s->ep->waiting, &s->of_server) == 1,
		    "sessions: its server knows it, or it waits for one");
	}
	return NULL;
}

/* --- procs ------------------------------------------------------------------------------- */

static const char *verify_ended(const struct k_proc *p)
{
	const struct k_list *lists[] = { &p->events, &p->waiters, &p->waits, &p->calls, &p->clients,
		&p->sessions, &p->order, &p->revoke_link };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		MUST(alone(lists[i]), "procs: one that has ended is in no list");
	MUST(p->gate == -1 && p->child == -1 && p->logfd == -1 && p->pidfd == -1,
	    "procs: one that has ended has no descriptor");
	MUST(p->cnode == 0 && p->spawn == 0 && p->image == 0 && p->context == 0,
	    "procs: one that has ended holds nothing");
	return NULL;
}

static const char *verify_alive(const struct k_proc *p)
{
	const struct object *cn = captab_obj(&k.caps, p->cnode);
	bool ordered = p->state == WRIT_STATE_STARTING && p->child >= 0;

	MUST(p->nwaits[0] + p->nwaits[1] == count(&p->waits, NULL), "procs: waits are counted");
	MUST(cn != NULL && cn->type == WRIT_TYPE_CNODE && cn->body == (uint32_t)(p - k.procs),
	    "procs: the CSpace is its own");
	MUST(count(&k.revokes, &p->revoke_link) == (p->revoking != 0),
	    "procs: one that revokes is in the queue for it");
	MUST(count(&k.realms[p->realm].nests[p->profile].orders, &p->order) == ordered,
	    "procs: one that is to be ordered is in its nest's queue");
	MUST(p->context == 0 || k.contexts[p->context].proc == p,
	    "procs: a SchedContext knows its proc");
	return NULL;
}

static const char *verify_procs(void)
{
	unsigned living[W_REALMS] = { 0 };

	for (uint32_t i = 0; i < k.nprocs; i++) {
		const struct k_proc *p = &k.procs[i];
		const char *broken;

		if (p->pid == 0)
			continue;
		MUST(p->pid % k.nprocs == i, "procs: the pid names the entry");
		MUST(p->obj == 0 || captab_obj(&k.caps, p->obj)->type == WRIT_TYPE_PROC,
		    "procs: the object is one of a proc");
		MUST(alone(&p->ev_sched.link) || k.scheduler != NULL,
		    "procs: the scheduler is told, when there is one");
		living[p->realm] += k_proc_alive(p);
		broken = k_proc_alive(p) ? verify_alive(p) : verify_ended(p);
		if (broken != NULL)
			return broken;
	}
	MUST(k.scheduler == NULL || k_proc_alive(k.scheduler), "the scheduler is alive");
	for (unsigned i = 1; i < W_REALMS; i++)
		MUST(!k.realms[i].used || k.realms[i].procs == living[i],
		    "realms: living procs are counted");
	return NULL;
}

static const char *verify_others(void)
{
	for (uint32_t i = 1; i < k.notification_pool.used_to; i++) {
		const struct k_notification *n = &k.notifications[i];

		if (is_free(&k.notification_pool, i))
			continue;
		MUST(n->active || n->word == 0, "notifications: bits mean that it is active");
		MUST(!n->active || k_list_empty(&n->waiters),
		    "notifications: nobody waits for bits that are there");
		MUST(count(&n->bound, NULL) <= 1, "notifications: it is bound to one");
	}
	for (uint32_t i = 1; i < k.context_pool.used_to; i++)
		MUST(is_free(&k.context_pool, i) || k.contexts[i].proc == NULL ||
			k.contexts[i].proc->context == i,
		    "contexts: the proc under it knows it");
	for (uint32_t i = 0; i < k.nprocs; i++)
		if (k.procs[i].pid != 0 && dying(k.procs[i].cnode))
			return "procs: a CSpace that dies";
	return NULL;
}

const char *kernel_verify(void)
{
	static const char *(*const checks[])(void) = { verify_pools, verify_bodies, verify_procs,
		verify_msgs, verify_waits, verify_sessions, verify_others, verify_hooks,
		kernel_verify_accounts };
	const char *broken = captab_verify(&k.caps);

	for (size_t i = 0; broken == NULL && i < sizeof(checks) / sizeof(checks[0]); i++)
		broken = checks[i]();
	return broken;
}
