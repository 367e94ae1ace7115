/* SPDX-License-Identifier: MIT */
/*
 * What an adversary in a sandbox may leave outside, and must not: files, processes,
 * others' deaths, complaints of Linux.
 */
#pragma once
#include <sys/types.h>

#define TRACES_UID 200061 /* that adversaries have on the host, and nobody else */
#define OTHERS_N   5

/* Who must outlive them: the kernel, a process of the suite's, and procs of the node. */
struct others {
	pid_t kernel, peer, procs[OTHERS_N];
};
struct others others_now(void);

struct traces {
	unsigned files, processes, complaints;
	char gone[32]; /* who of the others; "": nobody */
	char complaint[160];
};
/* What there is, compared with @before; complaints since the last call. */
struct traces traces_now(const struct others *before);

/* Once, before all else: look for each while it is there. */
void traces_controls(void);
