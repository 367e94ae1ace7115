/* SPDX-License-Identifier: MIT */
/*
 * What a spawn through the nest costs beside a bare vfork and exec of the same
 * static program: order to exit, one at a time, the two taking turns. Prints
 * one JSON line (docs: figures). Argument: how many of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/nest.h"

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static const char *null_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

	if (n < 0)
		die("/proc/self/exe");
	path[n] = '\0';
	snprintf(strrchr(path, '/') + 1, 64, "%s", "isolation-null");
	return path;
}

static int image_open(const char *path)
{
	int in = open(path, O_RDONLY | O_CLOEXEC),
	    fd = memfd_create("null", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (in < 0 || fd < 0)
		die(path);
	while (sendfile(fd, in, NULL, 1 << 20) > 0)
		;
	close(in);
	return fd;
}

static struct nest_event next(const struct nest *n)
{
	struct pollfd p = { n->sock, POLLIN, 0 };
	struct nest_event e;
	int fd, r;

	if (poll(&p, 1, 10000) != 1 || (r = nest_next(n, &e, &fd)) != 1)
		die("nest_next");
	if (fd >= 0)
		close(fd);
	return e;
}

static double through_nest(const struct nest *n, int image)
{
	struct nest_order o = { .nfds = 2,
		.class = WRIT_CLASS_LC,
		.memory = 64 << 20,
		.log_max = 1 << 20,
		.name = "null" };
	double from = now_us();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    nest_order(n, &o, (int[]){ pair[1], image }) != 0)
		die("nest_order");
	close(pair[1]);
	while (next(n).what != NEST_EXITED)
		;
	close(pair[0]);
	return now_us() - from;
}

static double bare(const char *path)
{
	char *argv[] = { (char *)path, NULL }, *envp[] = { NULL };
	double from = now_us();
	pid_t pid = vfork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("vfork");
	return now_us() - from;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct nest_conf c = { .realm = "bench", .uid = 200099 };
	int count = argc > 1 ? atoi(argv[1]) : 1000;
	const char *path = null_path();
	int image = image_open(path);
	double *a, *b;
	struct nest n;

	if (count < 1 || nest_start(&c, &n) != 0 || next(&n).code != 0)
		die("nest_start");
	a = calloc((size_t)count, sizeof(*a));
	b = calloc((size_t)count, sizeof(*b));
	if (a == NULL || b == NULL)
		die("calloc");
	for (int i = 0; i < count; i++) {
		a[i] = through_nest(&n, image);
		b[i] = bare(path);
	}
	qsort(a, (size_t)count, sizeof(*a), ascending);
	qsort(b, (size_t)count, sizeof(*b), ascending);
	printf("{\"bench\":\"nest.null\",\"value\":%.1f,\"unit\":\"us\","
	       "\"p50\":%.1f,\"p99\":%.1f,\"n\":%d,"
	       "\"peer\":{\"name\":\"vfork+exec\",\"value\":%.1f},\"ratio\":%.2f}\n",
	    a[count / 2], a[count / 2], a[count * 99 / 100], count, b[count / 2],
	    a[count / 2] / b[count / 2]);
	free(a);
	free(b);
	nest_kill(&n);
	waitpid(n.pid, NULL, 0);
	return EXIT_SUCCESS;
}
