/* SPDX-License-Identifier: MIT */
/*
 * Memory with a limit: what tenants make named hold is taken from here and
 * nowhere else, so that one number says how much it is. Charges are the bytes
 * asked for; what malloc adds to them is not counted.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct mem {
	uint64_t max, used;
};

/* Zeroed memory. NULL when it would pass the limit, or there is none. */
void *mem_alloc(struct mem *m, size_t size);
/* Make @p (NULL: nothing yet, @old 0) @size bytes long; new ones are zero. NULL: as it was. */
void *mem_resize(struct mem *m, void *p, size_t old, size_t size);
/* Give back what was @size bytes long; NULL with @size 0 is nothing. */
void mem_free(struct mem *m, void *p, size_t size);
