/* SPDX-License-Identifier: MIT */
/* IPC0001 to 0004, 1001 to 1004, 0010, NBWAIT0001, FIFO order, sizes, what is attested. */
#include "ipc.h"

/* One message by call @send, with the sender or the receiver first. */
static void meet(struct puppet *from, struct puppet *to, unsigned send, bool sender_first)
{
	struct writ_msg_req none = { 0 };
	uint32_t s, r;
	bool ok = true;
	struct result got_it = { 0 };

	give(from, 8, EP, W | GR, 0);
	give(to, 8, EP, R | G, 0);
	if (sender_first) {
		s = post(from, send, 8, 0, &none, 1, 'm');
		ok = is(from, s, PENDING);
		r = recvs(to, 8, 9);
	} else {
		r = recvs(to, 8, 9);
		ok = is(to, r, PENDING);
		s = post(from, send, 8, 0, &none, 1, 'm');
	}
	ok = ok && got(to, r, 0, &got_it) == 0 && got_it.tag == 'm' && got_it.len == 1 &&
	    got_it.rep.pid == from->pid && got_it.rep.call == (send == WRIT_OP_CALL);
	if (send == WRIT_OP_CALL)
		ok = ok && is(from, s, PENDING) && replies(to, 9, 'r') == 0 &&
		    got(from, s, 0, &got_it) == 0 && got_it.tag == 'r';
	else
		ok = ok && is(from, s, 0);
	check(ok, "%s: %s and RECV, %s first%s",
	    send == WRIT_OP_SEND         ? "IPC0001, IPC1001"
		: send == WRIT_OP_NBSEND ? "IPC0003, IPC1003"
					 : "IPC0002, IPC1002",
	    send == WRIT_OP_SEND         ? "SEND"
		: send == WRIT_OP_NBSEND ? "NBSEND"
					 : "CALL",
	    sender_first ? "sender" : "receiver", (from - to) % 2 == 0 ? "" : ", of another realm");
	take_away(from, 8);
	take_away(to, 8);
}

/* IPC0004: REPLY_RECV serves one call after the other. */
static void test_reply_recv(void)
{
	struct puppet *c = &puppets[0], *s = &puppets[1], *d = &puppets[2];
	struct writ_msg_req r = { .reply = 9 };
	struct result got_it;
	uint32_t a, b, w;
	bool ok;

	give(c, 8, EP, W | G, 1);
	give(d, 8, EP, W | G, 2);
	give(s, 8, EP, R | G, 0);
	a = calls(c, 8, 'a');
	b = calls(d, 8, 'b');
	ok = ask(s, WRIT_OP_RECV, 8, 0, &r, 0, 0, &got_it) == 0 && got_it.rep.badge == 1;
	w = post(s, WRIT_OP_REPLY_RECV, 8, 9, &r, 1, 'A');
	ok = ok && got(c, a, 0, &got_it) == 0 && got_it.tag == 'A' && is(d, b, PENDING) &&
	    got(s, w, 0, &got_it) == 0 && got_it.rep.badge == 2 && got_it.tag == 'b';
	w = post(s, WRIT_OP_REPLY_RECV, 8, 9, &r, 1, 'B');
	check(ok && got(d, b, 0, &got_it) == 0 && got_it.tag == 'B' && is(s, w, PENDING),
	    "IPC0004, IPC1004: REPLY_RECV answers one call and takes the next, then waits");
	a = calls(c, 8, 'c');
	ok = is(s, w, 0) &&
	    ask(s, WRIT_OP_REPLY_RECV, 8, 10, &r, 1, 'C', NULL) == -WRIT_E_FAILED_LOOKUP &&
	    ask(s, WRIT_OP_REPLY_RECV, 8, 9, &(struct writ_msg_req){ .reply = 8 }, 1, 'C', NULL) ==
		-WRIT_E_DELETE_FIRST &&
	    ask(s, WRIT_OP_REPLY_RECV, 8, 9, &(struct writ_msg_req){ .ntake = 4 }, 1, 'C', NULL) ==
		-WRIT_E_BAD_REQUEST &&
	    is(c, a, PENDING);
	check(ok, "one that is wrong in either half does neither");
	check(replies(s, 9, 'C') == 0 && is(c, a, 0), "and the call can still be answered");
	take_away(c, 8);
	take_away(s, 8);
	take_away(d, 8);
}

