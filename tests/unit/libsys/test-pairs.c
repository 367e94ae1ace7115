/* SPDX-License-Identifier: MIT */
/* Messages of all sizes over all pairs of transports, whole and in place. */
#include "chan_pair.h"
#include "chan_test.h"
#include "pattern.h"
#include "libsys/ring.h"
#include <string.h>
#include <sys/resource.h>

static const size_t sizes[] = { 0, 1, 40, 64, 65, 4 << 10, 64 << 10, 1 << 20, 64 << 20 };

enum { NSIZES = sizeof(sizes) / sizeof(sizes[0]) };
#define SECS(n) (INT64_C(1000000000) * (n))

/* Which of the sizes, and over what it goes and comes, as the client sees it. */
struct run {
	unsigned out, in, from, to;
};

/* Once only the small ones: 64 MiB in frames of 100 bytes shows nothing more. */
static struct run run_of(unsigned out, unsigned in)
{
	return (struct run){ out, in, 0, out == SMALL || in == SMALL ? NSIZES - 1 : NSIZES };
}

static void pairs_client(struct writ_chan *c, void *arg)
{
	const struct run *r = arg;

	ck_assert_int_eq(chan_switch(c, r->out, SWITCH_FOLLOWS), 0);
	for (unsigned i = r->from; i < r->to; i++) {
		uint8_t *p = chan_content(i, sizes[i]), *q = malloc(sizes[i] + 1);
		struct writ_msg m = chan_msg(p, sizes[i]);
		struct writ_chan_msg got;
		int64_t n;

		ck_assert(p != NULL && q != NULL);
		ck_assert_int_eq(writ_chan_send(c, 7 * i, &m, SECS(60)), 0);
		n = writ_chan_call(c, i, &m, q, sizes[i], &got, SECS(60));
		ck_assert_int_eq(n, (int64_t)sizes[i]);
		ck_assert(got.event == WRIT_CHAN_REPLY && got.label == i + 1000);
		ck_assert(pat_is(q, i + 1, 0, sizes[i]));
		free(p);
		free(q);
		ck_assert_uint_eq(chan_on(c, false), r->out);
		ck_assert_uint_eq(chan_on(c, true), r->in);
	}
}

static void pairs_server(struct writ_chan *c, void *arg)
{
	const struct run *r = arg;

	MUST(chan_switch(c, r->in, SWITCH_FOLLOWS) == 0);
	for (unsigned i = r->from; i < r->to; i++) {
		uint8_t *p = malloc(sizes[i] + 1), *q = chan_content(i + 1, sizes[i]);
		struct writ_msg m = chan_msg(q, sizes[i]);
		struct writ_chan_msg got;

		for (unsigned k = 0; k < 2; k++) {
			int64_t n = writ_chan_recv(c, p, sizes[i], &got, 0, SECS(60));

			MUST(n == (int64_t)sizes[i] && got.len == sizes[i] && got.ncaps == 0);
			MUST(got.event == WRIT_CHAN_MSG && pat_is(p, i, 0, sizes[i]));
			MUST(got.label == (k == 0 ? 7 * i : i) && (got.id != 0) == (k == 1));
		}
		MUST(writ_chan_reply(c, got.id, i + 1000, &m, SECS(60)) == 0);
		free(p);
		free(q);
	}
}

START_TEST(test_all_pairs_of_transports_and_sizes)
{
	struct run r = run_of((unsigned)_i / CHAN_TX_N, (unsigned)_i % CHAN_TX_N);

	chan_two(r.out, pairs_client, pairs_server, &r);
	r.to = NSIZES - 2;
	for (unsigned first = 0; first < CHAN_TX_N; first++)
		chan_two(first, pairs_client, pairs_server, &r);
}
END_TEST

/* --- in place ----------------------------------------------------------------------- */

