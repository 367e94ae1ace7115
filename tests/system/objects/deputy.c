/* SPDX-License-Identifier: MIT */
/*
 * No confused deputies: what a server hands on to its client is bounded by what
 * the client's own Path says, and goes when that goes.
 */
#include "objects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EP = AREA,
	EP2,
	MAIL,
	CLIENT,
	CLIENT2,
	S1,
	S2,
	C, /* root's */
	MY_EP = 1,
	MY_MAIL,
	GIVEN = 5, /* a server's */
	MY_PATH = 1,
	MY_PATH2,
	MY_BOX,
	TAKEN = 10, /* the client's */
	GUESSES = 32,
};

static void drop_fds(const struct writ_event *ev)
{
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		if (ev->fds[i] >= 0)
			close(ev->fds[i]);
}

static struct answer grant(uint64_t session, const char *prefix, uint32_t rights, uint64_t badge)
{
	struct writ_path_req r = { .dst = own(GIVEN), .rights = rights, .badge = badge };

	snprintf(r.prefix, sizeof(r.prefix), "%s", prefix);
	return ask(WRIT_OP_GRANT, 0, session, &r, sizeof(r));
}

/* All sessions near one's own, but that one. */
static bool guess(uint32_t mine)
{
	for (uint32_t gen = 0; gen < 4; gen++)
		for (uint32_t i = 0; i < GUESSES; i++) {
			uint64_t id = (((mine >> 16) ^ gen) << 16) | i;

			if (id != mine &&
			    grant(id, "/", WRIT_R_READ, 0).status != -WRIT_E_FAILED_LOOKUP)
				return false;
		}
	return true;
}

/* The number of the first attempt that was not refused as it should be, or 0. */
static int attempts(uint32_t s)
{
	struct answer a = grant(s, "/", WRIT_R_READ | WRIT_R_WRITE, 0);

	if (a.status != -WRIT_E_NO_RIGHT || a.missing != WRIT_R_WRITE)
		return 1;
	if (grant(s, "/../b", WRIT_R_READ, 0).status != -WRIT_E_BAD_REQUEST ||
	    grant(s, "b", WRIT_R_READ, 0).status != -WRIT_E_BAD_REQUEST)
		return 2;
	if (grant(s, "/", WRIT_R_READ, 8).status != -WRIT_E_ILLEGAL_OPERATION ||
	    grant(s, "/", WRIT_R_READ, 7).status != -WRIT_E_ILLEGAL_OPERATION)
		return 3;
	if (!guess(s))
		return 4;
	if (grant(0, "/", WRIT_R_READ, 0).status != -WRIT_E_FAILED_LOOKUP ||
	    grant(s | (uint64_t)1 << 32, "/", WRIT_R_READ, 0).status != -WRIT_E_FAILED_LOOKUP)
		return 5;
	if (writ_path_derive(MY_EP, GIVEN, "/", WRIT_R_READ, 0) != -WRIT_E_NO_RIGHT)
		return 6; /* it may receive there, and not make Paths */
	return type_at(own(GIVEN)) == WRIT_TYPE_NULL ? 0 : 7;
}

/* Takes a session; when it has a mailbox, hands a part of it on. */
static int server(bool hands_on)
{
	struct writ_msg m = { .caps = { GIVEN }, .ncaps = 1 };
	struct writ_event ev;
	uint32_t first;
	char text[16];
	int e;

	if (call(WRIT_OP_LISTEN, MY_EP, 0, NULL, 0) != 0 || writ_event_next(&ev, 5000) != 1 ||
	    ev.hdr.op != WRIT_EV_CONNECT)
		return 20;
	drop_fds(&ev);
	first = ev.connect.session;
	writ_started();
	if (hands_on &&
	    ((e = attempts(first)) != 0 ||
		(e = writ_path_grant(first, GIVEN, "/b", WRIT_R_READ)) != 0 ||
		(e = writ_send(MY_MAIL, &m)) != 0 || (e = writ_cap_delete(GIVEN)) != 0))
		return e < 0 ? 30 - e : e;
	if (hands_on &&
	    (writ_event_next(&ev, 5000) != 1 || ev.hdr.op != WRIT_EV_CONNECT ||
		strcmp(ev.connect.prefix, "/a/b") != 0 || ev.connect.badge != 7 ||
		ev.connect.rights != WRIT_R_READ))
		return 21;
	drop_fds(&ev);
	if (hands_on &&
	    (call(WRIT_OP_CLOSE, 0, first, NULL, 0) != 0 ||
		grant(first, "/b", WRIT_R_READ, 0).status != -WRIT_E_FAILED_LOOKUP))
		return 22;
	if (writ_event_next(&ev, 10000) != 1 || ev.hdr.op != WRIT_EV_CLOSED)
		return 23;
	snprintf(text, sizeof(text), "%u", first);
	writ_exited(0, text, strlen(text));
}

