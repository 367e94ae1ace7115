/* SPDX-License-Identifier: MIT */
/*
 * The whole kernel behind the gate: requests of several procs, and what nests
 * and Linux do, each choice made by the fuzzer's bytes (tests/fuzz/kernel/).
 * Every 8 steps (WRIT_EVERY) all invariants must hold, and in the end nothing
 * be left.
 */
#include <stdlib.h>
#include "tests/fuzz/kernel/world.h"
#include "tests/fuzz/replay.h"

const unsigned long replay_enough = 100000;
unsigned long replay_steps;

enum { STEPS_MAX = 1500, EVERY = 8, FDS_EVERY = 16 };

struct bytes {
	const uint8_t *data;
	size_t left;
};

/* One byte for small ranges, up to four for larger ones; 0 when there are no more. */
static uint32_t next(void *arg, uint32_t n)
{
	struct bytes *b = arg;
	uint64_t x = 0;

	for (uint64_t range = 1; range < n && b->left > 0; range <<= 8) {
		x = x << 8 | *b->data++;
		b->left--;
	}
	return (uint32_t)(x % n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = getenv("WRIT_EVERY"), *broken;
	unsigned every = text != NULL ? (unsigned)strtoul(text, NULL, 10) : EVERY;
	struct bytes b = { data, size };

	world_open(next, &b);
	broken = kernel_verify();
	kernel_verify_fds();
	for (unsigned i = 1; broken == NULL && b.left > 0 && world_alive() && i < STEPS_MAX; i++) {
		world_step();
		replay_steps++;
		if (i % every == 0)
			broken = kernel_verify();
		if (broken == NULL && i % FDS_EVERY == 0)
			broken = kernel_verify_fds();
	}
	if (broken == NULL)
		broken = kernel_verify();
	if (broken == NULL)
		broken = world_close();
	if (broken != NULL)
		world_fail(broken);
	return 0;
}
