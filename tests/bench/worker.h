/* SPDX-License-Identifier: MIT */
/*
 * A process of its own that measures itself, on one CPU: so it can be managed, moved
 * or killed while the benchmark is neither. Asked, it makes no system call but read
 * and write, and those of what it measures.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct worker {
	pid_t pid; /* 0: there is none */
	int ask, told;
};

/* Start one: each time it is asked it calls @round(@arg) and tells what that returned. 0 or -1. */
int worker_start(struct worker *w, int cpu, int64_t (*round)(const void *arg), const void *arg);
/* Ask it for a round. Returns what it told, or -1: it is dead. */
int64_t worker_round(struct worker *w);
/* End it; can be called at any time. */
void worker_end(struct worker *w);
