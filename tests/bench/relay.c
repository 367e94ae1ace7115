/* SPDX-License-Identifier: MIT */
/* See relay.h. */
#include "relay.h"
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

enum { TURN = 128, LEN_MAX = 4096 };

static const char *const comms[RELAY_N] = { "client", "writ-kernel", "echo" };
static struct {
	pid_t pid[RELAY_N];
	int order;       /* a byte: TURN round trips; a byte back when they are done */
	int64_t *values; /* [TURN], shared with the client */
	unsigned left;
} r = { .order = -1 };

/* --- the three ------------------------------------------------------------------------ */

static int pass(int from, int to)
{
	char buf[LEN_MAX];
	ssize_t n = recv(from, buf, sizeof(buf), 0);

	return n > 0 && send(to, buf, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

static void ask(int order, int sock, size_t len)
{
	char go, buf[LEN_MAX] = { 0 };

	while (recv(order, &go, 1, 0) == 1) {
		for (unsigned i = 0; i < TURN; i++) {
			int64_t start = bench_now();

			if (send(sock, buf, len, MSG_NOSIGNAL) != (ssize_t)len ||
			    recv(sock, buf, sizeof(buf), 0) != (ssize_t)len)
				return;
			r.values[i] = bench_now() - start;
		}
		if (send(order, &go, 1, MSG_NOSIGNAL) != 1)
			return;
	}
}

/* What part @part does; all other descriptors of the three are closed, so that one's end is known.
 */
static _Noreturn void play(unsigned part, int order[2], int near[2], int far[2], size_t len)
{
	close(order[0]);
	if (part != RELAY_CLIENT) {
		close(order[1]);
		close(near[0]);
	}
	if (part != RELAY_KERNEL) {
		close(near[1]);
		close(far[0]);
	}
	if (part != RELAY_SERVER)
		close(far[1]);
	if (part == RELAY_CLIENT)
		ask(order[1], near[0], len);
	while (part == RELAY_KERNEL && pass(near[1], far[0]) == 0 && pass(far[0], near[1]) == 0)
		;
	while (part == RELAY_SERVER && pass(far[1], far[1]) == 0)
		;
	_exit(0);
}

int relay_up(size_t len)
{
	int order[2], near[2], far[2];

	r.left = 0;
	r.values = mmap(NULL, TURN * sizeof(*r.values), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.values == MAP_FAILED || len > LEN_MAX ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, order) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, near) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, far) < 0) {
		perror("relay");
		return -1;
	}
	for (unsigned i = 0; i < RELAY_N; i++)
		if ((r.pid[i] = fork()) == 0)
			play(i, order, near, far, len);
	r.order = order[0];
	close(order[1]);
	for (unsigned i = 0; i < 2; i++) {
		close(near[i]);
		close(far[i]);
	}
	return 0;
}

int64_t relay_trip(void)
{
	char go = 1;

	if (r.left == 0) {
		if (send(r.order, &go, 1, MSG_NOSIGNAL) != 1 || recv(r.order, &go, 1, 0) != 1)
			return -1;
		r.left = TURN;
	}
	return r.values[--r.left];
}

void relay_down(void)
{
	if (r.order < 0)
		return;
	close(r.order);
	r.order = -1;
	for (unsigned i = 0; i < RELAY_N; i++)
		if (r.pid[i] > 0) {
			kill(r.pid[i], SIGKILL);
			waitpid(r.pid[i], NULL, 0);
		}
	munmap(r.values, TURN * sizeof(*r.values));
}

/* --- where they run ------------------------------------------------------------------- */

static FILE *proc_open(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

/* Does a line of /proc/@pid/@name hold @word? */
static int proc_says(int pid, const char *name, const char *word)
{
	char line[4096] = { 0 };
	FILE *f = proc_open(pid, name);
	int found = 0;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = memmem(line, sizeof(line), word, strlen(word)) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

/* The node's process that plays @part, or 0. */
static int counterpart(const char *node, unsigned part)
{
	char mark[64];
	DIR *d = opendir("/proc");
	const struct dirent *e;
	int found = 0;

	/* the kernel is named after its node and in its starter's cgroup, procs the other way round
	 */
	snprintf(mark, sizeof(mark), part == RELAY_KERNEL ? "%s" : "/%s/", node);
	while (d != NULL && found == 0 && (e = readdir(d)) != NULL) {
		int pid = (int)strtol(e->d_name, NULL, 10);

		if (pid > 0 && proc_says(pid, "comm", comms[part]) &&
		    proc_says(pid, part == RELAY_KERNEL ? "cmdline" : "cgroup", mark))
			found = pid;
	}
	if (d != NULL)
		closedir(d);
	return found;
}

/* Put @pid into @group of the hierarchy at @at ("": v2's, which may lie below v1's); one that isn't
 * mounted there is left out. */
static int enter(const char *at, const char *group, int pid)
{
	char path[4096];
	int fd, n;

	if (*at == '\0' && access("/sys/fs/cgroup/unified", F_OK) == 0)
		at = "unified";
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s/cgroup.procs", at, group);
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0)
		return 0;
	n = dprintf(fd, "%d\n", pid);
	close(fd);
	return n > 0 ? 0 : -1;
}

static int same_groups(int as, int pid)
{
	char line[4096];
	FILE *f = proc_open(as, "cgroup");
	int e = f != NULL ? 0 : -1;

	while (e == 0 && fgets(line, sizeof(line), f) != NULL) {
		char *what = strchr(line, ':'), *path = what != NULL ? strchr(++what, ':') : NULL;

		if (path == NULL)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (*what == '\0' || strstr(what, "cpu") == what || strcmp(what, "memory") == 0)
			e = enter(what, path, pid);
	}
	if (f != NULL)
		fclose(f);
	return e;
}

static int pin(int pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(pid, sizeof(set), &set);
}

static int like(int as, int pid)
{
	struct sched_param none = { 0 };
	cpu_set_t set;

	if (sched_getaffinity(as, sizeof(set), &set) < 0 ||
	    sched_setaffinity(pid, sizeof(set), &set) < 0 ||
	    sched_setscheduler(pid, sched_getscheduler(as), &none) < 0)
		return -1;
	return same_groups(as, pid);
}

int relay_place(const char *node, const int cpu[RELAY_N])
{
	for (unsigned i = 0; i < RELAY_N; i++) {
		int as = counterpart(node, i);

		if (as == 0 || (cpu[i] >= 0 && pin(as, cpu[i]) < 0) || like(as, r.pid[i]) < 0) {
			fprintf(stderr, "relay: can't be placed like %s of %s\n", comms[i], node);
			return -1;
		}
	}
	return 0;
}
