/* SPDX-License-Identifier: MIT */
/*
 * gate.null, ipc.kernel.rtt: what the cheapest call of the kernel costs, beside a bare round
 * trip of packets as long between two processes; and a message through it and its answer,
 * beside two, passed on by a third process that is no kernel.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "node.h"
#include "relay.h"

enum { TURN = 128, HEAD = 32, BODY = 24 + 64 };

static struct {
	unsigned left;
	int64_t values[TURN];
	pid_t peer;
	int sock;
	bool placed;
} b;

/* A kind of call, and on which CPUs (-1: any) it and its peer are. */
struct kind {
	const char *name;
	int cpu[RELAY_N];
};

static int64_t ours(void *arg)
{
	const struct kind *k = arg;

	char words[32];

	snprintf(words, sizeof(words), "%s %d", k->name, TURN);
	if (b.left == 0) {
		if (node_order(words, TURN, b.values) < 0)
			return -1;
		b.left = TURN;
	}
	return b.values[--b.left];
}

static int trip(size_t len)
{
	static char buf[HEAD + BODY];

	return send(b.sock, buf, len, 0) == (ssize_t)len &&
		recv(b.sock, buf, sizeof(buf), 0) == (ssize_t)len
	    ? 0
	    : -1;
}

static int64_t peer_null(void *arg)
{
	(void)arg;
	return trip(HEAD);
}

static int64_t peer_bare(void *arg)
{
	(void)arg;
	return trip(HEAD + BODY) < 0 ? -1 : trip(HEAD + BODY);
}

/* Ours has been once: its procs are there. */
static int64_t peer_relay(void *arg)
{
	const struct kind *k = arg;
	char node[32];

	snprintf(node, sizeof(node), "i%d", (int)getpid());
	if (!b.placed && relay_place(node, k->cpu) < 0)
		return -1;
	b.placed = true;
	return relay_trip();
}

static _Noreturn void echo(int sock)
{
	char buf[HEAD + BODY];
	ssize_t n;

	while ((n = recv(sock, buf, sizeof(buf), 0)) > 0 && send(sock, buf, (size_t)n, 0) == n)
		;
	_exit(0);
}

static int set_up(void *arg)
{
	int sv[2];

	(void)arg;
	b.left = 0;
	b.placed = false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	b.sock = sv[0];
	if ((b.peer = fork()) == 0) {
		close(sv[0]);
		echo(sv[1]);
	}
	close(sv[1]);
	return b.peer > 0 && relay_up(HEAD + BODY) == 0 ? node_up("bench-ipcer") : -1;
}

static void tear_down(void *arg)
{
	(void)arg;
	close(b.sock);
	relay_down();
	node_down();
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	static const char wherever[] = "any CPU";
	static const char two[] = "two SOCK_SEQPACKET round trips";
	static const char relay[] = "two SOCK_SEQPACKET round trips through a third process";
	static struct kind null = { "null", { -1, -1, -1 } }, any = { "rtt", { -1, -1, -1 } },
			   one = { "rtt", { 0, 0, 0 } }, apart = { "rtt", { 0, 1, 0 } };
	static const struct bench list[] = {
		{ "gate.null", "one SOCK_SEQPACKET round trip", set_up, tear_down, ours, peer_null,
		    &null, 12800, TURN, .placement = wherever },
		{ "ipc.kernel.rtt", relay, set_up, tear_down, ours, peer_relay, &any, 12800, TURN,
		    .placement = wherever },
		{ "ipc.kernel.rtt.one", relay, set_up, tear_down, ours, peer_relay, &one, 12800,
		    TURN, .placement = "all on CPU 0" },
		{ "ipc.kernel.rtt.apart", relay, set_up, tear_down, ours, peer_relay, &apart, 12800,
		    TURN, .placement = "procs on CPU 0, kernel on CPU 1" },
		{ "ipc.kernel.rtt.bare", two, set_up, tear_down, ours, peer_bare, &any, 12800, TURN,
		    .placement = wherever },
	};

	return bench_main(argc, argv, list, sizeof(list) / sizeof(list[0]));
}
