/* SPDX-License-Identifier: MIT */
/*
 * Host folders for servers. Owns nothing: what it opens belongs to the caller.
 * Must never hand out a mount that executes, has devices or setuid files, or is
 * writable when that was not asked for.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Map id @inside of @pid's namespace to @outside; @file is "uid_map" or "gid_map". */
static int idmap_write(pid_t pid, const char *file, uint32_t inside, uint32_t outside)
{
	char path[48], line[48];
	int fd, n, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	n = snprintf(line, sizeof(line), "%u %u 1\n", inside, outside);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)n) != n)
		r = -errno;
	close(fd);
	return r;
}

/* A namespace lives while a process is in it or a descriptor refers to it: a child lends it its
 * first breath. */
static int userns(uint32_t uid, uint32_t gid, uint32_t outside)
{
	char path[48];
	int fd, r;
	pid_t parent = getpid();
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	if (r == 0)
		r = idmap_write(pid, "uid_map", uid, outside);
	if (r == 0)
		r = idmap_write(pid, "gid_map", gid, outside);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* Show the folder's owner as the server's user. Returns 1, 0 when the file system can't, or -errno.
 */
static int tree_idmap(int tree, uint32_t uid)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP };
	struct stat st;
	int ns, r;

	if (fstat(tree, &st) < 0)
		return -errno;
	if (st.st_uid == uid && st.st_gid == uid)
		return 1;
	ns = userns(st.st_uid, st.st_gid, uid);
	if (ns < 0)
		return ns;
	a.userns_fd = (uint64_t)ns;
	r = mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0 ? -errno : 1;
	close(ns);
	return r == -EINVAL || r == -EOPNOTSUPP ? 0 : r;
}

int host_open(struct host_folder *h)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
		    MOUNT_ATTR_NOEXEC };
	int tree = open_tree(AT_FDCWD, h->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r, fd = -1;

	if (tree < 0)
		return -errno;
	if (!h->writable)
		a.attr_set |= MOUNT_ATTR_RDONLY;
	r = mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0 ? -errno
								      : tree_idmap(tree, h->uid);
	if (r >= 0) {
		fd = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			r = -errno;
	}
	close(tree);
	if (r < 0)
		return r;
	h->fd = fd;
	h->idmapped = r;
	return 0;
}
