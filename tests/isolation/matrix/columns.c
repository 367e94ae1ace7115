/* SPDX-License-Identifier: MIT */
/*
 * A process under one layer and no other: what the node does to its procs for that
 * layer, done here to a child. It runs as root where the layer leaves it so.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "matrix.h"
#include "tools/boot/group.h"
#include "tools/boot/guard.h"

#define REALM "matrix"
#define UID   200060 /* of the process in namespaces */

const char *const column_names[COLUMNS] = { "none", "namespaces, no capabilities", "seccomp",
	"Landlock", "eBPF: calls", "eBPF: sockets", "BPF LSM" };

static struct guard guard;
static struct groups groups = { .node = { -1, -1, -1, -1 } };
static char node[32], why[256];
static const struct attempt *attempt;
static struct stage *stage;

/* --- in the process --------------------------------------------------------------------- */

static _Noreturn void try(void)
{
	long r = attempt->run(stage);

	stage->shared->result = r < 0 ? -errno : r;
	stage->shared->done = 1;
	for (;;)
		syscall(SYS_exit_group, 0);
}

/* Step @name of a nest's sandbox. */
static int step(const char *name, struct sandbox *s)
{
	for (unsigned i = 0; i < sandbox_nsteps; i++)
		if (strcmp(sandbox_steps[i].name, name) == 0)
			return sandbox_steps[i].fn(s);
	return -ENOENT;
}

static void confine(enum column c)
{
	static const struct nest_conf conf = { .realm = REALM };
	struct sandbox s = { .conf = &conf };
	int r = 0;

	if (c == SECCOMP || c == LANDLOCK)
		r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (r == 0 && c == SECCOMP)
		r = filter_install(WRIT_PROFILE_NATIVE);
	if (r == 0 && c == LANDLOCK)
		r = step("landlock", &s);
	if (r != 0)
		_exit(EXIT_FAILURE);
}

_Noreturn void __wrap_nest_main(const struct nest_conf *c, int sock);

/* The steps that make namespaces what they are, and no others; then the attempt. */
void __wrap_nest_main(const struct nest_conf *c, int sock)
{
	static const char *const steps[] = { "wait", "ids", "root", "hostname", "caps" };
	struct sandbox s = { .conf = c, .sock = sock, .null = -1 };

	if (dup2(stage->out[1], EFFECT_FD) < 0)
		_exit(EXIT_FAILURE);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (step(steps[i], &s) != 0)
			_exit(EXIT_FAILURE);
	try();
}

/* --- from outside -------------------------------------------------------------------------- */

/* WRIT_LAYER_N: no layer of eBPF. */
static enum writ_layer layer_of(enum column c)
{
	return c == CALLS  ? WRIT_LAYER_EBPF_CALLS
	    : c == SOCKETS ? WRIT_LAYER_EBPF_SOCKETS
	    : c == LSM     ? WRIT_LAYER_EBPF_LSM
			   : WRIT_LAYER_N;
}

/* As the kernel does for a nest and for a realm. */
static void manage(enum column c, int pidfd)
{
	struct guard_task t = { .generation = GUARD_UNKNOWN, .realm = 1, .phase = GUARD_RUN };
	struct guard_policy p = { .families = 1u << AF_UNIX, .who = { .realm = 1, .name = REALM } };
	uint64_t id = cgroup_id(REALM);
	int r = 0;

	if (c == CALLS || c == LSM)
		r = bpf_map_update_elem(guard_map(&guard, "tasks"), &pidfd, &t, BPF_ANY);
	if (c == SOCKETS)
		r = bpf_map_update_elem(guard_map(&guard, "policy"), &id, &p, BPF_ANY);
	if (r != 0)
		errx(EXIT_FAILURE, "column %s: %s", column_names[c], strerror(-r));
}

static void forget(void)
{
	uint64_t id = cgroup_id(REALM);

	bpf_map_delete_elem(guard_map(&guard, "policy"), &id);
}

/* A byte from the other side. */
static void hear(int fd)
{
	char x;

	if (read(fd, &x, 1) != 1)
		_exit(EXIT_FAILURE);
}

static void say(int fd)
{
	if (write(fd, "", 1) != 1)
		err(EXIT_FAILURE, "pipe");
}

