/* SPDX-License-Identifier: MIT */
/*
 * Order: messages across switches at random by both sides; peers that break the
 * rules, that close, that go away in the middle.
 */
#include "chan_pair.h"
#include "chan_test.h"
#include "pattern.h"
#include "tx_stream.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define MS(n) (INT64_C(1000000) * (n))

static uint8_t buf[1 << 20];
static struct writ_chan_msg got;

/* --- none lost, doubled or out of order ------------------------------------------------- */

struct soak {
	uint32_t count;      /* messages each way */
	unsigned switch_one; /* in so many a switch */
	uint64_t seed;
};

/* Most are small, some take many frames. By number: both sides know. */
static size_t length(uint32_t i)
{
	uint64_t s = i, x = pat_rnd(&s);

	return x % 1024 == 0 ? x >> 32 & 0x3ffff : x % 16 == 0 ? x >> 32 & 8191 : x >> 32 & 63;
}

struct side {
	uint32_t sent, taken, switched;
	uint64_t seed;
};

static bool send_some(struct writ_chan *c, const struct soak *k, struct side *s)
{
	uint64_t x = pat_rnd(&s->seed);
	unsigned n = 1 + x % 60;
	int r = 0;

	if (x >> 32 & 1)
		writ_chan_cork(c);
	for (; n > 0 && s->sent < k->count && r == 0; n--) {
		size_t len = length(s->sent);
		struct writ_msg m = chan_msg(buf, len);

		if (pat_rnd(&s->seed) % k->switch_one == 0) {
			r = chan_switch(c, pat_rnd(&s->seed) % CHAN_TX_N,
			    pat_rnd(&s->seed) % 4 == 0 ? SWITCH_FOLLOWS : 0);
			MUST(r == 0 || r == -WRIT_E_BUSY);
			s->switched++;
		}
		pat_fill(buf, s->sent, 0, len);
		r = writ_chan_send(c, s->sent, &m, 0);
		MUST(r == 0 || r == -WRIT_E_BUSY);
		s->sent += r == 0;
	}
	MUST(writ_chan_flush(c) == 0);
	return r == 0;
}

static void take_some(struct writ_chan *c, const struct soak *k, struct side *s, bool wait)
{
	for (uint64_t n = 1 + pat_rnd(&s->seed) % 60; n > 0 && s->taken < k->count; n--) {
		int64_t r = writ_chan_recv(c, buf, sizeof(buf), &got, 0, wait ? MS(1) : 0);

		if (r == -WRIT_E_BUSY || r == -WRIT_E_TIMED_OUT)
			return;
		MUST(r == (int64_t)length(s->taken));
		MUST(got.label == s->taken && got.event == WRIT_CHAN_MSG && got.id == 0);
		MUST(pat_is(buf, s->taken, 0, (size_t)r));
		s->taken++;
		wait = false;
	}
}

static void soak_side(struct writ_chan *c, void *arg)
{
	struct soak k = *(const struct soak *)arg;
	struct side s = { .seed = k.seed + c->client };
	struct writ_chan_stats st;

	while (s.sent < k.count || s.taken < k.count || c->rest != NULL) {
		bool room = s.sent < k.count && send_some(c, &k, &s);

		take_some(c, &k, &s, !room);
		if (s.taken == k.count)
			chan_progress(c);
	}
	writ_chan_stat(c, &st);
	MUST(st.sent[0] + st.sent[1] == k.count && st.received[0] + st.received[1] == k.count);
	if (c->client)
		printf("%u messages each way, this side switched %u times\n", k.count, s.switched);
	fflush(stdout);
}

static uint32_t soak_count(uint32_t usual)
{
	const char *env = getenv("WRIT_CHAN_MSGS");

	return env != NULL ? (uint32_t)strtoul(env, NULL, 0) : usual;
}

START_TEST(test_messages_with_switches_at_random)
{
	struct soak k = { soak_count(150000), 20, chan_seed("switches") };

	chan_two(RING, soak_side, soak_side, &k);
}
END_TEST

START_TEST(test_messages_with_a_switch_each_time)
{
	struct soak k = { 30000, 1, chan_seed("switches") };

	chan_two(STREAM, soak_side, soak_side, &k);
}
END_TEST