static void test_fifo(void)
{
	struct puppet *s = &puppets[0];
	uint32_t c[8];
	struct result r;
	bool ok = true;

	for (unsigned i = 1; i < 4; i++)
		give(&puppets[i], 8, EP, W, i);
	give(s, 8, EP, R, 0);
	for (unsigned i = 0; i < 6; i++)
		c[i] = sends(&puppets[1 + i % 3], 8, (uint8_t)('a' + i));
	for (unsigned i = 0; i < 6; i++)
		ok = ok && ask(s, WRIT_OP_RECV, 8, 0, &(struct writ_msg_req){ 0 }, 0, 0, &r) == 0 &&
		    r.tag == 'a' + (int)i && r.rep.badge == 1 + i % 3 &&
		    r.rep.pid == puppets[1 + i % 3].pid && is(&puppets[1 + i % 3], c[i], 0);
	check(ok, "senders are served in the order they came, with badge and pid of each");
	for (unsigned i = 1; i < 4; i++) {
		take_away(&puppets[i], 8);
		give(&puppets[i], 8, EP, R, 0);
		c[i] = recvs(&puppets[i], 8, 0);
	}
	take_away(s, 8);
	give(s, 8, EP, W, 0);
	for (unsigned i = 1; i < 4; i++) {
		ok = ok && is(s, sends(s, 8, (uint8_t)i), 0);
		for (unsigned j = 1; j < 4; j++)
			ok = ok &&
			    (j == i ? got(&puppets[j], c[j], 0, &r) == 0 && r.tag == (int)i
				    : j < i || is(&puppets[j], c[j], PENDING));
	}
	check(ok, "receivers get messages in the order they came");
	for (unsigned i = 0; i < 4; i++)
		take_away(&puppets[i], 8);
}

static void test_attested(void)
{
	struct puppet *a = &puppets[0], *b = &puppets[1], *s = &puppets[2];
	struct result x, y;
	uint32_t w;
	bool ok;

	give(a, 8, EP, W, 77);
	give(b, 8, EP, W, 0);
	give(s, 8, EP, R, 0);
	sends(a, 8, 1);
	sends(b, 8, 1);
	w = recvs(s, 8, 0);
	check(got(s, w, 0, &x) == 0 && x.rep.badge == 77 && x.rep.pid == a->pid,
	    "badge and pid are attested");
	w = recvs(s, 8, 0);
	ok = got(s, w, 0, &y) == 0 && y.rep.badge == 0 && y.rep.pid == b->pid && x.rep.realm != 0 &&
	    y.rep.realm != 0 && x.rep.realm != y.rep.realm;
	check(ok, "and the realm: %u is not %u", x.rep.realm, y.rep.realm);
}

static void test_sizes(void)
{
	static const uint32_t sizes[] = { 0, 1, 7, 64, 1000, 4095, 4096 };
	struct puppet *a = &puppets[0], *s = &puppets[2];
	struct writ_msg_req none = { 0 };
	struct result r;
	bool ok = true;
	uint32_t w;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		w = recvs(s, 8, 0);
		ok = ok && ask(a, WRIT_OP_SEND, 8, 0, &none, sizes[i], 0x5a, NULL) == 0 &&
		    got(s, w, 0, &r) == 0 && r.len == sizes[i] &&
		    r.tag == (sizes[i] != 0 ? 0x5a : -1);
	}
	check(ok, "messages of 0 to 4096 bytes arrive as they were");
	w = recvs(s, 8, 0);
	check(ask(a, WRIT_OP_SEND, 8, 0, &none, 4097, 1, NULL) == -WRIT_E_BAD_REQUEST &&
		ask(a, WRIT_OP_SEND, 8, 0, NULL, 23, 1, NULL) == -WRIT_E_BAD_REQUEST &&
		is(s, w, PENDING),
	    "4097 bytes are refused, and so is less than the request's struct");
	check(is(a, sends(a, 8, 1), 0) && is(s, w, 0), "and the receiver still waits for the next");
}

