/* SPDX-License-Identifier: MIT */
/*
 * The one server skeleton (libsys/srv.c): adopt the gate, init, listen, ready,
 * loop. Takes sessions and requests, and closes a client that misbehaves; a
 * server is its operations and its state. Single-threaded.
 */
#pragma once
#include <stdbool.h>
#include <writ/chan.h>

#define SRV_MSG_MAX 65536 /* bytes of a request, and of a reply */

/* One client. The server may hang its own state on it. */
struct srv_session {
	struct writ_chan *chan;
	const struct writ_chan_peer
	    *peer; /* attested by the kernel: prefix, rights, pid, badge … */
	void *state;
	struct srv *srv;
	/*
	 * While a request is handled: what came with it (capabilities that aren't taken,
	 * by setting them to 0, are thrown away afterwards), and what goes with the reply
	 * (slots that are the skeleton's from then on).
	 */
	struct writ_chan_msg *request;
	writ_cap_t give[WRIT_CAPS_MAX];
	unsigned ngive;
};

struct srv_ops {
	const char *name;
	/* Fresh start, with the proc's arguments. Returns 0 or an error, which ends the server. */
	int (*init)(struct srv *s, int argc, char **argv);
	/* A client came; NULL: nothing to do. Returns 0, or an error, which closes it. */
	int (*open)(struct srv_session *c);
	void (*close)(struct srv_session *c);
	/*
	 * One request of @len bytes; write the reply into @rep (SRV_MSG_MAX bytes).
	 * Returns the reply's length, or a negated error, which closes the session
	 * (malformed requests only: a refused one is a reply).
	 */
	int64_t (
	    *handle)(struct srv_session *c, uint32_t label, const void *req, size_t len, void *rep);
	/* A kernel event that is not about sessions (schedd, root). May be NULL. */
	void (*event)(struct srv *s, struct writ_event *ev);
	/*
	 * At the end of each turn of the loop: replies to writ_gate_send() may
	 * have come (writ_gate_poll_reply() until it says 0). May be NULL.
	 */
	void (*turn)(struct srv *s);
	/* Every tick_ms, when that is not 0. */
	void (*tick)(struct srv *s);
	int tick_ms;
};

struct srv {
	const struct srv_ops *ops;
	void *state;
	struct writ_mbox *box;
	bool stopping;
	struct srv_watch *watches;
	int64_t logged_ns;
	unsigned unlogged; /* misbehaving clients: one line a second */
};

/*
 * The whole life of a server; call it from writ_main(). Listens on every
 * Endpoint capability with right read that it was given. Returns the exit code.
 */
int srv_main(int argc, char **argv, const struct srv_ops *ops);

/* Watch another descriptor: @fn(@s, @arg) when readable. 0 or an error. */
int srv_watch(struct srv *s, int fd, void (*fn)(struct srv *s, void *arg), void *arg);

/* One line to stderr (the proc's log): "name: text". */
void srv_log(const struct srv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
