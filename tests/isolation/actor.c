/* SPDX-License-Identifier: MIT */
/*
 * Procs of the isolation suite's own node: its first argument says what it is.
 *
 *   idle             waits
 *   watch            a bystander: uses all that it has, and says how long that took
 *   guess STEP SEED  invokes capabilities that nobody gave to it
 *   attack KIND      takes as much of one thing as it gets
 *   fuzz SEED        random requests to the kernel (tests/system/hostile)
 *
 * What it got it says on its standard output; whether that is right is the engine's to say.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/hostile/hostile.h"

#define TICK_NS   50000000ull
#define GUESSES   20000
#define SLOTS_MAX 65536
#define DENSE     1024 /* slots of which each is tried; above, every STEPth */

/* What attack.c asks of who links it. */
int call(unsigned op, uint32_t cap, uint64_t arg, const void *req, size_t len)
{
	struct writ_hdr h = { .op = (uint16_t)op, .cap = cap, .arg = arg, .len = (uint16_t)len };

	return writ_gate_call(&h, req, NULL, NULL, 0, NULL);
}

static _Noreturn void idle(void)
{
	for (;;)
		nanosleep(&(struct timespec){ 3600, 0 }, NULL);
}

/* --- watch --- */

static int use_all(void)
{
	struct writ_cap_info info;
	int64_t r = writ_cap_inspect(1, &info);

	if (r == 0)
		r = writ_put("/out/beat", "beat", 4);
	if (r >= 0) {
		char *text = NULL;

		r = writ_get("/in/file", &text);
		free(text);
	}
	return r < 0 ? (int)r : 0;
}

static _Noreturn void watch(void)
{
	uint64_t end = now_ns() + TICK_NS, most = 0;
	unsigned n = 0;

	for (;;) {
		uint64_t from = now_ns(), ns;
		int r = use_all();

		ns = now_ns() - from;
		most = ns > most ? ns : most;
		n++;
		if (r != 0) {
			printf("lost: %s\n", writ_strerror(r));
			fflush(stdout);
		}
		if (now_ns() > end) {
			printf("tick %u %llu\n", n, (unsigned long long)(most / 1000));
			fflush(stdout);
			end = now_ns() + TICK_NS;
			n = 0;
			most = 0;
		}
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	}
}

/* --- guess --- */

static bool answers(struct writ_addr a, uint32_t *ret_obj)
{
	struct writ_cap_req req = { .src = a };
	struct writ_cap_info info = { 0 };
	struct writ_hdr h = { .op = WRIT_OP_INSPECT, .len = sizeof(req) };
	int r = writ_gate_call(&h, &req, NULL, &info, sizeof(info), NULL);

	*ret_obj = info.obj;
	return r == 0 && info.type != 0;
}

/* Every slot of one's own, then addresses of every kind: what answers must be of what one holds. */
static _Noreturn void guess(unsigned step, uint64_t seed)
{
	static uint32_t held[1024];
	unsigned n = 0, strange = 0, hits = 0, tried = 0, guesses = GUESSES / step;
	uint32_t obj;

	random_state = seed | 1;
	printf("slots:");
	for (uint32_t i = 0; i < SLOTS_MAX; i += i < DENSE ? 1 : step, tried++)
		if (answers((struct writ_addr){ .index = i }, &obj) && n < 1024) {
			held[n++] = obj;
			printf(" %u", i);
		}
	for (unsigned i = 0; i < guesses; i++) {
		struct writ_addr a = { .index = (uint64_t)rnd(UINT32_MAX) << rnd(33) | rnd(64),
			.root = rnd(3) == 0 ? 0 : rnd(rnd(2) != 0 ? 64 : UINT32_MAX),
			.depth = rnd(80) };
		unsigned k = 0;

		if (!answers(a, &obj))
			continue;
		hits++;
		while (k < n && held[k] != obj)
			k++;
		strange += k == n;
	}
	printf("\nguessed: %u of %u answered, %u of objects that it doesn't hold; of %u slots\n",
	    hits, guesses, strange, tried);
	fflush(stdout);
	idle();
}

/* --- attack --- */

