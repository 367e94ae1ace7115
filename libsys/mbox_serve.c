/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes: who comes and goes. Sessions that the kernel tells of, the rings
 * that clients bring, and the links that they belong to. Believes what the kernel
 * attests, and nothing that a client says of its rings.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include "libsys/chan_tag.h"
#include "libsys/mbox.h"
#include "libsys/ring.h"
#include "libsys/sys.h"

#define MAX_CHANS 32768 /* at once */
#define PID_LINKS 4     /* of one proc: two descriptors each, for RING_HINTS rings */
#define WATCH_BIT ((uintptr_t)1)
#define AS_SPARE \
	(256ull << 20)          /* address space that a proc has besides its memory: nest_loop.c \
				 */
#define RING_SHARE (8ull << 30) /* bytes of rings where nothing is said of memory */
#define RING_LEAST (4ull << 20)
#define RING_FREE  (1u << 20) /* a proc's first ring of usual size is always in it */

static struct writ_mbox *serving; /* a proc's sessions all come to one mailbox */

/* --- tables ------------------------------------------------------------------------------- */

static struct writ_chan **bucket(struct writ_mbox *b, uint32_t session)
{
	return &b->by_session[(session * 2654435761u >> 16) % MBOX_BUCKETS];
}

struct writ_chan *mbox_find(void *box, uint32_t session)
{
	struct writ_chan *c = *bucket(box, session);

	while (c != NULL && c->peer.session != session)
		c = c->by_next;
	return c;
}

void mbox_enter(struct writ_mbox *b, struct writ_chan *c)
{
	struct writ_chan **at = bucket(b, c->peer.session);

	c->box = b;
	c->by_next = *at;
	*at = c;
	c->all_prev = NULL;
	c->all_next = b->all;
	if (b->all != NULL)
		b->all->all_prev = c;
	b->all = c;
	b->nchans++;
	mbox_ready(b, c);
}

static void unready(struct writ_mbox *b, struct writ_chan *c)
{
	struct writ_chan **at = &b->ready_head;

	if (!c->ready)
		return;
	while (*at != c)
		at = &(*at)->ready_next;
	*at = c->ready_next;
	if (b->ready_tail == &c->ready_next)
		b->ready_tail = at;
	c->ready = false;
}

void chan_unbox(struct writ_chan *c)
{
	struct writ_mbox *b = c->box;
	struct writ_chan **at;

	if (b == NULL)
		return;
	mbox_unlink(b, c);
	for (at = bucket(b, c->peer.session); *at != c; at = &(*at)->by_next)
		;
	*at = c->by_next;
	if (c->all_prev != NULL)
		c->all_prev->all_next = c->all_next;
	else
		b->all = c->all_next;
	if (c->all_next != NULL)
		c->all_next->all_prev = c->all_prev;
	b->nchans--;
	b->own -= c->client;
	mbox_cool(b, c);
	unready(b, c);
	c->box = NULL;
}

static size_t keeps(const struct writ_chan *c)
{
	return (c->rest != NULL ? c->rest->size : 0) + (c->cur.part != NULL ? c->cur.msg.len : 0);
}

bool mbox_may_keep(const struct writ_mbox *b, const struct writ_chan *c, size_t len)
{
	size_t all = 0, mine = 0;

	for (const struct writ_chan *o = b->all; o != NULL; o = o->all_next) {
		all += keeps(o);
		mine += o->peer.pid == c->peer.pid ? keeps(o) : 0;
	}
	/* One message of each, however long one wants them. */
	return mine == 0 || (all + len <= MBOX_KEEP && mine + len <= (MBOX_KEEP - all) / 4);
}

/*
 * A channel of the proc that has most Replies held; NULL if that is @pid, or nobody has.
 * Procs whose numbers meet in the table count as one.
 */
static struct writ_chan *most_held(void *box, uint32_t pid)
{
	static uint32_t held[1024];
	const struct writ_mbox *b = box;
	struct writ_chan *most = NULL;

	memset(held, 0, sizeof(held));
	for (struct writ_chan *c = b->all; c != NULL; c = c->all_next) {
		uint32_t *n = &held[c->peer.pid % 1024];

		if (c->client || !kernel_server_holds(c->tx[CHAN_TX_KERNEL]))
			continue;
		(*n)++;
		if (most == NULL || *n > held[most->peer.pid % 1024])
			most = c;
	}
	return most != NULL && held[most->peer.pid % 1024] > held[pid % 1024] ? most : NULL;
}

