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
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "libsys/spin.h"
#include "tests/unit/libsys/ring_pair.h"
#include "tests/unit/libsys/ring_suites.h"

#define BULK RING_BULK_MIN
#define MANY 70

static uint64_t seed;
static unsigned rounds;
static int lost_ms; /* until a wake-up counts as lost */

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
	const char *ms = getenv("WRIT_RING_LOST_MS");
	char text[32];

	seed = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	setenv("WRIT_SEED", text, 1);
	rounds = n ? (unsigned)strtoul(n, NULL, 0) : 10000;
	lost_ms = ms && *ms ? (int)strtol(ms, NULL, 0) : 15000;
}

static void take(struct tx *t, struct link *l, uint64_t k)
{
	while (ring_get(t, k) < 0) {
		dither();
		must(ring_sleep(t, l, TX_IN, 0, lost_ms),
		    "lost: nobody said that there is a frame");
		dither();
	}
}

static void give(struct tx *t, struct link *l, size_t len, uint64_t k)
{
	bool cork = rnd() % 4 == 0;

	while (!ring_put(t, len, k, cork)) {
		dither();
		must(ring_sleep(t, l, TX_OUT, len, lost_ms),
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
		must(poll(&p, 1, lost_ms) == 1, "lost: a hint or a bell");
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

/* Two processes that do one thing each at the same moment. */
struct meeting {
	struct ring_fds fds;
	_Atomic unsigned here[2];
	_Atomic bool over;
};

static void meet(struct meeting *m, int who, unsigned k)
{
	int64_t until = spin_now() + (int64_t)lost_ms * 1000000;

	m->here[who] = k;
	for (unsigned i = 0; m->here[!who] < k; i++) {
		if (i % 64 == 63) {
			sched_yield();
			must(spin_now() < until, "the other side has gone");
		}
	}
}

static void count(void *arg, void *owner)
{
	(void)owner;
	++*(unsigned *)arg;
}

static void go_to_sleep(void *arg)
{
	struct meeting *m = arg;
	struct link *l;
	struct tx *t = ring_pair_side(&m->fds, 1, &l);

	for (unsigned k = 0;; k++) {
		unsigned rang = 0;
		bool seen;

		meet(m, 1, 2 * k + 1);
		if (m->over)
			return;
		for (volatile unsigned i = rnd() % 128; i; i--)
			;
		seen = t->ops->arm(t, TX_IN, 0);
		meet(m, 1, 2 * k + 2);
		link_rang(l, true, count, &rang);
		must(seen || rang, "lost: neither seen nor rung");
		t->ops->disarm(t, TX_IN);
		must(ring_get(t, k) >= 0, "not there");
	}
}

/* Who goes to sleep just when a frame comes sees it, or is rung: there is a fence on both sides. */
START_TEST(same_moment)
{
	struct meeting *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned end_k = 0;
	int64_t until;
	struct tx *t;
	pid_t pid;

	ck_assert_ptr_ne(m, MAP_FAILED);
	m->fds = ring_fds_new(BULK);
	t = ring_pair_side(&m->fds, 0, NULL);
	pid = begin(go_to_sleep, m);
	/* Where others want the CPUs each meeting takes long. */
	until = spin_now() + (int64_t)rounds * 50000;
	for (unsigned k = 0; k < 10 * rounds && spin_now() < until; k++) {
		meet(m, 0, 2 * k + 1);
		for (volatile unsigned i = rnd() % 128; i; i--)
			;
		must(ring_put(t, 8, k, _i), "no room");
		t->ops->flush(t);
		meet(m, 0, 2 * k + 2);
		end_k = k + 1;
	}
	m->over = true;
	meet(m, 0, 2 * end_k + 1);
	end(pid);
	t->ops->close(t);
	ring_fds_close(&m->fds);
	munmap(m, sizeof(*m));
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
	t = tcase_create("moment");
	tcase_set_timeout(t, 600);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, same_moment, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
