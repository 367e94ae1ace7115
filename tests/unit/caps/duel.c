/* SPDX-License-Identifier: MIT */
#include "duel.h"
#include <string.h>

/* Both have answered: do they agree? True when the operation was done. */
static bool agree(struct duel *d, int got, int want)
{
	if (got != want)
		duel_differ(d, "answered %s, not %s", writ_errname(got), writ_errname(want));
	duel_say(d, ": %s", writ_errname(got));
	d->done += got == 0;
	return got == 0 && want == 0;
}

/* --- operations ------------------------------------------------------------ */

static void op_copy(struct duel *d)
{
	slot_t src = pick_slot(d, true), dst = pick_slot(d, false);
	uint16_t rights = pick_rights(d, src);

	duel_say(d, "%u to %u, rights %#x", src, dst, rights);
	agree(d, captab_copy(&d->t, src, dst, rights), m_copy(&d->m, src, dst, rights));
}

static void op_mint(struct duel *d)
{
	bool guard = pick(d, 4) == 0;
	slot_t src = guard ? pick_cnode_slot(d) : pick_slot(d, true), dst = pick_slot(d, false);
	uint16_t rights = pick_rights(d, src);
	uint64_t badge = guard ? pick_guard(d) : pick(d, 5);

	duel_say(d, "%u to %u, rights %#x, badge %#llx", src, dst, rights,
	    (unsigned long long)badge);
	agree(d, captab_mint(&d->t, src, dst, rights, badge),
	    m_mint(&d->m, src, dst, rights, badge));
}

static void op_move(struct duel *d)
{
	slot_t src = pick_slot(d, true), dst = pick_slot(d, false);

	duel_say(d, "%u to %u", src, dst);
	agree(d, captab_move(&d->t, src, dst), m_move(&d->m, src, dst));
}

static void op_mutate(struct duel *d)
{
	slot_t src = pick_cnode_slot(d), dst = pick_slot(d, false);
	uint64_t guard = pick_guard(d);

	duel_say(d, "%u to %u, guard %#llx", src, dst, (unsigned long long)guard);
	agree(d, captab_mutate(&d->t, src, dst, guard), m_mutate(&d->m, src, dst, guard));
}

/* Relatives as often as not: a parent and its child, two neighbours. */
static void op_rotate(struct duel *d)
{
	slot_t src = pick_slot(d, true), pivot = pick_slot(d, true), dst = src;

	if (pick(d, 2) && src < M_SLOTS && d->m.slots[src].full)
		pivot = pick(d, 2) ? d->m.slots[src].parent : captab_next(&d->t, src);
	if (pick(d, 2))
		dst = pick_slot(d, pick(d, 8) == 0);
	duel_say(d, "%u to %u to %u", src, pivot, dst);
	agree(d, captab_rotate(&d->t, src, pivot, dst), m_rotate(&d->m, src, pivot, dst));
}

static void op_delete(struct duel *d)
{
	slot_t s = pick_slot(d, true);

	duel_say(d, "%u", s);
	agree(d, captab_delete(&d->t, s), m_delete(&d->m, s));
}

/* Which descendants go first is the library's choice: see which it chose. */
static void op_revoke(struct duel *d)
{
	slot_t s = pick_slot(d, true);
	unsigned budget = pick(d, 4) ? pick(d, 6) : M_SLOTS;
	unsigned below = 0, gone = 0;
	bool more = false, named = pick(d, 2), was[M_SLOTS] = { false };
	bool there = s > 0 && s < M_SLOTS && d->m.slots[s].cnode != 0;
	uint32_t gen = (there ? d->m.slots[s].gen : 0) + (pick(d, 4) == 0);
	int err;

	duel_say(d, "%s%u, %u at most", named ? "named " : "", s, budget);
	err = named ? captab_revoke_at(&d->t, s, gen, budget, &more)
		    : captab_revoke(&d->t, s, budget, &more);
	if (!there || (named && d->m.slots[s].gen != gen)) {
		agree(d, err, named ? WRIT_E_STALE : WRIT_E_FAILED_LOOKUP);
		return;
	}
	for (slot_t i = 1; i < M_SLOTS; i++) {
		was[i] = d->m.slots[i].full && m_below(&d->m, i, s);
		below += was[i];
	}
	for (slot_t i = 1; i < M_SLOTS; i++) {
		if (!was[i] || d->t.slots[i].cap.type != WRIT_TYPE_NULL)
			continue;
		(void)m_delete(&d->m, i);
		gone++;
	}
	agree(d, err, 0);
	if (gone != (below < budget ? below : budget) || more != (below > budget))
		duel_differ(d, "revoked %u of %u with a budget of %u", gone, below, budget);
}

