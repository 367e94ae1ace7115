/* SPDX-License-Identifier: MIT */
/*
 * Telemetry: what Writ's processes use. Linux counts most of it for each thread anyway;
 * the differences since the last look go to the proc's row and its realm's as a thread
 * gives up the CPU, when there is enough of them, when it ends, and when iter/fresh is
 * read. A difference is taken by an exchange, so whoever looks, at once or out of order,
 * the sums are what was counted. Who has nothing in `threads` is none of Writ's.
 */
#include "tools/boot/bpf/task.bpf.h"
#include "tools/boot/bpf/iter.bpf.h"
#include "tools/boot/bpf/sched.bpf.h"
#include <asm/unistd_64.h>

enum { POLLED_MAX = 5 };
struct polled { /* struct pollfd */
	int fd;
	short events, revents;
};

#define NESTS "(nests)"                       /* a row of no proc */
enum { LATE_NS = 1000000, LATE_SLICES = 64 }; /* rows are behind by less, of each thread */

/* What new rows begin as: too large for a program's stack. */
static const struct sched_calls no_calls;
static const struct sched_hist no_hist;

/* The row of @key in @map, made if need be; NULL: there is no room. */
#define ROW(map, key, first) \
	({ \
		void *row_ = bpf_map_lookup_elem(map, key); \
		if (row_ == NULL) { \
			bpf_map_update_elem(map, key, first, BPF_NOEXIST); \
			row_ = bpf_map_lookup_elem(map, key); \
		} \
		row_; \
	})

static __u32 tracing(void)
{
	__u32 first = 0;
	const struct sched_trace *t = bpf_map_lookup_elem(&trace, &first);

	return t != NULL ? t->bits : 0;
}

/* Find out whose thread this is. Returns 0, or -1 while it can't be said: a proc has its
 * label only when the kernel has heard that it runs. */
static int whose(struct task_struct *p, struct thread *own)
{
	const struct guard_label *l;
	const struct guard_task *t;

	if (own->gone)
		return 0;
	l = label(p);
	if (l != NULL) {
		own->who = (struct sched_key){ l->pid, l->realm };
		own->class = l->class;
		return 0;
	}
	t = managed(p);
	if (t == NULL)
		return -1;
	own->who = (struct sched_key){ 0, t->realm };
	own->class = CLASS_BE;
	return t->phase <= GUARD_NEST ? 0 : -1;
}

static __noinline struct sched_row *row_new(struct task_struct *p, const struct sched_key *who)
{
	const struct guard_label *l = label(p);
	struct sched_row first = {};

	if (l != NULL) {
		first.host_pid = p->tgid;
		first.class = l->class;
		first.profile = l->profile;
		__builtin_memcpy(first.name, l->name, sizeof(first.name));
	} else {
		__builtin_memcpy(first.name, NESTS, sizeof(NESTS));
	}
	bpf_map_update_elem(&sched, who, &first, BPF_NOEXIST);
	return bpf_map_lookup_elem(&sched, who);
}

static struct sched_row *row_of(struct task_struct *p, const struct thread *own)
{
	struct sched_row *r = bpf_map_lookup_elem(&sched, &own->who);

	if (r == NULL && !own->gone)
		r = row_new(p, &own->who);
	if (r != NULL && r->class != own->class)
		r->class = own->class;
	return r;
}

static struct sched_realm_row *realm_of(const struct thread *own)
{
	struct sched_realm_key key = { .realm = own->who.realm, .class = own->class };
	struct sched_realm_row first = {}, *r = bpf_map_lookup_elem(&sched_realm, &key);
	const struct guard_realm *realm;

	if (r != NULL)
		return r;
	realm = bpf_map_lookup_elem(&realms, &key.realm);
	if (realm != NULL)
		__builtin_memcpy(first.name, realm->name, sizeof(first.name));
	bpf_map_update_elem(&sched_realm, &key, &first, BPF_NOEXIST);
	return bpf_map_lookup_elem(&sched_realm, &key);
}

static void hist_add(void *hist, const struct sched_key *who, __u64 ns)
{
	struct sched_hist *h = ROW(hist, who, &no_hist);
	__u64 us = ns / 1000, slot = 0;

	if (h == NULL)
		return;
	for (int i = 0; i < SCHED_SLOTS_N - 1 && us != 0; i++, us >>= 1)
		slot++;
	if (slot < SCHED_SLOTS_N)
		__sync_fetch_and_add((__u64 *)h + slot, 1);
}

