/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <writ/start.h>

uint64_t seed_new(const char *what)
{
	const char *env = getenv("WRIT_SEED");
	struct timespec t;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &t);
	seed = env != NULL ? strtoull(env, NULL, 0)
			   : (uint64_t)t.tv_nsec * 2654435761u + (uint64_t)t.tv_sec;
	printf("%s: WRIT_SEED=%llu\n", what, (unsigned long long)seed);
	fflush(stdout);
	return seed | 1;
}

uint64_t rnd(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

pid_t proc_fork(int gate, int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		close(gate);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (gate != WRIT_GATE_FD) {
		dup2(gate, WRIT_GATE_FD);
		close(gate);
	}
	_exit(fn(arg));
}

int proc_join(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void gate_pair(int fd[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	/* Out of the way of fd 3, which the proc will want. */
	for (int i = 0; i < 2; i++) {
		int up = fcntl(fd[i], F_DUPFD_CLOEXEC, 20);

		ck_assert_int_ge(up, 20);
		close(fd[i]);
		fd[i] = up;
	}
}

void kernel_say(int gate, const struct writ_hdr *h, const void *body, const int *fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * WRIT_FDS_MAX)];
	} ctl = { 0 };
	struct iovec iov[2] = { { (void *)(uintptr_t)h, sizeof(*h) },
		{ (void *)(uintptr_t)body, h->len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = h->len > 0 ? 2 : 1 };
	struct cmsghdr *c = &ctl.align;

	if (h->nfds > 0) {
		m.msg_control = ctl.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * h->nfds);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * h->nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * h->nfds);
	}
	/* A proc that is gone already is no fault of the test. */
	if (sendmsg(gate, &m, MSG_NOSIGNAL) < 0)
		ck_assert_msg(errno == EPIPE || errno == ECONNRESET, "sendmsg: %s",
		    strerror(errno));
}

bool kernel_hear(int gate, struct writ_hdr *h, void *body, size_t size, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * WRIT_FDS_MAX)];
	} ctl;
	struct iovec iov[2] = { { h, sizeof(*h) }, { body, size } };
	struct msghdr m = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
	};
	ssize_t n = recvmsg(gate, &m, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*ret_fd = -1;
	if (n < (ssize_t)sizeof(*h))
		return false;
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return true;
}

void kernel_begin(int gate, const struct start_buf *s)
{
	struct {
		struct writ_begin b;
		char blob[WRIT_BLOB_MAX];
	} body = {
		.b = { .pid = 42, .parent = 7, .realm = 3, .name = "tester", .realm_name = "test" },
	};
	struct writ_hdr h = { .op = WRIT_EV_BEGIN, .version = WRIT_ABI_VERSION, .reply = 2 };

	body.b.blob = (uint32_t)s->len;
	memcpy(body.blob, s->data, s->len);
	h.len = (uint16_t)(sizeof(body.b) + s->len);
	kernel_say(gate, &h, &body, NULL);
}
