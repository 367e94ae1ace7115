/* SPDX-License-Identifier: MIT */
/*
 * A realm's manifest: what its words mean together, and the message made of
 * them. Everything is checked before the images are read, which takes longest.
 */
#include <stdlib.h>
#include <string.h>
#include <writ/abi.h>
#include "tools/manifest/realm.h"

/* The operator's request carries the message: 64 KiB with room for its other fields. */
enum { MESSAGE_MAX = 60 * 1024 };

static const Writ__Manifest__Limits realm_defaults = {
	PROTOBUF_C_MESSAGE_INIT(&writ__manifest__limits__descriptor),
	.procs = 64,
	.memory = GIB,
};

/* --- the realm's own ------------------------------------------------------ */

static int load_require(struct load *l)
{
	unsigned i;

	if (l->y->require == 0)
		return 0;
	if ((l->r->require = build_alloc(&l->d, WRIT_LAYER_N, sizeof(char *))) == NULL)
		return -1;
	for (i = 0; i < WRIT_LAYER_N; i++) {
		if ((l->y->require >> i & 1) == 0)
			continue;
		if (build_text(&l->d, &l->r->require[l->r->n_require], schema_layers[i].str) < 0)
			return -1;
		l->r->n_require++;
	}
	l->r->require_line = doc_line(&l->d, "require", NULL);
	return 0;
}

int realm_within_procs(struct doc *d, const char *at, uint32_t part, uint32_t whole, const char *of)
{
	if (whole == 0 || part <= whole)
		return 0;
	return doc_bad(d, at, "procs", "%u procs are more than %s, %u", part, of, whole);
}

int realm_within_memory(struct doc *d, const char *at, uint64_t part, uint64_t whole,
    const char *of)
{
	char a[TEXT_SHORT], b[TEXT_SHORT];

	if (whole == 0 || part <= whole)
		return 0;
	return doc_bad(d, at, "memory", "%s is more than %s, %s", text_of_size(a, part), of,
	    text_of_size(b, whole));
}

int realm_within_cores(struct doc *d, const char *at, uint32_t part, uint32_t whole, const char *of)
{
	char a[TEXT_SHORT], b[TEXT_SHORT];

	if (whole == 0 || part <= whole)
		return 0;
	return doc_bad(d, at, "cores", "%s are more than %s, %s", text_of_cores(a, part), of,
	    text_of_cores(b, whole));
}

/* A default gives way to the node's limit; what was written must be within. */
static int load_limits(struct load *l)
{
	static const char at[] = "limits", of[] = "the node's limit";
	const Writ__Manifest__Limits *n = l->node != NULL ? l->node->limits : NULL;
	Writ__Manifest__Limits *r;

	if (build_limits(&l->d, at, l->y->limits, &realm_defaults, &l->r->limits) < 0)
		return -1;
	r = l->r->limits;
	if (n == NULL)
		return 0;
	if (doc_find(&l->d, at, "procs") == NULL && n->procs != 0 && r->procs > n->procs)
		r->procs = n->procs;
	if (doc_find(&l->d, at, "memory") == NULL && n->memory != 0 && r->memory > n->memory)
		r->memory = n->memory;
	if (realm_within_procs(&l->d, at, r->procs, n->procs, of) < 0 ||
	    realm_within_memory(&l->d, at, r->memory, n->memory, of) < 0)
		return -1;
	return realm_within_cores(&l->d, at, r->cores, n->cores, of);
}

/* --- mounts --------------------------------------------------------------- */

