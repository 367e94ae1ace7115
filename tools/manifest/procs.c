/* SPDX-License-Identifier: MIT */
/*
 * The procs of a realm's manifest and what each is granted. A grant is of one
 * thing that exists and lies within what the realm has; nothing is implied.
 */
#include <stdlib.h>
#include <string.h>
#include <writ/abi.h>
#include <writ/start.h>
#include "tools/manifest/realm.h"

static int within_realm(struct load *l, const char *at, const Writ__Manifest__Limits *part)
{
	static const char of[] = "the realm's limit";

	if (realm_within_procs(&l->d, at, part->procs, l->r->limits->procs, of) < 0 ||
	    realm_within_memory(&l->d, at, part->memory, l->r->limits->memory, of) < 0)
		return -1;
	return realm_within_cores(&l->d, at, part->cores, l->r->limits->cores, of);
}

/* --- grants --------------------------------------------------------------- */

enum { KINDS_N = 5, KEYS_N = 6 };
static const char *const grant_keys[KEYS_N] = {
	"rights",
	"as",
	"procs",
	"memory",
	"cores",
	"classes",
};
/* takes and needs: bits in the order of grant_keys[]. */
static const struct {
	const char *word;
	Writ__Manifest__Grant__Kind kind;
	unsigned takes, needs;
	const char *list;
} kinds[KINDS_N] = {
	{ "path", WRIT__MANIFEST__GRANT__KIND__KIND_PATH, 0x03, 0x01, "rights, as" },
	{ "spawn", WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN, 0x3c, 0x0c,
	    "procs, memory, cores, classes" },
	{ "image", WRIT__MANIFEST__GRANT__KIND__KIND_IMAGE, 0, 0, "nothing" },
	{ "service", WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE, 0x01, 0x01, "rights" },
	{ "endpoint", WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT, 0, 0, "nothing" },
};

/* Which kind of grant stands at @at, and no key of another kind with it. Index of kinds[] or -1. */
static int grant_kind(struct doc *d, const char *at)
{
	unsigned i, kind = KINDS_N;

	for (i = 0; i < KINDS_N; i++) {
		if (doc_find(d, at, kinds[i].word) == NULL)
			continue;
		if (kind != KINDS_N)
			return doc_bad_key(d, at, kinds[i].word,
			    "a grant is of one thing, and this one names a %s: write two items",
			    kinds[kind].word);
		kind = i;
	}
	if (kind == KINDS_N)
		return doc_bad(d, at, NULL,
		    "grants nothing: name a path, spawn, image, service or endpoint");
	for (i = 0; i < KEYS_N; i++) {
		bool given = doc_find(d, at, grant_keys[i]) != NULL;

		if (given && (kinds[kind].takes & 1u << i) == 0)
			return doc_bad_key(d, at, grant_keys[i],
			    "doesn't belong to a grant of %s, which takes %s", kinds[kind].word,
			    kinds[kind].list);
		if (!given && (kinds[kind].needs & 1u << i) != 0)
			return doc_bad(d, at, NULL, "a grant of %s lacks the key `%s`",
			    kinds[kind].word, grant_keys[i]);
	}
	return (int)kind;
}

/* Where the kernel's start record names what a proc holds: each name once. */
struct shown {
	struct names names;
	size_t bytes;
};

static int show(struct load *l, struct shown *s, const char *at, const char *key, const char *name)
{
	s->bytes += sizeof(struct start_name) + strlen(name) + 1;
	return names_add(&l->d, &s->names, at, key, name);
}

static int check_place(struct doc *d, const char *at, const char *key, const char *path)
{
	const char *fault = text_path_fault(path, WRIT_PREFIX_MAX);
	char buf[TEXT_SHORT];

	if (fault != NULL)
		return doc_bad(d, at, key, "`%s` %s", text_cut(buf, sizeof(buf), path), fault);
	if (text_below(path, "/svc"))
		return doc_bad(d, at, key, "/svc is where services show: grant {service: NAME}");
	return 0;
}

static int load_path(struct load *l, const char *at, const struct y_grant *y,
    Writ__Manifest__Grant *g, struct shown *s)
{
	char have[TEXT_SHORT * 2], extra[TEXT_SHORT * 2];
	const char *as = y->as != NULL ? y->as : y->path;
	size_t i;

	if (check_place(&l->d, at, "path", y->path) < 0 ||
	    (y->as != NULL && check_place(&l->d, at, "as", y->as) < 0) ||
	    show(l, s, at, y->as != NULL ? "as" : "path", as) < 0)
		return -1;
	for (i = 0; i < l->r->n_mounts; i++) {
		const Writ__Manifest__Mount *m = l->r->mounts[i];

		if (text_below(y->path, m->at) && (y->rights & ~m->rights) != 0)
			return doc_bad(&l->d, at, "rights",
			    "the mount at %s on line %u gives %s only: leave out %s", m->at,
			    m->line, build_rights(have, m->rights),
			    build_rights(extra, y->rights & ~m->rights));
	}
	if (build_text(&l->d, &g->name, y->path) < 0)
		return -1;
	return build_text(&l->d, &g->as, as);
}

