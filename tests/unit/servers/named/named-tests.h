/* SPDX-License-Identifier: MIT */
/* The parts of the test program of named's tree, and what they share (test-tree.c). */
#pragma once
#include <check.h>
#include "servers/named/tree.h"

extern struct tree *nt;              /* fresh for each test */
extern struct tree_usage tree_empty; /* what it takes with nothing in it */

/* Another fresh tree with these limits instead. */
void tree_restart(uint64_t memory, uint64_t nodes);
/* A new file with @text: open / closed. */
struct tree_node *make_file(const char *path, const char *text);
void put(const char *path, const char *text);
struct writ_stat stat_of(const char *path);
void expect_usage(struct tree_usage want);

TCase *limits_case(void); /* test-limits.c */
TCase *fleet_case(void);  /* test-fleet.c: those who register under one name */
TCase *random_case(void); /* test-random.c: random operations against a naive model */
