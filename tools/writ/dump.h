/* SPDX-License-Identifier: MIT */
/*
 * The node's distribution of capabilities, from root's rows, in the one order
 * that does not depend on the kernel's numbers (docs/dump.md).
 */
#pragma once
#include <stdint.h>

#include "servers/loader/dump.h"
#include "tools/writ/client.h"

/* What is live and no part of a distribution. */
struct dump_left {
	unsigned live;  /* sessions, messages, waits, mappings, replies */
	unsigned ended; /* capabilities of procs that have ended */
};

/* Of all rows of OP_OBJECTS and OP_CAPS. False: out of memory, or no rows of a first server. */
bool dump_make(const struct pages *objs, const struct pages *caps, struct dump *ret,
    struct dump_left *ret_left);
/* writ caps --dump, with --images. */
int dump_run(struct cli *c, struct client *cl);

/* A dump that a node is to be booted from, read and checked. */
int dump_read(struct cli *c, const char *file, struct dump *ret);
/* A memfd with all images that the node has to be given (DUMP_IMAGES_MODULE), from folder @dir
 * (NULL: none is named). */
int dump_images(struct cli *c, const struct dump *d, const char *dir, int *ret_fd);
