/* SPDX-License-Identifier: MIT */
/*
 * spawn.*: what it costs to start a proc and see its end, from inside a realm,
 * beside vfork and exec of the same binary by the host, bwrap and runc.
 *
 * A node of the benchmark's own runs `spawner`, which takes orders through a
 * host folder and measures itself. All of the node is in the path: gate,
 * kernel, schedd, nest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "host.h"

enum { TURN = 16, RATE_PROCS = 2000, RATE_ALIVE = 64 };

static struct {
	char dir[64], bin[256], null[300], bare[300], node[32];
	unsigned order;
	int64_t values[TURN];
	unsigned left;
} b;

static int put(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int put(const char *name, const char *fmt, ...)
{
	char path[128], tmp[128];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", b.dir, name);
	snprintf(tmp, sizeof(tmp), "%s/new", b.dir);
	f = fopen(tmp, "we");
	if (f == NULL)
		return -1;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	return fclose(f) == 0 ? rename(tmp, path) : -1;
}

/* --- ours --------------------------------------------------------------------- */

/* Give the spawner an order and read its answer: up to @n values. */
static int order(const char *kind, const char *image, unsigned count, unsigned alive, unsigned n)
{
	char path[128];
	FILE *f = NULL;
	unsigned i = 0;

	if (put("ctl/order", "%u %s %s %u %u\n", ++b.order, kind, image, count, alive) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/ctl/answer-%u", b.dir, b.order);
	for (unsigned tries = 0; tries < 60000 && (f = fopen(path, "re")) == NULL; tries++)
		usleep(1000);
	if (f == NULL)
		return -1;
	while (i < n && fscanf(f, "%ld", &b.values[i]) == 1)
		i++;
	fclose(f);
	unlink(path);
	return i == n ? 0 : -1;
}

/* @arg: the image's name. */
static int64_t ours_null(void *arg)
{
	if (b.left == 0) {
		if (order("each", arg, TURN, 1, TURN) < 0)
			return -1;
		b.left = TURN;
	}
	return b.values[--b.left];
}

static int64_t ours_rate(void *arg)
{
	(void)arg;
	return order("together", "null", RATE_PROCS, RATE_ALIVE, 1) < 0 ? -1 : b.values[0];
}

/* --- peers -------------------------------------------------------------------- */

static int vfork_exec(char *const argv[])
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 127)
		return -1;
	return 0;
}

static char *image_path(const void *arg)
{
	return strcmp(arg, "bare") == 0 ? b.bare : b.null;
}

static int64_t peer_null(void *arg)
{
	char *argv[] = { image_path(arg), NULL };

	return vfork_exec(argv);
}

/* A bare loop on each core. */
static int64_t peer_rate(void *arg)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t t = bench_now();
	int failed = 0, status;

	for (long c = 0; c < cores; c++) {
		if (fork() != 0)
			continue;
		for (long i = 0; i < RATE_PROCS / cores && !failed; i++)
			failed = peer_null(arg) < 0;
		_exit(failed);
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? -1 : bench_now() - t;
}

static int64_t peer_bwrap(void *arg)
{
	char *argv[] = { "/usr/bin/bwrap", "--unshare-all", "--ro-bind", image_path(arg), "/null",
		"/null", NULL };

	return vfork_exec(argv);
}

static int64_t peer_runc(void *arg)
{
	char bundle[96], *argv[] = { "/usr/sbin/runc", "run", "--bundle", bundle, b.node, NULL };

	(void)arg;
	snprintf(bundle, sizeof(bundle), "%s/bundle", b.dir);
	return vfork_exec(argv);
}

/* --- set-up ---------------------------------------------------------------------- */