START_TEST(test_switch_by_the_book)
{
	struct writ_chan *c[2];

	chan_pair(c, STREAM);
	ck_assert_int_eq(chan_switch(c[0], RING, 0), 0);
	ck_assert(chan_on(c[0], false) == RING && chan_on(c[0], true) == STREAM);
	ck_assert(chan_on(c[1], false) == STREAM && chan_on(c[1], true) == STREAM);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), -WRIT_E_BUSY);
	ck_assert(chan_on(c[1], false) == RING && chan_on(c[1], true) == RING);
	ck_assert_int_eq(writ_chan_recv(c[0], buf, 1, &got, 0, 0), -WRIT_E_BUSY);
	ck_assert(chan_on(c[0], false) == RING && chan_on(c[0], true) == RING);
	/* both at once, to different ones: each direction where its sender wants it */
	ck_assert_int_eq(chan_switch(c[0], SMALL, 0), 0);
	ck_assert_int_eq(chan_switch(c[1], STREAM, 0), 0);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(writ_chan_recv(c[i % 2], buf, 1, &got, 0, 0), -WRIT_E_BUSY);
	ck_assert_uint_eq(chan_on(c[0], false), chan_on(c[1], true));
	ck_assert_uint_eq(chan_on(c[1], false), chan_on(c[0], true));
	chan_free(c[0]);
	chan_free(c[1]);
}
END_TEST

/* Read what the other side says of its switches, until nobody says anything more. */
static void settle(struct writ_chan *c[2])
{
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(writ_chan_recv(c[i % 2], buf, sizeof(buf), &got, 0, 0),
		    -WRIT_E_BUSY);
}

/* The server gives the ring back while the client leaves it and comes to it again. */
START_TEST(test_a_ring_is_given_back_while_the_peer_comes_to_it)
{
	const struct writ_msg m = chan_msg("x", 1);
	struct writ_chan *c[2];

	chan_pair(c, STREAM);
	ck_assert_int_eq(chan_switch(c[0], RING, 0), 0);
	settle(c);
	ck_assert_uint_eq(chan_on(c[1], false), RING);
	ck_assert_int_eq(chan_switch(c[0], STREAM, 0), 0);
	ck_assert_int_eq(chan_switch(c[0], RING, 0), 0);
	ck_assert_int_eq(chan_switch(c[1], STREAM, SWITCH_RELEASE), 0);
	settle(c);
	settle(c);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(chan_on(c[i], true), STREAM);
		ck_assert_uint_eq(chan_on(c[i], false), STREAM);
		ck_assert_ptr_null(c[i]->tx[RING]);
		ck_assert_int_eq(writ_chan_send(c[i], 0, &m, 0), 0);
		ck_assert_int_eq(writ_chan_recv(c[1 - i], buf, sizeof(buf), &got, 0, 0), 1);
	}
	writ_chan_close(c[0]);
	writ_chan_close(c[1]);
}
END_TEST

/* --- the peer breaks the rules ---------------------------------------------------------- */

/* A channel whose other end is a bare transport. */
static struct writ_chan *against(struct tx **ret)
{
	struct writ_chan *c = chan_new(false, NULL);
	struct tx *t[2];

	ck_assert(c != NULL && tx_stream_pair(4096, t));
	chan_install(c, STREAM, t[0]);
	*ret = t[1];
	return c;
}

static void frame(struct tx *t, struct frame f)
{
	void *at = t->ops->reserve(t, f.len);

	ck_assert_ptr_nonnull(at);
	memset(at, 1, f.len);
	ck_assert_int_eq(t->ops->commit(t, &f, false), 0);
}

/* How many messages come before the end; *ret: what that is. */
static unsigned messages(struct writ_chan *c, bool in_place, int64_t *ret)
{
	const void *at;
	unsigned n = 0;

	for (;; n++) {
		if (in_place)
			*ret = writ_chan_begin_get(c, &got, &at, 0);
		else
			*ret = writ_chan_recv(c, buf, sizeof(buf), &got, 0, 0);
		if (*ret < 0)
			return n;
		if (in_place && got.event != WRIT_CHAN_CANCELED)
			writ_chan_end_get(c);
	}
}

enum { OF = 4 }; /* frames at most of a row */