/* With what came by mail it gets to the same server; then it waits until that is taken away. */
static int client(void)
{
	struct writ_take t = { .first = TAKEN, .ncaps = 1 };
	struct writ_msg_rep rep;

	if (call(WRIT_OP_CONNECT, MY_PATH2, 0, NULL, 0) != 0 ||
	    call(WRIT_OP_CONNECT, MY_PATH, 0, NULL, 0) != 0)
		return 1;
	if (writ_recv(MY_BOX, &t, &rep) < 0 || rep.ncaps != 1 ||
	    type_at(own(TAKEN)) != WRIT_TYPE_PATH)
		return 2;
	if (call(WRIT_OP_CONNECT, TAKEN, 0, NULL, 0) != 0)
		return 3;
	writ_started();
	for (unsigned i = 0; i < 500 && type_at(own(TAKEN)) == WRIT_TYPE_PATH; i++)
		nap_ms(20);
	return type_at(own(TAKEN)) == WRIT_TYPE_NULL ? 0 : 4;
}

int deputy_child(const char *mode)
{
	if (strcmp(mode, "dep-client") == 0)
		return client();
	return server(strcmp(mode, "dep-server") == 0);
}

/* Refused GRANTs of the server, by what they were refused with. */
static unsigned on_record(int status, const char *what)
{
	enum { ROOM = (WRIT_MSG_MAX - sizeof(struct writ_hdr)) / sizeof(struct writ_audit_rec) };
	static struct writ_audit_rec got[ROOM];
	struct writ_hdr h;
	uint64_t seq = 1;
	unsigned n = 0;

	do {
		h = (struct writ_hdr){ .op = WRIT_OP_AUDIT, .cap = WRIT_BOOT_AUDIT, .arg = seq };
		if (writ_gate_call(&h, NULL, NULL, got, sizeof(got), NULL) != 0)
			return 0;
		for (unsigned i = 0; i < h.len / sizeof(got[0]); i++)
			n += got[i].kind == WRIT_AUDIT_REFUSED && got[i].op == WRIT_OP_GRANT &&
			    got[i].status == status && strcmp(got[i].name, "dep-server") == 0 &&
			    strstr(got[i].what, what) != NULL;
		seq = h.arg;
	} while (h.len > 0);
	return n;
}

void test_deputy(void)
{
	struct give one[] = { { EP, MY_EP, WRIT_R_READ },
		{ MAIL, MY_MAIL, WRIT_R_WRITE | WRIT_R_GRANT } },
		    two[] = { { EP2, MY_EP, WRIT_R_READ } },
		    cl[] = { { CLIENT, MY_PATH, WRIT_R_READ }, { CLIENT2, MY_PATH2, WRIT_R_READ },
			    { MAIL, MY_BOX, WRIT_R_READ } };
	struct writ_exit e = { 0 }, e1 = { 0 }, e2 = { 0 };
	uint32_t id1, id2;

	check(writ_retype(UT, WRIT_TYPE_ENDPOINT, own(EP), 3, (struct writ_quota){ 0 }) == 0 &&
		writ_path_derive(EP, CLIENT, "/a", WRIT_R_READ, 7) == 0 &&
		writ_path_derive(EP2, CLIENT2, "/", WRIT_R_READ, 0) == 0 &&
		run(S1, "dep-server", one, 2) > 0 && run(S2, "dep-other", two, 1) > 0 &&
		run(C, "dep-client", cl, 3) > 0,
	    "two servers, and a client of both");
	check(wait_for(C, WRIT_WAIT_START, &e) == 0 && e.state == WRIT_STATE_RUNNING,
	    "the client gets a Path from its server, and connects through it (%d)", e.code);
	nap_ms(200);
	check(stat_of(C).state == WRIT_STATE_RUNNING && stat_of(S1).state == WRIT_STATE_RUNNING,
	    "it lives, also when the session it was made of is closed");
	check(writ_cap_revoke(CLIENT) == 0 && type_at(own(CLIENT)) == WRIT_TYPE_PATH &&
		wait_for(C, WRIT_WAIT_EXIT, &e) == 0 && e.state == WRIT_STATE_EXITED && e.code == 0,
	    "and is gone when the client's own Path is revoked (%d)", e.code);
	check(wait_for(S1, WRIT_WAIT_EXIT, &e1) == 0 && e1.state == WRIT_STATE_EXITED &&
		e1.code == 0,
	    "all that the server tried beside that was refused, before and after CLOSE (%d)",
	    e1.code);
	check(wait_for(S2, WRIT_WAIT_EXIT, &e2) == 0 && e2.code == 0, "the other server (%d)",
	    e2.code);
	id1 = (uint32_t)strtoul(e1.said, NULL, 10);
	id2 = (uint32_t)strtoul(e2.said, NULL, 10);
	check(id1 != id2 && (id2 & 0xffff) < GUESSES && ((id1 ^ id2) >> 16) < 4,
	    "had a session, whose number was among those guessed");
	check(on_record(WRIT_E_NO_RIGHT, "/") == 1 && on_record(WRIT_E_BAD_REQUEST, "") >= 1 &&
		on_record(WRIT_E_ILLEGAL_OPERATION, "") >= 1 &&
		on_record(WRIT_E_FAILED_LOOKUP, "no session") > GUESSES,
	    "each refusal is on record, with what it was");
	for (writ_cap_t s = EP; s <= C; s++)
		writ_cap_delete(s);
}