static int check_host(struct load *l, const char *at, const Writ__Manifest__Mount *m)
{
	char have[TEXT_SHORT * 2], extra[TEXT_SHORT * 2];
	struct names hosts = { .kind = "a host folder" };
	size_t i;

	if (l->node == NULL)
		return 0;
	for (i = 0; i < l->node->n_hosts && i < BUILD_NAMES_MAX; i++)
		hosts.v[hosts.n++].name = l->node->hosts[i]->name;
	if (names_want(&l->d, &hosts, at, "host", m->host) < 0)
		return -1;
	for (i = 0; strcmp(l->node->hosts[i]->name, m->host) != 0; i++)
		;
	if ((m->rights & ~l->node->hosts[i]->rights) == 0)
		return 0;
	return doc_bad(&l->d, at, "rights",
	    "the node lends %s with %s only (%s, line %u): leave out %s", m->host,
	    build_rights(have, l->node->hosts[i]->rights), l->node->file, l->node->hosts[i]->line,
	    build_rights(extra, m->rights & ~l->node->hosts[i]->rights));
}

static int check_mount_place(struct load *l, const char *at, const char *place)
{
	const char *fault = text_path_fault(place, WRIT_PREFIX_MAX);
	char buf[TEXT_SHORT];
	unsigned i;

	if (fault != NULL)
		return doc_bad(&l->d, at, "at", "`%s` %s", text_cut(buf, sizeof(buf), place),
		    fault);
	if (strcmp(place, "/") == 0)
		return doc_bad(&l->d, at, "at",
		    "a mount at / would hide all else: write such as /in");
	if (text_below(place, "/svc"))
		return doc_bad(&l->d, at, "at",
		    "/svc is where services show: choose another place");
	for (i = 0; i < l->mounts.n; i++) {
		const char *other = l->mounts.v[i].name;

		if (strcmp(place, other) != 0 &&
		    (text_below(place, other) || text_below(other, place)))
			return doc_bad(&l->d, at, "at", "nests with the mount at %s, on line %u",
			    other, l->mounts.v[i].line);
	}
	return names_add(&l->d, &l->mounts, at, "at", place);
}

static int load_mounts(struct load *l)
{
	Writ__Manifest__Mount *m;
	char at[BUILD_AT_MAX];
	unsigned i;

	if ((l->r->mounts = build_alloc(&l->d, l->y->mounts_count, sizeof(m))) == NULL)
		return -1;
	for (i = 0; i < l->y->mounts_count; i++) {
		const struct y_mount *y = &l->y->mounts[i];

		snprintf(at, sizeof(at), "mounts[%u]", i);
		if ((m = build_alloc(&l->d, 1, sizeof(*m))) == NULL)
			return -1;
		writ__manifest__mount__init(m);
		l->r->mounts[l->r->n_mounts++] = m;
		m->rights = y->rights;
		m->line = doc_line(&l->d, at, NULL);
		if (check_mount_place(l, at, y->at) < 0 || build_text(&l->d, &m->at, y->at) < 0 ||
		    build_name(&l->d, at, "host", y->host, &m->host) < 0 ||
		    check_host(l, at, m) < 0)
			return -1;
	}
	return 0;
}

/* --- images --------------------------------------------------------------- */

static int image_path(struct load *l, const char *path, char **ret)
{
	const char *slash = strrchr(l->d.file, '/');
	int dir = path[0] == '/' || slash == NULL ? 0 : (int)(slash - l->d.file) + 1;
	char *p;

	if (asprintf(&p, "%.*s%s", dir, l->d.file, path) < 0)
		return doc_oom(&l->d);
	*ret = p;
	return 0;
}

