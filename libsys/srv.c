/* SPDX-License-Identifier: MIT */
/*
 * The server skeleton's loop: gate events, sessions' bells, watched
 * descriptors. Work is O(ready). Bad input ends a session, never the server;
 * no client can make it wait: nothing is taken from one that has left no room
 * for the reply, until it makes some.
 */
#include <writ/srv.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include <writ/proc.h>
#include "libsys/srv_private.h"
#include "libsys/sys.h"

#define BATCH      64 /* epoll events, and gate events, a turn */
#define TURN_CALLS 16 /* requests of one session a turn */

struct srv_watch {
	struct srv_watch *next;
	void (*fn)(struct srv *s, void *arg);
	void *arg;
};

/* epoll data: NULL is the gate; a watch has its lowest bit set; else a session. */
#define WATCH_BIT ((uintptr_t)1)

static uint8_t req_buf[CHAN_MSG_MAX], rep_buf[CHAN_MSG_MAX];

int64_t srv_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void srv_log(const struct srv *s, const char *fmt, ...)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s: ", s->ops->name), m;
	va_list ap;

	if (n < 0 || n >= (int)sizeof(line) - 1)
		return;
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (m < 0)
		return;
	n = n + m < (int)sizeof(line) - 1 ? n + m : (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* a log that is full or gone must not stop a server */
}

int srv_watch(struct srv *s, int fd, void (*fn)(struct srv *s, void *arg), void *arg)
{
	struct srv_watch *w = malloc(sizeof(*w));
	struct epoll_event e = { .events = EPOLLIN };

	if (w == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	*w = (struct srv_watch){ s->watches, fn, arg };
	e.data.ptr = (void *)((uintptr_t)w | WATCH_BIT);
	if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(w);
		return -WRIT_E_INVALID_ARGUMENT;
	}
	s->watches = w;
	return 0;
}

/* --- requests ---------------------------------------------------------------- */

/*
 * Take and answer one request; only when any reply has room, so that none is
 * ever left over. 0: done; -BUSY: nothing to do until the client rings; else
 * close it.
 */
static int serve_one(struct srv_session *c)
{
	uint32_t label;
	uint64_t id;
	int64_t n = chan_room(&c->chan, CHAN_MSG_MAX);

	c->stalled = n == 0;
	if (n <= 0)
		return n < 0 ? (int)n : -WRIT_E_BUSY;
	n = chan_take(&c->chan, &id, &label, req_buf, sizeof(req_buf));
	if (n == -WRIT_E_BUSY && chan_sleep(&c->chan))
		n = chan_take(&c->chan, &id, &label, req_buf, sizeof(req_buf));
	if (n < 0)
		return (int)n;
	n = c->srv->ops->handle(c, label, req_buf, (size_t)n, rep_buf);
	if (n < 0)
		return (int)n;
	return chan_send(&c->chan, id, label, rep_buf, (size_t)n, 0);
}

/* A turn of one session. Returns true when it has more to do. */
static bool serve(struct srv_session *c)
{
	for (unsigned i = 0; i < TURN_CALLS; i++) {
		int r = serve_one(c);

		if (r == -WRIT_E_BUSY)
			return false;
		if (r < 0) {
			srv_session_blame(c, r);
			chan_forget(&c->chan);
			srv_session_close(c);
			return false;
		}
	}
	return true;
}

/* One turn for each session that is on the list now; those that have more go to its end. */
static void serve_all(struct srv *s)
{
	struct srv_session *c = s->todo_head, *next;

	s->todo_head = s->todo_tail = NULL;
	for (; c != NULL; c = next) {
		next = c->todo;
		c->queued = false;
		if (c->dead)
			free(c);
		else if (serve(c))
			srv_session_queue(c);
	}
}

/* --- events ------------------------------------------------------------------- */

static void gate_event(struct srv *s, struct writ_event *ev)
{
	struct srv_session *c;

	switch (ev->hdr.op) {
	case WRIT_EV_CONNECT: srv_session_adopt(s, ev); return;
	case WRIT_EV_RING: srv_session_ring(s, ev); return;
	case WRIT_EV_CLOSED:
		c = srv_session_find(s, (uint32_t)ev->hdr.arg);
		if (c == NULL)
			return;
		c->chan.session = 0;
		chan_forget(&c->chan);
		srv_session_close(c);
		return;
	default:
		if (s->ops->event != NULL)
			s->ops->event(s, ev);
		for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
			if (ev->fds[i] >= 0)
				close(ev->fds[i]);
	}
}

/* Some of the kernel's events. 0, or an error when the gate is gone. */
static int gate_events(struct srv *s)
{
	struct writ_event ev;
	int r = 1;

	for (unsigned i = 0; i < BATCH && r > 0; i++) {
		r = writ_event_next(&ev, 0);
		if (r > 0)
			gate_event(s, &ev);
	}
	return r < 0 ? r : 0;
}

