/* SPDX-License-Identifier: MIT */
/* Reply: once, moved, deleted; the ends of caller and server; chains of calls (IPC0019 to 0024). */
#include "ipc.h"

static struct puppet *const a = &puppets[0], *const b = &puppets[1], *const c = &puppets[2];

static bool taken(struct puppet *s, uint32_t reply)
{
	return is(s, recvs(s, 8, reply), 0) && type_at(s, reply) == WRIT_TYPE_REPLY;
}

static void test_once(void)
{
	uint32_t w = calls(a, 8, 1);
	struct result r;

	check(taken(b, 9) && replies(b, 9, 'x') == 0 && got(a, w, 0, &r) == 0 && r.tag == 'x' &&
		r.rep.pid == 0 && r.rep.badge == 0,
	    "a Reply answers its call");
	check(type_at(b, 9) == WRIT_TYPE_NULL && replies(b, 9, 'y') == -WRIT_E_FAILED_LOOKUP,
	    "once");
	w = calls(a, 8, 1);
	check(taken(b, 9) &&
		writ_cap_at(WRIT_OP_COPY, (struct writ_addr){ 9, b->cs, 6 },
		    (struct writ_addr){ 10, b->cs, 6 }, 0, 0) == -WRIT_E_ILLEGAL_OPERATION &&
		writ_cap_at(WRIT_OP_MINT, (struct writ_addr){ 9, b->cs, 6 },
		    (struct writ_addr){ 10, b->cs, 6 }, 0, 1) == -WRIT_E_ILLEGAL_OPERATION,
	    "it can't be copied or minted from");
	check(writ_cap_at(WRIT_OP_MOVE, (struct writ_addr){ 9, b->cs, 6 },
		  (struct writ_addr){ 10, b->cs, 6 }, 0, 0) == 0 &&
		replies(b, 9, 'x') == -WRIT_E_FAILED_LOOKUP && replies(b, 10, 'z') == 0 &&
		got(a, w, 0, &r) == 0 && r.tag == 'z' && type_at(b, 10) == WRIT_TYPE_NULL,
	    "moved, it answers from where it is");
	check(ask(b, WRIT_OP_REPLY, 8, 0, &(struct writ_msg_req){ 0 }, 0, 0, NULL) ==
		-WRIT_E_INVALID_CAPABILITY,
	    "an endpoint is no Reply");
	w = calls(a, 8, 1);
	check(taken(b, 9) && take_away(b, 9) == 0 && is(a, w, -WRIT_E_PEER_CLOSED),
	    "who deletes it tells the caller");
	w = calls(a, 8, 1);
	check(is(b, recvs(b, 8, 0), PENDING) && is(a, w, -WRIT_E_NO_TAKER) &&
		is(a, sends(a, 8, 1), 0),
	    "a receiver that offers no slot for it takes sends only");
}

static void test_cancel_own(void)
{
	struct writ_msg_req none = { 0 };
	uint32_t w = calls(a, 8, 1), s;

	check(ask(a, WRIT_OP_CANCEL, 0, w, NULL, 0, 0, NULL) == 0 && is(a, w, -WRIT_E_CANCELED) &&
		ask(b, WRIT_OP_NBRECV, 8, 0, &none, 0, 0, NULL) == -WRIT_E_BUSY,
	    "a caller that gives up is answered CANCELED, and its message has gone");
	w = calls(a, 8, 1);
	check(taken(b, 9) && ask(a, WRIT_OP_CANCEL, 0, w, NULL, 0, 0, NULL) == 0 &&
		is(a, w, -WRIT_E_CANCELED) && type_at(b, 9) == WRIT_TYPE_NULL &&
		replies(b, 9, 1) == -WRIT_E_FAILED_LOOKUP,
	    "also when it was taken: the server's slot is empty");
	w = recvs(b, 8, 9);
	s = sends(c, 8, 1);
	check(is(c, s, 0) && is(b, w, 0) &&
		ask(b, WRIT_OP_CANCEL, 0, w, NULL, 0, 0, NULL) == -WRIT_E_FAILED_LOOKUP &&
		ask(c, WRIT_OP_CANCEL, 0, 999999, NULL, 0, 0, NULL) == -WRIT_E_FAILED_LOOKUP,
	    "what has been answered can't be given up");
	w = recvs(b, 8, 9);
	check(ask(c, WRIT_OP_CANCEL, 0, w, NULL, 0, 0, NULL) == -WRIT_E_FAILED_LOOKUP &&
		is(b, w, PENDING) && ask(b, WRIT_OP_CANCEL, 0, w, NULL, 0, 0, NULL) == 0 &&
		is(b, w, -WRIT_E_CANCELED) && is(a, sends(a, 8, 1), PENDING),
	    "nor what is another's; a receive of one's own can");
	check(is(b, recvs(b, 8, 0), 0), "the message sent afterwards waits for the next");
}

static void give_all(struct puppet *p)
{
	give(p, 8, EP, RWG, 0);
	give(p, 12, EP2, RWG, 0);
}

static struct puppet *again(unsigned i)
{
	puppet_end(&puppets[i]);
	give_all(puppet(i));
	return &puppets[i];
}

