/* SPDX-License-Identifier: MIT */
/* What iterators are called with. */
#pragma once
#include "kernel/bpf/linux.bpf.h"

struct bpf_map;
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id, seq_num;
} ITS;
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} ITS;
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
} ITS;
