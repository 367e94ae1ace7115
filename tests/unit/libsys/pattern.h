/* SPDX-License-Identifier: MIT */
/* Contents that can be told apart by seed and place, and random numbers that can be had again. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* splitmix64. */
uint64_t pat_rnd(uint64_t *seed);
/* Write the bytes [@from, @from + @len) of the content @seed to @p; are they there? */
void pat_fill(void *p, uint64_t seed, size_t from, size_t len);
bool pat_is(const void *p, uint64_t seed, size_t from, size_t len);
