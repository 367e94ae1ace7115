/* SPDX-License-Identifier: MIT */
/*
 * Tenants' realms: a checked manifest becomes a realm of the kernel's, servers
 * of its own, and procs that hold what their grants say. All or nothing: when
 * any step fails, what was made so far is revoked.
 */
#include "servers/root/root.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROCS_DEFAULT 64

/* A realm on its way: where a failure is said. */
struct run {
	struct realm *r;
	char *why;
};

__attribute__((format(printf, 4, 5))) static int fail(const struct run *x, int err, unsigned line,
    const char *fmt, ...)
{
	int n = snprintf(x->why, ROOT_SENTENCE, "%s:%u: ", x->r->m->file, line);
	va_list ap;

	if (n < 0 || n >= ROOT_SENTENCE)
		return err;
	va_start(ap, fmt);
	vsnprintf(x->why + n, (size_t)(ROOT_SENTENCE - n), fmt, ap);
	va_end(ap);
	return err;
}

struct realm *realm_find(const char *name)
{
	struct realm *r = root.realms;

	while (r != NULL && strcmp(r->m->name, name) != 0)
		r = r->next;
	return r;
}

/* --- what procs are given --------------------------------------------------------------- */

static const struct host *host_find(const char *name)
{
	for (unsigned i = 0; i < root.nhosts; i++)
		if (strcmp(root.hosts[i].name, name) == 0)
			return &root.hosts[i];
	return NULL;
}

static int give_path(struct plan *p, const struct realm *r, const Writ__Manifest__Grant *g)
{
	const char *as = g->as[0] != '\0' ? g->as : g->name, *rest = g->name;
	const Writ__Manifest__Mount *m = resolve_mount(r->m, g->name, &rest);
	const struct host *h = m != NULL ? host_find(m->host) : NULL;
	writ_cap_t endpoint = 0;

	if (m == NULL && r->named != NULL)
		endpoint = r->named->endpoint;
	else if (h != NULL && h->server != NULL)
		endpoint = h->server->endpoint;
	if (endpoint == 0)
		return -WRIT_E_NOT_FOUND;
	return plan_give_path(p, as, endpoint, rest, g->rights);
}

static int give_service(struct plan *p, const struct realm *r, const Writ__Manifest__Grant *g)
{
	const Writ__Manifest__Proc *provider = resolve_provider(r->m, g->name);
	char at[sizeof("/svc/") + WRIT_NAME_MAX];

	snprintf(at, sizeof(at), "/svc/%s", g->name);
	for (size_t i = 0; i < r->m->n_procs; i++)
		if (r->entries[i].m == provider)
			return plan_give_path(p, g->as[0] != '\0' ? g->as : at,
			    r->entries[i].service, "", g->rights);
	return -WRIT_E_NOT_FOUND;
}

static int give_image(struct plan *p, const struct realm *r, const Writ__Manifest__Grant *g)
{
	for (size_t i = 0; i < r->m->n_images; i++)
		if (strcmp(r->m->images[i]->name, g->name) == 0)
			return plan_give(p, WRIT_TYPE_IMAGE, g->as[0] != '\0' ? g->as : g->name,
			    r->caps[i], WRIT_R_EXEC);
	return -WRIT_E_NOT_FOUND;
}

/* Nobody but the proc holds it: with the proc goes all that could receive there. */
static int give_endpoint(struct plan *p, const struct realm *r, const Writ__Manifest__Grant *g)
{
	writ_cap_t s = plan_temp(p);
	int e = s != 0 ? writ_retype_endpoint(r->place.account, s) : -WRIT_E_NOT_ENOUGH_MEMORY;

	return e < 0 ? e : plan_give(p, WRIT_TYPE_ENDPOINT, g->name, s, WRIT_R_READ | WRIT_R_GRANT);
}

static int give(struct plan *p, const struct realm *r, const Writ__Manifest__Grant *g)
{
	switch (g->kind) {
	case WRIT__MANIFEST__GRANT__KIND__KIND_PATH: return give_path(p, r, g);
	case WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN:
		return plan_give_spawn(p, g->name, r->place.spawn, g, r->m->limits);
	case WRIT__MANIFEST__GRANT__KIND__KIND_IMAGE: return give_image(p, r, g);
	case WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE: return give_service(p, r, g);
	case WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT: return give_endpoint(p, r, g);
	case WRIT__MANIFEST__GRANT__KIND__KIND_UNSPECIFIED:
	case WRIT__MANIFEST__GRANT__KIND__KIND_SCHEDULER:
	case WRIT__MANIFEST__GRANT__KIND__KIND_HOST:
	case WRIT__MANIFEST__GRANT__KIND__KIND_AUDIT:
	case _WRIT__MANIFEST__GRANT__KIND_IS_INT_SIZE:
	default: return -WRIT_E_INVALID_ARGUMENT;
	}
}