/* Put a message in pieces as they come, or of odd sizes. */
static int64_t put(struct writ_chan *c, uint32_t id, uint32_t label, size_t len, uint64_t seed)
{
	size_t done = 0;
	void *at;

	do {
		int64_t n = writ_chan_begin_put(c, id, label, (uint32_t)len, &at, SECS(60));
		size_t piece = (size_t)n;

		if (n < 0 || (n == 0 && len > 0) || piece > len - done)
			return n < 0 ? n : -1000;
		if (label % 2 != 0 && piece > 1)
			piece -= piece / 3;
		pat_fill(at, seed, done, piece);
		n = writ_chan_end_put(c, piece);
		if (n < 0)
			return n;
		done += piece;
	} while (done < len);
	return (int64_t)len;
}

/* Get one in pieces: its length when its content is @seed. */
static int64_t get(struct writ_chan *c, struct writ_chan_msg *ret, uint64_t seed)
{
	size_t done = 0;
	const void *at;

	do {
		int64_t n = writ_chan_begin_get(c, ret, &at, SECS(60));

		if (n < 0)
			return n;
		if (ret->offset != done || (size_t)n > ret->len - done ||
		    !pat_is(at, seed, done, (size_t)n))
			return -1000;
		done += (size_t)n;
		writ_chan_end_get(c);
	} while (done < ret->len);
	return ret->len;
}

static void place_client(struct writ_chan *c, void *arg)
{
	const struct run *r = arg;

	ck_assert_int_eq(chan_switch(c, r->out, SWITCH_FOLLOWS), 0);
	for (unsigned i = r->from; i < r->to; i++) {
		void *p = chan_content(i, sizes[i]);
		struct writ_msg m = chan_msg(p, sizes[i]);
		struct writ_chan_msg got;

		/* in place and received; sent and got in place; both */
		ck_assert_int_eq(put(c, 0, 1, sizes[i], i), (int64_t)sizes[i]);
		ck_assert_int_eq(writ_chan_send(c, 2, &m, SECS(60)), 0);
		ck_assert_int_eq(put(c, 0, 3, sizes[i], i), (int64_t)sizes[i]);
		ck_assert_int_gt(writ_chan_call_begin(c, 4, &m, SECS(60)), 0);
		ck_assert_int_eq(get(c, &got, i + 9), (int64_t)sizes[i]);
		ck_assert(got.event == WRIT_CHAN_REPLY && got.label == 6);
		free(p);
	}
}

static void place_server(struct writ_chan *c, void *arg)
{
	const struct run *r = arg;

	MUST(chan_switch(c, r->in, SWITCH_FOLLOWS) == 0);
	for (unsigned i = r->from; i < r->to; i++) {
		void *p = malloc(sizes[i] + 1);
		struct writ_chan_msg got;

		MUST(writ_chan_recv(c, p, sizes[i], &got, 0, SECS(60)) == (int64_t)sizes[i]);
		MUST(got.label == 1 && got.len == sizes[i] && pat_is(p, i, 0, sizes[i]));
		MUST(get(c, &got, i) == (int64_t)sizes[i] && got.label == 2);
		MUST(get(c, &got, i) == (int64_t)sizes[i] && got.label == 3 && got.id == 0);
		MUST(get(c, &got, i) == (int64_t)sizes[i] && got.label == 4 && got.id != 0);
		MUST(put(c, got.id, 6, sizes[i], i + 9) == (int64_t)sizes[i]);
		free(p);
	}
}

START_TEST(test_two_phase_put_and_get)
{
	struct run r = run_of((unsigned)_i / CHAN_TX_N, (unsigned)_i % CHAN_TX_N);

	chan_two(r.out, place_client, place_server, &r);
}
END_TEST

