/* SPDX-License-Identifier: MIT */
/*
 * guard-rules: how a process comes to be managed and what follows from it: forks,
 * execs, threads, modes, generations, two nodes at once. Needs root.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "matrix.h"
#include "rules.h"
#include "tools/boot/group.h"
#include "tools/boot/guard.h"

static struct guard guard;
static struct groups groups;
static volatile int *word; /* shared with processes */

/* A call that no profile has, and that does nothing. */
static long forbidden(void)
{
	return syscall(SYS_getpgid, 0);
}

/* A process that runs @fn once it is managed so. Returns its pid. */
static pid_t start(struct guard *g, enum guard_phase phase, unsigned profile, void (*fn)(void))
{
	struct guard_task t = { .generation = GUARD_UNKNOWN,
		.realm = 7,
		.phase = phase,
		.profile = (uint8_t)profile };
	int go[2], pidfd;
	pid_t pid;
	char x;

	word[0] = 0;
	if (pipe2(go, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		err(EXIT_FAILURE, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (read(go[0], &x, 1) == 1)
			fn();
		for (;;)
			syscall(SYS_exit_group, 0);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (g != NULL)
		update(g, "tasks", &pidfd, &t);
	if (write(go[1], "", 1) != 1)
		err(EXIT_FAILURE, "pipe");
	close(pidfd);
	close(go[0]);
	close(go[1]);
	return pid;
}

/* Was it killed? */
static bool killed(pid_t pid)
{
	int status = 0;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGKILL;
}

static bool run_killed(struct guard *g, enum guard_phase phase, unsigned profile, void (*fn)(void))
{
	return killed(start(g, phase, profile, fn));
}

/* --- what processes do --------------------------------------------------------------------- */

static void fn_forbidden(void)
{
	forbidden();
	word[0] = 1;
}

static void fn_allowed(void)
{
	syscall(SYS_getpid);
	word[0] = 1;
}

static void *thread(void *arg)
{
	for (word[0] = 1; word[1] == 0;)
		if (word[2] != 0)
			forbidden();
	return arg;
}

/* It does in a thread what it may not. */
static void fn_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread, NULL) == 0)
		pthread_join(t, NULL);
}

static void child_exec(int fd)
{
	char *argv[] = { "effect", NULL }, *envp[] = { NULL };

	syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
	syscall(SYS_exit_group, 9);
}

static int image = -1, out[2];

static void *thread_exec(void *arg)
{
	child_exec(image);
	return arg;
}

/* Executes by another thread than its leader, whose task it takes over by that. */
static void fn_thread_exec(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread_exec, NULL) == 0)
		pthread_join(t, NULL);
}

/* As a nest does: its child executes once. word: the child's wait status. */
static void fn_nest(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	int status = -1;

	if (pid == 0)
		child_exec(image);
	syscall(SYS_wait4, pid, &status, 0, NULL);
	word[0] = status;
}

static void fn_exec(void)
{
	child_exec(image);
}

/* A fork that the bitmap of profile server lets through, for threads need the call. */
static void fn_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		syscall(SYS_getpid);
		word[1] = 1; /* it was not ended by its first call */
		syscall(SYS_exit_group, 0);
	}
	word[0] = 1;
}

/* Until it is told to stop, or dies of it. */
static void fn_again(void)
{
	while (word[1] == 0) {
		forbidden();
		word[0]++;
	}
}

/* --- the rules ------------------------------------------------------------------------------- */

static uint64_t denials_of(struct guard *g, enum guard_layer layer, uint32_t what)
{
	struct guard_denial_key key = { .realm = 7, .layer = layer, .what = what };
	struct guard_denial d;

	return bpf_map_lookup_elem(guard_map(g, "denials"), &key, &d) == 0 ? d.count : 0;
}