static void test_ends(void)
{
	uint32_t w = calls(a, 8, 1);
	bool ok = taken(b, 9);

	puppet_kill(b); /* its CSpace stays: we hold the CNode */
	check(ok && is(a, w, -WRIT_E_PEER_CLOSED), "the server's death closes the call");
	again(1);
	calls(a, 8, 1);
	puppet_kill(a);
	check(is(b, recvs(b, 8, 9), PENDING), "a caller that died before is not received");
	again(0);
	w = calls(a, 8, 1); /* which the receive above takes */
	ok = is(a, w, PENDING) && type_at(b, 9) == WRIT_TYPE_REPLY;
	puppet_kill(a);
	check(ok && type_at(b, 9) == WRIT_TYPE_NULL && replies(b, 9, 1) == -WRIT_E_FAILED_LOOKUP,
	    "one that dies afterwards: the server's slot is empty");
	again(0);
	again(1);
	w = calls(a, 8, 1);
	ok = taken(b, 9);
	writ_cap_delete(EP);
	take_away(a, 8);
	take_away(b, 8);
	take_away(c, 8);
	check(ok && is(a, w, PENDING) && replies(b, 9, 'l') == 0 && is(a, w, 0),
	    "a Reply outlives its endpoint");
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	for (unsigned i = 0; i < 3; i++)
		give(&puppets[i], 8, EP, RWG, 0);
}

/* A calls B over EP, B calls C over EP2. */
static bool chain(uint32_t *ab, uint32_t *bc)
{
	bool ok;

	*ab = calls(a, 8, 'a');
	ok = taken(b, 9);
	*bc = calls(b, 12, 'b');
	return ok && is(c, recvs(c, 12, 9), 0) && is(a, *ab, PENDING) && is(b, *bc, PENDING);
}

static void test_chains(void)
{
	uint32_t ab, bc;
	struct result r;
	bool ok = chain(&ab, &bc);

	check(ok && replies(c, 9, 'c') == 0 && got(b, bc, 0, &r) == 0 && r.tag == 'c' &&
		is(a, ab, PENDING) && replies(b, 9, 'd') == 0 && got(a, ab, 0, &r) == 0 &&
		r.tag == 'd',
	    "IPC0019: a chain of calls is answered from its end");
	ok = chain(&ab, &bc);
	check(ok && take_away(c, 9) == 0 && is(b, bc, -WRIT_E_PEER_CLOSED) && is(a, ab, PENDING) &&
		replies(b, 9, 1) == 0 && is(a, ab, 0),
	    "IPC0020: the last Reply deleted: its caller is told, the one before waits on");
	ok = chain(&ab, &bc);
	check(ok && take_away(b, 9) == 0 && is(a, ab, -WRIT_E_PEER_CLOSED) && is(b, bc, PENDING) &&
		replies(c, 9, 1) == 0 && is(b, bc, 0),
	    "IPC0021: the first Reply deleted: the call further on goes on");
	ok = chain(&ab, &bc);
	puppet_kill(c);
	check(ok && is(b, bc, -WRIT_E_PEER_CLOSED) && is(a, ab, PENDING) && replies(b, 9, 1) == 0 &&
		is(a, ab, 0),
	    "IPC0022: the last server dies");
	again(2);
	ok = chain(&ab, &bc);
	puppet_kill(b);
	check(ok && is(a, ab, -WRIT_E_PEER_CLOSED) && type_at(c, 9) == WRIT_TYPE_NULL,
	    "IPC0023: the one in the middle dies: both calls are over");
	again(1);
	ok = chain(&ab, &bc);
	puppet_kill(a);
	check(ok && type_at(b, 9) == WRIT_TYPE_NULL && is(b, bc, PENDING) &&
		replies(c, 9, 1) == 0 && is(b, bc, 0),
	    "IPC0024: the first dies: the others finish");
	again(0);
	ok = chain(&ab, &bc);
	writ_cap_revoke(EP2);
	check(ok && is(b, bc, -WRIT_E_PEER_CLOSED) && type_at(c, 9) == WRIT_TYPE_NULL &&
		is(a, ab, PENDING) && replies(b, 9, 1) == 0 && is(a, ab, 0),
	    "a revoke of the last endpoint takes the last call");
	for (unsigned i = 0; i < 3; i++)
		give(&puppets[i], 12, EP2, RWG, 0);
	ok = chain(&ab, &bc);
	writ_cap_revoke(EP);
	check(ok && is(a, ab, -WRIT_E_PEER_CLOSED) && type_at(b, 9) == WRIT_TYPE_NULL &&
		is(b, bc, PENDING) && replies(c, 9, 1) == 0 && is(b, bc, 0),
	    "of the first endpoint, the first");
}

void test_replies(void)
{
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP2);
	for (unsigned i = 0; i < 3; i++)
		give_all(&puppets[i]);
	test_once();
	test_cancel_own();
	test_ends();
	test_chains();
	writ_cap_delete(EP);
	writ_cap_delete(EP2);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned s = 8; s < 13; s++)
			take_away(&puppets[i], s);
}
