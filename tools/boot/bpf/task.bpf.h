/* SPDX-License-Identifier: MIT */
/* More of Linux's own structures, as in kernel/bpf/linux.bpf.h: what telemetry reads. */
#pragma once
#include "kernel/bpf/linux.bpf.h"

struct sched_entity {
	__u64 sum_exec_runtime, nr_migrations;
} ITS;
struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
} ITS;
struct signal_struct {
	struct {
		int counter;
	} ITS live;
} ITS;
struct task_struct___sched {
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned long nvcsw, nivcsw, min_flt, maj_flt;
	struct signal_struct *signal;
} ITS;
struct pt_regs___args {
	unsigned long di, si;
} ITS;