/*
 * Bells first: sessions are only put on the list here, so none of the batch can
 * be gone yet. Returns true when the gate is ready.
 */
static bool bells(struct srv *s, const struct epoll_event *e, int n)
{
	bool gate = false;

	for (int i = 0; i < n; i++) {
		uintptr_t p = (uintptr_t)e[i].data.ptr;

		gate = gate || p == 0;
		if (p == 0 || (p & WATCH_BIT) != 0)
			continue;
		chan_wake(&((struct srv_session *)p)->chan);
		srv_session_queue((struct srv_session *)p);
	}
	for (int i = 0; i < n; i++) {
		uintptr_t p = (uintptr_t)e[i].data.ptr;

		if ((p & WATCH_BIT) != 0) {
			const struct srv_watch *w = (const struct srv_watch *)(p & ~WATCH_BIT);

			w->fn(s, w->arg);
		}
	}
	return gate;
}

/* How long epoll may sleep: not at all when there is work, at most until the next tick. */
static int nap_ms(const struct srv *s, int64_t tick_at)
{
	int64_t left;

	if (s->todo_head != NULL || writ_event_kept() || (s->ops->turn != NULL && sys_reply_kept()))
		return 0;
	if (tick_at < 0)
		return -1;
	left = (tick_at - srv_now_ns() + 999999) / 1000000;
	return left > 0 ? (int)left : 0;
}

static int loop(struct srv *s)
{
	int64_t every = s->ops->tick != NULL ? s->ops->tick_ms * INT64_C(1000000) : 0;
	int64_t tick_at = every > 0 ? srv_now_ns() + every : -1;
	struct epoll_event e[BATCH];
	int n, r;

	while (!s->stopping) {
		n = epoll_wait(s->epfd, e, BATCH, nap_ms(s, tick_at));
		if (n < 0 && errno != EINTR)
			return -WRIT_E_IO;
		r = bells(s, e, n) || writ_event_kept() ? gate_events(s) : 0;
		if (r < 0)
			return r;
		serve_all(s);
		if (tick_at >= 0 && srv_now_ns() >= tick_at) {
			s->ops->tick(s);
			tick_at = srv_now_ns() + every;
		}
		if (s->ops->turn != NULL)
			s->ops->turn(s);
	}
	return 0;
}

/* --- the whole life ------------------------------------------------------------ */

static int adopt(struct srv *s)
{
	struct epoll_event e = { .events = EPOLLIN };

	/* A peer or a log that goes away is an error to handle, not a death. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (s->max_sessions == 0)
		s->max_sessions = SRV_MAX_SESSIONS;
	s->by_id = calloc(SRV_BUCKETS, sizeof(struct srv_session *));
	s->by_pid = calloc(SRV_BUCKETS, sizeof(struct srv_session *));
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->by_id == NULL || s->by_pid == NULL || s->epfd < 0 ||
	    epoll_ctl(s->epfd, EPOLL_CTL_ADD, WRIT_GATE_FD, &e) < 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	return 0;
}

/* Have the connections of every endpoint that one may receive from. */
static int listen_all(void)
{
	uint32_t rights;
	const char *name;
	writ_cap_t slot;
	unsigned type;

	for (unsigned i = 0; writ_named_each(i, &type, &name, &slot, &rights); i++) {
		struct writ_hdr h = sys_hdr(WRIT_OP_LISTEN, slot, 0, 0);
		int r = 0;

		if (type == WRIT_TYPE_ENDPOINT && (rights & WRIT_R_READ) != 0)
			r = writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static void fini(struct srv *s)
{
	while (s->sessions != NULL)
		srv_session_close(s->sessions);
	serve_all(s); /* frees what waits on the list */
	for (struct srv_watch *w = s->watches, *next; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
	free(s->by_id);
	free(s->by_pid);
	if (s->epfd >= 0)
		close(s->epfd);
}

int srv_main(int argc, char **argv, const struct srv_ops *ops)
{
	static const char *const steps[] = { "adopt", "init", "listen", "ready", "loop" };
	struct srv s = { .ops = ops, .epfd = -1 };
	unsigned i;
	int r = 0;

	for (i = 0; i < 5 && r == 0; i++) {
		switch (i) {
		case 0: r = adopt(&s); break;
		case 1: r = ops->init != NULL ? ops->init(&s, argc, argv) : 0; break;
		case 2: r = listen_all(); break;
		case 3: r = writ_started(); break;
		case 4: r = loop(&s); break;
		}
	}
	if (r < 0)
		srv_log(&s, "%s: %s", steps[i - 1], writ_strerror(r));
	fini(&s);
	return r < 0 ? EX_SOFTWARE : EXIT_SUCCESS;
}
