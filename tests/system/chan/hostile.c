/* SPDX-License-Identifier: MIT */
/*
 * Hostile clients of a server, while a good one's calls are timed: they write anything into
 * the ring that they share, flood bells, lie of their rings, open and do nothing, and send
 * frames that mean nothing. Each does it by the book first, and that works.
 */
#include "kids.h"
#include "tests/unit/libsys/pattern.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "libsys/chan_tag.h"
#include "libsys/ring.h"
#include "libsys/tx_wire.h"

enum { ATTACK_MS = 700, EVILS = 2, MAPS = 8, CALLS_MAX = 200000, FDS = 32 };

/* Where this proc has mapped memory that it shares (the linker puts it in mmap's place). */
static struct {
	uint8_t *at;
	size_t len;
} maps[MAPS];
static unsigned nmaps;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t from);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t from);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	void *p = __real_mmap(at, len, prot, flags, fd, from);

	if (p != MAP_FAILED && (flags & MAP_SHARED) != 0 && nmaps < MAPS) {
		maps[nmaps].at = p;
		maps[nmaps++].len = len;
	}
	return p;
}

static struct writ_chan *fresh(enum writ_transport t)
{
	struct writ_chan *c;
	struct writ_msg m = text("good");
	char buf[8];

	nmaps = 0;
	c = open_way(K_MEAN, t);
	GIVES(ask(c, C_ECHO, &m, buf, sizeof(buf), NULL), 4);
	return c;
}

/* --- what they do --------------------------------------------------------------------------- */

/* Anything, anywhere in the ring; now and then a message, so that somebody looks. */
static uint64_t garble(uint64_t *s, int64_t end)
{
	struct writ_chan *c = NULL;
	struct writ_msg m = text("garbled");
	uint64_t done = 0;

	while (now_ns() < end) {
		if (c == NULL)
			c = fresh(WRIT_TX_USER);
		for (unsigned i = 0; i < 50; i++) {
			unsigned k = (unsigned)(pat_rnd(s) % nmaps);
			size_t at = pat_rnd(s) % (pat_rnd(s) % 2 != 0 ? 12288 : maps[k].len);
			uint64_t x = pat_rnd(s) % 3 != 0 ? pat_rnd(s) % 130 : pat_rnd(s);

			memcpy(maps[k].at + (at % maps[k].len & ~(size_t)7), &x, sizeof(x));
		}
		done++;
		if (writ_chan_send(c, C_DROP, &m, 0) != -WRIT_E_PEER_CLOSED && done % 20 != 0)
			continue;
		writ_chan_close(c);
		c = NULL;
	}
	return done;
}

static uint64_t ring_bells(uint64_t *s, int64_t end)
{
	struct writ_chan *c = fresh(WRIT_TX_USER);
	uint64_t one = 1, done = 0;

	(void)s;
	for (int fd = WRIT_GATE_FD + 1; fd < FDS; fd++)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	while (now_ns() < end)
		for (int fd = WRIT_GATE_FD + 1; fd < FDS; fd++)
			done += write(fd, &one, sizeof(one)) > 0;
	NEED(done > 100);
	writ_chan_close(c);
	return done;
}

/* A session without a channel. */
static uint32_t connect_raw(void)
{
	struct writ_hdr h = { .op = WRIT_OP_CONNECT, .cap = K_MEAN, .arg = 1 };
	struct writ_connect_rep rep;

	return writ_gate_call(&h, NULL, NULL, &rep, sizeof(rep), NULL) == 0 ? (uint32_t)h.arg : 0;
}

static void close_raw(uint32_t session)
{
	call(WRIT_OP_CLOSE, 0, session, NULL, 0);
}

static uint64_t lie(uint64_t *s, int64_t end)
{
	uint64_t done = 0;

	while (now_ns() < end) {
		uint32_t session = connect_raw();

		for (unsigned i = 0; i < 4; i++) {
			uint64_t x = pat_rnd(s);
			struct writ_ring_req q = { .bytes = x % 4 == 0
				    ? 4096 * (x >> 8 & 255)
				    : ring_bytes(RING_BULK_MIN << (x >> 8 & 3)),
				.tag = x % 3 != 0 ? x >> 3 : chan_tag(session, x >> 20 & 2047, 0),
				.bells = x >> 40 & 1 };
			struct writ_hdr h = { .op = WRIT_OP_RING,
				.arg = session,
				.len = sizeof(q) };
			int fds[WRIT_FDS_MAX] = { -1, -1, -1 };

			done += writ_gate_call(&h, &q, NULL, NULL, 0, fds) == 0;
			for (unsigned k = 0; k < WRIT_FDS_MAX; k++)
				if (fds[k] >= 0)
					close(fds[k]);
		}
		close_raw(session);
	}
	NEED(done > 10);
	return done;
}

static uint64_t open_only(uint64_t *s, int64_t end)
{
	uint64_t done = 0;

	(void)s;
	while (now_ns() < end && done < 3000 && connect_raw() != 0)
		done++;
	while (now_ns() < end)
		nap_ms(10);
	NEED(done > 10);
	return done;
}

