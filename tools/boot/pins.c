/* SPDX-License-Identifier: MIT */
/*
 * Where a node's eBPF objects are pinned: see guard.h. bpffs may be writable by all:
 * so each folder on the way is opened in the one before, never through a link, and
 * must be root's own. Touches nothing of other nodes.
 */
#include "tools/boot/guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"
#define FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* LOCKED: the group may pass and not open: whoever can open a folder can hold its lock. */
enum { PIN_MAX = 512, LOCKED = 0710 };
_Static_assert(sizeof(GUARD_PINS) > sizeof(BPFFS), "");

static const char *const kinds[] = { "progs", "maps", "links", "iter" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* bpffs, mounted if nobody has and @may; -1 with errno. */
static int top_open(bool may)
{
	int fd = open(BPFFS, FLAGS);
	struct statfs st;

	if (fd < 0 || (fstatfs(fd, &st) == 0 && (unsigned long)st.f_type == BPF_FS_MAGIC))
		return fd;
	close(fd);
	errno = ENOENT;
	if (!may || mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -1;
	return open(BPFFS, FLAGS);
}

/* The folder @name in @dir, which only root can write to; made, with mode @make for @gid, unless
 * that is 0. Closes @dir. -1 with errno: EPERM, somebody else has put it there. */
static int step(int dir, const char *name, mode_t make, gid_t gid)
{
	int fd, e;
	struct stat st;

	if (dir < 0)
		return -1;
	if (make != 0 && mkdirat(dir, name, make) < 0 && errno != EEXIST) {
		fd = -1;
	} else if ((fd = openat(dir, name, FLAGS)) >= 0 &&
	    (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 022) != 0)) {
		close(fd);
		errno = EPERM;
		fd = -1;
	} else if (fd >= 0 && make != 0 && fchown(fd, 0, gid) < 0) {
		close(fd);
		fd = -1;
	}
	e = errno;
	close(dir);
	errno = e;
	return fd;
}

static int writ_open(bool make, gid_t gid)
{
	return step(top_open(make), "writ", make ? LOCKED : 0, gid);
}

/* The folder of all nodes, locked till it is closed: one at a time pins and unpins, so what is
 * empty and is removed is in nobody's hands. -1 with errno. */
static int writ_lock(bool make, gid_t gid)
{
	struct stat st, there;
	int fd;

	for (;;) {
		fd = writ_open(make, gid);
		if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
			return fd;
		if (stat(GUARD_PINS, &there) == 0 && st.st_ino == there.st_ino)
			return fd;
		close(fd); /* whoever had it removed it */
	}
}

static int node_open(int writ, const char *node, bool make, gid_t gid)
{
	mode_t mode = make ? LOCKED : 0;

	return step(step(fcntl(writ, F_DUPFD_CLOEXEC, 0), "nodes", mode, gid), node, mode, gid);
}

/* --- pinning ------------------------------------------------------------------------------ */

/* Linux pins by a path only: by that of the open folder. */
static int pin(int fd, int dir, const char *name, gid_t gid)
{
	char path[PIN_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	if (bpf_obj_pin(fd, path) < 0 || fchownat(dir, name, 0, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, name, 0640, 0) < 0)
		return -errno;
	return 0;
}

static int pin_maps(const struct guard *g, int dir, gid_t gid)
{
	int r = 0;

	for (unsigned i = 0; i < g->nmaps && r == 0; i++)
		if (strchr(bpf_map__name(g->maps[i]), '.') == NULL)
			r = pin(bpf_map__fd(g->maps[i]), dir, bpf_map__name(g->maps[i]), gid);
	return r;
}

static int pin_programs(const struct guard *g, const int *dirs, gid_t gid)
{
	int r = 0;

	for (unsigned i = 0; i < g->nprogs && r == 0; i++) {
		const char *name = bpf_program__name(g->progs[i]);
		bool iter = strncmp(name, "iter_", 5) == 0;

		r = pin(bpf_program__fd(g->progs[i]), dirs[0], name, gid);
		if (r == 0 && g->links[i] != NULL)
			r = pin(bpf_link__fd(g->links[i]), dirs[iter ? 3 : 2],
			    iter ? name + 5 : name, gid);
	}
	return r;
}

/* In the folders of the node's, by kind. */
static int pin_all(const struct guard *g, int node, gid_t gid)
{
	int dirs[KINDS], r = 0;

	for (size_t i = 0; i < KINDS; i++) {
		dirs[i] = step(fcntl(node, F_DUPFD_CLOEXEC, 0), kinds[i], 0750, gid);
		r = dirs[i] < 0 && r == 0 ? -errno : r;
	}
	if (r == 0 && (r = pin_maps(g, dirs[1], gid)) == 0)
		r = pin_programs(g, dirs, gid);
	for (size_t i = 0; i < KINDS; i++)
		if (dirs[i] >= 0)
			close(dirs[i]);
	return r;
}

/* --- the short way to the pins of one node: the first, then of who is left ---------------------
 */

/* To @node, where there are none that lead somewhere. */
static void shortcuts(int writ, const char *node)
{
	char to[PIN_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		snprintf(to, sizeof(to), "nodes/%.95s/%s", node, kinds[i]);
		if (faccessat(writ, kinds[i], F_OK, 0) < 0)
			(void)unlinkat(writ, kinds[i], 0); /* one that leads nowhere */
		if (symlinkat(to, writ, kinds[i]) < 0)
			continue; /* another node's: ours are below nodes/ all the same */
	}
}

static void shortcuts_remove(int writ, const char *node)
{
	char to[PIN_MAX], is[PIN_MAX];

	for (size_t i = 0; i < KINDS; i++) {
		ssize_t n = readlinkat(writ, kinds[i], is, sizeof(is) - 1);

		is[n > 0 ? n : 0] = '\0';
		snprintf(to, sizeof(to), "nodes/%.95s/%s", node, kinds[i]);
		if (strcmp(is, to) == 0)
			(void)unlinkat(writ, kinds[i], 0);
	}
}

/* --- removing ------------------------------------------------------------------------------------
 */

/* The folder @name in @dir with what is in it. */
static int drop(int dir, const char *name)
{
	int fd = openat(dir, name, FLAGS), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && unlinkat(fd, e->d_name, 0) < 0)
			r = -errno;
	closedir(d);
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : r;
}

/* The node that is first in the folder has the short way now. */
static void shortcuts_pass(int writ)
{
	int fd = openat(writ, "nodes", FLAGS);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL && e->d_name[0] == '.')
		;
	if (e != NULL)
		shortcuts(writ, e->d_name);
	closedir(d);
}