static void test_nb(void)
{
	struct puppet *a = &puppets[0], *s = &puppets[2];
	struct writ_msg_req none = { 0 }, slot = { .take = 10, .ntake = 1 };
	struct result r;
	uint32_t w;

	check(ask(a, WRIT_OP_NBSEND, 8, 0, &none, 1, 1, NULL) == -WRIT_E_BUSY,
	    "NBSEND without a receiver is BUSY");
	check(ask(s, WRIT_OP_NBRECV, 8, 0, &none, 0, 0, NULL) == -WRIT_E_BUSY,
	    "NBWAIT0001: NBRECV without a sender is BUSY, and nothing of the NBSEND was kept");
	sends(a, 8, 9);
	check(ask(s, WRIT_OP_NBRECV, 8, 0, &none, 0, 0, &r) == 0 && r.tag == 9,
	    "with one it takes the message");
	w = recvs(s, 8, 0);
	check(ask(a, WRIT_OP_NBSEND, 8, 0, &none, 1, 8, NULL) == 0 && got(s, w, 0, &r) == 0 &&
		r.tag == 8,
	    "NBSEND with a receiver is taken");
	w = post(s, WRIT_OP_RECV, 8, 0, &slot, 0, 0);
	give(s, 10, EP, R, 0); /* the slot it offered is no longer free */
	check(ask(a, WRIT_OP_NBSEND, 8, 0, &none, 1, 8, NULL) == -WRIT_E_BUSY &&
		is(s, w, -WRIT_E_DELETE_FIRST),
	    "with one that can't take any more it does not wait either");
	take_away(s, 10);
	take_away(a, 8);
	give(a, 8, EP, W | G, 0);
	w = calls(a, 8, 1);
	check(ask(s, WRIT_OP_NBRECV, 8, 0, &none, 0, 0, NULL) == -WRIT_E_BUSY &&
		is(a, w, -WRIT_E_NO_TAKER),
	    "NBRECV that takes no calls refuses the one that waits, and does not wait");
}

static void test_suspend(void)
{
	struct puppet *a = &puppets[0], *s = &puppets[2];
	uint32_t c = calls(a, 8, 'q'), w = recvs(s, 8, 9);
	struct result r;

	check(is(s, w, 0) && call(WRIT_OP_SUSPEND, a->proc, 0, NULL, 0) == 0 &&
		replies(s, 9, 'p') == 0 && call(WRIT_OP_RESUME, a->proc, 0, NULL, 0) == 0 &&
		got(a, c, 0, &r) == 0 && r.tag == 'p',
	    "IPC0010: a caller that is suspended in its call is answered, and finds that later");
	take_away(a, 8);
	take_away(s, 8);
}

void test_orders(void)
{
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	for (unsigned to = 1; to <= 2; to++)
		for (unsigned first = 0; first < 2; first++) {
			meet(&puppets[0], &puppets[to], WRIT_OP_SEND, first);
			meet(&puppets[0], &puppets[to], WRIT_OP_CALL, first);
			if (!first)
				meet(&puppets[0], &puppets[to], WRIT_OP_NBSEND, false);
		}
	test_reply_recv();
	test_fifo();
	test_attested();
	test_sizes();
	test_nb();
	test_suspend();
	writ_cap_delete(EP);
}
