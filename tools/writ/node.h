/* SPDX-License-Identifier: MIT */
/*
 * A node as this host sees it: its folders, whether its kernel lives, and how
 * to clear what a dead one left. A kernel lives as long as it holds the flock on
 * /run/writ/NODE/lock; a pid alone is never believed.
 */
#pragma once
#include <sys/types.h>
#include <writ/manifest.pb-c.h>

#include "tools/writ/cli.h"

#define NODE_BOOT "writ-boot"

/* Where the node's programs lie and, in a build tree or installed, its default manifest. */
struct node_files {
	char bin[CLI_PATH_MAX], manifest[CLI_PATH_MAX];
};

/* Find them beside this program. Errors: EX_NOINPUT (no kernel there). An absent manifest is "". */
int node_files_find(struct cli *c, struct node_files *ret);

/*
 * Does the kernel of cli's node live? *ret_pidfd is a descriptor of it (CLOEXEC),
 * or -1 when it doesn't. One that has just ended is waited for until writ-boot
 * has cleared what it left, 2 s. Errors: EX_OSERR, EX_NOPERM.
 */
int node_kernel_find(struct cli *c, pid_t *ret_pid, int *ret_pidfd);

/* Does writ-boot still wait for the node's kernel, which lives? Yes, where that can't be seen. */
bool node_watched(const struct cli *c);

/* One `up` or `down` at a time: holds *ret_fd until closed. Waits at most 15 s, then EX_TEMPFAIL.
 */
int node_guard(struct cli *c, int *ret_fd);

/* Clear what a dead node of that name left: processes, cgroups, its folder. The kernel must not
 * live. */
int node_clean(struct cli *c);

/*
 * The manifest that the last `up` gave the node, so that realms can be checked
 * against its host folders; it lies in the log folder. Returns 0, or EX_NOINPUT when there is none.
 */
int node_manifest_load(struct cli *c, Writ__Manifest__Node **ret);
int node_manifest_save(struct cli *c, const Writ__Manifest__Node *node);
