/* SPDX-License-Identifier: MIT */
/*
 * The node's cgroups. Owns MOUNT/writ/NODE in every hierarchy it uses and never
 * touches another group (but for offering controllers to writ/ from the root of
 * a pure v2 system). The v2 group holds every process of a realm, so that eBPF
 * can tell realms apart; v1 groups only add limits.
 */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CPU, MEMORY, PIDS, V2, HIER_N };         /* V2 last: the others are controllers */
static const char *const names[] = { "cpu", "memory", "pids", "cgroup2" };

static struct {
	int node[HIER_N];       /* the node's folder there, -1: none */
	int v2_has[HIER_N];     /* a controller that is in v2 */
	char path[HIER_N][PATH_MAX]; /* mount points */
	char name[64];
} cg = { .node = { -1, -1, -1, -1 } };

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

static int put_number(int dir, const char *file, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return put(dir, file, text);
}

static int has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += len)
		if ((p == list || strchr(", ", p[-1]) != NULL) && strchr(", \n", p[len]) != NULL)
			return 1;
	return 0;
}

/* One line of mountinfo: "... MOUNTPOINT OPTIONS ... - TYPE SOURCE SUPEROPTIONS". */
static void mount_note(char *line)
{
	char at[PATH_MAX], type[16], super[256];
	char *dash = strstr(line, " - ");

	if (dash == NULL || sscanf(line, "%*s %*s %*s %*s %4095s", at) != 1 ||
	    sscanf(dash, " - %15s %*s %255s", type, super) != 2)
		return;
	if (strcmp(type, "cgroup2") == 0)
		strcpy(cg.path[V2], at);
	for (int i = 0; i < V2 && strcmp(type, "cgroup") == 0; i++)
		if (has_word(super, names[i]))
			strcpy(cg.path[i], at);
}

static int mounts_find(void)
{
	char line[2 * PATH_MAX];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (f == NULL)
		return -errno;
	memset(cg.path, 0, sizeof(cg.path));
	while (fgets(line, sizeof(line), f) != NULL)
		mount_note(line);
	fclose(f);
	return 0;
}

/* Offer the controllers that v2 has to what is below @dir; note which those are. */
static void v2_offer(int dir)
{
	char list[256] = "", word[16];
	int fd = openat(dir, "cgroup.controllers", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, list, sizeof(list) - 1);
	close(fd);
	for (int i = 0; n > 0 && i < V2; i++) {
		snprintf(word, sizeof(word), "+%s", names[i]);
		cg.v2_has[i] = has_word(list, names[i]) && put(dir, "cgroup.subtree_control", word) == 0;
	}
}

/* Open @name below @dir, made if need be; its controllers on where @v2. Returns it or -errno. */
static int folder(int dir, const char *name, int v2)
{
	int fd;

	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (v2)
		v2_offer(fd);
	return fd;
}