static const struct {
	const char *what;
	struct frame f[OF];
	unsigned n, gives, pieces; /* messages, and pieces in place, that come before the end */
	int end;
} rows[] = {
	{ "a message", { { .len = 3, .total = 3 } }, 1, 1, 1, -WRIT_E_BUSY },
	{ "in two", { { .len = 3, .total = 5 }, { .len = 2, .kind = FRAME_MORE } }, 2, 1, 2,
	    -WRIT_E_BUSY },
	{ "half", { { .len = 3, .total = 5 } }, 1, 0, 1, -WRIT_E_BUSY },
	{ "canceled", { { .kind = FRAME_CANCEL, .id = 9 } }, 1, 1, 1, -WRIT_E_BUSY },
	{ "of the longest", { { .len = 1, .total = WRIT_CHAN_MAX } }, 1, 0, 1, -WRIT_E_RANGE },
	{ "longer", { { .len = 1, .total = WRIT_CHAN_MAX + 1u } }, 1, 0, 0, -WRIT_E_PEER_CLOSED },
	{ "longest of all", { { .len = 1, .total = UINT32_MAX } }, 1, 0, 0, -WRIT_E_PEER_CLOSED },
	{ "more than it says", { { .len = 6, .total = 5 } }, 1, 0, 0, -WRIT_E_PEER_CLOSED },
	{ "nothing of something", { { .len = 0, .total = 5 } }, 1, 0, 0, -WRIT_E_PEER_CLOSED },
	{ "the rest of nothing", { { .len = 1, .kind = FRAME_MORE } }, 1, 0, 0,
	    -WRIT_E_PEER_CLOSED },
	{ "a rest that is too long", { { .len = 3, .total = 5 }, { .len = 3, .kind = FRAME_MORE } },
	    2, 0, 1, -WRIT_E_PEER_CLOSED },
	{ "a rest of nothing", { { .len = 3, .total = 5 }, { .len = 0, .kind = FRAME_MORE } }, 2, 0,
	    1, -WRIT_E_PEER_CLOSED },
	{ "one in another", { { .len = 3, .total = 5 }, { .len = 1, .total = 1 } }, 2, 0, 1,
	    -WRIT_E_PEER_CLOSED },
	{ "a reply in a message",
	    { { .len = 3, .total = 5 }, { .len = 1, .total = 1, .kind = FRAME_REPLY, .id = 1 } }, 2,
	    0, 1, -WRIT_E_PEER_CLOSED },
	{ "cancel in a message", { { .len = 3, .total = 5 }, { .kind = FRAME_CANCEL, .id = 1 } }, 2,
	    0, 1, -WRIT_E_PEER_CLOSED },
	{ "no such kind", { { .len = 1, .total = 1, .kind = FRAME_N } }, 1, 0, 0,
	    -WRIT_E_PEER_CLOSED },
	{ "no such kind either", { { .len = 1, .total = 1, .kind = 255 } }, 1, 0, 0,
	    -WRIT_E_PEER_CLOSED },
	{ "to one that there isn't",
	    { { .len = 1, .total = 1 }, { .kind = FRAME_SWITCH, .label = RING } }, 2, 1, 1,
	    -WRIT_E_PEER_CLOSED },
	{ "to one that there can't be", { { .kind = FRAME_SWITCH, .label = CHAN_TX_N } }, 1, 0, 0,
	    -WRIT_E_PEER_CLOSED },
	{ "far beyond", { { .kind = FRAME_SWITCH, .label = UINT32_MAX } }, 1, 0, 0,
	    -WRIT_E_PEER_CLOSED },
	{ "a switch with data", { { .kind = FRAME_SWITCH, .label = STREAM, .len = 1 } }, 1, 0, 0,
	    -WRIT_E_PEER_CLOSED },
	{ "a switch to where one is",
	    { { .kind = FRAME_SWITCH, .label = STREAM }, { .len = 1, .total = 1 } }, 2, 1, 1,
	    -WRIT_E_BUSY },
	{ "a switch in a message",
	    { { .len = 3, .total = 5 }, { .kind = FRAME_SWITCH, .label = STREAM },
		{ .len = 2, .kind = FRAME_MORE } },
	    3, 1, 2, -WRIT_E_BUSY },
};

START_TEST(test_who_breaks_the_rules_loses_the_channel)
{
	struct writ_msg none = { 0 };
	bool in_place = _i % 2 != 0;
	int64_t last;
	struct tx *t;
	struct writ_chan *c = against(&t);
	unsigned n;

	for (unsigned i = 0; i < rows[_i / 2].n; i++)
		frame(t, rows[_i / 2].f[i]);
	n = messages(c, in_place, &last);
	if (in_place && rows[_i / 2].end == -WRIT_E_RANGE) /* in place there is no too long */
		ck_assert_int_eq(last, -WRIT_E_BUSY);
	else
		ck_assert_msg(last == rows[_i / 2].end, "%s: %lld", rows[_i / 2].what,
		    (long long)last);
	ck_assert_msg(n == (in_place ? rows[_i / 2].pieces : rows[_i / 2].gives), "%s: %u",
	    rows[_i / 2].what, n);
	if (last == -WRIT_E_PEER_CLOSED) {
		ck_assert_int_eq(writ_chan_send(c, 1, &none, 0), -WRIT_E_PEER_CLOSED);
		ck_assert_int_eq(writ_chan_recv(c, buf, 1, &got, 0, -1), -WRIT_E_PEER_CLOSED);
		ck_assert_int_eq(writ_chan_call(c, 1, &none, buf, 1, &got, -1),
		    -WRIT_E_PEER_CLOSED);
	}
	chan_free(c);
	t->ops->close(t);
}
END_TEST

