/* SPDX-License-Identifier: MIT */
/* Capabilities in messages: copies, all or none; CANCEL_BADGED_SENDS_0001 and 0002. */
#include "ipc.h"

static struct puppet *const a = &puppets[0], *const b = &puppets[1];

static int sent(const struct writ_msg_req *r, const struct writ_msg_req *t, struct result *ret)
{
	uint32_t w = post(b, WRIT_OP_RECV, 8, 0, t, 0, 0);
	int e = ask(a, WRIT_OP_SEND, 8, 0, r, 1, 't', NULL);

	return e != 0 ? e : got(b, w, 0, ret);
}

static void test_copies(void)
{
	struct result r;
	bool ok = true;

	for (unsigned n = 1; n <= 3; n++) {
		struct writ_msg_req m = { .caps = { 9, 10, 11 }, .ncaps = (uint8_t)n },
				    t = { .take = 20, .ntake = 3 };

		ok = ok && sent(&m, &t, &r) == 0 && r.rep.ncaps == n && r.tag == 't';
		for (unsigned i = 0; i < 3; i++) {
			ok = ok && type_at(a, 9 + i) == WRIT_TYPE_NOTIFICATION &&
			    type_at(b, 20 + i) ==
				(i < n ? WRIT_TYPE_NOTIFICATION : WRIT_TYPE_NULL) &&
			    (i >= n || badge_at(b, 20 + i) == 100 + i);
			if (n < 3)
				take_away(b, 20 + i);
		}
	}
	check(ok,
	    "1 to 3 capabilities arrive in order, with their badges; the sender keeps its own");
	revoke_at(a, 9);
	check(type_at(a, 9) == WRIT_TYPE_NOTIFICATION && type_at(b, 20) == WRIT_TYPE_NULL &&
		type_at(b, 21) == WRIT_TYPE_NOTIFICATION,
	    "what came is a child of what was sent: revoke takes that one, and no other");
	take_away(b, 21);
	take_away(b, 22);
}

static void test_unwrapped(void)
{
	struct writ_msg_req m = { .caps = { 9, 12, 10 }, .ncaps = 3 },
			    t = { .take = 20, .ntake = 2 };
	struct result r;

	give(a, 12, EP, W, 55);
	check(sent(&m, &t, &r) == 0 && r.rep.ncaps == 2 && r.rep.unwrapped == 2 &&
		r.rep.badges[1] == 55 && badge_at(b, 20) == 100 && badge_at(b, 21) == 101,
	    "one to the same endpoint is unwrapped: its badge comes, and uses no slot");
	take_away(b, 20);
	take_away(b, 21);
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP2);
	give(a, 13, EP2, W, 55);
	m = (struct writ_msg_req){ .caps = { 13 }, .ncaps = 1 };
	check(sent(&m, &t, &r) == 0 && r.rep.unwrapped == 0 && badge_at(b, 20) == 55,
	    "one to another endpoint is not");
	take_away(b, 20);
	writ_cap_delete(EP2);
}

static void test_all_or_none(void)
{
	struct writ_msg_req two = { .caps = { 9, 10 }, .ncaps = 2 },
			    hole = { .caps = { 9, 40 }, .ncaps = 2 },
			    reply = { .caps = { 9, 14 }, .ncaps = 2 },
			    many = { .caps = { 9, 10, 11 }, .ncaps = 4 },
			    one = { .take = 20, .ntake = 1 }, t = { .take = 20, .ntake = 2 };
	uint32_t w = post(b, WRIT_OP_RECV, 8, 0, &one, 0, 0), c;

	check(ask(a, WRIT_OP_SEND, 8, 0, &two, 1, 1, NULL) == -WRIT_E_NO_TAKER &&
		is(b, w, PENDING) && type_at(b, 20) == WRIT_TYPE_NULL,
	    "more than the receiver offers slots for: NO_TAKER, and it has seen nothing");
	check(ask(a, WRIT_OP_SEND, 8, 0, &hole, 1, 1, NULL) == -WRIT_E_FAILED_LOOKUP &&
		ask(a, WRIT_OP_SEND, 8, 0, &many, 1, 1, NULL) == -WRIT_E_BAD_REQUEST &&
		is(b, w, PENDING),
	    "an empty slot, or more than three, is refused");
	check(is(a, sends(a, 8, 1), 0) && is(b, w, 0), "and the receiver gets the next that fits");
	give(a, 15, EP, R, 0);
	give(b, 16, EP, W | G, 0);
	c = calls(b, 16, 1);
	check(is(a, recvs(a, 15, 14), 0) && type_at(a, 14) == WRIT_TYPE_REPLY &&
		ask(a, WRIT_OP_SEND, 8, 0, &reply, 1, 1, NULL) == -WRIT_E_ILLEGAL_OPERATION &&
		replies(a, 14, 1) == 0 && is(b, c, 0),
	    "a Reply can't be sent, and still answers");
	give(b, 21, NTFN, R, 0);
	check(ask(b, WRIT_OP_RECV, 8, 0, &t, 0, 0, NULL) == -WRIT_E_DELETE_FIRST,
	    "a slot that is offered must be empty");
	take_away(b, 21);
	w = post(b, WRIT_OP_RECV, 8, 0, &t, 0, 0);
	give(b, 21, NTFN, R, 0);
	c = post(a, WRIT_OP_SEND, 8, 0, &two, 1, 1);
	check(is(b, w, -WRIT_E_DELETE_FIRST) && is(a, c, PENDING) &&
		type_at(b, 20) == WRIT_TYPE_NULL,
	    "and still be when a message comes: the receiver is told, the message waits");
	take_away(b, 21);
	w = post(b, WRIT_OP_RECV, 8, 0, &t, 0, 0);
	check(is(b, w, 0) && is(a, c, 0) && type_at(b, 20) == WRIT_TYPE_NOTIFICATION &&
		type_at(b, 21) == WRIT_TYPE_NOTIFICATION,
	    "until somebody takes all of it");
	take_away(b, 20);
	take_away(b, 21);
	check(ask(b, WRIT_OP_RECV, 8, 0,
		  &(struct writ_msg_req){ .take = 20, .ntake = 3, .reply = 22 }, 0, 0,
		  NULL) == -WRIT_E_INVALID_ARGUMENT,
	    "nor may the Reply's slot be one of those for capabilities");
}

