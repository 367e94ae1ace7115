// SPDX-License-Identifier: MIT
/*
 * No wake-up is ever lost: two processes that sleep whenever they can, WRIT_RING_ROUNDS
 * times (10,000). Random delays around each step find the races.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "libsys/spin.h"
#include "tests/unit/libsys/ring_pair.h"
#include "tests/unit/libsys/ring_suites.h"

#define BULK    RING_BULK_MIN
#define MANY    70
#define LOST_MS 15000

static uint64_t seed;
static unsigned rounds;

static uint32_t rnd(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Mostly nothing; at times as long as a sleep takes. */
static void dither(void)
{
	int64_t until, r = rnd() % 64;

	if (r < 32)
		return;
	until = spin_now() + (r < 62 ? rnd() % 500 : rnd() % 30000);
	while (spin_now() < until)
		;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s (WRIT_SEED=%s)\n", what, getenv("WRIT_SEED"));
	_exit(99);
}

/* Run @fn as a process of its own. */
static pid_t begin(void (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed ^= 0x5bd1e995;
	fn(arg);
	_exit(0);
}

static void end(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void setup(void)
{
	const char *s = getenv("WRIT_SEED"), *n = getenv("WRIT_RING_ROUNDS");
	char text[32];

	seed = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	setenv("WRIT_SEED", text, 1);
	rounds = n ? (unsigned)strtoul(n, NULL, 0) : 10000;
}

static void take(struct tx *t, struct link *l, uint64_t k)
{
	while (ring_get(t, k) < 0) {
		dither();
		must(ring_sleep(t, l, TX_IN, 0, LOST_MS),
		    "lost: nobody said that there is a frame");
		dither();
	}
}

static void give(struct tx *t, struct link *l, size_t len, uint64_t k)
{
	bool cork = rnd() % 4 == 0;

	while (!ring_put(t, len, k, cork)) {
		dither();
		must(ring_sleep(t, l, TX_OUT, len, LOST_MS),
		    "lost: nobody said that there is room");
		dither();
	}
	if (cork)
		t->ops->flush(t);
}

static void echo(void *arg)
{
	struct link *l;
	struct tx *t = ring_pair_side(arg, 1, &l);

	for (unsigned k = 0; k < rounds; k++) {
		take(t, l, k);
		dither();
		give(t, l, k % 80, k);
	}
}

START_TEST(ping_pong)
{
	struct ring_fds f = ring_fds_new(BULK);
	struct link *l;
	struct tx *t = ring_pair_side(&f, 0, &l);
	pid_t pid = begin(echo, &f);

	for (unsigned k = 0; k < rounds; k++) {
		give(t, l, k % 80, k);
		dither();
		take(t, l, k);
	}
	end(pid);
	t->ops->close(t);
	link_put(l);
	ring_fds_close(&f);
}
END_TEST

static size_t size_of(unsigned k)
{
	return k % 7 == 0 ? (size_t)k * 89 % (BULK / 2) : k % 50;
}

static void drain(void *arg)
{
	struct link *l;
	struct tx *t = ring_pair_side(arg, 1, &l);

	for (unsigned k = 0; k < rounds; k++) {
		take(t, l, k);
		if (k % 100 == 99)
			dither();
	}
	must(ring_get(t, rounds) < 0, "more than was sent");
}

/* One way, as fast as room allows: who sends starves, who takes runs out. */
START_TEST(one_way)
{
	struct ring_fds f = ring_fds_new(BULK);
	struct link *l;
	struct tx *t = ring_pair_side(&f, 0, &l);
	pid_t pid = begin(drain, &f);

	for (unsigned k = 0; k < rounds; k++)
		give(t, l, size_of(k), k);
	end(pid);
	ck_assert(ring_all_taken(t));
	t->ops->close(t);
	link_put(l);
	ring_fds_close(&f);
}
END_TEST

/* A server's way: all rings armed, one descriptor, only those looked at that rang. */
struct many {
	struct ring_fds fds[MANY];
	struct link *l;
	struct one {
		struct tx *t;
		uint64_t next;
	} one[MANY];
	unsigned taken;
};

static void attach(struct many *m, int side)
{
	m->l = ring_pair_link(&m->fds[0], side);
	for (unsigned i = 0; i < MANY; i++)
		m->one[i].t = ring_new(m->fds[i].memory, BULK, side, m->l, i, &m->one[i]);
}

static void serve_one(void *arg, void *owner)
{
	struct many *m = arg;
	struct one *o = owner;

	do {
		while (ring_get(o->t, o->next) >= 0) {
			o->next++;
			m->taken++;
		}
		dither();
	} while (o->t->ops->arm(o->t, TX_IN, 0));
}

static void serve(void *arg)
{
	struct many *m = arg;
	struct pollfd p = { .events = POLLIN };

	attach(m, 1);
	p.fd = link_fd(m->l);
	for (unsigned i = 0; i < MANY; i++)
		serve_one(m, &m->one[i]);
	while (m->taken < rounds) {
		must(poll(&p, 1, LOST_MS) == 1, "lost: a hint or a bell");
		dither();
		link_rang(m->l, true, serve_one, m);
	}
}

START_TEST(many_rings)
{
	struct many m = { 0 };
	pid_t pid;

	for (unsigned i = 0; i < MANY; i++)
		m.fds[i] = ring_fds_new(BULK);
	pid = begin(serve, &m);
	attach(&m, 0);
	for (unsigned k = 0; k < rounds; k++) {
		struct one *o = &m.one[rnd() % (rnd() % 2 ? MANY : 3)];

		give(o->t, m.l, k % 60, o->next++);
		dither();
	}
	end(pid);
	for (unsigned i = 0; i < MANY; i++) {
		m.one[i].t->ops->close(m.one[i].t);
		ring_fds_close(&m.fds[i]);
	}
	link_put(m.l);
}
END_TEST

Suite *wake_suite(void)
{
	Suite *s = suite_create("wake");
	TCase *t = tcase_create("wake");

	tcase_set_timeout(t, 600);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, ping_pong);
	tcase_add_test(t, one_way);
	tcase_add_test(t, many_rings);
	suite_add_tcase(s, t);
	return s;
}
