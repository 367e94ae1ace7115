/* SPDX-License-Identifier: MIT */
/*
 * Spawn rights and new procs. The kernel decides whether (a Spawn capability
 * and its limits say so) and makes a pending proc; the scheduler says when.
 */
#include "kernel.h"

enum { SPAWN_DEPTH = 64 };

/* --- Spawn capabilities ------------------------------------------------------------- */

/* What the new Spawn may allow at most: all that its source allows. */
static struct k_spawn spawncap_source(const struct k_req *q)
{
	struct k_spawn s = { .realm = k_body(q->cap),
		.max = { .classes = (1u << WRIT_CLASS_N) - 1,
		    .profiles = (1u << WRIT_PROFILE_N) - 1,
		    .procs = UINT32_MAX,
		    .cores = UINT32_MAX,
		    .memory = UINT64_MAX } };

	if (q->cap->type == WRIT_TYPE_SPAWN) {
		s = k.spawns[k_body(q->cap)];
		s.parent = q->cap->obj;
	}
	return s;
}

int k_call_spawncap(struct k_req *q)
{
	const struct writ_spawncap_req *r = q->in;
	struct k_spawn s = spawncap_source(q);
	uint32_t body;
	int e;

	if (r->classes == 0 || r->profiles == 0)
		return WRIT_E_BAD_REQUEST;
	if (s.depth == SPAWN_DEPTH)
		return WRIT_E_RANGE;
	if ((r->classes & ~s.max.classes) != 0 || (r->profiles & ~s.max.profiles) != 0 ||
	    r->procs > s.max.procs || r->cores > s.max.cores || r->memory > s.max.memory)
		return k_why(q, WRIT_E_NO_RIGHT, "a Spawn wider than the one it comes from");
	if ((e = k_make(q, WRIT_TYPE_SPAWN, k_account(q->p), 0, q->slot, q->at[0],
		 WRIT_R_WRITE | WRIT_R_GRANT, 0, &body)) != 0)
		return e;
	k.spawns[body] = (struct k_spawn){ .parent = s.parent,
		.depth = s.depth + 1,
		.realm = s.realm,
		.max = *r };
	if (s.parent != 0)
		captab_hold(&k.caps, s.parent);
	captab_hold(&k.caps, k.realms[s.realm].obj);
	return 0;
}

void k_spawn_gone(uint32_t body)
{
	struct k_spawn *s = &k.spawns[body];

	if (s->parent != 0)
		captab_unhold(&k.caps, s->parent);
	captab_unhold(&k.caps, k.realms[s->realm].obj);
}

static struct k_spawn *spawn_of(obj_t o)
{
	return o != 0 ? &k.spawns[captab_obj(&k.caps, o)->body] : NULL;
}

/* The limit of the Spawn, or of one it came from, that stands in the way; NULL: none. */
static const char *limit_hit(obj_t spawn, const struct writ_spawn_req *r)
{
	uint32_t cores = r->class == WRIT_CLASS_LC ? r->cores : 0;

	for (const struct k_spawn *s = spawn_of(spawn); s != NULL; s = spawn_of(s->parent)) {
		if (s->used_procs >= s->max.procs)
			return "procs";
		if (cores > s->max.cores - s->used_cores)
			return "cores";
		if (r->memory > s->max.memory - s->used_memory)
			return "memory";
	}
	return NULL;
}

void k_spawn_take(const struct k_proc *p, int procs)
{
	for (struct k_spawn *s = spawn_of(p->spawn); s != NULL; s = spawn_of(s->parent)) {
		s->used_procs += (uint32_t)procs;
		s->used_cores += (uint32_t)procs * p->reserved;
		s->used_memory += (uint64_t)procs * p->memory;
	}
}

/* --- spawn --------------------------------------------------------------------------- */

/* What follows the request; behind them comes the start record. */
static const struct writ_grant *grants(const struct k_req *q)
{
	return (const void *)((const struct writ_spawn_req *)q->in + 1);
}

