/* SPDX-License-Identifier: MIT */
/*
 * Messages through endpoints, as in seL4: senders and receivers meet in order,
 * a call's receiver gets a Reply, which answers once. A message is paid for by
 * its sender's account and hangs on the capability it was sent through; the
 * capabilities in it lie in slots of the kernel's own, below those they are
 * copies of. So revoke reaches all of it, and none is ever half given (K5).
 * And notifications.
 */
#include "kernel.h"

/* --- messages -------------------------------------------------------------------- */

static const struct charge cost = { .bytes = sizeof(struct k_msg) };

/* Drop the capabilities that are in it still. */
static void unload(struct k_msg *m)
{
	for (unsigned i = 0; i < WRIT_CAPS_MAX; i++)
		if (m->own[i] != 0)
			k_own_put(m->own[i]);
	memset(m->own, 0, sizeof(m->own));
}

void k_msg_free(struct k_wait *w)
{
	unload(w->msg);
	captab_uncharge(&k.caps, k_account(w->waiter), cost);
	k_pool_put(&k.msg_pool, w->waiter->realm, (uint32_t)(w->msg - k.msgs));
}

static int msg_new(struct k_req *q, struct k_wait **ret)
{
	uint32_t i;
	int e = k_wait_new(q, q->p, q->slot, K_WAIT_SENT, NULL, ret);

	if (e != 0)
		return e;
	i = k_pool_get(&k.msg_pool, q->p->realm);
	if (i == 0 || captab_charge(&k.caps, k_account(q->p), cost) != 0) {
		k_pool_put(&k.msg_pool, q->p->realm, i);
		k_wait_drop(*ret);
		return k_why(q, WRIT_E_NOT_ENOUGH_MEMORY, "messages, or the account's bytes");
	}
	(*ret)->msg = &k.msgs[i];
	memset(&k.msgs[i], 0, offsetof(struct k_msg, data));
	return 0;
}

/* --- what a request carries --------------------------------------------------------- */

static int load_cap(struct k_req *q, struct k_msg *m, obj_t through, unsigned i)
{
	uint32_t index = ((const struct writ_msg_req *)q->in)->caps[i];
	slot_t dst, src = captab_cnode_slot(&k.caps, q->p->cnode, index);
	unsigned n = m->rep.ncaps;
	const struct cap *c = NULL;
	int e = captab_check(&k.caps, src, 0, 0, &c);

	if (e == 0 && c->obj == through) {
		m->rep.badges[i] = c->badge;
		m->rep.unwrapped |= (uint8_t)(1u << i);
		return 0;
	}
	if (e == 0 && (m->own[n] = k_own_get(&dst)) == 0)
		e = WRIT_E_NOT_ENOUGH_MEMORY;
	if (e == 0 && (e = captab_copy(&k.caps, src, dst, c->rights)) == 0)
		m->rep.ncaps++;
	return e == 0 ? 0 : k_why(q, e, "slot %u, to be sent", index);
}

/* Into @m, whose rep is all zeros; by the capability in slot @giver. @through: the endpoint, whose
 * own capabilities are unwrapped; 0 for a reply. On failure @m may have some: unload it. */
static int load(struct k_req *q, struct k_msg *m, obj_t through, uint32_t giver)
{
	const struct writ_msg_req *r = q->in;
	const struct cap *c;
	int e = 0;

	if (q->h.len > sizeof(*r) + WRIT_DATA_MAX || r->ncaps > WRIT_CAPS_MAX)
		return WRIT_E_BAD_REQUEST;
	if (r->ncaps != 0)
		e = k_need(q, giver, WRIT_BY_GIVING, &c);
	for (unsigned i = 0; i < r->ncaps && e == 0; i++)
		e = load_cap(q, m, through, i);
	m->len = (uint16_t)(q->h.len - sizeof(*r));
	memcpy(m->data, r + 1, m->len);
	return e;
}

/* The slots that capabilities and (@reply) a Reply are to come to must be empty. */
static int takes_decode(struct k_req *q, bool reply)
{
	const struct writ_msg_req *r = q->in;
	slot_t s;
	int e = 0;

	if (r->ntake > WRIT_CAPS_MAX)
		return WRIT_E_BAD_REQUEST;
	if (r->reply - r->take < r->ntake)
		return WRIT_E_INVALID_ARGUMENT; /* one slot for two things */
	for (unsigned i = 0; i < r->ntake && e == 0; i++)
		e = k_empty(q, r->take + i, &s);
	return e == 0 && reply && r->reply != 0 ? k_empty(q, r->reply, &s) : e;
}

