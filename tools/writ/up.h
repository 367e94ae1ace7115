/* SPDX-License-Identifier: MIT */
/* What `writ up` gives writ-boot: its command line, and descriptors at fixed numbers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <writ/manifest.pb-c.h>

#include "tools/writ/dump.h"

#define UP_ARGS_MAX 256
#define UP_MEMFD    3 /* in writ-boot: where the packed manifest is */
#define UP_IMAGES   4 /* the images of a dump, if there is one */

struct argv {
	char *v[UP_ARGS_MAX + 1];
	size_t n;
	bool failed;
};

/* A dump to boot from. Zeroed but for images = -1: none. */
struct up_dump {
	struct dump d;
	char *path; /* absolute; NULL: none */
	int images;
};

/* --dump and --images, if they are given. */
int up_dump_open(struct cli *c, struct up_dump *ret);
void up_dump_close(struct up_dump *u);

/* The command line; the programs lie in folder @bin. Free with argv_free(), also after an error. */
int argv_make(struct cli *c, struct argv *a, const Writ__Manifest__Node *node, const char *bin,
    const struct up_dump *u);
void argv_free(struct argv *a);
