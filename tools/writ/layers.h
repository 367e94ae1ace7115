/* SPDX-License-Identifier: MIT */
/* The layers of the sandbox as operators see them: bits of enum writ_layer as words, and why a node
 * lacks some. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <jansson.h>
#include <writ/guard.h>

#define LAYERS_ALL ((1u << WRIT_LAYER_N) - 1)
/* "all", "no landlock,ebpf_lsm", "no ebpf_*" (of the four), "-" of 0. Returns @buf. */
char *layers_text(uint32_t layers, char *buf, size_t size);
/* ["namespaces", …]; NULL when out of memory. */
json_t *layers_json(uint32_t layers);

/* "active", "audits", "off", "on demand" or "missing". @loaded: of eBPF's, whatever the mode. */
const char *layers_state(unsigned layer, uint32_t active, uint32_t loaded, enum guard_mode mode);

/* Why the node's last start went without a layer, or could not attach it later. */
struct layers_why {
	char text[WRIT_LAYER_N][256]; /* "": it did not, or didn't say */
};
/* From the kernel's log, open at @log, the part that begins at @from. */
void layers_read(int log, off_t from, struct layers_why *ret);
/* A line each: "without layer NAME: why". */
void layers_print(FILE *f, const struct layers_why *why);
