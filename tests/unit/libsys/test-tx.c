/* SPDX-License-Identifier: MIT */
/* Every transport does what tx.h says; the byte stream survives a hostile peer. */
#include "chan_test.h"
#include "chan_pair.h"
#include "pattern.h"
#include "tx_any.h"
#include "tx_stream.h"
#include "libsys/ring.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void each_case(struct tx_ends (*make)(void))
{
	uint64_t seed = chan_seed("transport");

	for (unsigned i = 0; i < tx_ncases; i++) {
		struct tx_ends e = make();
		const char *wrong = tx_cases[i].run(&e, seed);

		ck_assert_msg(wrong == NULL, "%s: %s", tx_cases[i].name, wrong);
		tx_ends_close(&e);
	}
}

static struct tx_ends stream_ends(size_t frame_max)
{
	struct tx_ends e = { .tells = true };

	ck_assert(tx_stream_pair(frame_max, e.t));
	return e;
}

static struct tx_ends small_stream(void)
{
	return stream_ends(100);
}

static struct tx_ends large_stream(void)
{
	return stream_ends(STREAM_FRAME_MAX);
}

START_TEST(test_stream_of_small_frames)
{
	each_case(small_stream);
}
END_TEST

START_TEST(test_stream_of_large_frames)
{
	each_case(large_stream);
}
END_TEST

static struct tx_ends small_ring(void)
{
	return ring_ends(RING_BULK_MIN, (struct writ_chan *[2]){ 0 });
}

static struct tx_ends large_ring(void)
{
	return ring_ends(1 << 20, (struct writ_chan *[2]){ 0 });
}

START_TEST(test_ring_of_the_least_bulk)
{
	each_case(small_ring);
}
END_TEST

START_TEST(test_ring_of_much_bulk)
{
	each_case(large_ring);
}
END_TEST

/* --- a hostile peer ----------------------------------------------------------------- */

static volatile uint8_t last_byte;

/* All that comes of @n bytes that a peer wrote, by @t's own account. */
static int swallow(struct tx *t, size_t *ret_frames)
{
	const void *data;
	struct frame f;
	int r;

	*ret_frames = 0;
	while ((r = t->ops->peek(t, &f, &data)) == 1) {
		ck_assert_uint_le(f.len, t->frame_max);
		ck_assert_uint_eq(f.ncaps, 0);
		for (uint32_t i = 0; i < f.len; i++)
			last_byte = ((const uint8_t *)data)[i]; /* ASan sees what lies outside */
		ck_assert_int_eq(t->ops->release(t), 0);
		++*ret_frames;
	}
	return r;
}

static struct tx *against(int *ret_fd, size_t frame_max)
{
	struct tx *t;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	t = tx_stream_new(fd[0], frame_max);
	ck_assert_ptr_nonnull(t);
	*ret_fd = fd[1];
	return t;
}

static void says(int fd, struct stream_rec r, size_t data)
{
	static const uint8_t zeros[STREAM_FRAME_MAX];

	ck_assert_int_eq(send(fd, &r, sizeof(r), MSG_NOSIGNAL), (ssize_t)sizeof(r));
	if (data > 0)
		ck_assert_int_eq(send(fd, zeros, data, MSG_NOSIGNAL), (ssize_t)data);
}

START_TEST(test_stream_ends_at_what_it_cannot_mean)
{
	static const struct {
		struct stream_rec r;
		size_t data, frames;
		int gives;
	} rows[] = {
		{ { .type = STREAM_FRAME, .len = 8, .kind = 200 }, 8, 1, 0 },
		{ { .type = STREAM_FRAME, .len = 1000 }, 1000, 1, 0 },
		{ { .type = STREAM_FRAME, .len = 1000 }, 999, 0, 0 },
		{ { .type = STREAM_FRAME, .len = 1001 }, 1001, 0, -WRIT_E_PEER_CLOSED },
		{ { .type = STREAM_FRAME, .len = UINT32_MAX }, 0, 0, -WRIT_E_PEER_CLOSED },
		{ { .type = STREAM_CREDIT, .len = 1 }, 0, 0, -WRIT_E_PEER_CLOSED },
		{ { .type = STREAM_CREDIT, .len = 0 }, 0, 0, -WRIT_E_PEER_CLOSED },
		{ { .type = 2 }, 0, 0, -WRIT_E_PEER_CLOSED },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t frames;
		int fd;
		struct tx *t = against(&fd, 1000);

		says(fd, rows[i].r, rows[i].data);
		ck_assert_int_eq(swallow(t, &frames), rows[i].gives);
		ck_assert_uint_eq(frames, rows[i].frames);
		close(fd);
		t->ops->close(t);
	}
}
END_TEST

