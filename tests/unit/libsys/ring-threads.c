// SPDX-License-Identifier: MIT
/*
 * Both sides of a ring as two threads on one mapping, so that ThreadSanitizer
 * (`make san`) sees that what one wrote and the other reads is ordered by what they
 * publish: slots, bulk data, and the places that are used again. Prints TAP.
 *
 * ThreadSanitizer knows no fences. None of them orders data: those that matter to it
 * are stores with release and loads with acquire.
 */
#include "libsys/ring.c" /* NOLINT(bugprone-suspicious-include): to put two rings on one mapping */
#include "libsys/link.c" /* NOLINT(bugprone-suspicious-include) */
#include <pthread.h>
#include <stdio.h>
#include "tests/unit/libsys/ring_pair.h"

#define BULK      RING_BULK_MIN
#define AHEAD_MAX (RING_SLOTS - 4)

static struct side {
	struct tx *tx;
	struct link *link;
	uint64_t rounds;
} sides[2];

static void must_sleep(struct side *s, unsigned want, size_t len)
{
	if (ring_sleep(s->tx, s->link, want, len, 20000))
		return;
	puts("not ok 1 - nobody rang");
	exit(1);
}

static void give(struct side *s, size_t len, uint64_t k)
{
	while (!ring_put(s->tx, len, k, k % 3 == 0))
		must_sleep(s, TX_OUT, len);
	s->tx->ops->flush(s->tx);
}

static void take(struct side *s, uint64_t k)
{
	while (ring_get(s->tx, k) < 0)
		must_sleep(s, TX_IN, 0);
}

static size_t size_of(uint64_t k)
{
	return k % 5 == 0 ? k * 89 % (BULK / 2) : k % 70;
}

/* Send, with up to AHEAD_MAX that were not answered. */
static void *ask(void *arg)
{
	struct side *s = arg;
	uint64_t answered = 0;

	for (uint64_t k = 0; k < s->rounds; k++) {
		while (k - answered >= AHEAD_MAX)
			take(s, answered++);
		give(s, size_of(k), k);
	}
	while (answered < s->rounds)
		take(s, answered++);
	return NULL;
}

static void *answer(void *arg)
{
	struct side *s = arg;

	for (uint64_t k = 0; k < s->rounds; k++) {
		take(s, k);
		give(s, 1, k);
	}
	return NULL;
}

/* Both sides over the memory as the first has mapped it. */
static void share(void)
{
	void *base = ((struct ring *)sides[0].tx)->base;
	struct ring *r = (struct ring *)sides[1].tx;

	munmap(r->base, RING_HEAD + 4 * (size_t)BULK);
	r->base = base;
	ring_halves(r, 1);
	for (int i = 0; i < 2; i++) {
		sides[i].link->in = ((struct ring_ctl *)base)->hints[!i];
		sides[i].link->out = ((struct ring_ctl *)base)->hints[i];
	}
}

int main(void)
{
	const char *n = getenv("WRIT_RING_ROUNDS");
	struct ring_fds f = ring_fds_new(BULK);
	pthread_t thread[2];

	for (int i = 0; i < 2; i++) {
		sides[i].rounds = n ? strtoull(n, NULL, 0) : 20000;
		sides[i].tx = ring_pair_side(&f, i, &sides[i].link);
	}
	share();
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, i ? answer : ask, &sides[i]) != 0)
			return 1;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	puts("ok 1 - two threads\n1..1");
	return 0;
}
