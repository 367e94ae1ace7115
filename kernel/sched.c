/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's calls. It learns which procs are pending and says when each
 * starts. It can delay a proc; it can't make one or change what it holds.
 */
#include "kernel.h"

int k_call_scheduler(struct k_req *q)
{
	if (k.scheduler != NULL && k.scheduler != q->p)
		return k_why(q, WRIT_E_BUSY, "%s[%u] is the scheduler", k.scheduler->name,
		    k.scheduler->pid);
	k.scheduler = q->p;
	k_gate_answer(q, 0);
	for (uint32_t i = 0; i < k.nprocs; i++)
		if (k_proc_alive(&k.procs[i]) && &k.procs[i] != q->p)
			k_event_post(q->p, &k.procs[i].ev_sched);
	return K_LATER;
}

int k_call_start(struct k_req *q)
{
	struct k_proc *p = k_proc_find((uint32_t)q->h.arg);

	if (p == NULL || p->state != WRIT_STATE_PENDING || p->suspended)
		return k_why(q, WRIT_E_ILLEGAL_OPERATION, "proc %u is not pending",
		    (uint32_t)q->h.arg);
	k_audit(p, WRIT_AUDIT_STARTED, WRIT_OP_START, 0, 0, q->p->pid, k_classes[p->class]);
	k_proc_start(p);
	if (p->held && k.scheduler != NULL)
		k_event_post(k.scheduler, &p->ev_sched);
	return 0;
}

int k_call_procs(struct k_req *q)
{
	struct writ_proc_row *out = (void *)q->out;
	uint32_t realm = k_body(q->cap);
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);
	uint64_t i = q->h.arg;

	for (; i < k.nprocs && n < max; i++)
		if (k.procs[i].pid != 0 && k.procs[i].realm == realm)
			k_proc_row(&k.procs[i], &out[n++]);
	q->h.arg = i < k.nprocs ? i : 0;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}

/* --- scheduling contexts --------------------------------------------------------------- */

/* Have Linux do what the context of @p says. */
void k_context_apply(struct k_proc *p)
{
	const char *realm = k.realms[p->realm].name;
	pid_t pid;

	if (p->context == 0 || (pid = k_proc_host_pid(p)) == 0)
		return;
	if (cgroup_leaf(realm, p->context, &k.contexts[p->context].set) == 0)
		cgroup_leaf_enter(realm, p->context, pid);
	k_guard_proc(p);
}

void k_context_leave(struct k_proc *p)
{
	struct k_context *c = &k.contexts[p->context];
	pid_t pid;

	if (p->context == 0)
		return;
	c->consumed += k_proc_cpu(p);
	c->proc = NULL;
	if (p->state == WRIT_STATE_RUNNING && (pid = k_proc_host_pid(p)) != 0)
		cgroup_enter(k.realms[p->realm].name, pid);
	cgroup_leaf_remove(k.realms[p->realm].name, p->context);
	p->context = 0;
	p->class = (uint8_t)p->own_class;
	p->cores = p->own_cores;
	k_guard_proc(p);
}

void k_context_gone(uint32_t body)
{
	if (k.contexts[body].proc != NULL)
		k_context_leave(k.contexts[body].proc);
}

/* What the scheduler is told of a proc is what its context says. */
static void describe(struct k_proc *p, const struct k_context *c)
{
	p->class = (uint8_t)c->set.class;
	p->cores = c->set.cores;
	if (p->state == WRIT_STATE_RUNNING)
		k_context_apply(p);
	else if (k.scheduler != NULL && p->state == WRIT_STATE_PENDING && !p->held)
		k_event_post(k.scheduler, &p->ev_sched);
}

int k_call_configure(struct k_req *q)
{
	const struct writ_sched_req *r = q->in;
	struct k_context *sc;
	const struct cap *c;
	int e;

	if ((e = k_need(q, r->context, WRIT_BY_WITH, &c)) != 0)
		return e;
	if (r->class >= WRIT_CLASS_N || r->weight < 1 || r->weight > 10000 ||
	    (r->budget != 0 && (r->period < 1000 || r->period > 1000000 || r->budget < 1000)))
		return WRIT_E_RANGE;
	sc = &k.contexts[k_body(c)];
	sc->set = *r;
	if (sc->proc != NULL)
		describe(sc->proc, sc);
	return 0;
}

int k_call_sched(struct k_req *q)
{
	struct k_proc *p = &k.procs[k_body(q->cap)];
	struct k_context *sc;
	const struct cap *c;
	int e;

	if (!k_proc_alive(p) || p->state == WRIT_STATE_STARTING)
		return WRIT_E_ILLEGAL_OPERATION;
	if (q->h.arg == 0) {
		k_context_leave(p);
		return 0;
	}
	if ((e = k_need(q, (uint32_t)q->h.arg, WRIT_BY_WITH, &c)) != 0)
		return e;
	sc = &k.contexts[k_body(c)];
	if (sc->proc != NULL || p->context != 0)
		return WRIT_E_BUSY;
	sc->proc = p;
	p->own_class = p->class;
	p->own_cores = p->cores;
	sc->consumed -= k_proc_cpu(p); /* what it has used so far was not under this one */
	p->context = k_body(c);
	describe(p, sc);
	return 0;
}

int k_call_consumed(struct k_req *q)
{
	const struct k_context *c = &k.contexts[k_body(q->cap)];

	q->h.arg = c->consumed + (c->proc != NULL ? k_proc_cpu(c->proc) : 0);
	return 0;
}