/* --- delivery ---------------------------------------------------------------------- */

/* Are the slots that @p said it takes things in still empty? */
static bool empty_still(const struct k_proc *p, uint32_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct slot *s = captab_slot(&k.caps,
		    captab_cnode_slot(&k.caps, p->cnode, first + i));

		if (s == NULL || s->cap.type != WRIT_TYPE_NULL)
			return false;
	}
	return true;
}

static bool own_lost(const struct k_msg *m)
{
	for (unsigned i = 0; i < m->rep.ncaps; i++)
		if (captab_slot(&k.caps, k_own_slot(m->own[i]))->cap.type == WRIT_TYPE_NULL)
			return true;
	return false;
}

/* Why what @s has sent can't go to @w, for the sender; 0 if it can. */
static int msg_refused(const struct k_wait *s, const struct k_wait *w)
{
	if (!k_hook_holds(&s->hook) || own_lost(s->msg))
		return WRIT_E_STALE;
	if (s->msg->rep.ncaps > w->ntake || (s->op == WRIT_OP_CALL && w->reply == 0))
		return WRIT_E_NO_TAKER;
	return 0;
}

/* A call's hook becomes the Reply, below what it was below; with grant if the receiver has that. */
static void give_reply(struct k_wait *s, const struct k_wait *w)
{
	slot_t dst = captab_cnode_slot(&k.caps, w->waiter->cnode, w->reply);

	captab_insert(&k.caps, captab_parent(&k.caps, s->hook.slot), dst, s->hook.obj,
	    w->rights & WRIT_R_GRANT, 0);
	captab_delete(&k.caps, s->hook.slot);
	s->hook.slot = dst;
	s->to = w->waiter;
	k_list_del(&s->at);
	k_list_add(&w->waiter->calls, &s->at);
}

/* The capabilities in it are @to's now, in the slots from @take on. */
static void hand_over(struct k_msg *m, struct k_proc *from, const struct k_proc *to, uint32_t take,
    unsigned op)
{
	for (unsigned i = 0; i < m->rep.ncaps; i++) {
		slot_t dst = captab_cnode_slot(&k.caps, to->cnode, take + i);

		captab_move(&k.caps, k_own_slot(m->own[i]), dst);
		k_audit_granted(from, &captab_slot(&k.caps, dst)->cap, op, to->pid);
	}
	unload(m);
}

static void deliver(struct k_wait *s, struct k_wait *w)
{
	struct k_msg *m = s->msg;
	struct k_proc *to = w->waiter;

	hand_over(m, s->waiter, to, w->take, s->op);
	if (s->op == WRIT_OP_CALL)
		give_reply(s, w);
	k_gate_reply(to, w->op, w->cookie, 0, &m->rep, (uint16_t)(sizeof(m->rep) + m->len));
	k_wait_drop(w);
	if (s->op != WRIT_OP_CALL)
		k_wait_fail(s, 0); /* which is to say: it has been taken */
}

/* Who came last, and will not wait, is then told so. */
void k_endpoint_match(struct k_endpoint *ep)
{
	struct k_list *left;
	struct k_wait *s, *w;

	while ((s = k_first(&ep->senders, struct k_wait, at)) != NULL &&
	    (w = k_first(&ep->receivers, struct k_wait, at)) != NULL) {
		int e;

		if (!k_hook_holds(&w->hook))
			k_wait_fail(w, WRIT_E_STALE);
		else if (!empty_still(w->waiter, w->take, w->ntake) ||
		    (w->reply != 0 && !empty_still(w->waiter, w->reply, 1)))
			k_wait_fail(w, WRIT_E_DELETE_FIRST);
		else if ((e = msg_refused(s, w)) != 0)
			k_wait_fail(s, e);
		else
			deliver(s, w);
	}
	left = s != NULL ? &ep->senders : &ep->receivers;
	if (!k_list_empty(left)) {
		struct k_wait *last = k_container(left->prev, struct k_wait, at);

		if (last->op == WRIT_OP_NBSEND || last->op == WRIT_OP_NBRECV)
			k_wait_fail(last, WRIT_E_BUSY);
	}
}

/* --- the calls ------------------------------------------------------------------------ */

