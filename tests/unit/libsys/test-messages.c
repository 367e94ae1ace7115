/* SPDX-License-Identifier: MIT */
/* Calls, replies, cancelling, buffers that are too small. */
#include "chan_pair.h"
#include "chan_test.h"
#include "pattern.h"
#include <string.h>

#define MS(n) (INT64_C(1000000) * (n))

static struct writ_chan *c[2];
static uint8_t buf[1 << 20];
static struct writ_chan_msg got;

static void begin(void)
{
	chan_pair(c, RING);
}

static void end(void)
{
	chan_free(c[0]);
	chan_free(c[1]);
}

static void send_text(struct writ_chan *from, uint32_t label, const char *text)
{
	struct writ_msg m = chan_msg(text, strlen(text));

	ck_assert_int_eq(writ_chan_send(from, label, &m, 0), 0);
}

static void send_content(struct writ_chan *from, uint32_t label, size_t len)
{
	struct writ_msg m = chan_msg(chan_content(label, len), len);

	ck_assert_int_eq(writ_chan_send(from, label, &m, 0), 0);
	free((void *)(uintptr_t)m.data);
}

/* Receives @label with its content, of @len bytes. */
static void recv_content(struct writ_chan *to, uint32_t label, size_t len)
{
	ck_assert_int_eq(writ_chan_recv(to, buf, sizeof(buf), &got, 0, 0), (int64_t)len);
	ck_assert_uint_eq(got.label, label);
	ck_assert(pat_is(buf, label, 0, len));
}

/* The other side may have gone already. */
static void nothing_else(struct writ_chan *a)
{
	int64_t n = writ_chan_recv(a, buf, sizeof(buf), &got, 0, 0);

	ck_assert(n == -WRIT_E_BUSY || n == -WRIT_E_PEER_CLOSED);
}

/* --- buffers -------------------------------------------------------------------------- */

START_TEST(test_an_empty_message_needs_no_buffer)
{
	struct writ_msg none = { 0 };

	for (unsigned t = 0; t < CHAN_TX_N; t++) {
		ck_assert_int_eq(chan_switch(c[0], t, 0), 0);
		ck_assert_int_eq(writ_chan_send(c[0], 1, &none, 0), 0);
		send_text(c[0], 2, "x");
		ck_assert_int_eq(writ_chan_recv(c[1], NULL, 0, &got, 0, 0), 0);
		ck_assert_uint_eq(got.label, 1);
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, NULL, 0, 0), 1);
	}
}
END_TEST

/* Zircon: a message that doesn't fit stays, and its length is told. */
START_TEST(test_range_keeps_the_message)
{
	static const size_t sizes[] = { 2, 60, 5000, 30000 }; /* the last in several frames */

	for (unsigned i = 0; i < 4 * CHAN_TX_N; i++) {
		size_t len = sizes[i / CHAN_TX_N];

		ck_assert_int_eq(chan_switch(c[0], i % CHAN_TX_N, 0), 0);
		if (len > 300 && i % CHAN_TX_N == SMALL)
			continue;
		send_content(c[0], 5, len);
		send_text(c[0], 6, "next");
		for (size_t room = 0; room < len; room += len / 2) {
			got = (struct writ_chan_msg){ 0 };
			ck_assert_int_eq(writ_chan_recv(c[1], buf, room, &got, 0, 0),
			    -WRIT_E_RANGE);
			ck_assert_uint_eq(got.len, len);
			ck_assert_uint_eq(got.label, 5);
			ck_assert_uint_eq(got.ncaps, 0);
		}
		recv_content(c[1], 5, len);
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 4, &got, 0, 0), 4);
	}
}
END_TEST

/* Zircon's ZX_CHANNEL_READ_MAY_DISCARD. */
START_TEST(test_may_discard)
{
	static const size_t sizes[] = { 2, 60, 5000, 30000 };

	for (unsigned i = 0; i < 4; i++) {
		send_content(c[0], 5, sizes[i]);
		send_text(c[0], 6, "next");
		ck_assert_int_eq(writ_chan_recv(c[1], buf, sizes[i] - 1, &got,
				     WRIT_CHAN_MAY_DISCARD, 0),
		    -WRIT_E_RANGE);
		ck_assert_uint_eq(got.len, sizes[i]);
		ck_assert_uint_eq(got.label, 5);
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 4, &got, WRIT_CHAN_MAY_DISCARD, 0), 4);
		ck_assert_uint_eq(got.label, 6);
		ck_assert_int_eq(memcmp(buf, "next", 4), 0);
		send_content(c[0], 5, sizes[i]); /* one that fits is not thrown away */
		ck_assert_int_eq(writ_chan_recv(c[1], buf, sizes[i], &got, WRIT_CHAN_MAY_DISCARD,
				     0),
		    (int64_t)sizes[i]);
	}
}
END_TEST

