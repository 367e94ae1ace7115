/* SPDX-License-Identifier: MIT */
/*
 * Makes a running process do system calls as if it had been taken over: whatever
 * it is, a server or a tenant's proc, it executes them itself, from its own
 * memory, so every layer that holds it holds them. By ptrace; needs root.
 *
 * Afterwards it goes on as if nothing had been, unless a call has changed it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define PUPPET_BUF     65536 /* bytes of it that calls may use, at puppet->buf */
#define PUPPET_THREADS 64

struct puppet {
	pid_t pid, threads[PUPPET_THREADS]; /* threads[0] is pid; all are stopped */
	unsigned nthreads;
	int mem; /* /proc/PID/mem */
	uint64_t code, buf;
	uint64_t behind; /* code that was where ours is */
	struct user_regs_struct saved;
	int dead, status; /* it died of a call; its wait status, where it is our child */
};

/*
 * Stop @pid, all threads, and make it ready. Returns 0 or -errno; -ESRCH when it
 * ends meanwhile. The caller must be the thread that makes all further calls.
 */
int puppet_take(struct puppet *p, pid_t pid);

/* Let it go on where it was stopped. Nothing to do for a dead one. */
void puppet_free(struct puppet *p);

/*
 * A system call with @arg. Returns what it gave; -EINTR when it had to be
 * interrupted after a while; 0 with p->dead when it ended the process.
 */
int64_t puppet_call(struct puppet *p, uint32_t nr, const uint64_t arg[6]);

/* The same through int $0x80. */
int64_t puppet_call32(struct puppet *p, uint32_t nr, const uint64_t arg[6]);

/* Put @size bytes at @offset of its buffer, or take them from there. Returns where they lie. */
uint64_t puppet_put(struct puppet *p, size_t offset, const void *from, size_t size);
void puppet_get(struct puppet *p, size_t offset, void *to, size_t size);

/* What was at its entry before somebody else changed that: puppet_free() puts it there. */
void puppet_mend(struct puppet *p, uint64_t code);
