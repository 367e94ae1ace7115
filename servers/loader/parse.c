/* SPDX-License-Identifier: MIT */
/*
 * Reads a dump, line by line, twice: objects may name others that come later.
 * Whatever is wrong is refused with its line.
 */
#include "servers/loader/parse.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <writ/rights.h>

/* --- objects ------------------------------------------------------------------------------ */

static const struct dump *sorting;

static int by_name(const void *x, const void *y)
{
	const uint32_t *a = x, *b = y;

	return strcmp(sorting->objs[*a - 1].name, sorting->objs[*b - 1].name);
}

uint32_t dump_find(const struct dump *d, const char *name)
{
	uint32_t lo = 0, hi = d->nobjs;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, d->objs[d->by_name[mid] - 1].name);

		if (c == 0)
			return d->by_name[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return 0;
}

static int object_ref(struct parse *p, unsigned type, uint32_t *ret)
{
	char buf[DUMP_NAME_MAX];
	int e = word(p, buf, sizeof(buf));

	if (e != 0)
		return e;
	*ret = dump_find(p->d, buf);
	if (*ret == 0)
		return bad(p, "there is no object %s", buf);
	if (type != 0 && p->d->objs[*ret - 1].type != type)
		return bad(p, "%s is of type %s; %s is wanted", buf,
		    writ_type_name(p->d->objs[*ret - 1].type), writ_type_name(type));
	return 0;
}

static int value(struct parse *p, const struct dump_attr *a, struct dump_obj *o, void *at)
{
	char buf[80];
	int e;

	switch (a->kind) {
	case DUMP_NUMBER: return number(p, a->max, at);
	case DUMP_REF: return object_ref(p, a->to, at);
	case DUMP_TEXT: return text(p, at, WRIT_PREFIX_MAX);
	case DUMP_CLASSES: return set(p, WRIT_CLASS_N, writ_class_name, at);
	case DUMP_PROFILES: return set(p, WRIT_PROFILE_N, writ_profile_name, at);
	case DUMP_CLASS:
		e = word(p, buf, sizeof(buf));
		return e != 0 ? e : choice(p, buf, WRIT_CLASS_N, writ_class_name, at);
	case DUMP_PROFILE:
		e = word(p, buf, sizeof(buf));
		return e != 0 ? e : choice(p, buf, WRIT_PROFILE_N, writ_profile_name, at);
	case DUMP_HASH:
		e = digest(p, at);
		o->hashed = e == 0;
		return e;
	case DUMP_FLAG:
	default: *(bool *)at = true; return 0;
	}
}

static int attribute(struct parse *p, struct dump_obj *o, uint64_t *seen)
{
	char key[32];
	int e = word(p, key, sizeof(key));

	if (e != 0)
		return e;
	for (const struct dump_attr *a = dump_attrs; a->key != NULL; a++) {
		uint64_t bit = UINT64_C(1) << (a - dump_attrs);

		if (a->type != o->type || strcmp(a->key, key) != 0)
			continue;
		if ((*seen & bit) != 0)
			return bad(p, "%s is said twice", key);
		*seen |= bit;
		if (a->kind != DUMP_FLAG && (e = need(p, ":")) != 0)
			return e;
		return value(p, a, o, (char *)o + a->at);
	}
	return bad(p, "%s has no %s", writ_type_name(o->type), key);
}

/* ( KEY: VALUE, … ) of object @o */
static int attributes(struct parse *p, struct dump_obj *o)
{
	uint64_t seen = 0;
	int e = 0;

	if (sign(p, "("))
		do
			e = attribute(p, o, &seen);
		while (e == 0 && sign(p, ","));
	if (e == 0 && seen != 0)
		e = need(p, ")");
	for (const struct dump_attr *a = dump_attrs; e == 0 && a->key != NULL; a++)
		if (a->type == o->type && !a->optional && (seen >> (a - dump_attrs) & 1) == 0)
			e = bad(p, "%s: its %s is missing", o->name, a->key);
	return e;
}

static void *grow(void *v, uint32_t n, size_t size)
{
	return n == 0 || (n >= 64 && (n & (n - 1)) == 0)
	    ? reallocarray(v, n == 0 ? 64 : 2 * (size_t)n, size)
	    : v;
}

static int object_new(struct parse *p, const char *name)
{
	struct dump_obj *v = p->d->nobjs < DUMP_OBJS_MAX ? grow(p->d->objs, p->d->nobjs, sizeof(*v))
							 : NULL;
	char buf[32];
	uint64_t type;
	int e;

	if (v == NULL)
		return bad(p, "there are too many objects");
	p->d->objs = v;
	if ((e = need(p, "=")) != 0 || (e = word(p, buf, sizeof(buf))) != 0 ||
	    (e = choice(p, buf, WRIT_TYPE_N, writ_type_name, &type)) != 0)
		return e;
	v[p->d->nobjs] = (struct dump_obj){ .type = (uint16_t)type, .line = p->line };
	memcpy(v[p->d->nobjs++].name, name, strlen(name) + 1);
	p->at = p->end;
	return 0;
}

