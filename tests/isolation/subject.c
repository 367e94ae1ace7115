/* SPDX-License-Identifier: MIT */
/* Subjects: the processes in which attempts are made. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

#define UID   200060
#define REALM "isolation"

static struct subject in_nest(unsigned profile, const char *without, int image)
{
	static const char *const names[] = { "native", "files", "server" };
	const char *before = harness_skip;
	struct subject s = { .name = names[profile],
		.kind = SUBJECT_NEST,
		.profile = profile,
		.want = { UID, REALM } };
	int r;

	if (without != NULL)
		harness_skip = without;
	s.nest = harness_nest(profile, REALM, UID);
	harness_skip = before;
	s.probe = image >= 0 ? harness_start(&s.nest, harness_order("image"), image, -1)
			     : harness_probe(&s.nest, harness_order("probe"), -1);
	if (s.probe.end.what == NEST_FAILED)
		harness_fail("it can't be started: %s: %s", s.probe.end.step,
		    strerror(s.probe.end.code));
	s.pid = s.probe.pid;
	r = puppet_take(&s.puppet, s.pid);
	if (r != 0)
		harness_fail("process %d can't be taken: %s", (int)s.pid, strerror(-r));
	return s;
}

struct subject subject_nest(unsigned profile, const char *without)
{
	return in_nest(profile, without, -1);
}

struct subject subject_image(unsigned profile, int image)
{
	return in_nest(profile, NULL, image);
}

static int ready[2]; /* of the bare one, to say that what it does stays with it */

/* It holds a file that it should not, as a process outside may. */
static _Noreturn void bare_main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    dup2(open("/etc/passwd", O_RDONLY), 77) < 0 || write(ready[1], "", 1) != 1)
		_exit(1);
	close(ready[0]);
	close(ready[1]);
	for (;;)
		pause();
}

static pid_t sleeper(void (*main)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (main != NULL)
			main();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if (pid < 0)
		harness_fail("fork: %s", strerror(errno));
	return pid;
}

/* What is tried in it would undo this machine if it had its mounts: it is taken when it has said
 * that it has its own, and not by chance before. */
struct subject subject_bare(void)
{
	struct subject s = { .name = "bare", .kind = SUBJECT_BARE };
	char c;
	int r;

	if (pipe2(ready, O_CLOEXEC) < 0)
		harness_fail("a pipe: %s", strerror(errno));
	s.pid = sleeper(bare_main);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		harness_fail("a plain process gets no mounts of its own");
	close(ready[0]);
	r = puppet_take(&s.puppet, s.pid);
	if (r != 0)
		harness_fail("a plain process can't be taken: %s", strerror(-r));
	return s;
}

static pid_t peer, own_peer;

pid_t subject_peer(void)
{
	if (peer != 0)
		return peer;
	if (own_peer == 0)
		own_peer = sleeper(NULL);
	return own_peer;
}

void subject_peer_set(pid_t pid)
{
	peer = pid;
}

int subject_adopt(struct subject *s, const char *name, unsigned profile, pid_t pid)
{
	*s = (struct subject){ .name = name, .kind = SUBJECT_NODE, .profile = profile, .pid = pid };
	return puppet_take(&s->puppet, pid);
}

void subject_free(struct subject *s)
{
	puppet_free(&s->puppet);
	if (s->kind == SUBJECT_NEST) {
		close(s->probe.gate);
		close(s->probe.pidfd);
		harness_fini(&s->nest);
	} else if (s->kind == SUBJECT_BARE) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

int64_t subject_call(struct subject *s, uint32_t nr, const uint64_t arg[6])
{
	int64_t r = puppet_call(&s->puppet, nr, arg);

	return s->puppet.dead ? -ECANCELED : r;
}