/* Put a capability to @o, which has @caps capabilities, somewhere allowed. */
static void put(struct duel *d, obj_t o, unsigned caps)
{
	slot_t dst = pick_slot(d, false), parent = pick(d, 4) ? pick_slot(d, true) : 0;
	uint64_t badge = pick(d, 4) == 0 ? pick(d, 5) : 0;
	uint16_t rights;

	if (parent >= M_SLOTS)
		parent = 0;
	/* below another object goes only an object's first capability */
	if (caps != 0 && d->m.slots[parent].full && d->m.slots[parent].cap.obj != o)
		parent = 0;
	/* a Reply's maker puts one; below that any is refused */
	if (caps != 0 && d->m.objs[o].type == WRIT_TYPE_REPLY)
		parent = slot_of(d, o);
	rights = pick_rights(d, parent);
	duel_say(d, "%sobject %u into %u below %u, rights %#x, badge %llu", d->said[0] ? ", " : "",
	    o, dst, parent, rights, (unsigned long long)badge);
	agree(d, captab_insert(&d->t, parent, dst, o, rights, badge),
	    m_insert(&d->m, parent, dst, o, rights, badge));
}

static void op_insert(struct duel *d)
{
	unsigned refs[M_OBJS], caps[M_OBJS];
	obj_t o = pick(d, 16) ? pick_obj(d, 0) : pick(d, M_OBJS);

	m_count(&d->m, refs, caps);
	put(d, o, caps[o]);
}

/* The library has made @o; does the model believe it? */
static bool born(struct duel *d, obj_t o, unsigned type, obj_t payer, struct charge c)
{
	if (o == 0 || o >= M_OBJS || d->m.objs[o].live) {
		duel_differ(d, "object %u was made twice", o);
		return false;
	}
	m_born(&d->m, o, type, payer, c);
	d->m.objs[o].epoch = d->t.objs[o].epoch;
	return true;
}

static void op_new(struct duel *d)
{
	static const unsigned types[] = { WRIT_TYPE_ENDPOINT, WRIT_TYPE_PATH,
		WRIT_TYPE_NOTIFICATION, WRIT_TYPE_PROC, WRIT_TYPE_SESSION, WRIT_TYPE_REPLY };
	unsigned type = types[pick(d, 6)];
	obj_t payer = pick(d, 4) ? pick_obj(d, WRIT_TYPE_UNTYPED) : 0, o = 0;
	struct charge c = pick_charge(d, 4);

	duel_say(d, "%s, paid by %u", writ_type_name(type), payer);
	if (agree(d, captab_obj_new(&d->t, type, payer, c, 0, &o),
		m_may_make(&d->m, type, payer, c)) &&
	    born(d, o, type, payer, c) && pick(d, 8))
		put(d, o, 0);
}

static void op_untyped(struct duel *d)
{
	obj_t parent = pick(d, 8) ? pick_obj(d, WRIT_TYPE_UNTYPED) : 0, o = 0;
	struct charge max = pick_charge(d, 200);

	duel_say(d, "paid by %u", parent);
	if (!agree(d, captab_untyped_new(&d->t, parent, max, &o),
		m_may_make(&d->m, WRIT_TYPE_UNTYPED, parent, max)) ||
	    !born(d, o, WRIT_TYPE_UNTYPED, parent, max))
		return;
	d->m.objs[o].max = max;
	if (pick(d, 8))
		put(d, o, 0);
}

