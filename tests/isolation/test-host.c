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

#include "kernel/cgroup.h"
#include "kernel/host.h"
#include "tests.h"

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

static void fini(void)
{
	int r = cgroup_fini();

	ck_assert_msg(r == 0, "cgroup_fini: %s", strerror(-r));
}

START_TEST(a_realm_has_its_group)
{
	const char *missing;
	char tail[64];
	pid_t pid;
	int status;

	ck_assert_int_eq(cgroup_init(harness_node(), &missing), 0);
	printf("# controllers missing: \"%s\"\n", missing);
	ck_assert_uint_eq(cgroup_id("r1"), 0);
	ck_assert_int_eq(cgroup_make("r1", 64 << 20, 500, 20), 0);
	ck_assert_uint_ne(cgroup_id("r1"), 0);
	pid = sleeper();
	ck_assert_int_eq(cgroup_enter("r1", pid), 0);
	snprintf(tail, sizeof(tail), "/writ/%s/r1", harness_node());
	ck_assert_int_ge(is_in(pid, tail), missing[0] == '\0' ? 4 : 1);
	ck_assert_int_eq(cgroup_enter("nowhere", pid), -ENOENT);
	cgroup_remove("r1");
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while (cgroup_remove("r1") == -EBUSY)
		usleep(1000);
	ck_assert_uint_eq(cgroup_id("r1"), 0);
	fini();
}
END_TEST

START_TEST(pids_are_limited)
{
	const char *missing;
	int status;
	pid_t pid;

	ck_assert_int_eq(cgroup_init(harness_node(), &missing), 0);
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
	ck_assert_int_eq(WEXITSTATUS(status), strstr(missing, "pids") == NULL ? 1 : 3);
	fini();
}
END_TEST

START_TEST(what_a_dead_node_left_is_cleared)
{
	const char *missing;
	pid_t pid;
	int status;

	ck_assert_int_eq(cgroup_init(harness_node(), &missing), 0);
	ck_assert_int_eq(cgroup_make("old", 0, 0, 0), 0);
	pid = sleeper();
	ck_assert_int_eq(cgroup_enter("old", pid), 0);
	signal(SIGCHLD, SIG_IGN); /* let it go without being waited for */
	ck_assert_int_eq(cgroup_init(harness_node(), &missing), 0);
	ck_assert_uint_eq(cgroup_id("old"), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), -1);
	fini();
	ck_assert_int_eq(cgroup_init("../x", &missing), -EINVAL);
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
	tcase_add_test(t, pids_are_limited);
	tcase_add_test(t, what_a_dead_node_left_is_cleared);
	tcase_add_test(t, a_folder_is_lent_read_only);
	tcase_add_test(t, a_folder_is_lent_for_writing);
	return t;
}
