/* SPDX-License-Identifier: MIT */
/* cgroups and host folders, with a node name and folders of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "tests.h"
#include "tools/boot/group.h"
#include "tools/boot/host.h"

#define UID 200030

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

/* Whether a line of /proc/@pid/cgroup ends in @tail. */
static int is_in(pid_t pid, const char *tail)
{
	char path[96], line[512];
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found += strlen(line) >= strlen(tail) &&
		    strcmp(line + strlen(line) - strlen(tail), tail) == 0;
	}
	fclose(f);
	return found;
}

static struct groups groups;

static void init(void)
{
	ck_assert_int_eq(groups_open(&groups, harness_node()), 0);
	cgroup_init(groups.node, groups.v2_has);
}

static void fini(void)
{
	int r = groups_remove(&groups);

	ck_assert_msg(r == 0, "groups_remove: %s", strerror(-r));
}

/* The cpu controller, here or in v2, lets a leaf have numbers of its own. */
static int with_cpu(void)
{
	return strstr(groups.missing, "cpu") == NULL;
}

/* What @file of @leaf says, with the cpu controller. */
static const char *leaf_says(const char *leaf, const char *v1, const char *v2)
{
	static char text[64];
	int has = (groups.v2_has >> BOOT_CPU & 1) != 0, fd;
	char path[96];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", leaf, has ? v2 : v1);
	fd = openat(groups.node[has ? BOOT_V2 : BOOT_CPU], path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void killed(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static bool group_there(const char *realm)
{
	return faccessat(groups.node[BOOT_V2], realm, F_OK, 0) == 0;
}

START_TEST(a_realm_has_its_group)
{
	char tail[64], leaf[80];
	int hierarchies = 0;
	pid_t pid;

	init();
	printf("# controllers missing: \"%s\"\n", groups.missing);
	ck_assert(!group_there("r1"));
	ck_assert_int_eq(cgroup_make("r1", 64 << 20, 500, 20), 0);
	ck_assert(group_there("r1"));
	pid = sleeper();
	ck_assert_int_eq(cgroup_enter("r1", pid), 0);
	snprintf(tail, sizeof(tail), "/writ/%s/r1", harness_node());
	snprintf(leaf, sizeof(leaf), "%s/nest", tail);
	ck_assert_int_ge(is_in(pid, leaf), 1);
	for (int i = BOOT_V2; i < BOOT_GROUP_N; i++)
		hierarchies += groups.node[i] >= 0;
	ck_assert_int_ge(is_in(pid, leaf) + is_in(pid, tail), hierarchies);
	ck_assert_int_eq(cgroup_enter("nowhere", pid), -ENOENT);
	cgroup_remove("r1");
	killed(pid);
	while (cgroup_remove("r1") == -EBUSY)
		usleep(1000);
	ck_assert(!group_there("r1"));
	fini();
}
END_TEST

static int leaf_set(const char *realm, uint32_t id, uint32_t weight, uint32_t period,
    uint32_t budget)
{
	struct writ_sched_req set = { .class = WRIT_CLASS_LC,
		.weight = weight,
		.period = period,
		.budget = budget };

	return cgroup_leaf(realm, id, &set);
}

START_TEST(a_leaf_has_a_weight_and_a_bound)
{
	int v2, bound;

	init();
	v2 = (groups.v2_has >> BOOT_CPU & 1) != 0;
	ck_assert_int_eq(cgroup_make("r3", 0, 1000, 0), 0);
	if (!with_cpu()) {
		ck_assert_int_eq(leaf_set("r3", 1, 100, 0, 0), -ENOTSUP);
		fini();
		return;
	}
	ck_assert_str_eq(leaf_says("r3/sc1", "cpu.shares", "cpu.weight"), "");
	ck_assert_int_eq(leaf_set("r3", 1, 200, 0, 0), 0);
	ck_assert_str_eq(leaf_says("r3/sc1", "cpu.shares", "cpu.weight"), v2 ? "200" : "2048");
	bound = *leaf_says("r3/sc1", "cpu.cfs_quota_us", "cpu.max") != '\0';
	printf("# bandwidth control: %d\n", bound);
	ck_assert_int_eq(leaf_set("r3", 1, 50, 100000, 80000), 0);
	ck_assert_str_eq(leaf_says("r3/sc1", "cpu.shares", "cpu.weight"), v2 ? "50" : "512");
	if (bound) {
		ck_assert_str_eq(leaf_says("r3/sc1", "cpu.cfs_quota_us", "cpu.max"),
		    v2 ? "80000 100000" : "80000");
		/* neither old number is valid with the other's new one */
		ck_assert_int_eq(leaf_set("r3", 1, 50, 10000, 5000), 0);
		ck_assert_str_eq(leaf_says("r3/sc1", "cpu.cfs_period_us", "cpu.max"),
		    v2 ? "5000 10000" : "10000");
		ck_assert_int_eq(leaf_set("r3", 1, 50, 1000000, 500000), 0);
		ck_assert_int_eq(leaf_set("r3", 1, 50, 10, 5), -EINVAL);
		ck_assert_int_eq(leaf_set("r3", 1, 50, 0, 0), 0);
		ck_assert_int_eq(strncmp(leaf_says("r3/sc1", "cpu.cfs_quota_us", "cpu.max"),
				     v2 ? "max" : "-1", 2),
		    0);
	}
	ck_assert_int_eq(cgroup_leaf_remove("r3", 1), 0);
	ck_assert_str_eq(leaf_says("r3/sc1", "cpu.shares", "cpu.weight"), "");
	ck_assert_int_eq(cgroup_leaf_remove("r3", 1), 0);
	ck_assert_int_eq(leaf_set("nowhere", 1, 100, 0, 0), -ENOENT);
	fini();
}
END_TEST

START_TEST(a_leaf_goes_with_its_realm)
{
	char leaf[64], nest[64];
	pid_t one, two;

	init();
	ck_assert_int_eq(cgroup_make("r4", 64 << 20, 1000, 20), 0);
	if (!with_cpu()) {
		fini();
		return;
	}
	snprintf(leaf, sizeof(leaf), "/writ/%s/r4/sc4294967295", harness_node());
	snprintf(nest, sizeof(nest), "/writ/%s/r4/nest", harness_node());
	one = sleeper();
	two = sleeper();
	ck_assert_int_eq(cgroup_enter("r4", one), 0);
	ck_assert_int_eq(cgroup_enter("r4", two), 0);
	ck_assert_int_eq(cgroup_leaf_enter("r4", UINT32_MAX, one), -ENOENT);
	ck_assert_int_eq(leaf_set("r4", UINT32_MAX, 100, 0, 0), 0);
	ck_assert_int_eq(is_in(one, leaf), 0);
	ck_assert_int_eq(cgroup_leaf_enter("r4", UINT32_MAX, one), 0);
	ck_assert_int_eq(is_in(one, leaf), 1);
	ck_assert_int_eq(is_in(one, nest), is_in(two, nest) - 1);
	ck_assert_int_eq(cgroup_leaf_remove("r4", UINT32_MAX), -EBUSY);
	cgroup_remove("r4");
	killed(one);
	killed(two);
	while (cgroup_remove("r4") == -EBUSY)
		usleep(1000);
	ck_assert(!group_there("r4"));
	ck_assert_str_eq(leaf_says("r4", "cpu.shares", "cpu.weight"), "");
	fini();
}
END_TEST

START_TEST(pids_are_limited)
{
	int status;
	pid_t pid;

	init();
	ck_assert_int_eq(cgroup_make("r2", 0, 0, 2), 0);
	pid = fork();
	if (pid == 0) {
		pid_t one, two;

		if (cgroup_enter("r2", 0) != 0)
			_exit(9);
		one = sleeper();
		two = sleeper();
		_exit((one > 0) | (two > 0) << 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), strstr(groups.missing, "pids") == NULL ? 1 : 3);
	fini();
}
END_TEST

START_TEST(what_a_dead_node_left_is_cleared)
{
	struct groups bad;
	pid_t pid;
	int status;

	init();
	ck_assert_int_eq(cgroup_make("old", 0, 0, 0), 0);
	leaf_set("old", 7, 100, 0, 0);
	pid = sleeper();
	ck_assert_int_eq(cgroup_enter("old", pid), 0);
	signal(SIGCHLD, SIG_IGN); /* let it go without being waited for */
	groups_close(&groups);
	init();
	ck_assert(!group_there("old"));
	ck_assert_int_eq(waitpid(pid, &status, 0), -1);
	fini();
	ck_assert_int_eq(groups_open(&bad, "../x"), -EINVAL);
}
END_TEST

/* As user UID with no capability: open @name below @dir with @flags. Returns 0 or the errno. */
static int as_server(int dir, const char *name, int flags)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(UID, UID, UID) < 0 || setresuid(UID, UID, UID) < 0)
			_exit(255);
		_exit(openat(dir, name, flags, 0600) < 0 ? errno : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void folder_is_lent(int writable)
{
	char dir[64], path[96];
	struct host_folder h = { .name = "x", .path = dir, .writable = writable, .uid = UID };
	struct stat st;
	int fd;

	harness_folder(dir, sizeof(dir));
	ck_assert_int_eq(chown(dir, 4242, 4243), 0);
	snprintf(path, sizeof(path), "%s/f", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert(fd >= 0 && fchown(fd, 4242, 4243) == 0);
	close(fd);
	ck_assert_int_eq(as_server(AT_FDCWD, path, O_RDONLY), EACCES); /* control */
	ck_assert_int_eq(host_open(&h), 0);
	printf("# idmapped: %d\n", h.idmapped);
	ck_assert_int_eq(as_server(h.fd, "f", O_RDONLY), h.idmapped ? 0 : EACCES);
	if (!writable)
		ck_assert_int_eq(as_server(h.fd, "g", O_CREAT | O_WRONLY), EROFS);
	if (writable && h.idmapped) {
		ck_assert_int_eq(as_server(h.fd, "g", O_CREAT | O_WRONLY), 0);
		ck_assert_int_eq(fstatat(h.fd, "g", &st, 0), 0);
		ck_assert_uint_eq(st.st_uid, UID);
		snprintf(path, sizeof(path), "%s/g", dir);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_uid, 4242);
		ck_assert_int_eq(unlink(path), 0);
	}
	close(h.fd);
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(a_folder_is_lent_read_only)
{
	folder_is_lent(0);
}
END_TEST

START_TEST(a_folder_is_lent_for_writing)
{
	struct host_folder h = { .path = "/no/such/folder" };

	folder_is_lent(1);
	ck_assert_int_eq(host_open(&h), -ENOENT);
}
END_TEST

TCase *host_tests(void)
{
	TCase *t = tcase_create("host");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_realm_has_its_group);
	tcase_add_test(t, a_leaf_has_a_weight_and_a_bound);
	tcase_add_test(t, a_leaf_goes_with_its_realm);
	tcase_add_test(t, pids_are_limited);
	tcase_add_test(t, what_a_dead_node_left_is_cleared);
	tcase_add_test(t, a_folder_is_lent_read_only);
	tcase_add_test(t, a_folder_is_lent_for_writing);
	return t;
}
