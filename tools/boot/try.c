/* SPDX-License-Identifier: MIT */
/*
 * A layer is there when it stops somebody: a child that is made known as the kernel
 * makes a nest and a realm known tries what it should not (guard.h). Leaves nothing.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/boot/guard.h"

#define GROUP "try" /* in the node's, for the while */

enum { LIVED, REFUSED };

/* Of profile server: it has socket(), but no family of IP; getpgid() none has. */
static _Noreturn void child(enum writ_layer layer, const int *go)
{
	const struct sockaddr_un nowhere = { .sun_family = AF_UNIX, .sun_path = "/" GROUP "/none" };
	int r = 0;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(go[1]); /* else it would wait for itself */
	if (read(go[0], &c, 1) != 1)
		_exit(LIVED);
	if (layer == WRIT_LAYER_EBPF_CALLS)
		syscall(SYS_getpgid, 0);
	else if (layer == WRIT_LAYER_EBPF_UNIX)
		r = connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
		    (const struct sockaddr *)&nowhere, sizeof(nowhere));
	else
		r = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	_exit(r < 0 && errno == EPERM ? REFUSED : LIVED);
}

static bool by_group(enum writ_layer layer)
{
	return layer == WRIT_LAYER_EBPF_SOCKETS || layer == WRIT_LAYER_EBPF_UNIX;
}

/* Put @pid into a group with a policy that allows nothing. */
static int group_enter(const struct guard *g, int node, pid_t pid, uint64_t *ret_id)
{
	struct guard_policy p = { .who.name = GROUP };
	struct stat st;
	char text[16];
	int fd, n = snprintf(text, sizeof(text), "%d", (int)pid), r = 0;

	if ((mkdirat(node, GROUP, 0755) < 0 && errno != EEXIST) ||
	    fstatat(node, GROUP, &st, 0) < 0 ||
	    (fd = openat(node, GROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC)) < 0)
		return -errno;
	*ret_id = st.st_ino;
	if (write(fd, text, (size_t)n) != n ||
	    bpf_map_update_elem(guard_map(g, "policy"), ret_id, &p, BPF_ANY) < 0)
		r = -errno;
	close(fd);
	return r;
}

static void forget(const struct guard *g, int node, uint64_t id)
{
	static const struct guard_denial_key keys[] = {
		{ .layer = GUARD_BY_CALLS, .what = SYS_getpgid },
		{ .layer = GUARD_BY_SOCKETS, .what = GUARD_SOCK_CREATE },
		{ .layer = GUARD_BY_SOCKETS, .what = GUARD_CONNECT_UNIX },
		{ .layer = GUARD_BY_LSM, .what = GUARD_HOOK_SOCKET },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		bpf_map_delete_elem(guard_map(g, "denials"), &keys[i]);
	if (id != 0)
		bpf_map_delete_elem(guard_map(g, "policy"), &id);
	(void)unlinkat(node, GROUP, AT_REMOVEDIR);
}

/* Does it stop the child? */
static bool stops(const struct guard *g, enum writ_layer layer, int node)
{
	struct guard_task t = { .generation = GUARD_UNKNOWN,
		.phase = GUARD_RUN,
		.profile = WRIT_PROFILE_SERVER };
	int go[2], status = 0, pidfd, r;
	uint64_t id = 0;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0)
		child(layer, go);
	pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	r = by_group(layer) ? group_enter(g, node, pid, &id)
			    : bpf_map_update_elem(guard_map(g, "tasks"), &pidfd, &t, BPF_ANY);
	if (r == 0)
		r = write(go[1], "", 1) == 1 ? 0 : -1;
	close(go[0]);
	close(go[1]); /* a child that still waits lives to its end */
	if (pidfd >= 0)
		close(pidfd);
	if (pid > 0)
		waitpid(pid, &status, 0);
	forget(g, node, id);
	return r == 0 &&
	    (layer == WRIT_LAYER_EBPF_CALLS ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
					    : WIFEXITED(status) && WEXITSTATUS(status) == REFUSED);
}

void guard_try(struct guard *g, int node)
{
	static const enum writ_layer tried[] = { WRIT_LAYER_EBPF_CALLS, WRIT_LAYER_EBPF_SOCKETS,
		WRIT_LAYER_EBPF_UNIX, WRIT_LAYER_EBPF_LSM };

	for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
		enum writ_layer l = tried[i];

		if ((g->layers >> l & 1) == 0 || stops(g, l, node))
			continue;
		g->layers &= ~(1u << l);
		snprintf(g->why[l], sizeof(g->why[l]), "its programs are attached and stop nobody");
	}
	if ((g->layers >> WRIT_LAYER_EBPF_CALLS & 1) == 0 &&
	    (g->layers >> WRIT_LAYER_EBPF_LSM & 1) != 0) {
		g->layers &= ~(1u << WRIT_LAYER_EBPF_LSM);
		snprintf(g->why[WRIT_LAYER_EBPF_LSM], sizeof(g->why[0]),
		    "only ebpf_calls follows processes as they fork");
	}
}
