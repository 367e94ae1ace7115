/* SPDX-License-Identifier: MIT */
/* Both sides of a ring, for tests: over memory and bells that the test made itself. */
#pragma once
#include <stdint.h>
#include "libsys/ring.h"

#define RINGS_MAX 80

/* What the kernel hands out: the memory, and the bells (server's, client's). */
struct ring_fds {
	int memory, bell[2];
	uint32_t bulk;
};
struct ring_fds ring_fds_new(uint32_t bulk);
void ring_fds_close(struct ring_fds *f);

/* One side of it, @owner 0. @ret_link (may be NULL): with a reference to be given back. */
struct tx *ring_pair_side(const struct ring_fds *f, int side, struct link **ret_link);
/* The link alone. */
struct link *ring_pair_link(const struct ring_fds *f, int side);

/* Fill @len bytes as message @seed; is it what was filled? */
void ring_fill(void *p, size_t len, uint64_t seed);
bool ring_filled(const void *p, size_t len, uint64_t seed);
/* Put message @seed of @len bytes (its label and id say which). False: no room. */
bool ring_put(struct tx *t, size_t len, uint64_t seed, bool cork);
/* Take one: its length, or -1 when there is none. It must be message @seed, whole. */
int64_t ring_get(struct tx *t, uint64_t seed);
/* Sleep for @want until the link rings: false after @ms. */
bool ring_sleep(struct tx *t, struct link *l, unsigned want, size_t len, int ms);
