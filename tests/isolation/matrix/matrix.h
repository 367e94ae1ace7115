/* SPDX-License-Identifier: MIT */
/*
 * Each layer alone: a process is put under one layer of the sandbox and no other,
 * and tries what it should not. What became of it is held against a table, which
 * docs/security.md shows as well.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define EFFECT_FD 1000 /* where matrix-effect shows that it ran */

/* What becomes of an attempt. */
enum outcome {
	WORKS,      /* it happens, and nobody minds */
	REFUSED,    /* an error, and it has not happened */
	DIES,       /* the process ends, and it has not happened */
	DIES_AFTER, /* the process ends, but it has happened */
	OUTCOMES
};
extern const char *const outcome_names[OUTCOMES];

enum column { NONE, NAMESPACES, SECCOMP, LANDLOCK, CALLS, SOCKETS, LSM, COLUMNS };
extern const char *const column_names[COLUMNS];

/* What an attempt is made on; anew for each. */
struct stage {
	char file[64], path[64];     /* a file of 4 bytes; a unix socket that is listened at */
	int tcp_to, udp_to, unix_to; /* who is connected or sent to */
	int tcp, udp, sock, image,
	    out[2]; /* what the process has; out: a pipe, for what has happened */
	uint16_t tcp_port, udp_port;
	pid_t victim;
	struct shared {
		volatile int touched, done; /* done: it came back, with that result */
		volatile long result;
	} * shared;
};

struct attempt {
	const char *name;
	long (*run)(struct stage *s); /* in the process: -1 with errno, or what it got */
	bool (*happened)(
	    struct stage *s); /* seen from outside; NULL: when it came back with success */
	const char *expect;   /* a letter a column: see outcome_letters */
};
extern const struct attempt attempts[];
extern const unsigned nattempts;

void stage_open(struct stage *s);
void stage_sockets(struct stage *s); /* make those that the process has: by itself */
void stage_close(struct stage *s);

/* Make the attempt under one layer. */
enum outcome column_try(enum column c, const struct attempt *a, struct stage *s);
/* Load what the column needs. False, and why in column_why(): this Linux can't. */
bool column_open(enum column c);
/* The same for one attempt, in an open column. */
bool column_has(enum column c, const struct attempt *a);
const char *column_why(void);
void column_close(void);
