// SPDX-License-Identifier: MIT
/* Rings as both sides that keep the rules see them. */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/unit/libsys/ring_pair.h"
#include "tests/unit/libsys/ring_suites.h"

#define BULK RING_BULK_MIN

static struct ring_fds fds;
static struct tx *tx[2];
static struct link *links[2];

static void setup(void)
{
	fds = ring_fds_new(BULK);
	for (int i = 0; i < 2; i++)
		tx[i] = ring_pair_side(&fds, i, &links[i]);
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++) {
		tx[i]->ops->close(tx[i]);
		link_put(links[i]);
	}
	ring_fds_close(&fds);
}

/* Each size, often enough that it meets every place in the bulk area, both ways. */
START_TEST(sizes)
{
	static const size_t lens[] = { 0, 1, 39, 40, 41, 64, 65, 103, 104, 105, 127, 128, 129, 4096,
		4100, BULK / 2 };
	size_t len = lens[_i];

	ck_assert_uint_eq(tx[0]->frame_max, BULK / 2);
	for (uint64_t k = 0; k < 3 * BULK / 64 + 7; k++)
		for (int from = 0; from < 2; from++) {
			ck_assert(ring_put(tx[from], len, k, false));
			ck_assert_int_eq(ring_get(tx[!from], k), (int64_t)len);
			ck_assert_int_eq(ring_get(tx[!from], k), -1);
		}
}
END_TEST

/* What wraps is contiguous; a frame may be shorter than what was reserved. */
START_TEST(wrap)
{
	struct frame f;
	const void *data;
	void *p;

	for (uint64_t k = 0; k < 1000; k++) {
		size_t room = RING_INLINE + 1 + k * 613 % (BULK / 2 - RING_INLINE - 1);
		size_t len = room * (k % 5) / 4;

		len = len > room ? room : len;
		p = tx[0]->ops->reserve(tx[0], room);
		ck_assert_ptr_nonnull(p);
		ck_assert_ptr_eq(p, tx[0]->ops->reserve(tx[0], room));
		ring_fill(p, room, k);
		f = (struct frame){ .len = (uint32_t)len, .kind = FRAME_MORE };
		ck_assert_int_eq(tx[0]->ops->commit(tx[0], &f, false), 0);
		ck_assert_int_eq(tx[1]->ops->peek(tx[1], &f, &data), 1);
		ck_assert_uint_eq(f.len, len);
		ck_assert(ring_filled(data, len, k));
		ck_assert_int_eq(tx[1]->ops->release(tx[1]), 0);
	}
}
END_TEST

/* Fill a ring, drain it, and so on: nothing is lost, and nothing written over. */
START_TEST(full)
{
	static const size_t lens[] = { 1, 40, 41, 104, 105, 600, BULK / 4, BULK / 2 };
	size_t len = lens[_i];
	uint64_t in = 0, out = 0, drained = 0, lines = len <= RING_INLINE ? 0 : (len + 63) / 64;
	uint64_t fits = lines && BULK / 64 / lines < RING_SLOTS ? BULK / 64 / lines : RING_SLOTS;

	for (int round = 0; round < 50; round++) {
		while (ring_put(tx[0], len, in, round % 2))
			in++;
		/* The last that were taken are told of later, or when there is nothing more. */
		ck_assert_uint_le(in - out, fits);
		ck_assert_uint_ge(in - out, out > drained ? fits / 2 : fits);
		ck_assert(!ring_all_taken(tx[0]));
		for (int i = 0; i < 5 + round && ring_get(tx[1], out) >= 0; i++)
			out++;
		if (out < in)
			continue;
		drained = out;
		ck_assert_int_eq(ring_get(tx[1], out), -1);
		ck_assert(ring_all_taken(tx[0]));
	}
	while (ring_get(tx[1], out) >= 0)
		out++;
	ck_assert_uint_eq(in, out);
}
END_TEST

/* peek() gives the same until release(). */
START_TEST(peek_twice)
{
	struct frame f, g;
	const void *p, *q;

	ck_assert(ring_put(tx[0], 100, 1, false));
	ck_assert(ring_put(tx[0], 10, 2, false));
	memset(&f, 0, sizeof(f));
	memset(&g, 0, sizeof(g));
	ck_assert_int_eq(tx[1]->ops->peek(tx[1], &f, &p), 1);
	ck_assert_int_eq(tx[1]->ops->peek(tx[1], &g, &q), 1);
	ck_assert_mem_eq(&f, &g, sizeof(f));
	ck_assert_ptr_eq(p, q);
	ck_assert_int_eq(ring_get(tx[1], 1), 100);
	ck_assert_int_eq(ring_get(tx[1], 2), 10);
}
END_TEST

