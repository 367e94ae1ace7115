/* SPDX-License-Identifier: MIT */
/* Where a node's eBPF objects are pinned: see guard.h. Touches nothing of other nodes. */
#include "tools/boot/guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"

enum { PIN_MAX = 512 };

static const char *const kinds[] = { "progs", "maps", "links", "iter" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int mounted(void)
{
	struct statfs st;

	if (statfs(BPFFS, &st) < 0)
		return -errno;
	if ((unsigned long)st.f_type == BPF_FS_MAGIC)
		return 0;
	return mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0
	    ? -errno
	    : 0;
}

/* A folder that @gid may read. */
static int folder(const char *path, gid_t gid)
{
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return -errno;
	return chown(path, 0, gid) < 0 ? -errno : 0;
}

static int folders(const char *dir, gid_t gid)
{
	char path[PIN_MAX + 8];
	int r;

	if ((r = folder(GUARD_PINS, gid)) < 0 || (r = folder(GUARD_PINS "/nodes", gid)) < 0 ||
	    (r = folder(dir, gid)) < 0)
		return r;
	for (size_t i = 0; i < KINDS && r == 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, kinds[i]);
		r = folder(path, gid);
	}
	return r;
}

static int pin(int fd, const char *dir, const char *kind, const char *name, gid_t gid)
{
	char path[PIN_MAX + 128];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, kind, name);
	if (bpf_obj_pin(fd, path) < 0 || chown(path, 0, gid) < 0 || chmod(path, 0640) < 0)
		return -errno;
	return 0;
}

static int pin_all(const struct guard *g, const char *dir, gid_t gid)
{
	int r = 0;

	for (unsigned i = 0; i < g->nmaps && r == 0; i++)
		if (strchr(bpf_map__name(g->maps[i]), '.') == NULL)
			r = pin(bpf_map__fd(g->maps[i]), dir, "maps", bpf_map__name(g->maps[i]),
			    gid);
	for (unsigned i = 0; i < g->nprogs && r == 0; i++) {
		const char *name = bpf_program__name(g->progs[i]);
		int iter = strncmp(name, "iter_", 5) == 0;

		r = pin(bpf_program__fd(g->progs[i]), dir, "progs", name, gid);
		if (r == 0 && g->links[i] != NULL)
			r = pin(bpf_link__fd(g->links[i]), dir, iter ? "iter" : "links",
			    iter ? name + 5 : name, gid);
	}
	return r;
}

/* The short way to the pins of the node that was first. */
static void shortcuts(const char *node)
{
	char to[PIN_MAX], at[PIN_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		snprintf(at, sizeof(at), GUARD_PINS "/%s", kinds[i]);
		snprintf(to, sizeof(to), "nodes/%.95s/%s", node, kinds[i]);
		if (access(at, F_OK) < 0)
			(void)unlink(at); /* one that leads nowhere */
		if (symlink(to, at) < 0)
			continue; /* another node's: ours are below nodes/ all the same */
	}
}

static void shortcuts_remove(const char *node)
{
	char to[PIN_MAX], at[PIN_MAX], is[PIN_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		ssize_t n;

		snprintf(at, sizeof(at), GUARD_PINS "/%s", kinds[i]);
		snprintf(to, sizeof(to), "nodes/%.95s/%s", node, kinds[i]);
		n = readlink(at, is, sizeof(is) - 1);
		is[n > 0 ? n : 0] = '\0';
		if (strcmp(is, to) == 0)
			(void)unlink(at);
	}
}

static int empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int r = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0) < 0)
			r = -errno;
	closedir(d);
	return rmdir(path) < 0 ? -errno : r;
}

int guard_unpin(const char *node)
{
	char path[PIN_MAX];
	struct statfs st;
	int r = 0;

	if (statfs(BPFFS, &st) < 0 || (unsigned long)st.f_type != BPF_FS_MAGIC)
		return 0;
	shortcuts_remove(node);
	for (size_t i = 0; i < KINDS; i++) {
		int x;

		snprintf(path, sizeof(path), GUARD_PINS "/nodes/%s/%s", node, kinds[i]);
		x = empty(path);
		r = x < 0 ? x : r;
	}
	snprintf(path, sizeof(path), GUARD_PINS "/nodes/%s", node);
	if (rmdir(path) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	if (rmdir(GUARD_PINS "/nodes") == 0) /* no other node is there */
		(void)rmdir(GUARD_PINS);
	return r;
}

int guard_pin(struct guard *g, const char *node, gid_t gid)
{
	char dir[PIN_MAX];
	int r;

	if ((r = mounted()) < 0 || (r = guard_unpin(node)) < 0)
		return r;
	snprintf(dir, sizeof(dir), GUARD_PINS "/nodes/%s", node);
	if ((r = folders(dir, gid)) < 0 || (r = pin_all(g, dir, gid)) < 0) {
		(void)guard_unpin(node);
		return r;
	}
	shortcuts(node);
	return 0;
}
