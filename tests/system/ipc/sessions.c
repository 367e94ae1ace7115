/* SPDX-License-Identifier: MIT */
/*
 * Messages and rings of sessions: who may send through a Path, in which order what
 * a server is told comes, what is charged, and what is left when a side ends.
 */
#include "ipc.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WAY = EP2, WAY2 = MID, WAY3 = TMP, C = 0, S = 1, D = 2, ON = 8, ON2, AT, REPLY = 30 };
enum { BADGE = 7, ROUNDS = 9, PAGE = 4096 };
_Static_assert(sizeof(struct writ_ring_req) == sizeof(struct writ_msg_req), "post() takes either");

static uint32_t connects(struct puppet *p, uint32_t slot)
{
	struct result r = { 0 };

	return ask(p, WRIT_OP_CONNECT, slot, 0, NULL, 0, 0, &r) == 0 ? (uint32_t)r.h.arg : 0;
}

static int ring(struct puppet *p, uint32_t session, uint64_t bytes, unsigned bells,
    struct result *ret)
{
	const struct writ_ring_req r = { .bytes = bytes, .bells = bells, .tag = 5 };
	struct writ_msg_req body;

	memcpy(&body, &r, sizeof(body));
	return ask(p, WRIT_OP_RING, 0, session, &body, 0, 0, ret);
}

static uint32_t sends_by(struct puppet *p, unsigned op, uint32_t slot, uint64_t session)
{
	return post(p, op, slot, session, &(struct writ_msg_req){ 0 }, 1, 3);
}

static bool told(struct puppet *p, unsigned op, uint64_t arg, unsigned fds)
{
	struct writ_hdr h;

	return event(p, 1000, &h) == 0 && h.op == op && h.arg == arg && h.nfds == fds;
}

static uint64_t used(void)
{
	struct writ_quota_rep q;

	return writ_quota_read(ACCOUNT, &q) == 0 ? q.used.bytes : UINT64_MAX;
}

/* --- in order --------------------------------------------------------------------------- */

/* The next packet on the gate, read past the library. */
static struct writ_hdr packet(void)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * WRIT_FDS_MAX)];
	} c;
	static char body[WRIT_MSG_MAX];
	struct writ_hdr h = { 0 };
	struct iovec iov[2] = { { &h, sizeof(h) }, { body, sizeof(body) } };
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &c,
		.msg_controllen = sizeof(c) };
	int fds[WRIT_FDS_MAX];

	if (recvmsg(WRIT_GATE_FD, &m, 0) > 0 && m.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    h.nfds <= WRIT_FDS_MAX) {
		memcpy(fds, CMSG_DATA(&c.align), h.nfds * sizeof(int));
		for (unsigned i = 0; i < h.nfds; i++)
			close(fds[i]);
	}
	return h;
}

/* All of it waits for a server; then one listens. */
static void test_held(void)
{
	struct writ_msg_req take = { .reply = 70 };
	struct writ_ring_req r = { .bytes = PAGE, .bells = 1 };
	struct writ_hdr h = { .op = WRIT_OP_RECV, .cap = EP, .len = sizeof(take) };
	uint64_t session = 0;
	unsigned came[5];

	check(call(WRIT_OP_CONNECT, WAY, 1, NULL, 0) == -WRIT_E_BUSY,
	    "connecting without waiting is BUSY when nobody listens");
	writ_gate_send(&h, &take, NULL);
	h = (struct writ_hdr){ .op = WRIT_OP_CONNECT, .cap = WAY };
	check(writ_gate_call(&h, NULL, NULL, NULL, 0, NULL) == 0, "else it waits");
	session = h.arg;
	h = (struct writ_hdr){ .op = WRIT_OP_CALL,
		.cap = WAY,
		.arg = session,
		.len = sizeof(take) };
	writ_gate_send(&h, &take, NULL);
	check(call(WRIT_OP_NBSEND, WAY, session, &take, sizeof(take)) == -WRIT_E_BUSY &&
		call(WRIT_OP_RING, 0, session, &r, sizeof(r)) == 0 &&
		call(WRIT_OP_RING, 0, session, &r, sizeof(r)) == -WRIT_E_BUSY &&
		call(WRIT_OP_RING, 0, session, &(struct writ_ring_req){ 0 }, sizeof(r)) ==
		    -WRIT_E_BUSY,
	    "a second ring that the server can't be told of is BUSY, as is who will not wait");
	h = (struct writ_hdr){ .op = WRIT_OP_LISTEN, .cap = EP };
	writ_gate_send(&h, NULL, NULL);
	for (unsigned i = 0; i < 4; i++)
		came[i] = packet().op;
	check(came[0] == WRIT_EV_CONNECT && came[1] == WRIT_EV_RING && came[2] == WRIT_OP_RECV &&
		came[3] == WRIT_OP_LISTEN,
	    "the server is told of the session, then of its ring, then the message comes");
	h = (struct writ_hdr){ .op = WRIT_OP_CLOSE, .arg = session };
	writ_gate_send(&h, NULL, NULL);
	came[0] = packet().op;
	h = packet();
	check(came[0] == WRIT_OP_CALL && h.op == WRIT_OP_CLOSE, "one's own call ends with it");
	check(call(WRIT_OP_REPLY, 70, 0, &take, sizeof(take)) == -WRIT_E_FAILED_LOOKUP,
	    "and its Reply is gone");
	writ_cap_revoke(EP); /* nobody listens */
}

