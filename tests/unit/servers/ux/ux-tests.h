/* SPDX-License-Identifier: MIT */
/* The parts of the test program of ux, and what they share (test-ux.c). */
#pragma once
#include <check.h>
#include <stdbool.h>
#include "servers/proxies/ux/ux.h"

extern struct ux ux;
extern char base[64]; /* the test's own folder; ux serves base/in, base/out is beside it */

/* Plain host calls in base; every failure fails the test. */
void host_put(const char *path, const char *text);
void host_mkdir(const char *path);
void host_symlink(const char *target, const char *path);
bool host_exists(const char *path);

/* The whole of a small file through ux, or the error. */
int64_t ux_text(const char *path, char *buf, size_t size);
/* Make a file through ux. 0 or the error. */
int ux_put(const char *path, const char *text);

TCase *confine_case(void); /* test-confine.c */
TCase *filter_case(void);  /* test-filter.c */
TCase *mounts_case(void);  /* test-mounts.c: needs mounts of its own */
