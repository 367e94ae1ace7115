/* SPDX-License-Identifier: MIT */
/*
 * The server skeleton's table of clients: found by session and counted by pid
 * in constant time. Owns the memory of struct srv_session.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "libsys/srv_private.h"

static struct srv_session **bucket(struct srv_session **table, uint32_t key)
{
	return &table[(key * 2654435761u >> 16) % SRV_BUCKETS];
}

struct srv_session *srv_session_find(const struct srv *s, uint32_t session)
{
	struct srv_session *c = *bucket(s->by_id, session);

	while (c != NULL && c->id != session)
		c = c->by_id;
	return c;
}

static unsigned count_pid(const struct srv *s, uint32_t pid)
{
	unsigned n = 0;

	for (struct srv_session *c = *bucket(s->by_pid, pid); c != NULL; c = c->by_pid)
		n += c->pid == pid;
	return n;
}

/* Each realm gets at most as many as it leaves free: none can take them all. */
static bool has_place(const struct srv *s, uint32_t realm)
{
	unsigned mine = 0;

	for (const struct srv_session *c = s->sessions; c != NULL; c = c->next)
		mine += c->realm == realm;
	return s->nsessions < s->max_sessions && mine < s->max_sessions - s->nsessions;
}

static void link_in(struct srv *s, struct srv_session *c)
{
	struct srv_session **id = bucket(s->by_id, c->id), **pid = bucket(s->by_pid, c->pid);

	c->by_id = *id;
	*id = c;
	c->by_pid = *pid;
	*pid = c;
	c->next = s->sessions;
	if (c->next != NULL)
		c->next->prev = c;
	s->sessions = c;
	s->nsessions++;
}

static void link_out(struct srv *s, struct srv_session *c)
{
	struct srv_session **at = bucket(s->by_id, c->id);

	while (*at != c)
		at = &(*at)->by_id;
	*at = c->by_id;
	at = bucket(s->by_pid, c->pid);
	while (*at != c)
		at = &(*at)->by_pid;
	*at = c->by_pid;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->sessions = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	s->nsessions--;
}

void srv_session_queue(struct srv_session *c)
{
	struct srv *s = c->srv;

	if (c->queued)
		return;
	c->queued = true;
	c->todo = NULL;
	if (s->todo_head == NULL)
		s->todo_head = c;
	else
		s->todo_tail->todo = c;
	s->todo_tail = c;
}

/*
 * The client holds the bell as well: closing our descriptor does not take it
 * out of the epoll set, where it would ring for freed memory.
 */
static void discard(struct srv_session *c)
{
	epoll_ctl(c->srv->epfd, EPOLL_CTL_DEL, c->chan.bell_in, NULL);
	chan_close(&c->chan);
	if (c->queued)
		c->dead = true;
	else
		free(c);
}

void srv_session_close(struct srv_session *c)
{
	struct srv *s = c->srv;

	link_out(s, c);
	if (s->ops->close != NULL)
		s->ops->close(c);
	discard(c);
}

void srv_session_blame(struct srv_session *c, int err)
{
	struct srv *s = c->srv;
	int64_t now = srv_now_ns();

	if (s->logged_ns != 0 && now - s->logged_ns < INT64_C(1000000000)) {
		s->unlogged++;
		return;
	}
	srv_log(s, "closed a session of proc %u: %s (and %u unlogged before)", c->pid,
	    err == -WRIT_E_PEER_CLOSED ? "it broke the ring" : writ_strerror(err), s->unlogged);
	s->logged_ns = now;
	s->unlogged = 0;
}

/* Ready to be served: table, the server's own open(). 0 or an error. */
static int enter(struct srv *s, struct srv_session *c)
{
	int r;

	if (!has_place(s, c->realm) || count_pid(s, c->pid) >= SRV_PID_SESSIONS)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	r = s->ops->open != NULL ? s->ops->open(c) : 0;
	if (r < 0)
		return r;
	link_in(s, c);
	return 0;
}

void srv_session_ring(struct srv *s, const struct writ_event *ev)
{
	struct srv_session *c = srv_session_find(s, ev->ring.session);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	struct chan lost = { 0 };
	int r = chan_ring(c != NULL ? &c->chan : &lost, ev);

	if (c == NULL) { /* it was refused */
		chan_close(&lost);
		return;
	}
	if (r == 0 && epoll_ctl(s->epfd, EPOLL_CTL_ADD, c->chan.bell_in, &e) < 0)
		r = -WRIT_E_NOT_ENOUGH_MEMORY;
	if (r == 0)
		srv_session_queue(c); /* it may have sent before the bell was watched */
	else
		srv_session_close(c);
}

void srv_session_adopt(struct srv *s, const struct writ_event *ev)
{
	struct srv_session *c = calloc(1, sizeof(*c));
	struct chan lost;

	if (c == NULL) {
		chan_adopt(&lost, ev);
		chan_close(&lost);
		return;
	}
	c->srv = s;
	c->id = ev->connect.session;
	c->pid = ev->connect.pid;
	c->realm = ev->connect.realm;
	c->badge = ev->connect.badge;
	chan_adopt(&c->chan, ev);
	if (enter(s, c) < 0)
		discard(c);
}