static long take_processes(void)
{
	static char stack[65536];
	long got = 0;

	for (unsigned i = 0; i < 1000; i++) {
		got += syscall(SYS_fork) > 0;
		got += syscall(SYS_vfork) > 0;
		got += syscall(SYS_clone, SIGCHLD, stack + sizeof(stack), NULL, NULL, NULL) > 0;
		got += syscall(SYS_clone, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
			   stack + sizeof(stack), NULL, NULL, NULL) > 0;
	}
	return got;
}

static long take_threads(void)
{
	static char stack[65536];
	long got = 0;

	for (unsigned i = 0; i < 1000; i++)
		got += syscall(SYS_clone,
			   CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
			   stack + sizeof(stack), NULL, NULL, NULL) > 0;
	return got;
}

static long take_procs(void)
{
	const char *argv[] = { "idle", NULL };
	long got = 0;

	while (got < 1000 &&
	    writ_spawn(&(struct writ_spawn){ .image = "actor", .argv = argv, .memory = 1 << 20 }) >
		0)
		got++;
	return got;
}

/* MiB that it could write to. */
static long take_memory(void)
{
	long got = 0;

	for (; got < 4096; got++) {
		volatile char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			break;
		for (unsigned i = 0; i < 1 << 20; i += 4096)
			p[i] = 1;
	}
	return got;
}

static long take_descriptors(void)
{
	long got = 0;

	while (got < 100000 && epoll_create1(0) >= 0)
		got++;
	return got;
}

/* KiB that were written. */
static long take_log(void)
{
	static char text[4096];
	long got = 0;

	memset(text, 'x', sizeof(text));
	signal(SIGXFSZ, SIG_IGN);
	while (got < 1 << 20 && write(STDERR_FILENO, text, sizeof(text)) > 0)
		got += 4;
	return got;
}

/* As many requests as the kernel takes; who doesn't read the replies would be ended. */
static _Noreturn void flood_gate(void)
{
	static const uint16_t ops[] = { WRIT_OP_INSPECT, WRIT_OP_COPY, WRIT_OP_DELETE,
		WRIT_OP_QUOTA, WRIT_OP_STAT, WRIT_OP_POLL, WRIT_OP_REVOKE };
	struct pollfd p = { WRIT_GATE_FD, POLLIN, 0 };
	char rep[512];

	for (unsigned n = 0;; n++) {
		for (unsigned i = 0; i < 32; i++) {
			struct writ_hdr h = { .op = ops[(n + i) % (sizeof(ops) / sizeof(ops[0]))],
				.version = WRIT_ABI_VERSION,
				.cookie = i,
				.cap = 1000 + i };

			send(WRIT_GATE_FD, &h, sizeof(h), MSG_NOSIGNAL);
		}
		for (unsigned i = 0; i < 32 && poll(&p, 1, 100) == 1; i++)
			recv(WRIT_GATE_FD, rep, sizeof(rep), 0);
	}
}

static int attack(const char *kind)
{
	static const struct {
		const char *kind;
		long (*take)(void);
	} takes[] = { { "processes", take_processes }, { "threads", take_threads },
		{ "procs", take_procs }, { "memory", take_memory },
		{ "descriptors", take_descriptors }, { "log", take_log } };

	printf("begins\n");
	fflush(stdout);
	if (strcmp(kind, "gate") == 0)
		flood_gate();
	if (strcmp(kind, "cpu") == 0)
		for (;;)
			__asm__ volatile("");
	for (unsigned i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		if (strcmp(kind, takes[i].kind) != 0)
			continue;
		printf("got %ld\n", takes[i].take());
		fflush(stdout);
		for (;;) /* and keeps at it */
			takes[i].take();
	}
	return 2;
}

int writ_main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "idle", *arg = argc > 2 ? argv[2] : "1";
	const char *seed = argc > 3 ? argv[3] : "1";

	if (strcmp(mode, "watch") == 0)
		watch();
	if (strcmp(mode, "guess") == 0)
		guess((unsigned)strtoul(arg, NULL, 10), strtoull(seed, NULL, 10));
	if (strcmp(mode, "attack") == 0)
		return attack(arg);
	if (strcmp(mode, "fuzz") == 0)
		return attack_main(strtoull(arg, NULL, 10), 1000);
	idle();
}