/* SEND, NBSEND, CALL. */
int k_call_send(struct k_req *q)
{
	struct k_session *s = NULL;
	struct k_endpoint *ep;
	const struct writ_msg_req *r = q->in;
	struct k_wait *w;
	struct k_msg *m;
	int e = takes_decode(q, false);

	if (e != 0)
		return e;
	if (q->cap->type == WRIT_TYPE_PATH) {
		s = k_session_named(q, K_CLIENT);
		if (s == NULL || s->path != q->cap->obj)
			return WRIT_E_FAILED_LOOKUP;
	}
	ep = s != NULL ? s->ep : &k.endpoints[k_body(q->cap)];
	if (q->h.op == WRIT_OP_NBSEND && s != NULL && !k_session_known(s))
		return WRIT_E_BUSY;
	if ((e = msg_new(q, &w)) != 0)
		return e;
	m = w->msg;
	if ((e = load(q, m, ep->obj, q->h.cap)) != 0) {
		k_wait_drop(w);
		return e;
	}
	m->rep.badge = q->cap->badge;
	m->rep.pid = q->p->pid;
	m->rep.realm = q->p->realm;
	m->rep.call = q->h.op == WRIT_OP_CALL;
	m->rep.session = m->session = s != NULL ? s->id : 0;
	w->take = r->take;
	w->ntake = r->ntake;
	k_list_add(s == NULL || k_session_known(s) ? &ep->senders : &s->held, &w->at);
	k_endpoint_match(ep);
	return K_LATER;
}

/* RECV, NBRECV. */
int k_call_recv(struct k_req *q)
{
	struct k_endpoint *ep = &k.endpoints[k_body(q->cap)];
	const struct writ_msg_req *r = q->in;
	struct k_wait *w;
	int e = takes_decode(q, true);

	if (e != 0 || (e = k_wait_new(q, q->p, q->slot, K_WAIT_MSG, &ep->receivers, &w)) != 0)
		return e;
	w->rights = q->cap->rights;
	w->take = r->take;
	w->ntake = r->ntake;
	w->reply = r->reply;
	k_endpoint_match(ep);
	return K_LATER;
}

/* Answer the call behind the Reply in slot @index. */
static int answer(struct k_req *q, uint32_t index, const struct cap *c)
{
	struct k_hook *h = k_hook_of(c);
	struct k_wait *w;
	struct k_msg *m;
	int e;

	if (h == NULL)
		return WRIT_E_PEER_CLOSED;
	w = k_container(h, struct k_wait, hook);
	m = w->msg;
	m->rep = (struct writ_msg_rep){ 0 };
	e = load(q, m, 0, index);
	if (e == 0 && (m->rep.ncaps > w->ntake || !empty_still(w->waiter, w->take, m->rep.ncaps)))
		e = k_why(q, WRIT_E_NO_TAKER, "the caller takes %u capabilities", w->ntake);
	if (e != 0) { /* all or none */
		unload(m);
		return e;
	}
	hand_over(m, q->p, w->waiter, w->take, q->h.op);
	k_gate_reply(w->waiter, w->op, w->cookie, 0, &m->rep, (uint16_t)(sizeof(m->rep) + m->len));
	k_wait_drop(w);
	return 0;
}

int k_call_reply(struct k_req *q)
{
	return answer(q, q->h.cap, q->cap);
}

/* What is wrong with the receiving half is found before anybody is answered. */
int k_call_reply_recv(struct k_req *q)
{
	const struct writ_msg_req *r = q->in;
	uint32_t index = (uint32_t)q->h.arg;
	const struct cap *c;
	int e = k_need(q, index, WRIT_BY_WITH, &c);

	if (e != 0 || (e = takes_decode(q, r->reply != index)) != 0 || /* it will be empty */
	    (e = answer(q, index, c)) != 0)
		return e;
	return k_call_recv(q);
}

/* --- giving up ------------------------------------------------------------------------ */

int k_call_cancel(struct k_req *q)
{
	struct k_wait *w;

	k_each(w, &q->p->waits, of)
		if (w->what < K_WAIT_LISTEN && w->cookie == q->h.arg) {
			k_wait_fail(w, WRIT_E_CANCELED);
			return 0;
		}
	return WRIT_E_FAILED_LOOKUP;
}

/* Up to K_SLICE of them; arg tells how many. */
int k_call_cancel_sends(struct k_req *q)
{
	struct k_endpoint *ep = &k.endpoints[k_body(q->cap)];
	uint64_t badge = q->cap->badge;
	struct k_wait *w;

	q->h.arg = 0;
	k_each(w, &ep->senders, at)
		if (w->msg->rep.badge == badge && q->h.arg < K_SLICE) {
			k_wait_fail(w, WRIT_E_CANCELED);
			q->h.arg++;
		}
	return 0;
}