/* --- steps of a run, in order --------------------------------------------------------------- */

static int take_images(struct run *x)
{
	struct realm *r = x->r;

	for (size_t i = 0; i < r->m->n_images; i++) {
		const Writ__Manifest__Image *m = r->m->images[i];

		r->images[i] = image_find(m->sha256.data, m->size);
		if (r->images[i] == NULL)
			return fail(x, -WRIT_E_NOT_FOUND, m->line, "image %s has not been uploaded",
			    m->name);
		r->caps[i] = image_get(r->images[i]);
	}
	return 0;
}

static bool name_taken(const char *name)
{
	if (realm_find(name) != NULL || strcmp(name, writ_self()->realm_name) == 0)
		return true;
	for (const struct instance *i = root.instances; i != NULL; i = i->next)
		if (strcmp(i->name, name) == 0)
			return true;
	return false;
}

static uint32_t most_slots(const Writ__Manifest__Realm *m)
{
	uint32_t n = m->limits != NULL ? m->limits->slots : 0;

	for (size_t i = 0; i < m->n_procs; i++)
		if (m->procs[i]->limits != NULL && m->procs[i]->limits->slots > n)
			n = m->procs[i]->limits->slots;
	return n;
}

static int make_place(struct run *x)
{
	const Writ__Manifest__Realm *m = x->r->m;
	int r;

	if (name_taken(m->name))
		return fail(x, -WRIT_E_EXISTS, 1, "there is a realm %s already", m->name);
	r = place_make(&x->r->place, m->name, m->limits,
	    &(struct place_want){ .procs = PROCS_DEFAULT,
		.slots = most_slots(m),
		.profiles = 1u << WRIT_PROFILE_NATIVE,
		.requires = layers_wanted(m) });
	return r < 0 ? fail(x, r, 1, "realm %s can't be made: %s", m->name, writ_strerror(r)) : 0;
}

static int make_servers(struct run *x)
{
	char why[ROOT_SENTENCE];

	for (size_t i = 0; i < root.node->n_servers; i++) {
		const Writ__Manifest__Server *m = root.node->servers[i];
		struct instance *in;

		if (m->per != WRIT__MANIFEST__SERVER__PER__PER_REALM)
			continue;
		in = instance_new(m, NULL, x->r, why);
		if (in == NULL)
			return fail(x, -WRIT_E_NOT_ENOUGH_MEMORY, 1, "%.400s", why);
		if (m->serves)
			x->r->named = in;
	}
	return 0;
}

static int make_services(struct run *x)
{
	for (size_t i = 0; i < x->r->m->n_procs; i++) {
		struct entry *e = &x->r->entries[i];
		int r;

		e->m = x->r->m->procs[i];
		if (e->m->provides[0] == '\0')
			continue;
		e->service = writ_slot_new();
		r = e->service == 0 ? -WRIT_E_NOT_ENOUGH_MEMORY
				    : writ_retype_endpoint(x->r->place.account, e->service);
		if (r < 0)
			return fail(x, r, e->m->line, "service %s: %s", e->m->provides,
			    writ_strerror(r));
	}
	return 0;
}

static int plan_entry(struct run *x, struct plan *p, struct entry *e)
{
	const Writ__Manifest__Proc *m = e->m;
	writ_cap_t image = 0;
	int r;

	for (size_t i = 0; i < x->r->m->n_images; i++)
		if (strcmp(x->r->m->images[i]->name, m->image) == 0)
			image = x->r->caps[i];
	r = plan_init(p, m->name, image, m->limits, m->args, m->n_args);
	if (r < 0)
		return fail(x, r, m->line, "proc %s: its arguments are too long", m->name);
	p->q.class = (uint8_t)m->class_;
	if (e->service != 0 &&
	    (r = plan_give(p, WRIT_TYPE_ENDPOINT, m->provides, e->service,
		 WRIT_R_READ | WRIT_R_GRANT)) < 0)
		return fail(x, r, m->line, "proc %s: %s", m->name, writ_strerror(r));
	for (size_t i = 0; i < m->n_grants; i++) {
		const Writ__Manifest__Grant *g = m->grants[i];

		r = give(p, x->r, g);
		if (r < 0)
			return fail(x, r, g->line, "%s can't be given to proc %s: %s", g->name,
			    m->name, p->start.full ? "its start record is full" : writ_strerror(r));
	}
	return 0;
}

