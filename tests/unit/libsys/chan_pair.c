/* SPDX-License-Identifier: MIT */
#include "chan_pair.h"
#include "chan_test.h"
#include "pattern.h"
#include "tx_stream.h"
#include "libsys/ring.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct tx_ends ring_ends(uint32_t bulk, struct writ_chan *owner[2])
{
	int fd = memfd_create("ring", MFD_CLOEXEC), bell[2];
	struct tx_ends e = { 0 };

	ck_assert_int_eq(ftruncate(fd, (off_t)ring_bytes(bulk)), 0);
	for (int i = 0; i < 2; i++) {
		bell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ck_assert_int_ge(bell[i], 0);
	}
	for (int i = 0; i < 2; i++) {
		struct link *l = link_new(fd, fcntl(bell[i], F_DUPFD_CLOEXEC, 0),
		    fcntl(bell[!i], F_DUPFD_CLOEXEC, 0), i);

		ck_assert_ptr_nonnull(l);
		e.t[i] = ring_new(fd, bulk, i, l, (unsigned)link_number(l), owner[i]);
		ck_assert_ptr_nonnull(e.t[i]);
		link_put(l);
	}
	close(bell[0]);
	close(bell[1]);
	close(fd);
	return e;
}

void chan_pair(struct writ_chan *ret[2], unsigned first)
{
	struct tx_ends e[CHAN_TX_N];

	for (int i = 0; i < 2; i++) {
		ret[i] = chan_new(i == 0, NULL);
		ck_assert_ptr_nonnull(ret[i]);
	}
	e[RING] = ring_ends(RING_BULK, ret);
	ck_assert(tx_stream_pair(16384, e[STREAM].t));
	ck_assert(tx_stream_pair(100, e[SMALL].t));
	for (int i = 0; i < 2; i++) {
		chan_install(ret[i], first, e[first].t[i]);
		for (unsigned n = 0; n < CHAN_TX_N; n++)
			if (n != first)
				chan_install(ret[i], n, e[n].t[i]);
	}
}

void chan_two(unsigned first, void (*client)(struct writ_chan *c, void *arg),
    void (*server)(struct writ_chan *c, void *arg), void *arg)
{
	struct writ_chan *c[2];
	int status = 0;
	pid_t pid;

	chan_pair(c, first);
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		chan_free(c[0]);
		server(c[1], arg);
		chan_free(c[1]);
		_exit(0);
	}
	chan_free(c[1]);
	client(c[0], arg);
	chan_free(c[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	ck_assert_msg(status == 0, "the server's end: status %#x", status);
}

struct writ_msg chan_msg(const void *data, size_t len)
{
	return (struct writ_msg){ .data = data, .len = len };
}

void *chan_content(uint64_t seed, size_t len)
{
	void *p = malloc(len + 1);

	if (p != NULL)
		pat_fill(p, seed, 0, len);
	return p;
}
