/* SPDX-License-Identifier: MIT */
/* Messages of all sizes, and of all orders: over each transport, and across switches. */
#include "kids.h"
#include "tests/unit/libsys/pattern.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 64 << 20 };
static const size_t sizes[] = { 0, 1, 40, 64, 65, 4 << 10, 64 << 10, 1 << 20, LARGEST };
static const char *const transports[] = { "auto", "kernel", "user" };

enum { NSIZES = sizeof(sizes) / sizeof(sizes[0]), WINDOW = 24 };

/* --- sizes ------------------------------------------------------------------------------------ */

static void one_size(struct writ_chan *c, size_t len, uint8_t *p, uint8_t *q)
{
	struct writ_msg m = bytes(p, len);
	struct writ_chan_msg got;

	pat_fill(p, len, 0, len);
	memset(q, 0, len);
	GIVES(ask(c, LABEL(C_ECHO, 3), &m, q, len, &got), len);
	NEED(got.event == WRIT_CHAN_REPLY && got.label == LABEL(C_ECHO, 3));
	NEED(pat_is(q, len, 0, len));
	pat_fill(p, ~len, 0, len);
	GIVES(writ_chan_send(c, LABEL(C_ECHO, 4), &m, WAIT), 0);
	if (len > 0) {
		GIVES(writ_chan_recv(c, q, len - 1, &got, 0, WAIT), -WRIT_E_RANGE);
		NEED(got.len == len);
	}
	GIVES(writ_chan_recv(c, q, len, &got, 0, WAIT), len);
	NEED(got.event == WRIT_CHAN_MSG && got.label == LABEL(C_ECHO, 4) && got.id == 0);
	NEED(pat_is(q, ~len, 0, len));
}

/* sizes:TRANSPORT:LARGEST */
int play_sizes(int argc, char **argv)
{
	unsigned t = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	size_t largest = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	struct writ_chan *c = open_way(K_WAY, t);
	static uint8_t p[LARGEST], q[LARGEST];
	struct writ_chan_stats s;

	NEED(largest > 0 && largest <= LARGEST);
	for (unsigned i = 0; i < NSIZES; i++)
		one_size(c, sizes[i] < largest ? sizes[i] : largest, p, q);
	writ_chan_stat(c, &s);
	NEED(s.sent[0] + s.sent[1] == 2 * NSIZES && s.received[0] + s.received[1] == 2 * NSIZES);
	NEED(s.bytes_out[0] + s.bytes_out[1] == s.bytes_in[0] + s.bytes_in[1]);
	NEED(t != WRIT_TX_KERNEL || (s.sent[1] == 0 && s.received[1] == 0 && s.upgrades == 0));
	NEED(t != WRIT_TX_USER || (s.sent[0] <= 1 && s.upgrades == 1));
	/* on a slow machine it was idle for a second while bytes were made */
	NEED(t != WRIT_TX_AUTO ||
	    (s.sent[0] > 0 && s.sent[1] > 0 && s.upgrades >= 1 && s.upgrades <= 1 + s.downgrades));
	writ_chan_close(c);
	kid_says("%" PRIu64 " messages through the kernel, %" PRIu64 " on the ring",
	    s.sent[0] + s.received[0], s.sent[1] + s.received[1]);
}

/* --- moving by use -------------------------------------------------------------------------------
 */

/* auto:IDLE_MS. What realm a's account is can't be seen from here: root looks at it meanwhile. */
int play_auto(int argc, char **argv)
{
	const struct writ_chan_attr attr = { .upgrade_after = 3,
		.idle_ms = argc > 1 ? (uint32_t)atoi(argv[1]) : 0 };
	struct writ_chan_stats s;
	struct writ_chan *c;
	char rep[4];

	NEED(attr.idle_ms != 0);
	GIVES(writ_chan_open(K_WAY, &attr, &c), 0);
	for (unsigned round = 1; round < 4; round++) {
		for (unsigned i = 0; i < 30; i++) {
			struct writ_msg m = text("ping");

			GIVES(ask(c, C_ECHO, &m, rep, sizeof(rep), NULL), 4);
			writ_chan_stat(c, &s);
			GIVES(s.upgrades, i < 20 && s.upgrades < round ? s.upgrades : round);
			NEED(i > 0 || s.upgrades == round - 1);
		}
		NEED(s.downgrades == round - 1);
		/* Not used for so long: it is given back; who waits for nothing learns of it next.
		 */
		GIVES(writ_chan_recv(c, rep, sizeof(rep), NULL, 0, MS(1400 + attr.idle_ms)),
		    -WRIT_E_TIMED_OUT);
		writ_chan_stat(c, &s);
		GIVES(s.downgrades, round);
	}
	writ_chan_close(c);
	kid_says("to a ring and back %llu times", (unsigned long long)s.downgrades);
}

