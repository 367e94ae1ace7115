/* SPDX-License-Identifier: MIT */
/*
 * Refusals explained: which line of a manifest would allow what was refused,
 * where it goes, or why no line can. Says nothing that the manifest does not
 * say; decides nothing. Pure.
 */
#include "servers/root/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A sentence as it grows; cut at the end of the buffer. */
struct text {
	char *buf;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = (size_t)n < t->size - t->len ? t->len + (size_t)n : t->size - 1;
}

/* "read, create" as in a manifest's list. */
static void add_rights(struct text *t, uint32_t rights)
{
	const char *comma = "";

#define X(id, bit, name) \
	if ((rights & (bit)) != 0) { \
		add(t, "%s%s", comma, name); \
		comma = ", "; \
	}
	WRIT_RIGHTS(X)
#undef X
}

static void add_place(struct text *t, const struct explain *e, unsigned line)
{
	add(t, "%s:%u", e->realm->file, line);
}

/* --- paths ---------------------------------------------------------------------------- */

static const char *shows_at(const Writ__Manifest__Grant *g)
{
	return g->as[0] != '\0' ? g->as : g->name;
}

/* The path grant of @p that covers @path by the longest name; by what it shows as, or by what it is
 * of. */
static const Writ__Manifest__Grant *covering(const Writ__Manifest__Proc *p, const char *path,
    bool as, const char **ret_rest)
{
	const Writ__Manifest__Grant *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < p->n_grants; i++) {
		const Writ__Manifest__Grant *g = p->grants[i];
		const char *at = as ? shows_at(g) : g->name;
		const char *rest;

		if (g->kind != WRIT__MANIFEST__GRANT__KIND__KIND_PATH)
			continue;
		rest = path_behind(path, at);
		if (rest == NULL || (best != NULL && strlen(at) < longest))
			continue;
		best = g;
		longest = strlen(at);
		*ret_rest = rest;
	}
	return best;
}

/*
 * What the refusal was about as a path of the realm's namespace. A server says
 * it as a path of its own tree, a proc as one of its own namespace.
 */
static bool realm_path(const struct explain *e, const char *what, char *ret, size_t size)
{
	const Writ__Manifest__Grant *g;
	const char *rest = "", *at = "";

	if (what[0] != '/')
		return false;
	if (e->reported && e->host != NULL) {
		for (size_t i = 0; i < e->realm->n_mounts; i++)
			if (strcmp(e->realm->mounts[i]->host, e->host) == 0)
				at = e->realm->mounts[i]->at;
		rest = at[0] != '\0' && strcmp(what, "/") == 0 ? "" : what;
	} else if (e->reported && e->service != NULL) {
		snprintf(ret, size, "/svc/%s%s", e->service, strcmp(what, "/") == 0 ? "" : what);
		return check_path(ret);
	} else if (!e->reported && e->proc != NULL && !e->child &&
	    (g = covering(e->proc, what, true, &rest)) != NULL) {
		at = g->name;
	} else {
		rest = what;
	}
	if (strcmp(at, "/") == 0)
		at = "";
	snprintf(ret, size, "%s%s", at, at[0] == '\0' && rest[0] == '\0' ? "/" : rest);
	return check_path(ret);
}

/* No grant can give @missing of @path. Says why and returns true. */
static bool impossible(const struct explain *e, const char *path, uint32_t missing, struct text *t)
{
	const char *rest;
	const Writ__Manifest__Mount *m = resolve_mount(e->realm, path, &rest);
	const struct check_host *h = m != NULL ? resolve_host(e->node, m->host) : NULL;

	if (m == NULL && e->node->named != NULL)
		return false;
	if (m == NULL) {
		add(t,
		    "no grant can allow it: %s lies in no mounted host folder, "
		    "and this node gives realms no tree of their own",
		    path);
		return true;
	}
	if ((missing & ~m->rights) == 0)
		return false;
	add(t, "no grant can allow it: ");
	add_place(t, e, m->line);
	add(t, " mounts host folder %s at %s without ", m->host, m->at);
	add_rights(t, missing & ~m->rights);
	if (h == NULL || (missing & ~h->rights) == 0) {
		add(t, "; add that to the mount's rights first");
		return true;
	}
	add(t, ", and the node lends it without");
	if (h->line != 0)
		add(t, " (%s:%u)", e->node->file, h->line);
	return true;
}

/* A line for @p's grants that gives @rights on @path, or a change of the one that covers it. */
static void add_grant(const struct explain *e, const char *path, uint32_t rights, struct text *t)
{
	const Writ__Manifest__Proc *p = e->proc;
	const char *rest;
	const Writ__Manifest__Grant *g = covering(p, path, false, &rest);

	if (g != NULL && (rights & ~g->rights) != 0) {
		add(t, "add ");
		add_rights(t, rights & ~g->rights);
		add(t, " to the rights of %s in the grants of %s at ", g->name, p->name);
		add_place(t, e, g->line);
		return;
	}
	add(t, "add `- {path: %s, rights: [", path);
	add_rights(t, rights);
	add(t, "]}` to the grants of %s at ", p->name);
	add_place(t, e, p->line);
}

