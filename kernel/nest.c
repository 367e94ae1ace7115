/* SPDX-License-Identifier: MIT */
/*
 * The kernel's end of a nest: starting one, ordering procs, taking events.
 * Runs in the kernel process with its privileges; never blocks.
 */
#include "nest.h"

#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NEST_NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	    CLONE_NEWCGROUP)

/* Map user or group id 1 of @pid's namespace to @outside; @file is "uid_map" or "gid_map". */
static int map_id(pid_t pid, const char *file, uint32_t outside)
{
	char path[48], line[48];
	int fd, n, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	n = snprintf(line, sizeof(line), "1 %u 1\n", outside);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)n) != n)
		r = -errno;
	close(fd);
	return r;
}

/* What only the kernel can do for the child; then let it go on. */
static int nest_admit(const struct nest_conf *c, const struct nest *n)
{
	int r;

	if ((r = map_id(n->pid, "uid_map", c->uid)) < 0 ||
	    (r = map_id(n->pid, "gid_map", c->uid)) < 0)
		return r;
	if (c->cgroup != NULL && (r = cgroup_enter(c->cgroup, n->pid)) < 0)
		return r;
	if (c->admit != NULL && (r = c->admit(c, n->pidfd)) < 0)
		return r;
	return send(n->sock, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int nest_start(const struct nest_conf *c, struct nest *ret)
{
	struct nest n = { .pidfd = -1 };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	n.sock = pair[0];
	n.pid = (pid_t)syscall(SYS_clone, NEST_NAMESPACES | CLONE_PIDFD | SIGCHLD, NULL, &n.pidfd,
	    NULL, NULL);
	if (n.pid == 0) {
		close(pair[0]);
		nest_main(c, pair[1]);
	}
	r = n.pid < 0 ? -errno : 0;
	close(pair[1]);
	if (r == 0 && (r = nest_admit(c, &n)) < 0) {
		kill(n.pid, SIGKILL);
		waitpid(n.pid, NULL, 0);
		close(n.pidfd);
	}
	if (r < 0) {
		close(n.sock);
		return r;
	}
	*ret = n;
	return 0;
}

int nest_order(const struct nest *n, struct nest_order *o, const int *fds)
{
	struct iovec iov = { o, sizeof(*o) };

	return packet_send(n->sock, &iov, 1, fds, o->nfds, MSG_DONTWAIT);
}

int nest_next(const struct nest *n, struct nest_event *ret, int *ret_pidfd)
{
	struct iovec iov = { ret, sizeof(*ret) };
	int fds[PACKET_FDS];
	ssize_t r = packet_recv(n->sock, &iov, 1, fds, MSG_DONTWAIT);

	if (r < 0)
		return r == -EAGAIN ? 0 : r == -ECONNRESET ? -EPIPE : (int)r;
	if (r != sizeof(*ret))
		return r == 0 ? -EPIPE : -EBADMSG;
	ret->step[sizeof(ret->step) - 1] = '\0';
	*ret_pidfd = fds[0];
	return 1;
}

void nest_kill(struct nest *n)
{
	if (n->pidfd >= 0) {
		syscall(SYS_pidfd_send_signal, n->pidfd, SIGKILL, NULL, 0);
		close(n->pidfd);
	}
	if (n->sock >= 0)
		close(n->sock);
	n->pidfd = n->sock = -1;
}
