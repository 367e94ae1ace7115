/* SPDX-License-Identifier: MIT */
/* The maps of telemetry: sched.bpf.c fills them, tables.bpf.c prints them. */
#pragma once
#include "kernel/bpf/linux.bpf.h"
#include "tools/boot/bpf/sched.h"

/* Of each thread of a managed process. */
struct thread {
	uint8_t traced; /* enum guard_trace, as it was when the rows were last written */
	bool gone;      /* it has exited: who it was stands here and nowhere else */
	enum guard_class class;
	struct sched_key who;
	struct {
#define X(field) __u64 field;
		SCHED_SEEN(X)
#undef X
	} n;                      /* written as it gives up the CPU, and nowhere else */
	struct sched_counts seen; /* of its counters, what is in the rows */
	__u64 slept_at_ns;        /* while off-CPU time is looked at */
};
MAP(threads, TASK_STORAGE, 0, BPF_F_NO_PREALLOC, int, struct thread);
MAP(calls_new, TASK_STORAGE, 0, BPF_F_NO_PREALLOC, int, struct sched_calls); /* of a leader */

MAP(sched, HASH, SCHED_ROWS, BPF_F_NO_PREALLOC, struct sched_key, struct sched_row);
MAP(sched_realm, LRU_HASH, 2048, 0, struct sched_realm_key, struct sched_realm_row);
MAP(preempts, LRU_HASH, 8192, 0, struct sched_preempt_key, __u64);
MAP(calls_seen, HASH, SCHED_ROWS, BPF_F_NO_PREALLOC, struct sched_key, struct sched_calls);
MAP(calls_realm, HASH, 2 * SCHED_ENDED_REALMS * SCHED_ENDED, BPF_F_NO_PREALLOC,
    struct sched_realm_key, struct sched_calls);
MAP(wait_hist, HASH, SCHED_ROWS, BPF_F_NO_PREALLOC, struct sched_key, struct sched_hist);
MAP(offcpu_hist, HASH, SCHED_ROWS, BPF_F_NO_PREALLOC, struct sched_key, struct sched_hist);
MAP(trace, ARRAY, 1, 0, __u32, struct sched_trace);
MAP(ended, ARRAY, SCHED_ENDED_REALMS *SCHED_ENDED, 0, __u32, struct sched_key);
MAP(ended_next, ARRAY, SCHED_ENDED_REALMS, 0, __u32, __u32);
MAP(realms, HASH, 1024, BPF_F_NO_PREALLOC, __u32, struct guard_realm); /* the kernel fills it */