/* --- links ----------------------------------------------------------------------------------- */

static void on_hint(void *arg, void *owner)
{
	(void)arg;
	chan_hinted(owner);
}

void mbox_rang(struct mbox_link *l)
{
	link_rang(l->link, false, on_hint, NULL);
}

static struct mbox_link *link_find(const struct writ_mbox *b, uint32_t id, uint32_t pid)
{
	struct mbox_link *l = b->links;

	while (l != NULL && (l->id != id || l->pid != pid))
		l = l->next;
	return l;
}

static unsigned links_of(const struct writ_mbox *b, uint32_t pid)
{
	unsigned n = 0;

	for (const struct mbox_link *l = b->links; l != NULL; l = l->next)
		n += l->pid == pid;
	for (const struct writ_chan *c = b->all; c != NULL; c = c->all_next)
		n += c->peer.pid == pid && c->ring_next.tx != NULL;
	return n;
}

/* Watch @link's bell, edge-triggered: it is never read. NULL: no memory. */
static struct mbox_link *link_watch(struct writ_mbox *b, struct link *link, uint32_t id,
    uint32_t pid)
{
	struct mbox_link *l = calloc(1, sizeof(*l));
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.ptr = l };

	if (l == NULL || epoll_ctl(b->epfd, EPOLL_CTL_ADD, link_fd(link), &e) < 0) {
		free(l);
		return NULL;
	}
	*l = (struct mbox_link){ .next = b->links, .link = link_get(link), .id = id, .pid = pid };
	b->links = l;
	return l;
}

int mbox_link(struct writ_mbox *b, struct writ_chan *c)
{
	uint32_t pid = c->client ? 0 : c->peer.pid;
	struct mbox_link *l = link_find(b, c->link_id, pid);

	if (l == NULL)
		l = link_watch(b, c->link, c->link_id, pid);
	if (l == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	l->rings++;
	c->boxed_link = l;
	b->releasable += c->idle_ms != 0;
	return 0;
}

void mbox_unlink(struct writ_mbox *b, struct writ_chan *c)
{
	struct mbox_link *l = c->boxed_link, **at = &b->links;

	if (l == NULL)
		return;
	c->boxed_link = NULL;
	b->releasable -= c->idle_ms != 0;
	if (--l->rings > 0)
		return;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	/* The peer holds the bell as well: closing it would not take it out of the set. */
	epoll_ctl(b->epfd, EPOLL_CTL_DEL, link_fd(l->link), NULL);
	link_put(l->link);
	free(l);
}

static void on_message(void *box, struct writ_chan *c)
{
	mbox_ready(box, c);
}

/* --- events ---------------------------------------------------------------------------------- */

/* Each realm gets at most as many as it leaves free, a proc a quarter of that: none can take all.
 */
static bool has_place(const struct writ_mbox *b, uint32_t realm, uint32_t pid)
{
	unsigned of_realm = 0, of_pid = 0, left = b->max_chans - b->nchans;

	for (const struct writ_chan *c = b->all; c != NULL; c = c->all_next) {
		of_realm += c->peer.realm == realm;
		of_pid += c->peer.pid == pid;
	}
	return b->nchans < b->max_chans && of_realm < left && of_pid < left / 4 + 1;
}

static void connected(struct writ_mbox *b, const struct writ_ev_connect *e)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_CLOSE, 0, e->session, 0);
	struct writ_chan *c = NULL;
	struct tx *t = NULL;

	if (has_place(b, e->realm, e->pid)) {
		c = chan_new(false, NULL);
		t = kernel_server_new(&b->ports[0]);
	}
	if (c == NULL || t == NULL) {
		if (t != NULL)
			t->ops->close(t);
		free(c);
		sys_gate_post_quiet(&h, NULL);
		if (b->refused != NULL)
			b->refused(b->arg, e->pid, -WRIT_E_NOT_ENOUGH_MEMORY);
		return;
	}
	chan_install(c, CHAN_TX_KERNEL, t);
	c->peer = (struct writ_chan_peer){ .session = e->session,
		.pid = e->pid,
		.realm = e->realm,
		.rights = e->rights,
		.badge = e->badge };
	memcpy(c->peer.prefix, e->prefix, sizeof(c->peer.prefix) - 1);
	mbox_enter(b, c);
}

