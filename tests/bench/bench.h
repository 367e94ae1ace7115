/* SPDX-License-Identifier: MIT */
/*
 * Benchmarks that can be believed: ours and the peer are measured in the same
 * run, in turns of a few rounds each, so that what disturbs the machine
 * disturbs both. Prints one JSON object a line; docs/testing.md explains it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * One round. Returns 0: the time of the call counts; a positive number: the
 * nanoseconds that the round measured itself (or what the unit says; then 0 counts, too);
 * -1: failed, the benchmark ends.
 */
typedef int64_t bench_round(void *arg);

struct bench {
	const char *name;            /* "spawn.null" */
	const char *peer_name;       /* what the peer is; NULL: there is none */
	int (*setup)(void *arg);     /* may be NULL; 0, or -1 to fail */
	void (*teardown)(void *arg); /* may be NULL; called after a failure, too */
	bench_round *ours, *peer;
	void *arg;
	unsigned rounds;       /* of each, besides one turn to warm up */
	unsigned turn;         /* rounds in a row before the other's turn; 0: 16 */
	unsigned ops;          /* operations a round: the figure is a rate; 0: it is a time */
	const char *placement; /* which CPUs, which buffers; may be NULL */
	const char *unit;      /* NULL: "ns" or "1/s" */
};

/*
 * Run those of @list (@n of them) whose names begin with one of the arguments,
 * or all if there is none. A time is in "ns", ratio = ours / peer, less is
 * better; a rate is in "1/s", ratio = ours / peer, more is better.
 * Returns an exit status: 1 if one failed, said on stderr.
 */
int bench_main(int argc, char **argv, const struct bench *list, unsigned n);

/* Nanoseconds of the monotonic clock. */
int64_t bench_now(void);

/* The middle one of @n values, which it sorts. */
double bench_median(double *ns, size_t n);
