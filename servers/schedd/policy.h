/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's policy: which pending proc starts next. Pure: no input, no
 * output, no clock of its own; all memory is taken at init. Says nothing about
 * who may start what: that is the kernel's.
 *
 * Rules, each tested:
 * - a realm's procs of one class start in the order they were spawned;
 * - realms take turns;
 * - LC before BE; an LC proc reserves its cores, a BE one only a place;
 * - the sum of the memory limits of all that run stays within the bound. What
 *   asks for more than half of the bound is counted as half of it: it could
 *   else wait for ever;
 * - one that doesn't fit is passed over by others a bounded number of times
 *   (LC: by no BE proc); then all that want memory wait for it, for at most
 *   POLICY_HOLD_MS, so that it gets its turn but can't stop the machine.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <writ/abi.h>

#define POLICY_PROCS   65536 /* procs known at once */
#define POLICY_REALMS  4096  /* realms with procs at once */
#define POLICY_SKIPS   256   /* starts that may pass over a BE proc that doesn't fit */
#define POLICY_HOLD_MS 10000 /* longest time that others wait for one */

struct policy_conf {
	uint32_t cores;  /* millicores that LC procs can reserve */
	uint32_t be_max; /* BE procs alive at once */
	uint64_t memory; /* bytes; 0: no bound */
};

struct policy;

/* NULL when there is no memory. */
struct policy *policy_new(const struct policy_conf *conf);
void policy_free(struct policy *p);

/*
 * A proc waits (@running false) or runs already. One known already is ignored.
 * Returns 0, -WRIT_E_RANGE (no such class), or -WRIT_E_NOT_ENOUGH_MEMORY (a
 * table is full).
 */
int policy_add(struct policy *p, const struct writ_ev_proc *ev, bool running);

/* A proc has ended, whether it ran or not. One not known is ignored. */
void policy_remove(struct policy *p, uint32_t pid);

/*
 * The next to start; it counts as running from now on. @now_ms: a clock that
 * only grows. Returns 1 with *ret, or 0: nothing can start now.
 */
int policy_next(struct policy *p, uint64_t now_ms, struct writ_ev_proc *ret);

/* Some wait: policy_next() is worth calling again as time goes by. */
bool policy_waiting(const struct policy *p);

/* What is in use, and how many wait: for logs and tests. */
struct policy_use {
	uint32_t lc_cores, be, lc, waiting;
	uint64_t memory;
};
struct policy_use policy_used(const struct policy *p);
