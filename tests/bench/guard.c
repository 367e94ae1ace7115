/* SPDX-License-Identifier: MIT */
/*
 * ebpf.syscall, ebpf.connect: what eBPF costs each system call and each connect, of
 * processes of Writ's and of all others; layers loaded as writ-boot does, in turns with
 * nothing loaded at all. Needs root and a machine without another node.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "tests/bench/bench.h"
#include "tests/bench/host.h"
#include "tests/bench/worker.h"
#include "tools/boot/group.h"
#include "tools/boot/guard.h"
#include "tools/boot/switch.h"

#define REALM "bench"

enum {
	CALLS = 2000,
	CONNECTS = 50,
	ROUNDS = 1000,
	TURN = 100,
	CALLS_LAYER = 1u << WRIT_LAYER_EBPF_CALLS,
	SOCKETS_LAYER = 1u << WRIT_LAYER_EBPF_SOCKETS,
};

struct stage {
	unsigned layers; /* what is loaded, and has to be */
	unsigned more;   /* what is loaded if it can be */
	enum guard_mode mode;
	bool managed;   /* the one who calls is Writ's */
	int call;       /* that is made, or */
	sa_family_t to; /* the family of whom it connects to */

	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	} peer;
	socklen_t npeer;
	int listener;
	char node[32];
	struct groups groups;
	struct guard guard;
	struct worker worker;
	bool on;
};

/* --- what the worker does: nanoseconds of one operation ------------------------------------ */

static int64_t calls(const void *arg)
{
	long call = ((const struct stage *)arg)->call;
	int64_t start = bench_now();

	for (int i = 0; i < CALLS; i++)
		syscall(call);
	return (bench_now() - start + CALLS / 2) / CALLS;
}

/* Makes a socket, connects and closes it; it is taken from the queue outside of the time. No port
 * stays behind: the close resets. */
static int64_t connects(const void *arg)
{
	const struct stage *s = arg;
	struct linger now = { .l_onoff = 1 };
	int64_t ns = 0;

	for (int i = 0; i < CONNECTS; i++) {
		int64_t start = bench_now();
		int fd = socket(s->to, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

		if (s->to == AF_INET)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		r = connect(fd, &s->peer.any, s->npeer);
		close(fd);
		ns += bench_now() - start;
		if (r < 0 || (fd = accept(s->listener, NULL, NULL)) < 0)
			return -1;
		close(fd);
	}
	return ns / CONNECTS;
}

/* --- on and off ------------------------------------------------------------------------------ */

static int update(const struct stage *s, const char *map, const void *key, const void *value)
{
	return bpf_map_update_elem(guard_map(&s->guard, map), key, value, BPF_ANY);
}

/* The worker is Writ's: its calls are held against the bitmap of profile native. */
static int manage(const struct stage *s)
{
	struct guard_task t = { .generation = GUARD_UNKNOWN, .realm = 1, .phase = GUARD_RUN };
	struct guard_label l = { .pid = 1, .realm = 1, .name = REALM };
	int pidfd = (int)syscall(SYS_pidfd_open, s->worker.pid, 0), r;

	r = update(s, "tasks", &pidfd, &t);
	if (r == 0 && s->more != 0)
		r = update(s, "labels", &pidfd, &l);
	close(pidfd);
	return r;
}

/* It may connect to the peer, and to nobody else. */
static int grant(const struct stage *s)
{
	uint64_t id = cgroup_id(REALM);
	struct guard_policy p = { .families = UINT64_C(1) << s->to,
		.who = { .realm = 1, .name = REALM } };
	struct guard_peer peer = { .cgroup = id, .family = s->to };
	uint8_t one = 1;

	if (s->to == AF_INET) {
		peer.port = ntohs(s->peer.in.sin_port);
		memcpy(peer.addr, &s->peer.in.sin_addr, sizeof(s->peer.in.sin_addr));
	} else {
		memcpy(peer.addr, s->peer.un.sun_path,
		    s->npeer - offsetof(struct sockaddr_un, sun_path));
	}
	return update(s, "policy", &id, &p) == 0 ? update(s, "peers", &peer, &one) : -1;
}

/* As on a node: pinned, which keeps it, and what looks at each call detached while nobody requires
 * it. */
static int pin(struct stage *s)
{
	const char *doing;
	int r = guard_pin(&s->guard, s->node, 0), lock = -1;

	guard_close(&s->guard);
	if (r == 0 && (r = lock = guard_lock(s->node)) >= 0)
		r = guard_switch(s->node, GUARD_ON_DEMAND, &doing);
	if (lock >= 0)
		close(lock);
	if (r < 0)
		fprintf(stderr, "bench-guard: pins: %s\n", strerror(-r));
	return r;
}

static int switch_on(struct stage *s)
{
	enum guard_mode mode = s->mode == GUARD_ON_DEMAND ? GUARD_ENFORCE : s->mode;

	guard_load(&s->guard, s->layers | s->more, s->groups.node[BOOT_V2], mode);
	s->on = true;
	for (unsigned i = 0; i < WRIT_LAYER_N; i++)
		if ((s->layers & ~s->guard.layers) >> i & 1) {
			fprintf(stderr, "bench-guard: %s\n", s->guard.why[i]);
			return -1;
		}
	if (s->managed && manage(s) < 0)
		return -1;
	if (s->mode == GUARD_ON_DEMAND)
		return pin(s);
	return s->to != 0 ? grant(s) : 0;
}

static int64_t with(void *arg)
{
	struct stage *s = arg;

	if (!s->on && switch_on(s) < 0)
		return -1;
	return worker_round(&s->worker);
}

static int64_t without(void *arg)
{
	struct stage *s = arg;

	if (s->on)
		guard_close(&s->guard);
	if (s->on && s->mode == GUARD_ON_DEMAND)
		guard_unpin(s->node);
	s->on = false;
	return worker_round(&s->worker);
}

/* --- the stage ------------------------------------------------------------------------------- */

static int listen_at(struct stage *s)
{
	memset(&s->peer, 0, sizeof(s->peer));
	s->peer.any.sa_family = s->to;
	if (s->to == AF_INET) {
		s->peer.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		s->npeer = sizeof(s->peer.in);
	} else { /* no file: a name of its own */
		s->npeer = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1);
		s->npeer += (socklen_t)snprintf(s->peer.un.sun_path + 1,
		    sizeof(s->peer.un.sun_path) - 1, "writ-bench-%d", (int)getpid());
	}
	s->listener = socket(s->to, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener < 0 || bind(s->listener, &s->peer.any, s->npeer) < 0 ||
	    listen(s->listener, 8) < 0)
		return -1;
	return s->to == AF_INET ? getsockname(s->listener, &s->peer.any, &s->npeer) : 0;
}

