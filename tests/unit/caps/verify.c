/* SPDX-License-Identifier: MIT */
/*
 * What tests alone ask of a table: its tree, and the invariants, looked through
 * from scratch, which changes nothing and follows every link and count itself.
 * The sentences returned are those of docs/capabilities.md.
 */
#include "caps/caps.h"

enum { ALIGN = 64 };

/* Where each array begins, and the size of all. */
struct layout {
	size_t objs, accts, blocks, end;
};

static size_t align_up(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static struct layout layout_of(uint32_t nslots, uint32_t nobjs, uint32_t naccts)
{
	struct layout l;

	l.objs = align_up((size_t)nslots * sizeof(struct slot));
	l.accts = l.objs + align_up((size_t)nobjs * sizeof(struct object));
	l.blocks = l.accts + align_up((size_t)naccts * sizeof(struct account));
	l.end = l.blocks + align_up(CAPTAB_WORDS(nslots) * sizeof(uint64_t));
	return l;
}

size_t captab_size(uint32_t nslots, uint32_t nobjs, uint32_t naccts)
{
	return layout_of(nslots, nobjs, naccts).end;
}

void captab_make(struct captab *t, void *mem, uint32_t nslots, uint32_t nobjs, uint32_t naccts,
    captab_finalise *fn, void *arg)
{
	struct layout l = layout_of(nslots, nobjs, naccts);
	char *base = mem;

	must((uintptr_t)mem % ALIGN == 0);
	*t = (struct captab){ .slots = mem,
		.nslots = nslots,
		.objs = (struct object *)(base + l.objs),
		.nobjs = nobjs,
		.accts = (struct account *)(base + l.accts),
		.naccts = naccts,
		.blocks = (uint64_t *)(base + l.blocks) };
	captab_init(t, fn, arg);
}

int captab_revoke(struct captab *t, slot_t s, unsigned budget, bool *ret_more)
{
	const struct slot *sl = captab_slot(t, s);

	return sl == NULL ? WRIT_E_FAILED_LOOKUP
			  : captab_revoke_at(t, s, sl->gen, budget, ret_more);
}

void captab_obj_bump(struct captab *t, obj_t o)
{
	must(captab_obj(t, o) != NULL);
	t->objs[o].epoch++;
}

slot_t captab_first(const struct captab *t, slot_t s)
{
	if (s == 0)
		return t->slots[0].first;
	return captab_slot(t, s) != NULL ? t->slots[s].first : 0;
}

slot_t captab_next(const struct captab *t, slot_t s)
{
	const struct slot *n = captab_slot(t, s);

	return n == NULL || up_is(n->next) ? 0 : n->next;
}

/* Objects whose references are counted in one pass over the slots. */
enum { CHUNK = 512 };

struct tally {
	uint32_t caps, pays;
	struct charge paid;
};

static bool block_used(const struct captab *t, uint32_t b)
{
	return t->blocks[b / 64] >> b % 64 & 1;
}

/* The next slot after @s that lies in a used block; nslots at the end. */
static slot_t slot_after(const struct captab *t, slot_t s)
{
	s++;
	while (s < t->nslots && !block_used(t, s / 64))
		s = (s / 64 + 1) * 64;
	return s;
}

static bool full(const struct captab *t, slot_t s)
{
	return s != 0 && s < t->nslots && t->slots[s].cap.type != WRIT_TYPE_NULL;
}

/* Do the children of @parent agree on their order, there and back? Adds them to *count. */
static bool children_agree(const struct captab *t, slot_t parent, uint32_t *count)
{
	const struct slot *p = &t->slots[parent];
	uint32_t before = SLOT_UP | parent, s = p->first;

	if (s == 0)
		return p->last == 0;
	while (!(s & SLOT_UP)) {
		if (!full(t, s) || t->slots[s].prev != before || ++*count > t->live_slots)
			return false;
		before = s;
		s = t->slots[s].next;
	}
	return s == (SLOT_UP | parent) && p->last == before;
}

/* How many slots one comes to by walking down from the roots. */
static uint32_t reachable(const struct captab *t)
{
	uint32_t n = 0;
	slot_t s = t->slots[0].first;

	while (s != 0 && n <= t->live_slots) {
		n++;
		if (t->slots[s].first != 0) {
			s = t->slots[s].first;
			continue;
		}
		while (s != 0 && t->slots[s].next & SLOT_UP)
			s = t->slots[s].next & ~SLOT_UP;
		s = s != 0 ? t->slots[s].next : 0;
	}
	return n;
}

static const char *verify_tree(const struct captab *t)
{
	uint32_t children = 0, live = 0;

	if (!children_agree(t, 0, &children))
		return "C1: the roots agree on their order";
	for (slot_t s = slot_after(t, 0); s < t->nslots; s = slot_after(t, s)) {
		const struct slot *n = &t->slots[s];

		if (!full(t, s)) {
			if (n->first != 0 || n->last != 0 || n->prev != 0 || n->next != 0)
				return "C1: an empty slot has no links";
			continue;
		}
		live++;
		if (!children_agree(t, s, &children))
			return "C1: siblings agree on their order and their parent";
	}
	if (live != t->live_slots)
		return "C1: occupied slots are counted";
	if (children != live || reachable(t) != live)
		return "C1: each capability lies in the tree exactly once";
	return NULL;
}

/* Is each child of @s what may be derived from it? */
static const char *verify_children(const struct captab *t, slot_t s)
{
	const struct cap *p = &t->slots[s].cap;

	for (slot_t i = captab_first(t, s); i != 0; i = captab_next(t, i)) {
		const struct cap *c = &t->slots[i].cap;

		if (c->obj != p->obj)
			continue;
		if (c->rights & ~p->rights)
			return "C2: rights only shrink";
		if (p->badge != 0 && c->badge != p->badge)
			return "C3: a badge stays";
	}
	return NULL;
}

static const char *verify_caps(const struct captab *t)
{
	for (slot_t s = slot_after(t, 0); s < t->nslots; s = slot_after(t, s)) {
		const struct cap *c = &t->slots[s].cap;
		const struct object *o = captab_obj(t, c->obj);
		const char *broken;

		if (!full(t, s))
			continue;
		if (o == NULL || o->dying || o->type != c->type)
			return "C4: a capability names a living object of its type";
		if (c->badge != 0 && !type_takes_badge(c->type))
			return "C3: only what takes a badge has one";
		if (c->type != WRIT_TYPE_CNODE && (c->guard != 0 || c->flags != 0))
			return "C3: only CNode capabilities have a guard";
		broken = verify_children(t, s);
		if (broken != NULL)
			return broken;
	}
	return NULL;
}

static void tally_objects(const struct captab *t, obj_t from, struct tally *tally)
{
	for (obj_t o = 1; o < t->nobjs; o++) {
		const struct object *obj = captab_obj(t, o);
		struct tally *y;

		if (obj == NULL || obj->untyped < from || obj->untyped - from >= CHUNK)
			continue;
		y = &tally[obj->untyped - from];
		y->pays++;
		y->paid.bytes += obj->paid.bytes;
		y->paid.slots += obj->paid.slots;
		y->paid.procs += obj->paid.procs;
	}
	for (slot_t s = slot_after(t, 0); s < t->nslots; s = slot_after(t, s)) {
		obj_t o = t->slots[s].cap.obj;

		if (full(t, s) && o >= from && o - from < CHUNK)
			tally[o - from].caps++;
	}
}

static const char *verify_account(const struct captab *t, obj_t o, const struct tally *y)
{
	const struct account *a = captab_account(t, o);

	if (a == NULL)
		return y->pays == 0 ? NULL : "C6: only an Untyped pays";
	if (a->obj != o)
		return "C6: an account belongs to its Untyped";
	if (a->used.bytes > a->max.bytes || a->used.slots > a->max.slots ||
	    a->used.procs > a->max.procs)
		return "C6: an account is never overdrawn";
	if (a->used.bytes < y->paid.bytes || a->used.slots < y->paid.slots ||
	    a->used.procs < y->paid.procs)
		return "C6: what objects cost is charged";
	return NULL;
}

static const char *verify_refs(const struct captab *t)
{
	for (obj_t from = 1; from < t->nobjs; from += CHUNK) {
		struct tally tally[CHUNK] = { 0 };

		tally_objects(t, from, tally);
		for (obj_t o = from; o < t->nobjs && o - from < CHUNK; o++) {
			const struct object *obj = captab_obj(t, o);
			const struct tally *y = &tally[o - from];
			const char *broken;

			if (obj == NULL) {
				if (y->caps != 0 || y->pays != 0)
					return "C4: nothing names an object that is gone";
				continue;
			}
			if (obj->refs < y->caps + y->pays)
				return "C5: every reference is counted";
			if (obj->type == WRIT_TYPE_REPLY && y->caps > 1)
				return "C2: a Reply has one capability";
			if (obj->dying && obj->refs != 0)
				return "C5: a dying object has no references";
			broken = verify_account(t, o, y);
			if (broken != NULL)
				return broken;
		}
	}
	return NULL;
}

/* Slots of the first dying CNode are free one after the other, the blocks at the end. */
static bool cnode_owns(const struct captab *t, obj_t o, const struct object *n)
{
	uint32_t gone = o == t->dying_head ? t->reap_next : 0;

	for (uint32_t i = 0; i < 1u << n->bits; i++) {
		if (n->base + i >= t->nslots || !block_used(t, (n->base + i) / 64) ||
		    t->slots[n->base + i].cnode != (i < gone ? 0 : o))
			return false;
	}
	return true;
}

static const char *verify_cnodes(const struct captab *t)
{
	uint32_t owned = 1, used = 0;

	for (obj_t o = 1; o < t->nobjs; o++) {
		const struct object *obj = captab_obj(t, o);

		if (obj == NULL || obj->type != WRIT_TYPE_CNODE)
			continue;
		if (!cnode_owns(t, o, obj))
			return "C7: a CNode's slots are its own";
		owned += 1u << (obj->bits - 6);
	}
	for (uint32_t b = 0; b < t->nblocks; b++) {
		if (block_used(t, b))
			used++;
		else if (b < t->block_hint)
			return "C7: no block is free below the hint";
	}
	return owned == used ? NULL : "C7: every block in use belongs to one CNode";
}

static const char *verify_dying(const struct captab *t)
{
	uint32_t listed = 0, dying = 0;
	obj_t tail = 0;

	for (obj_t o = t->dying_head; o != 0; o = t->objs[o].next) {
		if (captab_obj(t, o) == NULL || !t->objs[o].dying || ++listed > t->live_objs)
			return "C5: only dying objects are on their list";
		tail = o;
	}
	for (obj_t o = 1; o < t->nobjs; o++)
		dying += t->objs[o].dying;
	if (listed != dying || tail != t->dying_tail)
		return "C5: each dying object is on the list once";
	return NULL;
}

static const char *verify_free(const struct captab *t)
{
	uint32_t objs = 0, accts = 0, untypeds = 0, live = 0;

	for (obj_t o = t->free_obj; o < t->nobjs; o = t->objs[o].next ? t->objs[o].next : o + 1) {
		if (t->objs[o].type != WRIT_TYPE_NULL || ++objs >= t->nobjs)
			return "C8: the free list holds free objects";
	}
	for (uint32_t a = t->free_acct; a < t->naccts;
	     a = t->accts[a].next ? t->accts[a].next : a + 1) {
		if (t->accts[a].obj != 0 || ++accts >= t->naccts)
			return "C8: the free list holds free accounts";
	}
	for (obj_t o = 1; o < t->nobjs; o++) {
		live += t->objs[o].type != WRIT_TYPE_NULL;
		untypeds += t->objs[o].type == WRIT_TYPE_UNTYPED;
	}
	if (live != t->live_objs || live + objs + 1 != t->nobjs)
		return "C8: every object is in use or free";
	if (untypeds + accts + 1 != t->naccts)
		return "C8: every account is an Untyped's or free";
	return NULL;
}

const char *captab_verify(const struct captab *t)
{
	static const char *(*const checks[])(const struct captab *) = {
		verify_tree,
		verify_caps,
		verify_refs,
		verify_cnodes,
		verify_dying,
		verify_free,
	};
	const char *broken = NULL;

	for (size_t i = 0; broken == NULL && i < sizeof(checks) / sizeof(checks[0]); i++)
		broken = checks[i](t);
	return broken;
}
