/* SPDX-License-Identifier: MIT */
/*
 * From rows to a dump: leaves out what is live, finds each capability's place
 * in what is left of the tree, and names objects in the order in which they are
 * found, slot by slot, from the first server's CSpace on. The rows are root's
 * word: whatever they say costs nothing but a wrong dump.
 */
#include "tools/writ/dump.h"
#include <stdlib.h>
#include <string.h>
#include <writ/rights.h>

#define FIRST_PID 1

struct row {
	const Writ__Op__Cap *m;
	uint32_t parent; /* the nearest that is kept, as position plus one */
	bool kept;
};

struct obj {
	const Writ__Op__Object *m;
	uint32_t out;   /* position in the dump plus one */
	uint32_t first; /* CNode: its rows in by_slot */
	uint32_t nslots;
	bool named; /* some capability names it */
};

struct work {
	struct obj *objs;  /* by number */
	struct row *rows;  /* by slot */
	uint32_t *by_slot; /* rows by CNode and index */
	uint32_t nobjs, nrows;
	uint32_t *order; /* objects as they are found */
	uint32_t norder;
	struct dump *d;
	struct dump_left *left;
};

static int obj_cmp(const void *x, const void *y)
{
	const struct obj *a = x, *b = y;

	return a->m->obj < b->m->obj ? -1 : a->m->obj > b->m->obj;
}

static int row_cmp(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	return a->m->slot < b->m->slot ? -1 : a->m->slot > b->m->slot;
}

static struct obj *obj_find(const struct work *w, uint64_t number)
{
	Writ__Op__Object m = { .obj = (uint32_t)number };
	struct obj key = { .m = &m };

	return number == 0 ? NULL : bsearch(&key, w->objs, w->nobjs, sizeof(key), obj_cmp);
}

static uint32_t row_find(const struct work *w, uint32_t slot)
{
	Writ__Op__Cap m = { .slot = slot };
	struct row key = { .m = &m }, *at;

	at = slot == 0 ? NULL : bsearch(&key, w->rows, w->nrows, sizeof(key), row_cmp);
	return at != NULL ? (uint32_t)(at - w->rows) + 1 : 0;
}

static unsigned proc_state(const Writ__Op__Object *m)
{
	return m->n[1] >> 16 & 0xff;
}

/* --- what belongs to it ------------------------------------------------------------------- */

/* CNodes that no capability names and that are no proc's are the kernel's own. */
static bool kept(struct work *w, const Writ__Op__Cap *m)
{
	const struct obj *o = obj_find(w, m->obj), *cn = obj_find(w, m->cnode);

	if (m->type == WRIT_TYPE_SESSION || m->type == WRIT_TYPE_HOLD ||
	    m->type == WRIT_TYPE_REPLY || o == NULL || cn == NULL ||
	    (!cn->named && cn->m->n[1] == 0)) {
		w->left->live++;
		return false;
	}
	if (m->type == WRIT_TYPE_PROC && proc_state(o->m) >= WRIT_STATE_EXITED) {
		w->left->ended++;
		return false;
	}
	return true;
}

static void choose(struct work *w)
{
	for (uint32_t i = 0; i < w->nrows; i++) {
		struct obj *o = obj_find(w, w->rows[i].m->obj);

		if (o != NULL)
			o->named = true;
	}
	for (uint32_t i = 0; i < w->nrows; i++)
		w->rows[i].kept = kept(w, w->rows[i].m);
	for (uint32_t i = 0; i < w->nrows; i++) {
		uint32_t up = row_find(w, w->rows[i].m->parent);

		for (uint32_t n = 0; up != 0 && !w->rows[up - 1].kept && n < w->nrows; n++)
			up = row_find(w, w->rows[up - 1].m->parent);
		w->rows[i].parent = up;
	}
}

static const struct work *sorting;

static int slot_cmp(const void *x, const void *y)
{
	const Writ__Op__Cap *a = sorting->rows[*(const uint32_t *)x].m;
	const Writ__Op__Cap *b = sorting->rows[*(const uint32_t *)y].m;

	if (a->cnode != b->cnode)
		return a->cnode < b->cnode ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* The rows that are kept, by CNode and index, and where those of each CNode begin. */
static void index_slots(struct work *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->nrows; i++)
		if (w->rows[i].kept)
			w->by_slot[n++] = i;
	sorting = w;
	qsort(w->by_slot, n, sizeof(*w->by_slot), slot_cmp);
	sorting = NULL;
	for (uint32_t i = 0; i < n; i++) {
		struct obj *cn = obj_find(w, w->rows[w->by_slot[i]].m->cnode);

		if (cn->nslots++ == 0)
			cn->first = i;
	}
}

/* --- the order ---------------------------------------------------------------------------------
 */

