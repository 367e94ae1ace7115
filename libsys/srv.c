/* SPDX-License-Identifier: MIT */
/*
 * The server skeleton: a mailbox, and a server's operations on what comes out
 * of it. Bad input ends a session, never the server; no client can make it
 * wait: nothing is taken from one that has left no room for the reply before.
 */
#include <writ/srv.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include <writ/proc.h>
#include "libsys/mbox.h"
#include "libsys/sys.h"

struct srv_watch {
	struct srv_watch *next;
	void (*fn)(struct srv *s, void *arg);
	void *arg;
};

static uint8_t req_buf[SRV_MSG_MAX], rep_buf[SRV_MSG_MAX];

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

static void on_watch(void *owner, void *arg)
{
	const struct srv_watch *w = arg;

	w->fn(owner, w->arg);
}

int srv_watch(struct srv *s, int fd, void (*fn)(struct srv *s, void *arg), void *arg)
{
	struct srv_watch *w = malloc(sizeof(*w));
	int r;

	if (w == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	*w = (struct srv_watch){ s->watches, fn, arg };
	r = mbox_watch(s->box, fd, on_watch, s, w);
	if (r < 0)
		free(w);
	else
		s->watches = w;
	return r;
}

/* --- clients ---------------------------------------------------------------------- */

/* Say in the log that one broke the rules, at most one line a second for all of them. */
static void blame(struct srv *s, uint32_t pid, const char *why)
{
	int64_t now = spin_now();

	if (s->logged_ns != 0 && now - s->logged_ns < INT64_C(1000000000)) {
		s->unlogged++;
		return;
	}
	srv_log(s, "closed a session of proc %u: %s (and %u unlogged before)", pid, why,
	    s->unlogged);
	s->logged_ns = now;
	s->unlogged = 0;
}

static void on_refused(void *arg, uint32_t pid, int err)
{
	blame(arg, pid, writ_strerror(err));
}

static struct srv_session *session_of(struct writ_chan *ch)
{
	return *writ_chan_state(ch);
}

static void session_close(struct srv *s, struct writ_chan *ch)
{
	struct srv_session *c = session_of(ch);

	if (c != NULL && s->ops->close != NULL)
		s->ops->close(c);
	free(c);
	writ_chan_close(ch);
}

static int session_open(struct srv *s, struct writ_chan *ch)
{
	struct srv_session *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	c->chan = ch;
	c->peer = writ_chan_peer(ch);
	c->srv = s;
	r = s->ops->open != NULL ? s->ops->open(c) : 0;
	if (r < 0)
		free(c);
	else
		*writ_chan_state(ch) = c;
	return r;
}

/* Handle a request and reply. An error ends the session. */
static int serve(struct srv_session *c, struct writ_chan_msg *m, size_t len)
{
	struct frame f = { .kind = FRAME_REPLY, .id = m->id, .label = m->label };
	int64_t n;

	c->request = m;
	c->ngive = 0;
	n = c->srv->ops->handle(c, m->label, req_buf, len, rep_buf);
	chan_caps_drop(m->caps, m->ncaps);
	f.ncaps = (uint8_t)c->ngive;
	for (unsigned i = 0; i < c->ngive; i++)
		f.caps[i] = c->give[i];
	if (n < 0 || m->id == 0) {
		chan_caps_drop(c->give, c->ngive);
		return n < 0 ? (int)n : 0;
	}
	f.total = (uint32_t)n;
	return chan_put(c->chan, &f, rep_buf, true, 0);
}

static void came(struct srv *s, struct writ_chan *ch, struct writ_chan_msg *m, int64_t n)
{
	struct srv_session *c = session_of(ch);
	int r = n < 0 ? (int)n : 0;

	if (r == 0 && m->event == WRIT_CHAN_OPENED)
		r = session_open(s, ch);
	else if (r == 0 && m->event == WRIT_CHAN_MSG)
		r = serve(c, m, (size_t)n);
	else if (r == 0 && m->event == WRIT_CHAN_REPLY)
		r = -WRIT_E_BAD_REQUEST; /* nothing was asked */
	if (r < 0 && r != -WRIT_E_PEER_CLOSED)
		blame(s, ch->peer.pid, writ_strerror(r));
	else if (m->event == WRIT_CHAN_CLOSED && ch->broken)
		blame(s, ch->peer.pid, "it broke the rules of the channel");
	if (r < 0 || m->event == WRIT_CHAN_CLOSED)
		session_close(s, ch);
}

/* --- the loop ------------------------------------------------------------------------ */

static bool not_of_box(void *arg, const struct writ_hdr *h)
{
	return !mbox_wants(arg, h);
}

/* What the kernel says besides of sessions. */
static int other_events(struct srv *s)
{
	struct writ_event ev;
	int r = mbox_gate(s->box); /* its own first: a session may have come and gone */

	while (r == 0 && sys_event_take(&ev, not_of_box, s->box)) {
		if (s->ops->event != NULL)
			s->ops->event(s, &ev);
		for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
			if (ev.fds[i] >= 0)
				close(ev.fds[i]);
	}
	return r;
}

static int loop(struct srv *s)
{
	int64_t every = s->ops->tick != NULL ? s->ops->tick_ms * INT64_C(1000000) : 0;
	int64_t tick_at = every > 0 ? spin_now() + every : -1;
	struct writ_chan_msg m;
	struct writ_chan *ch;

	while (!s->stopping) {
		int64_t n = mbox_step(s->box, &ch, req_buf, sizeof(req_buf), &m, 0, tick_at);

		if (n >= 0 || n == -WRIT_E_RANGE)
			came(s, ch, &m, n);
		else if (n != -WRIT_E_BUSY)
			return (int)n;
		if (writ_event_kept() && other_events(s) < 0)
			return -WRIT_E_PEER_CLOSED;
		if (tick_at >= 0 && spin_now() >= tick_at) {
			s->ops->tick(s);
			tick_at = spin_now() + every;
		}
		if (s->ops->turn != NULL)
			s->ops->turn(s);
	}
	return 0;
}

/* --- the whole life ------------------------------------------------------------ */

static int adopt(struct srv *s)
{
	int r;

	/* A peer or a log that goes away is an error to handle, not a death. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	r = writ_mbox_new(0, &s->box);
	if (r == 0) {
		s->box->others = true;
		s->box->refused = on_refused;
		s->box->arg = s;
	}
	return r;
}

/* Have the connections of every endpoint that one may receive from. */
static int listen_all(struct srv *s)
{
	uint32_t rights;
	const char *name;
	writ_cap_t slot;
	unsigned type;

	for (unsigned i = 0; writ_named_each(i, &type, &name, &slot, &rights); i++) {
		int r = 0;

		if (type == WRIT_TYPE_ENDPOINT && (rights & WRIT_R_READ) != 0)
			r = mbox_listen(s->box, slot);
		if (r < 0)
			return r;
	}
	return 0;
}

static void fini(struct srv *s)
{
	while (s->box != NULL && s->box->all != NULL)
		session_close(s, s->box->all);
	writ_mbox_free(s->box);
	for (struct srv_watch *w = s->watches, *next; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
}

int srv_main(int argc, char **argv, const struct srv_ops *ops)
{
	static const char *const steps[] = { "adopt", "init", "listen", "ready", "loop" };
	struct srv s = { .ops = ops };
	unsigned i;
	int r = 0;

	for (i = 0; i < 5 && r == 0; i++) {
		switch (i) {
		case 0: r = adopt(&s); break;
		case 1: r = ops->init != NULL ? ops->init(&s, argc, argv) : 0; break;
		case 2: r = listen_all(&s); break;
		case 3: r = writ_started(); break;
		case 4: r = loop(&s); break;
		}
	}
	if (r < 0)
		srv_log(&s, "%s: %s", steps[i - 1], writ_strerror(r));
	fini(&s);
	return r < 0 ? EX_SOFTWARE : EXIT_SUCCESS;
}
