/* SPDX-License-Identifier: MIT */
/* Why Linux refuses eBPF, as far as that can be found out. */
#pragma once
#include <stddef.h>
#include <writ/rights.h>

/*
 * @layer could not be had: Linux said @err (negative) and libbpf @said ("": nothing).
 * Writes into @buf which capability, kernel or setting is missing; @said when that
 * isn't known. Never empty.
 */
void reason_find(enum writ_layer layer, int err, const char *said, char *buf, size_t size);
