/* SPDX-License-Identifier: MIT */
/*
 * The image that the isolation tests run: tries what it is told over the gate,
 * and reports. Must never decide by itself whether something is right.
 */
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <writ/abi.h>

static _Alignas(16) char scratch[256];

static int64_t call(uint64_t nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	int64_t ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static int64_t call32(uint32_t nr)
{
	int64_t ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"((uint64_t)nr), "b"(0), "c"(0), "d"(0)
			 : "memory");
	return ret;
}

static int64_t touch(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)p)[i] = 1;
	munmap(p, size);
	return 0;
}

static int64_t flood(uint64_t size)
{
	static char block[4096];
	uint64_t done = 0;

	while (done < size) {
		ssize_t n = write(STDOUT_FILENO, block, sizeof(block));

		if (n < 0)
			return done > 0 ? (int64_t)done : -errno;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

static int64_t stretch(size_t size)
{
	uintptr_t page = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)4095;

	for (unsigned i = 0; i < 32; i++) { /* deep enough for what is called from here on */
		page -= 4096;
		*(volatile char *)page = 1;
	}
	if (mremap((void *)page, 4096, size, MREMAP_MAYMOVE) == MAP_FAILED)
		return -errno;
	return 0;
}

static void *idle(void *arg)
{
	return arg;
}

static int64_t thread(void)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, idle, NULL);

	return r != 0 ? -r : -pthread_join(t, NULL);
}

static int64_t engulf(void)
{
	int rw = PROT_READ | PROT_WRITE, rx = PROT_READ | PROT_EXEC, ways = 0;
	void *p = mmap(NULL, 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ways += mmap(NULL, 4096, rx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
	ways += mprotect(p, 4096, rx) == 0;
	ways += mmap(NULL, 4096, rx, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
	return ways;
}

static int64_t perform(const struct probe_req *q, int argc, char **argv, char **envp)
{
	int64_t n = 0;

	switch ((enum probe_op)q->op) {
	case PROBE_CALL: return call(q->nr, q->arg);
	case PROBE_CALL32: return call32(q->nr);
	case PROBE_TOUCH: return touch(q->arg[0]);
	case PROBE_FLOOD: return flood(q->arg[0]);
	case PROBE_STRETCH: return stretch(q->arg[0]);
	case PROBE_THREAD: return thread();
	case PROBE_ENVIRON:
		while (envp[n] != NULL)
			n++;
		return n;
	case PROBE_ARGC: strncpy(scratch, argv[0], sizeof(scratch) - 1); return argc;
	case PROBE_ENGULF: return engulf();
	}
	return -EINVAL;
}

int main(int argc, char **argv, char **envp)
{
	static struct probe_req q;
	static struct probe_rep r;

	while (recv(WRIT_GATE_FD, &q, sizeof(q), 0) == sizeof(q)) {
		memcpy(scratch, q.data, sizeof(q.data));
		r.ret = perform(&q, argc, argv, envp);
		r.scratch = (uint64_t)scratch;
		memcpy(r.data, scratch, sizeof(r.data));
		if (send(WRIT_GATE_FD, &r, sizeof(r), 0) < 0)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