static int object(struct parse *p)
{
	char name[DUMP_NAME_MAX], type[32];
	struct dump_obj *o;
	uint32_t i;
	int e = word(p, name, sizeof(name));

	if (e != 0 || p->names)
		return e != 0 ? e : object_new(p, name);
	i = dump_find(p->d, name);
	o = &p->d->objs[i - 1];
	if (o->line != p->line)
		return bad(p, "%s is there already, on line %u", name, o->line);
	if ((e = need(p, "=")) != 0 || (e = word(p, type, sizeof(type))) != 0)
		return e;
	return attributes(p, o);
}

/* --- capabilities ------------------------------------------------------------------------- */

static int cap_attributes(struct parse *p, struct dump_cap *c)
{
	uint64_t n = 0, rights = UINT64_MAX;
	int e = need(p, "(");

	while (e == 0) {
		char key[32];

		if ((e = word(p, key, sizeof(key))) != 0 || (e = need(p, ":")) != 0)
			break;
		if (strcmp(key, "rights") == 0)
			e = set(p, 0, NULL, &rights);
		else if (strcmp(key, "badge") == 0)
			e = number(p, UINT64_MAX, &c->badge);
		else if (strcmp(key, "guard") == 0 && (e = number(p, UINT32_MAX, &n)) == 0)
			c->guard = (uint32_t)n;
		else if (strcmp(key, "guard_bits") == 0 && (e = number(p, 63, &n)) == 0)
			c->guard_bits = (uint32_t)n;
		else if (e == 0)
			e = bad(p, "a capability has no %s", key);
		if (e == 0 && !sign(p, ","))
			break;
	}
	c->rights = (uint32_t)rights;
	if (e == 0 && rights == UINT64_MAX)
		return bad(p, "its rights are missing");
	return e != 0 ? e : need(p, ")");
}

static int cap(struct parse *p)
{
	struct dump_cap *v = p->d->ncaps < DUMP_CAPS_MAX ? grow(p->d->caps, p->d->ncaps, sizeof(*v))
							 : NULL;
	struct dump_cap c = { .cnode = p->cnode, .line = p->line };
	uint64_t index, bits = p->d->objs[p->cnode - 1].n[0];
	int e;

	if (v == NULL)
		return bad(p, "there are too many capabilities");
	p->d->caps = v;
	if ((e = number(p, UINT32_MAX, &index)) != 0 || (e = need(p, ":")) != 0 ||
	    (e = object_ref(p, 0, &c.obj)) != 0 || (e = cap_attributes(p, &c)) != 0)
		return e;
	if (index >= UINT64_C(1) << bits)
		return bad(p, "%s has no slot %" PRIu64, p->d->objs[p->cnode - 1].name, index);
	c.index = (uint32_t)index;
	v[p->d->ncaps++] = c;
	return 0;
}

