/* SPDX-License-Identifier: MIT */
/*
 * Revoke is complete: when it has answered, nothing that hung on the capability
 * is on its way, and each case without it goes the other way.
 */
#include "ipc.h"

static struct puppet *const a = &puppets[0], *const b = &puppets[1], *const c = &puppets[2];

static void clean(void)
{
	for (unsigned i = 0; i < 3; i++)
		for (unsigned s = 8; s < 30; s++)
			take_away(&puppets[i], s);
	writ_cap_delete(MID);
	writ_cap_delete(TMP);
	writ_cap_delete(EP);
	writ_cap_delete(NTFN);
}

/* @a sends by a copy of MID, @b receives; TMP is what is carried. */
static void prepare(void)
{
	clean();
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	writ_retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_NOTIFICATION, (struct writ_addr){ .index = NTFN },
	    1, (struct writ_quota){ 0 });
	writ_cap_copy(EP, MID, RWG);
	writ_cap_copy(NTFN, TMP, R | W);
	give(a, 8, MID, RWG, 0);
	give(a, 9, TMP, R | W, 0);
	give(b, 8, MID, RWG, 0);
	give(c, 8, EP, RWG, 0);
}

static void queued_send(bool revoke)
{
	uint32_t s;

	prepare();
	s = sends(a, 8, 1);
	if (revoke)
		writ_cap_revoke(MID);
	if (revoke)
		check(is(a, s, -WRIT_E_STALE) && is(c, recvs(c, 8, 9), PENDING),
		    "a send that waits through a revoked capability is STALE, and is not received");
	else
		check(is(a, s, PENDING) && is(c, recvs(c, 8, 9), 0) && is(a, s, 0),
		    "control: without the revoke it is");
}

static void queued_cap(bool revoke)
{
	struct writ_msg_req m = { .caps = { 9 }, .ncaps = 1 }, t = { .take = 10, .ntake = 1 };
	uint32_t s, w;

	prepare();
	s = post(a, WRIT_OP_SEND, 8, 0, &m, 1, 1);
	if (revoke)
		writ_cap_revoke(TMP);
	w = post(c, WRIT_OP_RECV, 8, 0, &t, 0, 0);
	if (revoke)
		check(is(a, s, -WRIT_E_STALE) && is(c, w, PENDING) &&
			type_at(c, 10) == WRIT_TYPE_NULL,
		    "a message that waits with a revoked capability is STALE, and not received");
	else
		check(is(a, s, 0) && is(c, w, 0) && type_at(c, 10) == WRIT_TYPE_NOTIFICATION,
		    "control: without the revoke it is, with the capability");
}

static void receiver(bool revoke)
{
	uint32_t w;

	prepare();
	w = recvs(b, 8, 9);
	if (revoke)
		writ_cap_revoke(MID);
	if (revoke)
		check(is(b, w, -WRIT_E_STALE) && is(c, sends(c, 8, 1), PENDING),
		    "a receiver whose right was revoked is STALE, and gets no later message");
	else
		check(is(b, w, PENDING) && is(c, sends(c, 8, 1), 0) && is(b, w, 0),
		    "control: without the revoke it does");
}

static void outstanding_call(bool revoke)
{
	uint32_t w;

	prepare();
	w = calls(a, 8, 1);
	recvs(c, 8, 9);
	if (revoke)
		writ_cap_revoke(MID);
	if (revoke)
		check(is(a, w, -WRIT_E_PEER_CLOSED) && type_at(c, 9) == WRIT_TYPE_NULL &&
			replies(c, 9, 1) == -WRIT_E_FAILED_LOOKUP,
		    "a call through a revoked capability is over: its Reply is gone");
	else
		check(is(a, w, PENDING) && replies(c, 9, 1) == 0 && is(a, w, 0),
		    "control: without the revoke it is answered");
}

static void bound(bool revoke)
{
	struct writ_hdr h;

	prepare();
	check(ask(a, WRIT_OP_BIND, 9, 0, NULL, 0, 0, NULL) == 0, "bound");
	if (revoke)
		writ_cap_revoke(TMP);
	writ_cap_mint(NTFN, TMP + 1, W, 4);
	writ_signal(TMP + 1);
	if (revoke)
		check(event(a, 20, &h) == PENDING &&
			ask(c, WRIT_OP_NBRECV, 8, 0, &(struct writ_msg_req){ 0 }, 0, 0, NULL) ==
			    -WRIT_E_BUSY,
		    "a notification bound by a revoked capability signals no more");
	else
		check(event(a, 1000, &h) == 0 && h.op == WRIT_EV_SIGNAL && h.cap == 9 && h.arg == 4,
		    "control: without the revoke it does");
	writ_cap_delete(TMP + 1);
}

static void waiter(bool revoke)
{
	uint32_t w;

	prepare();
	w = post(a, WRIT_OP_WAIT, 9, 0, NULL, 0, 0);
	if (revoke)
		writ_cap_revoke(TMP);
	writ_cap_mint(NTFN, TMP + 1, W, 4);
	writ_signal(TMP + 1);
	check(is(a, w, revoke ? -WRIT_E_STALE : 0),
	    revoke ? "a waiter whose right to wait was revoked is STALE"
		   : "control: without the revoke it is woken");
	writ_cap_delete(TMP + 1);
}

/* The Reply's and the carried capability's own place in the tree: by the caller's own revoke. */
static void answered_caps(void)
{
	struct writ_msg_req m = { .caps = { 9 }, .ncaps = 1 }, t = { .take = 10, .ntake = 1 };

	prepare();
	post(c, WRIT_OP_RECV, 8, 0, &t, 0, 0);
	check(ask(a, WRIT_OP_SEND, 8, 0, &m, 1, 1, NULL) == 0 &&
		type_at(c, 10) == WRIT_TYPE_NOTIFICATION && writ_cap_revoke(TMP) == 0 &&
		type_at(c, 10) == WRIT_TYPE_NULL && type_at(a, 9) == WRIT_TYPE_NULL,
	    "one that was received is revoked with what it came from");
}

void test_revoke(void)
{
	for (unsigned revoke = 0; revoke < 2; revoke++) {
		queued_send(revoke);
		queued_cap(revoke);
		receiver(revoke);
		outstanding_call(revoke);
		bound(revoke);
		waiter(revoke);
	}
	answered_caps();
	clean();
}
