/* SPDX-License-Identifier: MIT */
/* The good realm: two servers, and a client that measures each of its calls. */
#include "hostile.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/chan.h>
#include <writ/ipc.h>

enum { PAIRS_MAX = 32, STEPS = 16, BUCKETS = 32 * STEPS, SETTLE_PART = 5 };

/* Times by sixteenths of octaves. */
struct hist {
	uint32_t n, at[BUCKETS];
};

/* clang-format off */
#define KINDS(X) X(INSPECT) X(COPY) X(DELETE) X(SIGNAL) X(POLL) X(CALL) X(CONNECT) X(RING)
/* clang-format on */
enum kind {
#define X(id) K_##id,
	KINDS(X)
#undef X
	    KIND_N
};
static const char *const kinds[] = {
#define X(id) #id,
	KINDS(X)
#undef X
};

static struct hist by_kind[2][KIND_N], all[2], by_window[2][PAIRS_MAX];
static unsigned pair, step;
static bool attacked, counts, delays;

static void hist_add(struct hist *h, uint64_t ns)
{
	unsigned e = ns < STEPS ? 4 : 63 - (unsigned)__builtin_clzll(ns), i = (e - 4) * STEPS;

	i += (unsigned)(ns >> (e - 4)) & (STEPS - 1);
	h->at[i < BUCKETS ? i : BUCKETS - 1]++;
	h->n++;
}

/* In ns: the middle of the bucket. */
static double hist_at(const struct hist *h, double part)
{
	uint64_t below = 0;
	unsigned i = 0;

	while (i < BUCKETS - 1 && (double)(below += h->at[i]) < part * h->n)
		i++;
	return (STEPS + i % STEPS + 0.5) * (double)(1ull << i / STEPS);
}

static void measured(enum kind kind, uint64_t from)
{
	uint64_t ns;

	if (delays && attacked && ++step % 50 == 0)
		nap_ms(200);
	ns = now_ns() - from;
	if (!counts)
		return;
	hist_add(&by_kind[attacked][kind], ns);
	hist_add(&all[attacked], ns);
	hist_add(&by_window[attacked][pair], ns);
}

/* Its capabilities have no names: the library must know that these slots are not empty. */
static void slots_given(void)
{
	for (unsigned i = 0; i < 8; i++)
		writ_slot_new();
}

/* 0, or the kind that failed. */
static int ring_round(void)
{
	const struct writ_chan_attr ring = { .transport = WRIT_TX_USER };
	const struct writ_msg hello = { .data = "hello", .len = 5 };
	struct writ_chan *c;
	uint64_t t = now_ns();
	char rep[64];

	if (writ_chan_open(G_PATH, &ring, &c) != 0)
		return 1 + K_CONNECT;
	measured(K_CONNECT, t);
	for (unsigned i = 0; i < 4; i++) {
		t = now_ns();
		if (writ_chan_call(c, 1, &hello, rep, sizeof(rep), NULL, -1) != 5)
			return 1 + K_RING;
		measured(K_RING, t);
	}
	writ_chan_close(c);
	return 0;
}

static int round_of_calls(unsigned n)
{
	struct writ_cap_info info;
	struct writ_msg_rep rep;
	char buf[64];
	const struct writ_msg m = { .data = "hello", .len = 5 };
	const struct writ_take take = { .buf = buf, .size = sizeof(buf) };
	uint64_t t, bits;
#define TIMED(kind, expr) \
	do { \
		t = now_ns(); \
		if (!(expr)) \
			return 1 + K_##kind; \
		measured(K_##kind, t); \
	} while (0)
	TIMED(INSPECT, writ_cap_inspect(G_ENDPOINT, &info) == 0);
	TIMED(COPY, writ_cap_copy(G_NOTIFICATION, G_TAKE, WRIT_R_READ) == 0);
	TIMED(DELETE, writ_cap_delete(G_TAKE) == 0);
	TIMED(SIGNAL, writ_signal(G_NOTIFICATION) == 0);
	TIMED(POLL, writ_poll(G_NOTIFICATION, &bits) == 0);
	TIMED(CALL, writ_call(G_ENDPOINT, &m, &take, &rep) == 5);
#undef TIMED
	return n % 8 == 0 ? ring_round() : 0;
}

/* Follow the clock into its window. Returns false after the last one. */
static bool follow(unsigned pairs, unsigned window_ms)
{
	static uint64_t first;
	uint64_t window = window_ms * 1000000ull, now = now_ns(), n;

	if (first == 0)
		first = now / window;
	n = now / window - first;
	pair = (unsigned)(n / 2);
	attacked = window_attacks(now, window_ms);
	counts = now % window > window / SETTLE_PART;
	return pair < pairs;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Last words: the median of the pairs' ratios of p99, in thousandths; then a table. */
static _Noreturn void report(unsigned pairs)
{
	char text[WRIT_STATUS_MAX];
	double ratio[PAIRS_MAX] = { 0 };
	int n;

	for (unsigned i = 0; i < pairs; i++)
		ratio[i] = hist_at(&by_window[1][i], 0.99) / hist_at(&by_window[0][i], 0.99);
	qsort(ratio, pairs, sizeof(ratio[0]), by_size);
	n = snprintf(text, sizeof(text), "%.0f %u %u", ratio[pairs / 2] * 1000, all[0].n, all[1].n);
	for (unsigned k = 0; k <= KIND_N; k++) {
		const struct hist *q = k < KIND_N ? &by_kind[0][k] : &all[0],
				  *a = k < KIND_N ? &by_kind[1][k] : &all[1];

		n += snprintf(text + n, sizeof(text) - (size_t)n, "\n%-7s %6.1f %7.1f %6.1f %7.1f",
		    k < KIND_N ? kinds[k] : "all", hist_at(q, 0.5) / 1000, hist_at(q, 0.99) / 1000,
		    hist_at(a, 0.5) / 1000, hist_at(a, 0.99) / 1000);
	}
	writ_exited(0, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int good_client(unsigned pairs, unsigned window_ms, bool slow)
{
	int failed = 0;

	delays = slow;
	slots_given();
	if (pairs < 1 || pairs > PAIRS_MAX)
		return 100;
	do
		sleep_to_window(window_ms);
	while (window_attacks(now_ns(), window_ms));
	for (unsigned n = 0; failed == 0 && follow(pairs, window_ms); n++)
		failed = round_of_calls(n);
	if (failed != 0)
		return failed;
	report(pairs);
}

int good_echo(void)
{
	char buf[64];
	struct writ_msg_rep rep;
	const struct writ_take take = { .buf = buf, .size = sizeof(buf), .reply = G_REPLY };
	int n = writ_recv(G_ENDPOINT, &take, &rep);

	while (n >= 0)
		n = writ_reply_recv(G_ENDPOINT, G_REPLY,
		    &(struct writ_msg){ .data = buf, .len = (size_t)n }, &take, &rep);
	return 1;
}

int good_rings(void)
{
	static char buf[4096];
	struct writ_msg m = { .data = buf };
	struct writ_chan_msg got;
	struct writ_mbox *b;
	struct writ_chan *c;
	int64_t n;

	slots_given();
	if (writ_mbox_new(G_ENDPOINT, &b) != 0)
		return 1;
	while ((n = writ_mbox_recv(b, &c, buf, sizeof(buf), &got, 0, -1)) >= 0) {
		m.len = (size_t)n;
		if (got.event == WRIT_CHAN_MSG)
			writ_chan_reply(c, got.id, got.label, &m, 1000000000);
		else if (got.event == WRIT_CHAN_CLOSED)
			writ_chan_close(c);
	}
	return 2;
}
