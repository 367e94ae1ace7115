/* SPDX-License-Identifier: MIT */
/*
 * Bodies of objects: the fixed tables they lie in, what happens when no capability
 * names one any more (K2: no allocation after boot); and what hangs on capabilities.
 */
#include "kernel.h"
#include <stdlib.h>
#include <sys/mman.h>

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
	(void)madvise(m, n * size, MADV_NOHUGEPAGE); /* tables are large and thinly filled */
	return m;
}

void k_pool_init(struct k_pool *p, uint32_t size)
{
	*p = (struct k_pool){ .size = size, .used_to = 1 };
	p->next = k_table(size, sizeof(*p->next));
	p->share = k_table(K_REALMS, sizeof(*p->share));
}

uint32_t k_pool_get(struct k_pool *p, uint32_t realm)
{
	uint32_t i = p->free;

	if (realm != 0 && p->share[realm] >= p->size - 1 - p->shared)
		return 0;
	if (i != 0)
		p->free = p->next[i];
	else if (p->used_to < p->size)
		i = p->used_to++;
	if (i != 0 && realm != 0) {
		p->share[realm]++;
		p->shared++;
	}
	return i;
}

void k_pool_put(struct k_pool *p, uint32_t realm, uint32_t i)
{
	if (i == 0)
		return;
	if (realm != 0) {
		p->share[realm]--;
		p->shared--;
	}
	p->next[i] = p->free;
	p->free = i;
}

/*
 * What hangs on capabilities: sessions, messages on their way, waits, mappings
 * each have a capability in a CNode of the kernel's own, derived from the one
 * that they depend on. So revoke finds them where it finds everything (K5), and
 * no other table has to be searched.
 */

uint32_t k_own_get(slot_t *ret)
{
	uint32_t i = k_pool_get(&k.own_pool, 0);
	obj_t *cn = &k.own[i >> K_OWN_BITS];

	if (i == 0)
		return 0;
	if (*cn == 0) {
		if (captab_cnode_new(&k.caps, k.untyped, K_OWN_BITS, cn) != 0) {
			k_pool_put(&k.own_pool, 0, i);
			return 0;
		}
		captab_hold(&k.caps, *cn);
		captab_obj(&k.caps, *cn)->body = K_OWN_BODY;
	}
	*ret = k_own_slot(i);
	return i;
}

slot_t k_own_slot(uint32_t entry)
{
	return captab_cnode_slot(&k.caps, k.own[entry >> K_OWN_BITS],
	    entry & ((1u << K_OWN_BITS) - 1));
}

void k_own_put(uint32_t entry)
{
	captab_delete(&k.caps, k_own_slot(entry));
	k_pool_put(&k.own_pool, 0, entry);
}

