/* SPDX-License-Identifier: MIT */
/*
 * What takes some 100 ns is timed with the CPU's own counter, which is read in
 * 10 to 20 ns, on both sides of a comparison. Inline, since procs use it as well.
 */
#pragma once
#include <stdint.h>
#include <time.h>

static inline uint64_t tick(void)
{
	return __builtin_ia32_rdtsc();
}

static inline int64_t tick_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* What a turn began with. */
struct tick_start {
	uint64_t ticks;
	int64_t ns;
};

static inline struct tick_start tick_start(void)
{
	return (struct tick_start){ tick(), tick_clock() };
}

/* Make @n ticks nanoseconds, by how long the turn since @s took in both; 1 at least. */
static inline void tick_scale(struct tick_start s, int64_t *values, unsigned n)
{
	double scale = (double)(tick_clock() - s.ns) / (double)(tick() - s.ticks);

	for (unsigned i = 0; i < n; i++) {
		values[i] = (int64_t)((double)values[i] * scale + 0.5);
		if (values[i] < 1)
			values[i] = 1;
	}
}