/* The proc was spawned by another: only that one can give it anything. */
static void add_parent(const struct explain *e, const char *path, uint32_t rights,
    const struct writ_audit_rec *rec, struct text *t)
{
	const char *rest;
	const Writ__Manifest__Grant *g = covering(e->proc, path, false, &rest);

	add(t, "%s has no entry in the manifest: %s must give it ", rec->name, e->proc->name);
	add_rights(t, rights);
	add(t, " on %s when it spawns it", path);
	if (g != NULL && (rights & ~g->rights) == 0) {
		add(t, "; %s has that itself (", e->proc->name);
		add_place(t, e, g->line);
		add(t, ")");
		return;
	}
	add(t, ", and has not got that itself: ");
	add_grant(e, path, rights, t);
}

/* The path is a service's: granted by the name of that. */
static bool explain_service(const struct explain *e, const char *path, uint32_t missing,
    const struct writ_audit_rec *rec, struct text *t)
{
	const char *rest = path_behind(path, "/svc"), *unused;
	const Writ__Manifest__Grant *g = NULL;
	char name[WRIT_NAME_MAX] = "";

	if (rest == NULL || rest[0] == '\0' || resolve_mount(e->realm, path, &unused) != NULL)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest + 1, "/"), rest + 1);
	if (resolve_provider(e->realm, name) == NULL) {
		add(t, "no proc of this realm provides a service %s", name);
		return true;
	}
	if (e->proc == NULL || e->child)
		return false;
	for (size_t i = 0; i < e->proc->n_grants; i++)
		if (e->proc->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE &&
		    strcmp(e->proc->grants[i]->name, name) == 0)
			g = e->proc->grants[i];
	if (g == NULL)
		add(t, "add `- {service: %s, rights: [", name);
	else
		add(t, "add ");
	add_rights(t, missing);
	if (g != NULL)
		add(t, " to the rights of service %s in the grants of %s at ", name, rec->name);
	else
		add(t, "]}` to the grants of %s at ", rec->name);
	add_place(t, e, g != NULL ? g->line : e->proc->line);
	return true;
}

static void explain_path(const struct explain *e, const struct writ_audit_rec *rec, struct text *t)
{
	uint32_t missing = rec->missing != 0 ? rec->missing : WRIT_R_READ;
	char path[2 * WRIT_PREFIX_MAX];

	if (!realm_path(e, rec->what, path, sizeof(path)) ||
	    explain_service(e, path, missing, rec, t) || impossible(e, path, missing, t))
		return;
	if (e->proc == NULL)
		add(t, "root does not know any more who spawned %s; its parent must give it %s",
		    rec->name, path);
	else if (e->child)
		add_parent(e, path, missing, rec, t);
	else
		add_grant(e, path, missing, t);
}

/* --- the kernel's refusals ----------------------------------------------------------------- */

static const Writ__Manifest__Grant *spawn_grant(const Writ__Manifest__Proc *p)
{
	for (size_t i = 0; i < p->n_grants; i++)
		if (p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN)
			return p->grants[i];
	return NULL;
}

static void explain_spawn(const struct explain *e, const struct writ_audit_rec *rec, struct text *t)
{
	const Writ__Manifest__Grant *g = spawn_grant(e->proc);

	if (e->child) {
		add(t,
		    "%s has no entry in the manifest: %s must give it a Spawn when "
		    "it spawns it (writ_give.spawn)",
		    rec->name, e->proc->name);
		return;
	}
	if (g == NULL) {
		add(t, "add `- {spawn: workers, procs: 8, memory: 512MiB}` to the grants of %s at ",
		    e->proc->name);
		add_place(t, e, e->proc->line);
		return;
	}
	if (rec->status == WRIT_E_NOT_ENOUGH_MEMORY)
		add(t, "raise the limit of spawn %s at ", g->name);
	else if (rec->status == WRIT_E_NO_RIGHT)
		add(t, "add the class to the classes of spawn %s at ", g->name);
	else
		add(t, "the call itself is wrong, no grant is missing: %s has spawn %s at ",
		    e->proc->name, g->name);
	add_place(t, e, g->line);
	if (rec->status == WRIT_E_NOT_ENOUGH_MEMORY)
		add(t, ", or the realm's own limits");
}

static bool is_spawn(const struct writ_audit_rec *rec)
{
	return rec->op == WRIT_OP_SPAWN ||
	    (rec->kind == WRIT_AUDIT_NOTED && strcmp(rec->what, "spawn") == 0);
}

void explain_refusal(const struct explain *e, const struct writ_audit_rec *rec, char *buf,
    size_t size)
{
	struct text t = { buf, size, 0 };

	buf[0] = '\0';
	if (e->realm == NULL || (rec->kind != WRIT_AUDIT_REFUSED && rec->kind != WRIT_AUDIT_NOTED))
		return;
	if (rec->kind == WRIT_AUDIT_NOTED && rec->what[0] == '/') {
		explain_path(e, rec, &t);
	} else if (e->proc != NULL && is_spawn(rec)) {
		explain_spawn(e, rec, &t);
	} else if (rec->status == WRIT_E_FAILED_LOOKUP ||
	    rec->status == WRIT_E_INVALID_CAPABILITY) {
		add(&t,
		    "nothing lies in slot %u of %s, or another thing: no grant names slots; "
		    "what it was given is listed by `writ caps`",
		    rec->other, rec->name);
	} else if (rec->status == WRIT_E_BAD_REQUEST) {
		add(&t, "%s sent something that is no request: no grant is missing", rec->name);
	}
}