static void count(void *arg, void *owner)
{
	(void)owner;
	++*(unsigned *)arg;
}

/* How often does the link of @side say that a ring was rung? */
static unsigned rings(int side)
{
	unsigned n = 0;

	link_rang(links[side], true, count, &n);
	return n;
}

static bool bell(int side)
{
	uint64_t n;

	return read(link_fd(links[side]), &n, sizeof(n)) == sizeof(n);
}

/* A bell rings for who asked for it, once, and for nobody else. */
START_TEST(watch)
{
	ck_assert(ring_put(tx[0], 1, 0, false));
	ck_assert(!bell(1));
	ck_assert(tx[1]->ops->arm(tx[1], TX_IN, 0)); /* there is one */
	tx[1]->ops->disarm(tx[1], TX_IN);
	ck_assert_int_eq(ring_get(tx[1], 0), 1);

	ck_assert(!tx[1]->ops->arm(tx[1], TX_IN, 0));
	ck_assert_uint_eq(rings(1), 0);
	ck_assert(ring_put(tx[0], 1, 1, false));
	ck_assert_uint_eq(rings(1), 1);
	ck_assert(ring_put(tx[0], 1, 2, false));
	ck_assert_uint_eq(rings(1), 0);
	tx[1]->ops->disarm(tx[1], TX_IN);
	ck_assert_uint_gt((tx[1])->wake_ns, 0);
	ck_assert_int_eq(ring_get(tx[1], 1), 1);
	ck_assert_int_eq(ring_get(tx[1], 2), 1);

	ck_assert(!tx[1]->ops->arm(tx[1], TX_IN, 0));
	tx[1]->ops->disarm(tx[1], TX_IN);
	ck_assert(ring_put(tx[0], 1, 3, false));
	ck_assert(!bell(1));
}
END_TEST

/* What is corked can be seen at once, but rings only when it is flushed. */
START_TEST(cork)
{
	ck_assert(!tx[1]->ops->arm(tx[1], TX_IN, 0));
	for (uint64_t k = 0; k < 3; k++)
		ck_assert(ring_put(tx[0], 50, k, true));
	ck_assert(!bell(1));
	tx[0]->ops->flush(tx[0]);
	ck_assert_uint_eq(rings(1), 1);
	tx[0]->ops->flush(tx[0]);
	ck_assert(!bell(1));
	for (uint64_t k = 0; k < 3; k++)
		ck_assert_int_eq(ring_get(tx[1], k), 50);
	ck_assert(!tx[1]->ops->arm(tx[1], TX_IN, 0));
	ck_assert(ring_put(tx[0], 50, 3, true));
	ck_assert(ring_put(tx[0], 50, 4, false)); /* flushes what was corked, too */
	ck_assert_uint_eq(rings(1), 1);
}
END_TEST

/* Who waits for room is rung when there is some, whatever the other side does next. */
START_TEST(starved)
{
	uint64_t in = 0, out = 0;

	while (ring_put(tx[0], 1, in, false))
		in++;
	ck_assert(!tx[0]->ops->arm(tx[0], TX_OUT, 1));
	ck_assert(!bell(0));
	switch (_i) {
	case 0: /* goes on taking */
		while (out < 20)
			ck_assert_int_eq(ring_get(tx[1], out++), 1);
		break;
	case 1: /* takes all there is, and looks for more */
		while (ring_get(tx[1], out) >= 0)
			out++;
		break;
	default: /* takes one, and goes to sleep */
		ck_assert_int_eq(ring_get(tx[1], out++), 1);
		tx[1]->ops->arm(tx[1], TX_IN, 0);
	}
	ck_assert_uint_eq(rings(0), 1);
	ck_assert(tx[0]->ops->arm(tx[0], TX_OUT, 1));
	tx[0]->ops->disarm(tx[0], TX_OUT);
	ck_assert(ring_put(tx[0], 1, in, false));
}
END_TEST

/* Room for long data: for as much as was asked. */
START_TEST(starved_long)
{
	for (uint64_t k = 0; k < 2; k++)
		ck_assert(ring_put(tx[0], BULK / 2, k, false));
	ck_assert(!ring_put(tx[0], RING_INLINE + 1, 2, false));
	ck_assert(ring_put(tx[0], RING_INLINE, 2, false));
	ck_assert(!tx[0]->ops->arm(tx[0], TX_OUT, BULK / 2));
	ck_assert(tx[0]->ops->arm(tx[0], TX_OUT, RING_INLINE));
	ck_assert_int_eq(ring_get(tx[1], 0), BULK / 2);
	ck_assert_uint_eq(rings(0), 1);
	ck_assert(tx[0]->ops->arm(tx[0], TX_OUT, BULK / 2));
	ck_assert(ring_put(tx[0], BULK / 2, 3, false));
	for (uint64_t k = 1; k < 4; k++)
		ck_assert_int_ge(ring_get(tx[1], k), RING_INLINE);
}
END_TEST

