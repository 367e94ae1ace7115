/* SPDX-License-Identifier: MIT */
/* The kinds of raw.h that need no library. */
#include "raw_private.h"
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tick.h"

struct order {
	uint32_t rounds;
};

/* --- kinds ---------------------------------------------------------------------- */

static uint32_t flag_of(const struct raw_line *l)
{
	return __atomic_load_n(&l->flag, __ATOMIC_ACQUIRE);
}

static void put(struct raw *r, struct raw_line *l)
{
	memcpy(l->data, r->own, r->spec.size);
	__atomic_store_n(&l->flag, r->round, __ATOMIC_RELEASE);
}

static void get(struct raw *r, const struct raw_line *l)
{
	memcpy(r->own, l->data, r->spec.size);
}

static void spin_for(const struct raw_line *l, uint32_t round)
{
	while (flag_of(l) != round)
		__builtin_ia32_pause();
}

static int spin_trip(struct raw *r)
{
	r->round++;
	put(r, r->line[0]);
	spin_for(r->line[1], r->round);
	get(r, r->line[1]);
	return 0;
}

static int spin_serve(struct raw *r)
{
	spin_for(r->line[0], ++r->round);
	get(r, r->line[0]);
	put(r, r->line[1]);
	return 0;
}

static int eventfd_make(struct raw *r)
{
	r->fd[0] = eventfd(0, EFD_CLOEXEC);
	r->fd[1] = eventfd(0, EFD_CLOEXEC);
	return r->fd[0] < 0 || r->fd[1] < 0 ? -1 : 0;
}

static int ring_bell(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 : -1;
}

static int await_bell(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? 0 : -1;
}

static int eventfd_trip(struct raw *r)
{
	put(r, r->line[0]);
	if (ring_bell(r->fd[0]) < 0 || await_bell(r->fd[1]) < 0)
		return -1;
	get(r, r->line[1]);
	return 0;
}

static int eventfd_serve(struct raw *r)
{
	if (await_bell(r->fd[0]) < 0)
		return -1;
	get(r, r->line[0]);
	put(r, r->line[1]);
	return ring_bell(r->fd[1]);
}

static void futex_wake(struct raw_line *l)
{
	syscall(SYS_futex, &l->flag, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_wait(struct raw_line *l, uint32_t round)
{
	while (flag_of(l) != round)
		syscall(SYS_futex, &l->flag, FUTEX_WAIT, round - 1, NULL, NULL, 0);
}

static int futex_trip(struct raw *r)
{
	r->round++;
	put(r, r->line[0]);
	futex_wake(r->line[0]);
	futex_wait(r->line[1], r->round);
	get(r, r->line[1]);
	return 0;
}

static int futex_serve(struct raw *r)
{
	futex_wait(r->line[0], ++r->round);
	get(r, r->line[0]);
	put(r, r->line[1]);
	futex_wake(r->line[1]);
	return 0;
}

static int seqpacket_make(struct raw *r)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, r->fd);
}

static int stream_make(struct raw *r)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, r->fd);
}

