/* SPDX-License-Identifier: MIT */
/* What benchmarks do on the host beside measuring. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Run a command of the shell; says so when it fails. Returns 0 or -1. */
int host_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The folder of the programs: $WRIT_B/bin, or that of this one. */
void host_bin(char *ret, size_t size);

/* Is there a node? Its programs are in the way of every process, and so of what is measured. */
bool host_has_node(void);
