/* SPDX-License-Identifier: MIT */
/*
 * The node's cgroups and what else it leaves on the host: see group.h. Never
 * touches a group of somebody else (but for offering controllers to writ/ from
 * the root of a pure v2 system).
 */
#include "tools/boot/group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, PAUSE_MS = 2, TRIES = 100 };

static const char *const names[] = { "cgroup2", "cpu", "memory", "pids" };

/* Write @text to @dir/@file as one write. Returns 0 or -errno. */
static int put(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Where distributions mount a hierarchy: on pure v2 the first path is no cgroup2 mount. */
static int top_open(int i)
{
	static const char *const at[BOOT_GROUP_N][2] = {
		{ "/sys/fs/cgroup/unified", "/sys/fs/cgroup" },
		{ "/sys/fs/cgroup/cpu" },
		{ "/sys/fs/cgroup/memory" },
		{ "/sys/fs/cgroup/pids" },
	};

	for (int n = 0; n < 2 && at[i][n] != NULL; n++) {
		int fd = open(at[i][n], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs st;

		if (fd >= 0 && fstatfs(fd, &st) == 0 &&
		    st.f_type == (i == BOOT_V2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

/* Offer the controllers to what is below @dir; note which of them v2 has. */
static void v2_offer(struct groups *g, int dir)
{
	char word[16];

	g->v2_has = 0;
	for (int i = BOOT_CPU; i < BOOT_GROUP_N; i++) {
		snprintf(word, sizeof(word), "+%s", names[i]);
		if (put(dir, "cgroup.subtree_control", word) == 0)
			g->v2_has |= 1u << i;
	}
}

/* Open @name below @dir, made if need be; its controllers on in v2. Returns it or -errno. */
static int folder(struct groups *g, int i, int dir, const char *name)
{
	int fd;

	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (i == BOOT_V2)
		v2_offer(g, fd);
	return fd;
}

static int hier_open(struct groups *g, int i)
{
	int top = top_open(i), writ, r = -ENOENT;

	if (top < 0)
		return top;
	if (i == BOOT_V2)
		v2_offer(g, top);
	/* a node that ends takes writ/ with it, if it was the last in there */
	for (int tries = 0; r == -ENOENT && tries < TRIES; tries++) {
		writ = folder(g, i, top, "writ");
		r = writ < 0 ? writ : folder(g, i, writ, g->name);
		if (writ >= 0)
			close(writ);
	}
	close(top);
	g->node[i] = r;
	return r < 0 ? r : 0;
}

/* Remove @name below @dir with all groups in it. Returns 0 or -errno; -EBUSY: somebody lives. */
static int tree_remove(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r == -ENOENT ? 0 : r;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			(void)tree_remove(fd, e->d_name); /* or what follows fails */
	closedir(d);
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Kill and remove all realms of the node. Their processes may be children of ours. */
static int realms_remove(const struct groups *g)
{
	char kill[NAME_MAX + 16];
	int r = 0;

	for (int i = 0; i < BOOT_GROUP_N; i++) {
		int fd = g->node[i] < 0
		    ? -1
		    : openat(g->node[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *d = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *e;

		while (d != NULL && (e = readdir(d)) != NULL) {
			int x;

			if (e->d_type != DT_DIR || e->d_name[0] == '.')
				continue;
			snprintf(kill, sizeof(kill), "%s/cgroup.kill", e->d_name);
			if (i == BOOT_V2) /* it has every process */
				(void)put(fd, kill, "1");
			x = tree_remove(fd, e->d_name);
			r = x < 0 ? x : r;
		}
		if (d != NULL)
			closedir(d);
	}
	return r;
}

/* Those that are killed get a second to go. */
static int realms_clear(const struct groups *g)
{
	int r;

	for (int ms = 0; (r = realms_remove(g)) == -EBUSY && ms < PATIENCE_MS; ms += PAUSE_MS)
		usleep(PAUSE_MS * 1000);
	return r;
}

int groups_open(struct groups *g, const char *node)
{
	size_t len = 0;
	int r;

	*g = (struct groups){ .node = { -1, -1, -1, -1 } };
	if (strlen(node) >= sizeof(g->name) || node[0] == '.' || strchr(node, '/') != NULL)
		return -EINVAL;
	snprintf(g->name, sizeof(g->name), "%s", node);
	r = hier_open(g, BOOT_V2);
	for (int i = BOOT_CPU; i < BOOT_GROUP_N; i++) {
		if ((g->v2_has >> i & 1) != 0 || hier_open(g, i) == 0)
			continue;
		g->node[i] = -1;
		len += (size_t)snprintf(g->missing + len, sizeof(g->missing) - len, "%s%s",
		    len > 0 ? " " : "", names[i]);
	}
	return r < 0 ? r : realms_clear(g);
}

void groups_close(struct groups *g)
{
	for (int i = 0; i < BOOT_GROUP_N; i++) {
		if (g->node[i] >= 0)
			close(g->node[i]);
		g->node[i] = -1;
	}
}

/* Remove the node's own folder of hierarchy @i, and writ/ unless another node is in it. */
static int hier_remove(const struct groups *g, int i)
{
	int writ = openat(g->node[i], "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (writ < 0 || (unlinkat(writ, g->name, AT_REMOVEDIR) < 0 && errno != ENOENT))
		r = -errno;
	if (r == 0)
		(void)unlinkat(writ, "../writ", AT_REMOVEDIR);
	if (writ >= 0)
		close(writ);
	return r;
}

int groups_remove(struct groups *g)
{
	int r = realms_clear(g);

	for (int i = 0; i < BOOT_GROUP_N && r == 0; i++)
		r = g->node[i] < 0 ? 0 : hier_remove(g, i);
	groups_close(g);
	return r;
}
