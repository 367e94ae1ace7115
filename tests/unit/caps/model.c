/* SPDX-License-Identifier: MIT */
#include "model.h"

static bool is_slot(const struct model *m, slot_t s)
{
	return s > 0 && s < M_SLOTS && m->slots[s].cnode != 0;
}

static bool is_full(const struct model *m, slot_t s)
{
	return is_slot(m, s) && m->slots[s].full;
}

static bool may_hold_more(const struct model *m, slot_t s)
{
	return is_slot(m, s) && !m->objs[m->slots[s].cnode].dying;
}

static bool is_stale(const struct model *m, slot_t s)
{
	return m->slots[s].cap.epoch != m->objs[m->slots[s].cap.obj].epoch;
}

static bool can_be_minted(unsigned type)
{
	switch (type) {
	case WRIT_TYPE_ENDPOINT:
	case WRIT_TYPE_NOTIFICATION:
	case WRIT_TYPE_PATH: return true;
	default: return false;
	}
}

static bool has_children(const struct model *m, slot_t s)
{
	for (slot_t i = 1; i < M_SLOTS; i++) {
		if (m->slots[i].full && m->slots[i].parent == s)
			return true;
	}
	return false;
}

int m_check(const struct model *m, slot_t s, unsigned type, uint16_t rights)
{
	if (!is_full(m, s))
		return WRIT_E_FAILED_LOOKUP;
	if (is_stale(m, s))
		return WRIT_E_STALE;
	if (type != 0 && m->slots[s].cap.type != type)
		return WRIT_E_INVALID_CAPABILITY;
	if ((m->slots[s].cap.rights & rights) != rights)
		return WRIT_E_NO_RIGHT;
	return 0;
}

static void fill(struct model *m, slot_t parent, slot_t dst, struct cap cap)
{
	m->slots[dst].full = true;
	m->slots[dst].cap = cap;
	m->slots[dst].parent = parent;
}

int m_insert(struct model *m, slot_t parent, slot_t dst, obj_t o, uint16_t rights, uint64_t badge)
{
	bool same;

	if (parent != 0 && !is_full(m, parent))
		return WRIT_E_FAILED_LOOKUP;
	if (!may_hold_more(m, dst))
		return WRIT_E_FAILED_LOOKUP;
	if (m->slots[dst].full)
		return WRIT_E_DELETE_FIRST;
	if (o == 0 || o >= M_OBJS || !m->objs[o].live || m->objs[o].dying)
		return WRIT_E_STALE;
	if (parent != 0 && is_stale(m, parent))
		return WRIT_E_STALE;
	same = parent != 0 && m->slots[parent].cap.obj == o;
	if (same && (m->slots[parent].cap.rights & rights) != rights)
		return WRIT_E_NO_RIGHT;
	if (same && m->slots[parent].cap.badge != 0 && m->slots[parent].cap.badge != badge)
		return WRIT_E_ILLEGAL_OPERATION;
	if (same && m->objs[o].type == WRIT_TYPE_REPLY)
		return WRIT_E_ILLEGAL_OPERATION;
	if (badge != 0 && !can_be_minted(m->objs[o].type) && m->objs[o].type != WRIT_TYPE_SESSION)
		return WRIT_E_ILLEGAL_OPERATION;
	fill(m, parent, dst,
	    (struct cap){ .type = (uint8_t)m->objs[o].type,
		.rights = rights,
		.obj = o,
		.epoch = m->objs[o].epoch,
		.badge = badge });
	return 0;
}

/* Read bit by bit: six bits of size, and as many of the rest as may be set. */
static bool set_guard(const struct model *m, struct cap *cap, uint64_t data)
{
	unsigned size = 0;
	uint64_t value = 0;

	if (cap->type != WRIT_TYPE_CNODE)
		return false;
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(data & UINT64_C(1) << bit))
			continue;
		if (bit < 6)
			size += 1u << bit;
		else if (bit - 6 < 32)
			value += UINT64_C(1) << (bit - 6);
		else
			return false;
	}
	if (size + m->objs[cap->obj].bits > 64)
		return false;
	for (unsigned bit = size; bit < 64; bit++) {
		if (value & UINT64_C(1) << bit)
			return false;
	}
	cap->flags = (uint8_t)size;
	cap->guard = (uint32_t)value;
	return true;
}

static int derive(struct model *m, slot_t src, slot_t dst, uint16_t rights, bool mint,
    uint64_t badge)
{
	struct cap cap;

	if (!is_full(m, src) || !may_hold_more(m, dst))
		return WRIT_E_FAILED_LOOKUP;
	if (m->slots[dst].full)
		return WRIT_E_DELETE_FIRST;
	if (is_stale(m, src))
		return WRIT_E_STALE;
	cap = m->slots[src].cap;
	if ((cap.rights & rights) != rights)
		return WRIT_E_NO_RIGHT;
	if (cap.type == WRIT_TYPE_UNTYPED && has_children(m, src))
		return WRIT_E_REVOKE_FIRST;
	if (cap.type == WRIT_TYPE_REPLY)
		return WRIT_E_ILLEGAL_OPERATION;
	cap.rights = rights;
	if (mint && cap.type == WRIT_TYPE_CNODE) {
		if (!set_guard(m, &cap, badge))
			return WRIT_E_ILLEGAL_OPERATION;
	} else if (mint) {
		if (badge == 0 || cap.badge != 0 || !can_be_minted(cap.type))
			return WRIT_E_ILLEGAL_OPERATION;
		cap.badge = badge;
	}
	fill(m, src, dst, cap);
	return 0;
}