/* Nothing of the node is there: 0. */
static int node_drop(int writ, const char *node)
{
	int dir = node_open(writ, node, false, 0), r = 0;
	char path[PIN_MAX];

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	shortcuts_remove(writ, node);
	for (size_t i = 0; i < KINDS; i++) {
		int x = drop(dir, kinds[i]);

		r = x < 0 ? x : r;
	}
	close(dir);
	snprintf(path, sizeof(path), "nodes/%.95s", node);
	if (unlinkat(writ, path, AT_REMOVEDIR) < 0 && r == 0)
		r = -errno;
	shortcuts_pass(writ);
	return r;
}

int guard_unpin(const char *node)
{
	int writ = writ_lock(false, 0), r;

	if (writ < 0)
		return errno == ENOENT ? 0 : -errno;
	r = node_drop(writ, node);
	/* and what is empty then: no other node is there */
	if (unlinkat(writ, "nodes", AT_REMOVEDIR) == 0)
		(void)rmdir(GUARD_PINS);
	close(writ);
	return r;
}

int guard_pin(struct guard *g, const char *node, gid_t gid)
{
	int writ = writ_lock(true, gid), dir = -1, r = writ < 0 ? -errno : node_drop(writ, node);

	if (r == 0 && (dir = node_open(writ, node, true, gid)) < 0)
		r = -errno;
	if (r == 0) {
		r = pin_all(g, dir, gid);
		if (r == 0)
			shortcuts(writ, node);
		else
			(void)node_drop(writ, node);
	}
	if (dir >= 0)
		close(dir);
	if (writ >= 0)
		close(writ);
	return r;
}