START_TEST(test_longest_message)
{
	struct writ_msg m = { .len = (size_t)WRIT_CHAN_MAX + 1 };

	ck_assert_int_eq(writ_chan_send(c[0], 1, &m, 0), -WRIT_E_RANGE);
	ck_assert_int_lt(writ_chan_call_begin(c[0], 1, &m, 0), 0);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), -WRIT_E_BUSY);
	send_text(c[0], 2, "goes on");
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 7, &got, 0, 0), 7);
}
END_TEST

/* --- calls ------------------------------------------------------------------------------ */

static int64_t call_in(uint32_t label)
{
	struct writ_msg none = { 0 };
	int64_t id = writ_chan_call_begin(c[0], label, &none, 0);

	ck_assert_int_gt(id, 0);
	return id;
}

static void reply(uint32_t id, uint32_t label)
{
	struct writ_msg m = chan_msg(&label, sizeof(label));

	ck_assert_int_eq(writ_chan_reply(c[1], id, label, &m, 0), 0);
}

START_TEST(test_replies_in_any_order)
{
	uint32_t ids[20];

	for (unsigned i = 0; i < 20; i++)
		call_in(i);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 0);
		ck_assert(got.event == WRIT_CHAN_MSG && got.label == i && got.id != 0);
		ids[i] = got.id;
		for (unsigned k = 0; k < i; k++)
			ck_assert_uint_ne(ids[k], ids[i]);
	}
	for (unsigned i = 0; i < 20; i++)
		reply(ids[i * 7 % 20], i * 7 % 20);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(writ_chan_recv(c[0], buf, 4, &got, 0, 0), 4);
		ck_assert(got.event == WRIT_CHAN_REPLY && got.label == i * 7 % 20);
		ck_assert_uint_eq(got.id, ids[i * 7 % 20]);
	}
}
END_TEST

static void keeps_client(struct writ_chan *a, void *arg)
{
	struct writ_msg none = { 0 };
	uint32_t label;

	(void)arg;
	for (unsigned round = 0; round < 20; round++) {
		ck_assert_int_eq(writ_chan_call(a, 9, &none, &label, sizeof(label), &got,
				     MS(20000)),
		    4);
		ck_assert(got.event == WRIT_CHAN_REPLY && label == 77 + round);
		for (unsigned i = 0; i < 30; i++)
			recv_content(a, i, i * i * 10);
	}
	nothing_else(a);
}

static void keeps_server(struct writ_chan *b, void *arg)
{
	struct writ_msg m;

	(void)arg;
	for (uint32_t round = 0, n; round < 20; round++) {
		MUST(writ_chan_recv(b, buf, 1, &got, 0, MS(20000)) == 0 && got.id != 0);
		for (unsigned i = 0; i < 30; i++) {
			m = chan_msg(chan_content(i, i * i * 10), i * i * 10);
			MUST(chan_switch(b, i % CHAN_TX_N, SWITCH_FOLLOWS) >= -WRIT_E_BUSY);
			MUST(writ_chan_send(b, i, &m, MS(20000)) == 0);
			free((void *)(uintptr_t)m.data);
		}
		n = 77 + round;
		m = chan_msg(&n, sizeof(n));
		MUST(writ_chan_reply(b, got.id, 0, &m, MS(20000)) == 0);
	}
}

START_TEST(test_a_call_keeps_what_comes_meanwhile)
{
	for (unsigned first = 0; first < CHAN_TX_N; first++)
		chan_two(first, keeps_client, keeps_server, NULL);
}
END_TEST

START_TEST(test_cancel_tells_the_peer_and_drops_the_reply)
{
	uint32_t a = (uint32_t)call_in(1), b = (uint32_t)call_in(2);

	ck_assert_int_eq(writ_chan_cancel(c[0], a), 0);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 0);
	ck_assert_uint_eq(got.id, a);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 0);
	ck_assert_uint_eq(got.id, b);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 0);
	ck_assert(got.event == WRIT_CHAN_CANCELED && got.id == a);
	reply(a, 1); /* all the same */
	reply(b, 2);
	ck_assert_int_eq(writ_chan_recv(c[0], buf, 4, &got, 0, 0), 4);
	ck_assert(got.event == WRIT_CHAN_REPLY && got.id == b);
	ck_assert_int_eq(writ_chan_recv(c[0], buf, 4, &got, 0, 0), -WRIT_E_BUSY);
}
END_TEST

START_TEST(test_a_call_that_times_out_is_given_up)
{
	struct writ_msg none = { 0 };
	int64_t began = spin_now();
	uint32_t id;

	ck_assert_int_eq(writ_chan_call(c[0], 1, &none, buf, 1, &got, MS(30)), -WRIT_E_TIMED_OUT);
	ck_assert_int_ge(spin_now() - began, MS(30));
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 0);
	id = got.id;
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 0);
	ck_assert(got.event == WRIT_CHAN_CANCELED && got.id == id);
	reply(id, 1);
	ck_assert_int_eq(writ_chan_recv(c[0], buf, 4, &got, 0, 0), -WRIT_E_BUSY);
	/* and the next one is answered, once there is somebody who does */
	id = (uint32_t)call_in(2);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 0);
	reply(got.id, 2);
	ck_assert_int_eq(writ_chan_recv(c[0], buf, 4, &got, 0, 0), 4);
	ck_assert_uint_eq(got.id, id);
}
END_TEST

