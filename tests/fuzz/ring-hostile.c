// SPDX-License-Identifier: MIT
/*
 * A ring whose memory changes at random. One side keeps the rules (the victim), the
 * other does so at times, and WRIT_STEPS random words are written over: indices, laps,
 * lengths, data, hints, what page 0 holds. Whatever comes, the victim must see what
 * the rules allow, or -PEER_CLOSED for ever; its private numbers must stay as they can be.
 *
 *   steps  one thread, so that each answer is known beforehand
 *   race   the words are written by a thread of its own, at any time
 *
 * Prints TAP. Aborts at the first mistake, with the seed on the line before.
 */
#include "libsys/ring.c" /* NOLINT(bugprone-suspicious-include): to see what is private */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include "tests/unit/libsys/ring_pair.h"

#define BULK  RING_BULK_MIN
#define WORDS (RING_HEAD / 4)

static struct world {
	uint64_t seed;
	uint64_t mutations, frames, sent, broke;
	struct ring_fds fds;
	_Atomic uint32_t *words; /* the peer's view of the memory */
	struct tx *tx, *peer;    /* the victim's, and that of a peer that keeps the rules */
	struct link *link;
	bool racing;
	struct frame last; /* what peek() gave */
	uint64_t sum;
} w;

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			printf("# not true: %s, after %llu mutations\n", #cond, \
			    (unsigned long long)w.mutations); \
			fflush(stdout); \
			abort(); \
		} \
	} while (0)