START_TEST(cpu)
{
	cpu_set_t set;
	int mine;

	CPU_ZERO(&set);
	mine = sched_getcpu();
	CPU_SET(mine, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
	ck_assert_uint_eq(tx[0]->peer_cpu, UINT32_MAX);
	ck_assert(!tx[1]->ops->arm(tx[1], TX_IN, 0));
	ck_assert_int_eq(ring_get(tx[0], 0), -1);
	ck_assert_uint_eq(tx[0]->peer_cpu, (uint32_t)mine);
}
END_TEST

/* A fresh ring takes few pages; what is forgotten takes none, and is found out. */
START_TEST(pages)
{
	static unsigned char in[(2 * RING_BULK + 3 * 4096) / 4096];
	struct ring_fds f = ring_fds_new(RING_BULK);
	struct tx *a = ring_pair_side(&f, 0, NULL), *b = ring_pair_side(&f, 1, NULL);
	size_t bytes = ring_bytes(RING_BULK), n = 0, left = 0;
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, f.memory, 0);
	struct frame fr;
	const void *data;

	ck_assert_ptr_ne(p, MAP_FAILED);
	for (uint64_t k = 0; k < 100; k++) {
		ck_assert(ring_put(a, 1, k, false));
		ck_assert_int_eq(ring_get(b, k), 1);
		ck_assert(ring_put(b, 1, k, false));
		ck_assert_int_eq(ring_get(a, k), 1);
	}
	a->ops->arm(a, TX_IN, 0);
	b->ops->arm(b, TX_IN, 0);
	ck_assert_int_eq(mincore(p, bytes, in), 0);
	for (size_t i = 0; i < bytes / 4096; i++)
		n += in[i] & 1;
	ck_assert_uint_le(n * 4096, 24 << 10);

	ck_assert(ring_put(a, 50000, 100, false));
	ck_assert_int_eq(b->ops->peek(b, &fr, &data), 1);
	ring_forget(a);
	ck_assert_int_eq(mincore(p, bytes, in), 0);
	for (size_t i = 0; i < bytes / 4096; i++)
		left += in[i] & 1;
	ck_assert_uint_le(left, 1);   /* that of the hints, which may be of other rings */
	ck_assert(ring_all_taken(a)); /* or may have been */
	ck_assert_int_eq(b->ops->release(b), -WRIT_E_PEER_CLOSED);
	ck_assert_int_eq(b->ops->peek(b, &fr, &data), -WRIT_E_PEER_CLOSED);
	ck_assert(b->ops->arm(b, TX_IN, 0));
	ring_forget(a);
	a->ops->close(a); /* and its link */
	ck_assert_int_eq(mincore(p, bytes, in), 0);
	for (size_t i = 0; i < bytes / 4096; i++)
		ck_assert_uint_eq(in[i] & 1, 0);
	b->ops->close(b);
	munmap(p, bytes);
	ring_fds_close(&f);
}
END_TEST

START_TEST(bad_sizes)
{
	ck_assert_ptr_null(ring_new(fds.memory, BULK / 2, 0, links[0], 1, NULL));
	ck_assert_ptr_null(ring_new(fds.memory, BULK + 4096, 0, links[0], 1, NULL));
	ck_assert_ptr_null(ring_new(fds.memory, RING_BULK_MAX * 2, 0, links[0], 1, NULL));
	ck_assert_ptr_null(ring_new(-1, BULK, 0, links[0], 1, NULL));
	ck_assert_ptr_null(ring_new(fds.memory, BULK, 0, links[0], 0, NULL));
	ck_assert_ptr_null(ring_new(fds.memory, BULK, 0, links[0], RING_HINTS, NULL));
}
END_TEST

Suite *ring_suite(void)
{
	Suite *s = suite_create("ring");
	TCase *t = tcase_create("ring");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, sizes, 0, 16);
	tcase_add_test(t, wrap);
	tcase_add_loop_test(t, full, 0, 8);
	tcase_add_test(t, peek_twice);
	tcase_add_test(t, watch);
	tcase_add_test(t, cork);
	tcase_add_loop_test(t, starved, 0, 3);
	tcase_add_test(t, starved_long);
	tcase_add_test(t, cpu);
	tcase_add_test(t, pages);
	tcase_add_test(t, bad_sizes);
	suite_add_tcase(s, t);
	return s;
}