static int load_pin(struct load *l, const char *at, const char *hex, Writ__Manifest__Image *m)
{
	size_t i;

	if ((m->sha256.data = build_alloc(&l->d, 1, 32)) == NULL)
		return -1;
	m->sha256.len = 32;
	m->pinned = hex != NULL;
	if (hex == NULL)
		return 0;
	if (strlen(hex) != 64 || strspn(hex, "0123456789abcdefABCDEF") != 64)
		return doc_bad(&l->d, at, "sha256",
		    "is no SHA-256: write the 64 hexadecimal digits that sha256sum prints");
	for (i = 0; i < 32; i++) {
		const char pair[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		m->sha256.data[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return 0;
}

static int load_images(struct load *l)
{
	Writ__Manifest__Image *m;
	char at[BUILD_AT_MAX];
	unsigned i;

	if ((l->r->images = build_alloc(&l->d, l->y->images_count, sizeof(m))) == NULL)
		return -1;
	for (i = 0; i < l->y->images_count; i++) {
		const struct y_image *y = &l->y->images[i];

		snprintf(at, sizeof(at), "images[%u]", i);
		if ((m = build_alloc(&l->d, 1, sizeof(*m))) == NULL)
			return -1;
		writ__manifest__image__init(m);
		l->r->images[l->r->n_images++] = m;
		m->line = doc_line(&l->d, at, NULL);
		if (build_name(&l->d, at, "name", y->name, &m->name) < 0 ||
		    names_add(&l->d, &l->images, at, "name", y->name) < 0)
			return -1;
		if (*y->path == '\0' || strlen(y->path) >= 4096 || !text_clean(y->path))
			return doc_bad(&l->d, at, "path",
			    "is not a file's path: 1 to 4095 bytes without control characters");
		if (image_path(l, y->path, &m->path) < 0 || load_pin(l, at, y->sha256, m) < 0)
			return -1;
	}
	return 0;
}

/* Read what the images name. A pin must hold. */
static int read_images(struct load *l)
{
	char at[BUILD_AT_MAX], hex[65], path[TEXT_LONG];
	struct manifest_error e;
	uint8_t sum[32];
	size_t i, k;

	for (i = 0; i < l->r->n_images; i++) {
		Writ__Manifest__Image *m = l->r->images[i];

		snprintf(at, sizeof(at), "images[%zu]", i);
		text_cut(path, sizeof(path), m->path);
		if (manifest_image_probe(m->path, sum, &m->size, &e) < 0)
			return doc_bad(&l->d, at, "path", "%s %s", path, e.text);
		for (k = 0; k < sizeof(sum); k++)
			snprintf(hex + 2 * k, 3, "%02x", sum[k]);
		if (m->pinned && memcmp(sum, m->sha256.data, sizeof(sum)) != 0)
			return doc_bad(&l->d, at, "sha256", "%s has another hash: %s", path, hex);
		memcpy(m->sha256.data, sum, sizeof(sum));
	}
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

static int load_realm(struct load *l)
{
	size_t n;

	if (build_text(&l->d, &l->r->file, l->d.file) < 0 ||
	    build_name(&l->d, "", "realm", l->y->realm, &l->r->name) < 0 || load_require(l) < 0 ||
	    load_limits(l) < 0 || load_mounts(l) < 0 || load_images(l) < 0 ||
	    realm_load_procs(l) < 0)
		return -1;
	n = writ__manifest__realm__get_packed_size(l->r);
	if (n > MESSAGE_MAX)
		return doc_bad(&l->d, "", NULL,
		    "too large: what it says takes %zu bytes, at most %d fit into a request", n,
		    MESSAGE_MAX);
	return read_images(l);
}

int manifest_realm_load(const char *file, const struct manifest_node *n,
    Writ__Manifest__Realm **ret, struct manifest_error *err)
{
	struct load l = {
		.node = n != NULL ? n->node : NULL,
		.mounts.kind = "a mount at",
		.images.kind = "an image",
		.procs.kind = "a proc",
		.services.kind = "a service",
	};
	void *y = NULL;
	int r;

	if (doc_load(&l.d, file, err) < 0)
		return -1;
	r = schema_load(&l.d, &schema_realm, &y);
	if (r == 0)
		r = (l.r = build_alloc(&l.d, 1, sizeof(*l.r))) == NULL ? -1 : 0;
	if (r == 0) {
		writ__manifest__realm__init(l.r);
		l.y = y;
		r = load_realm(&l);
	}
	schema_free(&schema_realm, y);
	doc_fini(&l.d);
	if (r == 0)
		*ret = l.r;
	else
		manifest_realm_free(l.r);
	return r;
}

void manifest_realm_free(Writ__Manifest__Realm *r)
{
	if (r != NULL)
		writ__manifest__realm__free_unpacked(r, NULL);
}
