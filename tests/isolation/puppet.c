/* SPDX-License-Identifier: MIT */
/* See puppet.h. */
#include "puppet.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALL_MS 1000 /* after which a call is interrupted */

/* syscall; int3; int $0x80; int3 */
static const uint8_t stub[8] = { 0x0f, 0x05, 0xcc, 0xcd, 0x80, 0xcc, 0x90, 0x90 };
enum { STUB_32 = 3 };

static int open_proc(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, flags | O_CLOEXEC);
}

/* Where the program begins: it has run that and doesn't come back. 0: can't be told. */
static uint64_t entry_of(pid_t pid)
{
	int fd = open_proc(pid, "auxv", O_RDONLY);
	Elf64_auxv_t a[64];
	ssize_t n = fd < 0 ? 0 : read(fd, a, sizeof(a));

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(a[0]); i++)
		if (a[i].a_type == AT_ENTRY)
			return a[i].a_un.a_val;
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Wait for a stop of @tid, for a while; Linux tells of it by SIGCHLD. Returns 1, 0 (not yet), or -1
 * (it is gone). */
static int await(pid_t tid, int ms, int *ret_status)
{
	uint64_t now, end = now_ms() + (uint64_t)ms;
	sigset_t child, before;
	pid_t r;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	while ((r = waitpid(tid, ret_status, __WALL | WNOHANG)) == 0 && (now = now_ms()) < end)
		sigtimedwait(&child, NULL,
		    &(struct timespec){ (time_t)((end - now) / 1000),
			(long)((end - now) % 1000) * 1000000 });
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r == 0 ? 0 : r == tid && WIFSTOPPED(*ret_status) ? 1 : -1;
}

static int stop_thread(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_EXITKILL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
		return -errno;
	return await(tid, CALL_MS * 5, &status) == 1 ? 0 : -ESRCH;
}

/* Stop all threads; some may come to be while others are stopped. */
static int stop_all(struct puppet *p)
{
	int found = 1, r = stop_thread(p->pid);
	char path[64];

	p->threads[p->nthreads++] = p->pid;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)p->pid);
	while (r == 0 && found) {
		DIR *d = opendir(path);
		struct dirent *e;

		found = 0;
		while (r == 0 && d != NULL && (e = readdir(d)) != NULL) {
			pid_t tid = atoi(e->d_name);
			unsigned i = 0;

			while (i < p->nthreads && p->threads[i] != tid)
				i++;
			if (tid == 0 || i < p->nthreads || i == PUPPET_THREADS)
				continue;
			found = 1;
			if (stop_thread(tid) == 0)
				p->threads[p->nthreads++] = tid;
		}
		if (d != NULL)
			closedir(d);
	}
	return r;
}

/* It was stopped in a call, which is not to begin again. */
static void give_up_call(const struct puppet *p)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, p->pid, 0, &r) < 0)
		return;
	r.orig_rax = (unsigned long long)-1;
	r.rax = (unsigned long long)-EINTR;
	ptrace(PTRACE_SETREGS, p->pid, 0, &r);
}

/* Its first thread is told of as dead only when nobody has the others any more. */
static void reap_threads(const struct puppet *p)
{
	int status;

	for (unsigned i = 1; i < p->nthreads; i++)
		waitpid(p->threads[i], &status, __WALL | WNOHANG);
}

static int64_t perform(struct puppet *p, uint64_t at, const struct user_regs_struct *r)
{
	struct user_regs_struct now = *r;
	int status = 0, got, asked = 0;

	if (p->dead)
		return 0;
	now.rip = p->code + at;
	now.orig_rax = (unsigned long long)-1; /* nothing to start again */
	if (ptrace(PTRACE_SETREGS, p->pid, 0, &now) < 0)
		return -errno;
	for (int sig = 0;; sig = 0) {
		if (ptrace(PTRACE_CONT, p->pid, 0, sig) < 0)
			return -errno;
		got = await(p->pid, CALL_MS, &status);
		if (got == 0) { /* it sleeps */
			if (asked++)
				kill(p->pid, SIGKILL);
			ptrace(PTRACE_INTERRUPT, p->pid, 0, 0);
			reap_threads(p);
			got = await(p->pid, CALL_MS, &status);
			if (got == 1)
				give_up_call(p);
		}
		if (got < 0) {
			p->dead = 1;
			p->status = status;
			return 0;
		}
		if (WSTOPSIG(status) == SIGTRAP && status >> 16 == 0)
			break;
	}
	if (ptrace(PTRACE_GETREGS, p->pid, 0, &now) < 0)
		return -errno;
	return (int64_t)now.rax;
}

