/* SPDX-License-Identifier: MIT */
/* What writ-boot pinned of a node's eBPF layers (<writ/guard.h>), read by path. Needs root, and
 * what Linux asks of who looks into maps. */
#pragma once
#include <stdbool.h>
#include <writ/guard.h>

struct denial {
	struct guard_denial_key k;
	struct guard_denial d;
	char realm[GUARD_NAME_MAX]; /* "?": it has gone, and had no name for the row */
};

/* All rows of maps/denials, those of one proc together; *ret is the caller's to free. *ret_full:
 * there are so many that older ones may have had to go. Returns how many or -errno. */
long pinned_denials(const char *node, struct denial **ret, bool *ret_full);
