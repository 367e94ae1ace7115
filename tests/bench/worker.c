/* SPDX-License-Identifier: MIT */
/* See worker.h. */
#include "worker.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void work(int asked, int tell, int64_t (*round)(const void *arg), const void *arg)
{
	int64_t ns;
	char c;

	while (read(asked, &c, 1) == 1) {
		ns = round(arg);
		if (write(tell, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

int worker_start(struct worker *w, int cpu, int64_t (*round)(const void *arg), const void *arg)
{
	int ask[2], told[2];
	cpu_set_t set;

	*w = (struct worker){ .ask = -1, .told = -1 };
	if (pipe2(ask, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(told, O_CLOEXEC) < 0) {
		close(ask[0]);
		close(ask[1]);
		return -1;
	}
	w->ask = ask[1];
	w->told = told[0];
	w->pid = fork();
	if (w->pid == 0) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ask[1]);
		work(ask[0], told[1], round, arg);
	}
	close(ask[0]);
	close(told[1]);
	return w->pid > 0 ? 0 : -1;
}

int64_t worker_round(struct worker *w)
{
	int64_t ns;

	if (write(w->ask, "", 1) != 1 || read(w->told, &ns, sizeof(ns)) != sizeof(ns))
		return -1;
	return ns;
}

void worker_end(struct worker *w)
{
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	if (w->pid != 0) {
		close(w->ask);
		close(w->told);
	}
	*w = (struct worker){ 0 };
}
