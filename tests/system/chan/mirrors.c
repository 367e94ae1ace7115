/* SPDX-License-Identifier: MIT */
/*
 * What the tests of Zircon's channels and of ipcz's portals ask, under their names
 * (docs/testing.md has the table). The client's part; the server is serve.c.
 */
#include "kids.h"
#include "tests/unit/libsys/pattern.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct writ_chan *c;
static struct writ_chan_msg got;
static char buf[1 << 16];
static const struct writ_msg none;

static struct writ_msg with_caps(unsigned n, uint64_t badge)
{
	struct writ_msg m = text("caps");

	for (m.ncaps = 0; m.ncaps < n; m.ncaps++)
		m.caps[m.ncaps] = badged(badge + m.ncaps);
	return m;
}

static void caps_free(const writ_cap_t *caps, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		writ_slot_free(caps[i]);
}

/* Open and closed channels of the server. */
static void count(uint32_t ret[2])
{
	struct writ_chan *d = open_way(K_WAY, WRIT_TX_KERNEL);

	GIVES(ask(d, C_COUNT, &none, ret, 8, NULL), 8);
	writ_chan_close(d);
}

/* --- Zircon -------------------------------------------------------------------------------- */

static void channel_test(void)
{
	struct writ_msg m = text("hello");

	GIVES(ask(c, C_ECHO, &m, buf, sizeof(buf), &got), 5);
	NEED(memcmp(buf, "hello", 5) == 0 && got.event == WRIT_CHAN_REPLY);
}

static void read_error(void)
{
	struct writ_msg m = text("hello");

	GIVES(writ_chan_recv(c, buf, sizeof(buf), &got, 0, 0), -WRIT_E_BUSY);
	GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), 0);
	GIVES(writ_chan_send(c, C_CLOSE, &m, WAIT), 0);
	GIVES(writ_chan_recv(c, buf, sizeof(buf), &got, 0, WAIT), 5);
	GIVES(writ_chan_recv(c, buf, sizeof(buf), &got, 0, WAIT), -WRIT_E_PEER_CLOSED);
	GIVES(writ_chan_recv(c, buf, sizeof(buf), &got, 0, 0), -WRIT_E_PEER_CLOSED);
	GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), -WRIT_E_PEER_CLOSED);
	GIVES(writ_chan_call(c, C_ECHO, &m, buf, sizeof(buf), &got, WAIT), -WRIT_E_PEER_CLOSED);
}

static void close_test(void)
{
	uint32_t before[2], after[2];

	channel_test();
	count(before);
	writ_chan_close(c);
	for (unsigned i = 0; i < 1000; i++) {
		count(after);
		if (after[0] < before[0])
			break;
		nap_ms(1);
	}
	c = open_way(K_WAY, WRIT_TX_KERNEL);
	NEED(after[0] < before[0] && after[1] > before[1]);
}

/* A Reply can be used once, by whoever was called. */
static void non_transferable(void)
{
	writ_cap_t reply = writ_slot_new();
	struct writ_take t = { .reply = reply, .buf = buf, .size = sizeof(buf) };
	struct writ_msg m = text("mine"), n = with_caps(1, 5);
	struct writ_msg_rep rep;

	GIVES(writ_recv(K_END2, &t, &rep), 5); /* of play_caller() */
	m.caps[0] = reply;
	m.ncaps = 1;
	GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), -WRIT_E_ILLEGAL_OPERATION);
	GIVES(writ_chan_recv(c, buf, sizeof(buf), &got, 0, MS(50)), -WRIT_E_TIMED_OUT);
	GIVES(ask(c, C_BADGES, &n, buf, 8, &got), 8); /* what can be copied goes */
	caps_free(n.caps, 1);
	GIVES(writ_reply(reply, &m), -WRIT_E_ILLEGAL_OPERATION); /* itself as a part of it */
	m.ncaps = 0;
	GIVES(writ_reply(reply, &m), 0);
	writ_slot_free(reply);
}

int play_caller(int argc, char **argv)
{
	struct writ_msg m = text("hello");
	struct writ_take t = { .buf = buf, .size = sizeof(buf) };
	struct writ_msg_rep rep;

	(void)argc;
	(void)argv;
	GIVES(writ_call(K_END2, &m, &t, &rep), 4);
	return 0;
}

