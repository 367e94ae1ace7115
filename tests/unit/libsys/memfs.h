/* SPDX-License-Identifier: MIT */
/* The simplest file server: a flat table in memory, for the tests of the glue and of the client. */
#pragma once
#include <writ/fssrv.h>

extern const struct fssrv_ops memfs_ops;

/* Begin anew: the folders "/" and "/d", the files "/f" ("file") and "/d/g" ("deep"). */
void memfs_reset(void);
/* How many callbacks have been called, and files opened but not closed. */
unsigned memfs_calls(void);
int memfs_open_files(void);