/* Providers first: nothing depends on it, but their clients' first calls then find them sooner. */
static int spawn_entries(struct run *x, bool providers)
{
	for (size_t i = 0; i < x->r->m->n_procs; i++) {
		struct entry *e = &x->r->entries[i];
		struct plan p = { 0 };
		int r;

		if ((e->service != 0) != providers)
			continue;
		r = plan_entry(x, &p, e);
		if (r == 0 && (r = plan_spawn(&p, x->r->place.spawn, &e->proc, &e->pid)) < 0)
			fail(x, r, e->m->line, "proc %s can't be spawned: %s", e->m->name,
			    writ_strerror(r));
		plan_fini(&p);
		if (r < 0)
			return r;
	}
	return 0;
}

static struct realm *realm_new(struct arena *a, const Writ__Manifest__Realm *m)
{
	struct realm *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->m = m;
	r->entries = calloc(m->n_procs + 1, sizeof(*r->entries));
	r->images = calloc(m->n_images + 1, sizeof(struct image *));
	r->caps = calloc(m->n_images + 1, sizeof(*r->caps));
	if (r->entries == NULL || r->images == NULL || r->caps == NULL) {
		realm_stop(r);
		return NULL;
	}
	r->arena = *a;
	*a = (struct arena){ 0 };
	return r;
}

int realm_make(struct arena *a, const Writ__Manifest__Realm *m, struct realm **ret,
    char why[ROOT_SENTENCE])
{
	struct check_node view = boot_view();
	struct run x = { .why = why };
	int r = check_realm(m, &view, why, ROOT_SENTENCE);

	if (r < 0)
		return r;
	x.r = realm_new(a, m);
	if (x.r == NULL) {
		snprintf(why, ROOT_SENTENCE, "root has no memory for another realm");
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	if ((r = take_images(&x)) < 0 || (r = make_place(&x)) < 0) {
		realm_stop(x.r);
		return r;
	}
	x.r->until = now_ms() + ROOT_LAYERS_MS;
	x.r->next = root.realms;
	root.realms = x.r;
	*ret = x.r;
	return 0;
}

/* What is attached on demand is, since the kernel has heard of the realm, on its way. */
static int await_layers(const struct run *x)
{
	uint32_t lacks = layers_wanted(x->r->m) & GUARD_LAYERS;
	unsigned layer = 0;

	if (lacks == 0 || (lacks &= ~layers_now()) == 0)
		return 0;
	if (now_ms() < x->r->until)
		return REALM_WAITS;
	while ((lacks >> layer & 1) == 0)
		layer++;
	return fail(x, -WRIT_E_IO, x->r->m->require_line,
	    "the realm requires layer %s, which was not attached within %u s: see `writ guard' "
	    "and the end of `writ logs kernel'",
	    writ_layer_name(layer), ROOT_LAYERS_MS / 1000);
}

int realm_start(struct realm *r, char why[ROOT_SENTENCE])
{
	struct run x = { .r = r, .why = why };
	int e = await_layers(&x);

	if (e == REALM_WAITS)
		return e;
	r->until = 0;
	if (e < 0 || (e = make_servers(&x)) < 0 || (e = make_services(&x)) < 0 ||
	    (e = spawn_entries(&x, true)) < 0 || (e = spawn_entries(&x, false)) < 0)
		realm_stop(r);
	return e;
}

static void realm_free(struct realm *r)
{
	free(r->entries);
	arena_free(&r->arena);
	free(r);
}

/* Of one that ended only what explains its refusals is left. */
static void realm_keep(struct realm *r)
{
	struct realm **at = &root.ended;

	r->next = root.ended;
	root.ended = r;
	for (unsigned n = 0; *at != NULL && n < ROOT_ENDED_MAX; n++)
		at = &(*at)->next;
	if (*at != NULL) {
		realm_free(*at);
		*at = NULL;
	}
}

/* Its servers go last: its procs' last words may still reach them. */
void realm_stop(struct realm *r)
{
	struct place was = { .id = r->place.id, .made_ns = r->place.made_ns };
	struct realm **at = &root.realms;
	struct instance *i, *next;

	while (*at != NULL && *at != r)
		at = &(*at)->next;
	if (*at == r)
		*at = r->next;
	for (size_t k = 0; r->entries != NULL && k < r->m->n_procs; k++)
		writ_slot_free(r->entries[k].proc);
	place_drop(&r->place);
	for (size_t k = 0; r->entries != NULL && k < r->m->n_procs; k++)
		writ_slot_free(r->entries[k].service);
	r->named_pid = r->named != NULL ? r->named->pid : 0;
	r->named = NULL;
	for (i = root.instances; i != NULL; i = next) {
		next = i->next;
		if (i->realm == r)
			instance_free(i);
	}
	for (size_t k = 0; r->images != NULL && k < r->m->n_images; k++)
		image_put(r->images[k]);
	free(r->images);
	free(r->caps);
	r->images = NULL;
	r->caps = NULL;
	r->place = was;
	if (was.id != 0)
		realm_keep(r);
	else
		realm_free(r);
}
