/* SPDX-License-Identifier: MIT */
/* What the kinds of raw.h are made of. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "raw.h"

enum { RAW_RING_SLOTS = 1024 };

/* Each index in a line of its own, with the owner's memory of the other's beside it. */
struct raw_ring {
	_Alignas(64) uint64_t written;
	uint64_t read_seen;
	_Alignas(64) uint64_t read;
	uint64_t written_seen;
	_Alignas(64) uint8_t slot[RAW_RING_SLOTS][64];
};

struct raw_line {
	_Alignas(64) uint32_t flag;
	_Alignas(64) uint8_t data[];
};

/* Shared by all three processes. */
struct raw_shared {
	struct raw_ring ring;
	int64_t ns[RAW_TURN];
};

struct raw {
	struct raw_spec spec;
	const struct raw_ops *ops;
	struct raw_shared *shared;
	struct raw_line *line[2]; /* there and back */
	uint8_t *own;             /* memory of the process: spread pairs of buffers */
	int order[2];             /* where each process takes its orders, and the first answers */
	int fd[2];                /* the kind's: of either end, or there and back */
	pid_t pid[2];
	int end;        /* which of the two one is */
	uint32_t round; /* what the flags say */
	void *state;
	char address[64];
};

struct raw_ops {
	int (*make)(struct raw *r);  /* before they are forked; may be NULL */
	int (*open)(struct raw *r);  /* in each of them; may be NULL */
	int (*trip)(struct raw *r);  /* one round; 0 or -1 */
	int (*serve)(struct raw *r); /* the other's part in it; NULL: the first is alone */
};

extern const struct raw_ops raw_nng;
