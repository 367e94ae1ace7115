/* SPDX-License-Identifier: MIT */
/*
 * Makes a distribution, each thing when it is first needed: see build.h. What it
 * makes lies in slots of its own until the CNode that the dump wants it in is there.
 */
#include "servers/loader/build.h"
#include <string.h>
#include <writ/ipc.h>

/* What a capability says beside its object. */
struct look {
	uint32_t rights;
	uint64_t badge, guard; /* guard: as MINT takes it */
};

static int ensure_cap(struct build *b, uint32_t c);

static struct look look_of(const struct dump_cap *c)
{
	return (struct look){ c->rights, c->badge, (uint64_t)c->guard << 6 | c->guard_bits };
}

static int refused(struct build *b, uint32_t c, int e)
{
	const struct dump_cap *x = cap_at(b, c);

	if (e < 0 && b->why[0] == '\0')
		build_bad(b, x->line, e, "the capability to %s can't be made: %s",
		    obj_at(b, x->obj)->name, writ_strerror(e));
	return e;
}

/* --- where capabilities lie ------------------------------------------------------------- */

static struct writ_addr home_of(const struct build *b, uint32_t c)
{
	const struct dump_cap *x = cap_at(b, c);

	if (x->cnode == b->root)
		return (struct writ_addr){ .index = x->index };
	return (struct writ_addr){ .index = x->index,
		.root = b->o[x->cnode].cnode,
		.depth = (uint32_t)obj_at(b, x->cnode)->n[0] };
}

static struct writ_addr addr_of(const struct build *b, uint32_t c)
{
	return b->c[c].home ? home_of(b, c) : (struct writ_addr){ .index = b->c[c].at };
}

/* It lies in @slot of one's own now. */
static void put(struct build *b, uint32_t c, writ_cap_t slot)
{
	b->c[c].made = true;
	b->c[c].home = false;
	b->c[c].at = slot;
	b->loose[b->nloose++] = c;
}

/* Capabilities can be invoked from slots of one's own only. */
static int own(struct build *b, uint32_t c, writ_cap_t *ret)
{
	struct writ_addr at = addr_of(b, c);
	int e = 0;

	if (at.root != 0) {
		writ_cap_t slot = build_slot(b);

		if (slot == 0)
			return -WRIT_E_NOT_ENOUGH_MEMORY;
		e = writ_cap_at(WRIT_OP_MOVE, at, (struct writ_addr){ .index = slot }, 0, 0);
		if (e == 0)
			put(b, c, slot);
		at.index = slot;
	}
	*ret = (writ_cap_t)at.index;
	return e;
}

/* Move home what can be. */
static int go_home(struct build *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->nloose; i++) {
		uint32_t c = b->loose[i], cnode = cap_at(b, c)->cnode;
		writ_cap_t at = b->c[c].at;
		int e;

		if (cnode != b->root && b->o[cnode].cnode == 0) {
			b->loose[n++] = c;
			continue;
		}
		e = writ_cap_at(WRIT_OP_MOVE, addr_of(b, c), home_of(b, c), 0, 0);
		if (e != 0)
			return refused(b, c, e);
		b->c[c].home = true;
		build_slot_free(b, at);
	}
	b->nloose = n;
	return 0;
}

/* --- capabilities ----------------------------------------------------------------------------- */