/* The thread was there before its process was held. */
static void test_thread(void)
{
	struct guard_task t = { .generation = GUARD_UNKNOWN, .realm = 7, .phase = GUARD_RUN };
	pid_t pid;
	int pidfd;

	word[1] = word[2] = 0;
	pid = start(&guard, GUARD_SETUP, WRIT_PROFILE_SERVER, fn_thread);
	while (word[0] == 0)
		usleep(1000);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	update(&guard, "tasks", &pidfd, &t);
	close(pidfd);
	word[2] = 1;
	check("a thread is held as its process", killed(pid));
}

static void test_who_is_held(void)
{
	check("a managed process dies of a call it has not",
	    run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_forbidden));
	check("which is counted", denials_of(&guard, GUARD_BY_CALLS, SYS_getpgid) == 1);
	check("control: one that is not managed does not",
	    !run_killed(NULL, GUARD_RUN, 0, fn_forbidden) && word[0] == 1);
	check("control: calls that it has go on",
	    !run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_allowed) && word[0] == 1);
	check("a nest that is being shut in is not looked at",
	    !run_killed(&guard, GUARD_SETUP, WRIT_PROFILE_NATIVE, fn_forbidden));
	check("then it is", run_killed(&guard, GUARD_NEST, WRIT_PROFILE_NATIVE, fn_forbidden));
	test_thread();
}

static void test_forks_and_execs(void)
{
	char c;

	check("a nest's child executes once",
	    !run_killed(&guard, GUARD_NEST, WRIT_PROFILE_NATIVE, fn_nest) && word[0] == 0 &&
		read(out[0], &c, 1) == 1);
	check("a proc does not execute",
	    run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_exec) && read(out[0], &c, 1) < 0);
	check("a proc that is about to executes once",
	    !run_killed(&guard, GUARD_LAUNCH, WRIT_PROFILE_NATIVE, fn_exec) &&
		read(out[0], &c, 1) == 1);
	word[1] = 0;
	check("a proc that forks dies",
	    run_killed(&guard, GUARD_RUN, WRIT_PROFILE_SERVER, fn_fork));
	usleep(500000);
	check("and its child by its first call", word[1] == 0);
	check("control: who is not managed forks", !run_killed(NULL, GUARD_RUN, 0, fn_fork));
	for (int i = 0; i < 3000 && word[1] == 0; i++)
		usleep(1000);
	check("control: and its child goes on", word[1] == 1);
}

/* Does the process that goes on and on still do so? */
static bool goes_on(void)
{
	int before = word[0];

	usleep(50000);
	return word[0] > before;
}

static void test_modes(void)
{
	uint64_t before;
	pid_t pid;

	set_mode(&guard, GUARD_AUDIT);
	before = denials_of(&guard, GUARD_BY_CALLS, SYS_getpgid);
	check("audit: it goes on",
	    !run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_forbidden));
	check("and is counted", denials_of(&guard, GUARD_BY_CALLS, SYS_getpgid) == before + 1);
	before = denials_of(&guard, GUARD_BY_CALLS, GUARD_UNKNOWN);
	check("audit: a thread executes",
	    !run_killed(&guard, GUARD_RUN, WRIT_PROFILE_SERVER, fn_thread_exec) &&
		read(out[0], &(char){ 0 }, 1) == 1);
	check("and its process is held all the same",
	    denials_of(&guard, GUARD_BY_CALLS, GUARD_UNKNOWN) == before + 1);
	before = denials_of(&guard, GUARD_BY_CALLS, SYS_getpgid) - 1;
	set_mode(&guard, GUARD_OFF);
	check("off: it goes on", !run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_forbidden));
	check("and is not counted", denials_of(&guard, GUARD_BY_CALLS, SYS_getpgid) == before + 1);
	set_mode(&guard, GUARD_AUDIT);
	word[1] = 0;
	pid = start(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_again);
	check("one that runs goes on", goes_on());
	set_mode(&guard, GUARD_ENFORCE);
	check("until the mode is changed", killed(pid));
}