/* Zircon refuses it, for there they move; here they are copied. */
static void duplicate_handles(void)
{
	struct writ_msg m = with_caps(1, 9);
	uint64_t badge[3];

	m.caps[1] = m.caps[2] = m.caps[0];
	m.ncaps = 3;
	GIVES(ask(c, C_BADGES, &m, badge, sizeof(badge), &got), sizeof(badge));
	NEED(badge[0] == 9 && badge[1] == 9 && badge[2] == 9);
	GIVES(badge_of(m.caps[0]), 9);
	caps_free(m.caps, 1);
}

static void may_discard(void)
{
	struct writ_msg m = with_caps(2, 3);
	unsigned used = slots_used();

	GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), 0);
	GIVES(writ_chan_recv(c, buf, 3, &got, 0, WAIT), -WRIT_E_RANGE); /* stays */
	NEED(got.len == 4 && got.ncaps == 0);
	GIVES(writ_chan_recv(c, buf, 3, &got, WRIT_CHAN_MAY_DISCARD, WAIT), -WRIT_E_RANGE);
	NEED(got.len == 4 && got.ncaps == 0);
	GIVES(slots_used(), used);
	GIVES(writ_chan_recv(c, buf, 3, &got, 0, MS(20)), -WRIT_E_TIMED_OUT);
	GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), 0);
	GIVES(writ_chan_recv(c, buf, 4, &got, WRIT_CHAN_MAY_DISCARD, WAIT), 4);
	NEED(got.ncaps == 2 && badge_of(got.caps[1]) == 4);
	caps_free(got.caps, 2);
	caps_free(m.caps, 2);
}

static void call_test(void)
{
	struct writ_msg m = text("hello");
	int64_t began = now_ns();
	uint32_t id;

	GIVES(writ_chan_call(c, C_DROP, &m, buf, 5, &got, MS(30)), -WRIT_E_TIMED_OUT);
	NEED(now_ns() - began >= MS(30));
	id = ask_begin(c, C_DROP, &m);
	GIVES(writ_chan_cancel(c, id), 0);
	id = ask_begin(c, C_ECHO, &m);
	GIVES(writ_chan_recv(c, buf, 5, &got, 0, WAIT), 5);
	NEED(got.event == WRIT_CHAN_REPLY && got.id == id);
	GIVES(writ_chan_call(c, C_ECHO, &m, buf, 4, &got, WAIT), -WRIT_E_RANGE);
	channel_test();
}

/* A way to oneself goes in a channel, and in the channel that it opens, five deep. */
static void nest(void)
{
	struct writ_msg m = text("nested");
	struct writ_chan *in = c, *d;
	struct writ_mbox *box;

	GIVES(writ_mbox_new(K_END2, &box), 0);
	m.ncaps = 1;
	m.caps[0] = K_WAY2;
	for (unsigned depth = 0; depth < 5; depth++) {
		GIVES(writ_chan_send(in, C_OPEN, &m, WAIT), 0);
		GIVES(writ_mbox_recv(box, &d, buf, sizeof(buf), &got, 0, WAIT), 0);
		NEED(got.event == WRIT_CHAN_OPENED && writ_chan_peer(d)->badge == 8);
		NEED(strcmp(writ_chan_peer(d)->prefix, "/two") == 0);
		GIVES(writ_mbox_recv(box, &d, buf, sizeof(buf), &got, 0, WAIT), 6);
		NEED(got.event == WRIT_CHAN_MSG && memcmp(buf, "nested", 6) == 0);
		in = d;
	}
	writ_mbox_free(box);
}

/* To write to oneself is allowed here; to wait for one's own answer is not. */
static void disallow_write_to_self(void)
{
	struct writ_msg m = text("self");
	struct writ_chan *d, *self;
	struct writ_mbox *box;

	GIVES(writ_mbox_new(K_END2, &box), 0);
	self = open_way(K_WAY2, WRIT_TX_KERNEL);
	GIVES(writ_chan_send(self, 1, &m, WAIT), 0);
	GIVES(writ_mbox_recv(box, &d, buf, sizeof(buf), &got, 0, WAIT), 0);
	NEED(got.event == WRIT_CHAN_OPENED);
	GIVES(writ_mbox_recv(box, &d, buf, sizeof(buf), &got, 0, WAIT), 4);
	GIVES(writ_chan_call(self, 1, &m, buf, 4, &got, WAIT), -WRIT_E_ILLEGAL_OPERATION);
	writ_chan_close(self);
	writ_mbox_free(box);
}

