/* SPDX-License-Identifier: MIT */
/*
 * Groups of realms: see cgroup.c. All return 0 or -errno, unless they say otherwise. A realm's
 * processes lie in leaves of its group: nest, where they begin, and sc<id> of a scheduling context.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <writ/boot.h>

/* Once: the node's folder in each hierarchy (-1: none) and the controllers that v2 has. */
void cgroup_init(const int node[BOOT_GROUP_N], unsigned v2_has);

/* Make a realm's group with its limits (0: none): memory bytes, cores in millicores (a weight and,
 * where offered, a ceiling), pids. */
int cgroup_make(const char *realm, uint64_t memory, uint32_t cores, uint32_t pids);
/* Put process @pid (0: the caller) into the realm's nest. */
int cgroup_enter(const char *realm, pid_t pid);
/* Kill all in the group and remove it with its leaves; -EBUSY: some are still dying, call again. */
int cgroup_remove(const char *realm);

/*
 * Make or change a leaf: whether it gets only what nobody else wants (where Linux offers that), CPU
 * weight 1..10000 (100: as any other) and, where Linux offers bandwidth control, @budget_us every
 * @period_us (budget 0: no bound). -ENOTSUP: no cpu controller. -EINVAL: Linux has no such numbers
 * (periods are 1 ms to 1 s, budgets 1 ms at least and in v1 no larger a share than the realm's). A
 * new leaf may be there after an error: remove it.
 */
int cgroup_leaf(const char *realm, uint32_t id, bool idle, uint64_t weight, uint64_t period_us,
    uint64_t budget_us);
/* Move process @pid there; its memory is counted as before. */
int cgroup_leaf_enter(const char *realm, uint32_t id, pid_t pid);
/* -EBUSY: processes are in it. One that isn't there is no error. */
int cgroup_leaf_remove(const char *realm, uint32_t id);
