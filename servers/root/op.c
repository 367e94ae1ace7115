/* SPDX-License-Identifier: MIT */
/*
 * The operator's socket. Each context takes one request at a time; nng's
 * threads only note that a frame has come and ring, the server's loop answers it.
 * Nothing of its state is touched by another thread than its own.
 */
#include "servers/root/op.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>

#define LAST_WORDS_MS 100 /* rep says "sent" before the bytes have left */

enum slot_state { SLOT_TAKING, SLOT_READY, SLOT_ANSWERING, SLOT_CLOSED };

struct slot {
	nng_ctx ctx;
	nng_aio *aio;
	nng_msg *msg;          /* READY: the request */
	enum slot_state state; /* under op.lock, as msg */
	void *kept;            /* of its handler's, while it is put off */
};

/* Rings the bell after some time. */
struct alarm {
	nng_aio *aio;
	bool set; /* under op.lock */
};

static struct {
	struct srv *srv;
	const struct op_user *user;
	bool down; /* a request ended the server */
	nng_socket sock;
	struct alarm alarm, later; /* later: some request was put off */
	int bell;                  /* eventfd: something is READY, or an alarm went off */
	pthread_mutex_t lock;
	struct slot slots[OP_CONTEXTS];
	uint8_t rep[OP_REPLY];
} op = { .bell = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

static void ring(void)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, and then it rings anyway. */
	if (write(op.bell, &one, sizeof(one)) < 0)
		return;
}

/*
 * nng 1.5.2 takes the EPIPE of a client that left before the handshake for its
 * own closing, and never accepts again; a reset connection it passes over. The
 * linker puts this in the place of every sendmsg() of root (module.mk).
 */
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t n = __real_sendmsg(fd, m, flags);

	if (n < 0 && errno == EPIPE)
		errno = ECONNRESET;
	return n;
}

/*
 * What the C library would open a file for, and root has none: nng asks for the number of CPUs,
 * and names a thread of its other than the one that runs.
 */
long __real_sysconf(int name);
long __wrap_sysconf(int name);
int __real_pthread_setname_np(pthread_t t, const char *name);
int __wrap_pthread_setname_np(pthread_t t, const char *name);