/* --- who may ------------------------------------------------------------------------------ */

static void test_senders(uint32_t s)
{
	struct puppet *c = &puppets[C], *v = &puppets[S], *d = &puppets[D];
	uint32_t got_it = recvs(v, ON, REPLY), sent = sends_by(c, WRIT_OP_CALL, ON, s), other;
	struct result r = { 0 };

	check(got(v, got_it, 1000, &r) == 0 && r.rep.session == s && r.rep.badge == BADGE &&
		r.rep.pid == c->pid && r.rep.realm != 0 && r.tag == 3,
	    "a call through a Path tells session, badge and who it is");
	check(replies(v, REPLY, 4) == 0 && got(c, sent, 1000, &r) == 0 && r.tag == 4 &&
		r.rep.session == 0,
	    "and is answered");
	other = connects(d, ON);
	check(other != 0 && told(v, WRIT_EV_CONNECT, other, 0), "another client's session");
	check(soon(d, sends_by(d, WRIT_OP_SEND, ON, s), -WRIT_E_FAILED_LOOKUP) &&
		soon(c, sends_by(c, WRIT_OP_SEND, ON, other), -WRIT_E_FAILED_LOOKUP) &&
		soon(v, sends_by(v, WRIT_OP_SEND, ON2, s), -WRIT_E_FAILED_LOOKUP),
	    "is no use to anybody else, nor to the server");
	check(soon(c, sends_by(c, WRIT_OP_SEND, ON2, s), -WRIT_E_FAILED_LOOKUP) &&
		soon(c, sends_by(c, WRIT_OP_SEND, ON, 0), -WRIT_E_FAILED_LOOKUP),
	    "nor through another Path, nor is there a message without a session");
	sent = sends_by(c, WRIT_OP_SEND, AT, s);
	check(is(c, sent, PENDING) && soon(v, recvs(v, ON, 0), 0) && soon(c, sent, 0),
	    "through a copy of the same Path there is");
	check(ask(c, WRIT_OP_SEND, AT, s, &(struct writ_msg_req){ .caps = { ON }, .ncaps = 1 }, 0,
		  0, &r) == -WRIT_E_NO_RIGHT &&
		r.h.missing == G,
	    "which carries capabilities only with grant");
	check(soon(c, sends_by(c, WRIT_OP_NBSEND, ON, s), -WRIT_E_BUSY), "a nbsend doesn't wait");
	check(ask(d, WRIT_OP_CLOSE, 0, other, NULL, 0, 0, &r) == 0 &&
		told(v, WRIT_EV_CLOSED, other, 0) &&
		soon(d, sends_by(d, WRIT_OP_SEND, ON, other), -WRIT_E_FAILED_LOOKUP),
	    "nothing is sent in a session that is closed");
}

