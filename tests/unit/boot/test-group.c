/* SPDX-License-Identifier: MIT */
/*
 * A node's cgroups are made beside nodes that end: who is the last takes writ/ with it,
 * and so does a child here, all the time. In groups of the test's own. Needs root.
 */
#include <check.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/boot/group.h"

enum { ROUNDS = 300 };

static const char *const tops[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu",
	"/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup" };
#define TOPS (sizeof(tops) / sizeof(tops[0]))

static int outside[TOPS]; /* as they are without the test; -1: not there */
static char own[32];

static void setup(void)
{
	char path[96];

	snprintf(own, sizeof(own), "t%d", (int)getpid());
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	for (size_t i = 0; i < TOPS; i++) {
		struct statfs st;

		outside[i] = open(tops[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (outside[i] < 0 || fstatfs(outside[i], &st) < 0 ||
		    (st.f_type != CGROUP_SUPER_MAGIC && st.f_type != CGROUP2_SUPER_MAGIC) ||
		    mkdirat(outside[i], own, 0755) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", tops[i], own);
		ck_assert_int_eq(mount(path, tops[i], NULL, MS_BIND, NULL), 0);
	}
}

static void teardown(void)
{
	struct groups g;

	if (groups_open(&g, "node") == 0) /* what a failure left */
		groups_remove(&g);
	for (size_t i = 0; i < TOPS; i++) {
		char path[64];

		if (outside[i] < 0)
			continue;
		snprintf(path, sizeof(path), "%s/writ", own);
		unlinkat(outside[i], path, AT_REMOVEDIR);
		unlinkat(outside[i], own, AT_REMOVEDIR);
		close(outside[i]);
	}
}

static _Noreturn void take_away(void)
{
	char path[96];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0;; i = (i + 1) % TOPS) {
		snprintf(path, sizeof(path), "%s/writ", tops[i]);
		rmdir(path);
		usleep((useconds_t)(random() % 200));
	}
}

START_TEST(another_node_that_ends_is_no_matter)
{
	char missing[sizeof(((struct groups *)0)->missing)];
	struct groups g;
	pid_t pid;

	ck_assert_int_eq(groups_open(&g, "quiet"), 0);
	memcpy(missing, g.missing, sizeof(missing));
	ck_assert_int_eq(groups_remove(&g), 0);
	pid = fork();
	if (pid == 0)
		take_away();
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(groups_open(&g, "node"), 0);
		ck_assert_str_eq(g.missing, missing);
		ck_assert_int_eq(groups_remove(&g), 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("group");
	TCase *tc = tcase_create("group");
	SRunner *sr = srunner_create(s);
	int failed;

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, another_node_that_ends_is_no_matter);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
