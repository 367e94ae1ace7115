/* SPDX-License-Identifier: MIT */
/*
 * The gate's decoder: packets of any bytes and length, with descriptors and
 * credentials, to one proc's gate at a time. The reply must be well formed, there
 * must be one at most, and a call that is refused must have changed nothing.
 *
 * Input: packets, each of who sends (1 byte), how (1), length (2), its bytes.
 * The length is the first of its two bytes, but for the longest ones.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include "tests/fuzz/kernel/world.h"
#include "tests/fuzz/replay.h"

const unsigned long replay_enough = 10000;
unsigned long replay_steps;

/* How a packet is sent. */
enum {
	HOW_FDS = 7, /* so many descriptors */
	HOW_SOCKET = 8,
	HOW_CREDENTIALS = 16,
	HOW_TWICE = 32,  /* the descriptors in two messages */
	HOW_HEADER = 64, /* made right but for op, cookie, cap and arg */
	HOW_OP = 128,    /* a call that there is */
};

enum { PACKETS_MAX = 100, HOST_PACKET_MAX = 16384 };

static uint32_t zero(void *arg, uint32_t n)
{
	(void)arg, (void)n;
	return 0;
}

/* Append a control message of @n bytes. */
static void control(struct msghdr *m, int type, const void *what, size_t n)
{
	struct cmsghdr *c = (void *)((char *)m->msg_control + m->msg_controllen);

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = type };
	memcpy(CMSG_DATA(c), what, n);
	m->msg_controllen += CMSG_SPACE(n);
}

static bool send_packet(const struct client *c, unsigned how, const void *data, size_t n)
{
	struct ucred me = { getpid(), getuid(), getgid() };
	_Alignas(struct cmsghdr) char buf[256] = { 0 };
	struct iovec iov = { (void *)data, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf };
	int fds[HOW_FDS];
	unsigned nfds = how & HOW_FDS, half = (how & HOW_TWICE) != 0 ? nfds / 2 : 0;
	bool sent;

	for (unsigned i = 0; i < nfds; i++)
		fds[i] = (how & HOW_SOCKET) != 0 ? eventfd(0, EFD_CLOEXEC) : sealed_memfd(i != 1);
	if (half > 0)
		control(&m, SCM_RIGHTS, fds, half * sizeof(int));
	if (nfds > half)
		control(&m, SCM_RIGHTS, fds + half, (nfds - half) * sizeof(int));
	if ((how & HOW_CREDENTIALS) != 0)
		control(&m, SCM_CREDENTIALS, &me, sizeof(me));
	if (m.msg_controllen == 0)
		m.msg_control = NULL;
	sent = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	for (unsigned i = 0; i < nfds; i++)
		close(fds[i]);
	return sent;
}

/* The cookie that the reply will have. */
static uint32_t arrange(char *data, size_t n, unsigned how)
{
	struct writ_hdr h;

	if (n < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	if ((how & HOW_HEADER) != 0) {
		h.version = WRIT_ABI_VERSION;
		h.len = (uint16_t)(n - sizeof(h));
		h.reply = 0;
	}
	if ((how & HOW_OP) != 0)
		h.op = (uint16_t)(1 + h.op % (WRIT_OP_N - 1));
	memcpy(data, &h, sizeof(h));
	return h.cookie;
}

static size_t length(const uint8_t *two)
{
	return two[1] < 240 ? two[0] : (two[0] | (size_t)(two[1] - 240) << 8) * 4;
}

static struct client *sender(unsigned who)
{
	for (unsigned i = 0; i < W_PROCS; i++)
		if (w.clients[(who + i) % W_PROCS].fd >= 0)
			return &w.clients[(who + i) % W_PROCS];
	return NULL;
}

static void check(void)
{
	const char *broken = kernel_verify();

	if (broken == NULL)
		broken = kernel_verify_fds();
	if (broken != NULL)
		world_fail(broken);
}

/* REPLY_RECV alone may have done its first half when the second is refused. */
static void packet(struct client *c, unsigned how, char *data, size_t n)
{
	uint64_t before = kernel_hash();
	uint16_t op = 0;

	w.watch = arrange(data, n, how);
	w.status = -1;
	if (n >= sizeof(struct writ_hdr))
		memcpy(&op, data, sizeof(op));
	snprintf(w.what, sizeof(w.what), "a packet of %zu bytes, call %u, by pid %u", n, op,
	    c->pid);
	if (!send_packet(c, how, data, n))
		return;
	w.asked++;
	if (n > 0 && c->nasked < W_ASKED)
		c->asked[c->nasked++] = w.watch;
	k_gate_read(&k.procs[c->pid % k.nprocs]);
	world_settle();
	if (w.status > 0 && op != WRIT_OP_REPLY_RECV && kernel_hash() != before)
		world_fail("a call that was refused has changed something");
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char copy[HOST_PACKET_MAX];
	const char *broken;
	struct client *c;

	world_open(zero, NULL);
	check();
	for (unsigned i = 0; size >= 4 && i < PACKETS_MAX && !k.stopping; i++) {
		size_t n = length(data + 2);
		unsigned how = data[1];

		c = sender(data[0]);
		data += 4;
		size -= 4;
		n = n < size ? n : size;
		memcpy(copy, data, n);
		data += n;
		size -= n;
		if (c == NULL)
			break;
		packet(c, how, copy, n);
		replay_steps++;
	}
	broken = world_close();
	if (broken != NULL)
		world_fail(broken);
	return 0;
}
