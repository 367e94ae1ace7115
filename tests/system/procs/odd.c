/* SPDX-License-Identifier: MIT */
/*
 * One image for the system tests: its first argument says what the proc does,
 * good or bad. What isn't here is tests/system/gate/child.c's. It says what it
 * saw on its standard output; the exit code of what ends by an errno is that.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <writ/writ.h>
#include "tests/system/gate/gate.h"

int call(unsigned op, uint32_t cap, uint64_t arg, const void *req, size_t len)
{
	struct writ_hdr h = { .op = (uint16_t)op, .cap = cap, .arg = arg, .len = (uint16_t)len };

	return writ_gate_call(&h, req, NULL, NULL, 0, NULL);
}

static void nap(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* log MIB: so much output, until it is refused. */
static int log_much(const char *mib)
{
	static char text[65536];
	long blocks = atol(mib) * 16;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	signal(SIGXFSZ, SIG_IGN);
	for (long i = 0; i < blocks; i++)
		if (write(STDOUT_FILENO, text, sizeof(text)) < 0)
			return errno;
	return 0;
}

/* fill PATH MIB: a file so large, until it is refused; exits with the error. */
static int fill(const char *path, const char *mib)
{
	static char text[65536];
	int64_t n = 0;
	int h = writ_open(path, WRIT_O_WRITE | WRIT_O_CREATE | WRIT_O_TRUNC);

	for (long i = atol(mib) * 16; i > 0 && h >= 0 && n >= 0; i--)
		n = writ_write(h, text, sizeof(text));
	if (h < 0)
		n = h;
	printf("fill %s: %s\n", path, n < 0 ? writ_strerror((int)n) : "done");
	return n < 0 ? (int)-n : 0;
}

static bool replace(const char *path, const char *text, int64_t len)
{
	char *back = NULL;
	int64_t n = writ_put(path, text, (size_t)len);
	bool same;

	if (n >= 0)
		n = writ_get(path, &back);
	same = n == len && memcmp(text, back, (size_t)len) == 0;
	if (!same)
		printf("beat failed: %s: %s\n", path,
		    n < 0 ? writ_strerror((int)n) : "other contents");
	free(back);
	return same;
}

/* beat READ WRITE...: reads one file and replaces others with it, for ever; ends at the first
 * error. */
static int beat(int n, char **paths)
{
	for (unsigned i = 1;; i++) {
		char *text = NULL;
		int64_t len = writ_get(paths[0], &text);

		if (len < 0) {
			printf("beat failed: %s: %s\n", paths[0], writ_strerror((int)len));
			return 1;
		}
		for (int j = 1; j < n; j++)
			if (!replace(paths[j], text, len))
				return 1;
		free(text);
		printf("beat %u\n", i);
		fflush(stdout);
		nap(50);
	}
}

static int use(const char *path, bool write)
{
	static const char text[] = "some text that is there again after each restart\n";
	char *back;
	int64_t n = write ? writ_put(path, text, sizeof(text) - 1) : 0;

	if (n >= 0 && (n = writ_get(path, &back)) >= 0)
		free(back);
	return n < 0 ? (int)n : 0;
}

/* load PATH [write]: uses it without a pause. Says how a call in flight failed and how long it took
 * till it worked again. */
_Noreturn static void load(const char *path, bool write)
{
	uint64_t lost = 0, shown = 0;
	int last = 0;

	for (uint64_t i = 1;; i++) {
		int r = use(path, write);

		if (r < 0 && lost == 0)
			lost = now_ms();
		if (r < 0 && r != last)
			printf("lost: %s\n", writ_strerror(r));
		if (r < 0)
			nap(5);
		if (r >= 0 && lost != 0) {
			printf("again after %llu ms\n", (unsigned long long)(now_ms() - lost));
			lost = 0;
		}
		if (r >= 0 && now_ms() - shown >= 100) {
			shown = now_ms();
			printf("used %llu times\n", (unsigned long long)i);
		}
		fflush(stdout);
		last = r;
	}
}

/* crew N MS [NAME]: spawns N naps of the image "odd", one at a time; says when all are pending or
 * running and when all have ended. */
static int crew(unsigned n, const char *ms, const char *name)
{
	const char *argv[] = { "doze", ms, NULL };
	int64_t procs[32];
	struct writ_exit e;

	if (n > 32)
		return 64;
	for (unsigned i = 0; i < n; i++) {
		procs[i] = writ_spawn(
		    &(struct writ_spawn){ .image = "odd", .name = name, .argv = argv });
		if (procs[i] < 0) {
			printf("spawn %u: %s\n", i, writ_strerror((int)procs[i]));
			return 1;
		}
	}
	printf("all spawned\n");
	fflush(stdout);
	for (unsigned i = 0; i < n; i++)
		if (writ_wait_exit((uint32_t)procs[i], &e) < 0 || e.state != WRIT_STATE_EXITED ||
		    e.code != 0) {
			printf("member %u: %s %d\n", i, writ_state_name(e.state), e.code);
			return 1;
		}
	printf("all ended\n");
	return 0;
}

/* What would act on a terminal that shows it raw. */
static int escapes(void)
{
	printf("plain \033]0;owned\007\033[31mred\033[2J\r\b\233m\n");
	return 0;
}

int writ_main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "", *a = argc > 2 ? argv[2] : "",
		   *b = argc > 3 ? argv[3] : "";

	if (strcmp(mode, "exit") == 0)
		return atoi(a);
	if (strcmp(mode, "segv") == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 }); /* to have its core given away */
		*(volatile int *)strtoul(a, NULL, 10) = 1;
	}
	if (strcmp(mode, "doze") == 0) {
		nap(atol(a));
		return 0;
	}
	if (strcmp(mode, "say") == 0) {
		for (int i = 3; i < argc; i++) {
			printf("%s\n", argv[i]);
			fflush(stdout);
			nap(atol(a));
		}
		return 0;
	}
	if (strcmp(mode, "log") == 0)
		return log_much(a);
	if (strcmp(mode, "fill") == 0)
		return fill(a, b);
	if (strcmp(mode, "beat") == 0)
		return beat(argc - 2, argv + 2);
	if (strcmp(mode, "load") == 0)
		load(a, strcmp(b, "write") == 0);
	if (strcmp(mode, "crew") == 0)
		return crew((unsigned)atoi(a), b, argc > 4 ? argv[4] : "member");
	if (strcmp(mode, "escapes") == 0)
		return escapes();
	if (strcmp(mode, "read") == 0) {
		int r = use(a, false);

		printf("read %s: %s\n", a, r < 0 ? writ_strerror(r) : "done");
		return -r;
	}
	return child_main(mode);
}