static void transfer_in_transit_on_close(void)
{
	struct writ_msg m = with_caps(3, 1);

	for (unsigned i = 0; i < 5; i++) {
		struct writ_chan *d = open_way(K_WAY, i % 2 != 0 ? WRIT_TX_USER : WRIT_TX_KERNEL);

		/* those that it is sent, unread; and those that come back, never read */
		GIVES(writ_chan_send(d, LABEL(C_NAP, i < 3 ? 20 : 0), &none, WAIT), 0);
		GIVES(writ_chan_send(d, C_ECHO, &m, WAIT), 0);
		GIVES(writ_chan_send(d, C_ECHO, &m, WAIT), 0);
		if (i == 4)
			nap_ms(20);
		writ_chan_close(d);
	}
	caps_free(m.caps, 3);
	GIVES(slots_used(), 0);
	channel_test();
}

static void handle_storm(void)
{
	for (uint64_t i = 1; i < 300; i++) {
		struct writ_msg m = with_caps(3, i);

		GIVES(ask(c, C_ECHO, &m, buf, 4, &got), 4);
		GIVES(got.ncaps, 3);
		for (unsigned k = 0; k < 3; k++)
			GIVES(badge_of(got.caps[k]), i + k);
		caps_free(got.caps, 3);
		caps_free(m.caps, 3);
	}
	GIVES(slots_used(), 0);
}

/* --- ipcz ------------------------------------------------------------------------------------ */

static void transfer_back_and_forth(void)
{
	struct writ_msg m = with_caps(1, 77);

	for (unsigned i = 0; i < 200; i++) {
		GIVES(ask(c, C_ECHO, &m, buf, 4, &got), 4);
		GIVES(badge_of(got.caps[0]), 77);
		if (i > 0)
			caps_free(m.caps, 1);
		m.caps[0] = got.caps[0];
	}
	caps_free(m.caps, 1);
	for (writ_cap_t s = K_N; s < 1024; s++) /* the first, from which all came */
		if (badge_of(s) == 77)
			writ_slot_free(s);
}

static void two_phase(void)
{
	size_t len = 1 << 20, done = 0;
	const void *at;
	void *place;

	while (done < len) {
		int64_t n = writ_chan_begin_put(c, 0, C_ECHO, (uint32_t)len, &place, WAIT);

		NEED(n > 0);
		pat_fill(place, 3, done, (size_t)n);
		GIVES(writ_chan_end_put(c, (size_t)n), 0);
		done += (size_t)n;
	}
	for (done = 0; done < len;) {
		int64_t n = writ_chan_begin_get(c, &got, &at, WAIT);

		NEED(n > 0 && got.offset == done && got.len == len);
		NEED(pat_is(at, 3, done, (size_t)n));
		writ_chan_end_get(c);
		done += (size_t)n;
	}
}

/* play_merge() has joined its channels to the server and to here. */
static void merge_routes(void)
{
	struct writ_msg m = with_caps(2, 40);
	uint64_t badge[2];
	struct writ_mbox *box;
	struct writ_chan *d;

	GIVES(writ_mbox_new(K_END2, &box), 0);
	GIVES(writ_mbox_recv(box, &d, buf, sizeof(buf), &got, 0, WAIT), 0);
	NEED(got.event == WRIT_CHAN_OPENED);
	for (uint32_t i = 0; i < 200; i++) {
		size_t len = i % 50 == 0 ? sizeof(buf) : i * 7;
		struct writ_msg b = bytes(buf, len);
		void *p = malloc(sizeof(buf));

		pat_fill(buf, i, 0, len);
		GIVES(ask(d, LABEL(C_ECHO, i), &b, p, sizeof(buf), &got), len);
		NEED(got.label == LABEL(C_ECHO, i) && pat_is(p, i, 0, len));
		free(p);
		if (i % 10 != 0)
			continue;
		GIVES(ask(d, C_BADGES, &m, badge, sizeof(badge), &got), sizeof(badge));
		NEED(badge[0] == 40 && badge[1] == 41);
	}
	caps_free(m.caps, 2);
	writ_mbox_free(box); /* closes it, and so the other end: play_merge() is back then */
}

