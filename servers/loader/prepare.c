/* SPDX-License-Identifier: MIT */
/* What can be told of a dump before the first kernel call: see build.h. */
#include "servers/loader/build.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int build_bad(struct build *b, unsigned line, int err, const char *fmt, ...)
{
	int n = snprintf(b->why, DUMP_WHY_MAX, "%u: ", line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b->why + n, DUMP_WHY_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return err;
}

const struct dump_obj *obj_at(const struct build *b, uint32_t o)
{
	return &b->d->objs[o - 1];
}

const struct dump_cap *cap_at(const struct build *b, uint32_t c)
{
	return &b->d->caps[c - 1];
}

writ_cap_t build_slot(struct build *b)
{
	for (uint32_t i = 1; i < BUILD_SLOTS; i++)
		if ((b->used[i / 64] >> i % 64 & 1) == 0) {
			b->used[i / 64] |= UINT64_C(1) << i % 64;
			return i;
		}
	return 0;
}

void build_slot_free(struct build *b, writ_cap_t slot)
{
	b->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

uint32_t build_source(const struct build *b, uint32_t o, uint32_t parent)
{
	const struct dump_obj *x = obj_at(b, o);
	uint32_t up = parent != 0 ? cap_at(b, parent)->obj : 0;

	if (x->boot)
		return 0;
	switch (x->type) {
	case WRIT_TYPE_PATH:
		if (up != 0 && obj_at(b, up)->type == WRIT_TYPE_PATH &&
		    obj_at(b, up)->ref[DUMP_ENDPOINT] == x->ref[DUMP_ENDPOINT])
			return up;
		return x->ref[DUMP_ENDPOINT];
	case WRIT_TYPE_SPAWN:
		return x->ref[DUMP_WITHIN] != 0 ? x->ref[DUMP_WITHIN] : x->ref[DUMP_REALM];
	case WRIT_TYPE_PROC:
		return up != 0 && obj_at(b, up)->type == WRIT_TYPE_SPAWN ? up : x->ref[DUMP_REALM];
	case WRIT_TYPE_CNODE: return x->ref[DUMP_OF] != 0 ? x->ref[DUMP_OF] : x->from;
	default: return x->from;
	}
}

/* --- objects ------------------------------------------------------------------------------- */

static int prepare_obj(struct build *b, uint32_t o, uint64_t *images_at)
{
	const struct dump_obj *x = obj_at(b, o);

	switch (x->type) {
	case WRIT_TYPE_NULL:
	case WRIT_TYPE_REPLY:
	case WRIT_TYPE_SESSION:
	case WRIT_TYPE_HOLD:
		return build_bad(b, x->line, -WRIT_E_INVALID_ARGUMENT,
		    "%s is no object of a distribution", x->name);
	case WRIT_TYPE_CNODE:
		if (x->boot && b->root != 0)
			return build_bad(b, x->line, -WRIT_E_INVALID_ARGUMENT,
			    "there is one CSpace of the first server, and it stands above");
		if (x->boot)
			b->root = o;
		if (x->ref[DUMP_OF] != 0)
			b->o[x->ref[DUMP_OF]].cspace = o;
		break;
	case WRIT_TYPE_SCHED_CONTEXT:
		if (x->ref[DUMP_OF] != 0)
			b->o[x->ref[DUMP_OF]].context = o;
		break;
	case WRIT_TYPE_IMAGE:
		if (!x->boot) {
			b->o[o].offset = *images_at;
			*images_at += x->n[0];
		}
		break;
	case WRIT_TYPE_REALM:
		if (!x->boot && x->ref[DUMP_ACCOUNT] == 0)
			return build_bad(b, x->line, -WRIT_E_INVALID_ARGUMENT,
			    "%s: its account is missing", x->name);
		break;
	default: break;
	}
	if ((x->type == WRIT_TYPE_SCHED_CONTROL || x->type == WRIT_TYPE_AUDIT ||
		x->type == WRIT_TYPE_HOST) &&
	    !x->boot)
		return build_bad(b, x->line, -WRIT_E_INVALID_ARGUMENT,
		    "%s: only the kernel makes such objects, at boot", x->name);
	return 0;
}

/* --- capabilities ------------------------------------------------------------------------------
 */

static int prepare_cap(struct build *b, uint32_t i)
{
	const struct dump_cap *c = cap_at(b, i);
	const struct dump_obj *x = obj_at(b, c->obj);
	struct obj_state *o = &b->o[c->obj];

	if (c->obj == b->root)
		return build_bad(b, c->line, -WRIT_E_INVALID_ARGUMENT,
		    "nobody can have a capability to the first server's CSpace");
	if (c->parent != 0) {
		b->c[i].next_child = b->c[c->parent].first_child;
		b->c[c->parent].first_child = i;
		if (cap_at(b, c->parent)->obj == c->obj)
			return 0;
	}
	if (o->ntops++ == 0) {
		o->top = i;
		o->parent = c->parent;
		o->placed = true;
		return 0;
	}
	/* only a proc's CSpace can be had more than once */
	if (o->parent != c->parent && (x->type != WRIT_TYPE_CNODE || x->ref[DUMP_OF] == 0))
		return build_bad(b, c->line, -WRIT_E_INVALID_ARGUMENT,
		    "%s comes from one place, and line %u says another", x->name,
		    cap_at(b, o->top)->line);
	b->c[i].next_top = b->c[o->top].next_top;
	b->c[o->top].next_top = i;
	return 0;
}

/*
 * When an object's parent is no capability to what the object is made from, then
 * that one was deleted: its maker's master has to be such a helper, too, and so on.
 */
static void want_helpers(struct build *b, uint32_t o)
{
	uint32_t parent = b->o[o].parent, src;

	if (!b->o[o].placed)
		return;
	for (uint32_t n = 0; n < b->d->nobjs; n++) {
		src = build_source(b, o, parent);
		if (src == 0 || (parent != 0 && cap_at(b, parent)->obj == src))
			return;
		b->o[src].wanted = true;
		if (!b->o[src].placed) {
			b->o[src].placed = true;
			b->o[src].parent = parent;
		}
		o = src;
		parent = b->o[o].parent;
	}
}

int build_prepare(struct build *b)
{
	uint64_t images_at = sizeof(DUMP_IMAGES_HEAD);
	int e = 0;

	b->o = calloc(b->d->nobjs + 1u, sizeof(*b->o));
	b->c = calloc(b->d->ncaps + 1u, sizeof(*b->c));
	b->loose = calloc(b->d->ncaps + 1u, sizeof(*b->loose));
	b->hashes = calloc(b->d->nobjs + 1u, sizeof(*b->hashes));
	if (b->o == NULL || b->c == NULL || b->loose == NULL || b->hashes == NULL)
		return build_bad(b, 1, -WRIT_E_NOT_ENOUGH_MEMORY, "there is no memory for it");
	for (uint32_t o = 1; o <= b->d->nobjs && e == 0; o++)
		e = prepare_obj(b, o, &images_at);
	if (e == 0 && b->root == 0)
		e = build_bad(b, 1, -WRIT_E_INVALID_ARGUMENT,
		    "no CNode is the first server's (boot)");
	for (uint32_t c = 1; c <= b->d->ncaps && e == 0; c++)
		e = prepare_cap(b, c);
	for (uint32_t o = 1; o <= b->d->nobjs && e == 0; o++)
		want_helpers(b, o);
	return e;
}
