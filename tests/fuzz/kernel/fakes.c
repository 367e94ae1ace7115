/* SPDX-License-Identifier: MIT */
/*
 * What the kernel would ask of Linux to run procs, played: nests that take
 * orders and report when they are told to, cgroups that are names only, signals
 * that end a client. The linker puts the calls of __wrap_ in the place of theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "kernel/nest.h"
#include "tests/fuzz/kernel/world.h"

static struct fake {
	int sock; /* an eventfd, readable while there are events; 0: no nest */
	bool ready, gone;
	struct nest_event ev[W_EVENTS];
	unsigned nev;
} nests[W_NESTS];

static struct fake *fake_of(const struct nest *n)
{
	for (unsigned i = 0; i < W_NESTS; i++)
		if (nests[i].sock == n->sock && n->sock > 0)
			return &nests[i];
	world_fail("a nest that there is not");
}

static void wake(const struct fake *f)
{
	if (eventfd_write(f->sock, 1) != 0)
		world_fail("eventfd");
}

static void report(struct fake *f, unsigned what, uint32_t id, int code)
{
	if (f->nev == W_EVENTS)
		return;
	f->ev[f->nev] = (struct nest_event){ .what = what, .id = id, .code = code };
	snprintf(f->ev[f->nev++].step, sizeof(f->ev[0].step), "step");
	wake(f);
}

void fakes_open(void)
{
	memset(nests, 0, sizeof(nests));
	for (unsigned i = 0; i < W_PROCS; i++)
		w.clients[i] = (struct client){ .fd = -1, .nest = -1 };
}

void fakes_close(void)
{
	for (unsigned i = 0; i < W_PROCS; i++)
		client_die(&w.clients[i]);
}

unsigned nests_up(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < W_NESTS; i++)
		n += nests[i].sock > 0;
	return n;
}

/* --- the kernel's end of a nest ------------------------------------------------- */

int nest_start(const struct nest_conf *c, struct nest *ret)
{
	(void)c;
	for (unsigned i = 0; i < W_NESTS; i++) {
		if (nests[i].sock > 0)
			continue;
		nests[i] = (struct fake){ .sock = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK) };
		if (nests[i].sock < 0)
			return -errno;
		*ret = (struct nest){ .pid = 1 << 23, .pidfd = -1, .sock = nests[i].sock };
		return 0;
	}
	return -ENOMEM;
}

int nest_order(const struct nest *n, struct nest_order *o, const int *fds)
{
	struct fake *f = fake_of(n);
	struct client *c = client_of(o->id);

	if (f->gone)
		return -EPIPE;
	if (w.busy_nest)
		return -EAGAIN;
	if (!f->ready || fcntl(fds[0], F_GETFD) < 0 || fcntl(fds[1], F_GETFD) < 0)
		world_fail("an order that can't be right");
	client_die(c);
	*c = (struct client){ .pid = o->id, .nest = (int)(f - nests) };
	c->fd = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	return 0;
}

int nest_next(const struct nest *n, struct nest_event *ret, int *ret_pidfd)
{
	struct fake *f = fake_of(n);
	eventfd_t one;

	*ret_pidfd = -1;
	if (f->nev == 0)
		return f->gone ? -EPIPE : 0;
	eventfd_read(f->sock, &one);
	*ret = f->ev[0];
	memmove(f->ev, f->ev + 1, --f->nev * sizeof(f->ev[0]));
	if (ret->what == NEST_READY && ret->code == 0)
		f->ready = true;
	if (ret->what == NEST_STARTED)
		*ret_pidfd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 1;
}

void nest_kill(struct nest *n)
{
	struct fake *f = fake_of(n);

	for (unsigned i = 0; i < W_PROCS; i++) {
		if (w.clients[i].nest != (int)(f - nests))
			continue;
		client_die(&w.clients[i]);
		w.clients[i].nest = -1;
	}
	close(n->sock);
	n->sock = -1;
	f->sock = 0;
}

/* --- what nests do ------------------------------------------------------------------ */

/* Procs begin before they are reported to have started, and may end before it, too. */
static bool client_report(struct fake *f, struct client *c, bool fails)
{
	if (!c->started && fails) {
		client_die(c);
		report(f, NEST_FAILED, c->pid, ENOEXEC);
	} else if (!c->started) {
		report(f, NEST_STARTED, c->pid, 0);
		c->started = true;
		return true;
	} else if (c->over) {
		report(f, NEST_EXITED, c->pid, pick(2) == 0 ? 0 : SIGKILL);
	} else {
		return false;
	}
	c->nest = -1;
	return true;
}