static int spawn_decode(struct k_req *q, const struct cap **image)
{
	const struct writ_spawn_req *r = q->in;
	const struct k_spawn *s = spawn_of(q->cap->obj);
	const char *limit;
	int e;

	if (r->ngrants > WRIT_GRANTS_MAX || r->blob > WRIT_BLOB_MAX ||
	    q->h.len != sizeof(*r) + r->ngrants * sizeof(struct writ_grant) + r->blob ||
	    r->class >= WRIT_CLASS_N || r->profile >= WRIT_PROFILE_N ||
	    !k_name_ok(r->name, sizeof(r->name)))
		return WRIT_E_BAD_REQUEST;
	if ((r->cnode_bits != 0 && (r->cnode_bits < 6 || r->cnode_bits > 12)) ||
	    r->memory == 0) /* 0 would be no limit at all */
		return WRIT_E_RANGE;
	if ((e = k_need(q, r->image, WRIT_BY_WITH, image)) != 0)
		return e;
	if ((s->max.classes & 1u << r->class) == 0 || (s->max.profiles & 1u << r->profile) == 0)
		return k_why(q, WRIT_E_NO_RIGHT, "Spawn does not allow class %s with profile %s",
		    k_classes[r->class], k_profiles[r->profile]);
	limit = limit_hit(q->cap->obj, r);
	if (limit != NULL)
		return k_why(q, WRIT_E_NOT_ENOUGH_MEMORY, "Spawn's limit of %s", limit);
	return k_why(q, 0, "proc %s of image %s", r->name, k.files[k_body(*image)].name);
}

/* Copy the granted capabilities into the new CSpace. On failure some may lie there; the CNode is
 * dropped whole. */
static int spawn_grant(struct k_req *q, obj_t cnode)
{
	const struct writ_spawn_req *r = q->in;

	for (unsigned i = 0; i < r->ngrants; i++) {
		const struct writ_grant g = grants(q)[i];
		slot_t src = captab_cnode_slot(&k.caps, q->p->cnode, g.src);
		slot_t dst = g.dst != 0 ? captab_cnode_slot(&k.caps, cnode, g.dst) : 0;
		int e;

		if ((g.rights & ~(uint32_t)WRIT_R_ALL) != 0)
			return WRIT_E_BAD_REQUEST;
		if ((e = captab_copy(&k.caps, src, dst, (uint16_t)g.rights)) == 0)
			continue;
		if (e == WRIT_E_NO_RIGHT)
			q->missing = g.rights & ~(uint32_t)captab_slot(&k.caps, src)->cap.rights;
		return k_why(q, e, "grant of slot %u to %s", g.src, r->name);
	}
	return 0;
}

int k_spawn_gate(struct k_proc *p, const void *blob, uint32_t len)
{
	struct {
		struct writ_begin b;
		char blob[WRIT_BLOB_MAX];
	} m = { .b = { .pid = p->pid, .parent = p->parent, .realm = p->realm, .blob = len } };
	struct writ_hdr h = { .op = WRIT_EV_BEGIN, .len = (uint16_t)(sizeof(m.b) + len) };
	int sv[2];

	memcpy(m.b.name, p->name, sizeof(m.b.name));
	memcpy(m.b.realm_name, k.realms[p->realm].name, sizeof(m.b.realm_name));
	memcpy(m.blob, blob, len);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	p->gate = sv[0];
	p->child = sv[1];
	return k_gate_tell(p, h, &m, NULL) ? 0 : WRIT_E_NOT_ENOUGH_MEMORY;
}

static void spawn_describe(struct k_proc *p, const struct k_req *q, obj_t image)
{
	const struct writ_spawn_req *r = q->in;

	p->parent = q->p->pid;
	p->class = r->class;
	p->profile = r->profile;
	p->cores = r->cores;
	p->reserved = r->class == WRIT_CLASS_LC ? r->cores : 0;
	p->held = (r->flags & WRIT_SPAWN_HOLD) != 0;
	p->memory = r->memory;
	p->log_max = (r->flags & WRIT_SPAWN_NOLOG) != 0 ? 0 : r->log_max;
	if (q->p != k.root && p->log_max > q->p->log_max)
		p->log_max = q->p->log_max; /* the disk is everybody's */
	memcpy(p->name, r->name, sizeof(p->name));
	p->spawn = q->cap->obj;
	p->image = image;
}

