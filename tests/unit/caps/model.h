/* SPDX-License-Identifier: MIT */
/*
 * What <writ/cap.h> says, a second time, as plainly as can be: a slot knows its
 * parent by number, and everything that can be counted is counted anew each
 * time. Shares no code with caps/. Slow on purpose.
 */
#pragma once
#include <writ/cap.h>

enum { M_SLOTS = 448, M_OBJS = 48, M_ACCTS = 12 };

struct m_slot {
	obj_t cnode; /* 0: free */
	uint32_t gen;
	bool full;
	struct cap cap;
	slot_t parent;
};

struct m_obj {
	bool live, dying;
	bool referenced; /* had a reference at some time */
	unsigned type, bits, holds;
	uint32_t epoch;
	obj_t untyped;
	slot_t base;
	struct charge paid;   /* by its Untyped */
	struct charge max;    /* Untyped: its account */
	struct charge beside; /* Untyped: charged beside objects */
};

struct model {
	struct m_slot slots[M_SLOTS];
	struct m_obj objs[M_OBJS];
};

/* The error that the operation is to end with; when there is none it is done. */
int m_check(const struct model *m, slot_t s, unsigned type, uint16_t rights);
int m_insert(struct model *m, slot_t parent, slot_t dst, obj_t o, uint16_t rights, uint64_t badge);
int m_copy(struct model *m, slot_t src, slot_t dst, uint16_t rights);
int m_mint(struct model *m, slot_t src, slot_t dst, uint16_t rights, uint64_t badge);
int m_move(struct model *m, slot_t src, slot_t dst);
int m_mutate(struct model *m, slot_t src, slot_t dst, uint64_t guard);
int m_rotate(struct model *m, slot_t src, slot_t pivot, slot_t dst);
int m_delete(struct model *m, slot_t s);
int m_resolve(const struct model *m, const struct cap *root, uint64_t index, unsigned depth,
    slot_t *ret);
int m_charge(struct model *m, obj_t untyped, struct charge c);

/* May an object be made? The caller says with m_born() which number it got. */
int m_may_make(const struct model *m, unsigned type, obj_t untyped, struct charge c);
int m_may_make_cnode(const struct model *m, obj_t untyped, unsigned bits, struct charge *c);
void m_born(struct model *m, obj_t o, unsigned type, obj_t untyped, struct charge c);
void m_gone(struct model *m, obj_t o);

/* Look who has lost its last reference. Call it after each step. */
void m_settle(struct model *m);

/* Counted from scratch: references to each object; capabilities alone; what is used. */
void m_count(const struct model *m, unsigned refs[M_OBJS], unsigned caps[M_OBJS]);
struct charge m_used(const struct model *m, obj_t untyped);
/* Is @s below @top in the tree? */
bool m_below(const struct model *m, slot_t s, slot_t top);
