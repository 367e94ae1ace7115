/* SPDX-License-Identifier: MIT */
/*
 * What the programs in Linux have counted of a node (tools/boot/bpf/sched.h), read
 * from its pinned maps. Reading needs root; tracing lasts till meter_close().
 */
#pragma once
#include "tools/boot/bpf/sched.h"
#include "tools/boot/names.h"
#include "tools/writ/cli.h"

enum meter_by { METER_PROC, METER_REALM, METER_CLASS };

struct meter_row {
	uint32_t pid, realm; /* 0 where rows are of something else */
	char name[GUARD_NAME_MAX], realm_name[GUARD_NAME_MAX];
	enum writ_class class;
	bool ended;
	struct sched_counts n;
	uint64_t refused; /* by all layers; of classes: to the procs there are rows of */
	struct sched_hist wait, offcpu; /* while traced; of realms and classes: of the same procs */
};
struct meter_rows {
	struct meter_row *v;
	size_t n;
};

/* Calls of one number, since it was first asked for calls. */
struct meter_call {
	uint32_t pid, realm, nr; /* pid and realm as in a row above */
	enum writ_class class;
	char name[GUARD_NAME_MAX], realm_name[GUARD_NAME_MAX], call[CALL_NAME_MAX];
	uint64_t count;
};
struct meter_calls {
	struct meter_call *v;
	size_t n;
};

struct meter {
	int maps[16]; /* by enum in meter.c */
	int fresh;    /* the iterator's link */
	int calls;    /* the link that counts calls; -1: nobody's, or another's */
	int watch;    /* a folder of pins that says who looks: maps is locked by each who has
			 histograms made, progs by who counts calls; or -1 */
	uint32_t set; /* bits of maps/trace that this one has set */
};

/* Open the maps of the node of @c. Returns 0 or an exit code, with the error said; close it
 * in either case. */
int meter_open(struct cli *c, struct meter *m);
void meter_close(struct meter *m);

/* Have histograms made, calls counted. Returns 0 or an exit code. Calls are counted by one for all:
 * to be asked for again before each reading, for who counted may have ended. */
int meter_histograms(struct cli *c, struct meter *m);
int meter_count_calls(struct cli *c, struct meter *m);

/* Read rows, up to date, by realm and pid. Returns 0 or an exit code; free() ret->v. */
int meter_read(struct cli *c, const struct meter *m, enum meter_by by, struct meter_rows *ret);
int meter_read_calls(struct cli *c, const struct meter *m, enum meter_by by,
    struct meter_calls *ret);
