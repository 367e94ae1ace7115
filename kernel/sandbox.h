/* SPDX-License-Identifier: MIT */
/*
 * The steps by which a fresh child becomes a nest, in their order. A table, so
 * that a failing step has a name and a test can leave one out to see that it
 * is missed. Private to kernel/ and tests/isolation/.
 */
#pragma once
#include "nest.h"

/* The nest's own descriptors after the step "fds"; 0, 1 and 2 are /dev/null. */
enum { NEST_SOCK_FD = 3, NEST_SIGNAL_FD = 4, NEST_FD_FIRST = 5 };

struct sandbox {
	const struct nest_conf *conf;
	int sock; /* to the kernel; NEST_SOCK_FD from "fds" on */
	int null; /* /dev/null, until "fds" */
};

struct sandbox_step {
	const char *name;
	int (*fn)(struct sandbox *s); /* 0 or -errno */
};

extern const struct sandbox_step sandbox_steps[];
extern const unsigned sandbox_nsteps;

/* Send an event over @sock. Returns 0 or -errno (the kernel is gone). */
int nest_send(int sock, const struct nest_event *e, int pidfd);

/* Take orders for ever; ends when the kernel is gone. All steps must be done. */
_Noreturn void nest_loop(const struct nest_conf *c);