/* The first part of its reply had come. */
START_TEST(test_half_a_reply_to_a_call_that_was_given_up)
{
	struct writ_msg none = { 0 };
	uint32_t id;
	void *at;

	/* Ids count up: the server answers before it was asked, half way. */
	id = (uint32_t)call_in(1);
	ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, NULL, 0, 0), 0);
	ck_assert_int_eq(writ_chan_begin_put(c[1], id + 1, 7, 100, &at, 0), 100);
	memset(at, 1, 50);
	ck_assert_int_eq(writ_chan_end_put(c[1], 50), 0);
	ck_assert_int_eq(writ_chan_call(c[0], 2, &none, buf, 100, &got, MS(10)), -WRIT_E_TIMED_OUT);
	ck_assert_int_eq(writ_chan_begin_put(c[1], id + 1, 7, 100, &at, 0), 50);
	memset(at, 2, 50);
	ck_assert_int_eq(writ_chan_end_put(c[1], 50), 0);
	send_text(c[1], 8, "next");
	ck_assert_int_eq(writ_chan_recv(c[0], buf, 100, &got, 0, 0), 4);
	ck_assert_uint_eq(got.label, 8);
}
END_TEST

static void long_reply_server(struct writ_chan *b, void *arg)
{
	struct writ_msg m = chan_msg(arg, 5000);

	for (unsigned i = 0; i < 2; i++) {
		MUST(writ_chan_recv(b, buf, 1, &got, 0, MS(20000)) == 0);
		MUST(writ_chan_reply(b, got.id, i, &m, MS(20000)) == 0);
	}
}

static void long_reply_client(struct writ_chan *a, void *arg)
{
	struct writ_msg none = { 0 };

	(void)arg;
	ck_assert_int_eq(writ_chan_call(a, 1, &none, buf, 4999, &got, MS(20000)), -WRIT_E_RANGE);
	ck_assert_int_eq(writ_chan_call(a, 1, &none, buf, 5000, &got, MS(20000)), 5000);
	ck_assert_uint_eq(got.label, 1);
	nothing_else(a);
}

START_TEST(test_a_reply_that_is_too_long_is_thrown_away)
{
	for (unsigned first = 0; first < CHAN_TX_N; first++)
		chan_two(first, long_reply_client, long_reply_server, buf);
}
END_TEST

static void pingpong_server(struct writ_chan *b, void *arg)
{
	uint32_t n = 0, i = 0;
	struct writ_msg m = chan_msg(&n, sizeof(n));
	int64_t r = writ_chan_recv(b, &n, sizeof(n), &got, 0, MS(20000));

	(void)arg;
	while (r == sizeof(n) && n < 2000) {
		MUST(n == i++ && got.label == n);
		n += 5;
		r = writ_chan_reply_recv(b, got.id, 3, &m, &n, sizeof(n), &got, MS(20000));
	}
	MUST(n == 2000);
}

static void pingpong_client(struct writ_chan *a, void *arg)
{
	(void)arg;
	for (uint32_t i = 0, n; i < 2000; i++) {
		struct writ_msg m = chan_msg(&i, sizeof(i));

		ck_assert_int_eq(writ_chan_call(a, i, &m, &n, sizeof(n), &got, MS(20000)), 4);
		ck_assert_uint_eq(n, i + 5);
	}
	ck_assert_int_eq(writ_chan_send(a, 0,
			     &(struct writ_msg){ .data = &(uint32_t){ 2000 }, .len = 4 }, 0),
	    0);
}

START_TEST(test_reply_and_receive)
{
	for (unsigned first = 0; first < CHAN_TX_N; first++)
		chan_two(first, pingpong_client, pingpong_server, NULL);
}
END_TEST

Suite *messages_suite(void)
{
	Suite *s = suite_create("messages");
	TCase *t = tcase_create("messages"), *two = tcase_create("two");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(two, 60);
	tcase_add_test(t, test_an_empty_message_needs_no_buffer);
	tcase_add_test(t, test_range_keeps_the_message);
	tcase_add_test(t, test_may_discard);
	tcase_add_test(t, test_longest_message);
	tcase_add_test(t, test_replies_in_any_order);
	tcase_add_test(t, test_cancel_tells_the_peer_and_drops_the_reply);
	tcase_add_test(t, test_a_call_that_times_out_is_given_up);
	tcase_add_test(t, test_half_a_reply_to_a_call_that_was_given_up);
	suite_add_tcase(s, t);
	tcase_add_test(two, test_a_call_keeps_what_comes_meanwhile);
	tcase_add_test(two, test_a_reply_that_is_too_long_is_thrown_away);
	tcase_add_test(two, test_reply_and_receive);
	suite_add_tcase(s, two);
	return s;
}
