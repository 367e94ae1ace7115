/* SPDX-License-Identifier: MIT */
/* The turns, the percentiles and the JSON of bench.h; knows nothing of Writ. */
#include "bench.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURN = 16 };

struct series {
	double *ns;
	unsigned n;
	double value, p50, p99; /* in the unit of the benchmark */
};

int64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Up to @rounds rounds of one side. Keeps them if @keep. Returns 0 or -1. */
static int take_turn(const struct bench *b, struct series *s, bench_round *round, unsigned rounds,
    int keep)
{
	for (unsigned i = 0; i < rounds; i++) {
		int64_t start = bench_now();
		int64_t own = round(b->arg);
		int64_t took = bench_now() - start;

		if (own < 0)
			return -1;
		if (keep)
			s->ns[s->n++] = own > 0 || b->unit != NULL ? (double)own : (double)took;
	}
	return 0;
}

static int measure(const struct bench *b, struct series *ours, struct series *peer)
{
	unsigned turn = b->turn > 0 ? b->turn : TURN;
	unsigned left = b->rounds;
	int keep = b->rounds == 1;

	while (left > 0) {
		unsigned now = turn < left ? turn : left;

		if (take_turn(b, ours, b->ours, now, keep) < 0)
			return -1;
		if (b->peer != NULL && take_turn(b, peer, b->peer, now, keep) < 0)
			return -1;
		if (keep)
			left -= now;
		keep = 1;
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), by_value);
	return ns[n / 2];
}

/* The slow side of a rate is its low one, so its p99 comes from the slow rounds, too. */
static void sum_up(struct series *s, unsigned ops)
{
	double slow;

	s->p50 = bench_median(s->ns, s->n);
	slow = s->ns[(s->n - 1) * 99ULL / 100];
	s->p99 = slow;
	if (ops > 0) {
		s->p50 = ops * 1e9 / s->p50;
		s->p99 = ops * 1e9 / slow;
	}
	s->value = s->p50;
}

static int print_line(const struct bench *b, const struct series *ours, const struct series *peer)
{
	const char *unit = b->unit != NULL ? b->unit : b->ops > 0 ? "1/s" : "ns";
	json_t *j = json_pack("{s:s, s:f, s:s, s:f, s:f, s:i, s:s*}", "bench", b->name, "value",
	    ours->value, "unit", unit, "p50", ours->p50, "p99", ours->p99, "n", (int)ours->n,
	    "placement", b->placement);
	int r = -1;

	if (j == NULL)
		return -1;
	if (b->peer == NULL ||
	    json_object_update_new(j,
		json_pack("{s:{s:s, s:f, s:f, s:f}, s:f}", "peer", "name", b->peer_name, "value",
		    peer->value, "p50", peer->p50, "p99", peer->p99, "ratio",
		    ours->value / peer->value)) == 0)
		r = json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(j);
	puts("");
	fflush(stdout);
	return r;
}

static int run(const struct bench *b)
{
	struct series ours = { .ns = calloc(b->rounds, sizeof(double)) };
	struct series peer = { .ns = calloc(b->rounds, sizeof(double)) };
	int r = -1;

	if (ours.ns != NULL && peer.ns != NULL && (b->setup == NULL || b->setup(b->arg) == 0))
		r = measure(b, &ours, &peer);
	if (b->teardown != NULL)
		b->teardown(b->arg);
	if (r == 0) {
		sum_up(&ours, b->ops);
		if (b->peer != NULL)
			sum_up(&peer, b->ops);
		r = print_line(b, &ours, &peer);
	}
	if (r < 0)
		fprintf(stderr, "bench: %s failed\n", b->name);
	free(ours.ns);
	free(peer.ns);
	return r;
}

static int is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(name, argv[i], strlen(argv[i])) == 0)
			return 1;
	return argc < 2;
}

int bench_main(int argc, char **argv, const struct bench *list, unsigned n)
{
	int status = 0;

	for (unsigned i = 0; i < n; i++)
		if (is_wanted(list[i].name, argc, argv) && run(&list[i]) < 0)
			status = 1;
	return status;
}