static void test_in_replies(void)
{
	struct writ_msg_req two = { .caps = { 20, 21 }, .ncaps = 2 },
			    t = { .take = 24, .ntake = 1 }, t2 = { .take = 24, .ntake = 2 };
	uint32_t c = post(a, WRIT_OP_CALL, 8, 0, &t, 0, 0);
	struct result r;

	give(b, 20, NTFN, W, 1);
	give(b, 21, NTFN, W, 2);
	check(is(b, recvs(b, 8, 30), 0) &&
		ask(b, WRIT_OP_REPLY, 30, 0, &two, 0, 0, NULL) == -WRIT_E_NO_TAKER &&
		is(a, c, PENDING) && type_at(a, 24) == WRIT_TYPE_NULL && replies(b, 30, 1) == 0,
	    "an answer with more than the caller takes is refused, and the Reply stays");
	c = post(a, WRIT_OP_CALL, 8, 0, &t2, 0, 0);
	check(is(b, recvs(b, 8, 30), 0) && ask(b, WRIT_OP_REPLY, 30, 0, &two, 0, 0, NULL) == 0 &&
		got(a, c, 0, &r) == 0 && r.rep.ncaps == 2 && badge_at(a, 24) == 1 &&
		badge_at(a, 25) == 2,
	    "with room for them they come");
	revoke_at(b, 20);
	check(type_at(a, 24) == WRIT_TYPE_NULL && type_at(a, 25) == WRIT_TYPE_NOTIFICATION,
	    "and are children of the server's");
}

void test_transfer(void)
{
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	writ_retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_NOTIFICATION, (struct writ_addr){ .index = NTFN },
	    1, (struct writ_quota){ 0 });
	give(a, 8, EP, W | G, 0);
	give(b, 8, EP, R | G, 0);
	for (unsigned i = 0; i < 3; i++)
		give(a, 9 + i, NTFN, R | W, 100 + i);
	test_copies();
	test_unwrapped();
	test_all_or_none();
	test_in_replies();
	for (unsigned s = 8; s < 40; s++) {
		take_away(a, s);
		take_away(b, s);
	}
	writ_cap_delete(NTFN);
	writ_cap_delete(EP);
}

/* --- CANCEL_BADGED_SENDS ----------------------------------------------------------- */

enum { CLIENTS = 32, FIRST = 4 };

void test_cancel(void)
{
	struct puppet *s = &puppets[0];
	uint32_t c[CLIENTS];
	struct result r;
	unsigned aborted = 0, stayed = 0, order = 0;

	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	writ_cap_mint(EP, MID, RWG, 1);
	writ_cap_mint(EP, TMP, W, 2);
	give(s, 8, EP, R, 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		give(puppet(FIRST + i), 8, i % 3 == 0 ? MID : TMP, W, 0);
		c[i] = sends(&puppets[FIRST + i], 8, (uint8_t)i);
	}
	check(writ_cancel_badged_sends(TMP) == -WRIT_E_NO_RIGHT,
	    "CancelBadgedSends needs all four rights");
	check(writ_cancel_badged_sends(MID) == (CLIENTS + 2) / 3,
	    "CANCEL_BADGED_SENDS_0001: one in three of 32 clients is aborted");
	for (unsigned i = 0; i < CLIENTS; i++)
		if (i % 3 == 0)
			aborted += is(&puppets[FIRST + i], c[i], -WRIT_E_CANCELED);
		else
			stayed += is(&puppets[FIRST + i], c[i], PENDING);
	check(aborted == 11 && stayed == 21, "those with the badge, and no other: %u, %u", aborted,
	    stayed);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (i % 3 != 0)
			order += ask(s, WRIT_OP_RECV, 8, 0, &(struct writ_msg_req){ 0 }, 0, 0,
				     &r) == 0 &&
			    r.tag == (int)i && is(&puppets[FIRST + i], c[i], 0);
	check(order == 21, "the others are received in their order");
	c[0] = sends(&puppets[FIRST], 8, 1);
	check(is(s, recvs(s, 8, 0), 0) && is(&puppets[FIRST], c[0], 0),
	    "a client that was aborted may send again");
	c[0] = sends(&puppets[FIRST], 8, 1);
	c[1] = sends(&puppets[FIRST + 1], 8, 2);
	check(writ_cap_revoke(MID) == 0 && writ_cancel_badged_sends(MID) == 0 &&
		is(&puppets[FIRST], c[0], -WRIT_E_STALE) &&
		is(&puppets[FIRST + 1], c[1], PENDING) &&
		type_at(&puppets[FIRST], 8) == WRIT_TYPE_NULL,
	    "CANCEL_BADGED_SENDS_0002: revoke takes the capabilities and what was sent by them");
	for (unsigned i = 0; i < CLIENTS; i++)
		puppet_end(&puppets[FIRST + i]);
	writ_cap_delete(MID);
	writ_cap_delete(TMP);
	writ_cap_delete(EP);
	take_away(s, 8);
}