static void op_cnode(struct duel *d)
{
	unsigned bits = 5 + pick(d, 5);
	obj_t payer = pick(d, 2) ? pick_obj(d, WRIT_TYPE_UNTYPED) : 0, o = 0;
	struct charge c = { 0 };
	int want = m_may_make_cnode(&d->m, payer, bits, &c);

	duel_say(d, "%u bits, paid by %u", bits, payer);
	if (!agree(d, captab_cnode_new(&d->t, payer, bits, &o), want) ||
	    !born(d, o, WRIT_TYPE_CNODE, payer, c))
		return;
	d->m.objs[o].bits = bits;
	d->m.objs[o].base = captab_cnode_slot(&d->t, o, 0);
	for (slot_t i = 0; i < 1u << bits; i++) {
		struct m_slot *s = &d->m.slots[d->m.objs[o].base + i];

		if (s->cnode != 0)
			duel_differ(d, "slot %u was given out twice", d->m.objs[o].base + i);
		s->cnode = o;
	}
	if (pick(d, 8))
		put(d, o, 0);
}

static void op_drop(struct duel *d)
{
	obj_t o = pick_obj(d, 0);
	const struct m_obj *m = &d->m.objs[o];

	if (o == 0 || m->referenced || m->dying)
		return;
	duel_say(d, "object %u", o);
	captab_obj_drop(&d->t, o);
	for (slot_t s = 1; s < M_SLOTS; s++) {
		if (d->m.slots[s].cnode == o) {
			(void)m_delete(&d->m, s);
			d->m.slots[s].cnode = 0;
		}
	}
	m_gone(&d->m, o);
}

static void op_hold(struct duel *d)
{
	obj_t o = pick_obj(d, 0);

	if (o == 0 || d->m.objs[o].dying || d->m.objs[o].holds > 3)
		return;
	duel_say(d, "object %u", o);
	captab_hold(&d->t, o);
	d->m.objs[o].holds++;
}

static void op_unhold(struct duel *d)
{
	obj_t o = pick_obj(d, 0);
	unsigned kept = o == d->untyped || o == d->cnode;

	if (d->m.objs[o].holds <= kept)
		return;
	duel_say(d, "object %u", o);
	captab_unhold(&d->t, o);
	d->m.objs[o].holds--;
}

static void op_bump(struct duel *d)
{
	obj_t o = pick_obj(d, 0);

	if (o == 0 || pick(d, 4) != 0)
		return;
	duel_say(d, "object %u", o);
	captab_obj_bump(&d->t, o);
	d->m.objs[o].epoch++;
}

static void op_charge(struct duel *d)
{
	obj_t u = pick_obj(d, WRIT_TYPE_UNTYPED);
	struct charge c = pick_charge(d, 40);

	duel_say(d, "object %u: %llu bytes, %u slots, %u procs", u, (unsigned long long)c.bytes,
	    c.slots, c.procs);
	if (u != 0)
		agree(d, captab_charge(&d->t, u, c), m_charge(&d->m, u, c));
}

static void op_uncharge(struct duel *d)
{
	obj_t u = pick_obj(d, WRIT_TYPE_UNTYPED);
	struct charge *b = &d->m.objs[u].beside, c = *b;

	if (u == 0 || (b->bytes == 0 && b->slots == 0 && b->procs == 0))
		return;
	if (pick(d, 2))
		c = (struct charge){ b->bytes / 2, b->slots / 2, b->procs };
	duel_say(d, "object %u: %llu bytes, %u slots, %u procs", u, (unsigned long long)c.bytes,
	    c.slots, c.procs);
	captab_uncharge(&d->t, u, c);
	b->bytes -= c.bytes;
	b->slots -= c.slots;
	b->procs -= c.procs;
}

