/* SPDX-License-Identifier: MIT */
/*
 * Curious: a proc with the rights of a mapper that tries everything else. Each
 * line says what it tried and what it was told; it fails if anything worked
 * that shouldn't, or if what it may do did not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <writ/writ.h>

static int failed;

static void tried(const char *what, int r, int expected)
{
	printf("%-44s %s\n", what, r < 0 ? writ_strerror(r) : "done");
	if ((r < 0) != (expected < 0) || (expected < 0 && r != expected)) {
		printf("  expected: %s\n", expected < 0 ? writ_strerror(expected) : "done");
		failed = 1;
	}
}

static void tried_call(const char *what, long r)
{
	printf("%-44s %s\n", what, r < 0 ? strerror(errno) : "done");
	if (r >= 0 || errno != EBADRQC)
		failed = 1;
}

static int open_close(const char *path, unsigned flags)
{
	int h = writ_open(path, flags);

	if (h >= 0)
		writ_close(h);
	return h;
}

int writ_main(int argc, char **argv)
{
	const char *mine = argc > 1 ? argv[1] : "/in/GPL-3";
	struct writ_hdr listen = { .op = WRIT_OP_LISTEN, .cap = 1 };

	tried("read what it was given", open_close(mine, WRIT_O_READ), 0);
	tried("create in /out", (int)writ_put("/out/note", "x", 1), 0);
	tried("write what it may only read", open_close(mine, WRIT_O_WRITE), -WRIT_E_NO_RIGHT);
	tried("remove it", writ_remove(mine), -WRIT_E_NO_RIGHT);
	tried("read in /out, where it may only create", open_close("/out/note", WRIT_O_READ),
	    -WRIT_E_NO_RIGHT);
	tried("read a path it was not given", open_close("/secret", WRIT_O_READ), -WRIT_E_NO_PATH);
	tried("leave its folder by ..", open_close("/out/../secret", WRIT_O_READ),
	    -WRIT_E_BAD_PATH);
	tried("spawn", (int)writ_spawn(&(struct writ_spawn){ .image = "mapper" }),
	    -WRIT_E_INVALID_ARGUMENT);
	tried("receive on a server's endpoint", writ_gate_call(&listen, NULL, NULL, NULL, 0, NULL),
	    -WRIT_E_INVALID_CAPABILITY);
	tried("an empty slot", writ_cap_copy(40, 41, WRIT_R_READ), -WRIT_E_FAILED_LOOKUP);
	tried_call("system call open(\"/etc/passwd\")", syscall(SYS_open, "/etc/passwd", 0));
	tried_call("system call socket()", syscall(SYS_socket, 1, 1, 0));
	tried_call("system call ptrace()", syscall(SYS_ptrace, 0, 1, 0, 0));
	tried_call("system call kill(-1)", syscall(SYS_kill, -1, 9));
	return failed;
}
