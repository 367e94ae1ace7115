/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's calls. It learns which procs are pending and says when each
 * starts. It can delay a proc; it can't make one or change what it holds.
 */
#include "kernel.h"
#include <stdio.h>
#include <string.h>

int k_call_scheduler(struct k_req *q)
{
	if (k.scheduler != NULL && k.scheduler != q->p) {
		snprintf(q->why, sizeof(q->why), "%s[%u] is the scheduler", k.scheduler->name,
		    k.scheduler->pid);
		return WRIT_E_BUSY;
	}
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
	uint64_t class = q->h.arg >> 32;

	if (p == NULL || p->state != WRIT_STATE_PENDING) {
		snprintf(q->why, sizeof(q->why), "proc %u is not pending", (uint32_t)q->h.arg);
		return WRIT_E_ILLEGAL_OPERATION;
	}
	if (class != p->class) {
		snprintf(q->why, sizeof(q->why), "proc %u is of class %s", p->pid,
		    k_classes[p->class]);
		return WRIT_E_NO_RIGHT;
	}
	k_audit(p, WRIT_AUDIT_STARTED, WRIT_OP_START, 0, 0, q->p->pid, k_classes[class]);
	k_proc_start(p);
	if (p->held && k.scheduler != NULL)
		k_event_post(k.scheduler, &p->ev_sched);
	return 0;
}

int k_call_procs(struct k_req *q)
{
	struct writ_proc_row *out = (void *)q->out;
	uint32_t realm = captab_obj(&k.caps, q->cap->obj)->body;
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);
	uint64_t i = q->h.arg;

	for (; i < k.nprocs && n < max; i++) {
		const struct k_proc *p = &k.procs[i];

		if (p->pid == 0 || p->realm != realm)
			continue;
		out[n] = (struct writ_proc_row){ .pid = p->pid,
			.parent = p->parent,
			.realm = p->realm,
			.state = p->state,
			.class = p->class,
			.profile = p->profile,
			.host_pid = k_proc_host_pid(p),
			.code = p->code,
			.start_ns = p->start_ns,
			.end_ns = p->end_ns,
			.memory = p->memory,
			.cpu_ns = p->cpu_ns,
			.rss_max = p->rss_max,
			.log = (uint32_t)i,
			.refused = p->refused };
		memcpy(out[n].name, p->name, sizeof(out[n].name));
		n++;
	}
	q->h.arg = i < k.nprocs ? i : 0;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}