static int by_slot(const void *x, const void *y)
{
	const struct dump_cap *a = *(struct dump_cap *const *)x, *b = *(struct dump_cap *const *)y;

	if (a->cnode != b->cnode)
		return a->cnode < b->cnode ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int sort_slots(struct parse *p)
{
	struct dump *d = p->d;

	d->by_slot = calloc(d->ncaps + 1u, sizeof(struct dump_cap *));
	if (d->by_slot == NULL)
		return bad(p, "there is no memory for it");
	for (uint32_t i = 0; i < d->ncaps; i++)
		d->by_slot[i] = &d->caps[i];
	qsort(d->by_slot, d->ncaps, sizeof(struct dump_cap *), by_slot);
	for (uint32_t i = 1; i < d->ncaps; i++)
		if (by_slot(&d->by_slot[i - 1], &d->by_slot[i]) == 0) {
			unsigned x = d->by_slot[i - 1]->line, y = d->by_slot[i]->line;

			p->line = x > y ? x : y;
			return bad(p, "that slot is taken, on line %u", x > y ? y : x);
		}
	return 0;
}

static int slot(struct parse *p, struct dump_cap **ret)
{
	struct dump_cap key, *k = &key, **found;
	uint64_t index;
	int e;

	if ((e = object_ref(p, WRIT_TYPE_CNODE, &key.cnode)) != 0 || (e = need(p, "[")) != 0 ||
	    (e = number(p, UINT32_MAX, &index)) != 0 || (e = need(p, "]")) != 0)
		return e;
	key.index = (uint32_t)index;
	found = bsearch(&k, p->d->by_slot, p->d->ncaps, sizeof(struct dump_cap *), by_slot);
	if (found == NULL)
		return bad(p, "no capability lies in %s[%u]", p->d->objs[key.cnode - 1].name,
		    key.index);
	*ret = *found;
	return 0;
}

/* CHILD <- PARENT; what would close a circle is refused. */
static int edge(struct parse *p)
{
	struct dump_cap *child = NULL, *parent = NULL;
	int e;

	if ((e = slot(p, &child)) != 0 || (e = need(p, "<-")) != 0 || (e = slot(p, &parent)) != 0)
		return e;
	if (child == NULL || parent == NULL || child->parent != 0)
		return bad(p, "its parent is said already");
	child->parent = (uint32_t)(parent - p->d->caps) + 1;
	return 0;
}

/* Each way up must end: a walk marks where it has been with its number. */
static int circles(struct parse *p)
{
	const struct dump *d = p->d;
	uint32_t *mark = calloc(d->ncaps + 1u, sizeof(*mark));
	int e = 0;

	if (mark == NULL)
		return bad(p, "there is no memory for it");
	for (uint32_t i = 1; i <= d->ncaps && e == 0; i++) {
		uint32_t c = i;

		while (c != 0 && mark[c] == 0) {
			mark[c] = i;
			c = d->caps[c - 1].parent;
		}
		if (c != 0 && mark[c] == i) {
			p->line = d->caps[c - 1].line;
			e = bad(p, "this capability descends from itself");
		}
	}
	free(mark);
	return e;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int open_section(struct parse *p)
{
	static const char
	    *const names[] = { [S_OBJECTS] = "objects", [S_CAPS] = "caps", [S_TREE] = "tree" };
	enum section next = p->last == S_NONE ? S_OBJECTS : p->last == S_OBJECTS ? S_CAPS : S_TREE;

	if (p->last == S_TREE)
		return bad(p, "nothing may follow the tree");
	if (!sign(p, names[next]))
		return bad(p, "the section \"%s\" is missing", names[next]);
	p->section = p->last = next;
	if (next == S_TREE && !p->names && sort_slots(p) != 0)
		return -WRIT_E_INVALID_ARGUMENT;
	return need(p, "{");
}

static int open_cnode(struct parse *p)
{
	p->section = S_CNODE;
	if (p->names) {
		p->at = p->end;
		return 0;
	}
	return object_ref(p, WRIT_TYPE_CNODE, &p->cnode) != 0 ? -WRIT_E_INVALID_ARGUMENT
							      : need(p, "{");
}

/* One line that is neither empty nor a comment. */
static int line(struct parse *p)
{
	if (p->section != S_NONE && sign(p, "}")) {
		p->section = p->section == S_CNODE ? S_CAPS : S_NONE;
		return 0;
	}
	if (p->section == S_NONE)
		return open_section(p);
	if (p->section == S_CAPS)
		return open_cnode(p);
	if (p->section == S_OBJECTS)
		return object(p);
	if (p->names) {
		p->at = p->end;
		return 0;
	}
	return p->section == S_CNODE ? cap(p) : edge(p);
}

static int pass(struct parse *p, const char *s, size_t len)
{
	const char *end = s + len;
	bool first = true;

	p->line = 0;
	p->section = p->last = S_NONE;
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		int e = 0;

		p->line++;
		p->at = s;
		p->end = nl != NULL ? nl : end;
		s = nl != NULL ? nl + 1 : end;
		sign(p, "");
		if (p->at == p->end || *p->at == '#')
			continue;
		e = !first ? line(p)
		    : sign(p, DUMP_FIRST)
		    ? 0
		    : bad(p, "this is no dump: it does not begin with \"" DUMP_FIRST "\"");
		first = false;
		sign(p, "");
		if (e == 0 && p->at != p->end)
			e = bad(p, "what is \"%.*s\"?",
			    (int)(p->end - p->at < 40 ? p->end - p->at : 40), p->at);
		if (e != 0)
			return e;
	}
	return p->section == S_NONE && p->last == S_TREE ? 0 : bad(p, "it ends too early");
}

static int sort_names(struct parse *p)
{
	struct dump *d = p->d;

	d->by_name = calloc(d->nobjs + 1u, sizeof(*d->by_name));
	if (d->by_name == NULL)
		return bad(p, "there is no memory for it");
	for (uint32_t i = 0; i < d->nobjs; i++)
		d->by_name[i] = i + 1;
	sorting = d;
	qsort(d->by_name, d->nobjs, sizeof(*d->by_name), by_name);
	return 0;
}

int dump_parse(struct dump *d, const char *s, size_t len, char why[DUMP_WHY_MAX])
{
	struct parse p = { .d = d, .names = true, .why = why };
	int e;

	*d = (struct dump){ 0 };
	e = pass(&p, s, len);
	p.names = false;
	if (e == 0 && (e = sort_names(&p)) == 0 && (e = pass(&p, s, len)) == 0)
		e = circles(&p);
	if (e != 0)
		dump_free(d);
	return e;
}

void dump_free(struct dump *d)
{
	free(d->objs);
	free(d->caps);
	free(d->by_name);
	free(d->by_slot);
	*d = (struct dump){ 0 };
}