static void nest_dies(struct fake *f)
{
	for (unsigned i = 0; i < W_PROCS; i++)
		if (w.clients[i].nest == (int)(f - nests))
			client_die(&w.clients[i]);
	f->gone = true;
	wake(f);
}

void nest_step(void)
{
	struct fake *f = &nests[pick(W_NESTS) % (nests_up() + 1)];
	struct client *c;

	if (f->sock <= 0 || f->gone)
		return;
	if (!f->ready) {
		report(f, NEST_READY, 0, pick(8) == 7 ? EPERM : 0);
		return;
	}
	if (pick(32) == 31) {
		nest_dies(f);
		return;
	}
	c = &w.clients[pick(W_PROCS)];
	if (c->nest == (int)(f - nests))
		client_report(f, c, pick(8) == 7);
}

bool nests_settle(void)
{
	bool some = false;

	for (unsigned i = 0; i < W_NESTS; i++) {
		struct fake *f = &nests[i];

		if (f->sock <= 0 || f->gone)
			continue;
		if (!f->ready && f->nev == 0) {
			report(f, NEST_READY, 0, 0);
			some = true;
		}
		for (unsigned j = 0; j < W_PROCS; j++)
			if (w.clients[j].nest == (int)i)
				some |= client_report(f, &w.clients[j], false);
	}
	return some;
}

/* --- cgroups --------------------------------------------------------------------------- */

uint64_t cgroup_id(const char *realm)
{
	(void)realm;
	return 1;
}

int cgroup_make(const char *realm, uint64_t memory, uint32_t cores, uint32_t pids)
{
	(void)realm, (void)memory, (void)cores, (void)pids;
	return w.no_cgroup ? -ENOSPC : 0;
}

int cgroup_enter(const char *realm, pid_t pid)
{
	(void)realm, (void)pid;
	return 0;
}

int cgroup_remove(const char *realm)
{
	(void)realm;
	return w.no_cgroup ? -EBUSY : 0;
}

int cgroup_leaf(const char *realm, uint32_t id, const struct writ_sched_req *set)
{
	(void)realm, (void)id, (void)set;
	return w.no_cgroup ? -ENOTSUP : 0;
}

int cgroup_leaf_enter(const char *realm, uint32_t id, pid_t pid)
{
	(void)realm, (void)id, (void)pid;
	return 0;
}

int cgroup_leaf_remove(const char *realm, uint32_t id)
{
	(void)realm, (void)id;
	return 0;
}

/* --- system calls ------------------------------------------------------------------------- */

long __wrap_syscall(long nr, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *param);
pid_t __wrap_k_proc_host_pid(const struct k_proc *p);
int __wrap_socketpair(int domain, int type, int protocol, int *sv);
int __real_socketpair(int domain, int type, int protocol, int *sv);
int __wrap_eventfd(unsigned n, int flags);
int __real_eventfd(unsigned n, int flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __real_memfd_create(const char *name, unsigned flags);

static bool fails(void)
{
	if (w.fail_in == 0 || --w.fail_in > 0)
		return false;
	errno = EMFILE;
	return true;
}

/* pidfd_send_signal() is the only one. */
long __wrap_syscall(long nr, ...)
{
	va_list ap;
	int pidfd, sig;

	va_start(ap, nr);
	pidfd = va_arg(ap, int);
	sig = va_arg(ap, int);
	va_end(ap);
	if (nr != SYS_pidfd_send_signal)
		world_fail("a system call that is not played");
	for (unsigned i = 0; i < k.nprocs; i++) {
		struct client *c = client_of(k.procs[i].pid);

		if (k.procs[i].pid == 0 || k.procs[i].pidfd != pidfd)
			continue;
		if (c->pid != k.procs[i].pid || c->over) {
			errno = ESRCH;
			return -1;
		}
		if (sig == SIGKILL)
			client_die(c);
		return 0;
	}
	world_fail("a signal to who is none of the kernel's procs");
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	(void)dir, (void)path, (void)flags;
	return fails() ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	(void)dir, (void)path, (void)flags;
	return 0;
}

int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	(void)pid, (void)policy, (void)param;
	return 0;
}

pid_t __wrap_k_proc_host_pid(const struct k_proc *p)
{
	return p->pidfd >= 0 ? (1 << 23) + (pid_t)p->pid : 0;
}

int __wrap_socketpair(int domain, int type, int protocol, int *sv)
{
	const int few = W_SNDBUF;

	if (fails() || __real_socketpair(domain, type, protocol, sv) != 0)
		return -1;
	if (w.small)
		setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	return 0;
}

int __wrap_eventfd(unsigned n, int flags)
{
	return fails() ? -1 : __real_eventfd(n, flags);
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
	return fails() ? -1 : __real_memfd_create(name, flags);
}
