/* SPDX-License-Identifier: MIT */
/*
 * The kernel transport: frames as endpoint calls through the gate. The client
 * makes every call, since a server can't call a client: one that carries a frame, or
 * one without ("get") when it waits. The server answers when it has taken the frame; a call
 * whose sender waits is kept open until a frame goes back in the answer. At most
 * two calls of a session are open at once, which bounds what lies anywhere.
 */
#pragma once
#include "libsys/tx.h"

struct writ_chan;

/* The client's side of @session, opened through @path. NULL: no memory. */
struct tx *kernel_client_new(writ_cap_t path, uint32_t session);
/* What the server made of the SWITCH that was sent last: 1 done, -1 refused, 0 not yet known. */
int kernel_client_verdict(struct tx *t);
/* Is a frame on its way that the server has not taken? */
bool kernel_client_unread(const struct tx *t);
/* After it is closed or broken: may what was sent last have been taken by the server? */
bool kernel_client_taken(const struct tx *t);

/*
 * The receiving end of an Endpoint: one RECV at a time is open for all sessions that came through
 * it. @find(@arg, session) gives the server's side of one, NULL when there is none.
 */
struct port {
	writ_cap_t endpoint, reply, take; /* where the next message's Reply and capabilities come */
	uint32_t cookie;                  /* of the RECV; 0: none is open */
	struct writ_chan *(*find)(void *arg, uint32_t session);
	void (*ready)(void *arg, struct writ_chan *c);
	void (*events)(void *arg); /* take in what the kernel said of sessions */
	/* A session of the proc that has most Replies held, if those are more than @pid has. */
	struct writ_chan *(*most)(void *arg, uint32_t pid);
	void *arg;
};
/* Take what has come (of what the gate has kept: sys_gate_pump() first) to its sessions. 0 or an
 * error. */
int port_poll(struct port *p);
/* See that a RECV is open, before sleeping. 0, BUSY (all slots of one's CSpace are in use) or an
 * error. */
int port_open(struct port *p);
void port_close(struct port *p);

/* Refuse the SWITCH that peek() gives: it is released. */
void kernel_server_refuse(struct tx *t);
/* Is a Reply held for it? */
bool kernel_server_holds(const struct tx *t);
/* Does a client's side of @t hold slots by what nobody takes? */
bool kernel_server_full(const struct tx *t);
/* The server's side of a session that came through @p. NULL: no memory. */
struct tx *kernel_server_new(struct port *p);
