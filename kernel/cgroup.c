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
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

enum { V2, CPU, MEMORY, PIDS, HIER_N }; /* V2 first: the others are controllers */
static const char *const names[] = { "cgroup2", "cpu", "memory", "pids" };

static struct {
	int node[HIER_N];   /* the node's folder there, -1: none */
	int v2_has[HIER_N]; /* a controller that is in v2 */
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

/* Where distributions mount a hierarchy: on pure v2 the first path is no cgroup2 mount. */
static int top_open(int i)
{
	static const char *const at[HIER_N][2] = { { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" },
		{ "/sys/fs/cgroup/cpu" }, { "/sys/fs/cgroup/memory" }, { "/sys/fs/cgroup/pids" } };

	for (int n = 0; n < 2 && at[i][n] != NULL; n++) {
		int fd = open(at[i][n], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs st;

		if (fd >= 0 && fstatfs(fd, &st) == 0 &&
		    st.f_type == (i == V2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

/* Offer the controllers to what is below @dir; note which of them v2 has. */
static void v2_offer(int dir)
{
	char word[16];

	for (int i = CPU; i < HIER_N; i++) {
		snprintf(word, sizeof(word), "+%s", names[i]);
		cg.v2_has[i] = put(dir, "cgroup.subtree_control", word) == 0;
	}
}

/* Open @name below @dir, made if need be; its controllers on if @v2. Returns it or -errno. */
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

	top = top_open(i);
	if (top < 0)
		return top;
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

/* Kill all in the group @name of hierarchy @i and remove it. v2's has every process. */
static int group_remove(int i, const char *name)
{
	char file[NAME_MAX + 16];

	snprintf(file, sizeof(file), "%s/cgroup.kill", name);
	if (i == V2)
		(void)put(cg.node[V2], file, "1");
	return unlinkat(cg.node[i], name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* All realms of the node in hierarchy @i. */
static int realms_remove(int i)
{
	int fd = openat(cg.node[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((e = readdir(d)) != NULL) {
		int is_realm = e->d_type == DT_DIR && e->d_name[0] != '.';
		int x = is_realm ? group_remove(i, e->d_name) : 0;

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
			int x = cg.node[i] >= 0 ? realms_remove(i) : 0;

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
	size_t len = 0;
	int r;

	if (strlen(node) >= sizeof(cg.name) || node[0] == '.' || strchr(node, '/') != NULL)
		return -EINVAL;
	snprintf(cg.name, sizeof(cg.name), "%s", node);
	missing[0] = '\0';
	r = hier_open(V2);
	for (int i = CPU; i < HIER_N; i++) {
		if (cg.v2_has[i] || hier_open(i) == 0)
			continue;
		len += (size_t)snprintf(missing + len, sizeof(missing) - len, "%s%s",
		    len > 0 ? " " : "", names[i]);
	}
	*ret_missing = missing;
	return r < 0 ? r : node_clear();
}

/* Set a limit of controller @c where that lives, in v2 or in a hierarchy of its own. */
static int limit(int c, const char *realm, const char *v1, const char *v2, uint64_t n,
    const char *unit)
{
	int i = cg.v2_has[c] ? V2 : c;
	char file[NAME_MAX + 64], text[48];

	if (cg.node[i] < 0)
		return 0; /* cgroup_init() has said that it is missing */
	snprintf(file, sizeof(file), "%s/%s", realm, i == V2 ? v2 : v1);
	snprintf(text, sizeof(text), "%llu%s", (unsigned long long)n, unit);
	return put(cg.node[i], file, text);
}

static int memory_limit(const char *realm, uint64_t bytes)
{
	int r = limit(MEMORY, realm, "memory.limit_in_bytes", "memory.max", bytes, "");

	/* no swap on top; not every kernel counts it */
	(void)limit(MEMORY, realm, "memory.memsw.limit_in_bytes", "memory.swap.max",
	    cg.v2_has[MEMORY] ? 0 : bytes, "");
	return r;
}

static int cpu_limit(const char *realm, uint64_t cores)
{
	int v2 = cg.v2_has[CPU];
	uint64_t weight = v2 ? cores / 10 : cores * 1024 / 1000, max = v2 ? 10000 : 262144;
	int r;

	weight = weight < 2 ? 2 : weight > max ? max : weight;
	r = limit(CPU, realm, "cpu.shares", "cpu.weight", weight, "");
	/* a ceiling, where the kernel offers one: of a period of 100 ms */
	(void)limit(CPU, realm, "cpu.cfs_quota_us", "cpu.max", cores * 100, v2 ? " 100000" : "");
	return r;
}

int cgroup_make(const char *realm, uint64_t memory, uint32_t cores, uint32_t pids)
{
	int r = 0;

	for (int i = 0; i < HIER_N; i++)
		if (cg.node[i] >= 0 && mkdirat(cg.node[i], realm, 0755) < 0 && errno != EEXIST)
			return -errno;
	if (memory != 0)
		r = memory_limit(realm, memory);
	if (r == 0 && cores != 0)
		r = cpu_limit(realm, cores);
	if (r == 0 && pids != 0)
		r = limit(PIDS, realm, "pids.max", "pids.max", pids, "");
	return r;
}

int cgroup_enter(const char *realm, pid_t pid)
{
	char file[NAME_MAX + 16], text[16];
	int r = 0;

	snprintf(file, sizeof(file), "%s/cgroup.procs", realm);
	snprintf(text, sizeof(text), "%d", (int)pid);
	for (int i = 0; i < HIER_N && r == 0; i++)
		r = cg.node[i] < 0 ? 0 : put(cg.node[i], file, text);
	return r;
}

int cgroup_remove(const char *realm)
{
	int r = 0;

	for (int i = 0; i < HIER_N; i++) {
		int x = cg.node[i] < 0 ? 0 : group_remove(i, realm);

		r = x < 0 ? x : r;
	}
	return r;
}

/* Remove the node's own folder of hierarchy @i, and writ/ unless another node is in it. */
static int hier_close(int i)
{
	int writ = openat(cg.node[i], "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (writ < 0 || unlinkat(writ, cg.name, AT_REMOVEDIR) < 0)
		r = -errno;
	if (r == 0) {
		(void)unlinkat(writ, "../writ", AT_REMOVEDIR);
		close(cg.node[i]);
		cg.node[i] = -1;
	}
	if (writ >= 0)
		close(writ);
	return r;
}

int cgroup_fini(void)
{
	int r = node_clear();

	for (int i = 0; i < HIER_N && r == 0; i++)
		r = cg.node[i] < 0 ? 0 : hier_close(i);
	return r;
}

uint64_t cgroup_id(const char *realm)
{
	struct stat st;

	if (cg.node[V2] < 0 || fstatat(cg.node[V2], realm, &st, 0) < 0)
		return 0;
	return st.st_ino;
}
int cgroup_leaf(const char *realm, uint32_t id, uint64_t weight, uint64_t period_us,
    uint64_t budget_us)
{
	(void)realm;
	(void)id;
	(void)weight;
	(void)period_us;
	(void)budget_us;
	return -95;
}
int cgroup_leaf_enter(const char *realm, uint32_t id, pid_t pid)
{
	(void)realm;
	(void)id;
	(void)pid;
	return 0;
}
int cgroup_leaf_remove(const char *realm, uint32_t id)
{
	(void)realm;
	(void)id;
	return 0;
}
