/* SPDX-License-Identifier: MIT */
/* Killed at any point of a message, in random order; bounds; who doesn't read. */
#include "ipc.h"
#include <string.h>

enum { ROUNDS = 25, DEATHS = 20, A = 0, B = 1, S = 2, SLOT = 8 };

static void equip(unsigned i)
{
	if (puppets[i].pid == 0)
		puppet(i);
	give(&puppets[i], SLOT, EP, i == S ? R | G : RWG, i + 1);
	give(&puppets[i], SLOT + 1, NTFN, R | W, i + 1);
}

/* A step of one of the three, whatever comes of it. */
static void step(struct puppet *p)
{
	struct writ_msg_req caps = { .caps = { SLOT + 1 }, .ncaps = 1 },
			    take = { .take = 20, .ntake = 1, .reply = 30 };

	switch (random_below(9)) {
	case 0: sends(p, SLOT, 1); break;
	case 1: post(p, WRIT_OP_SEND, SLOT, 0, &caps, 9, 1); break;
	case 2: calls(p, SLOT, 1); break;
	case 3: post(p, WRIT_OP_CALL, SLOT, 0, &take, 0, 0); break;
	case 4:
	case 5: post(p, WRIT_OP_RECV, SLOT, 0, &take, 0, 0); break;
	case 6: replies(p, 30, 1); break;
	case 7:
		post(p, random_below(2) != 0 ? WRIT_OP_WAIT : WRIT_OP_BIND, SLOT + 1, 0, NULL, 0,
		    0);
		break;
	default:
		take_away(p, 20);
		take_away(p, 30);
		break;
	}
}

void test_deaths(void)
{
	struct writ_quota_rep before[2], now[2];
	unsigned left = 0, killed[3] = { 0 };
	unsigned deaths = DEATHS * (1 + (ROUNDS - 1) / test_scale());

	for (unsigned i = 0; i < 4; i++)
		puppet_end(&puppets[i]);
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	writ_retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_NOTIFICATION, (struct writ_addr){ .index = NTFN },
	    1, (struct writ_quota){ 0 });
	writ_quota_read(ACCOUNT, &before[0]);
	writ_quota_read(ACCOUNT_B, &before[1]);
	for (unsigned round = 0; round < deaths; round++) {
		unsigned victim = (unsigned)random_below(3);

		for (unsigned i = 0; i < 3; i++)
			equip(i);
		for (unsigned n = (unsigned)random_below(8); n > 0; n--)
			step(&puppets[random_below(3)]);
		puppet_end(&puppets[victim]);
		killed[victim]++;
		if (round % DEATHS != DEATHS - 1)
			continue;
		for (unsigned i = 0; i < 3; i++)
			puppet_end(&puppets[i]);
		if (!used_again(ACCOUNT, &before[0], &now[0]) ||
		    !used_again(ACCOUNT_B, &before[1], &now[1]))
			left++;
	}
	check(left == 0, "%u deaths (%u, %u, %u) in the middle of messages leave nothing: %u",
	    deaths, killed[A], killed[B], killed[S], left);
	for (unsigned i = 0; i < 4; i++)
		puppet(i);
	give(&puppets[A], SLOT, EP, W, 0);
	give(&puppets[S], SLOT, EP, R, 0);
	check(is(&puppets[A], sends(&puppets[A], SLOT, 1), PENDING) &&
		is(&puppets[S], recvs(&puppets[S], SLOT, 0), 0),
	    "and the endpoint works as before");
	writ_cap_revoke(EP);
	writ_cap_delete(EP);
	writ_cap_delete(NTFN);
}

/* --- bounds --------------------------------------------------------------------------- */

static void test_outstanding(void)
{
	struct puppet *p = &puppets[0], *q = &puppets[2];
	uint32_t c[65];
	unsigned waiting = 0;

	for (unsigned i = 0; i < 65; i++)
		c[i] = sends(p, SLOT, (uint8_t)i);
	for (unsigned i = 0; i < 64; i++)
		waiting += is(p, c[i], PENDING);
	check(waiting == 64 && is(p, c[64], -WRIT_E_NOT_ENOUGH_MEMORY),
	    "64 messages at once, not 65 (%u wait)", waiting);
	check(is(q, sends(q, SLOT, 1), PENDING), "which is no other proc's bound");
	recvs(&puppets[1], SLOT, 0);
	check(is(p, c[0], 0) && is(p, sends(p, SLOT, 1), PENDING), "one that is taken makes room");
}

/* A realm has half of what there is at most. */
static void test_share(void)
{
	static uint32_t sent[PUPPETS][64];
	unsigned waiting = 0, refused = 0;
	struct puppet *b = &puppets[1];

	for (unsigned i = 4; i < PUPPETS; i += 2) {
		give(puppet(i), SLOT, EP, W, 0);
		for (unsigned n = 0; n < 64; n++)
			sent[i][n] = sends(&puppets[i], SLOT, 1);
	}
	for (unsigned i = 4; i < PUPPETS; i += 2)
		for (unsigned n = 0; n < 64; n++) {
			int e = got(&puppets[i], sent[i][n], 0, NULL);

			waiting += e == PENDING;
			refused += e == -WRIT_E_NOT_ENOUGH_MEMORY;
		}
	check(waiting > 1900 && waiting < 2048 && waiting + refused == (PUPPETS - 4) / 2 * 64,
	    "a realm has %u messages on their way, and %u more are refused", waiting, refused);
	take_away(b, SLOT);
	give(b, SLOT, EP2, RWG, 0);
	check(is(b, sends(b, SLOT, 1), PENDING) && is(b, recvs(b, SLOT, 0), 0),
	    "which another realm does not notice");
	for (unsigned i = 4; i < PUPPETS; i++)
		puppet_end(&puppets[i]);
}

/* Its gate fills with answers that it never takes: it is ended, and nobody else. */
static void test_unread(void)
{
	static const struct writ_msg_req none;
	struct puppet *p = &puppets[0], *b = &puppets[1], *s = &puppets[2];
	struct writ_exit e = { 0 };
	struct result r;
	unsigned sent = 0;

	for (unsigned i = 0; i < 60; i++)
		recvs(p, SLOT, 0);
	call(WRIT_OP_SUSPEND, p->proc, 0, NULL, 0);
	nap_ms(50 * test_scale()); /* Linux freezes it in its own time */
	while (sent < 60 && ask(b, WRIT_OP_SEND, SLOT, 0, &none, 4096, 1, NULL) == 0)
		sent++;
	check(sent > 8 && sent < 60 && wait_for(p->proc, WRIT_WAIT_EXIT, &e) == 0 &&
		e.state == WRIT_STATE_KILLED && strstr(e.said, "replies") != NULL,
	    "who asks for messages and reads none of %u is ended: \"%s\"", sent, e.said);
	check(ask(s, WRIT_OP_RECV, SLOT, 0, &none, 0, 0, &r) == 0 && r.len == 4096 &&
		r.rep.pid == b->pid && is(s, recvs(s, SLOT, 0), PENDING) &&
		is(b, sends(b, SLOT, 1), 0),
	    "the next message is another's, and its sender and receiver go on");
}

void test_bounds(void)
{
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP2);
	for (unsigned i = 0; i < 4; i++) {
		take_away(&puppets[i], SLOT);
		give(&puppets[i], SLOT, EP, RWG, 0);
	}
	test_outstanding();
	test_share();
	for (unsigned i = 0; i < 4; i++) {
		puppet_end(&puppets[i]);
		give(puppet(i), SLOT, EP, RWG, 0);
	}
	test_unread();
	writ_cap_delete(EP);
	writ_cap_delete(EP2);
}