static void found(struct work *w, struct obj *o)
{
	if (o == NULL || o->out != 0)
		return;
	w->order[w->norder++] = (uint32_t)(o - w->objs);
	o->out = w->norder;
}

static struct obj *realm_numbered(const struct work *w, uint32_t number)
{
	for (uint32_t i = 0; i < w->nobjs; i++)
		if (w->objs[i].m->type == WRIT_TYPE_REALM && (uint32_t)w->objs[i].m->n[1] == number)
			return &w->objs[i];
	return NULL;
}

/* Host folders and the realms that serve them have the same user id. */
static struct obj *host_of(const struct work *w, const Writ__Op__Object *realm)
{
	for (uint32_t i = 0; i < w->nobjs; i++)
		if (w->objs[i].m->type == WRIT_TYPE_HOST && realm->n[1] >> 32 != 0 &&
		    w->objs[i].m->n[1] == realm->n[1] >> 32)
			return &w->objs[i];
	return NULL;
}

/* Who pays is a part of it where the maker says so, and not where it is the maker's realm. */
static bool has_from(const Writ__Op__Object *m)
{
	return m->type != WRIT_TYPE_PATH && m->type != WRIT_TYPE_SPAWN &&
	    m->type != WRIT_TYPE_PROC && (m->type != WRIT_TYPE_CNODE || m->n[1] == 0);
}

/* Put into @ret[0..2] what the references of @m are: from, and the two of struct dump_obj. */
static void refs_of(const struct work *w, const Writ__Op__Object *m, struct obj *ret[3])
{
	ret[0] = has_from(m) ? obj_find(w, m->payer) : NULL;
	ret[1] = ret[2] = NULL;
	switch (m->type) {
	case WRIT_TYPE_CNODE:
		for (uint32_t i = 0; i < w->nobjs && m->n[1] != 0; i++)
			if (w->objs[i].m->type == WRIT_TYPE_PROC &&
			    (uint32_t)w->objs[i].m->n[4] == m->obj &&
			    proc_state(w->objs[i].m) < WRIT_STATE_EXITED)
				ret[1] = &w->objs[i];
		break;
	case WRIT_TYPE_PATH: ret[1] = obj_find(w, m->n[0]); break;
	case WRIT_TYPE_PROC:
		ret[1] = realm_numbered(w, (uint32_t)(m->n[4] >> 32));
		if (proc_state(m) == WRIT_STATE_PENDING && (m->n[1] >> 24 & 0xff) != 0)
			ret[2] = obj_find(w, m->n[5]);
		break;
	case WRIT_TYPE_REALM:
		ret[1] = m->payer != 0 ? obj_find(w, m->n[0]) : NULL;
		ret[2] = m->payer != 0 ? host_of(w, m) : NULL;
		break;
	case WRIT_TYPE_SPAWN:
		ret[1] = obj_find(w, m->n[4]);
		ret[2] = obj_find(w, m->n[5]);
		break;
	case WRIT_TYPE_SCHED_CONTEXT: ret[1] = obj_find(w, m->n[4]); break;
	default: break;
	}
}

/* Everything that follows from what has been found already. */
static void follow(struct work *w, uint32_t *at)
{
	for (; *at < w->norder; (*at)++) {
		const struct obj *o = &w->objs[w->order[*at]];
		struct obj *refs[3];

		refs_of(w, o->m, refs);
		for (int i = 0; i < 3; i++)
			found(w, refs[i]);
		if (o->m->type == WRIT_TYPE_PROC)
			found(w, obj_find(w, (uint32_t)o->m->n[4]));
		for (uint32_t i = 0; i < o->nslots; i++)
			found(w, obj_find(w, w->rows[w->by_slot[o->first + i]].m->obj));
	}
}

/*
 * CNodes that no slot leads to: by where in the tree the capability lies that a
 * capability to them comes from. NULL: all are found.
 */
static struct obj *astray(const struct work *w)
{
	uint64_t best = UINT64_MAX;
	struct obj *ret = NULL;

	for (uint32_t i = 0; i < w->nrows; i++) {
		const Writ__Op__Cap *m = w->rows[i].m, *up = NULL;
		struct obj *o = obj_find(w, m->obj), *cn;
		uint64_t key = UINT64_MAX - 1;

		if (!w->rows[i].kept || m->type != WRIT_TYPE_CNODE || o->out != 0)
			continue;
		up = w->rows[i].parent != 0 ? w->rows[w->rows[i].parent - 1].m : NULL;
		cn = up != NULL ? obj_find(w, up->cnode) : NULL;
		if (cn != NULL && cn->out != 0)
			key = (uint64_t)cn->out << 32 | up->index;
		if (key < best) {
			best = key;
			ret = o;
		}
	}
	return ret;
}

