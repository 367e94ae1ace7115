/* SPDX-License-Identifier: MIT */
/*
 * The node's cgroups: <mount>/writ/<node>/<realm>, in the v2 hierarchy always
 * and in each of the v1 hierarchies cpu, memory and pids where v2 hasn't the
 * controller. Found where distributions mount them; pure v2 and hybrid both work.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

/*
 * Find the hierarchies and make the node's folders (after clearing what a dead
 * node of that name left: every process in them is killed first). A hierarchy
 * that can't be had is left out and its name put in *ret_missing ("cpu memory",
 * static storage, "" when all are there). Returns 0 or -errno (no cgroup at all).
 */
int cgroup_init(const char *node, const char **ret_missing);

/* Make a realm's group with its limits (0: none): memory bytes, cores in millicores (a weight and,
 * where offered, a ceiling), pids. Returns 0 or -errno. */
int cgroup_make(const char *realm, uint64_t memory, uint32_t cores, uint32_t pids);

/* Put process @pid (0: the caller) into the realm's groups. Returns 0 or -errno. */
int cgroup_enter(const char *realm, pid_t pid);

/* Kill all in the realm's group and remove it; -EBUSY when processes are still dying (call again).
 */
int cgroup_remove(const char *realm);

/* The same for the whole node. */
int cgroup_fini(void);

/* The v2 cgroup id of a realm (what bpf_get_current_cgroup_id() gives), 0 when unknown. */
uint64_t cgroup_id(const char *realm);
int cgroup_leaf(const char *realm, uint32_t id, uint64_t weight, uint64_t period_us,
    uint64_t budget_us);
int cgroup_leaf_enter(const char *realm, uint32_t id, pid_t pid);
int cgroup_leaf_remove(const char *realm, uint32_t id);
