/* SPDX-License-Identifier: MIT */
/* The groups of isolation tests, one file each. */
#pragma once
#include <check.h>

#include "harness.h"

TCase *nest_tests(void);   /* orders, events, ends */
TCase *call_tests(void);   /* the filter */
TCase *view_tests(void);   /* what a proc sees and holds, step by step */
TCase *limit_tests(void);  /* forking, executing, memory, logs */
TCase *host_tests(void);   /* cgroups and host folders */
TCase *server_tests(void); /* what the profiles files and server are for */