static void test_rings(uint32_t s)
{
	struct puppet *c = &puppets[C], *v = &puppets[S];
	uint64_t before = used();
	struct result r = { 0 };

	check(ring(c, s, WRIT_RING_MAX + PAGE, 1, NULL) == -WRIT_E_RANGE &&
		ring(c, s, PAGE - 1, 1, NULL) == -WRIT_E_RANGE &&
		ring(c, s, UINT64_MAX - PAGE + 1, 1, NULL) == -WRIT_E_RANGE,
	    "a ring of more than 256 MiB, or of half a page, is refused");
	check(ring(v, s, PAGE, 1, NULL) == -WRIT_E_FAILED_LOOKUP &&
		ring(&puppets[D], s, PAGE, 1, NULL) == -WRIT_E_FAILED_LOOKUP,
	    "the server asks for none, nor does anybody else");
	check(ring(c, s, WRIT_RING_MAX, 1, NULL) == -WRIT_E_NOT_ENOUGH_MEMORY && used() == before,
	    "what the account hasn't got is not had");
	check(ring(c, s, 32 << 20, 1, &r) == 0 && r.h.nfds == 3 && told(v, WRIT_EV_RING, s, 3) &&
		used() == before + (32 << 20),
	    "a ring with bells is charged, all of it");
	check(ring(c, s, 48 << 20, 0, NULL) == -WRIT_E_NOT_ENOUGH_MEMORY &&
		used() == before + (32 << 20),
	    "also while the next is made");
	check(ring(c, s, PAGE, 0, &r) == 0 && r.h.nfds == 1 && told(v, WRIT_EV_RING, s, 1) &&
		used() == before + PAGE,
	    "a smaller one, without bells, takes its place");
	check(ring(c, s, 0, 1, &r) == 0 && r.h.nfds == 0 && used() == before, "0 bytes: none");
}

/* --- ends --------------------------------------------------------------------------------- */

static void test_close(uint32_t s)
{
	struct puppet *c = &puppets[C], *v = &puppets[S];
	uint32_t taken, waits, second;

	ring(c, s, 1 << 20, 1, NULL);
	told(v, WRIT_EV_RING, s, 3);
	taken = sends_by(c, WRIT_OP_CALL, ON, s);
	check(soon(v, recvs(v, ON, REPLY), 0), "a call that is taken");
	second = connects(c, ON);
	told(v, WRIT_EV_CONNECT, second, 0);
	waits = sends_by(c, WRIT_OP_SEND, ON, s);
	check(ask(v, WRIT_OP_CLOSE, 0, s, NULL, 0, 0, NULL) == 0 &&
		soon(c, taken, -WRIT_E_PEER_CLOSED) && soon(c, waits, -WRIT_E_CANCELED) &&
		told(c, WRIT_EV_CLOSED, s, 0),
	    "is PEER_CLOSED when the server closes, one that waits is CANCELED");
	check(type_at(v, REPLY) == WRIT_TYPE_NULL, "the Reply is gone");
	waits = sends_by(c, WRIT_OP_SEND, ON, second);
	check(soon(v, recvs(v, ON, 0), 0) && soon(c, waits, 0), "the client's other session lives");
	ask(c, WRIT_OP_CLOSE, 0, second, NULL, 0, 0, NULL);
	check(told(v, WRIT_EV_CLOSED, second, 0), "until that is closed");
}