/* As @c is to be, from @src, which looks like @was; into a slot of one's own. */
static int derive(struct build *b, uint32_t c, struct writ_addr src, struct look was)
{
	struct look is = look_of(cap_at(b, c));
	bool guarded = obj_at(b, cap_at(b, c)->obj)->type == WRIT_TYPE_CNODE;
	bool same = guarded ? is.guard == was.guard : is.badge == was.badge;
	writ_cap_t slot = build_slot(b);
	int e;

	if (slot == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	e = writ_cap_at(same ? WRIT_OP_COPY : WRIT_OP_MINT, src,
	    (struct writ_addr){ .index = slot }, is.rights, guarded ? is.guard : is.badge);
	if (e == 0)
		put(b, c, slot);
	return refused(b, c, e);
}

/* An Untyped can't be copied any more when something else was made from it. */
static int copies_first(struct build *b, uint32_t c)
{
	int e = 0;

	if (obj_at(b, cap_at(b, c)->obj)->type != WRIT_TYPE_UNTYPED)
		return 0;
	for (uint32_t k = b->c[c].first_child; k != 0 && e == 0; k = b->c[k].next_child)
		if (cap_at(b, k)->obj == cap_at(b, c)->obj)
			e = ensure_cap(b, k);
	return e;
}

/* The object's master lies in @slot: it is what the dump wants there, or a helper to copy from. */
static int master_is(struct build *b, uint32_t o, writ_cap_t slot)
{
	struct obj_state *s = &b->o[o];
	struct writ_cap_info info;
	struct look was, is = { 0 };
	int e = writ_cap_inspect(slot, &info);

	if (e != 0)
		return e;
	was = (struct look){ info.rights, info.badge, (uint64_t)info.guard << 6 | info.guard_bits };
	s->made = true;
	if (s->top != 0)
		is = look_of(cap_at(b, s->top));
	if (s->ntops == 1 && !s->wanted && is.rights == was.rights && is.badge == was.badge &&
	    is.guard == was.guard) {
		put(b, s->top, slot);
		return copies_first(b, s->top);
	}
	s->helper = slot;
	for (uint32_t t = s->top; t != 0 && e == 0; t = b->c[t].next_top)
		if ((e = derive(b, t, (struct writ_addr){ .index = slot }, was)) == 0)
			e = copies_first(b, t);
	return e;
}

/* A capability to a proc's CSpace that the dump wants below one to the proc. */
static int cspace_cap(struct build *b, uint32_t c)
{
	const struct dump_cap *x = cap_at(b, c);
	struct look was = { WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT, 0, 0 };
	writ_cap_t slot = build_slot(b), proc;
	int e;

	if (x->parent == 0 || cap_at(b, x->parent)->obj != obj_at(b, x->obj)->ref[DUMP_OF])
		return build_bad(b, x->line, -WRIT_E_INVALID_ARGUMENT,
		    "a proc's CSpace is had from a capability to the proc");
	if (slot == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	if ((e = build_obj(b, x->obj)) != 0 || (e = ensure_cap(b, x->parent)) != 0 ||
	    (e = own(b, x->parent, &proc)) != 0 || (e = writ_proc_cspace(proc, slot)) != 0 ||
	    (e = derive(b, c, (struct writ_addr){ .index = slot }, was)) != 0 ||
	    (e = writ_cap_delete(slot)) != 0)
		return e;
	build_slot_free(b, slot);
	return 0;
}

static int ensure_cap(struct build *b, uint32_t c)
{
	const struct dump_cap *x = cap_at(b, c);
	int e;

	if (b->c[c].made)
		return 0;
	if (b->depth == BUILD_DEPTH)
		return build_bad(b, x->line, -WRIT_E_RANGE, "the tree is deeper than %d",
		    BUILD_DEPTH);
	b->depth++;
	if (x->parent != 0 && cap_at(b, x->parent)->obj == x->obj) {
		e = ensure_cap(b, x->parent);
		if (e == 0 && !b->c[c].made)
			e = derive(b, c, addr_of(b, x->parent), look_of(cap_at(b, x->parent)));
		if (e == 0)
			e = copies_first(b, c);
	} else if (obj_at(b, x->obj)->type == WRIT_TYPE_CNODE &&
	    obj_at(b, x->obj)->ref[DUMP_OF] != 0) {
		e = cspace_cap(b, c);
	} else {
		e = build_obj(b, x->obj);
	}
	b->depth--;
	return refused(b, c, e);
}

/* --- objects -------------------------------------------------------------------------------------
 */

int build_master(struct build *b, uint32_t o, writ_cap_t *ret)
{
	int e = build_obj(b, o);

	if (e != 0)
		return e;
	*ret = b->o[o].helper;
	return *ret != 0 ? 0 : own(b, b->o[o].top, ret);
}

/* What the kernel made at boot, by type and name. */
static writ_cap_t boot_find(struct build *b, const struct dump_obj *x)
{
	bool named = x->type == WRIT_TYPE_REALM || x->type == WRIT_TYPE_IMAGE ||
	    x->type == WRIT_TYPE_MEMORY || x->type == WRIT_TYPE_HOST;

	for (unsigned i = 0; i < b->nboots; i++) {
		struct boot_cap *k = &b->boots[i];

		if (k->type == x->type && !k->taken && (!named || strcmp(k->name, x->text) == 0)) {
			k->taken = true;
			return k->at;
		}
	}
	return 0;
}

/* Slots with which others are put into it: of a CNode, or of a proc. */
static int open_cnode(struct build *b, uint32_t o)
{
	const struct dump_obj *x = obj_at(b, o);
	writ_cap_t slot = build_slot(b), from;
	int e = build_master(b, x->ref[DUMP_OF] != 0 ? x->ref[DUMP_OF] : o, &from);

	if (e == 0 && slot == 0)
		e = -WRIT_E_NOT_ENOUGH_MEMORY;
	if (e == 0)
		e = x->ref[DUMP_OF] != 0
		    ? writ_proc_cspace(from, slot)
		    : writ_cap_copy(from, slot, WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT);
	b->o[o].cnode = e == 0 ? slot : 0;
	return e;
}

/* A capability to what @o is made from, such that what comes of it is below @o's parent in the end.
 */
static int source(struct build *b, uint32_t o, writ_cap_t *ret)
{
	uint32_t parent = b->o[o].parent, src = build_source(b, o, parent);
	unsigned line = obj_at(b, o)->line;

	if (src == 0)
		return build_bad(b, line, -WRIT_E_INVALID_ARGUMENT,
		    "%s: from what it is made is missing", obj_at(b, o)->name);
	if (parent != 0 && cap_at(b, parent)->obj == src) {
		int e = ensure_cap(b, parent);

		return e != 0 ? e : own(b, parent, ret);
	}
	if (b->o[src].placed && b->o[src].parent != parent)
		return build_bad(b, line, -WRIT_E_INVALID_ARGUMENT,
		    "%s can't have come from where it stands in the tree", obj_at(b, o)->name);
	return build_master(b, src, ret);
}

static int new_object(struct build *b, uint32_t o)
{
	const struct dump_obj *x = obj_at(b, o);
	writ_cap_t dst, src;
	int e;

	if (x->boot) {
		dst = boot_find(b, x);
		return dst != 0 ? master_is(b, o, dst)
				: build_bad(b, x->line, -WRIT_E_NOT_FOUND,
				      "%s: this node has no such thing at boot", x->name);
	}
	if ((e = source(b, o, &src)) != 0)
		return e;
	if ((dst = build_slot(b)) == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	e = make_object(b, o, src, dst);
	return e != 0 ? e : master_is(b, o, dst);
}

int build_obj(struct build *b, uint32_t o)
{
	const struct dump_obj *x = obj_at(b, o);
	struct obj_state *s = &b->o[o];
	bool cspace = x->type == WRIT_TYPE_CNODE && (x->boot || x->ref[DUMP_OF] != 0);
	int e = 0;

	if (s->made)
		return 0;
	if (s->making || b->depth == BUILD_DEPTH)
		return build_bad(b, x->line, -WRIT_E_INVALID_ARGUMENT, "%s is made from itself",
		    x->name);
	if (!s->placed && x->from != 0) /* nothing names it: only what refers to it needs it */
		s->parent = b->o[x->from].top;
	s->making = true;
	b->depth++;
	if (!cspace)
		e = new_object(b, o);
	s->made = e == 0;
	if (e == 0 && x->type == WRIT_TYPE_CNODE && !x->boot)
		e = open_cnode(b, o);
	s->making = false;
	b->depth--;
	if (e < 0 && b->why[0] == '\0')
		build_bad(b, x->line, e, "%s can't be made: %s", x->name, writ_strerror(e));
	return e;
}

/* --- the whole
 * --------------------------------------------------------------------------------------- */

static int bind_contexts(struct build *b)
{
	int e = 0;

	for (uint32_t o = 1; o <= b->d->nobjs && e == 0; o++) {
		const struct dump_obj *x = obj_at(b, o);
		writ_cap_t proc, context;

		if (x->type != WRIT_TYPE_SCHED_CONTEXT || x->ref[DUMP_OF] == 0)
			continue;
		if ((e = build_master(b, x->ref[DUMP_OF], &proc)) == 0 &&
		    (e = build_master(b, o, &context)) == 0)
			e = writ_proc_sched(proc, context);
		if (e != 0 && b->why[0] == '\0')
			build_bad(b, x->line, e, "%s can't be bound: %s", x->name,
			    writ_strerror(e));
	}
	return e;
}

/* What no line of the dump asked for goes: then its children are its parent's. */
static int drop_helpers(struct build *b)
{
	int e = writ_cap_delete(b->image);

	for (uint32_t o = 1; o <= b->d->nobjs && e == 0; o++)
		if ((b->o[o].cnode == 0 || (e = writ_cap_delete(b->o[o].cnode)) == 0) &&
		    b->o[o].helper != 0)
			e = writ_cap_delete(b->o[o].helper);
	for (unsigned i = 0; i < b->nboots && e == 0; i++)
		if (!b->boots[i].taken)
			e = writ_cap_delete(b->boots[i].at);
	return e;
}

int build_all(struct build *b)
{
	int e = 0;

	/* CNodes first: what is made later goes home at once, and few slots are needed */
	for (uint32_t o = 1; o <= b->d->nobjs && e == 0; o++)
		if (obj_at(b, o)->type == WRIT_TYPE_CNODE && (e = build_obj(b, o)) == 0)
			e = go_home(b);
	for (uint32_t c = 1; c <= b->d->ncaps && e == 0; c++)
		if ((e = ensure_cap(b, c)) == 0)
			e = go_home(b);
	for (uint32_t o = 1; o <= b->d->nobjs && e == 0; o++)
		e = build_obj(b, o);
	if (e == 0 && (e = bind_contexts(b)) == 0 && (e = go_home(b)) == 0)
		e = drop_helpers(b);
	if (e < 0 && b->why[0] == '\0')
		build_bad(b, 1, e, "it can't be made: %s", writ_strerror(e));
	return e;
}
