/* SPDX-License-Identifier: MIT */
/*
 * guard-peers: whom a process may connect to, send to and bind as, by each hook that
 * Linux has for it. In a network namespace of its own, so that IPv6 is there and
 * every port is free. Needs root.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "rules.h"
#include "tools/boot/group.h"

#define REALM "peers"

enum { CONNECT, SEND, BIND, NUMBER = 7, PORT = 4000 };
static const struct hook {
	const char *name;
	enum guard_socket what;
	int does;
	sa_family_t family;
} hooks[] = {
	{ "connect4", GUARD_CONNECT4, CONNECT, AF_INET },
	{ "connect6", GUARD_CONNECT6, CONNECT, AF_INET6 },
	{ "sendmsg4", GUARD_SENDMSG4, SEND, AF_INET },
	{ "sendmsg6", GUARD_SENDMSG6, SEND, AF_INET6 },
	{ "bind4", GUARD_BIND4, BIND, AF_INET },
	{ "bind6", GUARD_BIND6, BIND, AF_INET6 },
	{ "connect_unix", GUARD_CONNECT_UNIX, CONNECT, AF_UNIX },
	{ "sendmsg_unix", GUARD_SENDMSG_UNIX, SEND, AF_UNIX },
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static struct guard guard;
static struct groups groups;
static volatile int *word; /* shared with processes */
static char folder[] = "/tmp/guard-peers-XXXXXX";
static pid_t last; /* who tried last */

static int type(const struct hook *h)
{
	return (h->does == SEND ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
}

/* No hook's is another's: who closes first leaves it behind for a while. */
static uint16_t port(const struct hook *h, int i)
{
	return (uint16_t)(PORT + 2 * h->what + i);
}

/* The @i-th address that the hook is tried with. */
static socklen_t address(const struct hook *h, int i, union address *a)
{
	memset(a, 0, sizeof(*a));
	a->any.sa_family = h->family;
	switch (h->family) {
	case AF_INET:
		a->in.sin_port = htons(port(h, i));
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(a->in);
	case AF_INET6:
		a->in6.sin6_port = htons(port(h, i));
		a->in6.sin6_addr = in6addr_loopback;
		return sizeof(a->in6);
	default:
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) +
		    (socklen_t)snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s/%d", folder, i);
	}
}

/* Somebody who is there to be connected or sent to; -1: for a bind there must be nobody. */
static int other_side(const struct hook *h, int i)
{
	union address a;
	socklen_t n = address(h, i, &a);
	int fd;

	if (h->does == BIND)
		return -1;
	fd = socket(h->family, type(h), 0);
	if (fd < 0 || bind(fd, &a.any, n) < 0 || (h->does == CONNECT && listen(fd, 8) < 0))
		err(EXIT_FAILURE, "%s: the other side", h->name);
	return fd;
}

/* --- in a process -------------------------------------------------------------------------- */

/* 0 or the error of what the hook is asked about. */
static int attempt(const struct hook *h, int i)
{
	union address a;
	socklen_t n = address(h, i, &a);
	int fd = socket(h->family, type(h), 0);
	long r = -1;

	if (fd < 0)
		return -1;
	if (h->does == CONNECT)
		r = connect(fd, &a.any, n) < 0 && errno != EINPROGRESS ? -1 : 0;
	else if (h->does == SEND)
		r = sendto(fd, "x", 1, 0, &a.any, n);
	else
		r = bind(fd, &a.any, n);
	return r < 0 ? errno : 0;
}

/* What it gives a process of the realm. */
static int gives(const struct hook *h, int i)
{
	int go[2];
	char x;

	word[0] = -2;
	if (pipe2(go, O_CLOEXEC) < 0 || (last = fork()) < 0)
		err(EXIT_FAILURE, "fork");
	if (last == 0) {
		if (read(go[0], &x, 1) == 1)
			word[0] = attempt(h, i);
		_exit(0);
	}
	if (cgroup_enter(REALM, last) < 0 || write(go[1], "", 1) != 1)
		err(EXIT_FAILURE, "group");
	waitpid(last, NULL, 0);
	close(go[0]);
	close(go[1]);
	return word[0];
}

/* --- the cases ----------------------------------------------------------------------------- */

static void say(const struct hook *h, const char *what, bool ok)
{
	char text[128];

	snprintf(text, sizeof(text), "%s: %s", h->name, what);
	check(text, ok);
}

/* Has the other side got what was sent, or whoever connects? A bind shows by itself. */
static bool arrived(const struct hook *h, int fd)
{
	int from;
	char c;

	if (h->does == SEND)
		return recv(fd, &c, 1, 0) == 1;
	if (h->does == BIND)
		return true;
	for (int i = 0; (from = accept(fd, NULL, NULL)) < 0 && i < 100; i++)
		usleep(1000);
	if (from >= 0)
		close(from);
	return from >= 0;
}