/* Everything that can still fail: the CSpace with its grants, the object, the gate. */
static int spawn_make(struct k_req *q, struct k_proc *p, const struct cap *image)
{
	const struct writ_spawn_req *r = q->in;
	struct k_wait *w;
	int e = captab_cnode_new(&k.caps, k_account(p), r->cnode_bits != 0 ? r->cnode_bits : 6,
	    &p->cnode);

	if (e != 0)
		return e;
	captab_hold(&k.caps, p->cnode);
	captab_obj(&k.caps, p->cnode)->body = (uint32_t)(p - k.procs);
	if ((e = spawn_grant(q, p->cnode)) == 0 &&
	    (e = k_spawn_gate(p, grants(q) + r->ngrants, r->blob)) == 0)
		e = captab_obj_new(&k.caps, WRIT_TYPE_PROC, k_account(p),
		    (struct charge){ .bytes = sizeof(struct k_proc), .procs = 1 },
		    (uint32_t)(p - k.procs), &p->obj);
	if (e == 0 && (e = k_wait_new(q, p, k_slot(image), K_WAIT_IMAGE, NULL, &w)) != 0)
		captab_obj_drop(&k.caps, p->obj);
	if (e != 0)
		captab_unhold(&k.caps, p->cnode);
	return e;
}

void k_audit_granted(struct k_proc *about, const struct cap *c, unsigned op, uint32_t other)
{
	char what[WRIT_PREFIX_MAX];
	int n = snprintf(what, sizeof(what), "%s ", k_types[c->type]);

	k_object_name(c, what + n, sizeof(what) - (size_t)n);
	k_audit(about, WRIT_AUDIT_GRANTED, op, 0, c->rights, other, what);
}

/* What the new proc holds, for the audit: its CSpace is gone when it has ended. */
static void spawn_audit(const struct k_req *q, struct k_proc *p)
{
	const struct writ_spawn_req *r = q->in;

	for (unsigned i = 0; i < r->ngrants; i++) {
		slot_t s = captab_cnode_slot(&k.caps, p->cnode, grants(q)[i].dst);
		const struct cap *c = &captab_slot(&k.caps, s)->cap;

		if (c->type == WRIT_TYPE_ENDPOINT && (c->rights & WRIT_R_READ) != 0)
			k.endpoints[k_body(c)].realm = p->realm;
		k_audit_granted(p, c, WRIT_OP_SPAWN, q->p->pid);
	}
}

int k_call_spawn(struct k_req *q)
{
	const struct cap *image;
	struct k_proc *p;
	int e = spawn_decode(q, &image);

	if (e != 0)
		return e;
	if ((p = k_proc_new(k.spawns[k_body(q->cap)].realm)) == NULL)
		return k_why(q, WRIT_E_NOT_ENOUGH_MEMORY, "the node's proc table is full");
	spawn_describe(p, q, image->obj);
	if ((e = spawn_make(q, p, image)) != 0) {
		k_proc_free(p);
		return e;
	}
	captab_hold(&k.caps, p->spawn);
	captab_hold(&k.caps, p->image);
	k_spawn_take(p, 1);
	captab_insert(&k.caps, q->slot, q->at[0], p->obj, K_ALL, 0);
	q->h.arg = p->pid;
	spawn_audit(q, p);
	k_guard_proc(p);
	if (k.scheduler != NULL)
		k_event_post(k.scheduler, &p->ev_sched);
	return 0;
}

int k_call_kill(struct k_req *q)
{
	k_proc_kill(&k.procs[k_body(q->cap)], text("killed by %s[%u]", q->p->name, q->p->pid).s);
	return 0;
}
