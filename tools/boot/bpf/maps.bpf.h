/* SPDX-License-Identifier: MIT */
/* How the maps of this folder are declared. */
#pragma once

#define MAP(name, kind, entries, flags, k, v) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, entries); \
		__uint(map_flags, flags); \
		__type(key, k); \
		__type(value, v); \
	} name SEC(".maps")