/* Add what is new of thread @task to the rows of its proc and of its realm. */
static __noinline int account(struct task_struct *task, struct thread *own)
{
	struct task_struct___sched *p = (void *)task;
	struct sched_row *r = row_of(task, own);
	struct sched_realm_row *all = realm_of(own);
	__u64 now, old;

	if (r == NULL || all == NULL)
		return 0;
#define MOVE(field, from) \
	now = from; \
	if (now != own->seen.field) { \
		old = __sync_lock_test_and_set(&own->seen.field, now); \
		__sync_fetch_and_add(&r->n.field, now - old); \
		__sync_fetch_and_add(&all->n.field, now - old); \
	}
#define TAKEN(field, from) MOVE(field, p->from)
#define SEEN(field)        MOVE(field, own->n.field)
	SCHED_TAKEN(TAKEN)
	SCHED_SEEN(SEEN)
	own->traced = tracing();
	return 0;
}

static bool enough(struct task_struct *task, const struct thread *own)
{
	struct task_struct___sched *p = (void *)task;

	return own->gone || own->traced != 0 ||
	    p->se.sum_exec_runtime - own->seen.cpu_ns >= LATE_NS ||
	    p->sched_info.pcount - own->seen.slices >= LATE_SLICES;
}

/* @next, of whomever, takes the CPU from a thread that could go on. */
static void preempted(struct thread *own, struct task_struct *next)
{
	const struct guard_label *l = label(next);
	const struct guard_task *t = l == NULL ? managed(next) : NULL;
	struct sched_preempt_key key = { .realm = own->who.realm, .class = own->class };
	__u64 none = 0, *count;

	if (l != NULL || t != NULL) {
		key.by_realm = l != NULL ? l->realm : t->realm;
		key.by = l != NULL && l->class == WRIT_CLASS_LC ? BY_LC : BY_BE;
	}
	if (key.by == BY_LC)
		own->n.by_lc++;
	else if (key.by == BY_BE)
		own->n.by_be++;
	else
		own->n.by_others++;
	count = ROW(&preempts, &key, &none);
	if (count != NULL)
		__sync_fetch_and_add(count, 1);
}

/* Does the caller poll anything but its gate? @fds is its own memory, which says what it likes. */
static bool polls_bell(unsigned long fds, unsigned long n)
{
	for (unsigned i = 0; i < POLLED_MAX && i < n; i++) {
		struct polled p;

		if (bpf_probe_read_user(&p, sizeof(p), (void *)(fds + i * sizeof(p))) != 0)
			return false;
		if (p.fd >= 0 && p.fd != WRIT_GATE_FD)
			return true;
	}
	return false;
}

/* What the thread that goes to sleep waits for, by the call that it is in. */
static void sleeps(struct task_struct *me, struct thread *own)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(me);
	struct pt_regs___args *args = (void *)regs;

	switch ((int)regs->orig_ax) {
	case __NR_poll:
	case __NR_ppoll:
		if (polls_bell(args->di, args->si))
			own->n.ring_sleeps++;
		else
			own->n.gate_sleeps++;
		break;
	case __NR_epoll_wait:
	case __NR_epoll_pwait: own->n.mailbox_sleeps++; break;
	case __NR_recvmsg:
	case __NR_recvfrom:
	case __NR_sendmsg:
	case __NR_sendto:
		if (args->di == WRIT_GATE_FD)
			own->n.gate_sleeps++;
		break;
	}
}

/* Of the slice that ends, how long it was waited for, and the sleep before it. */
static __noinline int trace_slice(struct task_struct *task, struct thread *own, bool asleep)
{
	struct task_struct___sched *p = (void *)task;
	__u64 now = bpf_ktime_get_ns();

	if (p->sched_info.pcount != own->seen.slices + 1)
		return 0;
	if ((own->traced & GUARD_TRACE_HISTOGRAMS) != 0)
		hist_add(&wait_hist, &own->who, p->sched_info.run_delay - own->seen.wait_ns);
	if ((own->traced & GUARD_TRACE_OFFCPU) != 0) {
		if (own->slept_at_ns != 0)
			hist_add(&offcpu_hist, &own->who,
			    now - own->slept_at_ns - (p->se.sum_exec_runtime - own->seen.cpu_ns));
		own->slept_at_ns = asleep ? now : 0;
	}
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switched, bool preempt, struct task_struct *prev, struct task_struct *next,
    unsigned prev_state)
{
	struct thread *own = bpf_task_storage_get(&threads, prev, 0, 0);
	bool asleep = !preempt && prev_state != 0, known;

	if (own == NULL)
		return 0;
	if (asleep)
		sleeps(prev, own);
	if (asleep && !enough(prev, own))
		return 0;
	known = whose(prev, own) == 0;
	if (!asleep)
		preempted(own, next);
	if (!known)
		return 0;
	if (own->traced != 0)
		trace_slice(prev, own, asleep);
	account(prev, own);
	return 0;
}