static int set_up(void *arg)
{
	(void)arg;
	b.left = 0;
	if (put("bench.yaml",
		"realm: bench\nlimits: {procs: 80, memory: 1GiB}\n"
		"mounts: [{at: /ctl, host: ctl, rights: [read, write, create, remove]}]\n"
		"images:\n  - {name: spawner, path: %s/bench-spawner}\n"
		"  - {name: \"null\", path: %s}\n  - {name: bare, path: %s}\n"
		"procs:\n  - name: spawner\n    image: spawner\n"
		"    limits: {memory: 64MiB, slots: 256}\n    grants:\n"
		"      - {path: /ctl, rights: [read, write, create, remove]}\n"
		"      - {spawn: nulls, procs: 70, memory: 256MiB, classes: [be]}\n"
		"      - {image: \"null\"}\n      - {image: bare}\n",
		b.bin, b.null, b.bare) < 0)
		return -1;
	if (host_run("%s/writ up --node %s --host ctl=%s/ctl:rw >&2", b.bin, b.node, b.dir) < 0)
		return -1;
	return host_run("%s/writ run -d --node %s %s/bench.yaml >&2", b.bin, b.node, b.dir);
}

static int set_up_runc(void *arg)
{
	const char *image = image_path(arg);

	if (host_run("mkdir -p %s/bundle/rootfs && cp %s %s/bundle/rootfs/null && cd %s/bundle && "
		     "rm -f config.json && runc spec && sed -i -e 's|\"sh\"|\"/null\"|' "
		     "-e 's|\"terminal\": true|\"terminal\": false|' config.json",
		b.dir, image, b.dir, b.dir) < 0)
		return -1;
	return set_up(arg);
}

static void tear_down(void *arg)
{
	(void)arg;
	host_run("%s/writ down --node %s >&2", b.bin, b.node);
}

static int prepare(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	host_bin(b.bin, sizeof(b.bin));
	snprintf(b.null, sizeof(b.null), "%s/bench-null", b.bin);
	snprintf(b.bare, sizeof(b.bare), "%s/bench-bare", b.bin);
	snprintf(b.node, sizeof(b.node), "b%d", (int)getpid());
	snprintf(b.dir, sizeof(b.dir), "/tmp/writ-bench-XXXXXX");
	if (mkdtemp(b.dir) == NULL || chmod(b.dir, 0755) != 0 ||
	    host_run("mkdir -m 0777 %s/ctl", b.dir) < 0)
		return -1;
	/* the peers' null has no gate and says so */
	return null >= 0 && dup2(STDERR_FILENO, 9) == 9 && dup2(null, STDERR_FILENO) >= 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	static char null[] = "null", bare[] = "bare";
#define ROW(what, peer_is, set, fn, by, image, count) \
	{ \
		.name = what, .peer_name = peer_is, .setup = set, .teardown = tear_down, \
		.ours = fn, .peer = by, .arg = image, .rounds = count, .turn = TURN \
	}
	static const struct bench list[] = {
		ROW("spawn.null", "vfork+exec", set_up, ours_null, peer_null, null, 960),
		{ .name = "spawn.rate",
		    .peer_name = "vfork+exec on every core",
		    .setup = set_up,
		    .teardown = tear_down,
		    .ours = ours_rate,
		    .peer = peer_rate,
		    .arg = null,
		    .rounds = 7,
		    .turn = 1,
		    .ops = RATE_PROCS },
		ROW("spawn.bwrap", "bwrap --unshare-all", set_up, ours_null, peer_bwrap, null, 320),
		ROW("spawn.runc", "runc run", set_up_runc, ours_null, peer_runc, null, 64),
		ROW("spawn.bwrap.bare", "bwrap --unshare-all, no libc in the proc", set_up,
		    ours_null, peer_bwrap, bare, 320),
		ROW("spawn.runc.bare", "runc run, no libc in the proc", set_up_runc, ours_null,
		    peer_runc, bare, 64),
	};
#undef ROW
	int rc;

	if (prepare() < 0) {
		fprintf(stderr, "bench-spawn: %s\n", strerror(errno));
		return 1;
	}
	rc = bench_main(argc, argv, list, sizeof(list) / sizeof(list[0]));
	host_run("rm -rf %s /var/log/writ/%s", b.dir, b.node);
	return rc;
}
