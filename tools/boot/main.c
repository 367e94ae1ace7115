/* SPDX-License-Identifier: MIT */
/*
 * writ-boot: prepares a node on this host, starts its kernel as a child and
 * waits for it, attaching and detaching the while what the kernel's realms require.
 * When the kernel has ended, however that was, it clears what is left. Should this
 * process be killed, the kernel goes on, and the next `writ up` or `writ down` does
 * the clearing; nothing more is attached by then.
 */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/boot/clear.h"
#include "tools/boot/start.h"
#include "tools/boot/switch.h"

enum { SETTLE_MS = 20 };

/* "NAME=VALUE": cut at the first '='. Returns the value, or NULL. */
static char *cut(char *arg)
{
	char *eq = strchr(arg, '=');

	if (eq == NULL || eq == arg)
		return NULL;
	*eq = '\0';
	return eq + 1;
}

static bool add_module(struct boot *b, char *arg)
{
	char *path = cut(arg);

	if (path == NULL || b->nmodules == BOOT_FILES_MAX)
		return false;
	b->modules[b->nmodules++] = (struct module){ .name = arg, .path = path };
	return true;
}

static bool add_host(struct boot *b, char *arg)
{
	char *value = cut(arg);

	if (value == NULL || b->nhosts == BOOT_HOSTS_MAX ||
	    (strncmp(value, "ro:", 3) != 0 && strncmp(value, "rw:", 3) != 0))
		return false;
	b->hosts[b->nhosts++] = (struct host_folder){ .name = arg,
		.path = value + 3,
		.writable = value[1] == 'w',
		.fd = -1 };
	return true;
}

static bool take(struct boot *b, int key, char *arg)
{
	switch (key) {
	case 'n':
		b->node = arg;
		/* it names folders, also in bpffs, which has no dots */
		return arg[0] != '\0' && strlen(arg) < WRIT_NAME_MAX && strpbrk(arg, "./") == NULL;
	case 'r': b->run = arg; return true;
	case 'l': b->logs = arg; return true;
	case 'm': return add_module(b, arg);
	case 'h': return add_host(b, arg);
	case 'p':
		b->procs = (uint32_t)strtoul(arg, NULL, 10);
		return b->procs >= BOOT_PROCS_MIN && b->procs <= BOOT_PROCS_MAX;
	case 'g': return guard_mode_parse(arg, &b->guard);
	case 'M': b->memory = strtoull(arg, NULL, 10); return b->memory >= 64u << 20;
	default: return false;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct boot *b = state->input;

	if (key == ARGP_KEY_END && (b->node == NULL || b->run == NULL || b->logs == NULL))
		argp_error(state, "--node, --run and --log are needed");
	if (key == ARGP_KEY_ARG || arg == NULL)
		return ARGP_ERR_UNKNOWN;
	if (!take(b, key, arg))
		argp_error(state, "not possible: %s", arg);
	return 0;
}

static const struct argp_option options[] = {
	{ "node", 'n', "NAME", 0, "The node's name", 0 },
	{ "run", 'r', "DIR", 0, "Its folder for the lock and the operator's socket", 0 },
	{ "log", 'l', "DIR", 0, "Its folder for logs", 0 },
	{ "module", 'm', "NAME=PATH", 0,
	    "A file for the first server; the one named root is that server", 0 },
	{ "host", 'h', "NAME=ro|rw:PATH", 0, "A host folder for the first server", 0 },
	{ "guard", 'g', "MODE", 0,
	    "What eBPF does with who breaks the rules: enforce (the default), on-demand, audit, "
	    "off",
	    0 },
	{ "procs", 'p', "N", 0, "Most procs at a time (4096)", 0 },
	{ "memory", 'M', "BYTES", 0, "Memory that procs may be given in all (4 GiB)", 0 },
	{ 0 },
};

static const struct argp argp = { .options = options,
	.parser = parse,
	.doc = "Prepares a node of Writ and starts its kernel; `writ up` calls it." };

/* The kernel has ended; its wait status is in *ret. */
static bool ended(pid_t kernel, int *ret)
{
	bool is = false;
	pid_t pid;
	int s;

	while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
		if (pid == kernel) {
			*ret = s;
			is = true;
		}
	return is;
}

/* Attach or detach what realms require. Returns how long to wait before the next try, ms. */
static int settle(const char *node)
{
	const char *doing;
	int r = guard_settle(node, &doing);

	if (r == -EAGAIN)
		return SETTLE_MS;
	if (r < 0 && r != -ENOENT)
		fprintf(stderr, "writ-boot: layer %s can't be had: %s: %s\n",
		    writ_layer_name(WRIT_LAYER_EBPF_CALLS), doing, strerror(-r));
	return -1;
}

/* Wait until @kernel ends, and do meanwhile what it can't; it gets the signals (of @signals) that
 * are meant to end it. Returns its wait status. */
static int watch(pid_t kernel, int signals, const struct boot *b)
{
	struct pollfd fds[] = { { signals, POLLIN, 0 }, { b->need, POLLIN, 0 } };
	struct signalfd_siginfo si;
	int status = 0, ms = -1;
	eventfd_t n;

	while (!ended(kernel, &status)) {
		int r = poll(fds, 2, ms);

		while (read(signals, &si, sizeof(si)) == sizeof(si))
			if (si.ssi_signo != SIGCHLD)
				kill(kernel, SIGTERM);
		if (eventfd_read(b->need, &n) == 0 || r == 0)
			ms = settle(b->node);
	}
	return status;
}

int main(int argc, char **argv)
{
	struct boot b = { .procs = 4096, .memory = (uint64_t)4 << 30, .guard = GUARD_ENFORCE };
	int e, status, signals;
	sigset_t set;
	pid_t kernel;

	argp_err_exit_status = 64;
	argp_parse(&argp, argc, argv, 0, NULL, &b);
	if ((e = boot_open(&b)) != 0)
		return e;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	/* the kernel is to take them by a descriptor: it is born with them blocked, too */
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	b.need = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (signals < 0 || b.need < 0) {
		perror("writ-boot");
		return 71;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* of its nests, when it is gone */
	kernel = fork();
	if (kernel == 0)
		return boot_start(&b);
	status = kernel < 0 ? 71 << 8 : watch(kernel, signals, &b);
	if (flock(b.lock, LOCK_EX | LOCK_NB) == 0) /* else another kernel's, and all the rest too */
		node_clear(b.node, b.run);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
