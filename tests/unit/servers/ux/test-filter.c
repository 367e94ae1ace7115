/* SPDX-License-Identifier: MIT */
/* ux makes no system call that its sandbox profile lacks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <writ/err.h>
#include <writ/rights.h>
#include "kernel/nest.h"
#include "tests/unit/servers/ux/ux-tests.h"

/* Every operation, in order; returns the number of the first that fails, 0: none. */
static int all_operations(void)
{
	struct writ_dirent e[4];
	struct writ_stat st;
	struct ux_file *f;
	uint64_t next;
	char buf[8];
	const bool steps[] = {
		ux_put("/a", "hello") == 0,
		ux_open(&ux, "/a", WRIT_O_READ | WRIT_O_WRITE | WRIT_O_TRUNC, 1, &f, &st) == 0,
		ux_write(f, 0, "text", 4) == 4,
		ux_read(f, 0, buf, 8) == 4,
		(ux_close(f), ux_stat(&ux, "/a", &st)) == 0,
		ux_mkdir(&ux, "/d") == 0,
		ux_rename(&ux, "/a", "/d/b") == 0,
		ux_rename(&ux, "/d", "/e") == 0,
		ux_readdir(&ux, "/", 0, e, 1, &next) == 1,
		ux_readdir(&ux, "/", next, e, 4, &next) == 0,
		ux_remove(&ux, "/e/b") == 0,
		ux_remove(&ux, "/e") == 0,
	};

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!steps[i])
			return (int)i + 1;
	return 0;
}

static int in_the_sandbox(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter_install(WRIT_PROFILE_FILES) != 0)
		return 100;
	if (open("/", O_RDONLY) >= 0 || errno != FILTER_ERRNO)
		return 101; /* the filter is not on: the test shows nothing */
	return all_operations();
}

START_TEST(every_operation_passes_the_filter)
{
	pid_t pid = fork();
	int status = -1;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(in_the_sandbox());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "killed: status %x", (unsigned)status);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

TCase *filter_case(void)
{
	TCase *c = tcase_create("filter");

	tcase_add_test(c, every_operation_passes_the_filter);
	return c;
}
