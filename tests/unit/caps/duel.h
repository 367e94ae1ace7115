/* SPDX-License-Identifier: MIT */
/*
 * The library and the model side by side: one operation after the other, chosen
 * by a source of numbers, done by both and compared. Used by the random test
 * and by the fuzzer.
 */
#pragma once
#include "model.h"

struct duel {
	struct captab t;
	struct model m;
	uint32_t (*pick)(void *arg, uint32_t n); /* a number below @n */
	void *arg;
	obj_t untyped, cnode; /* held to the end */
	unsigned units;       /* what this reap has done so far */
	unsigned long done;   /* operations that were not refused */
	const char *op;       /* the last operation */
	char why[200];        /* empty: no difference so far */
};

/* Bytes of memory wanted, zeroed and aligned to 64. */
size_t duel_size(void);
void duel_open(struct duel *d, void *mem, uint32_t (*pick)(void *, uint32_t), void *arg);
/* One operation. False when the two differ: d->why says how. */
bool duel_step(struct duel *d);
/* Let go of everything: nothing may be left. */
bool duel_close(struct duel *d);

/* Note a difference; the first one stays. */
__attribute__((format(printf, 2, 3))) void duel_differ(struct duel *d, const char *fmt, ...);
/* Compare all that can be seen. */
void duel_compare(struct duel *d);
