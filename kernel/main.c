/* SPDX-License-Identifier: MIT */
/*
 * writ-kernel: arguments, the one loop, and the orderly end.
 */
#include "kernel.h"
#include "cgroup.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS = 64, SETTLE_MS = 10 };

static const char usage[] =
    "usage: writ-kernel --node NAME --run DIR --log DIR --module NAME=PATH...\n"
    "                   [--host NAME=ro|rw:PATH...] [--procs N] [--memory BYTES]\n"
    "Started by `writ up`; one module is the first server, root.\n";

/* "NAME=VALUE": cut at the first '='. Returns the value, or NULL. */
static char *cut(char *arg)
{
	char *eq = strchr(arg, '=');

	if (eq == NULL || eq == arg)
		return NULL;
	*eq = '\0';
	return eq + 1;
}

static bool add_module(char *arg)
{
	char *path = cut(arg);

	if (path == NULL || k.nmodules == K_MODULES)
		return false;
	k.modules[k.nmodules++] = (struct k_module){ .name = arg, .path = path };
	return true;
}

static bool add_host(char *arg)
{
	char *value = cut(arg);

	if (value == NULL || k.nhosts == K_HOSTS ||
	    (strncmp(value, "ro:", 3) != 0 && strncmp(value, "rw:", 3) != 0))
		return false;
	k.hosts[k.nhosts++] = (struct host_folder){ .name = arg,
		.path = value + 3,
		.writable = value[1] == 'w',
		.fd = -1 };
	return true;
}

static bool take_option(int opt, char *arg)
{
	switch (opt) {
	case 'n': k.node = arg; return k_name_ok(arg, WRIT_NAME_MAX);
	case 'r': k.run = arg; return strlen(arg) < 200;
	case 'l': k.logs = arg; return strlen(arg) < 200;
	case 'm': return add_module(arg);
	case 'h': return add_host(arg);
	case 'p':
		k.nprocs = (uint32_t)strtoul(arg, NULL, 10);
		return k.nprocs >= 64 && k.nprocs <= K_PROCS_MAX;
	case 'M': k.max_memory = strtoull(arg, NULL, 10); return k.max_memory >= 64u << 20;
	default: return false;
	}
}

static bool take_options(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "node", 1, NULL, 'n' },
		{ "run", 1, NULL, 'r' },
		{ "log", 1, NULL, 'l' },
		{ "module", 1, NULL, 'm' },
		{ "host", 1, NULL, 'h' },
		{ "procs", 1, NULL, 'p' },
		{ "memory", 1, NULL, 'M' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (!take_option(opt, optarg))
			return false;
	return optind == argc && k.node != NULL && k.run != NULL && k.logs != NULL;
}

/* --- the loop -------------------------------------------------------------------------- */

static void on_signal(void)
{
	struct signalfd_siginfo si;

	while (read(k.sigfd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			k_nest_reap();
		else
			k.stopping = true;
	}
}

static void on_gate(uint32_t index, unsigned events)
{
	struct k_proc *p = &k.procs[index];

	if (p->gate < 0)
		return;
	if ((events & EPOLLOUT) != 0)
		k_event_flush(p);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		k_gate_read(p);
}

static void on_nest(uint32_t index, unsigned events)
{
	if (!k.realms[index >> 4].used)
		return;
	k_nest_read(index >> 4, index & 15);
	if ((events & EPOLLOUT) != 0)
		k_nest_flush(index >> 4, index & 15);
}

static void dispatch(const struct epoll_event *e)
{
	uint32_t index = (uint32_t)e->data.u64;

	switch (e->data.u64 >> 32) {
	case K_POLL_SIGNAL: on_signal(); break;
	case K_POLL_GATE: on_gate(index, e->events); break;
	case K_POLL_NEST:
	default: on_nest(index, e->events); break;
	}
}

/* One slice of the oldest revoke; those it took from are reaped before it is answered. */
static void revoke_slice(void)
{
	struct k_proc *p = k_container(k.revokes.next, struct k_proc, revoke_link);
	uint32_t live = k.caps.live_slots;
	bool more = false;
	char what[48];
	int e = captab_revoke_at(&k.caps, p->revoking, p->revoke_gen, K_SLICE, &more);

	p->revoked += live - k.caps.live_slots;
	k_list_del(&p->revoke_link);
	if (more || captab_reap(&k.caps, K_SLICE)) {
		k_list_add(&k.revokes, &p->revoke_link);
		return;
	}
	snprintf(what, sizeof(what), "done: %u capabilities are gone", p->revoked);
	k_audit(p, WRIT_AUDIT_REVOKED, WRIT_OP_REVOKE, e, 0, 0, what);
	p->revoking = 0;
	p->revoked = 0;
	k_gate_reply(p, WRIT_OP_REVOKE, p->revoke_cookie, e, NULL, 0);
}

/* Work that no descriptor announces. Returns how long the loop may sleep, ms. */
static int work(void)
{
	bool more = captab_reap(&k.caps, K_SLICE);

	if (!k_list_empty(&k.revokes))
		revoke_slice();
	if (k.dying_realms > 0)
		k_realm_settle();
	if (more || !k_list_empty(&k.revokes))
		return 0;
	return k.dying_realms > 0 ? SETTLE_MS : -1;
}

static void loop(void)
{
	struct epoll_event ev[EVENTS];

	while (!k.stopping) {
		int n = epoll_wait(k.epfd, ev, EVENTS, work());

		for (int i = 0; i < n && !k.stopping; i++)
			dispatch(&ev[i]);
	}
}

/* --- the end --------------------------------------------------------------------------- */

static void take_down(void)
{
	static const char *const names[] = { "op/op.sock", "pid", "lock" };
	char path[256];

	for (uint32_t i = 1; i < k.realm_pool.used_to; i++)
		for (unsigned p = 0; p < WRIT_PROFILE_N; p++)
			if (k.realms[i].used && k.realms[i].nests[p].state != K_NEST_NONE)
				nest_kill(&k.realms[i].nests[p].n);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	for (unsigned i = 0; cgroup_fini() == -EBUSY && i < 90; i++)
		usleep(10000);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", k.run, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/op", k.run);
	rmdir(path);
	rmdir(k.run);
}

int main(int argc, char **argv)
{
	int e;

	k.nprocs = 4096;
	k.max_memory = (uint64_t)4 << 30;
	if (!take_options(argc, argv)) {
		fputs(usage, stderr);
		return 64;
	}
	e = k_boot();
	if (e == 0) {
		k_log("node %s is up", k.node);
		loop();
		e = k.exit_code;
	}
	if (k.idfd > 0) /* the lock was ours: what stands in the folder is, too */
		take_down();
	return e;
}
