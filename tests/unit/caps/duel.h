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
	char said[160];       /* what with, and the answer */
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
/* Note what the operation is done with. */
__attribute__((format(printf, 2, 3))) void duel_say(struct duel *d, const char *fmt, ...);

/* --- duel-pick.c: choosing what to do it with ------------------------------ */

uint32_t pick(struct duel *d, uint32_t n);
/* Mostly a slot that is full, or one that is empty; now and then any number. */
slot_t pick_slot(struct duel *d, bool full);
/* Mostly one to a CNode, when there is one. */
slot_t pick_cnode_slot(struct duel *d);
/* An object in use, of @type (0: any); 0 when none was met. */
obj_t pick_obj(struct duel *d, unsigned type);
/* Mostly rights that slot @s has. */
uint16_t pick_rights(struct duel *d, slot_t s);
struct charge pick_charge(struct duel *d, uint32_t n);
/* A guard as mint and mutate take it: mostly one that is allowed. */
uint64_t pick_guard(struct duel *d);
/* The first slot with a capability to @o. */
slot_t slot_of(const struct duel *d, obj_t o);