int play_merge(int argc, char **argv)
{
	struct writ_chan *a = open_way(K_WAY, WRIT_TX_AUTO), *b = open_way(K_WAY2, WRIT_TX_AUTO);

	(void)argc;
	(void)argv;
	GIVES(writ_chan_merge(a, a), -WRIT_E_ILLEGAL_OPERATION);
	GIVES(writ_chan_merge(a, b), 0);
	GIVES(slots_used(), 0);
	return 0;
}

/* --- refusals ------------------------------------------------------------------------------ */

static void refused_capabilities(void)
{
	struct writ_chan *mean = open_way(K_MEAN, WRIT_TX_KERNEL);
	struct writ_msg m = with_caps(1, 5), plain = text("plain");
	writ_cap_t empty = writ_slot_new();

	GIVES(writ_chan_send(mean, C_ECHO, &m, WAIT), -WRIT_E_NO_RIGHT);
	GIVES(ask(mean, C_ECHO, &plain, buf, 5, NULL), 5);
	GIVES(ask(c, C_ECHO, &m, buf, 4, &got), 4);
	caps_free(got.caps, got.ncaps);
	caps_free(m.caps, 1);
	m.caps[0] = empty;
	GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), -WRIT_E_FAILED_LOOKUP);
	m.ncaps = WRIT_CAPS_MAX + 1;
	GIVES(writ_chan_send(c, C_ECHO, &m, WAIT), -WRIT_E_RANGE);
	channel_test();
	writ_slot_free(empty);
	writ_chan_close(mean);
}

static void notes_both_ways(void)
{
	struct writ_msg m = text("note");

	for (unsigned i = 0; i < 40; i++)
		GIVES(writ_chan_send(c, LABEL(C_ECHO, i), &m, WAIT), 0);
	for (unsigned i = 0; i < 40; i++) {
		GIVES(writ_chan_recv(c, buf, 4, &got, 0, WAIT), 4);
		GIVES(got.label, LABEL(C_ECHO, i));
	}
}

static const struct {
	const char *name;
	void (*run)(void);
	const char *helper; /* a further kid */
	unsigned gives;
} rows[] = {
	{ "channel_test", channel_test, NULL, 0 },
	{ "channel_read_error", read_error, NULL, 0 },
	{ "channel_close", close_test, NULL, 0 },
	{ "channel_non_transferable", non_transferable, "caller", G_END2 },
	{ "channel_duplicate_handles", duplicate_handles, NULL, 0 },
	{ "channel_may_discard", may_discard, NULL, 0 },
	{ "channel_call", call_test, NULL, 0 },
	{ "channel_nest", nest, NULL, 0 },
	{ "channel_disallow_write_to_self", disallow_write_to_self, NULL, 0 },
	{ "handle_transfer_in_transit_on_close", transfer_in_transit_on_close, NULL, 0 },
	{ "handle_storm", handle_storm, NULL, 0 },
	{ "TransferBackAndForth", transfer_back_and_forth, NULL, 0 },
	{ "TwoPhasePutGet", two_phase, NULL, 0 },
	{ "MergeRoutes_ClosurePropagation", merge_routes, "merge", G_WAY | G_WAY2 },
	{ "capabilities that are refused", refused_capabilities, NULL, 0 },
	{ "notes both ways", notes_both_ways, NULL, 0 },
};

int play_mirror(int argc, char **argv)
{
	NEED(argc == 3);
	c = open_way(K_WAY, (enum writ_transport)atoi(argv[2]));
	rows[atoi(argv[1])].run();
	writ_chan_close(c);
	GIVES(slots_used(), 0);
	return 0;
}

void test_mirrors(void)
{
	char what[80];

	kid(0, 'b', G_END, "serve");
	kid_ready(0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned t = WRIT_TX_KERNEL; t <= WRIT_TX_USER; t++) {
			if (rows[i].helper != NULL &&
			    !kid(2, 'a', rows[i].gives, "%s", rows[i].helper))
				continue;
			snprintf(what, sizeof(what), "%s, %s", rows[i].name,
			    t == WRIT_TX_USER ? "user" : "kernel");
			if (kid(1, 'a', G_WAY | G_NTFN | G_END2 | G_WAY2 | G_MEAN, "mirror:%u:%u",
				i, t))
				kid_case(1, what);
			if (rows[i].helper != NULL && !kid_ends(2, NULL))
				check(false, "%s, its helper", what);
		}
	server_quit(0);
}
