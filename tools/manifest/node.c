/* SPDX-License-Identifier: MIT */
/* A node's manifest: its host folders and servers, and the message made of them. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <writ/abi.h>
#include "tools/manifest/build.h"

struct load {
	struct doc d;
	const struct y_node *y;
	Writ__Manifest__Node *n;
	struct names hosts, servers;
	unsigned scheduler; /* line of the server that is it; 0: none yet */
	bool lends;         /* a server serves the host folders */
	unsigned serves[3]; /* by `per`: line of the server that serves; 0: none yet */
};

static const Writ__Manifest__Limits node_defaults = {
	PROTOBUF_C_MESSAGE_INIT(&writ__manifest__limits__descriptor),
	.procs = 2000,
	.memory = 8 * GIB,
};

/* --- host folders --------------------------------------------------------- */

static int check_folder(struct load *l, const char *at, const char *path)
{
	const char *fault = text_path_fault(path, 4096);
	char buf[TEXT_LONG];
	struct stat st;

	text_cut(buf, sizeof(buf), path);
	if (fault != NULL)
		return doc_bad(&l->d, at, "path", "`%s` %s", buf, fault);
	if (stat(path, &st) < 0)
		return doc_bad(&l->d, at, "path", "the folder %s can't be lent: %s", buf,
		    strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return doc_bad(&l->d, at, "path", "%s is not a folder", buf);
	return 0;
}

static int check_host_rights(struct load *l, const char *at, uint32_t rights)
{
	if ((rights & WRIT_R_READ) == 0)
		return doc_bad(&l->d, at, "rights", "lack read: what is lent can be read");
	if ((rights & (WRIT_R_CREATE | WRIT_R_REMOVE)) != 0 && (rights & WRIT_R_WRITE) == 0)
		return doc_bad(&l->d, at, "rights", "lack write: create and remove come with it");
	return 0;
}

static int load_hosts(struct load *l)
{
	Writ__Manifest__Host *h;
	char at[BUILD_AT_MAX];
	unsigned i;

	if ((l->n->hosts = build_alloc(&l->d, l->y->hosts_count, sizeof(h))) == NULL)
		return -1;
	for (i = 0; i < l->y->hosts_count; i++) {
		const struct y_host *y = &l->y->hosts[i];

		snprintf(at, sizeof(at), "hosts[%u]", i);
		if ((h = build_alloc(&l->d, 1, sizeof(*h))) == NULL)
			return -1;
		writ__manifest__host__init(h);
		l->n->hosts[l->n->n_hosts++] = h;
		h->rights = y->rights;
		h->line = doc_line(&l->d, at, NULL);
		if (build_name(&l->d, at, "name", y->name, &h->name) < 0 ||
		    names_add(&l->d, &l->hosts, at, "name", y->name) < 0 ||
		    check_folder(l, at, y->path) < 0 || build_text(&l->d, &h->path, y->path) < 0 ||
		    check_host_rights(l, at, y->rights) < 0)
			return -1;
	}
	return 0;
}

/* --- servers -------------------------------------------------------------- */

enum { KINDS_N = 3 };
static const struct {
	const char *word;
	Writ__Manifest__Grant__Kind kind;
} kinds[KINDS_N] = {
	{ "scheduler", WRIT__MANIFEST__GRANT__KIND__KIND_SCHEDULER },
	{ "host", WRIT__MANIFEST__GRANT__KIND__KIND_HOST },
	{ "audit", WRIT__MANIFEST__GRANT__KIND__KIND_AUDIT },
};

/* Which grant stands at @at, and that it is `true`. Index of kinds[] or -1. */
static int grant_kind(struct doc *d, const char *at, const struct y_grant *y)
{
	const bool values[KINDS_N] = { y->scheduler, y->host, y->audit };
	unsigned i, kind = KINDS_N;

	for (i = 0; i < KINDS_N; i++) {
		if (doc_find(d, at, kinds[i].word) == NULL)
			continue;
		if (kind != KINDS_N)
			return doc_bad_key(d, at, kinds[i].word,
			    "a grant is of one thing, and this one names the %s: write two items",
			    kinds[kind].word);
		if (!values[i])
			return doc_bad(d, at, kinds[i].word,
			    "false grants nothing: leave this item out, or write true");
		kind = i;
	}
	if (kind == KINDS_N)
		return doc_bad(d, at, NULL, "grants nothing: write scheduler, host or audit: true");
	return (int)kind;
}

static int check_grant(struct load *l, const char *at, const Writ__Manifest__Server *s, int kind)
{
	size_t i;

	for (i = 0; i + 1 < s->n_grants; i++)
		if (s->grants[i]->kind == kinds[kind].kind)
			return doc_bad(&l->d, at, NULL,
			    "there is a grant of the %s already, on line %u", kinds[kind].word,
			    s->grants[i]->line);
	if (strcmp(kinds[kind].word, "scheduler") == 0) {
		if (l->scheduler != 0)
			return doc_bad(&l->d, at, NULL,
			    "a node has one scheduler: the server on line %u is it", l->scheduler);
		l->scheduler = s->line;
	}
	if (strcmp(kinds[kind].word, "host") == 0) {
		if (s->per != WRIT__MANIFEST__SERVER__PER__PER_HOST)
			return doc_bad(&l->d, at, NULL,
			    "only a server with `per: host` serves a folder");
		l->lends = true;
	}
	return 0;
}

static int load_grants(struct load *l, const char *base, const struct y_server *y,
    Writ__Manifest__Server *s)
{
	Writ__Manifest__Grant *g;
	char at[BUILD_AT_MAX];
	unsigned i;
	int kind;

	if ((s->grants = build_alloc(&l->d, y->grants_count, sizeof(g))) == NULL)
		return -1;
	for (i = 0; i < y->grants_count; i++) {
		snprintf(at, sizeof(at), "%.40s.grants[%u]", base, i);
		if ((g = build_alloc(&l->d, 1, sizeof(*g))) == NULL)
			return -1;
		writ__manifest__grant__init(g);
		s->grants[s->n_grants++] = g;
		if ((kind = grant_kind(&l->d, at, &y->grants[i])) < 0)
			return -1;
		g->kind = kinds[kind].kind;
		g->line = doc_line(&l->d, at, NULL);
		if (check_grant(l, at, s, kind) < 0)
			return -1;
	}
	return 0;
}

/* Behind the namespace of a realm, and behind a host folder, is one server. */
static int check_serves(struct load *l, const char *at, const Writ__Manifest__Server *s)
{
	if (s->per == WRIT__MANIFEST__SERVER__PER__PER_HOST && !s->serves)
		return doc_bad(&l->d, at, "per", "a server of host folders needs `serves: true`");
	if (!s->serves || s->per == WRIT__MANIFEST__SERVER__PER__PER_NODE)
		return 0;
	if (l->serves[s->per] != 0)
		return doc_bad(&l->d, at, "serves",
		    "the server on line %u serves each %s already: there is one", l->serves[s->per],
		    s->per == WRIT__MANIFEST__SERVER__PER__PER_HOST ? "host folder" : "realm");
	l->serves[s->per] = s->line;
	return 0;
}

static int load_server(struct load *l, const char *at, const struct y_server *y,
    Writ__Manifest__Server *s)
{
	char limits[BUILD_AT_MAX];

	s->line = doc_line(&l->d, at, NULL);
	s->profile = y->profile;
	s->per = (Writ__Manifest__Server__Per)y->per;
	s->serves = y->serves;
	snprintf(limits, sizeof(limits), "%.40s.limits", at);
	if (build_name(&l->d, at, "name", y->name, &s->name) < 0 ||
	    names_add(&l->d, &l->servers, at, "name", y->name) < 0 ||
	    build_name(&l->d, at, "image", y->image, &s->image) < 0 ||
	    build_args(&l->d, at, y->args, y->args_count, &s->args, &s->n_args) < 0 ||
	    build_limits(&l->d, limits, y->limits, &build_proc_limits, &s->limits) < 0 ||
	    load_grants(l, at, y, s) < 0)
		return -1;
	return check_serves(l, at, s);
}

static int load_servers(struct load *l)
{
	Writ__Manifest__Server *s;
	char at[BUILD_AT_MAX];
	unsigned i;

	if ((l->n->servers = build_alloc(&l->d, l->y->servers_count, sizeof(s))) == NULL)
		return -1;
	for (i = 0; i < l->y->servers_count; i++) {
		snprintf(at, sizeof(at), "servers[%u]", i);
		if ((s = build_alloc(&l->d, 1, sizeof(*s))) == NULL)
			return -1;
		writ__manifest__server__init(s);
		l->n->servers[l->n->n_servers++] = s;
		if (load_server(l, at, &l->y->servers[i], s) < 0)
			return -1;
	}
	if (l->scheduler == 0)
		return doc_bad(&l->d, "servers", NULL,
		    "none has the grant {scheduler: true}: no proc would ever start");
	if (l->n->n_hosts > 0 && !l->lends)
		return doc_bad(&l->d, "hosts", NULL,
		    "no server lends them: one needs `per: host` and the grant {host: true}");
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

int manifest_node_load(const char *file, Writ__Manifest__Node **ret, struct manifest_error *err)
{
	struct load l = { .hosts.kind = "a host folder", .servers.kind = "a server" };
	unsigned guard;
	void *y = NULL;
	int r;

	if (doc_load(&l.d, file, err) < 0)
		return -1;
	r = schema_load(&l.d, &schema_node, &y);
	if (r == 0)
		r = (l.n = build_alloc(&l.d, 1, sizeof(*l.n))) == NULL ? -1 : 0;
	if (r == 0) {
		writ__manifest__node__init(l.n);
		l.y = y;
		guard = l.y->guard != 0 ? l.y->guard - 1 : GUARD_ENFORCE;
		if (build_text(&l.d, &l.n->file, file) < 0 ||
		    build_text(&l.d, &l.n->guard, schema_guards[guard].str) < 0 ||
		    build_name(&l.d, "", "node", l.y->node, &l.n->name) < 0 ||
		    build_limits(&l.d, "limits", l.y->limits, &node_defaults, &l.n->limits) < 0 ||
		    load_hosts(&l) < 0 || load_servers(&l) < 0)
			r = -1;
	}
	schema_free(&schema_node, y);
	doc_fini(&l.d);
	if (r == 0)
		*ret = l.n;
	else
		manifest_node_free(l.n);
	return r;
}

void manifest_node_free(Writ__Manifest__Node *n)
{
	if (n != NULL)
		writ__manifest__node__free_unpacked(n, NULL);
}