/* The other set of bitmaps, with one call more, comes into use as a whole. */
static void test_generations(void)
{
	struct guard_config c;
	uint32_t zero = 0;
	pid_t pid;

	bpf_map_lookup_elem(guard_map(&guard, "config"), &zero, &c);
	for (uint32_t nest = 0; nest < 2; nest++) {
		uint32_t from = guard_calls_row(c.generation, WRIT_PROFILE_NATIVE, nest);
		uint32_t to = guard_calls_row(c.generation + 1, WRIT_PROFILE_NATIVE, nest);
		struct guard_calls row;

		bpf_map_lookup_elem(guard_map(&guard, "calls"), &from, &row);
		row.bits[SYS_getpgid / 64] |= UINT64_C(1) << SYS_getpgid % 64;
		update(&guard, "calls", &to, &row);
	}
	check("a set that is not in use changes nothing",
	    run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_forbidden));
	c.generation++;
	update(&guard, "config", &zero, &c);
	word[1] = 0;
	pid = start(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_again);
	check("the next generation allows the call", goes_on());
	c.generation++; /* the first set again, which is as it was */
	update(&guard, "config", &zero, &c);
	check("the one after takes it away from who runs", killed(pid));
}

/* --- two nodes ----------------------------------------------------------------------------------
 */

static void test_two(void)
{
	struct guard other;

	guard_load(&other, 1u << WRIT_LAYER_EBPF_CALLS, -1, GUARD_ENFORCE);
	check("a second node loads its own", (other.layers >> WRIT_LAYER_EBPF_CALLS & 1) != 0);
	set_mode(&other, GUARD_OFF);
	check("whose mode is not the first's",
	    run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_forbidden));
	check("and whose processes are not",
	    !run_killed(&other, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_forbidden));
	guard_close(&other);
	check("when it ends the first goes on",
	    run_killed(&guard, GUARD_RUN, WRIT_PROFILE_NATIVE, fn_forbidden));
}

/* --- layers that are tried -----------------------------------------------------------------------
 */

static void test_try(void)
{
	const unsigned both = 1u << WRIT_LAYER_EBPF_CALLS | 1u << WRIT_LAYER_EBPF_SOCKETS;
	struct guard other;

	guard_load(&other, both, groups.node[BOOT_V2], GUARD_ENFORCE);
	guard_try(&other, groups.node[BOOT_V2]);
	check("layers that stop a child are there", (other.layers & both) == both);
	set_mode(&other, GUARD_AUDIT);
	guard_try(&other, groups.node[BOOT_V2]);
	check("control: those that stop nobody are not", (other.layers & both) == 0);
	check("which is said", strstr(other.why[WRIT_LAYER_EBPF_CALLS], "nobody") != NULL);
	guard_close(&other);
}

int main(void)
{
	char node[32], path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 33);

	setbuf(stdout, NULL);
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	path[n > 0 ? n : 0] = '\0';
	snprintf(strrchr(path, '/') + 1, 32, "matrix-effect");
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	image = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(node, sizeof(node), "rules%d", (int)getpid());
	if (word == MAP_FAILED || image < 0 || pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    groups_open(&groups, node) < 0)
		err(EXIT_FAILURE, "set-up");
	cgroup_init(groups.node, groups.v2_has);
	guard_load(&guard, 1u << WRIT_LAYER_EBPF_CALLS, groups.node[BOOT_V2], GUARD_ENFORCE);
	if ((guard.layers >> WRIT_LAYER_EBPF_CALLS & 1) == 0)
		errx(EXIT_FAILURE, "calls: %s", guard.why[WRIT_LAYER_EBPF_CALLS]);
	if (dup2(out[1], EFFECT_FD) < 0)
		err(EXIT_FAILURE, "dup2");
	test_who_is_held();
	test_forks_and_execs();
	test_modes();
	test_generations();
	test_two();
	test_try();
	guard_close(&guard);
	groups_remove(&groups);
	return check_end();
}
