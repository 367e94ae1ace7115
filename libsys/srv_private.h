/* SPDX-License-Identifier: MIT */
/*
 * What the two files of the server skeleton share: srv.c (the loop) and
 * srv_session.c (the table of clients).
 */
#pragma once
#include <writ/srv.h>

#define SRV_MAX_SESSIONS 16384

int64_t srv_now_ns(void);

/* EV_CONNECT: take the client in, or send it away. */
void srv_session_adopt(struct srv *s, const struct writ_event *ev);

/* EV_RING: serve the client from now on. Takes the event's descriptors. */
void srv_session_ring(struct srv *s, const struct writ_event *ev);

/* NULL when there is none of that number. */
struct srv_session *srv_session_find(const struct srv *s, uint32_t session);

/* Give it a turn (once, however often it is asked). */
void srv_session_queue(struct srv_session *c);

/* Close it: callback, kernel, memory. One that waits on the todo list is freed there. */
void srv_session_close(struct srv_session *c);

/* Say in the log that it broke the rules (@err), at most one line a second for all clients. */
void srv_session_blame(struct srv_session *c, int err);
