/* SPDX-License-Identifier: MIT */
/*
 * gate.null, ipc.kernel.rtt: what the cheapest call of the kernel costs, beside a bare round
 * trip of packets as long between two processes; and a message through it and its answer,
 * beside two, passed on by a third process that is no kernel.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "relay.h"

enum { TURN = 128, HEAD = 32, BODY = 24 + 64 };

static struct {
	char dir[64], bin[256];
	unsigned order, left;
	int64_t values[TURN];
	char answers[96], ctl[96]; /* its log; where its orders lie */
	FILE *log;
	pid_t kernel, peer;
	int sock;
	bool placed;
} b;

static int order(const char *kind)
{
	char line[32], tmp[128];
	FILE *f;
	unsigned i = 0;

	snprintf(tmp, sizeof(tmp), "%s/new", b.dir);
	if ((f = fopen(tmp, "we")) == NULL)
		return -1;
	fprintf(f, "%u %s %d\n", ++b.order, kind, TURN);
	if (fclose(f) != 0 || rename(tmp, b.ctl) != 0)
		return -1;
	for (unsigned tries = 0; i < TURN && tries < 10000; tries++) {
		if (b.log == NULL)
			b.log = fopen(b.answers, "re");
		while (b.log != NULL && i < TURN && fgets(line, sizeof(line), b.log) != NULL)
			b.values[i++] = strtoll(line, NULL, 10);
		if (i == TURN)
			return 0;
		if (b.log != NULL)
			clearerr(b.log);
		usleep(1000);
	}
	return -1;
}

/* A kind of call, and on which CPUs (-1: any) it and its peer are. */
struct kind {
	const char *name;
	int cpu[RELAY_N];
};

static int64_t ours(void *arg)
{
	const struct kind *k = arg;

	if (b.left == 0) {
		if (order(k->name) < 0)
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
	char boot[300], host[100], node[32], run[80], logs[80], mod[300];
	int sv[2];

	(void)arg;
	b.left = 0;
	b.placed = false;
	snprintf(boot, sizeof(boot), "%s/writ-boot", b.bin);
	snprintf(mod, sizeof(mod), "root=%s/bench-ipcer", b.bin);
	snprintf(host, sizeof(host), "ctl=rw:%s/ctl", b.dir);
	snprintf(node, sizeof(node), "i%d", (int)getpid());
	snprintf(run, sizeof(run), "%s/run", b.dir);
	snprintf(logs, sizeof(logs), "%s/log", b.dir);
	snprintf(b.ctl, sizeof(b.ctl), "%s/ctl/order", b.dir);
	snprintf(b.answers, sizeof(b.answers), "%s/1.log", logs);
	unlink(b.answers);
	unlink(b.ctl);
	b.order = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	b.sock = sv[0];
	if ((b.peer = fork()) == 0) {
		close(sv[0]);
		echo(sv[1]);
	}
	close(sv[1]);
	if (relay_up(HEAD + BODY) < 0)
		return -1;
	if ((b.kernel = fork()) == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(boot, boot, "--node", node, "--run", run, "--log", logs, "--host", host,
		    "--module", mod, (char *)NULL);
		_exit(127);
	}
	return b.peer > 0 && b.kernel > 0 ? 0 : -1;
}

static void tear_down(void *arg)
{
	(void)arg;
	close(b.sock);
	relay_down();
	if (b.log != NULL)
		fclose(b.log);
	b.log = NULL;
	if (b.kernel > 0)
		kill(b.kernel, SIGTERM);
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	static const char two[] = "two SOCK_SEQPACKET round trips";
	static const char relay[] = "two SOCK_SEQPACKET round trips through a third process";
	static struct kind null = { "null", { -1, -1, -1 } }, any = { "rtt", { -1, -1, -1 } },
			   one = { "rtt", { 0, 0, 0 } }, apart = { "rtt", { 0, 1, 0 } };
	static const struct bench list[] = {
		{ "gate.null", "one SOCK_SEQPACKET round trip", set_up, tear_down, ours, peer_null,
		    &null, 12800, TURN, 0 },
		{ "ipc.kernel.rtt", relay, set_up, tear_down, ours, peer_relay, &any, 12800, TURN,
		    0 },
		{ "ipc.kernel.rtt.one", relay, set_up, tear_down, ours, peer_relay, &one, 12800,
		    TURN, 0 },
		{ "ipc.kernel.rtt.apart", relay, set_up, tear_down, ours, peer_relay, &apart, 12800,
		    TURN, 0 },
		{ "ipc.kernel.rtt.bare", two, set_up, tear_down, ours, peer_bare, &any, 12800, TURN,
		    0 },
	};
	const char *build = getenv("WRIT_B");
	ssize_t n = readlink("/proc/self/exe", b.bin, sizeof(b.bin) - 1);
	char cmd[256];
	int rc;

	if (build != NULL)
		snprintf(b.bin, sizeof(b.bin), "%s/bin", build);
	else if (n > 0 && strrchr(b.bin, '/') != NULL)
		*strrchr(b.bin, '/') = '\0';
	snprintf(b.dir, sizeof(b.dir), "/tmp/writ-bench-XXXXXX");
	if (mkdtemp(b.dir) == NULL || chmod(b.dir, 0755) != 0)
		return 1;
	snprintf(cmd, sizeof(cmd), "mkdir -m 0777 %s/ctl %s/log", b.dir, b.dir);
	if (system(cmd) != 0) /* NOLINT(cert-env33-c): our own words */
		return 1;
	rc = bench_main(argc, argv, list, sizeof(list) / sizeof(list[0]));
	snprintf(cmd, sizeof(cmd), "rm -rf %s", b.dir);
	return system(cmd) != 0 ? 1 : rc; /* NOLINT(cert-env33-c) */
}
