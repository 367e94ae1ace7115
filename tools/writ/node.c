/* SPDX-License-Identifier: MIT */
/* A node as this host sees it: see node.h. */
#include "tools/writ/node.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tools/boot/clear.h"

#define GUARD_MS     15000
#define CLEAR_TRIES  100 /* of 20 ms: more than a second, which writ-boot gives the dying */
#define MANIFEST_MAX (1 << 20)

/* "/a/b/c" -> "/a/b"; false at the top. */
static bool go_up(char *dir)
{
	char *slash = strrchr(dir, '/');

	if (slash == NULL || slash == dir)
		return false;
	*slash = '\0';
	return true;
}

static bool is_there(char path[CLI_PATH_MAX], const char *dir, const char *rest)
{
	int n = snprintf(path, CLI_PATH_MAX, "%s/%s", dir, rest);

	if (n > 0 && n < CLI_PATH_MAX && access(path, F_OK) == 0)
		return true;
	path[0] = '\0';
	return false;
}

int node_files_find(struct cli *c, struct node_files *ret)
{
	char dir[CLI_PATH_MAX], path[CLI_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	dir[n > 0 ? n : 0] = '\0';
	if (!go_up(dir))
		return cli_fail(c, EX_OSERR, "cannot find out where this program lies");
	if (is_there(path, dir, NODE_BOOT)) { /* a build tree: DIR/bin, sources above it */
		memcpy(ret->bin, dir, sizeof(ret->bin));
		while (!is_there(ret->manifest, dir, "docs/examples/node.yaml") && go_up(dir))
			;
		return 0;
	}
	if (go_up(dir) && is_there(path, dir, "libexec/writ/" NODE_BOOT)) {
		go_up(path);
		memcpy(ret->bin, path, sizeof(ret->bin));
		if (!is_there(ret->manifest, dir, "share/writ/node.yaml"))
			is_there(ret->manifest, dir, "share/writ/examples/node.yaml");
		return 0;
	}
	return cli_fail(c, EX_NOINPUT, "no %s beside this program, nor in ../libexec/writ",
	    NODE_BOOT);
}

/* Who holds a flock on the file of @st, as /proc/locks says; 0: unknown. */
static pid_t flock_owner(const struct stat *st)
{
	unsigned maj, min;
	unsigned long long ino;
	char line[256];
	pid_t pid = 0;
	int p;
	FILE *f = fopen("/proc/locks", "re");

	while (f != NULL && pid == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &p, &maj, &min, &ino) == 4 &&
		    p > 0 && ino == st->st_ino && maj == major(st->st_dev) &&
		    min == minor(st->st_dev))
			pid = p;
	}
	if (f != NULL)
		fclose(f);
	return pid;
}

/* Open a descriptor of the lock's owner; it must hold the lock still once it is open. */
static int owner_open(const struct stat *st, pid_t *ret_pid, int *ret_pidfd)
{
	pid_t pid = flock_owner(st);
	int fd;

	if (pid == 0)
		return -ESRCH;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return -errno;
	if (flock_owner(st) != pid || poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 0) != 0) {
		close(fd);
		return -ESRCH;
	}
	*ret_pid = pid;
	*ret_pidfd = fd;
	return 0;
}

int node_kernel_find(struct cli *c, pid_t *ret_pid, int *ret_pidfd)
{
	char path[128];
	struct stat st;
	int fd, r = -ESRCH;

	*ret_pid = 0;
	*ret_pidfd = -1;
	snprintf(path, sizeof(path), "%s/%s/lock", CLI_RUN_DIR, c->node);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return cli_fail(c, errno == EACCES ? EX_NOPERM : EX_OSERR, "%s: %s", path,
		    strerror(errno));
	/* its kernel may be dead, and writ-boot about to clear what it left */
	for (int tries = 0; tries < CLEAR_TRIES && r == -ESRCH; tries++) {
		if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
			close(fd);
			return 0;
		}
		r = fstat(fd, &st) == 0 ? owner_open(&st, ret_pid, ret_pidfd) : -errno;
		if (r == -ESRCH)
			poll(NULL, 0, cli_ms(20));
	}
	close(fd);
	if (r < 0)
		return cli_fail(c, EX_OSERR, "%s is locked, but its owner can't be found: %s", path,
		    strerror(-r));
	return 0;
}

