/* SPDX-License-Identifier: MIT */
/*
 * The kernel's end of a nest: starting one, ordering procs, taking events.
 * Runs in the kernel process with its privileges; never blocks.
 */
#include "nest.h"

#include <sched.h>
#include <sys/syscall.h>

#define NEST_NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	    CLONE_NEWCGROUP)

/* What only the kernel can do for the child: map its user and group id 1; then let it go on. */
static int nest_admit(const struct nest_conf *c, const struct nest *n)
{
	struct text ids = text("1 %u 1\n", c->uid);
	int r = file_put(AT_FDCWD, text("/proc/%d/uid_map", n->pid).s, ids.s);

	if (r == 0)
		r = file_put(AT_FDCWD, text("/proc/%d/gid_map", n->pid).s, ids.s);
	if (r == 0 && c->cgroup != NULL)
		r = cgroup_enter(c->cgroup, n->pid);
	if (r == 0 && c->admit != NULL)
		r = c->admit(c->number, c->profile, n->pidfd, GUARD_SETUP);
	return r < 0 ? r : errno_if(send(n->sock, "", 1, MSG_NOSIGNAL) != 1);
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
	r = errno_if(n.pid < 0);
	close(pair[1]);
	if (r == 0 && (r = nest_admit(c, &n)) == 0) {
		*ret = n;
		return 0;
	}
	nest_kill(&n);
	return r;
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