long __wrap_sysconf(int name)
{
	cpu_set_t set;

	if (name != _SC_NPROCESSORS_ONLN)
		return __real_sysconf(name);
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

int __wrap_pthread_setname_np(pthread_t t, const char *name)
{
	return pthread_equal(t, pthread_self()) ? __real_pthread_setname_np(t, name) : ENOSYS;
}

/* --- in nng's threads ---------------------------------------------------------------- */

static void on_slot(void *arg)
{
	struct slot *s = arg;
	int r = nng_aio_result(s->aio);
	bool take = false;

	pthread_mutex_lock(&op.lock);
	if (r == NNG_ECLOSED || r == NNG_ECANCELED || s->state == SLOT_CLOSED) {
		s->state = SLOT_CLOSED;
	} else if (r == 0 && s->state == SLOT_TAKING) {
		s->msg = nng_aio_get_msg(s->aio);
		s->state = SLOT_READY;
	} else {
		if (r != 0 && s->state == SLOT_ANSWERING)
			nng_msg_free(nng_aio_get_msg(s->aio));
		s->state = SLOT_TAKING;
		take = true;
	}
	pthread_mutex_unlock(&op.lock);
	if (take)
		nng_ctx_recv(s->ctx, s->aio);
	else
		ring();
}

static void on_alarm(void *arg)
{
	struct alarm *a = arg;

	pthread_mutex_lock(&op.lock);
	a->set = false;
	pthread_mutex_unlock(&op.lock);
	ring();
}

/* --- in the server's loop --------------------------------------------------------------------- */

/* One alarm for all; who comes second is seen by the tick at the latest. */
static void alarm_set(struct alarm *a, uint64_t ms)
{
	bool set;

	if (a->aio == NULL)
		return;
	pthread_mutex_lock(&op.lock);
	set = a->set;
	a->set = true;
	pthread_mutex_unlock(&op.lock);
	if (!set)
		nng_sleep_aio((nng_duration)ms, a->aio);
}

/* NULL: later, or there is no memory. */
static nng_msg *answer(struct slot *s, nng_msg *req, bool *ret_later)
{
	nng_msg *rep = NULL;
	bool down = false;
	size_t n = op_answer(op.user, nng_msg_body(req), nng_msg_len(req), &s->kept, op.rep,
	    sizeof(op.rep), &down);

	op.down = op.down || down;
	*ret_later = n == OP_LATER;
	if (n == OP_LATER || nng_msg_alloc(&rep, 0) != 0)
		return NULL;
	if (nng_msg_append(rep, op.rep, n) != 0) {
		nng_msg_free(rep);
		return NULL;
	}
	return rep;
}

static void serve(struct slot *s)
{
	nng_msg *req = NULL, *rep;
	bool later;

	pthread_mutex_lock(&op.lock);
	if (s->state == SLOT_READY) {
		req = s->msg;
		s->msg = NULL;
		s->state = SLOT_ANSWERING;
	}
	pthread_mutex_unlock(&op.lock);
	if (req == NULL)
		return;
	rep = answer(s, req, &later);
	if (later) {
		pthread_mutex_lock(&op.lock);
		s->msg = req;
		s->state = SLOT_READY;
		pthread_mutex_unlock(&op.lock);
		alarm_set(&op.later, OP_LATER_MS);
		return;
	}
	nng_msg_free(req);
	if (rep == NULL) { /* no memory: the client asks again */
		pthread_mutex_lock(&op.lock);
		s->state = SLOT_TAKING;
		pthread_mutex_unlock(&op.lock);
		nng_ctx_recv(s->ctx, s->aio);
		return;
	}
	nng_aio_set_msg(s->aio, rep);
	nng_ctx_send(s->ctx, s->aio);
}

static void on_bell(struct srv *srv, void *arg)
{
	uint64_t n;

	(void)arg;
	if (read(op.bell, &n, sizeof(n)) < 0)
		return;
	if (op.user->turn != NULL)
		op.user->turn();
	for (unsigned i = 0; i < OP_CONTEXTS && !op.down; i++)
		serve(&op.slots[i]);
	if (op.down)
		srv->stopping = true;
}

void op_alarm(uint64_t ms)
{
	alarm_set(&op.alarm, ms);
}

static int open_socket(void)
{
	nng_listener l;
	int r = nng_rep0_open(&op.sock);

	if (r != 0)
		return r;
	if ((r = nng_socket_set_size(op.sock, NNG_OPT_RECVMAXSZ, OP_FRAME)) != 0 ||
	    (r = nng_listener_create(&l, op.sock, OP_URL)) != 0)
		return r;
	/* Who may come this far is said by the folder that it lies in on the host. */
	r = nng_listener_set_int(l, NNG_OPT_IPC_PERMISSIONS, 0666);
	if (r == 0)
		r = nng_listener_start(l, 0);
	return r;
}

static int open_slots(void)
{
	int r = 0;

	for (unsigned i = 0; i < OP_CONTEXTS && r == 0; i++) {
		struct slot *s = &op.slots[i];

		if ((r = nng_ctx_open(&s->ctx, op.sock)) == 0 &&
		    (r = nng_aio_alloc(&s->aio, on_slot, s)) == 0)
			nng_ctx_recv(s->ctx, s->aio);
	}
	return r;
}

int op_folder(struct srv *s)
{
	writ_cap_t cap = writ_named_cap(WRIT_TYPE_HOST, WRIT_BOOT_OP);
	int fd = cap != 0 ? writ_cap_fd(cap) : -WRIT_E_NOT_FOUND, r = fd;

	if (fd >= 0) {
		r = fchdir(fd) < 0 ? -WRIT_E_IO : writ_cap_delete(cap);
		close(fd);
	}
	if (r < 0)
		srv_log(s, "the operator's folder: %s", writ_strerror(r));
	return r;
}

bool op_ended(void)
{
	return op.down;
}

int op_init(struct srv *s, const struct op_user *u)
{
	int r;

	op.srv = s;
	op.user = u;
	op.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (op.bell < 0 || srv_watch(s, op.bell, on_bell, NULL) < 0) {
		srv_log(s, "no eventfd for the operator's calls: %s", strerror(errno));
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	if (unlink(OP_PATH) < 0 && errno != ENOENT)
		srv_log(s, "a stale %s stays: %s", OP_PATH, strerror(errno));
	if ((r = nng_aio_alloc(&op.alarm.aio, on_alarm, &op.alarm)) != 0 ||
	    (r = nng_aio_alloc(&op.later.aio, on_alarm, &op.later)) != 0 ||
	    (r = open_socket()) != 0 || (r = open_slots()) != 0) {
		srv_log(s, "%s: %s", OP_URL, nng_strerror(r));
		return -WRIT_E_IO;
	}
	return 0;
}

void op_fini(void)
{
	nng_msleep(LAST_WORDS_MS);
	nng_close(op.sock);
}