static int load_spawn(struct load *l, const char *at, const struct y_grant *y,
    Writ__Manifest__Grant *g, struct shown *s)
{
	static const Writ__Manifest__Limits none = WRIT__MANIFEST__LIMITS__INIT;
	struct y_limits limits = { .procs = y->procs, .memory = y->memory, .cores = y->cores };

	if (build_name(&l->d, at, "spawn", y->spawn, &g->name) < 0 ||
	    show(l, s, at, "spawn", y->spawn) < 0 ||
	    build_limits(&l->d, at, &limits, &none, &g->limits) < 0 ||
	    within_realm(l, at, g->limits) < 0)
		return -1;
	g->classes = y->classes != 0 ? y->classes : 1u << WRIT_CLASS_BE;
	g->profiles = 1u << WRIT_PROFILE_NATIVE;
	if ((g->classes & 1u << WRIT_CLASS_LC) != 0 && g->limits->cores == 0)
		return doc_bad(&l->d, at, NULL,
		    "allows class lc, which reserves cores, but lacks the key `cores`");
	return 0;
}

static int load_named(struct load *l, const char *at, int kind, const char *name,
    Writ__Manifest__Grant *g, struct shown *s)
{
	const struct names *known = kind == 2 ? &l->images : &l->services;

	if (names_want(&l->d, known, at, kinds[kind].word, name) < 0 ||
	    show(l, s, at, kinds[kind].word, name) < 0)
		return -1;
	return build_text(&l->d, &g->name, name);
}

/* What a proc holds, by kind: a spawn, an image and a service may share a name. */
struct holds {
	struct shown paths, spawns, images, services, endpoints;
};

static int load_endpoint(struct load *l, const char *at, const struct y_grant *y,
    Writ__Manifest__Grant *g, struct shown *s)
{
	if (build_name(&l->d, at, "endpoint", y->endpoint, &g->name) < 0)
		return -1;
	return show(l, s, at, "endpoint", y->endpoint);
}

static int load_grant(struct load *l, const char *at, const struct y_grant *y,
    Writ__Manifest__Grant *g, struct holds *h)
{
	int kind = grant_kind(&l->d, at);

	if (kind < 0)
		return -1;
	g->kind = kinds[kind].kind;
	g->line = doc_line(&l->d, at, NULL);
	g->rights = y->rights;
	switch (kind) {
	case 0: return load_path(l, at, y, g, &h->paths);
	case 1: return load_spawn(l, at, y, g, &h->spawns);
	case 2: return load_named(l, at, kind, y->image, g, &h->images);
	case 3: return load_named(l, at, kind, y->service, g, &h->services);
	default: return load_endpoint(l, at, y, g, &h->endpoints);
	}
}

/* --- procs ---------------------------------------------------------------- */

/* The start record carries the arguments and the names of the grants. */
static int check_record(struct load *l, const char *at, const Writ__Manifest__Proc *p,
    const struct holds *h)
{
	size_t i, n = sizeof(struct start_hdr);

	for (i = 0; i < p->n_args; i++)
		n += strlen(p->args[i]) + 1;
	n += h->paths.bytes + h->spawns.bytes + h->images.bytes + h->services.bytes +
	    h->endpoints.bytes + h->services.names.n * strlen("/svc/");
	if (n <= WRIT_BLOB_MAX)
		return 0;
	return doc_bad(&l->d, at, NULL,
	    "its arguments and the names of its grants take %zu bytes: at most %d fit", n,
	    WRIT_BLOB_MAX);
}

