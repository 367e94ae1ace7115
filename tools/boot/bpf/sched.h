/* SPDX-License-Identifier: MIT */
/*
 * Rows of telemetry: what runs, by proc, realm and class. tools/boot/bpf/sched.bpf.c
 * writes them, `writ top` and tests read them, docs/operators.md explains them.
 */
#pragma once
#include <stdint.h>
#include <writ/guard.h>
#include "tools/boot/bpf/rows.h"

/* What Linux counts for each thread: name here, where it is in its struct task_struct. */
/* clang-format off */
#define SCHED_TAKEN(X) \
	X(cpu_ns,       se.sum_exec_runtime)  /* on a CPU */ \
	X(wait_ns,      sched_info.run_delay) /* able to run, waiting for a CPU */ \
	X(slices,       sched_info.pcount)    /* times it got one */ \
	X(sleeps,       nvcsw)                /* times it gave it up to wait; a wake-up ended each */ \
	X(preemptions,  nivcsw)               /* times it lost it */ \
	X(migrations,   se.nr_migrations) \
	X(minor_faults, min_flt) \
	X(major_faults, maj_flt)
/* clang-format on */

/* What is seen here as it happens. */
/* clang-format off */
#define SCHED_SEEN(X) \
	X(by_lc)          /* preemptions, by whom: a thread of class LC, */ \
	X(by_be)          /* of BE, */ \
	X(by_others)      /* or none of Writ's */ \
	X(ring_sleeps)    /* sleeps on a ring's bell, */ \
	X(mailbox_sleeps) /* in epoll: on the gate and rings at once, */ \
	X(gate_sleeps)    /* on the gate alone */
/* clang-format on */

struct sched_counts {
#define X(field, ...) uint64_t field;
	SCHED_TAKEN(X)
	SCHED_SEEN(X)
#undef X
};

/* maps/sched: procs that live, and the last SCHED_ENDED that ended of each realm. */
struct sched_key {
	uint32_t pid, realm; /* of Writ; pid 0: the realm's nests, and procs that never started */
};
struct sched_row {
	struct sched_counts n;
	uint32_t host_pid;
	enum guard_class class;
	enum guard_profile profile;
	uint8_t ended, pad;
	char name[GUARD_NAME_MAX];
};
_Static_assert(sizeof(struct sched_row) == sizeof(struct sched_counts) + 40, "");

/* maps/sched_realm: sums over all procs there have been, so with those of each class. */
struct sched_realm_key {
	uint32_t realm;
	enum guard_class class;
	uint8_t pad[3];
};
struct sched_realm_row {
	struct sched_counts n;
	char name[GUARD_NAME_MAX]; /* stays when the realm has gone */
};

/* maps/preempts: who took the CPU from whom, how often. realm 0: none of Writ's. */
enum __attribute__((packed)) sched_by { BY_OTHERS, BY_BE, BY_LC };
struct sched_preempt_key {
	uint32_t realm, by_realm;
	enum guard_class class;
	enum sched_by by;
	uint8_t pad[2];
};

/* maps/calls_seen, by struct sched_key, and maps/calls_realm: how often each system call was
 * made. The number of a call is its place; those between have no name. */
#define CALL(nr, name) uint64_t name;
#define GAP(nr, n)     uint64_t none_##nr[n];
struct sched_calls {
#include "boot/names.h"
};
#undef CALL
#undef GAP
enum { SCHED_CALLS = sizeof(struct sched_calls) / sizeof(uint64_t) };
_Static_assert(SCHED_CALLS <= 64 * GUARD_CALLS_WORDS, "");

/* maps/wait_hist, maps/offcpu_hist, by struct sched_key: how many waits took from so many
 * microseconds on to the next field's. */
/* clang-format off */
#define SCHED_SLOTS(X) \
	X(0) X(1) X(2) X(4) X(8) X(16) X(32) X(64) X(128) X(256) X(512) X(1024) X(2048) X(4096) \
	X(8192) X(16384) X(32768) X(65536) X(131072) X(262144) X(524288) X(1048576) \
	X(2097152) X(4194304)
/* clang-format on */
#define X(us) uint64_t from_##us##_us;
struct sched_hist {
	SCHED_SLOTS(X)
};
#undef X
enum { SCHED_SLOTS_N = sizeof(struct sched_hist) / sizeof(uint64_t) };

/* maps/trace, the only row: what is looked at that costs more; bits of enum guard_trace. */
struct sched_trace {
	uint32_t bits;
};

enum {
	SCHED_ROWS = 16384,
	SCHED_ENDED = 64,        /* of a realm, that are remembered */
	SCHED_ENDED_REALMS = 64, /* realms whose numbers differ by a multiple of it share that */
};
