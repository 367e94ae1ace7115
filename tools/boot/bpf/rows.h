/* SPDX-License-Identifier: MIT */
/*
 * Rows of the maps of <writ/guard.h> and <writ/abi.h> as operators see them: the
 * same bytes, field for field, with enums of one byte and bits by name, which
 * bpftool prints. For the programs beside this file alone.
 */
#pragma once
#include <writ/abi.h>
#include <writ/guard.h>
#include <writ/rights.h>

#define NAMED(what, LIST, PREFIX) enum __attribute__((packed)) what { LIST(PREFIX) };
#define TYPE(id, name)            TYPE_##id,
#define STATE(id, name)           STATE_##id,
NAMED(row_type, WRIT_TYPES, TYPE)
NAMED(row_state, WRIT_STATES, STATE)

#define RIGHT(id, bit, name) uint16_t id : 1;
struct row_rights {
	WRIT_RIGHTS(RIGHT)
};
_Static_assert(sizeof(struct row_rights) == 2, "");

struct row_proc {
	uint32_t pid, parent, realm;
	enum row_state state;
	enum guard_class class;
	enum guard_profile profile;
	uint8_t suspended;
	int32_t host_pid, code;
	uint64_t start_ns, end_ns, memory, cpu_ns, rss_max;
	uint32_t log, refused;
	uint32_t pad[2]; /* layers that hold it: in maps/config */
	char name[WRIT_NAME_MAX];
};
struct row_cap {
	uint32_t slot, parent, index, cnode, pid, obj;
	struct row_rights rights;
	enum row_type type;
	uint8_t guard_bits;
	uint32_t guard;
	uint64_t badge;
	char name[64];
};

#define SAME(row, abi, field) \
	_Static_assert(offsetof(struct row, field) == offsetof(struct abi, field) && \
		sizeof(((struct row *)0)->field) == sizeof(((struct abi *)0)->field), \
	    #field);
#define PROC(field) SAME(row_proc, writ_proc_row, field)
#define CAP(field)  SAME(row_cap, writ_cap_info, field)
/* clang-format off */
PROC(pid) PROC(parent) PROC(realm) PROC(state) PROC(class) PROC(profile) PROC(suspended)
PROC(host_pid) PROC(code) PROC(start_ns) PROC(end_ns) PROC(memory) PROC(cpu_ns) PROC(rss_max)
PROC(log) PROC(refused) PROC(name)
CAP(slot) CAP(parent) CAP(index) CAP(cnode) CAP(pid) CAP(obj) CAP(rights) CAP(type)
CAP(guard_bits) CAP(guard) CAP(badge) CAP(name)
    /* clang-format on */
    _Static_assert(sizeof(struct row_proc) == sizeof(struct writ_proc_row), "");
_Static_assert(sizeof(struct row_cap) == sizeof(struct writ_cap_info), "");
#undef NAMED
#undef SAME
#undef PROC
#undef CAP
