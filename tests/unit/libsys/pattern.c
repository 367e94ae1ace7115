/* SPDX-License-Identifier: MIT */
#include "pattern.h"
#include <string.h>

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t pat_rnd(uint64_t *seed)
{
	return mix(*seed += UINT64_C(0x9e3779b97f4a7c15));
}

/* Word @i of content @seed. */
static uint64_t word(uint64_t seed, uint64_t i)
{
	return (seed + i) * UINT64_C(0x9e3779b97f4a7c15) ^ (seed << 32 | i);
}

void pat_fill(void *p, uint64_t seed, size_t from, size_t len)
{
	uint8_t *to = p;

	while (len > 0) {
		uint64_t w = word(seed, from / 8);
		size_t skip = from % 8, n = 8 - skip < len ? 8 - skip : len;

		memcpy(to, (const uint8_t *)&w + skip, n);
		to += n;
		from += n;
		len -= n;
	}
}

bool pat_is(const void *p, uint64_t seed, size_t from, size_t len)
{
	const uint8_t *at = p;

	while (len > 0) {
		uint64_t w = word(seed, from / 8);
		size_t skip = from % 8, n = 8 - skip < len ? 8 - skip : len;

		if (memcmp(at, (const uint8_t *)&w + skip, n) != 0)
			return false;
		at += n;
		from += n;
		len -= n;
	}
	return true;
}