static void test_revoked(void)
{
	struct puppet *c = &puppets[C], *v = &puppets[S];
	uint32_t s, waits;

	writ_path_derive(EP, WAY3, "/gone", RWG, 0);
	give(c, AT + 1, WAY3, RWG, 0);
	s = connects(c, AT + 1);
	told(v, WRIT_EV_CONNECT, s, 0);
	waits = sends_by(c, WRIT_OP_SEND, AT + 1, s);
	check(is(c, waits, PENDING) && writ_cap_delete(WAY3) == 0 && is(c, waits, PENDING) &&
		take_away(c, AT + 1) == 0 && type_at(c, AT + 1) == WRIT_TYPE_NULL,
	    "a Path that is deleted leaves its messages");
	writ_path_derive(EP, WAY3, "/gone", RWG, 0);
	check(ask(c, WRIT_OP_CLOSE, 0, s, NULL, 0, 0, NULL) == 0 &&
		soon(c, waits, -WRIT_E_CANCELED) && told(v, WRIT_EV_CLOSED, s, 0),
	    "till the session is closed");
	give(c, AT + 1, WAY3, RWG, 0);
	s = connects(c, AT + 1);
	told(v, WRIT_EV_CONNECT, s, 0);
	waits = sends_by(c, WRIT_OP_SEND, AT + 1, s);
	check(writ_cap_revoke(WAY3) == 0 && told(c, WRIT_EV_CLOSED, s, 0) &&
		told(v, WRIT_EV_CLOSED, s, 0) && !is(c, waits, PENDING) && !is(c, waits, 0),
	    "one that is revoked takes them with it");
	writ_cap_delete(WAY3);
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Killed with a call that is not answered, a ring, and one that was not delivered. Returns how long
 * it took, median, until the other side knew, ms. */
static int killed(unsigned who, unsigned *left)
{
	struct writ_quota_rep before, now;
	struct timespec t[2];
	int ms[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct puppet *c, *v;
		uint32_t s, sent;

		puppet_end(&puppets[C]);
		puppet_end(&puppets[S]);
		writ_quota_read(ACCOUNT, &before);
		give(c = puppet(C), ON, WAY, RWG, 0);
		give(v = puppet(S), ON, EP, R | G, 0);
		post(v, WRIT_OP_LISTEN, ON, 0, NULL, 0, 0);
		s = connects(c, ON);
		*left += !told(v, WRIT_EV_CONNECT, s, 0) || ring(c, s, 1 << 20, 1, NULL) != 0 ||
		    !told(v, WRIT_EV_RING, s, 3);
		sent = sends_by(c, WRIT_OP_CALL, ON, s);
		*left += !soon(v, recvs(v, ON, REPLY), 0) || ring(c, s, 2 << 20, 1, NULL) != 0;
		clock_gettime(CLOCK_MONOTONIC, &t[0]);
		call(WRIT_OP_KILL, puppets[who].proc, 0, NULL, 0);
		if (who == S)
			*left += !soon(c, sent, -WRIT_E_PEER_CLOSED) ||
			    !told(c, WRIT_EV_CLOSED, s, 0);
		else
			*left += !told(v, WRIT_EV_RING, s, 3) || !told(v, WRIT_EV_CLOSED, s, 0) ||
			    type_at(v, REPLY) != WRIT_TYPE_NULL;
		clock_gettime(CLOCK_MONOTONIC, &t[1]);
		ms[i] = (int)((t[1].tv_sec - t[0].tv_sec) * 1000 +
		    (t[1].tv_nsec - t[0].tv_nsec) / 1000000);
		puppet_end(c);
		puppet_end(v);
		*left += !used_again(ACCOUNT, &before, &now);
	}
	qsort(ms, ROUNDS, sizeof(ms[0]), by_size);
	return ms[ROUNDS / 2];
}

static void test_killed(void)
{
	int most = 10 * (int)test_scale(), ms;
	unsigned left = 0;

	ms = killed(S, &left);
	check(left == 0 && ms < most,
	    "a server is killed: its client knows in %d ms, and has its quota back (%u)", ms, left);
	left = 0;
	ms = killed(C, &left);
	check(left == 0 && ms < most, "a client is killed: so does its server (%d ms, %u)", ms,
	    left);
}

/* A ring that nobody was told of goes with its session. */
static void test_undelivered(void)
{
	struct puppet *c = &puppets[C];
	uint64_t before = used();
	uint32_t s = connects(c, ON);

	check(s != 0 && ring(c, s, 1 << 20, 1, NULL) == 0 && used() >= before + (1 << 20) &&
		ask(c, WRIT_OP_CLOSE, 0, s, NULL, 0, 0, NULL) == 0 && used() == before,
	    "a ring that nobody was told of goes with its session");
}

void test_sessions(void)
{
	uint32_t s;

	writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
	writ_path_derive(EP, WAY, "/a", RWG, BADGE);
	test_held();
	writ_path_derive(EP, WAY, "/a", RWG, BADGE);
	writ_path_derive(EP, WAY2, "/a", RWG, BADGE);
	for (unsigned i = 0; i < 3; i++) {
		puppet_end(&puppets[i]);
		puppet(i);
		give(&puppets[i], ON, i == S ? EP : WAY, i == S ? R | G : RWG, 0);
		give(&puppets[i], ON2, WAY2, RWG, 0);
		give(&puppets[i], AT, WAY, R, 0);
	}
	test_undelivered();
	s = connects(&puppets[C], ON);
	check(s != 0 && ask(&puppets[S], WRIT_OP_LISTEN, ON, 0, NULL, 0, 0, NULL) == 0 &&
		told(&puppets[S], WRIT_EV_CONNECT, s, 0),
	    "a session");
	test_senders(s);
	test_rings(s);
	test_close(s);
	test_revoked();
	test_killed();
	writ_cap_revoke(EP);
	writ_cap_delete(EP);
	for (unsigned i = 0; i < 4; i++)
		puppet_end(&puppets[i]);
	for (unsigned i = 0; i < 4; i++)
		puppet(i);
}