int m_copy(struct model *m, slot_t src, slot_t dst, uint16_t rights)
{
	return derive(m, src, dst, rights, false, 0);
}

int m_mint(struct model *m, slot_t src, slot_t dst, uint16_t rights, uint64_t badge)
{
	return derive(m, src, dst, rights, true, badge);
}

static void adopt(struct model *m, slot_t from, slot_t to)
{
	for (slot_t i = 1; i < M_SLOTS; i++) {
		if (m->slots[i].full && m->slots[i].parent == from)
			m->slots[i].parent = to;
	}
}

static void vacate(struct model *m, slot_t s)
{
	m->slots[s].full = false;
	m->slots[s].cap = (struct cap){ 0 };
	m->slots[s].parent = 0;
	m->slots[s].gen++;
}

int m_move(struct model *m, slot_t src, slot_t dst)
{
	if (!is_full(m, src) || !may_hold_more(m, dst))
		return WRIT_E_FAILED_LOOKUP;
	if (m->slots[dst].full)
		return WRIT_E_DELETE_FIRST;
	fill(m, m->slots[src].parent, dst, m->slots[src].cap);
	adopt(m, src, dst);
	vacate(m, src);
	return 0;
}

int m_mutate(struct model *m, slot_t src, slot_t dst, uint64_t guard)
{
	struct cap cap = { 0 };
	int err;

	if (is_full(m, src) && may_hold_more(m, dst) && !m->slots[dst].full) {
		cap = m->slots[src].cap;
		if (is_stale(m, src))
			return WRIT_E_STALE;
		if (!set_guard(m, &cap, guard))
			return WRIT_E_ILLEGAL_OPERATION;
	}
	err = m_move(m, src, dst);
	if (err == 0)
		m->slots[dst].cap = cap;
	return err;
}

/* Who is whose child afterwards: said of all at once, not move by move. */
int m_rotate(struct model *m, slot_t src, slot_t pivot, slot_t dst)
{
	slot_t to[M_SLOTS];
	struct model before = *m;

	if (!is_full(m, src) || !is_full(m, pivot) || !may_hold_more(m, pivot) ||
	    !may_hold_more(m, dst))
		return WRIT_E_FAILED_LOOKUP;
	if (pivot == src || pivot == dst)
		return WRIT_E_ILLEGAL_OPERATION;
	if (dst != src && m->slots[dst].full)
		return WRIT_E_DELETE_FIRST;
	for (slot_t i = 0; i < M_SLOTS; i++)
		to[i] = i;
	to[src] = pivot;
	to[pivot] = dst;
	vacate(m, src);
	vacate(m, pivot);
	for (slot_t i = 1; i < M_SLOTS; i++) {
		if (before.slots[i].full)
			fill(m, to[before.slots[i].parent], to[i], before.slots[i].cap);
	}
	return 0;
}

int m_delete(struct model *m, slot_t s)
{
	if (!is_slot(m, s))
		return WRIT_E_FAILED_LOOKUP;
	if (!m->slots[s].full)
		return 0;
	adopt(m, s, m->slots[s].parent);
	vacate(m, s);
	return 0;
}

static bool names_cnode(const struct model *m, const struct cap *c)
{
	const struct m_obj *n = &m->objs[c->obj < M_OBJS ? c->obj : 0];

	return c->type == WRIT_TYPE_CNODE && n->live && !n->dying && n->type == WRIT_TYPE_CNODE &&
	    n->epoch == c->epoch;
}

/* The address written out bit by bit, read from left to right. */
int m_resolve(const struct model *m, const struct cap *root, uint64_t index, unsigned depth,
    slot_t *ret)
{
	char bits[64];
	unsigned at = 0;

	if (!names_cnode(m, root))
		return WRIT_E_INVALID_CAPABILITY;
	if (depth < 1 || depth > 64)
		return WRIT_E_RANGE;
	for (unsigned i = 0; i < depth; i++)
		bits[i] = index & UINT64_C(1) << (depth - 1 - i) ? 1 : 0;
	for (;;) {
		const struct m_obj *n = &m->objs[root->obj];
		unsigned guard_bits = root->flags & CAP_GUARD_BITS;
		uint64_t guard = 0, i = 0;

		for (unsigned b = 0; b < guard_bits && at < depth; b++)
			guard = guard * 2 + (uint64_t)bits[at++];
		if (depth - at < n->bits || guard != root->guard)
			return WRIT_E_FAILED_LOOKUP;
		for (unsigned b = 0; b < n->bits; b++)
			i = i * 2 + (uint64_t)bits[at++];
		if (at == depth) {
			*ret = n->base + (slot_t)i;
			return 0;
		}
		root = &m->slots[n->base + i].cap;
		if (!names_cnode(m, root))
			return WRIT_E_FAILED_LOOKUP;
	}
}