int k_hook_on(struct k_hook *h, unsigned type, slot_t parent)
{
	const struct cap *on = &captab_slot(&k.caps, parent)->cap;
	uint64_t badge = type == WRIT_TYPE_SESSION ? on->badge : 0;
	uint16_t rights = type == WRIT_TYPE_REPLY ? WRIT_R_GRANT : on->rights;
	slot_t s;
	uint32_t i = k_own_get(&s);
	obj_t obj;
	int e;

	if (i == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	if ((e = captab_obj_new(&k.caps, type, 0, (struct charge){ 0 }, i, &obj)) != 0) {
		k_pool_put(&k.own_pool, 0, i);
		return e;
	}
	*h = (struct k_hook){ .entry = i, .obj = obj, .slot = s };
	k.hooks[i] = h;
	return captab_insert(&k.caps, parent, s, obj, rights, badge);
}

bool k_hook_holds(const struct k_hook *h)
{
	const struct slot *s = h->entry != 0 ? captab_slot(&k.caps, h->slot) : NULL;

	return s != NULL && s->cap.type != WRIT_TYPE_NULL && s->cap.obj == h->obj;
}

void k_hook_off(struct k_hook *h)
{
	if (k_hook_holds(h))
		captab_delete(&k.caps, h->slot);
	if (h->entry != 0)
		k.hooks[h->entry] = NULL;
	h->entry = 0;
}

void k_hook_moved(slot_t slot)
{
	const struct cap *c = &captab_slot(&k.caps, slot)->cap;

	if (c->type == WRIT_TYPE_REPLY && k_hook_of(c) != NULL)
		k_hook_of(c)->slot = slot;
}

/* The last capability has gone: by revoke, or with the CSpace that it lay in. */
static void hook_gone(uint32_t body)
{
	struct k_hook *h = k.hooks[body];

	k.hooks[body] = NULL;
	if (h == NULL)
		return;
	h->entry = 0;
	if (captab_obj(&k.caps, h->obj)->type == WRIT_TYPE_SESSION)
		k_session_close(k_container(h, struct k_session, hook), NULL);
	else
		k_wait_lost(k_container(h, struct k_wait, hook));
}

/* --- bodies ---------------------------------------------------------------------------- */

static void path_gone(uint32_t body)
{
	captab_unhold(&k.caps, k.paths[body].endpoint);
}

static void file_gone(uint32_t body)
{
	close(k.files[body].fd);
}

static void proc_gone(uint32_t body)
{
	struct k_proc *p = &k.procs[body];

	p->obj = 0;
	if (k_proc_alive(p))
		k_proc_kill(p, "no capability names it any more");
}

/* Where bodies lie, and what goes with one. Procs and realms free theirs later; a host folder stays
 * open: it is the node's. */
static const struct {
	struct k_pool *pool;
	size_t size;
	void (*gone)(uint32_t body);
} types[WRIT_TYPE_N] = {
#define BODY(name) &k.name##_pool, sizeof(struct k_##name)
	[WRIT_TYPE_ENDPOINT] = { BODY(endpoint), k_endpoint_gone },
	[WRIT_TYPE_NOTIFICATION] = { BODY(notification), k_notification_gone },
	[WRIT_TYPE_PATH] = { BODY(path), path_gone },
	[WRIT_TYPE_SESSION] = { &k.own_pool, 0, hook_gone },
	[WRIT_TYPE_REPLY] = { &k.own_pool, 0, hook_gone },
	[WRIT_TYPE_HOLD] = { &k.own_pool, 0, hook_gone },
	[WRIT_TYPE_IMAGE] = { BODY(file), file_gone },
	[WRIT_TYPE_MEMORY] = { BODY(file), file_gone },
	[WRIT_TYPE_HOST] = { BODY(file), NULL },
	[WRIT_TYPE_SCHED_CONTEXT] = { BODY(context), k_context_gone },
	[WRIT_TYPE_SPAWN] = { BODY(spawn), k_spawn_gone },
	[WRIT_TYPE_REALM] = { NULL, 0, k_realm_gone },
	[WRIT_TYPE_PROC] = { NULL, 0, proc_gone },
};

int k_make(const struct k_req *q, unsigned type, obj_t payer, uint64_t bytes, slot_t parent,
    slot_t dst, uint16_t rights, uint64_t badge, uint32_t *ret_body)
{
	struct k_pool *pool = types[type].pool;
	uint32_t realm = pool == &k.file_pool ? q->p->realm : 0, body = k_pool_get(pool, realm);
	/* a Spawn lives without a capability while a narrower one does: so each costs a slot */
	struct charge cost = { .bytes = bytes != 0 ? bytes : types[type].size,
		.slots = type == WRIT_TYPE_SPAWN };
	obj_t obj;
	int e;

	if (body == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	e = captab_obj_new(&k.caps, type, payer, cost, body, &obj);
	if (e == 0 && (e = captab_insert(&k.caps, parent, dst, obj, rights, badge)) != 0)
		captab_obj_drop(&k.caps, obj);
	*ret_body = body;
	if (e != 0)
		k_pool_put(pool, realm, body);
	return e;
}

void k_object_finalise(void *arg, obj_t obj)
{
	const struct object *o = captab_obj(&k.caps, obj);

	(void)arg;
	if (types[o->type].gone != NULL)
		types[o->type].gone(o->body);
	if (types[o->type].pool != NULL)
		k_pool_put(types[o->type].pool,
		    types[o->type].pool == &k.file_pool ? k.files[o->body].realm : 0, o->body);
	if (o->type == WRIT_TYPE_UNTYPED) /* what it cost besides its account */
		captab_uncharge(&k.caps, o->untyped, (struct charge){ .slots = 1 });
}

/* --- what an object is, for people and for whoever holds Audit ---------------------------- */

/* What its body calls itself, or "". */
static const char *body_name(const struct object *o)
{
	switch (o->type) {
	case WRIT_TYPE_PATH: return k.paths[o->body].prefix;
	case WRIT_TYPE_IMAGE:
	case WRIT_TYPE_MEMORY:
	case WRIT_TYPE_HOST: return k.files[o->body].name;
	case WRIT_TYPE_PROC: return k.procs[o->body].name;
	case WRIT_TYPE_REALM: return k.realms[o->body].name;
	default: return "";
	}
}

/* By the realm of who serves it: each server has one of its own. */
static int endpoint_name(obj_t obj, char *buf, size_t size)
{
	uint32_t realm = k.endpoints[captab_obj(&k.caps, obj)->body].realm;

	return realm != 0 ? snprintf(buf, size, "%s", k.realms[realm].name)
			  : snprintf(buf, size, "ep%u", obj);
}

void k_object_name(const struct cap *c, char *buf, size_t size)
{
	const struct object *o = captab_obj(&k.caps, c->obj);
	const char *name = o != NULL ? body_name(o) : "";
	uint32_t b = o != NULL ? o->body : 0;
	const struct k_spawn *sp = &k.spawns[b];
	int n;

	snprintf(buf, size, "%s", name);
	switch (o != NULL ? c->type : WRIT_TYPE_NULL) {
	case WRIT_TYPE_ENDPOINT: endpoint_name(c->obj, buf, size); break;
	case WRIT_TYPE_PATH:
		n = endpoint_name(k.paths[b].endpoint, buf, size);
		snprintf(buf + n, size - (size_t)n, ":%s", name);
		break;
	case WRIT_TYPE_PROC: snprintf(buf, size, "%s[%u]", name, k.procs[b].pid); break;
	case WRIT_TYPE_SPAWN:
		snprintf(buf, size, "%s: %u procs, %s%lu MiB", k.realms[sp->realm].name,
		    sp->max.procs, /* no number where there is no limit */
		    sp->max.cores == UINT32_MAX ? "" : text("%u mcores, ", sp->max.cores).s,
		    sp->max.memory >> 20);
		break;
	case WRIT_TYPE_SESSION:
		if (k.hooks[b] != NULL) {
			const struct k_session *s = k_container(k.hooks[b], struct k_session, hook);

			snprintf(buf, size, "%u: %s", s->id, s->client ? s->client->name : "");
		}
		break;
	default: break;
	}
}

/* Whose CSpace the CNode is; 0: nobody's. */
static uint32_t cnode_pid(const struct object *cnode)
{
	uint32_t b = cnode->body;

	return b != 0 && b != (uint32_t)K_OWN_BODY ? k.procs[b].pid : 0;
}

void k_cap_row(slot_t s, struct writ_cap_info *out)
{
	const struct slot *sl = captab_slot(&k.caps, s);
	const struct object *cn = captab_obj(&k.caps, sl->cnode);

	*out = (struct writ_cap_info){ .index = s - cn->base,
		.cnode = sl->cnode,
		.pid = cnode_pid(cn),
		.type = sl->cap.type,
		.rights = sl->cap.rights,
		.obj = sl->cap.obj,
		.guard_bits = sl->cap.flags & CAP_GUARD_BITS,
		.guard = sl->cap.guard,
		.badge = sl->cap.badge };
	k_object_name(&sl->cap, out->name, sizeof(out->name));
}

void k_object_row(obj_t obj, struct writ_object *out)
{
	const struct object *o = captab_obj(&k.caps, obj);
	const struct account *a = captab_account(&k.caps, obj);
	uint32_t b = o->body;
	const struct k_proc *p = &k.procs[b];
	const struct k_realm *r = &k.realms[b];
	const struct k_spawn *s = &k.spawns[b];
	const struct k_context *c = &k.contexts[b];

	*out = (struct writ_object){ obj, o->untyped, o->type, o->refs, { { 0 } }, "" };
	snprintf(out->name, sizeof(out->name), "%s", body_name(o));
#define ROW(what, ...) \
	memcpy(&out->what, &(__typeof__(out->what)){ __VA_ARGS__ }, sizeof(out->what))
	switch (o->type) {
	case WRIT_TYPE_UNTYPED: ROW(untyped, a->max.bytes, a->max.slots, a->max.procs); break;
	case WRIT_TYPE_CNODE: ROW(cnode, o->bits, cnode_pid(o)); break;
	case WRIT_TYPE_IMAGE:
	case WRIT_TYPE_MEMORY:
	case WRIT_TYPE_HOST: ROW(file, k.files[b].size, k.files[b].uid); break;
	case WRIT_TYPE_PATH: out->endpoint = k.paths[b].endpoint; break;
	case WRIT_TYPE_PROC:
		ROW(proc, p->row, p->cnode, p->image, p->cores, p->held, p->log_max);
		break;
	case WRIT_TYPE_REALM: ROW(realm, r->account, b, r->uid, r->cores, r->memory); break;
	case WRIT_TYPE_SPAWN: ROW(spawn, s->max, k.realms[s->realm].obj, s->parent); break;
	case WRIT_TYPE_SCHED_CONTEXT:
		ROW(context, c->set, c->proc != NULL ? c->proc->obj : 0);
		break;
	default: break;
	}
#undef ROW
}