static uint32_t rnd(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static struct ring *victim(void)
{
	return (struct ring *)w.tx;
}

static void world_new(void)
{
	w.fds = ring_fds_new(BULK);
	w.words = mmap(NULL, ring_bytes(BULK), PROT_READ | PROT_WRITE, MAP_SHARED, w.fds.memory, 0);
	CHECK(w.words != MAP_FAILED);
	w.tx = ring_pair_side(&w.fds, 1, &w.link);
	w.peer = ring_pair_side(&w.fds, 0, NULL);
}

static void world_free(void)
{
	w.tx->ops->close(w.tx);
	w.peer->ops->close(w.peer);
	link_put(w.link);
	munmap(w.words, ring_bytes(BULK));
	ring_fds_close(&w.fds);
}

/* A number near those at which something happens. */
static uint32_t odd_number(uint64_t *seed, uint32_t old)
{
	static const uint32_t odd[] = { 0, 1, 2, 3, 4, 5, 39, 40, 41, 63, 64, 65, BULK / 2 - 1,
		BULK / 2, BULK / 2 + 1, BULK, 2 * BULK, INT32_MAX, UINT32_MAX };

	switch (rnd(seed) % 4) {
	case 0: return old + rnd(seed) % 5 - 2;
	case 1: return old ^ 1u << rnd(seed) % 32;
	case 2: return rnd(seed) << 1 ^ rnd(seed);
	default: return odd[rnd(seed) % (sizeof(odd) / sizeof(odd[0]))];
	}
}

/* Write over a word: mostly of the next slots, and of page 0. */
static void mutate(uint64_t *seed, uint32_t tail, uint32_t head)
{
	uint32_t n, old;

	switch (rnd(seed) % 8) {
	case 0: n = rnd(seed) % (uint32_t)(ring_bytes(BULK) / 4); break;
	case 1:
	case 2: n = rnd(seed) % (sizeof(struct ring_ctl) / 4); break;
	case 3: /* what the peer says that it took */
		n = (uint32_t)(offsetof(struct ring_ctl, dir[1].tail) / 4) + rnd(seed) % 2;
		break;
	case 4:
		n = (2 * RING_PAGE + head % RING_SLOTS * sizeof(struct ring_slot)) / 4 +
		    rnd(seed) % 32;
		break;
	default:
		n = (RING_PAGE + (tail + rnd(seed) % 2) % RING_SLOTS * sizeof(struct ring_slot)) /
			4 +
		    rnd(seed) % 8;
	}
	old = atomic_load_explicit(&w.words[n], memory_order_relaxed);
	atomic_store_explicit(&w.words[n], odd_number(seed, old), memory_order_relaxed);
}

/* Touch all that was given, and see that it is the ring's. */
static void read_all(const struct frame *f, const void *data)
{
	const struct ring *r = victim();
	const unsigned char *p = data;

	CHECK(f->len <= BULK / 2 && f->kind < FRAME_N && f->ncaps == 0);
	if (f->len <= RING_INLINE)
		CHECK(data == ring_slot_in(r)->data);
	else
		CHECK(p >= r->in_bulk && p + f->len <= r->in_bulk + 2 * (size_t)BULK);
	for (uint32_t i = 0; i < f->len; i++)
		w.sum += p[i];
}

static void peek(void)
{
	const struct ring *r = victim();
	const struct ring_slot *s = ring_slot_in(r);
	uint32_t lap = s->lap, due = ring_lap(r->tail);
	bool had = r->have, was = r->broken;
	bool fits = s->len <= BULK / 2 && s->kind < FRAME_N;
	struct frame f = { 0 };
	const void *data;
	int got = w.tx->ops->peek(w.tx, &f, &data), want;

	want = was                        ? -WRIT_E_PEER_CLOSED
	    : had || (lap == due && fits) ? 1
	    : lap == due - 1              ? 0
					  : -WRIT_E_PEER_CLOSED;
	CHECK(w.racing || got == want);
	CHECK(!was || got == -WRIT_E_PEER_CLOSED);
	if (got != 1)
		return;
	CHECK(!had ||
	    (f.len == w.last.len && f.kind == w.last.kind && f.id == w.last.id &&
		f.label == w.last.label && f.total == w.last.total));
	w.last = f;
	read_all(&f, data);
}

static void release(void)
{
	const struct ring *r = victim();
	bool whole = ring_slot_in(r)->lap == ring_lap(r->tail);
	int got;

	if (!r->have || r->broken)
		return;
	got = w.tx->ops->release(w.tx);
	CHECK(w.racing || got == (whole ? 0 : -WRIT_E_PEER_CLOSED));
	CHECK(got == 0 || w.tx->ops->peek(w.tx, &w.last, &(const void *){ NULL }) == got);
	w.frames += got == 0;
}

static void put(uint64_t *seed)
{
	const struct ring *r = victim();
	size_t len = rnd(seed) % 3 ? rnd(seed) % 80 : rnd(seed) % (BULK / 2 + 1);
	const struct frame f = { .len = (uint32_t)len, .id = rnd(seed) };
	unsigned char *p = w.tx->ops->reserve(w.tx, len);

	CHECK(!r->broken || p);
	if (!p)
		return;
	if (len > RING_INLINE)
		CHECK(p >= r->out_bulk && p + len <= r->out_bulk + 2 * (size_t)BULK);
	memset(p, 1, len);
	CHECK(w.tx->ops->commit(w.tx, &f, rnd(seed) % 2) == (r->broken ? -WRIT_E_PEER_CLOSED : 0));
	w.sent++;
}

static void rang(void *arg, void *owner)
{
	CHECK(!arg && !owner);
}

static void act(uint64_t *seed)
{
	unsigned want = 1 + rnd(seed) % 3;

	switch (rnd(seed) % 16) {
	case 0: w.tx->ops->arm(w.tx, want, rnd(seed) % (BULK / 2)); break;
	case 1: w.tx->ops->disarm(w.tx, want); break;
	case 2: link_rang(w.link, rnd(seed) % 2, rang, NULL); break;
	case 3: w.tx->ops->flush(w.tx); break;
	case 4: ring_all_taken(w.tx); break;
	case 5: CHECK(w.tx->wake_ns <= WAKE_MAX_NS); break;
	case 6:
	case 7:
	case 8: put(seed); break;
	case 9:
	case 10:
	case 11: release(); break;
	default: peek();
	}
}

/* What can be true of numbers that nobody else writes. */
static void sane(void)
{
	const struct ring *r = victim();

	CHECK(r->head - r->free_to <= RING_SLOTS);
	CHECK(r->head_at - r->free_at <= BULK / LINE);
	CHECK(r->tail - r->told <= TELL_SLOTS && r->tail_at - r->told_at <= BULK / LINE);
	CHECK(r->bulk == BULK && r->tx.frame_max == BULK / 2);
}

/* The peer, while it keeps the rules. What it sees of this is its own business. */
static void play(uint64_t *seed)
{
	struct frame f = { .len = rnd(seed) % 3 ? rnd(seed) % 60 : rnd(seed) % (BULK / 2),
		.kind = 1 };
	const void *data;

	if (rnd(seed) % 2) {
		if (w.peer->ops->reserve(w.peer, f.len))
			w.peer->ops->commit(w.peer, &f, false);
	} else if (w.peer->ops->peek(w.peer, &f, &data) == 1) {
		w.peer->ops->release(w.peer);
	}
}

static void again(void)
{
	w.broke++;
	world_free();
	world_new();
}

static void run_steps(uint64_t steps)
{
	world_new();
	while (w.mutations < steps) {
		const struct ring *r = victim(), *p = (struct ring *)w.peer;

		if (rnd(&w.seed) % 8 == 0) {
			mutate(&w.seed, r->tail, r->head);
			w.mutations++;
		} else if (rnd(&w.seed) % 3) {
			act(&w.seed);
			sane();
		} else if (!p->broken) {
			play(&w.seed);
		}
		if ((r->broken || p->broken) && rnd(&w.seed) % 8 == 0)
			again();
	}
	world_free();
}

static _Atomic bool stop, parked;
static _Atomic uint64_t done;

static void *hammer(void *arg)
{
	uint64_t seed = *(uint64_t *)arg;

	while (!stop) {
		if (parked) {
			sched_yield();
			continue;
		}
		/* The world stays as it is while done is odd. */
		atomic_fetch_add(&done, 1);
		for (int i = 0; !parked && i < 1 + (int)(rnd(&seed) % 4); i++)
			mutate(&seed, rnd(&seed), rnd(&seed));
		atomic_fetch_add(&done, 1);
		for (unsigned i = rnd(&seed) % 2000; i; i--)
			__builtin_ia32_pause();
	}
	return NULL;
}

static void again_racing(void)
{
	parked = true;
	while (done % 2)
		sched_yield();
	again();
	parked = false;
}

static void run_race(uint64_t steps)
{
	uint64_t seed = w.seed ^ 0x9e3779b97f4a7c15;
	pthread_t thread;

	w.racing = true;
	world_new();
	CHECK(pthread_create(&thread, NULL, hammer, &seed) == 0);
	while ((w.mutations = done / 2) < steps) {
		const struct ring *r = victim(), *p = (struct ring *)w.peer;

		act(&w.seed);
		sane();
		if (!p->broken)
			play(&w.seed);
		if (r->broken || (p->broken && rnd(&w.seed) % 64 == 0))
			again_racing();
	}
	stop = true;
	pthread_join(thread, NULL);
	world_free();
}

int main(void)
{
	const char *s = getenv("WRIT_SEED"), *n = getenv("WRIT_STEPS");
	uint64_t steps = n ? strtoull(n, NULL, 0) : 20000;

	w.seed = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL);
	printf("# WRIT_SEED=%llu\n", (unsigned long long)w.seed);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		w.mutations = w.frames = w.sent = w.broke = 0;
		if (i == 0)
			run_steps(steps);
		else
			run_race(steps);
		printf(
		    "ok %d - %s: %llu mutations, %llu rings broken, %llu frames taken, %llu sent\n",
		    i + 1, i ? "race" : "steps", (unsigned long long)w.mutations,
		    (unsigned long long)w.broke, (unsigned long long)w.frames,
		    (unsigned long long)w.sent);
	}
	puts("1..2");
	return 0;
}