void k_endpoint_gone(uint32_t body)
{
	struct k_endpoint *ep = &k.endpoints[body];
	struct k_wait *w;

	k_waits_fail(&ep->senders, WRIT_E_STALE);
	k_waits_fail(&ep->receivers, WRIT_E_STALE);
	k_each(w, &ep->listening, at)
		k_wait_drop(w);
}

/*
 * Notifications, as in seL4: a word of bits that signals add to and one waiter
 * takes. Bound to a proc's gate its signals come as events instead, and nobody
 * else may wait for it.
 */

static struct k_notification *invoked(const struct k_req *q)
{
	return &k.notifications[k_body(q->cap)];
}

/* Its bits, which are gone with this. */
static uint64_t take(struct k_notification *n)
{
	uint64_t word = n->word;

	n->word = 0;
	n->active = false;
	return word;
}

/* Who has its signals as events; NULL: nobody. */
static struct k_wait *bound(const struct k_notification *n)
{
	return k_first(&n->bound, struct k_wait, at);
}

bool k_notification_send(struct k_wait *w)
{
	struct writ_hdr h = { .op = WRIT_EV_SIGNAL, .cap = w->take, .arg = w->bound->word };

	if (!w->bound->active || !k_hook_holds(&w->hook))
		return true;
	if (!k_gate_tell(w->waiter, h, NULL, NULL))
		return false;
	take(w->bound);
	return true;
}

/* Give the bits to who waits or is to be told; else they stay. */
static void wake(struct k_notification *n)
{
	struct k_wait *w;

	while (n->active && (w = k_first(&n->waiters, struct k_wait, at)) != NULL) {
		struct writ_hdr h = { .op = w->op, .cookie = w->cookie };

		if (!k_hook_holds(&w->hook)) {
			k_wait_fail(w, WRIT_E_STALE);
			continue;
		}
		h.arg = take(n);
		k_gate_say(w->waiter, &h, NULL, NULL);
		k_wait_drop(w);
	}
	if (n->active && bound(n) != NULL)
		k_event_post(bound(n)->waiter, &bound(n)->ev);
}

int k_call_signal(struct k_req *q)
{
	struct k_notification *n = invoked(q);

	n->word |= q->cap->badge;
	n->active = true;
	wake(n);
	return 0;
}

/* 0, or BUSY: its bits are another's. */
static int bound_away(struct k_req *q)
{
	const struct k_wait *w = bound(invoked(q));

	return w == NULL || w->waiter == q->p
	    ? 0
	    : k_why(q, WRIT_E_BUSY, "it is bound to %s[%u]", w->waiter->name, w->waiter->pid);
}

int k_call_poll(struct k_req *q)
{
	int e = bound_away(q);

	if (e == 0)
		q->h.arg = take(invoked(q));
	return e;
}

/* WAIT, when a notification is invoked. */
int k_notification_wait(struct k_req *q)
{
	struct k_notification *n = invoked(q);
	struct k_wait *w;
	int e = bound_away(q);

	if (e != 0 || (e = k_wait_new(q, q->p, q->slot, K_WAIT_SIGNAL, &n->waiters, &w)) != 0)
		return e;
	wake(n);
	return K_LATER;
}

int k_call_bind(struct k_req *q)
{
	struct k_notification *n = invoked(q);
	struct k_wait *w;
	int e;

	if (bound(n) != NULL || !k_list_empty(&n->waiters))
		return WRIT_E_BUSY;
	if ((e = k_wait_new(q, q->p, q->slot, K_WAIT_BOUND, &n->bound, &w)) != 0)
		return e;
	w->bound = n;
	w->take = q->h.cap;
	k_gate_answer(q, 0);
	wake(n);
	return K_LATER;
}

int k_call_unbind(struct k_req *q)
{
	struct k_wait *w = bound(invoked(q));

	if (w == NULL || w->waiter != q->p)
		return WRIT_E_ILLEGAL_OPERATION;
	k_wait_drop(w);
	return 0;
}

void k_notification_gone(uint32_t body)
{
	struct k_notification *n = &k.notifications[body];

	k_waits_fail(&n->waiters, WRIT_E_STALE);
	if (bound(n) != NULL)
		k_wait_drop(bound(n));
}