static bool arrange(struct work *w)
{
	struct obj *o = NULL;
	uint32_t at = 0;

	for (uint32_t i = 0; i < w->nobjs && o == NULL; i++)
		if (w->objs[i].m->type == WRIT_TYPE_CNODE && w->objs[i].m->n[1] == FIRST_PID)
			o = &w->objs[i];
	if (o == NULL)
		return false;
	do {
		found(w, o);
		follow(w, &at);
	} while ((o = astray(w)) != NULL);
	return true;
}

/* --- names --------------------------------------------------------------------------------------
 */

static const char *const short_names[WRIT_TYPE_N] = {
	[WRIT_TYPE_ENDPOINT] = "ep",
	[WRIT_TYPE_NOTIFICATION] = "ntfn",
	[WRIT_TYPE_SCHED_CONTEXT] = "sc",
};

/* Of a proc: its realm and its name. */
static void proc_label(const struct work *w, const struct dump_obj *o, char *buf, size_t size)
{
	uint32_t realm = o->ref[DUMP_REALM];

	snprintf(buf, size, "%.31s_%.31s", realm != 0 ? w->d->objs[realm - 1].text : "", o->text);
}

static void base_name(const struct work *w, const struct dump_obj *o, char *buf, size_t size)
{
	const char *type = short_names[o->type] != NULL ? short_names[o->type]
							: writ_type_name(o->type);
	char label[2 * WRIT_NAME_MAX] = "";

	if (o->type == WRIT_TYPE_UNTYPED && o->boot) {
		snprintf(buf, size, "node");
		return;
	}
	if (o->type == WRIT_TYPE_PROC) {
		proc_label(w, o, label, sizeof(label));
	} else if (o->type == WRIT_TYPE_CNODE && (o->boot || o->ref[DUMP_OF] != 0)) {
		type = "cspace";
		if (o->boot)
			snprintf(label, sizeof(label), "root");
		else
			proc_label(w, &w->d->objs[o->ref[DUMP_OF] - 1], label, sizeof(label));
	} else if (o->type != WRIT_TYPE_PATH) {
		snprintf(label, sizeof(label), "%.31s", o->text);
	}
	for (char *c = label; *c != '\0'; c++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
			*c) == NULL)
			*c = '_';
	snprintf(buf, size, "%s%s%s", type, *label != '\0' ? "_" : "", label);
}

static bool name_used(const struct dump *d, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(d->objs[i].name, name) == 0)
			return true;
	return false;
}

/* The base, or the base and the first number that makes it another's no more. */
static bool name_all(struct work *w)
{
	struct dump *d = w->d;
	struct {
		char base[DUMP_NAME_MAX - 12];
		unsigned n;
	} *v = calloc(d->nobjs + 1u, sizeof(*v));

	for (uint32_t i = 0; v != NULL && i < d->nobjs; i++) {
		struct dump_obj *o = &d->objs[i];
		bool bare;

		base_name(w, o, v[i].base, sizeof(v[i].base));
		bare = strchr(v[i].base, '_') != NULL || o->boot;
		for (uint32_t k = i; k-- > 0 && v[i].n == 0;)
			if (strcmp(v[k].base, v[i].base) == 0)
				v[i].n = v[k].n;
		do {
			if (++v[i].n == 1 && bare)
				snprintf(o->name, sizeof(o->name), "%s", v[i].base);
			else
				snprintf(o->name, sizeof(o->name), "%s_%u", v[i].base, v[i].n);
		} while (name_used(d, i, o->name));
	}
	free(v);
	return v != NULL;
}

/* --- filling it
 * ----------------------------------------------------------------------------------- */

static void fill_numbers(const Writ__Op__Object *m, struct dump_obj *o)
{
	const uint64_t *n = m->n;

	switch (m->type) {
	case WRIT_TYPE_UNTYPED: memcpy(o->n, n, 3 * sizeof(*n)); break;
	case WRIT_TYPE_CNODE:
	case WRIT_TYPE_MEMORY:
	case WRIT_TYPE_IMAGE: o->n[0] = n[0]; break;
	case WRIT_TYPE_REALM: memcpy(o->n, n + 2, 2 * sizeof(*n)); break;
	case WRIT_TYPE_SPAWN:
		o->n[0] = (uint32_t)n[0];
		o->n[1] = n[0] >> 32;
		memcpy(o->n + 2, n + 1, 3 * sizeof(*n));
		break;
	case WRIT_TYPE_PROC:
		o->n[0] = n[1] & 0xff;
		o->n[1] = n[1] >> 8 & 0xff;
		o->n[2] = n[1] >> 32;
		memcpy(o->n + 3, n + 2, 2 * sizeof(*n));
		o->held = proc_state(m) == WRIT_STATE_PENDING && (n[1] >> 24 & 0xff) != 0;
		break;
	case WRIT_TYPE_SCHED_CONTEXT:
		o->n[0] = (uint32_t)n[0];
		o->n[1] = n[0] >> 32;
		memcpy(o->n + 2, n + 1, 3 * sizeof(*n));
		break;
	default: break;
	}
}

