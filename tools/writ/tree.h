/* SPDX-License-Identifier: MIT */
/*
 * Puts rows that name their parents into the order of a tree. The rows come
 * from servers: duplicates, orphans, and circles must cost nothing but looks.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct tree_node {
	uint64_t id, parent;
	size_t row;     /* the caller's */
	unsigned depth; /* filled in: 0 for roots */
};

/*
 * Reorder @v: each node is followed by its descendants, siblings by id. A node
 * whose parent is not there, or is itself, is a root; what hangs on a circle
 * begins with its lowest id. Returns 0, or -1 when out of memory (and @v is sorted by id).
 */
int tree_order(struct tree_node *v, size_t n);