/* The link that a ring belongs to: it came with it, or another of the same proc's brought it. */
static struct link *link_of(struct writ_mbox *b, const struct writ_chan *c, struct writ_event *ev)
{
	const struct mbox_link *l;
	int bells[2];

	if (ev->ring.bells == 0) {
		l = link_find(b, chan_tag_link(ev->ring.tag), c->peer.pid);
		return l != NULL ? link_get(l->link) : NULL;
	}
	if (links_of(b, c->peer.pid) >= PID_LINKS ||
	    link_find(b, c->peer.session, c->peer.pid) != NULL ||
	    chan_tag_link(ev->ring.tag) != c->peer.session)
		return NULL;
	bells[0] = ev->fds[1];
	bells[1] = ev->fds[2];
	ev->fds[1] = ev->fds[2] = -1;
	return link_new(ev->fds[0], bells[0], bells[1], 1);
}

/*
 * Memory of rings may be touched first by oneself, and count as one's own: all of them
 * together may be half of what one has, and those of a proc a quarter of what is left.
 */
static bool may_map(const struct writ_mbox *b, const struct writ_chan *c, uint64_t bytes)
{
	uint64_t all = 0, mine = 0;

	for (const struct writ_chan *o = b->all; o != NULL; o = o->all_next) {
		uint64_t n = o->tx[CHAN_TX_USER] != NULL ? o->ring_bytes : 0;

		all += n;
		mine += o->peer.pid == c->peer.pid ? n : 0;
	}
	return all + bytes <= b->ring_max && mine + bytes <= (b->ring_max - all) / 4 + RING_FREE;
}

/* The ring that came with @ev, for @c. NULL: it can't be one, or there is no memory. */
static struct tx *adopt(struct writ_mbox *b, struct writ_chan *c, struct writ_event *ev,
    struct link **ret_link)
{
	uint64_t bytes = ev->ring.bytes, bulk = (bytes - ring_bytes(0)) / 2;
	struct tx *t = NULL;

	if (bytes < ring_bytes(RING_BULK_MIN) || bulk > RING_BULK_MAX ||
	    ring_bytes((uint32_t)bulk) != bytes)
		return NULL;
	*ret_link = link_of(b, c, ev);
	if (*ret_link != NULL)
		t = ring_new(ev->fds[0], (uint32_t)bulk, 1, *ret_link,
		    chan_tag_number(ev->ring.tag), c);
	if (t == NULL) {
		link_put(*ret_link);
		*ret_link = NULL;
	}
	return t;
}

static void ring_came(struct writ_mbox *b, struct writ_chan *c, struct writ_event *ev)
{
	struct link *link = NULL;
	struct tx *t = NULL;

	if (c->ring_next.tx != NULL) { /* one at a time is what can be on its way */
		chan_break(c);
		mbox_ready(b, c);
		return;
	}
	if (may_map(b, c, ev->ring.bytes))
		t = adopt(b, c, ev, &link);
	if (t != NULL && chan_ring_in(c, t, link, ev->ring.tag) == 0) {
		c->ring_bytes = ev->ring.bytes;
		return;
	}
	if (t != NULL)
		t->ops->close(t);
	link_put(link);
	c->refused = true; /* which its SWITCH is told: all goes on through the kernel */
}

bool mbox_wants(void *box, const struct writ_hdr *h)
{
	struct writ_mbox *b = box;

	return (h->op == WRIT_EV_CONNECT && b->nports > 0) ||
	    ((h->op == WRIT_EV_RING || h->op == WRIT_EV_CLOSED) &&
		mbox_find(b, (uint32_t)h->arg) != NULL);
}

static void event(struct writ_mbox *b, struct writ_event *ev)
{
	struct writ_chan *c = mbox_find(b, (uint32_t)ev->hdr.arg);

	if (ev->hdr.op == WRIT_EV_CONNECT) {
		connected(b, &ev->connect);
	} else if (ev->hdr.op == WRIT_EV_CLOSED) {
		c->gone = true;
		mbox_ready(b, c);
	} else {
		ring_came(b, c, ev);
	}
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		if (ev->fds[i] >= 0)
			close(ev->fds[i]);
}

/* What the kernel has said of sessions, which comes before their messages. */
static void events(void *box)
{
	struct writ_event ev;

	while (writ_event_kept() && sys_event_take(&ev, mbox_wants, box))
		event(box, &ev);
}

