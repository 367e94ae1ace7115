/* SPDX-License-Identifier: MIT */
/* Procs are killed in the middle of anything; the others go on, and nothing is left. */
#include "kids.h"
#include "tests/unit/libsys/pattern.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 60, TIMES = 20 };

/* traffic:SEED: for ever, until the server is gone. */
int play_traffic(int argc, char **argv)
{
	uint64_t s = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	static uint8_t data[100000], rep[100000];
	struct writ_chan_msg got;
	const struct writ_chan_attr attr = { .transport = (enum writ_transport)(pat_rnd(&s) % 3) };
	struct writ_chan *c = NULL;
	uint64_t n = 0;
	int64_t r = writ_chan_open(K_WAY, &attr, &c);

	writ_started();
	while (r >= 0) {
		uint64_t x = pat_rnd(&s);
		size_t len = x % 8 == 0 ? x >> 8 & 0xffff : x >> 8 & 63;
		struct writ_msg m = bytes(data, len);

		if (x >> 32 & 1) {
			m.caps[0] = badged(x >> 40 | 1);
			m.ncaps = 1;
		}
		if ((x >> 33) % 10 == 0)
			writ_chan_switch(c, x >> 60 & 1 ? WRIT_TX_USER : WRIT_TX_KERNEL);
		pat_fill(data, x, 0, len);
		r = writ_chan_call(c, C_ECHO, &m, rep, sizeof(rep), &got, WAIT);
		if (r < 0)
			break;
		NEED(r == (int64_t)len && pat_is(rep, x, 0, len) && got.ncaps == m.ncaps);
		for (unsigned i = 0; i < got.ncaps; i++) {
			GIVES(badge_of(got.caps[i]), x >> 40 | 1);
			writ_slot_free(got.caps[i]);
			writ_slot_free(m.caps[i]);
		}
		n++;
	}
	GIVES(r, -WRIT_E_PEER_CLOSED);
	writ_chan_close(c);
	kid_says("%llu calls", (unsigned long long)n);
}

/* talk:TRANSPORT:WAY: say one thing, wait for ever, and say when that was over. */
int play_talk(int argc, char **argv)
{
	struct writ_chan *c;
	struct writ_msg m = text("here");
	char buf[8];

	NEED(argc == 3);
	c = open_way((writ_cap_t)atoi(argv[2]), (enum writ_transport)atoi(argv[1]));
	if (atoi(argv[2]) == K_WAY)
		GIVES(ask(c, C_ECHO, &m, buf, sizeof(buf), NULL), 4);
	else
		GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), 0);
	GIVES(writ_started(), 0);
	GIVES(writ_chan_recv(c, buf, sizeof(buf), NULL, 0, -1), -WRIT_E_PEER_CLOSED);
	kid_says("%lld", (long long)now_ns());
}

/* --- in the middle of traffic -------------------------------------------------------------- */

static bool round_of(uint64_t *s, unsigned *killed)
{
	unsigned victim = (unsigned)(pat_rnd(s) % 3);
	bool ok;

	kid(0, 'b', G_END, "serve");
	kid_ready(0);
	for (unsigned i = 1; i < 3; i++)
		kid(i, 'a', G_WAY | G_NTFN, "traffic:%llu", (unsigned long long)pat_rnd(s) >> 16);
	ok = kid_ready(1) && kid_ready(2);
	nap_ms((unsigned)(pat_rnd(s) % 40));
	kid_kill(victim);
	killed[victim > 0]++;
	if (victim > 0) {
		nap_ms(2);
		kid_kill(0);
	}
	for (unsigned i = 1; i < 3; i++)
		ok = (i == victim || kid_ends(i, NULL)) && ok;
	return ok;
}

static void test_traffic(void)
{
	unsigned killed[2] = { 0 }, wrong = 0, left = 0;
	uint64_t s = seed;

	for (unsigned i = 0; i < ROUNDS / scale; i++) {
		wrong += !round_of(&s, killed);
		if (i % 10 == 9)
			left += !quotas_back(false);
	}
	check(wrong == 0, "%u servers and %u clients killed: all others heard of it (%u not)",
	    killed[0], killed[1], wrong);
	check(left == 0, "and nothing of them is left");
}

/* --- how soon the other side is told ------------------------------------------------------------
 */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void judge(int64_t *ns, const char *who, const char *how)
{
	qsort(ns, TIMES, sizeof(ns[0]), by_size);
	check(ns[TIMES * 9 / 10] <= MS(10) * scale,
	    "the %s is told within 10 ms, %s: median %lld us, at most %lld", who, how,
	    (long long)ns[TIMES / 2] / 1000, (long long)ns[TIMES - 1] / 1000);
}

/* Root is the server, of EP2 from then on. */
static void client_dies(unsigned t, const char *how)
{
	struct writ_mbox *box = NULL;
	struct writ_chan_msg got;
	struct writ_chan *c;
	int64_t ns[TIMES] = { 0 }, r = 0;
	char buf[16];

	r = writ_mbox_new(EP2, &box);
	if (r < 0) {
		check(false, "a mailbox of root's (%d)", (int)r);
		return;
	}
	for (unsigned i = 0; i < TIMES; i++) {
		kid(1, 'a', G_WAY2, "talk:%u:%u", t, K_WAY2);
		do
			r = writ_mbox_recv(box, &c, buf, sizeof(buf), &got, 0, WAIT);
		while (r >= 0 && got.event != WRIT_CHAN_MSG);
		nap_ms(1 + i % 3);
		ns[i] = now_ns();
		call(WRIT_OP_KILL, KIDS + 1, 0, NULL, 0);
		do
			r = writ_mbox_recv(box, &c, buf, sizeof(buf), &got, 0, WAIT);
		while (r >= 0 && got.event != WRIT_CHAN_CLOSED);
		ns[i] = r < 0 ? INT64_MAX : now_ns() - ns[i];
		if (r >= 0)
			writ_chan_close(c);
		kid_kill(1);
	}
	writ_mbox_free(box);
	judge(ns, "server", how);
}

static void server_dies(unsigned t, const char *how)
{
	int64_t ns[TIMES] = { 0 };
	struct writ_exit e;

	for (unsigned i = 0; i < TIMES; i++) {
		kid(0, 'b', G_END, "serve");
		kid(1, 'a', G_WAY, "talk:%u:%u", t, K_WAY);
		ns[i] = kid_ready(0) && kid_ready(1) ? 0 : INT64_MAX;
		nap_ms(1 + i % 3);
		ns[i] = ns[i] == 0 ? now_ns() : ns[i];
		kid_kill(0);
		ns[i] = kid_ends(1, &e) ? strtoll(e.said, NULL, 10) - ns[i] : INT64_MAX;
	}
	judge(ns, "client", how);
}

void test_deaths(void)
{
	test_traffic();
	for (unsigned t = WRIT_TX_KERNEL; t <= WRIT_TX_USER; t++) {
		client_dies(t, t == WRIT_TX_USER ? "on a ring" : "through the kernel");
		server_dies(t, t == WRIT_TX_USER ? "on a ring" : "through the kernel");
	}
}
