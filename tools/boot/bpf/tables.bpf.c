/* SPDX-License-Identifier: MIT */
/*
 * What operators read: the maps that the kernel mirrors its tables in, and
 * iterators that print them, one line a row. Nothing is decided by any of it.
 */
#include "kernel/bpf/linux.bpf.h"
#include "tools/boot/bpf/rows.h"
#include "tools/boot/names.h"

#define MAP(name, kind, entries, flags, k, v) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, entries); \
		__uint(map_flags, flags); \
		__type(key, k); \
		__type(value, v); \
	} name SEC(".maps")

MAP(procs, HASH, 8192, BPF_F_NO_PREALLOC, __u32, struct row_proc);
MAP(realms, HASH, 1024, BPF_F_NO_PREALLOC, __u32, struct guard_realm);
MAP(caps, HASH, 262144, BPF_F_NO_PREALLOC, __u32, struct row_cap);
MAP(names, ARRAY, 64 * GUARD_CALLS_WORDS, 0, __u32, struct call_name);

char _license[] SEC("license") = "Dual MIT/GPL";
