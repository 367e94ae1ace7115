/* SPDX-License-Identifier: MIT */
/*
 * root's own start: what the kernel gave it by name, the node's manifest, the
 * servers that the manifest asks for.
 */
#include "servers/root/root.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MANIFEST     "manifest" /* the boot module that holds the node's */
#define MANIFEST_MAX (256 * 1024)

struct root root;

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

writ_cap_t boot_module(const char *name)
{
	for (unsigned i = 0; i < root.nmodules; i++)
		if (strcmp(root.modules[i].name, name) == 0)
			return root.modules[i].cap;
	return 0;
}

static const Writ__Manifest__Host *manifest_host(const char *name)
{
	for (size_t i = 0; i < root.node->n_hosts; i++)
		if (strcmp(root.node->hosts[i]->name, name) == 0)
			return root.node->hosts[i];
	return NULL;
}

/* Modules and host folders, by the names in the start record. */
static int read_names(struct srv *s)
{
	uint32_t rights;
	const char *name;
	writ_cap_t slot;
	unsigned type;

	for (unsigned i = 0; writ_named_each(i, &type, &name, &slot, &rights); i++) {
		if (type == WRIT_TYPE_NULL)
			snprintf(root.missing, sizeof(root.missing), "%s", name);
		if ((type != WRIT_TYPE_IMAGE && type != WRIT_TYPE_HOST) ||
		    strcmp(name, WRIT_BOOT_OP) == 0)
			continue;
		if (root.nmodules == ROOT_MODULES_MAX || root.nhosts == CHECK_HOSTS_MAX) {
			srv_log(s, "more boot modules or host folders than %d", ROOT_MODULES_MAX);
			return -WRIT_E_RANGE;
		}
		if (type == WRIT_TYPE_IMAGE) {
			root.modules[root.nmodules].name = name;
			root.modules[root.nmodules++].cap = slot;
		} else {
			root.hosts[root.nhosts++] = (struct host){ .name = name,
				.cap = slot,
				.rights = rights,
				.m = manifest_host(name) };
		}
	}
	return 0;
}

static int read_manifest(struct srv *s)
{
	writ_cap_t cap = writ_named_cap(WRIT_TYPE_MEMORY, MANIFEST);
	char why[ROOT_SENTENCE] = "";
	struct stat st;
	void *data;
	int fd = cap != 0 ? writ_cap_fd(cap) : -WRIT_E_NOT_FOUND;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > MANIFEST_MAX) {
		srv_log(s, "boot module %s: not there, or empty, or larger than %d bytes", MANIFEST,
		    MANIFEST_MAX);
		if (fd >= 0)
			close(fd);
		return -WRIT_E_NOT_FOUND;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data != MAP_FAILED) {
		root.node = arena_unpack(&root.arena, &writ__manifest__node__descriptor, data,
		    (size_t)st.st_size);
		munmap(data, (size_t)st.st_size);
	}
	if (root.node == NULL) {
		srv_log(s, "boot module %s is no node's manifest", MANIFEST);
		return -WRIT_E_BAD_REQUEST;
	}
	if (check_servers(root.node, why, sizeof(why)) < 0) {
		srv_log(s, "%s", why);
		return -WRIT_E_INVALID_ARGUMENT;
	}
	root.guard = root.node->guard[0] != '\0' ? guard_of(root.node->guard) : GUARD_ENFORCE;
	return 0;
}

/* The instances of one server that a node has from its start: those per realm come with their
 * realm. */
static int start_server(struct srv *s, const Writ__Manifest__Server *m)
{
	bool per_host = m->per == WRIT__MANIFEST__SERVER__PER__PER_HOST;
	unsigned n = per_host ? root.nhosts : m->per == WRIT__MANIFEST__SERVER__PER__PER_NODE;
	char why[ROOT_SENTENCE];

	for (unsigned i = 0; i < n; i++) {
		struct host *h = per_host ? &root.hosts[i] : NULL;
		struct instance *x = instance_new(m, h, NULL, why);

		if (x == NULL) {
			srv_log(s, "%s:%u: %s", root.node->file, m->line, why);
			return -WRIT_E_INVALID_ARGUMENT;
		}
		if (h != NULL && m->serves)
			h->server = x;
	}
	return 0;
}

int boot_init(struct srv *s)
{
	int r;

	root.srv = s;
	if ((r = read_manifest(s)) < 0 || (r = read_names(s)) < 0)
		return r;
	for (size_t i = 0; i < root.node->n_servers && r == 0; i++)
		r = start_server(s, root.node->servers[i]);
	return r;
}

/* Paths that a host folder can be mounted with: what the manifest says, no more than the folder's
 * kind has. */
static uint32_t host_rights(const struct host *h)
{
	uint32_t all = WRIT_R_READ | WRIT_R_WATCH;

	if ((h->rights & WRIT_R_WRITE) != 0)
		all |= WRIT_R_WRITE | WRIT_R_CREATE | WRIT_R_REMOVE;
	return h->m != NULL && h->m->rights != 0 ? all & h->m->rights : all;
}

struct check_node boot_view(void)
{
	struct check_node v = { .file = root.node->file, .missing = root.missing };

	for (size_t i = 0; i < root.node->n_servers; i++)
		if (root.node->servers[i]->serves &&
		    root.node->servers[i]->per == WRIT__MANIFEST__SERVER__PER__PER_REALM)
			v.named = root.node->servers[i]->name;
	for (unsigned i = 0; i < root.nhosts; i++)
		if (root.hosts[i].server != NULL &&
		    root.hosts[i].server->state != INSTANCE_GIVEN_UP)
			v.hosts[v.nhosts++] = (struct check_host){ root.hosts[i].name,
				host_rights(&root.hosts[i]),
				root.hosts[i].m != NULL ? root.hosts[i].m->line : 0 };
	return v;
}
