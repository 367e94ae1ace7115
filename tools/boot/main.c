/* SPDX-License-Identifier: MIT */
/*
 * writ-boot: prepares a node on this host, starts its kernel as a child and
 * waits for it. When the kernel has ended, however that was, it clears what is
 * left. Should this process be killed, the kernel goes on, and the next `writ up`
 * or `writ down` does the clearing.
 */
#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/boot/clear.h"
#include "tools/boot/start.h"

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

static bool mode_named(const char *arg, enum guard_mode *ret)
{
	for (unsigned i = GUARD_OFF; i <= GUARD_ENFORCE; i++)
		if (strcmp(arg, writ_guard_name(i)) == 0) {
			*ret = (enum guard_mode)i;
			return true;
		}
	return false;
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
	case 'g': return mode_named(arg, &b->guard);
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
	    "What eBPF does with who breaks the rules: enforce (the default), audit, off", 0 },
	{ "procs", 'p', "N", 0, "Most procs at a time (4096)", 0 },
	{ "memory", 'M', "BYTES", 0, "Memory that procs may be given in all (4 GiB)", 0 },
	{ 0 },
};

static const struct argp argp = { .options = options,
	.parser = parse,
	.doc = "Prepares a node of Writ and starts its kernel; `writ up` calls it." };

/* Wait until @kernel ends; it gets the signals that are meant to end it. Returns its wait status.
 */
static int watch(pid_t kernel, const sigset_t *set)
{
	int status = 0, s;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
			if (pid == kernel) {
				status = s;
				kernel = 0;
			}
		if (kernel == 0)
			return status;
		s = sigwaitinfo(set, NULL);
		if (s == SIGTERM || s == SIGINT)
			kill(kernel, SIGTERM);
	}
}

int main(int argc, char **argv)
{
	struct boot b = { .procs = 4096, .memory = (uint64_t)4 << 30, .guard = GUARD_ENFORCE };
	sigset_t set;
	pid_t kernel;
	int e, status;

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
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* of its nests, when it is gone */
	kernel = fork();
	if (kernel == 0)
		return boot_start(&b);
	status = kernel < 0 ? 71 << 8 : watch(kernel, &set);
	if (flock(b.lock, LOCK_EX | LOCK_NB) == 0) /* else another kernel's, and all the rest too */
		node_clear(b.node, b.run);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