/* Who sends more than it has credit for has sent all that counts before. */
START_TEST(test_stream_of_more_than_its_credit)
{
	size_t frames, fit = STREAM_WINDOW(1000) / (10 + STREAM_COST);
	int fd;
	struct tx *t = against(&fd, 1000);

	for (size_t i = 0; i <= fit; i++)
		says(fd, (struct stream_rec){ .type = STREAM_FRAME, .len = 10 }, 10);
	ck_assert_int_eq(swallow(t, &frames), -WRIT_E_PEER_CLOSED);
	ck_assert_uint_eq(frames, fit);
	close(fd);
	t->ops->close(t);
}
END_TEST

START_TEST(test_stream_of_anything)
{
	uint64_t seed = chan_seed("hostile stream");
	size_t frames, all = 0, ended = 0;
	uint8_t junk[512];

	for (unsigned round = 0; round < 3000; round++) {
		int fd, r = 0;
		struct tx *t = against(&fd, 300);

		for (unsigned i = 0; i < 30 && r == 0; i++) {
			struct stream_rec rec = { .type = pat_rnd(&seed) % 400 == 0,
				.len = (uint32_t)(pat_rnd(&seed) % 301),
				.kind = (uint8_t)pat_rnd(&seed) };
			size_t n = pat_rnd(&seed) % 200 != 0 ? rec.len : pat_rnd(&seed) % 512;

			pat_fill(junk, seed, 0, sizeof(junk));
			if (send(fd, &rec, sizeof(rec), MSG_NOSIGNAL) < 0 ||
			    send(fd, junk, n, MSG_NOSIGNAL) < 0)
				break;
			if (t->ops->reserve(t, 1) != NULL)
				t->ops->commit(t, &(struct frame){ .len = 1 }, false);
			r = swallow(t, &frames);
			all += frames;
			t->ops->arm(t, TX_IN | TX_OUT, 1);
			t->ops->disarm(t, TX_IN | TX_OUT);
		}
		ended += r < 0;
		close(fd);
		ck_assert_int_eq(swallow(t, &frames), -WRIT_E_PEER_CLOSED);
		t->ops->close(t);
	}
	printf("hostile stream: %zu frames, %zu ended early\n", all, ended);
	ck_assert_uint_gt(all, 1000);
	ck_assert_uint_gt(ended, 300);
}
END_TEST

/* A peer that reads nothing costs its own stream, and nobody waits for it. */
START_TEST(test_stream_to_one_who_does_not_read)
{
	size_t n = 0;
	int fd;
	struct tx *t = against(&fd, 1000);

	while (t->ops->reserve(t, 1000) != NULL && n < 1000) {
		ck_assert_int_eq(t->ops->commit(t, &(struct frame){ .len = 1000 }, false), 0);
		n++;
	}
	ck_assert_uint_eq(n, STREAM_WINDOW(1000) / (1000 + STREAM_COST));
	/* It gives credit for what it never read: Linux's buffer is the end of that. */
	for (n = 0; n < 100000; n++) {
		struct stream_rec r = { .type = STREAM_CREDIT, .len = 1000 + STREAM_COST };

		if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) < 0)
			break;
		if (t->ops->reserve(t, 1000) != NULL &&
		    t->ops->commit(t, &(struct frame){ .len = 1000 }, false) < 0)
			break;
	}
	ck_assert_uint_lt(n, 1000);
	close(fd);
	t->ops->close(t);
}
END_TEST

Suite *tx_suite(void)
{
	Suite *s = suite_create("transports");
	TCase *t = tcase_create("tx");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_stream_of_small_frames);
	tcase_add_test(t, test_stream_of_large_frames);
	tcase_add_test(t, test_ring_of_the_least_bulk);
	tcase_add_test(t, test_ring_of_much_bulk);
	tcase_add_test(t, test_stream_ends_at_what_it_cannot_mean);
	tcase_add_test(t, test_stream_of_more_than_its_credit);
	tcase_add_test(t, test_stream_of_anything);
	tcase_add_test(t, test_stream_to_one_who_does_not_read);
	suite_add_tcase(s, t);
	return s;
}
