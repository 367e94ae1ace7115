/* SPDX-License-Identifier: MIT */
/*
 * What writ-boot pinned of a node's eBPF layers (<writ/guard.h>), read and changed by
 * path: so it works whatever has become of the node's processes. Needs root; to
 * read, what Linux asks of who looks into maps.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <writ/guard.h>

/* "off", "audit", "enforce". False, and *ret stays: another word. */
bool guard_mode_parse(const char *word, enum guard_mode *ret);

/* The layers that it can say something about. */
#define PINNED_LAYERS (~0u << WRIT_LAYER_EBPF_CALLS & ((1u << WRIT_LAYER_N) - 1))

/* Those that are loaded for @node, as bits of enum writ_layer, and its mode. Returns 0 or -errno:
 * -ENOENT, nothing is pinned. */
int pinned_read(const char *node, uint32_t *ret_loaded, enum guard_mode *ret_mode);

/*
 * Make @mode the node's. What looks at each call of every process is attached for
 * ENFORCE and AUDIT before it, and detached after OFF: what follows forks stays, so
 * that nobody is born unknown. Processes see the new generation as a whole.
 * Returns 0 or -errno, with what was being done in *ret_doing.
 */
int pinned_switch(const char *node, enum guard_mode mode, const char **ret_doing);

struct denial {
	struct guard_denial_key k;
	struct guard_denial d;
};

/* All rows of maps/denials, those of one proc together; *ret is the caller's to free. Returns how
 * many or -errno. */
long pinned_denials(const char *node, struct denial **ret);