static int send_all(const struct raw *r)
{
	for (size_t done = 0; done < r->spec.size;) {
		ssize_t n = send(r->fd[r->end], r->own + done, r->spec.size - done, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static int recv_all(const struct raw *r)
{
	for (size_t done = 0; done < r->spec.size;) {
		ssize_t n = recv(r->fd[r->end], r->own + done, r->spec.size - done, 0);

		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static int socket_trip(struct raw *r)
{
	return send_all(r) < 0 ? -1 : recv_all(r);
}

static int socket_serve(struct raw *r)
{
	return recv_all(r) < 0 ? -1 : send_all(r);
}

static int ring_trip(struct raw *r)
{
	struct raw_ring *q = &r->shared->ring;

	for (unsigned i = 0; i < r->spec.batch; i++) {
		uint64_t at = q->written;

		while (at - q->read_seen >= RAW_RING_SLOTS)
			q->read_seen = __atomic_load_n(&q->read, __ATOMIC_ACQUIRE);
		memcpy(q->slot[at % RAW_RING_SLOTS], r->own, 64);
		__atomic_store_n(&q->written, at + 1, __ATOMIC_RELEASE);
	}
	spin_for(r->line[1], ++r->round);
	return 0;
}

static int ring_serve(struct raw *r)
{
	struct raw_ring *q = &r->shared->ring;

	for (unsigned i = 0; i < r->spec.batch; i++) {
		uint64_t at = q->read;

		while (at == q->written_seen)
			q->written_seen = __atomic_load_n(&q->written, __ATOMIC_ACQUIRE);
		memcpy(r->own, q->slot[at % RAW_RING_SLOTS], 64);
		__atomic_store_n(&q->read, at + 1, __ATOMIC_RELEASE);
	}
	r->round++;
	put(r, r->line[1]);
	return 0;
}

static int memcpy_trip(struct raw *r)
{
	for (unsigned i = 0; i < r->spec.batch; i++) {
		uint8_t *pair = r->own + 2 * r->spec.size * (r->round++ % r->spec.spread);

		memcpy(pair, pair + r->spec.size, r->spec.size);
		__asm__ volatile("" ::"r"(pair) : "memory");
	}
	return 0;
}

static int getppid_trip(struct raw *r)
{
	(void)r;
	return syscall(SYS_getppid) > 0 ? 0 : -1;
}

static const struct raw_ops kinds[] = {
	[RAW_SPIN] = { NULL, NULL, spin_trip, spin_serve },
	[RAW_EVENTFD] = { eventfd_make, NULL, eventfd_trip, eventfd_serve },
	[RAW_FUTEX] = { NULL, NULL, futex_trip, futex_serve },
	[RAW_SEQPACKET] = { seqpacket_make, NULL, socket_trip, socket_serve },
	[RAW_STREAM] = { stream_make, NULL, socket_trip, socket_serve },
	[RAW_RING] = { NULL, NULL, ring_trip, ring_serve },
	[RAW_MEMCPY] = { NULL, NULL, memcpy_trip, NULL },
	[RAW_GETPPID] = { NULL, NULL, getppid_trip, NULL },
};

/* --- the processes -------------------------------------------------------------- */

int raw_pin(int pid, int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) == 0)
		return 0;
	fprintf(stderr, "bench: can't use CPU %d: %m\n", cpu);
	return -1;
}

/* The first's turn. A few rounds before it are not counted. */
static int drive(struct raw *r, unsigned rounds, unsigned warm)
{
	int64_t *ns = r->shared->ns;
	struct tick_start start;

	for (unsigned i = 0; i < warm; i++)
		if (r->ops->trip(r) < 0)
			return -1;
	start = tick_start();
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t from;

		if (r->spec.pause_us > 0)
			usleep(r->spec.pause_us);
		from = tick();
		if (r->ops->trip(r) < 0)
			return -1;
		ns[i] = (int64_t)(tick() - from);
	}
	tick_scale(start, ns, rounds);
	return 0;
}

static int serve(struct raw *r, unsigned rounds)
{
	for (unsigned i = 0; r->ops->serve != NULL && i < rounds; i++)
		if (r->ops->serve(r) < 0)
			return -1;
	return 0;
}

static _Noreturn void live(struct raw *r, int end)
{
	struct order o;
	uint8_t done = 1;

	r->end = end;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (raw_pin(0, r->spec.cpu[end]) < 0 || (r->ops->open != NULL && r->ops->open(r) < 0))
		_exit(1);
	while (recv(r->order[end], &o, sizeof(o), 0) == sizeof(o)) {
		unsigned warm = o.rounds / 8;

		if ((end == 0 ? drive(r, o.rounds, warm) : serve(r, o.rounds + warm)) < 0)
			_exit(1);
		if (end == 0 && send(r->order[end], &done, sizeof(done), MSG_NOSIGNAL) < 0)
			_exit(1);
	}
	_exit(0);
}

static void *shared_memory(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : memset(p, 0, n);
}

static int start(struct raw *r, int end)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	r->pid[end] = fork();
	if (r->pid[end] == 0) {
		if (end == 1)
			close(r->order[0]);
		close(sv[0]);
		r->order[end] = sv[1];
		live(r, end);
	}
	close(sv[1]);
	r->order[end] = sv[0];
	return r->pid[end] < 0 ? -1 : 0;
}

struct raw *raw_new(const struct raw_spec *spec)
{
	struct raw *r = calloc(1, sizeof(*r));
	size_t own = 2 * spec->size * (spec->spread > 0 ? spec->spread : 1);

	if (r == NULL)
		return NULL;
	r->spec = *spec;
	r->order[0] = r->order[1] = r->fd[0] = r->fd[1] = -1;
	snprintf(r->address, sizeof(r->address), "ipc:///tmp/writ-bench-%d.nng", (int)getpid());
	r->ops = spec->kind == RAW_NNG ? &raw_nng : &kinds[spec->kind];
	r->shared = shared_memory(sizeof(*r->shared));
	r->line[0] = shared_memory(sizeof(struct raw_line) + spec->size);
	r->line[1] = shared_memory(sizeof(struct raw_line) + spec->size);
	r->own = aligned_alloc(4096, (own + 4095) / 4096 * 4096 + 4096);
	if (r->shared == NULL || r->line[0] == NULL || r->line[1] == NULL || r->own == NULL ||
	    memset(r->own, 1, own) == NULL || (r->ops->make != NULL && r->ops->make(r) < 0) ||
	    start(r, 0) < 0 || start(r, 1) < 0) {
		perror("bench: can't start a peer");
		raw_free(r);
		return NULL;
	}
	return r;
}

int raw_turn(struct raw *r, unsigned n, int64_t *ns)
{
	struct order o = { n };
	uint8_t done;

	if (n > RAW_TURN || send(r->order[1], &o, sizeof(o), MSG_NOSIGNAL) < 0 ||
	    send(r->order[0], &o, sizeof(o), MSG_NOSIGNAL) < 0 ||
	    recv(r->order[0], &done, sizeof(done), 0) != sizeof(done))
		return -1;
	memcpy(ns, r->shared->ns, n * sizeof(*ns));
	return 0;
}

static void unmap(void *p, size_t n)
{
	if (p != NULL)
		munmap(p, n);
}

void raw_free(struct raw *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < 2; i++) {
		if (r->pid[i] > 0) {
			kill(r->pid[i], SIGKILL);
			waitpid(r->pid[i], NULL, 0);
		}
		if (r->order[i] >= 0)
			close(r->order[i]);
		if (r->fd[i] >= 0)
			close(r->fd[i]);
		unmap(r->line[i], sizeof(struct raw_line) + r->spec.size);
	}
	unmap(r->shared, sizeof(*r->shared));
	unlink(r->address + strlen("ipc://"));
	free(r->own);
	free(r);
}