/* What is counted of it, by the last process, under the realm's name. */
static uint64_t counted(const struct hook *h)
{
	struct guard_denial_key key = { .realm = NUMBER,
		.layer = GUARD_BY_SOCKETS,
		.what = h->what };
	struct guard_denial d;

	return bpf_map_lookup_elem(guard_map(&guard, "denials"), &key, &d) == 0 &&
		strcmp(d.name, REALM) == 0 && d.host_pid == (uint32_t)last
	    ? d.count
	    : 0;
}

static struct guard_peer peer(const struct hook *h, int i)
{
	struct guard_peer p = { .cgroup = cgroup_id(REALM), .family = h->family };
	union address a;

	address(h, i, &a);
	if (h->family != AF_UNIX)
		p.port = port(h, i);
	if (h->family == AF_INET)
		memcpy(p.addr, &a.in.sin_addr, sizeof(a.in.sin_addr));
	else if (h->family == AF_INET6)
		memcpy(p.addr, &a.in6.sin6_addr, sizeof(a.in6.sin6_addr));
	else
		memcpy(p.addr, a.un.sun_path, strlen(a.un.sun_path));
	return p;
}

static void test_hook(const struct hook *h)
{
	struct guard_policy p = { .families = UINT64_C(1) << h->family,
		.who = { .realm = NUMBER, .name = REALM } };
	struct guard_peer granted = peer(h, 0);
	int here = other_side(h, 0), there = other_side(h, 1);
	uint64_t id = cgroup_id(REALM);
	uint8_t one = 1;

	say(h, "control: who has no policy does it", gives(h, 0) == 0 && arrived(h, here));
	update(&guard, "policy", &id, &p);
	say(h, "with no peer it is refused", gives(h, 0) == EPERM);
	say(h, "which is counted, with Linux's pid and the realm's name", counted(h) == 1);
	update(&guard, "peers", &granted, &one);
	say(h, "with the peer it is not", gives(h, 0) == 0 && arrived(h, here));
	say(h, "another one is refused", gives(h, 1) == EPERM && counted(h) == 2);
	set_mode(&guard, GUARD_AUDIT);
	say(h, "audit: it is not", gives(h, 1) == 0 && arrived(h, there));
	say(h, "but counted", counted(h) == 3);
	set_mode(&guard, GUARD_ENFORCE);
	bpf_map_delete_elem(guard_map(&guard, "peers"), &granted);
	say(h, "refused again when the peer is taken away", gives(h, 0) == EPERM);
	bpf_map_delete_elem(guard_map(&guard, "policy"), &id);
	if (here >= 0)
		close(here);
	if (there >= 0)
		close(there);
}

/* A family that the realm has no use for: no socket at all. */
static void test_create(void)
{
	static const struct hook no = { "sock_create", GUARD_SOCK_CREATE, CONNECT, AF_INET6 };
	struct guard_policy p = { .families = UINT64_C(1) << AF_INET,
		.who = { .realm = NUMBER, .name = REALM } };
	uint64_t id = cgroup_id(REALM);

	update(&guard, "policy", &id, &p);
	say(&no, "no socket of another family", gives(&no, 0) == -1 && counted(&no) == 1);
	say(&hooks[0], "control: one of its own is made, and asks about the address",
	    gives(&hooks[0], 0) == EPERM);
	bpf_map_delete_elem(guard_map(&guard, "policy"), &id);
}

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		err(EXIT_FAILURE, "loopback");
	close(fd);
}

static void folder_remove(void)
{
	char path[sizeof(folder) + 8];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const unsigned both = 1u << WRIT_LAYER_EBPF_SOCKETS | 1u << WRIT_LAYER_EBPF_UNIX;
	char node[32];

	setbuf(stdout, NULL);
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(node, sizeof(node), "peers%d", (int)getpid());
	if (word == MAP_FAILED || unshare(CLONE_NEWNET) < 0 || mkdtemp(folder) == NULL ||
	    groups_open(&groups, node) < 0)
		err(EXIT_FAILURE, "set-up");
	loopback_up();
	cgroup_init(groups.node, groups.v2_has);
	guard_load(&guard, both, groups.node[BOOT_V2], GUARD_ENFORCE);
	if (cgroup_make(REALM, 0, 0, 0) < 0 || (guard.layers >> WRIT_LAYER_EBPF_SOCKETS & 1) == 0)
		errx(EXIT_FAILURE, "sockets: %s", guard.why[WRIT_LAYER_EBPF_SOCKETS]);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		if (hooks[i].family == AF_UNIX && (guard.layers >> WRIT_LAYER_EBPF_UNIX & 1) == 0)
			skip(hooks[i].name);
		else
			test_hook(&hooks[i]);
		folder_remove();
		mkdir(folder, 0700);
	}
	test_create();
	guard_close(&guard);
	groups_remove(&groups);
	folder_remove();
	return check_end();
}
