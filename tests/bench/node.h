/* SPDX-License-Identifier: MIT */
/*
 * A node of the benchmark's own: a bare kernel with a program of the benchmark's
 * as its first server. It takes orders from a host folder, ctl/order: "NUMBER
 * WORDS...\n", and answers with one number a line in its log.
 */
#pragma once
#include <stdint.h>

/* Boot it on the program build/bin/@image. Returns 0 or -1. */
int node_up(const char *image);
/* Order @words and wait for @n numbers. Returns 0 or -1. */
int node_order(const char *words, unsigned n, int64_t *ret);
/* End it, remove what it left. Can be called at any time. */
void node_down(void);