static void op_check(struct duel *d)
{
	slot_t s = pick_slot(d, true);
	uint16_t rights = pick_rights(d, s);
	unsigned type = pick(d, 2) ? pick(d, WRIT_TYPE_N) : 0;
	const struct cap *c = NULL;

	duel_say(d, "%u, type %u, rights %#x", s, type, rights);
	if (agree(d, captab_check(&d->t, s, type, rights, &c), m_check(&d->m, s, type, rights)) &&
	    c != &d->t.slots[s].cap)
		duel_differ(d, "check gave another slot");
}

static void op_resolve(struct duel *d)
{
	slot_t s = pick_slot(d, true), got = 0, want = 0;
	uint64_t index = (uint64_t)pick(d, 65536) << 48 | (uint64_t)pick(d, 65536) << 9 |
	    pick(d, 512);
	unsigned depth = pick(d, 8) ? 6 + pick(d, 16) : pick(d, 67);
	struct cap root;

	if (pick(d, 4) == 0)
		s = pick_cnode_slot(d);
	if (s >= M_SLOTS)
		return;
	root = d->m.slots[s].cap;
	if (pick(d, 2)) {
		obj_t n = pick_obj(d, WRIT_TYPE_CNODE);

		root =
		    (struct cap){ .type = WRIT_TYPE_CNODE, .obj = n, .epoch = d->m.objs[n].epoch };
	}
	duel_say(d, "%#llx, %u bits, from object %u", (unsigned long long)index, depth, root.obj);
	if (agree(d, captab_resolve(&d->t, &root, index, depth, &got),
		m_resolve(&d->m, &root, index, depth, &want)) &&
	    got != want)
		duel_differ(d, "resolved to %u, not %u", got, want);
}

/* --- death ------------------------------------------------------------------ */

/* Slots that the library took from dying CNodes since the last look. */
static void see_retired(struct duel *d)
{
	for (slot_t s = 1; s < M_SLOTS; s++) {
		obj_t n = d->m.slots[s].cnode;

		if (n == 0 || d->t.slots[s].cnode != 0)
			continue;
		if (!d->m.objs[n].dying)
			duel_differ(d, "slot %u was taken from a living CNode", s);
		(void)m_delete(&d->m, s);
		d->m.slots[s].cnode = 0;
		d->units++;
	}
	m_settle(&d->m);
}

static void on_finalise(void *arg, obj_t o)
{
	struct duel *d = arg;

	see_retired(d);
	if (o >= M_OBJS || !d->m.objs[o].live || !d->m.objs[o].dying) {
		duel_differ(d, "object %u was finalised alive", o);
		return;
	}
	for (slot_t s = 1; s < M_SLOTS; s++) {
		if (d->m.slots[s].cnode == o)
			duel_differ(d, "CNode %u was finalised before its slot %u", o, s);
	}
	if (pick(d, 4) == 0)
		op_delete(d);
	m_gone(&d->m, o);
	m_settle(&d->m);
	d->units++;
}

static void reap(struct duel *d, unsigned budget)
{
	bool more, left = false;

	d->units = 0;
	more = captab_reap(&d->t, budget);
	see_retired(d);
	for (obj_t o = 1; o < M_OBJS; o++)
		left |= d->m.objs[o].live && d->m.objs[o].dying;
	if (more != left || d->units > budget || (more && d->units != budget))
		duel_differ(d, "reaped %u of %u, more %d, not %d", d->units, budget, more, left);
}

static void op_reap(struct duel *d)
{
	unsigned budget = pick(d, 3) ? pick(d, 8) : 300;

	duel_say(d, "%u at most", budget);
	reap(d, budget);
}