static void fill_obj(const struct work *w, const Writ__Op__Object *m, struct dump_obj *o)
{
	struct obj *refs[3];

	refs_of(w, m, refs);
	*o = (struct dump_obj){ .type = (uint16_t)m->type,
		.boot = has_from(m) ? m->payer == 0
				    : m->type == WRIT_TYPE_CNODE && m->n[1] == FIRST_PID,
		.from = refs[0] != NULL ? refs[0]->out : 0 };
	for (int i = 0; i < 2; i++)
		o->ref[i] = refs[i + 1] != NULL ? refs[i + 1]->out : 0;
	fill_numbers(m, o);
	snprintf(o->text, sizeof(o->text), "%s", m->name);
	o->hashed = m->sha256.len == sizeof(o->sha256);
	if (o->hashed)
		memcpy(o->sha256, m->sha256.data, sizeof(o->sha256));
}

static bool fill(struct work *w)
{
	struct dump *d = w->d;
	uint32_t *at = calloc(w->nrows + 1u, sizeof(*at)); /* where a row is in the dump */

	d->objs = calloc(w->norder + 1u, sizeof(*d->objs));
	d->caps = calloc(w->nrows + 1u, sizeof(*d->caps));
	if (at == NULL || d->objs == NULL || d->caps == NULL) {
		free(at);
		return false;
	}
	for (uint32_t i = 0; i < w->norder; i++) {
		const struct obj *o = &w->objs[w->order[i]];

		fill_obj(w, o->m, &d->objs[d->nobjs++]);
		for (uint32_t k = 0; k < o->nslots; k++) {
			uint32_t r = w->by_slot[o->first + k];
			const Writ__Op__Cap *m = w->rows[r].m;

			at[r] = d->ncaps + 1;
			d->caps[d->ncaps++] = (struct dump_cap){ .cnode = i + 1,
				.obj = obj_find(w, m->obj)->out,
				.parent = w->rows[r].parent,
				.rights = m->rights,
				.index = m->index,
				.badge = m->badge,
				.guard = m->guard,
				.guard_bits = m->guard_bits };
		}
	}
	for (uint32_t i = 0; i < d->ncaps; i++)
		d->caps[i].parent = d->caps[i].parent != 0 ? at[d->caps[i].parent - 1] : 0;
	free(at);
	return name_all(w);
}

static bool table(struct work *w, const struct pages *objs, const struct pages *caps)
{
	size_t no = 0, nc = 0;

	for (size_t i = 0; i < objs->n; i++)
		no += objs->v[i]->n_objects;
	for (size_t i = 0; i < caps->n; i++)
		nc += caps->v[i]->n_caps;
	if (no > DUMP_OBJS_MAX || nc > DUMP_CAPS_MAX)
		return false;
	w->objs = calloc(no + 1, sizeof(*w->objs));
	w->order = calloc(no + 1, sizeof(*w->order));
	w->rows = calloc(nc + 1, sizeof(*w->rows));
	w->by_slot = calloc(nc + 1, sizeof(*w->by_slot));
	if (w->objs == NULL || w->order == NULL || w->rows == NULL || w->by_slot == NULL)
		return false;
	for (size_t i = 0; i < objs->n; i++)
		for (size_t k = 0; k < objs->v[i]->n_objects; k++)
			if (objs->v[i]->objects[k]->n_n == 6)
				w->objs[w->nobjs++].m = objs->v[i]->objects[k];
	for (size_t i = 0; i < caps->n; i++)
		for (size_t k = 0; k < caps->v[i]->n_caps; k++)
			w->rows[w->nrows++].m = caps->v[i]->caps[k];
	qsort(w->objs, w->nobjs, sizeof(*w->objs), obj_cmp);
	qsort(w->rows, w->nrows, sizeof(*w->rows), row_cmp);
	return true;
}

bool dump_make(const struct pages *objs, const struct pages *caps, struct dump *ret,
    struct dump_left *ret_left)
{
	struct work w = { .d = ret, .left = ret_left };
	bool done;

	*ret = (struct dump){ 0 };
	*ret_left = (struct dump_left){ 0 };
	done = table(&w, objs, caps);
	if (done) {
		choose(&w);
		index_slots(&w);
		done = arrange(&w) && fill(&w);
	}
	if (!done)
		dump_free(ret);
	free(w.objs);
	free(w.order);
	free(w.rows);
	free(w.by_slot);
	return done;
}
