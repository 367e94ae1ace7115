/* SPDX-License-Identifier: MIT */
/* What once went wrong: one case or a few for each, of the first server's own calls. */
#include "gate.h"
#include <string.h>
#include <unistd.h>

enum { OWN = 900, EP, WAY, NODE_OF, MANY, LAST = 980 };

static void clear(void)
{
	for (uint32_t i = OWN; i < LAST; i++)
		writ_cap_delete(i);
}

static void close_fds(int *fds)
{
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* A session over the Path in WAY; its number, or 0. */
static uint32_t connect_self(void)
{
	struct writ_hdr h = { .op = WRIT_OP_CONNECT, .cap = WAY };

	return writ_gate_call(&h, NULL, NULL, NULL, 0, NULL) == 0 ? (uint32_t)h.arg : 0;
}

/* The next event, of @op: its arg; 0 if there is none or another. */
static uint64_t event_of(unsigned op)
{
	struct writ_event e;

	if (writ_event_next(&e, 200) != 1)
		return 0;
	close_fds(e.fds);
	return e.hdr.op == op ? e.hdr.arg : 0;
}

/* Both sides of a revoked session are told, by its number. */
static void test_session_revoked(void)
{
	uint32_t id;

	check(writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP) == 0 &&
		call(WRIT_OP_LISTEN, EP, 0, NULL, 0) == 0 &&
		writ_path_derive(EP, WAY, "/", WRIT_R_READ, 0) == 0 && (id = connect_self()) != 0 &&
		event_of(WRIT_EV_CONNECT) == id && writ_cap_revoke(EP) == 0 &&
		event_of(WRIT_EV_CLOSED) == id && event_of(WRIT_EV_CLOSED) == id,
	    "both sides of a session learn which one was revoked");
	clear();
}

/* Who listens by a capability that was revoked doesn't any more; the next one does. */
static void test_listen_revoked(void)
{
	uint32_t id = 0;

	check(writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP) == 0 &&
		writ_cap_copy(EP, MANY, WRIT_R_READ) == 0 &&
		writ_path_derive(EP, WAY, "/", WRIT_R_READ, 0) == 0 &&
		call(WRIT_OP_LISTEN, MANY, 0, NULL, 0) == 0 && (id = connect_self()) != 0 &&
		event_of(WRIT_EV_CONNECT) == id,
	    "listening through a copy of the Endpoint");
	check(writ_cap_delete(WAY) == 0 && writ_cap_revoke(EP) == 0 &&
		event_of(WRIT_EV_CLOSED) == id && event_of(WRIT_EV_CLOSED) == id &&
		writ_path_derive(EP, WAY, "/", WRIT_R_READ, 0) == 0 && (id = connect_self()) != 0 &&
		event_of(WRIT_EV_CONNECT) == 0,
	    "ends when that is revoked");
	check(call(WRIT_OP_LISTEN, EP, 0, NULL, 0) == 0 && event_of(WRIT_EV_CONNECT) == id,
	    "and who listens next gets what waited");
	writ_cap_revoke(EP);
	event_of(WRIT_EV_CLOSED);
	event_of(WRIT_EV_CLOSED);
	clear();
}

/* Objects that live only by others cost slots, too: none can fill the tables with a slot or two. */
static void test_chains(void)
{
	const struct writ_quota none = { 0 };
	struct writ_spawncap_req s = { .classes = 1, .profiles = 1, .dst.index = MANY };
	unsigned n = 0;
	int e = 0;

	check(writ_retype_untyped(WRIT_BOOT_UNTYPED, MANY, (struct writ_quota){ 0, 2, 0 }) == 0 &&
		writ_retype_untyped(MANY, MANY + 1, none) == 0 &&
		writ_retype_untyped(MANY, MANY + 2, none) == 0 &&
		writ_retype_untyped(MANY, MANY + 3, none) == -WRIT_E_NOT_ENOUGH_MEMORY,
	    "an Untyped costs a slot of the one it is made from");
	writ_cap_delete(MANY + 2);
	nap_ms(20);
	check(writ_retype_untyped(MANY, MANY + 3, none) == 0, "and gives it back");
	clear();
	for (; n < 100 && e == 0; n++) {
		s.dst.index = MANY + n % 2;
		e = writ_spawncap_derive(n == 0 ? SPAWN : MANY + (n + 1) % 2, &s);
		writ_cap_delete(n == 0 ? 0 : MANY + (n + 1) % 2);
	}
	check(e == -WRIT_E_RANGE && n == 64, "a Spawn has at most 63 above it (%u)", n);
	clear();
}

/* A right that one hasn't is not had by making something. */
static void test_rights(void)
{
	struct writ_realm_req r = { .dst = { .index = MANY + 3 },
		.account = WRIT_BOOT_UNTYPED,
		.name = "review" };

	check(writ_retype_untyped(WRIT_BOOT_UNTYPED, MANY, (struct writ_quota){ 0, 9, 0 }) == 0 &&
		writ_cap_copy(MANY, MANY + 1, WRIT_R_WRITE) == 0 &&
		writ_retype_untyped(MANY + 1, MANY + 2, (struct writ_quota){ 0 }) == 0 &&
		writ_realm_create(MANY + 1, &r) == -WRIT_E_NO_RIGHT &&
		writ_realm_create(MANY + 2, &r) == -WRIT_E_NO_RIGHT,
	    "an Untyped without grant makes no realm, nor does one made from it");
	clear();
}

void test_review(void)
{
	test_chains();
	test_rights();
	test_listen_revoked();
	test_session_revoked();
}