/* --- the duel --------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(struct duel *);
	unsigned weight;
} ops[] = {
	{ "copy", op_copy, 12 },
	{ "mint", op_mint, 6 },
	{ "move", op_move, 6 },
	{ "delete", op_delete, 6 },
	{ "revoke", op_revoke, 1 },
	{ "insert", op_insert, 3 },
	{ "new", op_new, 6 },
	{ "untyped", op_untyped, 2 },
	{ "cnode", op_cnode, 2 },
	{ "drop", op_drop, 1 },
	{ "hold", op_hold, 1 },
	{ "unhold", op_unhold, 2 },
	{ "bump", op_bump, 1 },
	{ "charge", op_charge, 2 },
	{ "uncharge", op_uncharge, 2 },
	{ "check", op_check, 4 },
	{ "resolve", op_resolve, 4 },
	{ "reap", op_reap, 3 },
	{ "mutate", op_mutate, 3 },
	{ "rotate", op_rotate, 5 },
};
enum { OPS = sizeof(ops) / sizeof(ops[0]), WEIGHT = 72 };

size_t duel_size(void)
{
	return captab_size(M_SLOTS, M_OBJS, M_ACCTS);
}

void duel_open(struct duel *d, void *mem, uint32_t (*fn)(void *, uint32_t), void *arg)
{
	struct charge max = { .bytes = 60000, .slots = 1000, .procs = 100 };

	memset(d, 0, sizeof(*d));
	d->pick = fn;
	d->arg = arg;
	d->op = "open";
	captab_make(&d->t, mem, M_SLOTS, M_OBJS, M_ACCTS, on_finalise, d);
	if (captab_untyped_new(&d->t, 0, max, &d->untyped) != 0 ||
	    captab_cnode_new(&d->t, 0, 7, &d->cnode) != 0) {
		duel_differ(d, "can't be opened");
		return;
	}
	captab_hold(&d->t, d->untyped);
	captab_hold(&d->t, d->cnode);
	m_born(&d->m, d->untyped, WRIT_TYPE_UNTYPED, 0, max);
	d->m.objs[d->untyped].max = max;
	m_born(&d->m, d->cnode, WRIT_TYPE_CNODE, 0, (struct charge){ 48 * 128, 128, 0 });
	d->m.objs[d->cnode].bits = 7;
	d->m.objs[d->cnode].base = captab_cnode_slot(&d->t, d->cnode, 0);
	for (slot_t i = 0; i < 128; i++)
		d->m.slots[d->m.objs[d->cnode].base + i].cnode = d->cnode;
	d->m.objs[d->untyped].holds = d->m.objs[d->cnode].holds = 1;
	m_settle(&d->m);
}

bool duel_step(struct duel *d)
{
	unsigned n = pick(d, WEIGHT), i = 0;

	while (i < OPS - 1 && n >= ops[i].weight)
		n -= ops[i++].weight;
	d->op = ops[i].name;
	d->said[0] = '\0';
	ops[i].fn(d);
	m_settle(&d->m);
	duel_compare(d);
	return d->why[0] == '\0';
}

bool duel_close(struct duel *d)
{
	d->op = "close";
	for (slot_t s = 1; s < M_SLOTS; s++) {
		if (d->m.slots[s].cnode != 0)
			agree(d, captab_delete(&d->t, s), m_delete(&d->m, s));
	}
	for (obj_t o = 1; o < M_OBJS; o++) {
		struct m_obj *m = &d->m.objs[o];

		if (m->live && (m->beside.bytes || m->beside.slots || m->beside.procs))
			captab_uncharge(&d->t, o, m->beside);
		m->beside = (struct charge){ 0 };
		m_settle(&d->m);
		if (m->live && !m->referenced) { /* to be dropped; dying has the same end */
			captab_hold(&d->t, o);
			m->holds++;
		}
		for (; m->holds > 0; m->holds--)
			captab_unhold(&d->t, o);
		m->referenced = true;
	}
	m_settle(&d->m);
	duel_compare(d);
	reap(d, 100000);
	duel_compare(d);
	if (d->t.live_objs != 0 || d->t.live_slots != 0)
		duel_differ(d, "%u objects and %u capabilities are left", d->t.live_objs,
		    d->t.live_slots);
	return d->why[0] == '\0';
}
