/* SPDX-License-Identifier: MIT */
/*
 * The node behind the benchmarks of calls: a first server on a bare kernel, that
 * has one proc call another, or the kernel, and gives the nanoseconds.
 *
 * ctl/order: "NUMBER KIND COUNT\n"; in its log, a line per measured value
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <writ/ipc.h>
#include "tests/system/gate/gate.h"

enum { CTL = 1, EP, NTFN, TAKE, BYTES = 64, COUNT_MAX = 256 };

struct request {
	uint32_t null, count; /* null: the cheapest call of the kernel's own */
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int echo(void)
{
	char buf[BYTES];
	struct writ_take t = { .reply = TAKE, .buf = buf, .size = sizeof(buf) };
	struct writ_msg m = { .data = buf };
	struct writ_msg_rep rep;
	int n = writ_recv(EP, &t, &rep);

	while (n >= 0) {
		m.len = (size_t)n;
		n = writ_reply_recv(EP, TAKE, &m, &t, &rep);
	}
	return 1;
}

static int measure(const struct request *q, int64_t *ns)
{
	char buf[BYTES] = { 0 };
	struct writ_take t = { .buf = buf, .size = sizeof(buf) };
	struct writ_msg m = { .data = buf, .len = sizeof(buf) };
	struct writ_msg_rep rep;
	uint64_t bits;

	for (unsigned i = 0; i < q->count; i++) {
		int64_t start = now();

		if (q->null != 0 ? writ_poll(NTFN, &bits) != 0
				 : writ_call(EP, &m, &t, &rep) != BYTES)
			return -1;
		ns[i] = now() - start;
	}
	return 0;
}

static int client(void)
{
	static int64_t ns[COUNT_MAX];
	struct request q = { 0 };
	struct writ_take t = { .reply = TAKE, .buf = &q, .size = sizeof(q) };
	struct writ_msg_rep rep;

	while (writ_recv(CTL, &t, &rep) == sizeof(q) && q.count <= COUNT_MAX) {
		struct writ_msg m = { .data = ns, .len = q.count * sizeof(ns[0]) };

		if (measure(&q, ns) != 0 || writ_reply(TAKE, &m) != 0)
			return 2;
	}
	return 1;
}

/* One order, carried out and answered. */
static int obey(const char *order, unsigned *last)
{
	static int64_t ns[COUNT_MAX];
	char kind[16];
	struct request q;
	struct writ_take t = { .buf = ns, .size = sizeof(ns) };
	struct writ_msg m = { .data = &q, .len = sizeof(q) };
	struct writ_msg_rep rep;
	unsigned number;

	if (sscanf(order, "%u %15s %u", &number, kind, &q.count) != 3 || number == *last)
		return 0;
	*last = number;
	q.null = strcmp(kind, "null") == 0;
	if (q.count > COUNT_MAX || writ_call(CTL + SCRATCH, &m, &t, &rep) < 0)
		return -1;
	for (unsigned i = 0; i < q.count; i++)
		printf("%lld\n", (long long)ns[i]);
	return fflush(stdout);
}

static int conduct(void)
{
	struct give srv[] = { { EP + SCRATCH, EP, WRIT_R_READ | WRIT_R_GRANT } };
	struct give cl[] = { { CTL + SCRATCH, CTL, WRIT_R_READ | WRIT_R_GRANT },
		{ EP + SCRATCH, EP, WRIT_R_WRITE | WRIT_R_GRANT_REPLY },
		{ NTFN + SCRATCH, NTFN, WRIT_R_READ } };
	writ_cap_t host = writ_named_cap(WRIT_TYPE_HOST, "ctl");
	int dir = writ_cap_fd(host);
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	char order[64] = "";
	unsigned last = 0;

	image = writ_named_cap(WRIT_TYPE_IMAGE, "root");
	if (dir < 0 ||
	    !realm_new(ACCOUNT, REALM, SPAWN, "bench", (struct writ_quota){ 64 << 20, 2000, 9 }) ||
	    writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP + SCRATCH) != 0 ||
	    writ_retype_endpoint(WRIT_BOOT_UNTYPED, CTL + SCRATCH) != 0 ||
	    writ_retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_NOTIFICATION,
		(struct writ_addr){ .index = NTFN + SCRATCH }, 1, (struct writ_quota){ 0 }) != 0 ||
	    run(SCRATCH + 50, "echo", srv, 1) < 0 || run(SCRATCH + 51, "client", cl, 3) < 0)
		return 1;
	for (;;) {
		int fd = (int)syscall(SYS_openat2, dir, "order", &how, sizeof(how));
		ssize_t n = fd < 0 ? 0 : read(fd, order, sizeof(order) - 1);

		if (fd >= 0)
			close(fd);
		order[n > 0 ? n : 0] = '\0';
		if (obey(order, &last) < 0)
			return 2;
		nap_ms(2);
	}
}

int writ_main(int argc, char **argv)
{
	if (writ_self()->parent == 0)
		return conduct();
	return argc > 1 && strcmp(argv[1], "echo") == 0 ? echo() : client();
}
