/* SPDX-License-Identifier: MIT */
/*
 * The node's cgroups, <mount>/writ/<node>, in the v2 hierarchy always and in each
 * of the v1 hierarchies cpu, memory and pids where v2 hasn't the controller.
 * Found where distributions mount them; pure v2 and hybrid both work. And all
 * else that a node leaves on the host: its folder below /run/writ.
 */
#pragma once
#include <writ/boot.h>

struct groups {
	int node[BOOT_GROUP_N]; /* the node's folder there, -1: none */
	unsigned v2_has;        /* bit of each controller that is in v2 */
	char name[64];
	char missing[64]; /* controllers that can't be had: "cpu memory" */
};

/*
 * Find the hierarchies and make the node's folders. What a dead node of that name
 * left is cleared: every process in them is killed first. Returns 0 or -errno
 * (no v2 hierarchy at all); groups_close() in any case.
 */
int groups_open(struct groups *g, const char *node);

/* Kill all that is in the node's groups and remove them. Returns 0, -EBUSY when processes are still
 * dying after a second, or -errno. */
int groups_remove(struct groups *g);

void groups_close(struct groups *g);