static int hier_open(int i)
{
	int top, writ, r;

	if (cg.path[i][0] == '\0')
		return -ENOENT;
	top = open(cg.path[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return -errno;
	if (i == V2)
		v2_offer(top);
	writ = folder(top, "writ", i == V2);
	close(top);
	if (writ < 0)
		return writ;
	r = folder(writ, cg.name, i == V2);
	close(writ);
	if (r >= 0)
		cg.node[i] = r;
	return r < 0 ? r : 0;
}

/* Kill every process in the group @dir: at one blow where v2 can, else one by one. */
static void group_kill(int dir)
{
	char line[32];
	int fd;
	FILE *f;

	if (put(dir, "cgroup.kill", "1") == 0)
		return;
	fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		pid_t pid = atoi(line);

		if (pid > 1 && pid != getpid())
			kill(pid, SIGKILL);
	}
	fclose(f);
}

/* Empty and remove the group @name below @dir. */
static int group_remove(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	group_kill(fd);
	close(fd);
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* All realms of the node in one hierarchy. */
static int realms_remove(int node)
{
	int fd = openat(node, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((e = readdir(d)) != NULL) {
		int x = e->d_type == DT_DIR && e->d_name[0] != '.' ? group_remove(node, e->d_name) : 0;

		r = x < 0 ? x : r;
	}
	closedir(d);
	return r;
}

/* What a dead node of this name left: kill it, give it a second to go. */
static int node_clear(void)
{
	int r = 0;

	for (int tries = 0; tries < 100; tries++) {
		r = 0;
		for (int i = 0; i < HIER_N; i++) {
			int x = cg.node[i] >= 0 ? realms_remove(cg.node[i]) : 0;

			r = x < 0 ? x : r;
		}
		if (r != -EBUSY)
			break;
		usleep(10000);
	}
	return r;
}

int cgroup_init(const char *node, const char **ret_missing)
{
	static char missing[64];
	int r;

	if (strlen(node) >= sizeof(cg.name) || node[0] == '.' || strchr(node, '/') != NULL)
		return -EINVAL;
	strcpy(cg.name, node);
	r = mounts_find();
	if (r < 0)
		return r;
	missing[0] = '\0';
	r = hier_open(V2);
	for (int i = 0; i < V2; i++) {
		if (cg.v2_has[i] || hier_open(i) == 0)
			continue;
		strcat(strcat(missing, missing[0] != '\0' ? " " : ""), names[i]);
	}
	*ret_missing = missing;
	return r < 0 ? r : node_clear();
}

/* The limits of one realm; @dir is its group in hierarchy @i. A ceiling that the kernel doesn't offer is no error. */
static int limits_put(int i, int dir, uint64_t memory, uint32_t cores, uint32_t pids)
{
	int v2 = i == V2, r = 0;
	char text[48];

	if (memory != 0 && (i == MEMORY || (v2 && cg.v2_has[MEMORY]))) {
		r = put_number(dir, v2 ? "memory.max" : "memory.limit_in_bytes", memory);
		if (v2)
			(void)put(dir, "memory.swap.max", "0");
	}
	if (r == 0 && cores != 0 && (i == CPU || (v2 && cg.v2_has[CPU]))) {
		uint64_t weight = v2 ? cores / 10 : (uint64_t)cores * 1024 / 1000;

		r = put_number(dir, v2 ? "cpu.weight" : "cpu.shares", weight < 2 ? 2 : weight > 10000 ? 10000 : weight);
		snprintf(text, sizeof(text), v2 ? "%u 100000" : "%u", cores * 100);
		(void)put(dir, v2 ? "cpu.max" : "cpu.cfs_quota_us", text);
	}
	if (r == 0 && pids != 0 && (i == PIDS || (v2 && cg.v2_has[PIDS])))
		r = put_number(dir, "pids.max", pids);
	return r;
}

int cgroup_make(const char *realm, uint64_t memory, uint32_t cores, uint32_t pids)
{
	int r = 0;

	for (int i = 0; i < HIER_N && r == 0; i++) {
		int dir = cg.node[i] < 0 ? -1 : folder(cg.node[i], realm, 0);

		if (cg.node[i] < 0)
			continue;
		r = dir < 0 ? dir : limits_put(i, dir, memory, cores, pids);
		if (dir >= 0)
			close(dir);
	}
	return r;
}

int cgroup_enter(const char *realm, pid_t pid)
{
	char file[NAME_MAX + 1];

	snprintf(file, sizeof(file), "%s/cgroup.procs", realm);
	for (int i = 0; i < HIER_N; i++) {
		int r = cg.node[i] < 0 ? 0 : put_number(cg.node[i], file, (uint64_t)pid);

		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_remove(const char *realm)
{
	int r = 0;

	for (int i = HIER_N - 1; i >= 0; i--) {
		int x = cg.node[i] < 0 ? 0 : group_remove(cg.node[i], realm);

		r = x < 0 ? x : r;
	}
	return r;
}

int cgroup_fini(void)
{
	int r = node_clear();

	for (int i = 0; i < HIER_N && r == 0; i++) {
		int writ = cg.node[i] < 0 ? -1 : openat(cg.node[i], "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (cg.node[i] < 0)
			continue;
		if (writ < 0 || unlinkat(writ, cg.name, AT_REMOVEDIR) < 0)
			r = -errno;
		if (r == 0) {
			close(cg.node[i]);
			cg.node[i] = -1;
			(void)unlinkat(writ, "../writ", AT_REMOVEDIR); /* stays while another node is in it */
		}
		if (writ >= 0)
			close(writ);
	}
	return r;
}

uint64_t cgroup_id(const char *realm)
{
	struct stat st;

	if (cg.node[V2] < 0 || fstatat(cg.node[V2], realm, &st, 0) < 0)
		return 0;
	return st.st_ino;
}
