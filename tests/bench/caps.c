/* SPDX-License-Identifier: MIT */
/*
 * The capability library at the size of a whole node: one million slots, all
 * but one CNode's full. No other system offers these operations as a library,
 * so each peer is the least that any answer would have to do: a lookup in a
 * plain array of the same size, a malloc'd entry put on a list, and such a list
 * freed. No peer checks a right, keeps a tree or counts.
 */
#include "bench.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <writ/cap.h>

enum { SLOTS = 1 << 20, WAYS = 1 << 12, BATCH = 1 << 14, CNODES = 15, PER = 1 << 16 };

struct entry {
	uint64_t badge;
	struct entry *next;
};

static struct captab t;
static void *mem;
static obj_t cnode[CNODES], ep;
static slot_t root, way[WAYS]; /* WAYS: slots all over the table, in no order */
static struct cap *plain;      /* the peer's array */
static struct entry *list;
static unsigned made;
static volatile uint64_t sink;

static void on_finalise(void *arg, obj_t obj)
{
	(void)arg;
	(void)obj;
}

/* The first CNode stays empty but for the root; the others hold copies of it. */
static int fill(void)
{
	for (unsigned i = 1; i < CNODES; i++) {
		for (unsigned k = 0; k < PER; k++) {
			if (captab_copy(&t, root, captab_cnode_slot(&t, cnode[i], k), WRIT_R_ALL) !=
			    0)
				return -1;
		}
	}
	return 0;
}

static int setup(void *arg)
{
	size_t size = captab_size(SLOTS, 64, 2);
	uint32_t x = 1;

	(void)arg;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	plain = calloc(SLOTS, sizeof(*plain));
	if (mem == MAP_FAILED || plain == NULL)
		return -1;
	captab_make(&t, mem, SLOTS, 64, 2, on_finalise, NULL);
	for (unsigned i = 0; i < CNODES; i++) {
		if (captab_cnode_new(&t, 0, 16, &cnode[i]) != 0)
			return -1;
	}
	root = captab_cnode_slot(&t, cnode[0], 0);
	if (captab_obj_new(&t, WRIT_TYPE_ENDPOINT, 0, (struct charge){ 0 }, 0, &ep) != 0 ||
	    captab_insert(&t, 0, root, ep, WRIT_R_ALL, 0) != 0 || fill() != 0)
		return -1;
	for (unsigned i = 0; i < WAYS; i++) {
		x = x * 1664525 + 1013904223;
		way[i] = captab_cnode_slot(&t, cnode[1 + i % (CNODES - 1)], x >> 16);
		plain[way[i]] = t.slots[way[i]].cap;
	}
	return 0;
}

static void list_free(void)
{
	while (list != NULL) {
		struct entry *e = list;

		list = e->next;
		free(e);
	}
}

static void teardown(void *arg)
{
	(void)arg;
	free(plain);
	if (mem != MAP_FAILED && mem != NULL)
		munmap(mem, captab_size(SLOTS, 64, 2));
	list_free();
	mem = plain = NULL;
}

/* Nanoseconds an operation since @start, at least 1; fractions are the batch's. */
static int64_t each(int64_t start, unsigned n)
{
	int64_t ns = (bench_now() - start + n / 2) / n;

	return ns > 0 ? ns : 1;
}

/* A slot by its number; its type, rights and age checked. */
static int64_t lookup(void *arg)
{
	int64_t start = bench_now();
	uint64_t sum = 0;

	(void)arg;
	for (unsigned i = 0; i < BATCH; i++) {
		const struct cap *c;

		if (captab_check(&t, way[i % WAYS], WRIT_TYPE_ENDPOINT, WRIT_R_READ, &c) != 0)
			return -1;
		sum += c->badge;
	}
	sink = sum;
	return each(start, BATCH);
}

static int64_t lookup_plain(void *arg)
{
	int64_t start = bench_now();
	uint64_t sum = 0;

	(void)arg;
	for (unsigned i = 0; i < BATCH; i++) {
		const struct cap *c = &plain[way[i % WAYS]];

		if (c->type != WRIT_TYPE_ENDPOINT)
			return -1;
		sum += c->badge;
	}
	sink = sum;
	return each(start, BATCH);
}

/* Minted into an empty CNode; what was minted goes again outside the time. */
static int64_t mint(void *arg)
{
	slot_t to = captab_cnode_slot(&t, cnode[0], 1);
	int64_t start = bench_now(), took;

	(void)arg;
	for (unsigned i = 0; i < BATCH; i++) {
		if (captab_mint(&t, root, to + i, WRIT_R_READ, i + 1) != 0)
			return -1;
	}
	took = each(start, BATCH);
	for (unsigned i = 0; i < BATCH; i++)
		(void)captab_delete(&t, to + i);
	return took;
}

static int list_make(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct entry *e = malloc(sizeof(*e));

		if (e == NULL)
			return -1;
		*e = (struct entry){ .badge = i, .next = list };
		list = e;
	}
	return 0;
}

static int64_t mint_plain(void *arg)
{
	int64_t start = bench_now(), took;

	(void)arg;
	if (list_make(BATCH) != 0)
		return -1;
	took = each(start, BATCH);
	list_free();
	return took;
}

/* All 917,504 descendants at once, in slices as the kernel's, and made again. */
static int64_t revoke(void *arg)
{
	int64_t start, took;
	bool more = true;

	(void)arg;
	made = t.live_slots - 1;
	start = bench_now();
	while (more) {
		if (captab_revoke(&t, root, 256, &more) != 0)
			return -1;
	}
	took = each(start, made);
	return t.live_slots == 1 && fill() == 0 ? took : -1;
}

static int64_t revoke_plain(void *arg)
{
	int64_t start;

	(void)arg;
	if (list_make((CNODES - 1) * PER) != 0)
		return -1;
	start = bench_now();
	list_free();
	return each(start, (CNODES - 1) * PER);
}

int main(int argc, char **argv)
{
	static const struct bench list_of[] = {
		{ .name = "cap.lookup",
		    .peer_name = "array lookup",
		    .setup = setup,
		    .teardown = teardown,
		    .ours = lookup,
		    .peer = lookup_plain,
		    .rounds = 400 },
		{ .name = "cap.mint",
		    .peer_name = "malloc'd list entry",
		    .setup = setup,
		    .teardown = teardown,
		    .ours = mint,
		    .peer = mint_plain,
		    .rounds = 200 },
		{ .name = "cap.revoke",
		    .peer_name = "malloc'd list freed",
		    .setup = setup,
		    .teardown = teardown,
		    .ours = revoke,
		    .peer = revoke_plain,
		    .rounds = 8,
		    .turn = 2 },
	};

	return bench_main(argc, argv, list_of, sizeof(list_of) / sizeof(list_of[0]));
}