void test_sizes(void)
{
	char what[64];

	kid(0, 'b', G_END, "serve");
	check(kid_ready(0), "a server");
	for (unsigned t = 0; t < 3; t++) {
		snprintf(what, sizeof(what), "0 bytes to %u KiB, %s",
		    (LARGEST >> 10) / (scale * scale), transports[t]);
		if (kid(1, 'a', G_WAY, "sizes:%u:%u", t, LARGEST / (scale * scale)))
			kid_case(1, what);
	}
	if (kid(1, 'a', G_WAY, "auto:%u", 50 * (1 + scale)))
		kid_case(1, "by use to a ring, and back when idle");
	server_quit(0);
}

/* --- order
 * ------------------------------------------------------------------------------------------ */

struct flow {
	uint32_t count, sent, back, switches;
	uint64_t state;
};

/* Short ones for the most part. */
static size_t length(uint32_t n)
{
	uint64_t s = n, x = pat_rnd(&s);

	return x % 500 == 0 ? x >> 32 & 0x3ffff : x % 16 == 0 ? x >> 32 & 8191 : x >> 32 & 63;
}

/* Every fourth is no call: nothing comes back. */
static bool is_note(uint32_t n)
{
	return n % 4 == 3;
}

static void send_next(struct writ_chan *c, struct flow *f)
{
	static uint8_t data[1 << 18];
	struct writ_msg m = bytes(data, length(f->sent));
	writ_cap_t cap = f->sent % 10 == 0 ? badged(f->sent + 1) : 0;

	m.caps[0] = cap;
	m.ncaps = cap != 0;
	pat_fill(data, f->sent, 0, m.len);
	if (is_note(f->sent))
		GIVES(writ_chan_send(c, LABEL(C_SEQ, f->sent), &m, WAIT), 0);
	else
		ask_begin(c, LABEL(C_SEQ, f->sent), &m);
	writ_slot_free(cap);
	f->sent++;
}

static void take_next(struct writ_chan *c, struct flow *f)
{
	struct writ_chan_msg got;
	uint32_t n;

	if (is_note(f->back)) {
		f->back++;
		return;
	}
	GIVES(writ_chan_recv(c, &n, sizeof(n), &got, 0, WAIT), sizeof(n));
	GIVES(n, f->back);
	NEED(got.event == WRIT_CHAN_REPLY && got.label == LABEL(C_SEQ, n));
	GIVES(got.ncaps, n % 20 == 0);
	if (got.ncaps > 0) {
		GIVES(badge_of(got.caps[0]), n + 1);
		writ_slot_free(got.caps[0]);
	}
	f->back++;
}

/* order:COUNT:SEED:TRANSPORT:EVERY: a switch each EVERY messages, 0: none. */
int play_order(int argc, char **argv)
{
	struct flow f = { 0 };
	struct writ_chan_stats s;
	struct writ_chan *c;
	unsigned every;

	NEED(argc == 5);
	f.count = (uint32_t)strtoul(argv[1], NULL, 10);
	f.state = strtoull(argv[2], NULL, 10);
	c = open_way(K_WAY, (enum writ_transport)atoi(argv[3]));
	every = (unsigned)atoi(argv[4]);
	while (f.back < f.count) {
		for (uint64_t n = pat_rnd(&f.state) % WINDOW; n > 0 && f.sent < f.count; n--) {
			if (f.sent - f.back >= WINDOW)
				break;
			if (every > 0 && pat_rnd(&f.state) % every == 0) {
				GIVES(writ_chan_switch(c,
					  pat_rnd(&f.state) % 2 != 0 ? WRIT_TX_USER
								     : WRIT_TX_KERNEL),
				    0);
				f.switches++;
			}
			send_next(c, &f);
		}
		for (uint64_t n = pat_rnd(&f.state) % WINDOW; n > 0 && f.back < f.sent; n--)
			take_next(c, &f);
	}
	writ_chan_stat(c, &s);
	writ_chan_close(c);
	NEED(slots_used() == 0);
	kid_says("%u there and back, %u switches; kernel %" PRIu64 ", ring %" PRIu64, f.count,
	    f.switches, s.sent[0] + s.received[0], s.sent[1] + s.received[1]);
}

void test_order(void)
{
	static const struct {
		unsigned count, transport, every;
		const char *what;
	} rows[] = {
		{ 5000, WRIT_TX_KERNEL, 0, "in order, with capabilities, through the kernel" },
		{ 30000, WRIT_TX_USER, 0, "in order, capabilities in between, on a ring" },
		{ 30000, WRIT_TX_AUTO, 0, "in order, auto" },
		{ 100000, WRIT_TX_KERNEL, 40, "in order, with switches at random" },
		{ 10000, WRIT_TX_USER, 1, "in order, with a switch for each message" },
	};

	kid(0, 'b', G_END, "serve");
	kid_ready(0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (kid(1, 'a', G_WAY | G_NTFN, "order:%u:%llu:%u:%u",
			rows[i].count / (scale * scale), (unsigned long long)seed + i,
			rows[i].transport, rows[i].every))
			kid_case(1, rows[i].what);
	server_quit(0);
}
