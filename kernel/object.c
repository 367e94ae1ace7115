/* SPDX-License-Identifier: MIT */
/*
 * Bodies of objects: the fixed tables they lie in and what happens when no
 * capability names one any more. Upholds K2: no allocation after boot.
 */
#include "kernel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define X(id, name) name,
const char *const k_types[] = { WRIT_TYPES(X) };
const char *const k_classes[] = { WRIT_CLASSES(X) };
const char *const k_profiles[] = { WRIT_PROFILES(X) };
const char *const k_states[] = { WRIT_STATES(X) };
#undef X

void *k_table(size_t n, size_t size)
{
	void *m = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED) {
		k_log("no memory for a table of %zu bytes", n * size);
		exit(70);
	}
	return m;
}

void k_pool_init(struct k_pool *p, uint32_t size)
{
	*p = (struct k_pool){ .size = size, .used_to = 1, .next = k_table(size, sizeof(*p->next)) };
}

uint32_t k_pool_get(struct k_pool *p)
{
	uint32_t i = p->free;

	if (i != 0) {
		p->free = p->next[i];
		return i;
	}
	return p->used_to < p->size ? p->used_to++ : 0;
}

void k_pool_put(struct k_pool *p, uint32_t i)
{
	p->next[i] = p->free;
	p->free = i;
}

static void path_gone(uint32_t body)
{
	captab_unhold(&k.caps, k.paths[body].endpoint);
	k_pool_put(&k.path_pool, body);
}

static void file_gone(uint32_t body, unsigned type)
{
	if (type != WRIT_TYPE_HOST) /* host folders stay open: they are the node's */
		close(k.files[body].fd);
	k_pool_put(&k.file_pool, body);
}

static void proc_gone(uint32_t body)
{
	struct k_proc *p = &k.procs[body];

	p->obj = 0;
	if (k_proc_alive(p))
		k_proc_kill(p, "no capability names it any more");
}

void k_object_finalise(void *arg, obj_t obj)
{
	const struct object *o = captab_obj(&k.caps, obj);

	(void)arg;
	switch (o->type) {
	case WRIT_TYPE_ENDPOINT: k_endpoint_gone(&k.endpoints[o->body]); break;
	case WRIT_TYPE_PATH: path_gone(o->body); break;
	case WRIT_TYPE_SESSION: k_session_gone(&k.sessions[o->body]); break;
	case WRIT_TYPE_IMAGE:
	case WRIT_TYPE_MEMORY:
	case WRIT_TYPE_HOST: file_gone(o->body, o->type); break;
	case WRIT_TYPE_PROC: proc_gone(o->body); break;
	case WRIT_TYPE_SPAWN: k_spawn_gone(o->body); break;
	case WRIT_TYPE_REALM: k_realm_gone(o->body); break;
	default: /* Untyped and CNode are captab's own */ break;
	}
}

/* By the realm of who serves it: each server has one of its own. */
static void endpoint_name(obj_t obj, char *buf, size_t size)
{
	const struct k_endpoint *ep = &k.endpoints[captab_obj(&k.caps, obj)->body];

	if (ep->realm != 0)
		snprintf(buf, size, "%s", k.realms[ep->realm].name);
	else
		snprintf(buf, size, "ep%u", obj);
}

void k_object_name(const struct cap *c, char *buf, size_t size)
{
	const struct object *o = captab_obj(&k.caps, c->obj);
	uint32_t b = o != NULL ? o->body : 0;

	buf[0] = '\0';
	if (o == NULL)
		return;
	switch (c->type) {
	case WRIT_TYPE_PATH:
		endpoint_name(k.paths[b].endpoint, buf, size);
		snprintf(buf + strlen(buf), size - strlen(buf), ":%s", k.paths[b].prefix);
		break;
	case WRIT_TYPE_IMAGE:
	case WRIT_TYPE_MEMORY:
	case WRIT_TYPE_HOST: snprintf(buf, size, "%s", k.files[b].name); break;
	case WRIT_TYPE_PROC: snprintf(buf, size, "%s[%u]", k.procs[b].name, k.procs[b].pid); break;
	case WRIT_TYPE_REALM: snprintf(buf, size, "%s", k.realms[b].name); break;
	case WRIT_TYPE_SPAWN:
		snprintf(buf, size, "%s: %u procs, %u mcores, %llu MiB",
		    k.realms[k.spawns[b].realm].name, k.spawns[b].procs, k.spawns[b].cores,
		    (unsigned long long)(k.spawns[b].memory >> 20));
		break;
	case WRIT_TYPE_ENDPOINT: endpoint_name(c->obj, buf, size); break;
	case WRIT_TYPE_SESSION:
		snprintf(buf, size, "%u: %s", k.sessions[b].id,
		    k.sessions[b].client ? k.sessions[b].client->name : "");
		break;
	default: break;
	}
}
