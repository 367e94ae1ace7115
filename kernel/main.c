/* SPDX-License-Identifier: MIT */
/*
 * writ-kernel: the one loop. It ends by a signal, or with root; whoever started
 * it clears what is left (writ-boot, or the next `writ up` or `writ down`).
 */
#include "kernel.h"
#include <sys/epoll.h>

enum { EVENTS = 64, SETTLE_MS = 10 };

static int turn(int set, int max, int timeout, bool urgent);

/*
 * Of a realm a few procs have their turn: however many call, other realms wait for no
 * more than that, and class LC (odd @index) for no more than one request of class BE.
 */
static void dispatch(const struct epoll_event *e)
{
	uint32_t index = (uint32_t)e->data.u64;

	switch (e->data.u64 >> 32) {
	case K_POLL_SIGNAL: k.stopping = true; break;
	case K_POLL_GATE:
		k_event_flush(&k.procs[index]);
		k_gate_read(&k.procs[index]);
		break;
	case K_POLL_REALM:
		turn(k.realms[index >> 1].epfd[index & 1], K_TURN, 0, (index & 1) != 0);
		break;
	case K_POLL_URGENT: turn(k.urgent, EVENTS, 0, true); break;
	case K_POLL_NEST:
	default: k_nest_read(&k.realms[index >> 4].nests[index & 15]); break;
	}
}

/* What is ready in @set, up to @max; unless that is @urgent itself, class LC between each two. */
static int turn(int set, int max, int timeout, bool urgent)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(set, ev, max, timeout);

	for (int i = 0; i < n && !k.stopping; i++) {
		dispatch(&ev[i]);
		if (!urgent && i + 1 < n)
			turn(k.urgent, EVENTS, 0, true);
	}
	return n;
}

/* One slice of the oldest revoke; those it took from are reaped before it is answered. */
static void revoke_slice(void)
{
	struct k_proc *p = k_container(k.revokes.next, struct k_proc, revoke_link);
	uint32_t live = k.caps.live_slots;
	bool more = false;
	int e = captab_revoke_at(&k.caps, p->revoking, p->revoke_gen, K_SLICE, &more);

	p->revoked += live - k.caps.live_slots;
	k_list_del(&p->revoke_link);
	/* objects die in order: the last that it has let go of is the last to be reaped */
	if (!more && p->revoke_last == 0 && (p->revoke_last = k.caps.dying_tail) != 0)
		p->revoke_epoch = k.caps.objs[p->revoke_last].epoch;
	if (more || (p->revoke_last != 0 && k.caps.objs[p->revoke_last].epoch == p->revoke_epoch)) {
		k_list_add(&k.revokes, &p->revoke_link);
		return;
	}
	k_audit(p, WRIT_AUDIT_REVOKED, WRIT_OP_REVOKE, e, 0, 0,
	    text("done: %u capabilities are gone", p->revoked).s);
	p->revoking = 0;
	p->revoked = p->revoke_last = 0;
	k_gate_reply(p, WRIT_OP_REVOKE, p->revoke_cookie, e, NULL, 0);
}

/* Work that no descriptor announces; @idle: nobody called. Returns how long, ms, to sleep. */
static int work(bool idle)
{
	int ms;

	captab_reap(&k.caps, K_SLICE);
	if (!k_list_empty(&k.revokes))
		revoke_slice();
	if (k.dying_realms > 0)
		k_realm_settle();
	ms = k_mirror(idle); /* last: what changed above is shown, too, if nobody calls again */
	if (k.caps.dying_head != 0 || !k_list_empty(&k.revokes))
		return 0;
	return k.dying_realms > 0 && ms != 0 ? SETTLE_MS : ms;
}

int main(void)
{
	int e = k_boot(), n = 0;

	while (e == 0 && !k.stopping)
		n = turn(k.epfd, EVENTS, work(n == 0), false);
	return e != 0 ? e : k.exit_code;
}
