/* SPDX-License-Identifier: MIT */
/*
 * Notifications, as in seL4: a word of bits that signals add to and one waiter
 * takes. Bound to a proc's gate its signals come as events instead, and nobody
 * else may wait for it.
 */
#include "kernel.h"

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
	return k_list_empty(&n->bound) ? NULL : k_container(n->bound.next, struct k_wait, at);
}

bool k_notification_send(struct k_wait *w)
{
	struct writ_hdr h = { .op = WRIT_EV_SIGNAL,
		.reply = 2,
		.cap = w->take,
		.arg = w->bound->word };

	if (!w->bound->active || !k_hook_holds(&w->hook))
		return true;
	if (!k_gate_send(w->waiter->gate, &h, NULL, NULL))
		return false;
	take(w->bound);
	return true;
}

/* Give the bits to who waits or is to be told; else they stay. */
static void wake(struct k_notification *n)
{
	while (n->active && !k_list_empty(&n->waiters)) {
		struct k_wait *w = k_container(n->waiters.next, struct k_wait, at);
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

	if (w == NULL || w->waiter == q->p)
		return 0;
	return k_why(q, WRIT_E_BUSY, "it is bound to %s[%u]", w->waiter->name, w->waiter->pid);
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

	while (!k_list_empty(&n->waiters))
		k_wait_fail(k_container(n->waiters.next, struct k_wait, at), WRIT_E_STALE);
	if (bound(n) != NULL)
		k_wait_drop(bound(n));
}
