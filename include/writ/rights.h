/* SPDX-License-Identifier: MIT */
/*
 * Object types, rights, classes and sandbox profiles: the words that the
 * kernel, the library, the manifest and the command line share. One list each.
 */
#pragma once
#include <stdint.h>

/* type, name for people. The order is the ABI: add at the end only. */
/* clang-format off */
#define WRIT_TYPES(X) \
	X(NULL,         "null") \
	X(UNTYPED,      "untyped") \
	X(CNODE,        "cnode") \
	X(ENDPOINT,     "endpoint") \
	X(NOTIFICATION, "notification") \
	X(REPLY,        "reply") \
	X(PROC,         "proc") \
	X(SCHED_CONTEXT,"schedcontext") \
	X(SCHED_CONTROL,"schedcontrol") \
	X(MEMORY,       "memory") \
	X(IMAGE,        "image") \
	X(PATH,         "path") \
	X(SPAWN,        "spawn") \
	X(REALM,        "realm") \
	X(AUDIT,        "audit") \
	X(HOST,         "host") \
	X(SESSION,      "session") \
	X(HOLD,         "hold")
/* clang-format on */

enum writ_type {
#define X(id, name) WRIT_TYPE_##id,
	WRIT_TYPES(X)
#undef X
	    WRIT_TYPE_N
};

/*
 * Rights, one bit each, one set of bits for every type. What a bit means
 * depends on the type:
 *   Path:     read (open to read, stat, list), write (change what exists),
 *             create (make files and folders, and fill what one has made),
 *             remove, watch, mount, exec, grant
 *   Endpoint: read = receive, write = send or connect, grant = pass or mint
 *             capabilities, grantreply (seL4's GrantReply)
 *   Notification: read = wait, write = signal.  Reply: grant = send capabilities back
 *   Proc:     read = wait, account; write = kill, suspend, schedule
 *   CNode:    read = copy out, look; write = put in, move, delete, revoke
 *   SchedContext: read = consumed, write = bind.  Memory: read, write = map so
 *   Spawn:    write = spawn.  Realm: read = list, write = mint Spawns.
 *   Untyped:  write = retype. Image: exec. Host: read, write. Audit: read.
 */
/* clang-format off */
#define WRIT_RIGHTS(X) \
	X(READ,        0x001, "read") \
	X(WRITE,       0x002, "write") \
	X(CREATE,      0x004, "create") \
	X(REMOVE,      0x008, "remove") \
	X(WATCH,       0x010, "watch") \
	X(MOUNT,       0x020, "mount") \
	X(EXEC,        0x040, "exec") \
	X(GRANT,       0x080, "grant") \
	X(GRANT_REPLY, 0x100, "grantreply")
/* clang-format on */

enum writ_right {
#define X(id, bit, name) WRIT_R_##id = bit,
	WRIT_RIGHTS(X)
#undef X
	    WRIT_R_NONE = 0,
	WRIT_R_ALL = 0x1ff
};

/* Scheduling class: latency-critical procs get reserved cores, best-effort ones what is left. */
/* clang-format off */
#define WRIT_CLASSES(X) X(BE, "be") X(LC, "lc")
/* clang-format on */
enum writ_class {
#define X(id, name) WRIT_CLASS_##id,
	WRIT_CLASSES(X)
#undef X
	    WRIT_CLASS_N
};

/* Sandbox profile: which column of kernel/syscalls.h holds for a proc. */
/* clang-format off */
#define WRIT_PROFILES(X) X(NATIVE, "native") X(FILES, "files") X(SERVER, "server")
/* clang-format on */
enum writ_profile {
#define X(id, name) WRIT_PROFILE_##id,
	WRIT_PROFILES(X)
#undef X
	    WRIT_PROFILE_N
};

/* Layers of the sandbox: for who lists procs, and for a manifest's require. The first three
 * no node runs without. */
/* clang-format off */
#define WRIT_LAYERS(X) \
	X(NAMESPACES,   "namespaces") \
	X(SECCOMP,      "seccomp") \
	X(RLIMITS,      "rlimits") \
	X(CGROUP,       "cgroup") \
	X(LANDLOCK,     "landlock") \
	X(EBPF_CALLS,   "ebpf_calls")   /* calls, seen at their entry */ \
	X(EBPF_SOCKETS, "ebpf_sockets") /* sockets, by cgroup */ \
	X(EBPF_UNIX,    "ebpf_unix")    /* the same of unix sockets' addresses */ \
	X(EBPF_LSM,     "ebpf_lsm")     /* objects */ \
	X(TELEMETRY,    "telemetry")    /* counters; nothing is held by it */
/* clang-format on */
enum writ_layer {
#define X(id, name) WRIT_LAYER_##id,
	WRIT_LAYERS(X)
#undef X
	    WRIT_LAYER_N
};

/* Life of a proc, in order. */
/* clang-format off */
#define WRIT_STATES(X) \
	X(PENDING,  "pending") /* spawned, waiting for the scheduler */ \
	X(STARTING, "starting") /* ordered from the nest */ \
	X(RUNNING,  "running")  /* its image has been executed */ \
	X(EXITED,   "exited")   /* ended by itself */ \
	X(KILLED,   "killed")   /* ended by someone else, or by a signal */ \
	X(FAILED,   "failed")   /* never ran */
/* clang-format on */
enum writ_state {
#define X(id, name) WRIT_STATE_##id,
	WRIT_STATES(X)
#undef X
	    WRIT_STATE_N
};

/* Names for people; never NULL ("?" when @x is out of range). Static storage. */
const char *writ_type_name(unsigned x);
const char *writ_class_name(unsigned x);
const char *writ_profile_name(unsigned x);
const char *writ_layer_name(unsigned x);
const char *writ_guard_name(unsigned x); /* enum guard_mode of <writ/guard.h> */
const char *writ_state_name(unsigned x);

/* Write @rights as "read,write" into @buf of @size bytes ("none" when empty). Returns @buf. */
char *writ_rights_text(uint32_t rights, char *buf, unsigned size);

/* Read one right's name. Returns its bit, or 0 when there is no such right. */
uint32_t writ_right_parse(const char *name);
