/* SPDX-License-Identifier: MIT */
/* Waiting: how long, at what cost, and what goes on meanwhile. */
#include "chan_pair.h"
#include "chan_test.h"
#include "pattern.h"
#include <string.h>
#include <time.h>

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

static int64_t cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void send_text(struct writ_chan *from, uint32_t label, const char *text)
{
	struct writ_msg m = chan_msg(text, strlen(text));

	ck_assert_int_eq(writ_chan_send(from, label, &m, 0), 0);
}

/* --- time, sleep ------------------------------------------------------------------------- */

START_TEST(test_time_is_kept)
{
	struct writ_msg m = chan_msg(buf, 1000);
	int64_t began;

	for (unsigned t = 0; t < CHAN_TX_N; t++) {
		ck_assert_int_eq(chan_switch(c[0], t, 0), 0);
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), -WRIT_E_BUSY);
		began = spin_now();
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, MS(20)), -WRIT_E_TIMED_OUT);
		ck_assert_int_ge(spin_now() - began, MS(20));
		while (writ_chan_send(c[0], 1, &m, 0) == 0)
			continue;
		began = spin_now();
		ck_assert_int_lt(writ_chan_send(c[0], 1, &m, MS(20)), 0);
		ck_assert_int_ge(spin_now() - began, MS(20));
		while (writ_chan_recv(c[1], buf, 1000, &got, 0, 0) == 1000)
			continue;
		while (chan_progress(c[0]) == 0 && c[0]->rest != NULL)
			continue;
	}
}
END_TEST

/* Who waits, sleeps: at first, and after having been woken. */
START_TEST(test_a_wait_costs_no_time)
{
	int64_t used;

	for (unsigned t = 0; t < CHAN_TX_N; t++) {
		ck_assert_int_eq(chan_switch(c[0], t, 0), 0);
		for (unsigned i = 0; i < 3; i++) {
			used = cpu();
			ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, MS(100)),
			    -WRIT_E_TIMED_OUT);
			used = cpu() - used;
			ck_assert_msg(used < MS(15), "transport %u: %lld us of 100 ms", t,
			    (long long)used / 1000);
			/* a bell that rings while nobody sleeps */
			chan_arm(c[1], TX_IN, 0);
			send_text(c[0], 1, "x");
			chan_disarm(c[1], TX_IN);
			ck_assert_int_eq(writ_chan_recv(c[1], buf, 1, &got, 0, 0), 1);
		}
	}
}
END_TEST

static void sleepy_client(struct writ_chan *a, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 60; i++) {
		ck_assert_int_eq(chan_switch(a, i / 5 % CHAN_TX_N, 0), 0);
		usleep(i % 3 * 3000);
		send_text(a, i, "x");
		ck_assert_int_eq(writ_chan_recv(a, buf, 1, &got, 0, MS(20000)), 1);
		ck_assert_uint_eq(got.label, i);
	}
}

static void sleepy_server(struct writ_chan *b, void *arg)
{
	struct writ_msg m = chan_msg("y", 1);

	(void)arg;
	for (unsigned i = 0; i < 60; i++) {
		MUST(writ_chan_recv(b, buf, 1, &got, 0, MS(20000)) == 1 && got.label == i);
		usleep(i % 4 * 2000);
		MUST(writ_chan_send(b, i, &m, MS(20000)) == 0);
	}
}

START_TEST(test_whoever_sleeps_is_woken)
{
	for (unsigned first = 0; first < CHAN_TX_N; first++)
		chan_two(first, sleepy_client, sleepy_server, NULL);
}
END_TEST

/* What had no room goes as soon as there is some, also while its sender waits for something. */
static void stashed_client(struct writ_chan *a, void *arg)
{
	struct writ_msg m = chan_msg(arg, 1 << 20);

	ck_assert_int_eq(writ_chan_send(a, 5, &m, 0), 0); /* most of it stays here */
	ck_assert_int_eq(writ_chan_recv(a, buf, 1, &got, 0, MS(20000)), 1);
}

static void stashed_server(struct writ_chan *b, void *arg)
{
	struct writ_msg m = chan_msg("y", 1);

	usleep(20000);
	MUST(writ_chan_recv(b, buf, sizeof(buf), &got, 0, MS(20000)) == 1 << 20);
	MUST(memcmp(buf, arg, 1 << 20) == 0);
	MUST(writ_chan_send(b, 5, &m, MS(20000)) == 0);
}

START_TEST(test_the_rest_of_a_message_goes_while_one_waits)
{
	uint8_t *p = chan_content(3, 1 << 20);

	for (unsigned first = 0; first < CHAN_TX_N; first++)
		chan_two(first, stashed_client, stashed_server, p);
	free(p);
}
END_TEST

START_TEST(test_corked_till_flush_or_a_wait)
{
	for (unsigned t = 0; t < CHAN_TX_N; t++) {
		ck_assert_int_eq(chan_switch(c[0], t, 0), 0);
		writ_chan_cork(c[0]);
		for (unsigned i = 0; i < 3; i++)
			send_text(c[0], i, "corked");
		ck_assert_int_eq(writ_chan_flush(c[0]), 0);
		for (unsigned i = 0; i < 3; i++) {
			ck_assert_int_eq(writ_chan_recv(c[1], buf, 6, &got, 0, 0), 6);
			ck_assert_uint_eq(got.label, i);
		}
		send_text(c[0], 4, "it is over");
		ck_assert_int_eq(writ_chan_recv(c[1], buf, 10, &got, 0, 0), 10);
	}
}
END_TEST

static void corked_client(struct writ_chan *a, void *arg)
{
	struct writ_msg none = { 0 };

	(void)arg;
	usleep(20000); /* the other sleeps */
	writ_chan_cork(a);
	ck_assert_int_eq(writ_chan_send(a, 1, &none, 0), 0);
	ck_assert_int_eq(writ_chan_recv(a, buf, 1, &got, 0, MS(5000)), 1);
}

static void corked_server(struct writ_chan *b, void *arg)
{
	struct writ_msg m = chan_msg("y", 1);

	(void)arg;
	MUST(writ_chan_recv(b, buf, 1, &got, 0, MS(20000)) == 0);
	MUST(writ_chan_send(b, 5, &m, MS(20000)) == 0);
}

START_TEST(test_who_waits_has_flushed)
{
	for (unsigned first = 0; first < CHAN_TX_N; first++)
		chan_two(first, corked_client, corked_server, NULL);
}
END_TEST

Suite *waits_suite(void)
{
	Suite *s = suite_create("waits");
	TCase *t = tcase_create("waits"), *two = tcase_create("two");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(two, 60);
	tcase_add_test(t, test_time_is_kept);
	tcase_add_test(t, test_a_wait_costs_no_time);
	tcase_add_test(t, test_corked_till_flush_or_a_wait);
	suite_add_tcase(s, t);
	tcase_add_test(two, test_whoever_sleeps_is_woken);
	tcase_add_test(two, test_the_rest_of_a_message_goes_while_one_waits);
	tcase_add_test(two, test_who_waits_has_flushed);
	suite_add_tcase(s, two);
	return s;
}
