/* SPDX-License-Identifier: MIT */
/*
 * writ doctor: cgroups, and each limit by running into it. Groups are named
 * writ-doctor-PID-..., at the top of their hierarchy, and removed again.
 */
#include "tools/writ/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_BYTES (16 << 20)
#define TOUCH_BYTES (64 << 20)
#define SPIN_NS     400000000

/* Is @word in the comma- or space-separated @list? */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(list, word); p != NULL; p = strstr(p + 1, word)) {
		if ((p == list || strchr(", ", p[-1]) != NULL) && strchr(", \n", p[n]) != NULL)
			return true;
	}
	return false;
}

static bool file_lists(const char *dir, const char *file, const char *word)
{
	char path[512], line[512] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	return listed(line, word);
}

/* Where v2 (@controller NULL) or the v1 hierarchy of @controller is mounted. */
static bool mounted_at(const char *controller, char *ret, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024], at[512], type[64], options[256];
	const char *rest;
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		rest = strstr(line, " - ");
		if (rest == NULL || sscanf(line, "%*d %*d %*s %*s %511s", at) != 1 ||
		    sscanf(rest, " - %63s %*s %255s", type, options) != 2)
			continue;
		found = controller == NULL
		    ? strcmp(type, "cgroup2") == 0
		    : strcmp(type, "cgroup") == 0 && listed(options, controller);
	}
	if (f != NULL)
		fclose(f);
	if (found)
		snprintf(ret, size, "%s", at);
	return found;
}

/* v2 gives @controller to groups only once the top says so; it stays said, as under systemd. */
static bool v2_offers(const char *top, const char *controller)
{
	char path[600], word[32];

	if (!file_lists(top, "cgroup.controllers", controller))
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", top);
	snprintf(word, sizeof(word), "+%s", controller);
	return file_lists(top, "cgroup.subtree_control", controller) ||
	    doctor_write(path, word) == 0;
}

int doctor_group_make(struct finding *f, const char *controller, char *path, size_t size,
    bool *ret_v2)
{
	static unsigned number;
	char top[512];

	*ret_v2 = mounted_at(NULL, top, sizeof(top)) &&
	    (controller == NULL || v2_offers(top, controller));
	if (!*ret_v2 && (controller == NULL || !mounted_at(controller, top, sizeof(top))))
		return finding_fail(f, 0, "no hierarchy is mounted%s%s", controller ? " for " : "",
		    controller ? controller : "");
	snprintf(path, size, "%s/writ-doctor-%d-%u", top, (int)getpid(), number++);
	if (mkdir(path, 0755) < 0)
		return finding_fail(f, errno, "making a group in %s", top);
	return 0;
}

void doctor_group_remove(const char *path)
{
	/* a process that was killed leaves its group a moment later */
	for (int tries = 0; rmdir(path) < 0 && errno == EBUSY && tries < 100; tries++)
		poll(NULL, 0, 10);
}

static int put(const char *group, const char *file, const char *text)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	return doctor_write(path, text);
}

int doctor_group_enter(const char *path)
{
	return put(path, "cgroup.procs", "0");
}

struct in_group {
	const char *path;
	bool v2;
};

/* Has the group come to rest? Looks for a second at most. */
static bool comes_to_rest(const char *group)
{
	char path[600], line[64];
	bool frozen = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.events", group);
	for (int tries = 0; !frozen && tries < 100; tries++) {
		f = fopen(path, "re");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			frozen |= strcmp(line, "frozen 1\n") == 0;
		if (f != NULL)
			fclose(f);
		if (!frozen)
			poll(NULL, 0, 10);
	}
	return frozen;
}

/* Freeze and kill a group that @member is in. */
static int end_group(struct finding *f, const char *group, pid_t member)
{
	int r = put(group, "cgroup.freeze", "1"), status = 0;
	bool frozen = r == 0 && comes_to_rest(group);

	if (r == 0)
		r = put(group, "cgroup.kill", "1");
	if (r < 0) {
		kill(member, SIGKILL);
		put(group, "cgroup.freeze", "0");
	}
	waitpid(member, &status, 0);
	if (r < 0)
		return finding_fail(f, -r, "freezing or killing a group");
	if (!frozen)
		return finding_fail(f, 0, "a frozen group runs on");
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return finding_fail(f, 0, "a killed group lives on");
	return finding_ok(f, "a group can be made, entered, frozen and killed as a whole");
}

static int group_child(struct finding *f, void *arg)
{
	const struct in_group *g = arg;
	char entered;
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return finding_fail(f, errno, "pipe");
	pid = fork();
	if (pid < 0)
		return finding_fail(f, errno, "fork");
	if (pid == 0) {
		if (doctor_group_enter(g->path) == 0 && write(ready[1], "", 1) == 1)
			poll(NULL, 0, 3000);
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &entered, 1) != 1) {
		waitpid(pid, NULL, 0);
		return finding_fail(f, 0, "a process can't enter a group");
	}
	return end_group(f, g->path, pid);
}