/* Calls on a session that are no frames, or are more than there may be. */
static uint64_t babble(uint64_t *s, int64_t end)
{
	static struct wire_out out;
	uint64_t done = 0;

	while (now_ns() < end) {
		uint32_t session = connect_raw();

		for (unsigned i = 0; i < 20; i++) {
			uint64_t x = pat_rnd(s);
			size_t len = x % 200, n = x % 5 == 0 ? len + 8 : WIRE_LEN(len);
			struct writ_hdr h = { .op = WRIT_OP_CALL,
				.cap = K_MEAN,
				.arg = session,
				.len = (uint16_t)n };

			out.req = (struct writ_msg_req){ 0 };
			out.head = (struct wire){ .len = (uint32_t)(x % 3 != 0 ? len : x >> 32),
				.total = (uint32_t)(x % 7 != 0 ? len : x >> 40),
				.label = C_ECHO,
				.id = x >> 20 & 1,
				.kind = (uint8_t)(x % 2 != 0 ? x >> 24 & 7 : 0),
				.wait = x >> 50 & 1 };
			if (n < sizeof(out.req) || writ_gate_send(&h, &out, NULL) < 0)
				break;
			done++;
		}
		close_raw(session);
		for (struct writ_hdr h; writ_gate_poll_reply(&h, &out, sizeof(out)) == 1;)
			continue;
		for (struct writ_event ev; writ_event_next(&ev, 0) == 1;)
			continue;
	}
	NEED(done > 100);
	return done;
}

static const struct {
	const char *what;
	uint64_t (*run)(uint64_t *s, int64_t end);
} evils[] = {
	{ "write anything into their rings", garble },
	{ "flood bells", ring_bells },
	{ "lie of their rings", lie },
	{ "open and do nothing", open_only },
	{ "send what is no frame", babble },
};

/* evil:KIND:SEED */
int play_evil(int argc, char **argv)
{
	uint64_t s, n;

	NEED(argc == 3);
	s = strtoull(argv[2], NULL, 10);
	writ_chan_close(fresh(WRIT_TX_KERNEL)); /* by the book */
	n = evils[atoi(argv[1])].run(&s, now_ns() + MS(ATTACK_MS));
	kid_says("%llu", (unsigned long long)n);
}

/* --- the good one ------------------------------------------------------------------------------
 */

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* good:MS: calls, by turns on a ring and through the kernel. */
int play_good(int argc, char **argv)
{
	static uint32_t us[CALLS_MAX];
	struct writ_chan *c[2] = { open_way(K_WAY, WRIT_TX_USER), open_way(K_WAY, WRIT_TX_KERNEL) };
	int64_t end;
	uint32_t n = 0, rep;

	NEED(argc == 2);
	end = now_ns() + MS(atoi(argv[1]));
	while (now_ns() < end && n < CALLS_MAX) {
		struct writ_msg m = bytes(&n, sizeof(n));
		int64_t began = now_ns();

		GIVES(ask(c[n % 2], C_ECHO, &m, &rep, sizeof(rep), NULL), sizeof(rep));
		GIVES(rep, n);
		us[n++] = (uint32_t)((now_ns() - began) / 1000);
	}
	writ_chan_close(c[0]);
	writ_chan_close(c[1]);
	qsort(us, n, sizeof(us[0]), by_size);
	kid_says("%u calls, p50 %u us, p99 %u us", n, us[n / 2], us[n * 99ull / 100]);
}

static bool good_one(unsigned ms, const char *what)
{
	struct writ_exit e;
	const char *p99;
	bool ok;

	kid(1, 'a', G_WAY, "good:%u", ms);
	ok = kid_ends(1, &e);
	p99 = ok ? strstr(e.said, "p99 ") : NULL;
	ok = p99 != NULL && strtoul(p99 + 4, NULL, 10) < 100000 * scale;
	check(ok, "while others %s: %s", what, e.said);
	if (!ok && kid_host_pid(0) == 0) {
		check(false, "the server is there");
		kid_ends(0, NULL);
	}
	return ok;
}

void test_hostile(void)
{
	struct writ_exit e;

	kid(0, 'b', G_END, "serve");
	kid_ready(0);
	good_one(500, "are quiet");
	for (unsigned k = 0; k < sizeof(evils) / sizeof(evils[0]); k++) {
		for (unsigned i = 0; i < EVILS; i++)
			kid(2 + i, 'a', G_MEAN, "evil:%u:%llu", k,
			    (unsigned long long)(seed + i) % 1000000007);
		if (!good_one(ATTACK_MS, evils[k].what))
			break;
		for (unsigned i = 0; i < EVILS; i++) {
			bool ok = kid_ends(2 + i, &e);

			check(ok || e.state == WRIT_STATE_KILLED, "%s of those who %s", e.said,
			    evils[k].what);
		}
	}
	good_one(300, "are gone");
	server_quit(0);
}