int mbox_gate(struct writ_mbox *b)
{
	int r = sys_gate_pump();

	if (r == 0)
		events(b);
	if (writ_event_kept())
		chan_note_closed();
	for (unsigned i = 0; i < b->nports && r == 0; i++)
		r = port_poll(&b->ports[i]);
	/* Answers to what one's own channels have asked. */
	for (struct writ_chan *c = b->own > 0 ? b->all : NULL; c != NULL; c = c->all_next)
		if (c->client)
			mbox_ready(b, c);
	return r;
}

void mbox_sweep(struct writ_mbox *b, int64_t now)
{
	uint32_t ms = b->swept_ns != 0 ? (uint32_t)((now - b->swept_ns) / 1000000) : 0;

	b->swept_ns = now;
	for (struct writ_chan *c = b->all; c != NULL; c = c->all_next) {
		uint64_t used = c->stats.sent[1] + c->stats.received[1];

		if (c->idle_ms == 0 || c->boxed_link == NULL)
			continue;
		c->quiet_ms = used == c->seen ? c->quiet_ms + ms : 0;
		c->seen = used;
		if (c->quiet_ms >= c->idle_ms && !c->release && c->out == CHAN_TX_USER)
			chan_switch(c, CHAN_TX_KERNEL, SWITCH_RELEASE);
	}
}

/* --- begin and end ------------------------------------------------------------------------------
 */

int mbox_listen(struct writ_mbox *b, writ_cap_t endpoint)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_LISTEN, endpoint, 0, 0);
	int r;

	if (b->nports == MBOX_PORTS || (serving != NULL && serving != b))
		return -WRIT_E_BUSY;
	r = writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
	if (r < 0)
		return r;
	serving = b;
	b->ports[b->nports++] = (struct port){
		.endpoint = endpoint,
		.find = mbox_find,
		.events = events,
		.ready = on_message,
		.most = most_held,
		.arg = b,
	};
	return 0;
}

int mbox_watch(struct writ_mbox *b, int fd, void (*fn)(void *owner, void *arg), void *owner,
    void *arg)
{
	struct mbox_watch *w = malloc(sizeof(*w));
	struct epoll_event e = { .events = EPOLLIN };

	if (w == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	*w = (struct mbox_watch){ b->watches, fn, owner, arg };
	e.data.ptr = (void *)((uintptr_t)w | WATCH_BIT);
	if (epoll_ctl(b->epfd, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(w);
		return -WRIT_E_INVALID_ARGUMENT;
	}
	b->watches = w;
	return 0;
}

/* Half of one's memory, as far as one can know it. */
static uint64_t ring_share(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_AS, &l) < 0 || l.rlim_cur == RLIM_INFINITY)
		return RING_SHARE;
	return l.rlim_cur > AS_SPARE + 2 * RING_LEAST ? (l.rlim_cur - AS_SPARE) / 2 : RING_LEAST;
}

int writ_mbox_new(writ_cap_t endpoint, struct writ_mbox **ret)
{
	struct writ_mbox *b = calloc(1, sizeof(*b));
	struct epoll_event e = { .events = EPOLLIN };
	int r = 0;

	if (b == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	b->ready_tail = &b->ready_head;
	b->max_chans = MAX_CHANS;
	b->ring_max = ring_share();
	spin_init(&b->spin, 0);
	b->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (b->epfd < 0 || epoll_ctl(b->epfd, EPOLL_CTL_ADD, WRIT_GATE_FD, &e) < 0)
		r = -WRIT_E_NOT_ENOUGH_MEMORY;
	if (r == 0 && endpoint != 0)
		r = mbox_listen(b, endpoint);
	if (r < 0) {
		writ_mbox_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void writ_mbox_free(struct writ_mbox *b)
{
	struct mbox_watch *w, *next;

	if (b == NULL)
		return;
	if (b->names != NULL)
		b->names->gone(b);
	while (b->all != NULL)
		writ_chan_close(b->all);
	for (unsigned i = 0; i < b->nports; i++)
		port_close(&b->ports[i]);
	for (w = b->watches; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
	if (b->epfd >= 0)
		close(b->epfd);
	if (serving == b)
		serving = NULL;
	free(b);
}

int writ_mbox_add(struct writ_mbox *b, struct writ_chan *c)
{
	int r;

	if (c->box != NULL || !c->client)
		return -WRIT_E_ILLEGAL_OPERATION;
	c->opened = true;
	mbox_enter(b, c);
	b->own++;
	r = c->link != NULL ? mbox_link(b, c) : 0;
	if (r < 0)
		chan_unbox(c);
	return r;
}
