/* SPDX-License-Identifier: MIT */
/*
 * How long to spin before sleeping. In time, not iterations: a PAUSE took 38 to
 * 100 ns on one machine within minutes. The rule is competitive: spin about as long
 * as a sleep and a wake-up cost here, which is learned; less when it doesn't pay; not
 * at all when the peer can't run meanwhile or somebody else wants this CPU.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SPIN_MAX_NS 50000

struct spin {
	int64_t budget_ns; /* < 0: not yet known */
	int64_t wake_ns;   /* learned: from the bell to running */
	int64_t until_ns;  /* no spinning before: this CPU was taken away while spinning */
	int64_t limit_ns;  /* the user's, or SPIN_MAX_NS */
	uint64_t hits, sleeps;
};

int64_t spin_now(void);                           /* CLOCK_MONOTONIC, ns */
uint32_t spin_cpu(void);                          /* the CPU one is on */
void spin_init(struct spin *s, int64_t limit_ns); /* 0: as usual; < 0: never */
/* Time to spin now, ns; 0 where the peer (@peer_cpu, UINT32_MAX unknown) is on this CPU, or it is
 * wanted by others. */
int64_t spin_budget(struct spin *s, uint32_t peer_cpu);
/*
 * Spin until @ready(@arg) isn't 0; returns that, or 0 when the budget is over. Learns
 * from it: a hit is worth more budget, a miss less, a gap in time means that
 * somebody else ran here.
 */
int spin_wait(struct spin *s, uint32_t peer_cpu, int (*ready)(void *arg), void *arg);
/* One slept @slept_ns and the wake-up took @wake_ns (0: not known). A short sleep would have been
 * worth spinning for. */
void spin_slept(struct spin *s, int64_t slept_ns, int64_t wake_ns);
