/* SPDX-License-Identifier: MIT */
/* See node.h. */
#include "node.h"
#include "host.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, WAIT_MS = 50 };

static struct {
	char dir[64], order[96], answers[96];
	unsigned number;
	int watch; /* on the logs' folder; 0: none */
	FILE *log;
	pid_t kernel;
} node;

static int folder(const char *name, mode_t mode)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", node.dir, name);
	return mkdir(path, mode) == 0 ? chmod(path, mode) : -1;
}

static _Noreturn void boot(const char *image)
{
	char bin[256], program[300], mod[300], host[100], name[32], run[80], logs[80];

	host_bin(bin, sizeof(bin));
	snprintf(program, sizeof(program), "%s/writ-boot", bin);
	snprintf(mod, sizeof(mod), "root=%s/%s", bin, image);
	snprintf(host, sizeof(host), "ctl=rw:%s/ctl", node.dir);
	snprintf(name, sizeof(name), "i%d", (int)getppid());
	snprintf(run, sizeof(run), "%s/run", node.dir);
	snprintf(logs, sizeof(logs), "%s/log", node.dir);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execl(program, program, "--node", name, "--run", run, "--log", logs, "--host", host,
	    "--module", mod, (char *)NULL);
	_exit(127);
}

int node_up(const char *image)
{
	char logs[96];

	snprintf(node.dir, sizeof(node.dir), "/tmp/writ-bench-XXXXXX");
	if (mkdtemp(node.dir) == NULL) {
		node.dir[0] = '\0';
		return -1;
	}
	snprintf(node.order, sizeof(node.order), "%s/ctl/order", node.dir);
	snprintf(node.answers, sizeof(node.answers), "%s/log/1.log", node.dir);
	if (chmod(node.dir, 0755) < 0 || folder("ctl", 0777) < 0 || folder("log", 0777) < 0)
		return -1;
	snprintf(logs, sizeof(logs), "%s/log", node.dir);
	node.watch = inotify_init1(IN_CLOEXEC);
	if (node.watch < 0 || inotify_add_watch(node.watch, logs, IN_MODIFY | IN_CREATE) < 0)
		return -1;
	node.number = 0;
	node.kernel = fork();
	if (node.kernel == 0)
		boot(image);
	return node.kernel > 0 ? 0 : -1;
}

static int put_order(const char *words)
{
	char tmp[96];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s/ctl/new", node.dir);
	f = fopen(tmp, "we");
	if (f == NULL)
		return -1;
	fprintf(f, "%u %s\n", ++node.number, words);
	return fclose(f) == 0 ? rename(tmp, node.order) : -1;
}

/*
 * Sleep until something is written to the logs: looking now and then would take the CPU
 * from what is measured. Returns 1, or 0 when it was long enough.
 */
static int wait_for_log(void)
{
	char events[4096];
	struct pollfd p = { .fd = node.watch, .events = POLLIN };

	return poll(&p, 1, WAIT_MS) > 0 && read(node.watch, events, sizeof(events)) > 0;
}

int node_order(const char *words, unsigned n, int64_t *ret)
{
	char line[32];
	unsigned have = 0;

	if (put_order(words) < 0)
		return -1;
	for (unsigned waits = 0; waits < PATIENCE_MS / WAIT_MS; waits += !wait_for_log()) {
		if (node.log == NULL)
			node.log = fopen(node.answers, "re");
		while (node.log != NULL && have < n && fgets(line, sizeof(line), node.log) != NULL)
			ret[have++] = strtoll(line, NULL, 10);
		if (have == n)
			return 0;
		if (node.log != NULL)
			clearerr(node.log);
		if (waitpid(node.kernel, NULL, WNOHANG) == node.kernel) {
			node.kernel = 0;
			break;
		}
	}
	fprintf(stderr, "bench: no answer to: %s\n", words);
	return -1;
}

void node_down(void)
{
	if (node.log != NULL)
		fclose(node.log);
	node.log = NULL;
	if (node.watch > 0)
		close(node.watch);
	node.watch = 0;
	if (node.kernel > 0) {
		kill(node.kernel, SIGTERM);
		waitpid(node.kernel, NULL, 0);
	}
	node.kernel = 0;
	if (node.dir[0] != '\0')
		host_run("rm -rf '%s'", node.dir);
	node.dir[0] = '\0';
}
