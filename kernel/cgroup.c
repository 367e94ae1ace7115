/* SPDX-License-Identifier: MIT */
/*
 * Limits of realms, below the node's folder in each hierarchy: v2 always, and
 * v1's of cpu, memory and pids where v2 hasn't the controller. Touches nothing
 * else. The v2 group has every process of a realm, so that all can be killed and
 * eBPF can tell realms apart; v1 groups only add limits.
 */
#include "nest.h"

#include <dirent.h>
#include <sys/stat.h>

static int node[BOOT_GROUP_N] = { -1, -1, -1, -1 };
static unsigned v2_has;

void cgroup_init(const int dirs[BOOT_GROUP_N], unsigned v2)
{
	memcpy(node, dirs, sizeof(node));
	v2_has = v2;
}

/* Where controller @c lives. */
static int hier(int c)
{
	return (v2_has >> c & 1) != 0 ? BOOT_V2 : c;
}

/* Write @value as one write to @group/@file; nothing where the hierarchy is missing. */
static int put(int i, const char *group, const char *file, const char *value)
{
	return node[i] < 0 ? 0 : file_put(node[i], text("%s/%s", group, file).s, value);
}

/* The same in the hierarchy of controller @c. */
static int limit(int c, const char *group, const char *v1, const char *v2, uint64_t n,
    const char *unit)
{
	return put(hier(c), group, hier(c) == BOOT_V2 ? v2 : v1, text("%lu%s", n, unit).s);
}

static int make(int i, const char *group)
{
	return errno_if(node[i] >= 0 && mkdirat(node[i], group, 0755) < 0 && errno != EEXIST);
}

/* Not there is gone. */
static int drop(int dir, const char *group)
{
	return errno_if(unlinkat(dir, group, AT_REMOVEDIR) < 0 && errno != ENOENT);
}

/* Where the realm's processes begin; only v2's and cpu's groups have leaves. */
static struct text nest(int i, const char *realm)
{
	return text("%s%s", realm, i <= BOOT_CPU ? "/nest" : "");
}

int cgroup_make(const char *realm, uint64_t memory, uint32_t cores, uint32_t pids)
{
	int v2 = hier(BOOT_CPU) == BOOT_V2, swap = hier(BOOT_MEMORY) != BOOT_V2, r = 0;
	uint64_t weight = v2 ? cores / 10 : (uint64_t)cores * 1024 / 1000,
		 max = v2 ? 10000 : 262144;

	for (int i = 0; i < BOOT_GROUP_N && r == 0; i++)
		if ((r = make(i, realm)) == 0)
			r = make(i, nest(i, realm).s);
	if (r == 0 && v2)
		r = put(BOOT_V2, realm, "cgroup.subtree_control", "+cpu");
	if (r == 0 && memory != 0) {
		r = limit(BOOT_MEMORY, realm, "memory.limit_in_bytes", "memory.max", memory, "");
		/* no swap on top; not every kernel counts it */
		(void)limit(BOOT_MEMORY, realm, "memory.memsw.limit_in_bytes", "memory.swap.max",
		    swap ? memory : 0, "");
	}
	if (r == 0 && cores != 0) {
		weight = weight < 2 ? 2 : weight > max ? max : weight;
		r = limit(BOOT_CPU, realm, "cpu.shares", "cpu.weight", weight, "");
		/* a ceiling, where the kernel offers one: of a period of 100 ms */
		(void)limit(BOOT_CPU, realm, "cpu.cfs_quota_us", "cpu.max", cores * UINT64_C(100),
		    v2 ? " 100000" : "");
	}
	if (r == 0 && pids != 0)
		r = limit(BOOT_PIDS, realm, "pids.max", "pids.max", pids, "");
	return r;
}

uint64_t cgroup_id(const char *realm)
{
	struct stat st;

	return fstatat(node[BOOT_V2], realm, &st, 0) < 0 ? 0 : st.st_ino;
}

int cgroup_enter(const char *realm, pid_t pid)
{
	int r = 0;

	for (int i = 0; i < BOOT_GROUP_N && r == 0; i++)
		r = put(i, nest(i, realm).s, "cgroup.procs", text("%d", (int)pid).s);
	return r;
}

/* Those in use stay; then their realm can't be removed either. */
static void leaves_remove(int i, const char *realm)
{
	_Alignas(struct dirent64) char buf[2048];
	int dir = openat(node[i], realm, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t n;

	while (dir >= 0 && (n = getdents64(dir, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n; at += ((struct dirent64 *)(buf + at))->d_reclen) {
			const struct dirent64 *d = (struct dirent64 *)(buf + at);

			if (d->d_type == DT_DIR && d->d_name[0] != '.')
				(void)drop(dir, d->d_name);
		}
	if (dir >= 0)
		close(dir);
}

int cgroup_remove(const char *realm)
{
	int r = 0, x;

	(void)put(BOOT_V2, realm, "cgroup.kill", "1");
	for (int i = 0; i < BOOT_GROUP_N; i++) {
		leaves_remove(i, realm);
		if (node[i] >= 0 && (x = drop(node[i], realm)) < 0)
			r = x;
	}
	return r;
}

int cgroup_leaf(const char *realm, uint32_t id, const struct writ_sched_req *set)
{
	int i = hier(BOOT_CPU), v2 = i == BOOT_V2, r = node[i] < 0 ? -ENOTSUP : 0;
	struct text at = text("%s/sc%u", realm, id);

	if (r < 0 || (r = make(i, at.s)) < 0)
		return r;
	(void)put(i, at.s, "cpu.idle", "0"); /* while it is idle it takes no weight */
	r = limit(BOOT_CPU, at.s, "cpu.shares", "cpu.weight",
	    v2 ? set->weight : set->weight * UINT64_C(1024) / 100, "");
	if (r < 0)
		return r;
	if (set->class == WRIT_CLASS_BE)
		(void)put(i, at.s, "cpu.idle", "1"); /* since Linux 5.15 */
	/* in v1 first none: neither new number may be too much beside the other's old one */
	r = put(i, at.s, v2 ? "cpu.max" : "cpu.cfs_quota_us", v2 ? "max" : "-1");
	if (r == 0 && set->budget != 0 && !v2)
		r = put(i, at.s, "cpu.cfs_period_us", text("%u", set->period).s);
	if (r == 0 && set->budget != 0)
		r = limit(BOOT_CPU, at.s, "cpu.cfs_quota_us", "cpu.max", set->budget,
		    v2 ? text(" %u", set->period).s : "");
	return r == -ENOENT ? 0 : r; /* not every kernel offers it */
}

int cgroup_leaf_enter(const char *realm, uint32_t id, pid_t pid)
{
	return put(hier(BOOT_CPU), text("%s/sc%u", realm, id).s, "cgroup.procs",
	    text("%d", (int)pid).s);
}

int cgroup_leaf_remove(const char *realm, uint32_t id)
{
	int dir = node[hier(BOOT_CPU)];

	return dir < 0 ? 0 : drop(dir, text("%s/sc%u", realm, id).s);
}