/* A flood of frames that mean nothing, of any kind: it ends or goes on, and no more. */
START_TEST(test_frames_of_any_kind)
{
	uint64_t seed = chan_seed("any frames");
	unsigned ended = 0, all = 0;

	for (unsigned round = 0; round < 2000; round++) {
		struct tx *t;
		struct writ_chan *c = against(&t);
		int64_t last = 0;

		for (unsigned i = 0; i < 200 && last != -WRIT_E_PEER_CLOSED; i++) {
			uint64_t x = pat_rnd(&seed);
			struct frame f = { .len = x % 5,
				.total = x >> 8 & 7,
				.id = x >> 12 & 1,
				.kind = (uint8_t)((x >> 16 & 63) != 0 ? x >> 24 & 1 : x >> 32),
				.label = x >> 40 & 3 };

			if (f.kind <= FRAME_REPLY && (x >> 48) % 16 != 0)
				f.total = f.len;
			frame(t, f);
			all += messages(c, x >> 63, &last);
			ck_assert(last == -WRIT_E_BUSY || last == -WRIT_E_PEER_CLOSED ||
			    last == -WRIT_E_ILLEGAL_OPERATION);
		}
		ended += last == -WRIT_E_PEER_CLOSED;
		chan_free(c);
		t->ops->close(t);
	}
	printf("any frames: %u messages, %u of 2000 ended\n", all, ended);
	ck_assert(all > 2000 && ended > 200);
}
END_TEST

/* A thousand cancellations and messages that nobody wants, while a call waits: bounded. */
START_TEST(test_a_flood_while_a_call_waits)
{
	struct writ_msg none = { 0 };
	struct tx *t;
	struct writ_chan *c;
	int64_t r;
	pid_t pid;

	c = against(&t);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		chan_free(c);
		for (;;) {
			struct frame f = { .len = 4096, .total = 4096 };

			if (t->ops->reserve(t, 4096) != NULL && t->ops->commit(t, &f, false) < 0)
				_exit(0);
			if (!t->ops->arm(t, TX_OUT, 4096))
				usleep(100);
		}
	}
	t->ops->close(t);
	r = writ_chan_call(c, 1, &none, buf, 1, &got, MS(20000));
	ck_assert_int_eq(r, -WRIT_E_PEER_CLOSED);
	chan_free(c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

/* --- the peer closes ------------------------------------------------------------------------ */

START_TEST(test_peer_closed_after_what_it_had_sent)
{
	struct writ_msg m = chan_msg("abc", 3);
	struct writ_chan *c[2];

	chan_pair(c, STREAM);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(writ_chan_send(c[0], i, &m, 0), 0);
		ck_assert_int_eq(writ_chan_send(c[1], i, &m, 0), 0); /* never taken */
	}
	chan_free(c[0]);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 3, &got, 0, MS(1000)), 3);
		ck_assert_uint_eq(got.label, i);
	}
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 3, &got, 0, -1), -WRIT_E_PEER_CLOSED);
	ck_assert_int_eq(writ_chan_send(c[1], 1, &m, -1), -WRIT_E_PEER_CLOSED);
	chan_free(c[1]);
}
END_TEST

START_TEST(test_peer_closed_in_the_middle_of_a_message)
{
	struct writ_chan *c[2];
	void *at;

	chan_pair(c, STREAM);
	ck_assert_int_eq(writ_chan_begin_put(c[0], 0, 1, 10, &at, 0), 10);
	memset(at, 0, 5);
	ck_assert_int_eq(writ_chan_end_put(c[0], 5), 0);
	chan_free(c[0]);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 10, &got, 0, -1), -WRIT_E_PEER_CLOSED);
	chan_free(c[1]);
}
END_TEST

enum { TURNS = 65, FRAMES = 100 };

/* A side whose peer has sent so many turns that lead nowhere, then a message of a byte. */
static struct writ_chan *flooded(struct tx *both[2])
{
	const struct frame turn = { .kind = FRAME_SWITCH, .id = SWITCH_FOLLOWS, .label = STREAM };
	struct writ_chan *c = chan_new(false, NULL);

	ck_assert(c != NULL && tx_stream_pair(65536, both));
	chan_install(c, STREAM, both[0]);
	for (unsigned i = 0; i < TURNS; i++)
		frame(both[1], turn);
	frame(both[1], (struct frame){ .len = 1, .total = 1 });
	return c;
}