/* Its sockets are of its own group, for Linux asks the group that a socket was made in. */
static _Noreturn void process(enum column c, int in, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hear(in);
	stage_sockets(stage);
	if (dup2(stage->out[1], EFFECT_FD) < 0)
		_exit(EXIT_FAILURE);
	stage->shared->result = stage->tcp;
	say(out);
	hear(in);
	confine(c);
	try();
}

static pid_t start(enum column c)
{
	int go[2], back[2], pidfd;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		err(EXIT_FAILURE, "fork");
	if (pid == 0)
		process(c, go[0], back[1]);
	if ((pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0 ||
	    (c == SOCKETS && cgroup_enter(REALM, pid) < 0))
		err(EXIT_FAILURE, "starting a process");
	say(go[1]);
	hear(back[0]);
	close(stage->tcp);
	stage->tcp = (int)syscall(SYS_pidfd_getfd, pidfd, (int)stage->shared->result, 0);
	manage(c, pidfd);
	say(go[1]);
	for (int i = 0; i < 2; i++) {
		close(go[i]);
		close(back[i]);
	}
	close(pidfd);
	return pid;
}

static pid_t start_nest(void)
{
	struct nest_conf conf = { .realm = REALM, .uid = UID };
	struct nest n;
	int r = nest_start(&conf, &n);

	if (r < 0)
		errx(EXIT_FAILURE, "nest: %s", strerror(-r));
	close(n.pidfd);
	close(n.sock);
	return n.pid;
}

enum outcome column_try(enum column c, const struct attempt *a, struct stage *s)
{
	int status = 0;
	bool did;
	pid_t pid;

	attempt = a;
	stage = s;
	pid = c == NAMESPACES ? start_nest() : start(c);
	if (waitpid(pid, &status, 0) != pid)
		err(EXIT_FAILURE, "waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		errx(EXIT_FAILURE, "column %s: could not be set up", column_names[c]);
	if (c == SOCKETS)
		forget();
	did = a->happened != NULL ? a->happened(s) : s->shared->done != 0 && s->shared->result >= 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGSYS)
		errx(EXIT_FAILURE, "%s: ended by signal %d", a->name, WTERMSIG(status));
	if (WIFSIGNALED(status))
		return did ? DIES_AFTER : DIES;
	return did ? WORKS : REFUSED;
}

/* Does Linux take the least program there is for that hook? Else it has no such layer. */
static bool loads(enum bpf_prog_type type, enum bpf_attach_type attach, const char *hook)
{
	const struct bpf_insn allow[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K,
					      .imm = hook == NULL },
		{ .code = BPF_JMP | BPF_EXIT } };
	struct bpf_prog_load_opts o = { .sz = sizeof(o), .expected_attach_type = attach };
	int fd;

	if (hook != NULL)
		o.attach_btf_id = (uint32_t)libbpf_find_vmlinux_btf_id(hook, attach);
	fd = bpf_prog_load(type, NULL, "Dual MIT/GPL", allow, 2, &o);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool column_open(enum column c)
{
	enum writ_layer layer = layer_of(c);

	if (c == LANDLOCK &&
	    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 6) {
		snprintf(why, sizeof(why), "Landlock is older than version 6");
		return false;
	}
	if (c == LSM && !loads(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "file_open")) {
		snprintf(why, sizeof(why), "no program loads for an LSM hook");
		return false;
	}
	if (layer == WRIT_LAYER_N)
		return true;
	snprintf(node, sizeof(node), "matrix%d", (int)getpid());
	if (groups_open(&groups, node) < 0)
		errx(EXIT_FAILURE, "no cgroup v2");
	cgroup_init(groups.node, groups.v2_has);
	if (cgroup_make(REALM, 0, 0, 0) < 0)
		errx(EXIT_FAILURE, "no group");
	guard_load(&guard, 1u << layer, groups.node[BOOT_V2], GUARD_ENFORCE);
	if ((guard.layers >> layer & 1) == 0)
		errx(EXIT_FAILURE, "column %s: %s", column_names[c], guard.why[layer]);
	return true;
}

bool column_has(enum column c, const struct attempt *a)
{
	if (c != SOCKETS || strstr(a->name, "unix") == NULL ||
	    loads(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, (enum bpf_attach_type)49, NULL))
		return true;
	snprintf(why, sizeof(why), "no program loads for unix sockets' addresses");
	return false;
}

const char *column_why(void)
{
	return why;
}

void column_close(void)
{
	guard_close(&guard);
	if (groups.node[BOOT_V2] >= 0)
		groups_remove(&groups);
}
