/* SPDX-License-Identifier: MIT */
/*
 * ebpf.wordcount: the demo from end to end (docs/examples/wordcount, as tools/demo runs
 * it) on a node with every layer there is, and on one without any of eBPF. Each round
 * has a node of its own; what is timed is `writ run`, the median of five when its servers
 * have come up. Needs root and no other node.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "host.h"

enum { ROUNDS = 16, RUNS = 5, FILES = 8, WORDS = 600000 };

static struct {
	char dir[64], bin[256], node[32];
} b;

/* About 4 MB of words of 1 to 12 letters, some of which are frequent; the same each time. */
static int write_file(unsigned number)
{
	uint64_t x = number + 1;
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/in/%u", b.dir, number);
	f = fopen(path, "we");
	if (f == NULL)
		return -1;
	for (unsigned i = 0; i < WORDS; i++) {
		uint32_t word;

		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		word = (uint32_t)(x >> 32);
		word %= 1u << word % 15;
		for (word = word * 2654435761u | 1; word > 15; word /= 8)
			fputc('a' + (int)(word % 26), f);
		fputc(i % 12 == 11 ? '\n' : ' ', f);
	}
	return fclose(f);
}

static int prepare(void)
{
	host_bin(b.bin, sizeof(b.bin));
	snprintf(b.node, sizeof(b.node), "w%d", (int)getpid());
	snprintf(b.dir, sizeof(b.dir), "/tmp/writ-bench-XXXXXX");
	if (mkdtemp(b.dir) == NULL || chmod(b.dir, 0755) < 0 ||
	    host_run("mkdir -m 0755 %s/in", b.dir) < 0)
		return -1;
	for (unsigned i = 0; i < FILES; i++)
		if (write_file(i) < 0)
			return -1;
	return host_run("chmod 0644 %s/in/* && "
			"sed 's#\\.\\./\\.\\./\\.\\./build/bin/#%s/#' "
			"docs/examples/wordcount/wordcount.yaml >%s/wordcount.yaml",
	    b.dir, b.bin, b.dir);
}

static int set_up(void *arg)
{
	(void)arg;
	if (host_has_node())
		fprintf(stderr, "bench-wordcount: there is a node on this machine: end it first\n");
	return host_has_node() ? -1 : 0;
}

static void tear_down(void *arg)
{
	(void)arg;
	if (host_has_node())
		host_run("%s/writ --node %s down >&2", b.bin, b.node);
}

/* @before: words of the shell in front of `writ up`. Layers of eBPF are there, or @none. */
static int64_t run(const char *before, bool none)
{
	double ns[1 + RUNS];
	int64_t start;

	if (host_run("%s %s/writ --node %s up --file docs/examples/node.yaml --host input=%s/in "
		     ">%s/up 2>&1 || { cat %s/up >&2; exit 1; }",
		before, b.bin, b.node, b.dir, b.dir, b.dir) < 0)
		return -1;
	if (host_has_node() == none) {
		fprintf(stderr, "bench-wordcount: the node %s\n",
		    none ? "has eBPF" : "has nothing of eBPF");
		return -1;
	}
	for (unsigned i = 0; i <= RUNS; i++) { /* the first time servers are still coming up */
		start = bench_now();
		if (host_run("%s/writ --node %s run %s/wordcount.yaml >%s/counts", b.bin, b.node,
			b.dir, b.dir) < 0)
			return -1;
		ns[i] = (double)(bench_now() - start);
	}
	return host_run("%s/writ --node %s down >%s/down 2>&1", b.bin, b.node, b.dir) == 0
	    ? (int64_t)bench_median(ns + 1, RUNS)
	    : -1;
}

static int64_t ours(void *arg)
{
	(void)arg;
	return run("", false);
}

/* Where nothing can be pinned writ-boot loads nothing. */
static int64_t peer(void *arg)
{
	(void)arg;
	return run("unshare -m --propagation slave sh -c "
		   "'mount -o bind,ro /sys/fs/bpf /sys/fs/bpf && exec \"$0\" \"$@\"'",
	    true);
}

int main(int argc, char **argv)
{
	static const struct bench list[] = {
		{ .name = "ebpf.wordcount",
		    .peer_name = "the same, nothing of eBPF",
		    .setup = set_up,
		    .teardown = tear_down,
		    .ours = ours,
		    .peer = peer,
		    .rounds = ROUNDS,
		    .turn = 1 },
	};
	int rc;

	if (prepare() < 0) {
		fprintf(stderr, "bench-wordcount: %s\n", strerror(errno));
		return 1;
	}
	rc = bench_main(argc, argv, list, sizeof(list) / sizeof(list[0]));
	host_run("rm -rf %s /var/log/writ/%s", b.dir, b.node);
	return rc;
}
