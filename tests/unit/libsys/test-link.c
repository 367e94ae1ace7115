// SPDX-License-Identifier: MIT
/* Links: who is told of what, numbers, references, and bells. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "tests/unit/libsys/ring_pair.h"
#include "tests/unit/libsys/ring_suites.h"

#define BULK RING_BULK_MIN
#define MANY 70 /* more than one word of hints */

/* A link with many rings, each over memory of its own. */
static struct many {
	struct ring_fds fds[MANY];
	struct link *link[2];
	struct tx *tx[2][MANY];
	unsigned rung[MANY];
} m;

static void setup(void)
{
	memset(&m, 0, sizeof(m));
	for (int i = 0; i < MANY; i++)
		m.fds[i] = ring_fds_new(BULK);
	for (int s = 0; s < 2; s++) {
		m.link[s] = ring_pair_link(&m.fds[0], s);
		for (unsigned i = 0; i < MANY; i++) {
			m.tx[s][i] = ring_new(m.fds[i].memory, BULK, s, m.link[s], i, &m.rung[i]);
			ck_assert_ptr_nonnull(m.tx[s][i]);
		}
	}
}

static void teardown(void)
{
	for (int i = 0; i < MANY; i++) {
		for (int s = 0; s < 2; s++)
			if (m.tx[s][i])
				m.tx[s][i]->ops->close(m.tx[s][i]);
		ring_fds_close(&m.fds[i]);
	}
	link_put(m.link[0]);
	link_put(m.link[1]);
}

static void rang(void *arg, void *owner)
{
	(void)arg;
	++*(unsigned *)owner;
}

static void arm_all(void)
{
	for (int i = 0; i < MANY; i++)
		ck_assert(!m.tx[1][i]->ops->arm(m.tx[1][i], TX_IN, 0));
}

START_TEST(hints)
{
	arm_all();
	for (int i = 0; i < MANY; i += 3)
		ck_assert(ring_put(m.tx[0][i], 1, 1, false));
	link_rang(m.link[1], true, rang, NULL);
	for (int i = 0; i < MANY; i++)
		ck_assert_uint_eq(m.rung[i], i % 3 == 0);
	link_rang(m.link[1], true, rang, NULL);
	for (int i = 0; i < MANY; i++)
		ck_assert_uint_eq(m.rung[i], i % 3 == 0);
}
END_TEST

/* As epoll's edges, bells needn't be read; one edge for as many as were set meanwhile. */
START_TEST(edges)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	ck_assert_int_eq(epoll_ctl(ep, EPOLL_CTL_ADD, link_fd(m.link[1]), &e), 0);
	for (unsigned round = 1; round < 10; round++) {
		arm_all();
		for (int i = 0; i < 60; i++)
			ck_assert(ring_put(m.tx[0][i], 1, round, false));
		ck_assert_int_eq(epoll_wait(ep, &e, 1, 5000), 1);
		link_rang(m.link[1], false, rang, NULL);
		ck_assert_int_eq(epoll_wait(ep, &e, 1, 0), 0);
		for (int i = 0; i < 60; i++) {
			ck_assert_uint_eq(m.rung[i], round);
			ck_assert_int_eq(ring_get(m.tx[1][i], round), 1);
		}
	}
	close(ep);
}
END_TEST

static void drop(struct tx **t)
{
	(*t)->ops->close(*t);
	*t = NULL;
}

/* Who is told may close all rings of the link, and the link. */
static void close_all(void *arg, void *owner)
{
	struct link **l = arg;

	(void)owner;
	for (int i = 0; i < MANY; i++)
		drop(&m.tx[1][i]);
	link_put(*l);
	*l = NULL;
}

START_TEST(close_inside)
{
	arm_all();
	for (int i = 0; i < MANY; i++)
		ck_assert(ring_put(m.tx[0][i], 1, 1, false));
	link_rang(m.link[1], true, close_all, &m.link[1]);
	ck_assert_ptr_null(m.link[1]);
}
END_TEST

/* A number is free again when its ring is closed, but the others come first. */
START_TEST(numbers)
{
	struct link *l = m.link[0];

	ck_assert_int_eq(link_number(l), MANY);
	drop(&m.tx[0][5]);
	ck_assert_int_eq(link_number(l), MANY + 1);
	for (int i = MANY + 2; i < RING_HINTS; i++)
		ck_assert_int_eq(link_number(l), i);
	ck_assert_int_eq(link_number(l), 5);
	m.tx[0][5] = ring_new(m.fds[5].memory, BULK, 0, l, 5, NULL);
	ck_assert_ptr_nonnull(m.tx[0][5]);
	ck_assert_int_eq(link_number(l), MANY);
}
END_TEST

START_TEST(numbers_end)
{
	static struct tx *more[RING_HINTS];
	struct link *l = m.link[0];
	int n;

	while ((n = link_number(l)) >= 0) {
		more[n] = ring_new(m.fds[0].memory, BULK, 0, l, (unsigned)n, NULL);
		ck_assert_ptr_nonnull(more[n]);
	}
	for (n = MANY; n < RING_HINTS; n++)
		drop(&more[n]);
}
END_TEST

static bool is_open(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL);
}

/* The link lives as long as one ring or one holder does. */
START_TEST(counts)
{
	int fd = link_fd(m.link[1]);

	link_get(m.link[1]);
	link_put(m.link[1]);
	link_put(m.link[1]);
	for (int i = 0; i < MANY; i++) {
		ck_assert(is_open(fd));
		drop(&m.tx[1][i]);
	}
	ck_assert(!is_open(fd));
	m.link[1] = NULL;
	link_put(NULL);
}
END_TEST

/* Its memory may have had no room: bells are closed all the same. */
START_TEST(failure)
{
	int a = dup(m.fds[0].bell[0]), b = dup(m.fds[0].bell[1]);

	ck_assert_ptr_null(link_new(-1, a, b, 0));
	ck_assert(!is_open(a) && !is_open(b));
}
END_TEST

/* A ring that isn't the one with the hints leaves nothing behind when it is forgotten. */
START_TEST(forget)
{
	arm_all();
	ring_forget(m.tx[1][7]);
	ring_forget(m.tx[1][0]);
	ck_assert(ring_put(m.tx[0][69], 1, 1, false));
	link_rang(m.link[1], true, rang, NULL);
	ck_assert_uint_eq(m.rung[69], 1);
}
END_TEST

/* Hints of rings that don't exist any more hurt nobody. */
START_TEST(wrong_hints)
{
	arm_all();
	for (int i = 0; i < MANY; i += 2)
		drop(&m.tx[1][i]);
	for (int i = 0; i < MANY; i++)
		ck_assert(ring_put(m.tx[0][i], 1, 1, false));
	link_rang(m.link[1], true, rang, NULL);
	for (int i = 0; i < MANY; i++)
		ck_assert_uint_eq(m.rung[i], i % 2);
}
END_TEST

Suite *link_suite(void)
{
	Suite *s = suite_create("link");
	TCase *t = tcase_create("link");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, hints);
	tcase_add_test(t, edges);
	tcase_add_test(t, close_inside);
	tcase_add_test(t, numbers);
	tcase_add_test(t, numbers_end);
	tcase_add_test(t, counts);
	tcase_add_test(t, failure);
	tcase_add_test(t, forget);
	tcase_add_test(t, wrong_hints);
	suite_add_tcase(s, t);
	return s;
}
