/* SPDX-License-Identifier: MIT */
/*
 * What a node's guard does, read and changed by path in its pins: so it works
 * whatever has become of the node's processes, for writ-boot and for the operator's
 * command alike. Whoever changes anything holds a lock, on the folder of the pins,
 * for as long as that takes. Needs root.
 */
#pragma once
#include <stdbool.h>
#include <writ/guard.h>

/* The programs that look at each call of every process, and end there what costs it. */
#define GUARD_EACH_CALL(X) X(guard_enter) X(guard_exit)

/* "off", "audit", "enforce", "on-demand". False, and *ret stays: another word. */
bool guard_mode_parse(const char *word, enum guard_mode *ret);

/* As people say it. */
static inline enum guard_mode guard_mode_of(const struct guard_config *c)
{
	return c->on_demand ? GUARD_ON_DEMAND : c->mode;
}

/* Make @c say @mode, and which layers hold procs by it: of eBPF's @loaded; of the others those that
 * do already. @attached: what looks at each call is. */
void guard_config_fill(struct guard_config *c, enum guard_mode mode, uint32_t loaded,
    bool attached);

/* What is pinned for @node as @name in the folder @kind. A descriptor or -errno. */
int guard_pin_open(const char *node, const char *kind, const char *name);

/* The row of maps/config. 0 or -errno: -ENOENT, nothing is pinned. */
int guard_config_read(const char *node, struct guard_config *ret);

/* Held by whoever changes any of it: a descriptor, which to close gives it back, or -errno;
 * -EAGAIN: somebody else has it. */
int guard_lock(const char *node);

/*
 * Make @mode the node's, by who holds guard_lock(). What looks at each call of every process is
 * attached for ENFORCE and AUDIT before it, and detached after OFF: what follows forks stays, so
 * that nobody is born unknown. Processes see the new generation as a whole.
 * ON_DEMAND goes on as guard_settle(). Returns 0 or -errno, with what was being done in *ret_doing.
 */
int guard_switch(const char *node, enum guard_mode mode, const char **ret_doing);

/*
 * Attach what looks at each call if a realm of @node requires that, else detach it:
 * if the node is ON_DEMAND, else nothing is done. A realm whose row is in maps/realms
 * before it has looked at layers in maps/config finds there what holds it from then on.
 * Takes guard_lock(). Returns as guard_switch(), and -EAGAIN: nothing was done, somebody else is at
 * it.
 */
int guard_settle(const char *node, const char **ret_doing);
