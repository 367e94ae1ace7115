/* SPDX-License-Identifier: MIT */
/*
 * Verifying an audit trail: records one after the other, as a node gives them or
 * as they were saved. Each realm's are a chain (<writ/abi.h>). What the chain can't
 * show is that its end is missing, or that all of it was made anew: heads that were
 * noted earlier and kept elsewhere can.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <writ/abi.h>

#include "tools/writ/cli.h"

struct trail_realm {
	uint32_t id;
	char name[WRIT_NAME_MAX]; /* in its newest record */
	uint64_t first, last;     /* its own numbers */
	uint64_t missing;         /* between them */
	uint8_t chain[32];        /* of the newest */
};

/* What a trail must hold: the record @rseq of realm @id has @chain. */
struct trail_head {
	uint32_t id;
	char name[WRIT_NAME_MAX];
	uint64_t rseq;
	uint8_t chain[32];
	bool found;
};

struct trail {
	struct trail_realm *v;
	size_t n;
	uint64_t seq; /* of the newest record, on the node */
	uint64_t gap; /* records that are missing just before it, in its realm */
	struct trail_head *heads;
	size_t nheads;
	char fault[256];
};

void trail_free(struct trail *t);

enum trail_says {
	TRAIL_OK,
	TRAIL_GAP, /* t->gap records are missing before it, and t->fault says so */
	TRAIL_BAD, /* altered, or out of its place: t->fault says which and why */
	TRAIL_NOMEM,
};
/* Take the next record. The first that is seen of a realm may be any: then what is before is a gap
 * that its `first' tells, and not TRAIL_GAP. */
enum trail_says trail_add(struct trail *t, const struct writ_audit_rec *r);

/* Read heads, as trail_heads() prints them, for trail_missing(). 0 or an exit code. */
int trail_expect(struct cli *c, struct trail *t, const char *path);
/* The first head that was not come by; NULL: none. t->fault says what is wrong. */
const struct trail_head *trail_missing(struct trail *t);

/* Print the newest record of each realm: its number and chain. 0 or an exit code. */
int trail_heads(struct cli *c, const struct trail *t);
/* Print what was verified, realm by realm. 0 or an exit code. */
int trail_report(struct cli *c, const struct trail *t);

/* Verify what `writ audit --json' printed, and report. 0 or an exit code: EX_DATAERR with the first
 * bad record's place and numbers; EX_NOINPUT. */
int trail_file(struct cli *c, struct trail *t, const char *path);
