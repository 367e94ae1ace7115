/* SPDX-License-Identifier: MIT */
/*
 * Where a path of a realm leads, and who is meant by a name. Pure.
 */
#include "servers/root/check.h"
#include <string.h>

const char *path_behind(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	if (n > 0 && prefix[n - 1] == '/')
		n--;
	if (strncmp(path, prefix, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return NULL;
	return path[n] == '/' && path[n + 1] == '\0' ? path + n + 1 : path + n;
}

const Writ__Manifest__Mount *resolve_mount(const Writ__Manifest__Realm *m, const char *path,
    const char **ret_rest)
{
	const Writ__Manifest__Mount *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < m->n_mounts; i++) {
		const char *rest = path_behind(path, m->mounts[i]->at);

		if (rest == NULL || strlen(m->mounts[i]->at) < longest)
			continue;
		best = m->mounts[i];
		longest = strlen(best->at);
		*ret_rest = rest;
	}
	return best;
}

const Writ__Manifest__Proc *resolve_provider(const Writ__Manifest__Realm *m, const char *service)
{
	for (size_t i = 0; i < m->n_procs; i++)
		if (m->procs[i]->provides[0] != '\0' && strcmp(m->procs[i]->provides, service) == 0)
			return m->procs[i];
	return NULL;
}

const struct check_host *resolve_host(const struct check_node *n, const char *name)
{
	for (unsigned i = 0; i < n->nhosts; i++)
		if (strcmp(n->hosts[i].name, name) == 0)
			return &n->hosts[i];
	return NULL;
}

const Writ__Manifest__Image *resolve_image(const Writ__Manifest__Realm *m, const char *name)
{
	for (size_t i = 0; i < m->n_images; i++)
		if (strcmp(m->images[i]->name, name) == 0)
			return m->images[i];
	return NULL;
}