static int load_grants(struct load *l, const char *base, const struct y_proc *y,
    Writ__Manifest__Proc *p)
{
	struct holds h = {
		.paths.names.kind = "a grant that shows as",
		.spawns.names.kind = "a spawn",
		.images.names.kind = "a grant of image",
		.services.names.kind = "a grant of service",
		.endpoints.names.kind = "an endpoint",
	};
	Writ__Manifest__Grant *g;
	char at[BUILD_AT_MAX];
	unsigned i;

	/* What it provides is an endpoint of that name as well. */
	if ((p->grants = build_alloc(&l->d, y->grants_count, sizeof(g))) == NULL ||
	    (y->provides != NULL && show(l, &h.endpoints, base, "provides", y->provides) < 0))
		return -1;
	for (i = 0; i < y->grants_count; i++) {
		snprintf(at, sizeof(at), "%.40s.grants[%u]", base, i);
		if ((g = build_alloc(&l->d, 1, sizeof(*g))) == NULL)
			return -1;
		writ__manifest__grant__init(g);
		p->grants[p->n_grants++] = g;
		if (load_grant(l, at, &y->grants[i], g, &h) < 0)
			return -1;
	}
	return check_record(l, base, p, &h);
}

static int load_proc(struct load *l, const char *at, const struct y_proc *y,
    Writ__Manifest__Proc *p)
{
	char limits[BUILD_AT_MAX];

	p->line = doc_line(&l->d, at, NULL);
	p->class_ = y->class;
	snprintf(limits, sizeof(limits), "%.40s.limits", at);
	if (build_name(&l->d, at, "name", y->name, &p->name) < 0 ||
	    names_want(&l->d, &l->images, at, "image", y->image) < 0 ||
	    build_text(&l->d, &p->image, y->image) < 0 ||
	    build_args(&l->d, at, y->args, y->args_count, &p->args, &p->n_args) < 0 ||
	    build_limits(&l->d, limits, y->limits, &build_proc_limits, &p->limits) < 0 ||
	    within_realm(l, limits, p->limits) < 0)
		return -1;
	if (p->class_ == WRIT_CLASS_LC && p->limits->cores == 0)
		return doc_bad(&l->d, at, "class",
		    "lc reserves cores: say how many, such as limits: {cores: 1}");
	if (y->provides != NULL && build_text(&l->d, &p->provides, y->provides) < 0)
		return -1;
	return load_grants(l, at, y, p);
}

/* All of them start at once, so they must fit into the realm together. */
static int check_sum(struct load *l)
{
	const Writ__Manifest__Limits *max = l->r->limits;
	char a[TEXT_SHORT], b[TEXT_SHORT];
	uint64_t memory = 0, cores = 0;
	size_t i;

	for (i = 0; i < l->r->n_procs; i++) {
		const Writ__Manifest__Proc *p = l->r->procs[i];

		memory += p->limits->memory;
		cores += p->class_ == WRIT_CLASS_LC ? p->limits->cores : 0;
	}
	if (l->r->n_procs > max->procs)
		return doc_bad(&l->d, "limits", "procs", "%u is less than the %zu procs below",
		    max->procs, l->r->n_procs);
	if (memory > max->memory)
		return doc_bad(&l->d, "limits", "memory",
		    "%s is less than the procs' limits together, %s", text_of_size(b, max->memory),
		    text_of_size(a, memory));
	if (max->cores != 0 && cores > max->cores)
		return doc_bad(&l->d, "limits", "cores",
		    "%s are less than what the procs of class lc reserve, %s",
		    text_of_cores(b, max->cores), text_of_cores(a, (uint32_t)cores));
	return 0;
}

static int load_services(struct load *l)
{
	char at[BUILD_AT_MAX], *copy = NULL;
	unsigned i;
	int r;

	for (i = 0; i < l->y->procs_count; i++) {
		const struct y_proc *y = &l->y->procs[i];

		snprintf(at, sizeof(at), "procs[%u]", i);
		if (names_add(&l->d, &l->procs, at, "name", y->name) < 0)
			return -1;
		if (y->provides == NULL)
			continue;
		r = build_name(&l->d, at, "provides", y->provides, &copy);
		free(copy);
		copy = NULL;
		if (r < 0 || names_add(&l->d, &l->services, at, "provides", y->provides) < 0)
			return -1;
	}
	return 0;
}

int realm_load_procs(struct load *l)
{
	Writ__Manifest__Proc *p;
	char at[BUILD_AT_MAX];
	unsigned i;

	if (load_services(l) < 0 ||
	    (l->r->procs = build_alloc(&l->d, l->y->procs_count, sizeof(p))) == NULL)
		return -1;
	for (i = 0; i < l->y->procs_count; i++) {
		snprintf(at, sizeof(at), "procs[%u]", i);
		if ((p = build_alloc(&l->d, 1, sizeof(*p))) == NULL)
			return -1;
		writ__manifest__proc__init(p);
		l->r->procs[l->r->n_procs++] = p;
		if (load_proc(l, at, &l->y->procs[i], p) < 0)
			return -1;
	}
	return check_sum(l);
}