static int setup(void *arg)
{
	struct stage *s = arg;
	int r;

	s->listener = -1;
	snprintf(s->node, sizeof(s->node), "b%d", (int)getpid());
	if (host_has_node()) {
		fprintf(stderr, "bench-guard: there is a node on this machine: end it first\n");
		return -1;
	}
	if ((r = groups_open(&s->groups, s->node)) < 0) {
		fprintf(stderr, "bench-guard: groups: %s\n", strerror(-r));
		return -1;
	}
	cgroup_init(s->groups.node, s->groups.v2_has);
	if (s->to != 0 && listen_at(s) < 0)
		return -1;
	if (worker_start(&s->worker, 0, s->to != 0 ? connects : calls, s) < 0 ||
	    cgroup_make(REALM, 0, 0, 0) < 0)
		return -1;
	return s->to != 0 ? cgroup_enter(REALM, s->worker.pid) : 0;
}

static void teardown(void *arg)
{
	struct stage *s = arg;

	without(s);
	worker_end(&s->worker);
	if (s->listener >= 0)
		close(s->listener);
	groups_remove(&s->groups);
}

#define STAGE(what, is, rest, n, ...) \
	{ \
		.name = what, .peer_name = "the same, " is, .setup = setup, .teardown = teardown, \
		.ours = with, .peer = without, .arg = &(struct stage){ __VA_ARGS__ }, .rounds = n, \
		.turn = TURN, .placement = rest \
	}
#define NOTHING "nothing loaded"
#define CALLER  "one process on one CPU"

int main(int argc, char **argv)
{
	const struct bench list[] = {
		STAGE("ebpf.syscall", NOTHING, CALLER ", not Writ's", ROUNDS, .layers = CALLS_LAYER,
		    .mode = GUARD_ENFORCE, .call = SYS_getppid),
		STAGE("ebpf.syscall.all", NOTHING, CALLER ", not Writ's; every layer there is",
		    ROUNDS, .layers = CALLS_LAYER, .more = ~0u, .mode = GUARD_ENFORCE,
		    .call = SYS_getppid),
		STAGE("ebpf.syscall.managed", NOTHING, CALLER ", a proc that may", ROUNDS,
		    .layers = CALLS_LAYER, .mode = GUARD_ENFORCE, .managed = true,
		    .call = SYS_getpid),
		STAGE("ebpf.syscall.managed.all", NOTHING,
		    CALLER ", a proc that may; every layer there is", ROUNDS, .layers = CALLS_LAYER,
		    .more = ~0u, .mode = GUARD_ENFORCE, .managed = true, .call = SYS_getpid),
		STAGE("ebpf.syscall.off", NOTHING, CALLER ", not Writ's; the guard is off", ROUNDS,
		    .layers = CALLS_LAYER, .mode = GUARD_OFF, .call = SYS_getppid),
		STAGE("ebpf.syscall.on-demand", NOTHING,
		    CALLER ", not Writ's; no realm requires it", ROUNDS,
		    .layers = CALLS_LAYER | 1u << WRIT_LAYER_TELEMETRY, .mode = GUARD_ON_DEMAND,
		    .call = SYS_getppid),
		STAGE("ebpf.connect", NOTHING, CALLER ", in a realm's group; to a unix socket",
		    ROUNDS, .layers = SOCKETS_LAYER | 1u << WRIT_LAYER_EBPF_UNIX,
		    .mode = GUARD_ENFORCE, .to = AF_UNIX),
		STAGE("ebpf.connect.tcp", NOTHING, CALLER ", in a realm's group; over loopback",
		    ROUNDS, .layers = SOCKETS_LAYER, .mode = GUARD_ENFORCE, .to = AF_INET),
	};

	return bench_main(argc, argv, list, sizeof(list) / sizeof(list[0]));
}
