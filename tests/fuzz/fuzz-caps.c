/* SPDX-License-Identifier: MIT */
/*
 * The capability library against its model, each choice made by the fuzzer's
 * bytes (tests/unit/caps/duel.h). A difference is a crash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/caps/duel.h"

enum { STEPS_MAX = 2000 };

struct bytes {
	const uint8_t *data;
	size_t left;
};

/* One byte for small ranges, two for larger ones; 0 when there are no more. */
static uint32_t next(void *arg, uint32_t n)
{
	struct bytes *b = arg;
	uint32_t x = 0;

	for (uint32_t range = 1; range < n && b->left > 0; range <<= 8) {
		x = x << 8 | *b->data++;
		b->left--;
	}
	return x % n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct duel duel;
	struct bytes b = { data, size };
	void *mem = aligned_alloc(64, duel_size());
	bool ok = true;

	if (mem == NULL)
		return 0;
	memset(mem, 0, duel_size());
	duel_open(&duel, mem, next, &b);
	for (unsigned i = 0; ok && b.left > 0 && i < STEPS_MAX; i++)
		ok = duel_step(&duel);
	if (!ok || !duel_close(&duel)) {
		(void)fprintf(stderr, "%s %s: %s\n", duel.op, duel.said, duel.why);
		abort();
	}
	free(mem);
	return 0;
}