/* A message of FRAMES bytes, each in a frame of its own. */
static void crumbs(struct tx *t)
{
	for (unsigned i = 0; i < FRAMES; i++)
		frame(t,
		    (struct frame){ .len = 1,
			.total = i == 0 ? FRAMES : 0,
			.kind = i == 0 ? FRAME_MSG : FRAME_MORE });
}

/* However fast one sends, who asks without waiting has the others to see to, and a time ends. */
START_TEST(test_a_flood_of_frames_is_taken_in_turns)
{
	struct tx *both[2];
	struct writ_chan *c = flooded(both);
	unsigned busy = 0;
	int64_t n;

	while ((n = writ_chan_recv(c, buf, FRAMES, &got, 0, 0)) == -WRIT_E_BUSY)
		busy++;
	ck_assert_int_eq(n, 1);
	ck_assert_uint_gt(busy, 0);
	crumbs(both[1]);
	ck_assert_int_eq(writ_chan_recv(c, buf, FRAMES, &got, 0, 0), -WRIT_E_BUSY);
	ck_assert_int_eq(writ_chan_recv(c, buf, FRAMES, &got, 0, 0), FRAMES);
	crumbs(both[1]);
	ck_assert_int_eq(writ_chan_recv(c, buf, FRAMES, &got, 0, 1), -WRIT_E_TIMED_OUT);
	ck_assert_int_eq(writ_chan_recv(c, buf, FRAMES, &got, 0, -1), FRAMES);
	chan_free(c);
	both[1]->ops->close(both[1]);
}
END_TEST

START_TEST(test_a_flood_of_frames_leaves_a_time_to_look_in_place)
{
	struct tx *both[2];
	struct writ_chan *c = flooded(both);
	const void *at;

	ck_assert_int_eq(writ_chan_begin_get(c, &got, &at, 0), -WRIT_E_BUSY);
	ck_assert_int_eq(writ_chan_begin_get(c, &got, &at, 1), -WRIT_E_TIMED_OUT);
	ck_assert_int_eq(writ_chan_begin_get(c, &got, &at, -1), 1);
	writ_chan_end_get(c);
	chan_free(c);
	both[1]->ops->close(both[1]);
}
END_TEST

static void waits_client(struct writ_chan *c, void *arg)
{
	struct writ_msg none = { 0 }, m = chan_msg(buf, 60000);
	int what = *(const int *)arg;
	int64_t r = 0;

	if (what == 0)
		r = writ_chan_recv(c, buf, 1, &got, 0, MS(20000));
	else if (what == 1)
		r = writ_chan_call(c, 1, &none, buf, 1, &got, MS(20000));
	else
		for (unsigned i = 0; i < 1000 && r == 0; i++)
			r = writ_chan_send(c, 1, &m, MS(20000));
	ck_assert_int_eq(r, -WRIT_E_PEER_CLOSED);
}

static void leaves_server(struct writ_chan *c, void *arg)
{
	(void)c;
	(void)arg;
	usleep(20000);
}

START_TEST(test_whoever_waits_is_told_that_the_peer_is_gone)
{
	chan_two(STREAM, waits_client, leaves_server, &_i);
}
END_TEST

Suite *switch_suite(void)
{
	Suite *s = suite_create("switch");
	TCase *t = tcase_create("switch"), *broken = tcase_create("broken");

	tcase_set_timeout(t, 1800);
	tcase_set_timeout(broken, 60);
	tcase_add_test(t, test_messages_with_switches_at_random);
	tcase_add_test(t, test_messages_with_a_switch_each_time);
	tcase_add_test(t, test_switch_by_the_book);
	tcase_add_test(t, test_a_ring_is_given_back_while_the_peer_comes_to_it);
	suite_add_tcase(s, t);
	tcase_add_loop_test(broken, test_who_breaks_the_rules_loses_the_channel, 0,
	    2 * sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(broken, test_frames_of_any_kind);
	tcase_add_test(broken, test_a_flood_while_a_call_waits);
	tcase_add_test(broken, test_a_flood_of_frames_is_taken_in_turns);
	tcase_add_test(broken, test_a_flood_of_frames_leaves_a_time_to_look_in_place);
	tcase_add_test(broken, test_peer_closed_after_what_it_had_sent);
	tcase_add_test(broken, test_peer_closed_in_the_middle_of_a_message);
	tcase_add_loop_test(broken, test_whoever_waits_is_told_that_the_peer_is_gone, 0, 3);
	suite_add_tcase(s, broken);
	return s;
}