/* The first line of a file, with no line end; "": it can't be read. */
static void line_read(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");

	if (f == NULL || fgets(buf, (int)size, f) == NULL)
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
}

bool node_watched(const struct cli *c)
{
	char path[128], line[512];
	int parent;

	snprintf(path, sizeof(path), "%s/%s/pid", CLI_RUN_DIR, c->node);
	line_read(path, line, sizeof(line));
	snprintf(path, sizeof(path), "/proc/%d/stat", atoi(line));
	line_read(path, line, sizeof(line));
	if (sscanf(line, "%*d %*s %*c %d", &parent) != 1) /* names of ours have no space */
		return true;
	snprintf(path, sizeof(path), "/proc/%d/comm", parent);
	line_read(path, line, sizeof(line));
	return line[0] == '\0' || strcmp(line, NODE_BOOT) == 0;
}

int node_guard(struct cli *c, int *ret_fd)
{
	int fd, ms = 0;

	if (mkdir(CLI_RUN_DIR, 0755) < 0 && errno != EEXIST)
		return cli_fail(c, EX_OSERR, "%s: %s", CLI_RUN_DIR, strerror(errno));
	/* not the folder: whoever can open a file can hold its lock, for as long as he likes */
	fd = open(CLI_RUN_DIR "/.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cli_fail(c, EX_OSERR, "%s: %s", CLI_RUN_DIR "/.lock", strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (ms >= cli_ms(GUARD_MS)) {
			close(fd);
			return cli_fail(c, EX_TEMPFAIL, "another writ up or down is at work");
		}
		poll(NULL, 0, 50);
		ms += 50;
	}
	*ret_fd = fd;
	return 0;
}

int node_clean(struct cli *c)
{
	char run[128];
	int r;

	snprintf(run, sizeof(run), "%s/%s", CLI_RUN_DIR, c->node);
	r = node_clear(c->node, run);
	if (r == -ENOENT)
		return cli_fail(c, EX_UNAVAILABLE,
		    "node %s has no cgroup v2 to be in: see `writ doctor'", c->node);
	if (r < 0)
		return cli_fail(c, EX_SOFTWARE, "could not clear what node %s left: %s", c->node,
		    strerror(-r));
	return 0;
}

static void manifest_path(const struct cli *c, char *path, size_t size)
{
	snprintf(path, size, "%s/%s/node.pb", CLI_LOG_DIR, c->node);
}

int node_manifest_load(struct cli *c, Writ__Manifest__Node **ret)
{
	char path[128];
	uint8_t *buf = malloc(MANIFEST_MAX);
	ssize_t n = -1;
	int fd;

	manifest_path(c, path, sizeof(path));
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && buf != NULL)
		n = read(fd, buf, MANIFEST_MAX);
	if (fd >= 0)
		close(fd);
	*ret = n > 0 ? writ__manifest__node__unpack(NULL, (size_t)n, buf) : NULL;
	free(buf);
	if (*ret == NULL)
		return cli_fail(c, EX_NOINPUT, "node %s: what it was started with isn't known",
		    c->node);
	return 0;
}

int node_manifest_save(struct cli *c, const Writ__Manifest__Node *node)
{
	size_t size = writ__manifest__node__get_packed_size(node);
	const struct group *g = getgrnam("writ");
	uint8_t *buf = malloc(size + 1);
	char path[128];
	bool done;
	int fd;

	if (buf == NULL)
		return cli_fail(c, EX_OSERR, "out of memory");
	manifest_path(c, path, sizeof(path));
	writ__manifest__node__pack(node, buf);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	done = fd >= 0 && write(fd, buf, size) == (ssize_t)size &&
	    (g == NULL || fchown(fd, 0, g->gr_gid) == 0);
	if (fd >= 0)
		close(fd);
	free(buf);
	return done ? 0 : cli_fail(c, EX_OSERR, "%s: %s", path, strerror(errno));
}
