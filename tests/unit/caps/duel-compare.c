/* SPDX-License-Identifier: MIT */
/* Every slot, object and account of the library, held against the model's. */
#include "duel.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void duel_differ(struct duel *d, const char *fmt, ...)
{
	va_list ap;

	if (d->why[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
}

/* Appended to what was said. */
void duel_say(struct duel *d, const char *fmt, ...)
{
	size_t n = strlen(d->said);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(d->said + n, sizeof(d->said) - n, fmt, ap);
	va_end(ap);
}

static bool same_cap(const struct cap *a, const struct cap *b)
{
	return a->type == b->type && a->flags == b->flags && a->rights == b->rights &&
	    a->obj == b->obj && a->epoch == b->epoch && a->guard == b->guard &&
	    a->badge == b->badge;
}

static bool same_charge(struct charge a, struct charge b)
{
	return a.bytes == b.bytes && a.slots == b.slots && a.procs == b.procs;
}

static void compare_slots(struct duel *d)
{
	uint32_t live = 0, children = 0;

	for (slot_t s = 0; s < M_SLOTS; s++) {
		const struct m_slot *m = &d->m.slots[s];
		const struct slot *t = &d->t.slots[s];

		if (m->cnode != t->cnode || m->gen != t->gen || !same_cap(&m->cap, &t->cap))
			duel_differ(d, "slot %u lies otherwise", s);
		live += m->full;
		for (slot_t c = captab_first(&d->t, s); c != 0; c = captab_next(&d->t, c)) {
			if (c >= M_SLOTS || !d->m.slots[c].full || d->m.slots[c].parent != s ||
			    ++children > M_SLOTS) {
				duel_differ(d, "slot %u is no child of %u", c, s);
				return;
			}
		}
	}
	if (live != children || live != d->t.live_slots)
		duel_differ(d, "%u in the tree, %u counted, %u live", children, d->t.live_slots,
		    live);
}

static void compare_objs(struct duel *d)
{
	unsigned refs[M_OBJS], caps[M_OBJS], live = 0;

	m_count(&d->m, refs, caps);
	for (obj_t o = 1; o < M_OBJS; o++) {
		const struct m_obj *m = &d->m.objs[o];
		const struct object *t = captab_obj(&d->t, o);
		const struct account *a = captab_account(&d->t, o);

		live += m->live;
		if (m->live != (t != NULL)) {
			duel_differ(d, "object %u is %s", o, t ? "still there" : "gone");
			continue;
		}
		if (t == NULL)
			continue;
		if (t->type != m->type || t->dying != m->dying || t->refs != refs[o] ||
		    t->epoch != m->epoch || t->untyped != m->untyped)
			duel_differ(d, "object %u: dying %u, not %u; refs %u, not %u", o, t->dying,
			    m->dying, t->refs, refs[o]);
		if (a != NULL &&
		    (!same_charge(a->max, m->max) || !same_charge(a->used, m_used(&d->m, o))))
			duel_differ(d, "account of %u", o);
	}
	if (live != d->t.live_objs)
		duel_differ(d, "%u objects counted, %u live", d->t.live_objs, live);
}

void duel_compare(struct duel *d)
{
	const char *broken;

	compare_slots(d);
	compare_objs(d);
	broken = captab_verify(&d->t);
	if (broken != NULL)
		duel_differ(d, "broken: %s", broken);
}
