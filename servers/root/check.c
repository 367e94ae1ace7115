/* SPDX-License-Identifier: MIT */
/*
 * A manifest's message checked again: root believes no sender that it has
 * checked anything. What passes here can be run without another look. Pure.
 */
#include "servers/root/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX     256
#define MEMORY_MAX   (UINT64_C(1) << 50)
#define CORES_MAX    (1024u * 1000)
#define PROCS_MAX    1000000u
#define SHA256_BYTES 32
#define PATH_RIGHTS \
	(WRIT_R_READ | WRIT_R_WRITE | WRIT_R_CREATE | WRIT_R_REMOVE | WRIT_R_WATCH | \
	    WRIT_R_MOUNT | WRIT_R_EXEC | WRIT_R_GRANT)
#define CLASSES_ALL ((1u << WRIT_CLASS_N) - 1)

/* Where a fault is said. */
struct checker {
	const char *file;
	char *why;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int bad(const struct checker *c, unsigned line,
    const char *fmt, ...)
{
	int n = snprintf(c->why, c->size, "%s:%u: ", c->file, line);
	va_list ap;

	if (n < 0 || (size_t)n >= c->size)
		return -WRIT_E_INVALID_ARGUMENT;
	va_start(ap, fmt);
	vsnprintf(c->why + n, c->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -WRIT_E_INVALID_ARGUMENT;
}

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool check_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= WRIT_NAME_MAX || !alnum(name[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!alnum(name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	return true;
}

/* Fit to be shown: no control byte. */
static bool printable(const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return n <= max;
}

bool check_path(const char *path)
{
	size_t n;

	if (path[0] != '/' || !printable(path, WRIT_PREFIX_MAX - 1))
		return false;
	if (path[1] == '\0')
		return true;
	for (const char *p = path; *p != '\0'; p += n) {
		p++;
		n = strcspn(p, "/");
		if (n == 0 || n > 255 || (n == 1 && p[0] == '.') ||
		    (n == 2 && memcmp(p, "..", 2) == 0))
			return false;
	}
	return true;
}

static int check_limits(const struct checker *c, const Writ__Manifest__Limits *l, unsigned line)
{
	if (l == NULL)
		return 0;
	if (l->procs > PROCS_MAX || l->cores > CORES_MAX || l->memory > MEMORY_MAX ||
	    l->log > MEMORY_MAX)
		return bad(c, line, "a limit is out of range");
	if (l->slots > 1u << CHECK_SLOTS_BITS_MAX)
		return bad(c, line, "a proc can have at most %u slots", 1u << CHECK_SLOTS_BITS_MAX);
	return 0;
}

static int check_args(const struct checker *c, char *const *args, size_t n, unsigned line)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(args[i]) + 1;
	if (n > CHECK_ARGS_MAX || bytes > WRIT_BLOB_MAX)
		return bad(c, line, "too many arguments");
	return 0;
}

static const char *rights_text(uint32_t rights, char buf[128])
{
	return writ_rights_text(rights, buf, 128);
}

/* --- a realm --------------------------------------------------------------------- */

static int check_mount(const struct checker *c, const Writ__Manifest__Realm *m, size_t i,
    const struct check_node *n)
{
	const Writ__Manifest__Mount *x = m->mounts[i];
	const struct check_host *h = resolve_host(n, x->host);
	char missing[128];

	if (!check_path(x->at))
		return bad(c, x->line, "a mount's place must be a path such as /in");
	for (size_t k = 0; k < i; k++)
		if (strcmp(m->mounts[k]->at, x->at) == 0)
			return bad(c, x->line, "something is mounted at %s already", x->at);
	if (!check_name(x->host) || h == NULL)
		return bad(c, x->line, "this node lends no host folder %.40s",
		    check_name(x->host) ? x->host : "of such a name");
	if (x->rights == 0 || (x->rights & ~h->rights) != 0)
		return bad(c, x->line, "the node lends host folder %s without %s", x->host,
		    rights_text(x->rights & ~h->rights, missing));
	return 0;
}

static int check_image(const struct checker *c, const Writ__Manifest__Realm *m, size_t i)
{
	const Writ__Manifest__Image *x = m->images[i];

	if (!check_name(x->name) || resolve_image(m, x->name) != x)
		return bad(c, x->line, "an image's name is malformed, or there twice");
	if (x->sha256.len != SHA256_BYTES || x->size == 0)
		return bad(c, x->line, "image %s comes without its hash or size", x->name);
	return 0;
}

static int check_rights(const struct checker *c, const Writ__Manifest__Grant *g)
{
	if (g->rights != 0 && (g->rights & ~PATH_RIGHTS) == 0)
		return 0;
	return bad(c, g->line, "%s is granted without any right, or with one that paths have not",
	    g->name);
}

static int check_grant_path(const struct checker *c, const Writ__Manifest__Realm *m,
    const struct check_node *n, const Writ__Manifest__Grant *g)
{
	const Writ__Manifest__Mount *mount;
	const char *rest;
	char missing[128];

	if (!check_path(g->name) || (g->as[0] != '\0' && !check_path(g->as)))
		return bad(c, g->line, "a granted path must be like /a/b, without . and ..");
	if (check_rights(c, g) < 0)
		return -WRIT_E_INVALID_ARGUMENT;
	mount = resolve_mount(m, g->name, &rest);
	if (mount != NULL && (g->rights & ~mount->rights) != 0)
		return bad(c, g->line,
		    "%s lies in host folder %s, which is mounted at %s without %s (line %u)",
		    g->name, mount->host, mount->at,
		    rights_text(g->rights & ~mount->rights, missing), mount->line);
	if (mount == NULL && n->named == NULL)
		return bad(c, g->line,
		    "%s lies in no mounted host folder, and this node gives realms no tree "
		    "of their own",
		    g->name);
	return 0;
}

static int check_grant(const struct checker *c, const Writ__Manifest__Realm *m,
    const struct check_node *n, const Writ__Manifest__Grant *g)
{
	switch (g->kind) {
	case WRIT__MANIFEST__GRANT__KIND__KIND_PATH: return check_grant_path(c, m, n, g);
	case WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN:
		if (!check_name(g->name))
			return bad(c, g->line, "a Spawn's name is malformed");
		if ((g->classes & ~CLASSES_ALL) != 0 ||
		    (g->profiles & ~(1u << WRIT_PROFILE_NATIVE)) != 0)
			return bad(c, g->line,
			    "spawn %s allows a class or a profile that realms can't have", g->name);
		return check_limits(c, g->limits, g->line);
	case WRIT__MANIFEST__GRANT__KIND__KIND_IMAGE:
		if (resolve_image(m, g->name) == NULL)
			return bad(c, g->line, "no image has the name that is granted here");
		return 0;
	case WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE:
		if (resolve_provider(m, g->name) == NULL)
			return bad(c, g->line,
			    "no proc of this realm provides the service that is granted here");
		if (g->as[0] != '\0' && !check_path(g->as))
			return bad(c, g->line, "a service shows at a path like /a/b");
		return check_rights(c, g);
	case WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT:
		if (!check_name(g->name))
			return bad(c, g->line, "an endpoint's name is malformed");
		return 0;
	case WRIT__MANIFEST__GRANT__KIND__KIND_UNSPECIFIED:
	case WRIT__MANIFEST__GRANT__KIND__KIND_SCHEDULER:
	case WRIT__MANIFEST__GRANT__KIND__KIND_HOST:
	case WRIT__MANIFEST__GRANT__KIND__KIND_AUDIT:
	case _WRIT__MANIFEST__GRANT__KIND_IS_INT_SIZE:
	default: return bad(c, g->line, "a realm's proc can't be granted this");
	}
}

/* Where a grant shows in the proc; what may be there once only. */
static const char *shows_as(const Writ__Manifest__Grant *g)
{
	return g->as[0] != '\0' ? g->as : g->name;
}

static int check_grants(const struct checker *c, const Writ__Manifest__Realm *m,
    const struct check_node *n, const Writ__Manifest__Proc *p)
{
	int r = 0;

	if (p->n_grants > CHECK_GRANTS_MAX)
		return bad(c, p->line, "proc %s has more than %d grants", p->name,
		    CHECK_GRANTS_MAX);
	for (size_t i = 0; i < p->n_grants && r == 0; i++) {
		r = check_grant(c, m, n, p->grants[i]);
		if (r == 0 && p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT &&
		    strcmp(p->grants[i]->name, p->provides) == 0)
			r = bad(c, p->grants[i]->line,
			    "%s is what proc %s provides: its endpoint has that name", p->provides,
			    p->name);
		for (size_t k = 0; k < i && r == 0; k++)
			if (p->grants[k]->kind == p->grants[i]->kind &&
			    strcmp(shows_as(p->grants[k]), shows_as(p->grants[i])) == 0)
				r = bad(c, p->grants[i]->line, "%s is granted twice (line %u)",
				    shows_as(p->grants[i]), p->grants[k]->line);
	}
	return r;
}

static int check_proc(const struct checker *c, const Writ__Manifest__Realm *m, size_t i,
    const struct check_node *n)
{
	const Writ__Manifest__Proc *p = m->procs[i];
	int r;

	if (!check_name(p->name))
		return bad(c, p->line, "a proc's name is malformed");
	for (size_t k = 0; k < i; k++)
		if (strcmp(m->procs[k]->name, p->name) == 0)
			return bad(c, p->line, "there is a proc %s already (line %u)", p->name,
			    m->procs[k]->line);
	if (resolve_image(m, p->image) == NULL)
		return bad(c, p->line, "no image has the name that proc %s asks for", p->name);
	if (p->class_ >= WRIT_CLASS_N)
		return bad(c, p->line, "proc %s has an unknown class", p->name);
	if (p->provides[0] != '\0' &&
	    (!check_name(p->provides) || resolve_provider(m, p->provides) != p))
		return bad(c, p->line, "the service of proc %s is malformed, or there twice",
		    p->name);
	if ((r = check_limits(c, p->limits, p->line)) < 0 ||
	    (r = check_args(c, p->args, p->n_args, p->line)) < 0)
		return r;
	return check_grants(c, m, n, p);
}

static int check_require(const struct checker *c, const struct check_node *n,
    const Writ__Manifest__Realm *m)
{
	unsigned line = m->require_line != 0 ? m->require_line : 1;
	const char *word;

	for (size_t i = 0; i < m->n_require; i++) {
		unsigned layer = layer_of(m->require[i]);

		if (layer == WRIT_LAYER_N)
			return bad(c, line, "the realm requires a layer that is not known here");
		if ((word = layer_lacking(n->missing, layer)) == NULL)
			continue;
		return strcmp(word, writ_layer_name(layer)) == 0
		    ? bad(c, line,
			  "the realm requires layer %s, which is not active here (`writ guard')",
			  word)
		    : bad(c, line, "the realm requires layer %s, but this host has no %s",
			  writ_layer_name(layer), word);
	}
	return 0;
}

int check_realm(const Writ__Manifest__Realm *m, const struct check_node *n, char *why, size_t size)
{
	struct checker c = { printable(m->file, FILE_MAX) ? m->file : "manifest", why, size };
	int r;

	if (!check_name(m->name))
		return bad(&c, 1, "a realm's name is 1 to 31 of a-z, 0-9 and -");
	if (n->named != NULL && strlen(n->named) + strlen(m->name) + 1 >= WRIT_NAME_MAX)
		return bad(&c, 1,
		    "realm %s: its server %s-%s would have a name of more than %d bytes", m->name,
		    n->named, m->name, WRIT_NAME_MAX - 1);
	if (m->n_mounts > CHECK_MOUNTS_MAX || m->n_images > CHECK_IMAGES_MAX ||
	    m->n_procs > CHECK_PROCS_MAX || m->n_procs == 0)
		return bad(&c, 1, "too many mounts, images or procs, or no proc at all");
	r = check_limits(&c, m->limits, 1);
	r = r == 0 ? check_require(&c, n, m) : r;
	for (size_t i = 0; i < m->n_mounts && r == 0; i++)
		r = check_mount(&c, m, i, n);
	for (size_t i = 0; i < m->n_images && r == 0; i++)
		r = check_image(&c, m, i);
	for (size_t i = 0; i < m->n_procs && r == 0; i++)
		r = check_proc(&c, m, i, n);
	return r;
}

/* --- a node -------------------------------------------------------------------------- */

static int check_server(const struct checker *c, const Writ__Manifest__Server *s)
{
	int r;

	if (!check_name(s->name) || !check_name(s->image))
		return bad(c, s->line, "the name of a server, or of its image, is malformed");
	if (s->profile >= WRIT_PROFILE_N)
		return bad(c, s->line, "server %s has an unknown profile", s->name);
	if ((r = check_limits(c, s->limits, s->line)) < 0 ||
	    (r = check_args(c, s->args, s->n_args, s->line)) < 0)
		return r;
	for (size_t i = 0; i < s->n_grants; i++) {
		unsigned kind = s->grants[i]->kind;

		if (kind != WRIT__MANIFEST__GRANT__KIND__KIND_SCHEDULER &&
		    kind != WRIT__MANIFEST__GRANT__KIND__KIND_HOST &&
		    kind != WRIT__MANIFEST__GRANT__KIND__KIND_AUDIT)
			return bad(c, s->grants[i]->line,
			    "server %s can be granted scheduler, host and audit only", s->name);
		if (kind == WRIT__MANIFEST__GRANT__KIND__KIND_HOST &&
		    s->per != WRIT__MANIFEST__SERVER__PER__PER_HOST)
			return bad(c, s->grants[i]->line,
			    "server %s is granted a host folder, but is not one per host", s->name);
	}
	return 0;
}

int check_servers(const Writ__Manifest__Node *m, char *why, size_t size)
{
	struct checker c = { printable(m->file, FILE_MAX) ? m->file : "node manifest", why, size };
	unsigned serving_realm = 0, serving_host = 0;
	int r = 0;

	if (m->n_servers > CHECK_PROCS_MAX || m->n_hosts > CHECK_HOSTS_MAX)
		return bad(&c, 1, "too many servers or host folders");
	if (m->guard[0] != '\0' && guard_of(m->guard) == GUARD_MODE_N)
		return bad(&c, 1, "the guard has no such mode");
	for (size_t i = 0; i < m->n_servers && r == 0; i++) {
		const Writ__Manifest__Server *s = m->servers[i];

		r = check_server(&c, s);
		serving_realm += s->serves && s->per == WRIT__MANIFEST__SERVER__PER__PER_REALM;
		serving_host += s->serves && s->per == WRIT__MANIFEST__SERVER__PER__PER_HOST;
		if (r == 0 && (serving_realm > 1 || serving_host > 1))
			r = bad(&c, s->line,
			    "server %s: another one serves each realm or host folder already",
			    s->name);
	}
	return r;
}
