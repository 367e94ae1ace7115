/* SPDX-License-Identifier: MIT */
/*
 * The derivation tree: links between slots. Every function is O(1) but
 * captab_parent(). Never looks at capabilities, never recurses.
 *
 * Slot 0 is the parent of all roots, so that a root is linked like any other.
 * A first child's prev and a last child's next are the parent with SLOT_UP.
 * Upholds C1.
 */
#include "caps.h"

/* @prev is the link that led backwards from a place: have it lead on to @to. */
static void point_forward(struct captab *t, uint32_t prev, uint32_t to)
{
	if (up_is(prev))
		t->slots[up_slot(prev)].first = up_is(to) ? 0 : to;
	else
		t->slots[prev].next = to;
}

/* The same for @next, the link that led forwards. */
static void point_back(struct captab *t, uint32_t next, uint32_t to)
{
	if (up_is(next))
		t->slots[up_slot(next)].last = up_is(to) ? 0 : to;
	else
		t->slots[next].prev = to;
}

static void links_clear(struct slot *s)
{
	s->first = s->last = s->prev = s->next = 0;
}

void caps_tree_link(struct captab *t, slot_t parent, slot_t s)
{
	struct slot *n = &t->slots[s], *p = &t->slots[parent];
	slot_t last = p->last;

	if (last != 0)
		t->slots[last].next = s;
	else
		p->first = s;
	p->last = s;
	n->prev = last != 0 ? last : up_to(parent);
	n->next = up_to(parent);
}

void caps_tree_unlink(struct captab *t, slot_t s)
{
	struct slot *n = &t->slots[s];
	uint32_t prev = n->prev, next = n->next, first = n->first, last = n->last;

	if (first != 0) {
		t->slots[first].prev = prev;
		t->slots[last].next = next;
		point_forward(t, prev, first);
		point_back(t, next, last);
	} else {
		point_forward(t, prev, next);
		point_back(t, next, prev);
	}
	links_clear(n);
}

void caps_tree_replace(struct captab *t, slot_t src, slot_t dst)
{
	struct slot *from = &t->slots[src], *to = &t->slots[dst];
	uint32_t prev = from->prev, next = from->next, first = from->first, last = from->last;

	if (first != 0) {
		t->slots[first].prev = up_to(dst);
		t->slots[last].next = up_to(dst);
	}
	point_forward(t, prev, dst);
	point_back(t, next, dst);
	to->first = first;
	to->last = last;
	to->prev = prev;
	to->next = next;
	links_clear(from);
}

slot_t captab_parent(const struct captab *t, slot_t s)
{
	const struct slot *n = captab_slot(t, s);

	if (n == NULL || n->cap.type == WRIT_TYPE_NULL)
		return 0;
	while (!up_is(n->next))
		n = &t->slots[n->next];
	return up_slot(n->next);
}
