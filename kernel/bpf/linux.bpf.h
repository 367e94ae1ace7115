/* SPDX-License-Identifier: MIT */
/*
 * What the programs know of Linux's own structures: fields by name, whose places
 * libbpf finds in the running kernel's BTF. Nothing else is assumed of them.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <writ/guard.h>

#define ITS __attribute__((preserve_access_index))

struct pt_regs {
	unsigned long orig_ax;
} ITS;
struct thread_info {
	__u32 status;
} ITS;
struct task_struct {
	struct thread_info thread_info;
	int pid, tgid;
	struct task_struct *group_leader;
} ITS;

enum {
	L_EPERM = 1,
	L_ENOSYS = 38,
	L_FILTER = 56,   /* EBADRQC: FILTER_ERRNO of kernel/nest.h */
	L_TS_COMPAT = 2, /* thread_info.status: in a call of the 32-bit ABI */
	L_SIGKILL = 9,
};

/* A map, in the form that libbpf reads. */
#define MAP(name, kind, entries, flags, k, v) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, entries); \
		__uint(map_flags, flags); \
		__type(key, k); \
		__type(value, v); \
	} name SEC(".maps")

MAP(tasks, TASK_STORAGE, 0, BPF_F_NO_PREALLOC, int, struct guard_task);
MAP(labels, TASK_STORAGE, 0, BPF_F_NO_PREALLOC, int, struct guard_label);
MAP(config, ARRAY, 1, BPF_F_MMAPABLE, __u32, struct guard_config);
MAP(denials, LRU_HASH, 16384, 0, struct guard_denial_key, struct guard_denial);

static inline struct guard_config *settings(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&config, &first);
}

/* What a managed task is held to; NULL: it is none of Writ's. */
static inline struct guard_task *managed(struct task_struct *t)
{
	return bpf_task_storage_get(&tasks, t->group_leader, 0, 0);
}

/* Which proc the task is of; NULL: none yet. Not for programs of sockets: Linux 6.1 has it for
 * none. */
static inline const struct guard_label *label(struct task_struct *t)
{
	return bpf_task_storage_get(&labels, t->group_leader, 0, 0);
}

/* Note that @layer refused @what to the caller, @l of @realm. */
static inline void denied(const struct guard_label *l, __u32 realm, enum guard_layer layer,
    __u32 what, enum guard_mode m)
{
	struct guard_denial_key key = { .pid = l != NULL ? l->pid : 0,
		.realm = realm,
		.layer = layer,
		.what = what };
	struct guard_denial *d = bpf_map_lookup_elem(&denials, &key), first = { .count = 0 };

	if (d == NULL) {
		if (l != NULL)
			__builtin_memcpy(first.name, l->name, sizeof(first.name));
		bpf_map_update_elem(&denials, &key, &first, BPF_NOEXIST);
		if ((d = bpf_map_lookup_elem(&denials, &key)) == NULL)
			return;
	}
	__sync_fetch_and_add(&d->count, 1);
	d->last_ns = bpf_ktime_get_ns();
	d->host_pid = bpf_get_current_pid_tgid() >> 32;
	d->mode = m;
}

/* Note it as denied() does, unless nothing is looked at. True: it is to be refused. */
static inline bool refused(const struct guard_label *l, __u32 realm, enum guard_layer layer,
    __u32 what)
{
	const struct guard_config *c = settings();
	enum guard_mode m = c != NULL ? c->mode : GUARD_ENFORCE;

	if (m != GUARD_OFF)
		denied(l, realm, layer, what, m);
	return m == GUARD_ENFORCE;
}
