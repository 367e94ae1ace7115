/* SPDX-License-Identifier: MIT */
/*
 * Packets with descriptors: requests and replies, orders and events (nest.h). Must never lose a
 * descriptor that came, nor take one that wasn't there. And what is written to Linux's files.
 */
#include "nest.h"
#include <stdarg.h>
#include <stdio.h>

struct text text(const char *fmt, ...)
{
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t.s, sizeof(t.s), fmt, ap);
	va_end(ap);
	return t;
}

int file_put(int dir, const char *path, const char *value)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = errno_if(write(fd, value, strlen(value)) < 0);
	close(fd);
	return r;
}

union room {
	struct cmsghdr h;
	char room[CMSG_SPACE(PACKET_FDS * sizeof(int))];
};

int packet_send(int sock, struct iovec *iov, size_t niov, const int *fds, unsigned nfds, int flags)
{
	union room c = { 0 };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = niov };

	if (nfds > 0) {
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c.h = (struct cmsghdr){ CMSG_LEN(nfds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&c.h), fds, nfds * sizeof(int));
	}
	return errno_if(sendmsg(sock, &m, flags | MSG_NOSIGNAL) < 0);
}

ssize_t packet_recv(int sock, struct iovec *iov, size_t niov, int *fds, int flags)
{
	union room c = { 0 };
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = niov,
		.msg_control = &c,
		/* without the padding, in which Linux would put a fourth */
		.msg_controllen = CMSG_LEN(PACKET_FDS * sizeof(int)) };
	ssize_t n = recvmsg(sock, &m, flags | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	for (unsigned i = 0; i < PACKET_FDS; i++)
		fds[i] = -1;
	if (n < 0)
		return -errno;
	if (m.msg_controllen >= CMSG_LEN(0) && c.h.cmsg_level == SOL_SOCKET &&
	    c.h.cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(&c.h), c.h.cmsg_len - CMSG_LEN(0));
	return n;
}