int64_t puppet_call(struct puppet *p, uint32_t nr, const uint64_t arg[6])
{
	struct user_regs_struct r = p->saved;

	r.rax = nr;
	r.rdi = arg[0];
	r.rsi = arg[1];
	r.rdx = arg[2];
	r.r10 = arg[3];
	r.r8 = arg[4];
	r.r9 = arg[5];
	return perform(p, 0, &r);
}

int64_t puppet_call32(struct puppet *p, uint32_t nr, const uint64_t arg[6])
{
	struct user_regs_struct r = p->saved;

	r.rax = nr;
	r.rbx = arg[0];
	r.rcx = arg[1];
	r.rdx = arg[2];
	return (int32_t)perform(p, STUB_32, &r);
}

int puppet_take(struct puppet *p, pid_t pid)
{
	uint64_t entry;
	int r;

	*p = (struct puppet){ .pid = pid, .mem = -1 };
	r = stop_all(p); /* it may have been in the midst of its exec */
	entry = entry_of(pid);
	if (r == 0 && entry == 0)
		r = -ESRCH;
	if (r == 0 && ptrace(PTRACE_GETREGS, pid, 0, &p->saved) < 0)
		r = -errno;
	p->mem = open_proc(pid, "mem", O_RDWR);
	if (r == 0 &&
	    (p->mem < 0 || pread(p->mem, &p->behind, sizeof(p->behind), (off_t)entry) < 8 ||
		pwrite(p->mem, stub, sizeof(stub), (off_t)entry) < 8))
		r = -errno;
	if (r == 0) {
		p->code = entry;
		p->buf = (uint64_t)puppet_call(p, SYS_mmap,
		    (uint64_t[6]){ 0, PUPPET_BUF, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0 });
		r = p->dead ? -ESRCH : p->buf > (uint64_t)-4096 ? (int)(int64_t)p->buf : 0;
	}
	if (r != 0)
		puppet_free(p);
	return r;
}

void puppet_free(struct puppet *p)
{
	if (!p->dead && p->buf != 0 && p->buf < (uint64_t)-4096)
		puppet_call(p, SYS_munmap, (uint64_t[6]){ p->buf, PUPPET_BUF });
	if (!p->dead && p->code != 0) {
		if (pwrite(p->mem, &p->behind, sizeof(p->behind), (off_t)p->code) < 0)
			kill(p->pid, SIGKILL);
		ptrace(PTRACE_SETREGS, p->pid, 0, &p->saved);
	}
	for (unsigned i = p->nthreads; !p->dead && i > 0; i--)
		ptrace(PTRACE_DETACH, p->threads[i - 1], 0, 0);
	if (p->mem >= 0)
		close(p->mem);
	*p = (struct puppet){ .mem = -1, .dead = 1, .status = p->status };
}

uint64_t puppet_put(struct puppet *p, size_t offset, const void *from, size_t size)
{
	if (!p->dead && pwrite(p->mem, from, size, (off_t)(p->buf + offset)) < 0)
		perror("puppet_put");
	return p->buf + offset;
}

void puppet_get(struct puppet *p, size_t offset, void *to, size_t size)
{
	memset(to, 0, size);
	if (!p->dead && pread(p->mem, to, size, (off_t)(p->buf + offset)) < 0)
		perror("puppet_get");
}

void puppet_mend(struct puppet *p, uint64_t code)
{
	p->behind = code;
}
