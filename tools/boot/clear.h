/* SPDX-License-Identifier: MIT */
/* What a node leaves on the host, and its end. */
#pragma once

/* Clear what the dead node @node left: its processes and groups; when these are gone, what held
 * them in eBPF; its folder @run with pid, socket and lock. Returns 0 or -errno. */
int node_clear(const char *node, const char *run);