START_TEST(test_two_phase_by_the_book)
{
	struct writ_chan_msg got;
	struct writ_chan *c[2];
	struct writ_msg m = chan_msg("ab", 2);
	const void *data;
	void *at;

	chan_pair(c, (unsigned)_i);
	ck_assert_int_eq(writ_chan_end_put(c[0], 0), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(writ_chan_begin_put(c[0], 0, 1, 10, &at, 0), 10);
	ck_assert_int_eq(writ_chan_send(c[0], 2, &m, 0), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_lt(writ_chan_end_put(c[0], 11), 0);
	ck_assert_int_eq(writ_chan_end_put(c[0], 0), 0); /* none after all */
	ck_assert_int_eq(writ_chan_send(c[0], 3, &m, 0), 0);
	ck_assert_int_eq(writ_chan_begin_put(c[0], 0, 4, 10, &at, 0), 10);
	memcpy(at, "0123", 4);
	ck_assert_int_eq(writ_chan_end_put(c[0], 4), 0);
	ck_assert_int_eq(writ_chan_send(c[0], 5, &m, 0), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(writ_chan_begin_put(c[0], 0, 4, 10, &at, 0), 6);
	memcpy(at, "456789", 6);
	ck_assert_int_eq(writ_chan_end_put(c[0], 6), 0);
	ck_assert_int_eq(writ_chan_begin_put(c[0], 0, 1, WRIT_CHAN_MAX + 1u, &at, 0),
	    -WRIT_E_RANGE);

	ck_assert_int_eq(writ_chan_begin_get(c[1], &got, &data, 0), 2);
	ck_assert(got.label == 3 && memcmp(data, "ab", 2) == 0);
	ck_assert_int_eq(writ_chan_begin_get(c[1], &got, &data, 0), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(writ_chan_recv(c[1], NULL, 0, &got, 0, 0), -WRIT_E_ILLEGAL_OPERATION);
	writ_chan_end_get(c[1]);
	writ_chan_end_get(c[1]); /* of nothing */
	ck_assert_int_eq(writ_chan_begin_get(c[1], &got, &data, 0), 4);
	ck_assert(got.label == 4 && got.len == 10 && got.offset == 0);
	writ_chan_end_get(c[1]);
	ck_assert_int_eq(writ_chan_begin_get(c[1], &got, &data, 0), 6);
	ck_assert(got.label == 4 && got.offset == 4 && memcmp(data, "456789", 6) == 0);
	writ_chan_end_get(c[1]);
	ck_assert_int_eq(writ_chan_begin_get(c[1], &got, &data, 0), -WRIT_E_BUSY);
	chan_free(c[0]);
	chan_free(c[1]);
}
END_TEST

/* --- 1 GiB --------------------------------------------------------------------------- */

static long rss_max(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void huge_client(struct writ_chan *c, void *arg)
{
	long before = rss_max();
	struct writ_chan_msg got;

	(void)arg;
	ck_assert_int_eq(put(c, 0, 0, WRIT_CHAN_MAX, 1), WRIT_CHAN_MAX);
	ck_assert_int_eq(writ_chan_recv(c, NULL, 0, &got, 0, SECS(60)), 0);
	ck_assert_msg(rss_max() - before < 4096, "%ld KiB more", rss_max() - before);
}

static void huge_server(struct writ_chan *c, void *arg)
{
	long before = rss_max();
	struct writ_msg m = { 0 };
	struct writ_chan_msg got;

	(void)arg;
	MUST(get(c, &got, 1) == WRIT_CHAN_MAX);
	MUST(rss_max() - before < 4096);
	MUST(writ_chan_send(c, 0, &m, SECS(60)) == 0);
}

START_TEST(test_a_message_of_1_GiB_in_bounded_memory)
{
	chan_two(_i == 0 ? RING : STREAM, huge_client, huge_server, NULL);
}
END_TEST

Suite *pairs_suite(void)
{
	Suite *s = suite_create("pairs");
	TCase *t = tcase_create("pairs");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_all_pairs_of_transports_and_sizes, 0, CHAN_TX_N * CHAN_TX_N);
	tcase_add_loop_test(t, test_two_phase_put_and_get, 0, CHAN_TX_N * CHAN_TX_N);
	tcase_add_loop_test(t, test_two_phase_by_the_book, 0, SMALL);
	tcase_add_loop_test(t, test_a_message_of_1_GiB_in_bounded_memory, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