struct charge m_used(const struct model *m, obj_t untyped)
{
	struct charge sum = m->objs[untyped].beside;

	for (obj_t o = 1; o < M_OBJS; o++) {
		if (!m->objs[o].live || m->objs[o].untyped != untyped)
			continue;
		sum.bytes += m->objs[o].paid.bytes;
		sum.slots += m->objs[o].paid.slots;
		sum.procs += m->objs[o].paid.procs;
	}
	return sum;
}

static bool can_pay(const struct model *m, obj_t untyped, struct charge c)
{
	const struct m_obj *u = &m->objs[untyped];
	struct charge used = m_used(m, untyped);

	return !u->dying && used.bytes + c.bytes <= u->max.bytes &&
	    (uint64_t)used.slots + c.slots <= u->max.slots &&
	    (uint64_t)used.procs + c.procs <= u->max.procs;
}

int m_charge(struct model *m, obj_t untyped, struct charge c)
{
	if (!can_pay(m, untyped, c))
		return WRIT_E_NOT_ENOUGH_MEMORY;
	m->objs[untyped].beside.bytes += c.bytes;
	m->objs[untyped].beside.slots += c.slots;
	m->objs[untyped].beside.procs += c.procs;
	return 0;
}

int m_may_make(const struct model *m, unsigned type, obj_t untyped, struct charge c)
{
	unsigned live = 0, untypeds = 0;

	for (obj_t o = 1; o < M_OBJS; o++) {
		live += m->objs[o].live;
		untypeds += m->objs[o].live && m->objs[o].type == WRIT_TYPE_UNTYPED;
	}
	if (live == M_OBJS - 1)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if (type == WRIT_TYPE_UNTYPED && untypeds == M_ACCTS - 1)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	return untyped == 0 || can_pay(m, untyped, c) ? 0 : WRIT_E_NOT_ENOUGH_MEMORY;
}

/* Does a CNode, maybe a dying one, have the block? Block 0 is slot 0's. */
static bool block_taken(const struct model *m, unsigned b)
{
	for (obj_t o = 1; o < M_OBJS; o++) {
		const struct m_obj *n = &m->objs[o];

		if (n->live && n->type == WRIT_TYPE_CNODE && b >= n->base / 64 &&
		    b < n->base / 64 + (1u << n->bits) / 64)
			return true;
	}
	return b == 0;
}

int m_may_make_cnode(const struct model *m, obj_t untyped, unsigned bits, struct charge *c)
{
	unsigned run = 0, longest = 0;

	if (bits < 6 || bits > 16)
		return WRIT_E_RANGE;
	for (unsigned b = 0; b < M_SLOTS / 64; b++) {
		run = block_taken(m, b) ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	if (longest < (1u << bits) / 64)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	*c = (struct charge){ .bytes = 48ull << bits, .slots = 1u << bits };
	return m_may_make(m, WRIT_TYPE_CNODE, untyped, *c);
}

void m_born(struct model *m, obj_t o, unsigned type, obj_t untyped, struct charge c)
{
	m->objs[o] = (struct m_obj){ .live = true, .type = type, .untyped = untyped, .paid = c };
}

void m_gone(struct model *m, obj_t o)
{
	m->objs[o].live = m->objs[o].dying = false;
}

void m_count(const struct model *m, unsigned refs[M_OBJS], unsigned caps[M_OBJS])
{
	for (obj_t o = 0; o < M_OBJS; o++) {
		refs[o] = m->objs[o].holds;
		caps[o] = 0;
	}
	for (slot_t s = 1; s < M_SLOTS; s++) {
		if (m->slots[s].full) {
			refs[m->slots[s].cap.obj]++;
			caps[m->slots[s].cap.obj]++;
		}
	}
	for (obj_t o = 1; o < M_OBJS; o++) {
		if (m->objs[o].live)
			refs[m->objs[o].untyped]++;
	}
}

void m_settle(struct model *m)
{
	unsigned refs[M_OBJS], caps[M_OBJS];

	m_count(m, refs, caps);
	for (obj_t o = 1; o < M_OBJS; o++) {
		struct charge b = m->objs[o].beside;

		if (!m->objs[o].live)
			continue;
		if (refs[o] != 0 || b.bytes != 0 || b.slots != 0 || b.procs != 0)
			m->objs[o].referenced = true;
		else if (m->objs[o].referenced)
			m->objs[o].dying = true;
	}
}

bool m_below(const struct model *m, slot_t s, slot_t top)
{
	while (s != 0) {
		s = m->slots[s].parent;
		if (s == top)
			return true;
	}
	return false;
}
