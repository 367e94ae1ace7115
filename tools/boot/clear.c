/* SPDX-License-Identifier: MIT */
/* See clear.h. */
#include "tools/boot/clear.h"

#include <errno.h>
#include <stdio.h>

#include "tools/boot/group.h"
#include "tools/boot/guard.h"

int node_clear(const char *node, const char *run)
{
	static const char *const files[] = { "/pid", "/op/op.sock", "/op", "/lock", "" };
	struct groups g;
	char path[256];
	int r = groups_open(&g, node);

	if (r == 0)
		r = groups_remove(&g);
	groups_close(&g);
	if (r == 0) /* its processes are gone, so nothing is held by them any more */
		r = guard_unpin(node);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", run, files[i]);
		if (remove(path) < 0 && errno != ENOENT && errno != ENOTDIR && r == 0)
			r = -errno;
	}
	return r;
}