/* A thread is born of a managed one. Not when it first runs: there nothing may be allocated. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_forked, struct task_struct *parent, struct task_struct *child)
{
	if (managed(parent) == NULL && bpf_task_storage_get(&threads, parent, 0, 0) == NULL)
		return 0;
	bpf_task_storage_get(&threads, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (child->pid == child->tgid)
		bpf_task_storage_get(&calls_new, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

/* Is loaded, and attached while somebody asks for it: it costs each call of everybody. */
SEC("tp_btf/sys_enter")
int BPF_PROG(trace_calls, struct pt_regs *regs, long call)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct sched_calls *c = bpf_task_storage_get(&calls_new, me->group_leader, 0, 0);

	if (c != NULL && (unsigned long)call < SCHED_CALLS)
		__sync_fetch_and_add((__u64 *)c + call, 1);
	return 0;
}

struct calls_rows {
	struct sched_calls *from, *own, *all;
};

static long account_call(__u32 nr, struct calls_rows *rows)
{
	__u64 *from, some;

	if (nr >= SCHED_CALLS)
		return 1;
	from = (__u64 *)rows->from + nr;
	if (*from == 0)
		return 0;
	some = __sync_lock_test_and_set(from, 0);
	__sync_fetch_and_add((__u64 *)rows->own + nr, some);
	__sync_fetch_and_add((__u64 *)rows->all + nr, some);
	return 0;
}

/* Add the calls made since the last look to the rows of the proc and its realm. No loop of C's:
 * Linux would go through every turn of it as it loads the program. */
static void account_calls(struct task_struct *leader, const struct thread *own)
{
	struct sched_realm_key key = { .realm = own->who.realm, .class = own->class };
	struct calls_rows rows = { .from = bpf_task_storage_get(&calls_new, leader, 0, 0) };

	if (rows.from == NULL)
		return;
	rows.own = ROW(&calls_seen, &own->who, &no_calls);
	rows.all = ROW(&calls_realm, &key, &no_calls);
	if (rows.own != NULL && rows.all != NULL)
		bpf_loop(SCHED_CALLS, account_call, &rows, 0);
}

/* The proc or nest has ended: its rows stay till as many others of its realm have. */
static void remember(const struct sched_key *who)
{
	__u32 realm = who->realm % SCHED_ENDED_REALMS, place;
	__u32 *next = bpf_map_lookup_elem(&ended_next, &realm);
	struct sched_key *slot, old;

	if (next == NULL)
		return;
	place = realm * SCHED_ENDED + __sync_fetch_and_add(next, 1) % SCHED_ENDED;
	slot = bpf_map_lookup_elem(&ended, &place);
	if (slot == NULL)
		return;
	old = *slot;
	*slot = *who;
	if (old.realm == 0)
		return;
	if (old.pid == 0) /* its nest: by then the realm is gone as well */
		for (unsigned i = 0; i < WRIT_CLASS_N; i++) {
			struct sched_realm_key key = { .realm = old.realm, .class = i };

			bpf_map_delete_elem(&calls_realm, &key);
		}
	bpf_map_delete_elem(&sched, &old);
	bpf_map_delete_elem(&calls_seen, &old);
	bpf_map_delete_elem(&wait_hist, &old);
	bpf_map_delete_elem(&offcpu_hist, &old);
}

/* Its last slice is still to be added, under the name that is noted here. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_exited, struct task_struct *p)
{
	struct task_struct___sched *s = (void *)p;
	struct thread *own = bpf_task_storage_get(&threads, p, 0, 0);
	const struct guard_task *t = managed(p);
	struct sched_row *r;

	if (own == NULL)
		return 0;
	whose(p, own);
	r = row_of(p, own);
	own->gone = true;
	if (s->signal->live.counter > 0)
		return 0;
	account_calls(p->group_leader, own);
	if (r != NULL && (own->who.pid != 0 || (t != NULL && t->phase <= GUARD_NEST))) {
		r->ended = true;
		remember(&own->who);
	}
	return 0;
}

/* Reading it brings the rows up to date with threads that are on a CPU all the time, and
 * calls with those of procs that live. Takes in, as well, who was there before this was. */
SEC("iter/task")
int iter_fresh(struct bpf_iter__task *ctx)
{
	struct task_struct *p = ctx->task;
	struct thread *own;

	if (p == NULL || (label(p) == NULL && managed(p) == NULL))
		return 0;
	own = bpf_task_storage_get(&threads, p, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (own == NULL || own->gone || whose(p, own) < 0)
		return 0;
	account(p, own);
	if (p->pid == p->tgid) {
		bpf_task_storage_get(&calls_new, p, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		account_calls(p, own);
	}
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
