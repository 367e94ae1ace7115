/* SPDX-License-Identifier: MIT */
/* Children that try something: see doctor.h. Each is waited for, and killed when it hangs. */
#include "tools/writ/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/writ/cli.h"

#define TRIAL_MS 5000

int finding_fail(struct finding *f, int err, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	n = strlen(f->text);
	if (err != 0)
		snprintf(f->text + n, sizeof(f->text) - n, ": %s", strerror(err));
	return -1;
}

int finding_ok(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return 0;
}

int doctor_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int map_ids(pid_t pid, const char *map)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	char path[64];
	int r = 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[i]);
		r = doctor_write(path, map);
	}
	return r;
}

/* The child waits for its ids: fd[0] is what the parent writes to when they are there. */
static _Noreturn void child(struct trial *t, struct finding *f, const int *go, int alive)
{
	char c;

	(void)alive; /* held open: its closing tells the parent that the child has ended */
	close(go[1]);
	if (read(go[0], &c, 1) != 1)
		_exit(1);
	_exit(t->fn(f, t->arg) == 0 ? 0 : 1);
}

/* Wait for the end of @pid, whose end of @alive closes with it. */
static int reap(struct trial *t, int alive, struct finding *f)
{
	struct pollfd p = { .fd = alive, .events = POLLIN };
	bool hung = poll(&p, 1, cli_ms(TRIAL_MS)) == 0;
	int status = 0;

	if (hung)
		kill(t->pid, SIGKILL);
	while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (hung)
		return finding_fail(f, 0, "hangs");
	if (WIFSIGNALED(status)) {
		t->signal = WTERMSIG(status);
		return finding_fail(f, 0, "ended by SIG%s", sigabbrev_np(t->signal));
	}
	return WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int trial_start(struct trial *t, struct finding *shared, const int *go, const int *alive)
{
	int r;

	t->pid = (pid_t)syscall(SYS_clone, (unsigned long)t->flags | SIGCHLD, NULL, NULL, NULL, 0);
	if (t->pid < 0)
		return -errno;
	if (t->pid == 0)
		child(t, shared, go, alive[1]);
	r = t->map != NULL ? map_ids(t->pid, t->map) : 0;
	if (r == 0 && write(go[1], "", 1) != 1)
		r = -errno;
	return r;
}

int trial_run(struct trial *t, struct finding *f)
{
	struct finding *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int go[2] = { -1, -1 }, alive[2] = { -1, -1 }, r;

	t->signal = 0;
	t->pid = -1;
	if (shared == MAP_FAILED || pipe2(go, O_CLOEXEC) < 0 || pipe2(alive, O_CLOEXEC) < 0)
		return finding_fail(f, errno, "no memory or pipe");
	finding_fail(shared, 0, "ended without a word");
	r = trial_start(t, shared, go, alive);
	close(go[0]);
	close(go[1]); /* a child that still waits for its ids ends */
	close(alive[1]);
	if (r < 0 && t->pid < 0) {
		finding_fail(f, -r, "clone");
	} else if (r < 0) {
		reap(t, alive[0], shared);
		finding_fail(f, -r, "writing its id map");
	} else {
		r = reap(t, alive[0], shared);
		*f = *shared;
	}
	close(alive[0]);
	munmap(shared, sizeof(*shared));
	return r == 0 ? 0 : -1;
}
