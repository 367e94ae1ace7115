/* SPDX-License-Identifier: MIT */
/*
 * Layer "calls": each call of a managed process is held against the bitmap in its
 * leader's task storage as it enters. seccomp is before it and prevents; this sees
 * what that let through, and ends the process: the second line, never the first,
 * for what the call does may have happened. Follows forks and execs, so that no
 * process of a nest is without its bitmap, and none executes twice.
 */
#include "kernel/bpf/linux.bpf.h"

MAP(calls, ARRAY, GUARD_CALLS_ROWS, 0, __u32, struct guard_calls);

/* All numbers that no call has are one kind of refusal: nobody can fill the map with them. */
static __u32 kind(unsigned long call)
{
	return call < 64 * GUARD_CALLS_WORDS ? call : GUARD_UNKNOWN;
}

/* Record it; end the process where rules are enforced, and say so. */
static bool punish(const struct guard_task *t, unsigned long call)
{
	bool end = refused(label(bpf_get_current_task_btf()), t->realm, GUARD_BY_CALLS, kind(call));

	if (end)
		bpf_send_signal(L_SIGKILL);
	return end;
}

/* Take the bitmap of the generation that is in use. */
static void refresh(struct guard_task *t, const struct guard_config *c)
{
	__u32 generation = c->generation;
	__u32 row = guard_calls_row(generation, t->profile, t->phase != GUARD_RUN);
	const struct guard_calls *from = bpf_map_lookup_elem(&calls, &row);

	if (from == NULL)
		return;
	__builtin_memcpy(t->bits, from->bits, sizeof(t->bits));
	t->generation = generation;
}

static bool allowed(const struct guard_task *t, unsigned long call)
{
	return call < 64 * GUARD_CALLS_WORDS &&
	    (t->bits[(call / 64) & (GUARD_CALLS_WORDS - 1)] >> (call % 64) & 1) != 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(guard_enter, struct pt_regs *regs, long call)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct guard_task *t = managed(me);
	const struct guard_config *c;

	if (t == NULL || t->phase == GUARD_SETUP || (c = settings()) == NULL)
		return 0;
	if (t->generation != c->generation)
		refresh(t, c);
	if (t->phase == GUARD_DOOMED || (me->thread_info.status & L_TS_COMPAT) != 0 ||
	    !allowed(t, call))
		punish(t, call);
	return 0;
}

/* What seccomp refuses is not seen above, but here, by the number it refuses with. */
SEC("tp_btf/sys_exit")
int BPF_PROG(guard_exit, struct pt_regs *regs, long ret)
{
	struct guard_task *t;

	if (ret != -L_FILTER && ret != -L_ENOSYS)
		return 0;
	t = managed(bpf_get_current_task_btf());
	if (t != NULL && t->phase != GUARD_SETUP)
		denied(label(bpf_get_current_task_btf()), t->realm, GUARD_BY_SECCOMP,
		    kind(regs->orig_ax), GUARD_ENFORCE);
	return 0;
}

/* Runs in the parent, before the child does. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(guard_fork, struct task_struct *parent, struct task_struct *child)
{
	struct guard_task *t = managed(parent), *n;
	bool doomed;

	if (t == NULL)
		return 0;
	n = bpf_task_storage_get(&tasks, child, t, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (n != NULL && child->pid != child->tgid)
		return 0; /* a thread: asked is its leader, which by an exec it can become */
	doomed = t->phase != GUARD_NEST && punish(t, GUARD_UNKNOWN);
	if (n == NULL) /* the kernel sees to it, once the proc runs */
		return 0;
	if (t->phase == GUARD_NEST)
		n->phase = GUARD_LAUNCH;
	else if (doomed)
		n->phase = GUARD_DOOMED;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(guard_exec, struct task_struct *p)
{
	struct guard_task *t = managed(p);

	if (t == NULL)
		return 0;
	if (t->phase != GUARD_LAUNCH)
		punish(t, GUARD_UNKNOWN);
	t->phase = GUARD_RUN;
	t->generation = GUARD_UNKNOWN;
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
