/* SPDX-License-Identifier: MIT */
/*
 * What a nest does once it is sandboxed: fork procs on order, report their
 * ends. This is the path of every spawn, so nothing here allocates or makes a
 * system call that can be left out. Every call made here has a row in
 * syscalls.h for every profile.
 */
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "nest.h"
#include "syscalls.h"

#define PROCS_MAX  8192  /* alive at once in one nest */
#define STACK_SIZE 16384 /* of a child until it execs */

static struct {
	pid_t pid;
	uint32_t id;
} procs[PROCS_MAX]; /* pid 0: free */
static unsigned nprocs;

enum { GATE, IMAGE, LOG };

/* One order on its way to exec. The child shares the nest's memory until then. */
struct launch {
	const struct nest_conf *conf;
	struct nest_order order;
	int fds[PACKET_FDS];       /* GATE, IMAGE, LOG: -1: none */
	const char *volatile step; /* written by the child: where it is */
	volatile int err;
};

int nest_send(int sock, const struct nest_event *e, int pidfd)
{
	struct iovec iov = { (void *)e, sizeof(*e) };

	return packet_send(sock, &iov, 1, &pidfd, pidfd >= 0, 0);
}

static void report(const struct nest_event *e, int pidfd)
{
	if (nest_send(NEST_SOCK_FD, e, pidfd) < 0)
		_exit(EXIT_SUCCESS); /* the kernel is gone */
}

/* Numbers are given out in turn, so a pid is found where it was looked for, or a few places on. */
static unsigned proc_place(pid_t pid, pid_t wanted)
{
	unsigned i = (unsigned)pid % PROCS_MAX;

	while (procs[i].pid != wanted)
		i = (i + 1) % PROCS_MAX;
	return i;
}

int nest_limit(int resource, uint64_t max)
{
	struct rlimit r = { max, max };

	return prlimit(0, (__rlimit_resource_t)resource, &r, NULL);
}

/* The child: everything that a proc is born with and that its nest has not. */
static int launch_limits(const struct launch *l)
{
	const struct nest_order *o = &l->order;
	int server = l->conf->profile == WRIT_PROFILE_SERVER;

	if ((o->memory != 0 && nest_limit(RLIMIT_DATA, o->memory) < 0) ||
	    (o->log_max != 0 && nest_limit(RLIMIT_FSIZE, o->log_max) < 0) ||
	    (!server && o->memory != 0 && nest_limit(RLIMIT_AS, o->memory + NEST_SHARED) < 0) ||
	    nest_limit(RLIMIT_NOFILE, server ? NEST_SERVER_FDS : NEST_PROC_FDS) < 0 ||
	    nest_limit(RLIMIT_NPROC, server ? NEST_THREADS : 0) < 0)
		return -errno;
	return server ? filter_install(FILTER_THREADS) : 0;
}

static int launch_fds(const struct launch *l)
{
	return errno_if(dup3(l->fds[GATE], WRIT_GATE_FD, 0) < 0 ||
	    dup3(l->fds[IMAGE], NEST_IMAGE_OF(l->conf->profile), O_CLOEXEC) < 0 ||
	    (l->fds[LOG] >= 0 &&
		(dup3(l->fds[LOG], STDOUT_FILENO, 0) < 0 ||
		    dup3(l->fds[LOG], STDERR_FILENO, 0) < 0)));
}

static int launch_class(const struct launch *l)
{
	static const struct sched_param none = { 0 };

	return errno_if(
	    l->order.class == WRIT_CLASS_BE && sched_setscheduler(0, SCHED_IDLE, &none) < 0);
}

static int launch_exec(const struct launch *l)
{
	char *argv[] = { (char *)l->order.name, NULL }, *envp[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return -errno;
	execveat(NEST_IMAGE_OF(l->conf->profile), "", argv, envp, AT_EMPTY_PATH);
	return -errno;
}

static int launch_child(void *arg)
{
	static const struct {
		const char *name;
		int (*fn)(const struct launch *l);
	} steps[] = {
		{ "fds", launch_fds }, /* before limits: the image lies above RLIMIT_NOFILE */
		{ "limits", launch_limits },
		{ "class", launch_class },
		{ "exec", launch_exec },
	};
	struct launch *l = arg;

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]) && (i == 0 || l->err == 0); i++) {
		l->step = steps[i].name;
		l->err = -steps[i].fn(l);
	}
	_exit(127);
}

static void launch(struct launch *l)
{
	static _Alignas(16) char stack[STACK_SIZE];
	struct nest_event e = { .what = NEST_STARTED, .id = l->order.id };
	int pidfd = -1;
	pid_t pid = -1;

	l->err = EAGAIN;
	l->step = "clone";
	if (nprocs < PROCS_MAX &&
	    (pid = clone(launch_child, stack + sizeof(stack), NEST_CLONE, l, &pidfd)) < 0)
		l->err = errno;
	/* l->err is 0 when exec has not returned */
	if (pid > 0 && l->err == 0) {
		unsigned i = proc_place(pid, 0);

		procs[i].pid = pid;
		procs[i].id = l->order.id;
		nprocs++;
	} else {
		if (pid > 0)
			wait4(pid, NULL, 0, NULL);
		e.what = NEST_FAILED;
		e.code = l->err;
		strncpy(e.step, l->step, sizeof(e.step) - 1);
	}
	report(&e, e.what == NEST_STARTED ? pidfd : -1);
	close_range(NEST_FD_FIRST, ~0u, 0);
}

/* Take one order. It comes from the kernel, so what doesn't fit is a bug there, not an attack: it
 * ends the nest. */
static void take_order(const struct nest_conf *conf)
{
	struct launch l = { .conf = conf };
	struct iovec iov = { &l.order, sizeof(l.order) };
	ssize_t n = packet_recv(NEST_SOCK_FD, &iov, 1, l.fds, 0);

	if (n != sizeof(l.order) || l.fds[IMAGE] < 0 || (l.fds[LOG] >= 0) != (l.order.nfds == 3))
		_exit(n == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	l.order.name[WRIT_NAME_MAX - 1] = '\0';
	launch(&l);
}

static void reap(void)
{
	struct signalfd_siginfo s;
	struct rusage u;
	int status;
	pid_t pid;

	if (read(NEST_SIGNAL_FD, &s, sizeof(s)) < 0)
		return;
	while (nprocs > 0 && (pid = wait4(-1, &status, WNOHANG, &u)) > 0) {
		unsigned i = proc_place(pid, pid);
		struct nest_event e = {
			.what = NEST_EXITED,
			.id = procs[i].id,
			.code = status,
			.cpu_ns = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
			    (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u,
			.rss_max = (uint64_t)u.ru_maxrss * 1024,
		};

		procs[i].pid = 0;
		nprocs--;
		report(&e, -1);
	}
}

void nest_loop(const struct nest_conf *c)
{
	struct pollfd p[] = { { NEST_SOCK_FD, POLLIN, 0 }, { NEST_SIGNAL_FD, POLLIN, 0 } };

	for (;;) {
		if (poll(p, 2, -1) < 0)
			_exit(EXIT_FAILURE);
		if (p[1].revents != 0)
			reap();
		if (p[0].revents != 0)
			take_order(c);
	}
}