static int probe_v2(struct finding *f, const void *arg)
{
	char path[512];
	struct in_group g = { .path = path };
	struct trial t = { .fn = group_child, .arg = &g };
	int r;

	(void)arg;
	if (doctor_group_make(f, NULL, path, sizeof(path), &g.v2) < 0)
		return -1;
	r = trial_run(&t, f);
	doctor_group_remove(path);
	return r;
}

static int pids_child(struct finding *f, void *arg)
{
	const struct in_group *g = arg;
	int r = put(g->path, "pids.max", "1");
	pid_t pid;

	if (r == 0)
		r = doctor_group_enter(g->path);
	if (r < 0)
		return finding_fail(f, -r, "setting the limit");
	pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return finding_fail(f, 0, "a group of one process forked");
	}
	return finding_ok(f, "cgroup v%d: a group of one process can't fork", g->v2 ? 2 : 1);
}

static int memory_child(struct finding *f, void *arg)
{
	const struct in_group *g = arg;
	char bytes[32];
	char *p;
	int r;

	snprintf(bytes, sizeof(bytes), "%d", LIMIT_BYTES);
	r = put(g->path, g->v2 ? "memory.max" : "memory.limit_in_bytes", bytes);
	if (g->v2)
		put(g->path, "memory.swap.max", "0"); /* only there with swap */
	else
		put(g->path, "memory.memsw.limit_in_bytes", bytes);
	if (r == 0)
		r = doctor_group_enter(g->path);
	if (r < 0)
		return finding_fail(f, -r, "setting the limit");
	p = mmap(NULL, TOUCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return finding_fail(f, errno, "mmap");
	for (size_t i = 0; i < TOUCH_BYTES; i += 4096)
		((volatile char *)p)[i] = 1;
	return finding_fail(f, 0, "a group of %d MiB holds %d MiB", LIMIT_BYTES >> 20,
	    TOUCH_BYTES >> 20);
}

/* How often the group was held back, of its cpu.stat. */
static unsigned long throttled(const char *group)
{
	char path[600], line[128];
	unsigned long n = 0, v;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cpu.stat", group);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "nr_throttled %lu", &v) == 1)
			n = v;
	}
	if (f != NULL)
		fclose(f);
	return n;
}

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int cpu_child(struct finding *f, void *arg)
{
	const struct in_group *g = arg;
	uint64_t begin = now(CLOCK_MONOTONIC), used;
	int r;

	if (g->v2)
		r = put(g->path, "cpu.max", "10000 100000");
	else
		r = put(g->path, "cpu.cfs_period_us", "100000");
	if (r == 0 && !g->v2)
		r = put(g->path, "cpu.cfs_quota_us", "10000");
	if (r == -ENOENT || r == -EACCES)
		return finding_fail(f, 0, "cgroup v%d: weights only, this kernel has no ceiling",
		    g->v2 ? 2 : 1);
	if (r == 0)
		r = doctor_group_enter(g->path);
	if (r < 0)
		return finding_fail(f, -r, "setting the limit");
	used = now(CLOCK_PROCESS_CPUTIME_ID);
	while (now(CLOCK_MONOTONIC) - begin < SPIN_NS)
		;
	used = now(CLOCK_PROCESS_CPUTIME_ID) - used;
	if (used > SPIN_NS / 2 || throttled(g->path) == 0)
		return finding_fail(f, 0, "a group held to 10%% used %d%% of a core",
		    (int)(used * 100 / SPIN_NS));
	return finding_ok(f, "cgroup v%d: a group held to 10%% of a core used %d%%", g->v2 ? 2 : 1,
	    (int)(used * 100 / SPIN_NS));
}

struct limit {
	const char *controller;
	int (*fn)(struct finding *f, void *arg);
	int signal;
};

static int probe_limit(struct finding *f, const void *arg)
{
	const struct limit *l = arg;
	char path[512];
	struct in_group g = { .path = path };
	struct trial t = { .fn = l->fn, .arg = &g };
	int r;

	if (doctor_group_make(f, l->controller, path, sizeof(path), &g.v2) < 0)
		return -1;
	r = trial_run(&t, f);
	doctor_group_remove(path);
	if (l->signal != 0 && t.signal == l->signal)
		return finding_ok(f, "cgroup v%d: a group of %d MiB is killed when it takes more",
		    g.v2 ? 2 : 1, LIMIT_BYTES >> 20);
	return r;
}

static const struct limit limit_pids = { "pids", pids_child, 0 };
static const struct limit limit_memory = { "memory", memory_child, SIGKILL };
static const struct limit limit_cpu = { "cpu", cpu_child, 0 };

const struct probe doctor_cgroup[] = {
	{ "cgroup2", "cgroup v2", true, "a realm could not be ended as a whole", probe_v2, NULL },
	{ "cgroup_pids", "limit on processes", false,
	    "only RLIMIT_NPROC, the filter and the kernel's count limit forking", probe_limit,
	    &limit_pids },
	{ "cgroup_memory", "limit on memory", false,
	    "a proc is held by RLIMIT_DATA alone, a realm not at all", probe_limit, &limit_memory },
	{ "cgroup_cpu", "limit on CPU time", false, "a realm's share is the scheduler's word only",
	    probe_limit, &limit_cpu },
	{ 0 },
};
