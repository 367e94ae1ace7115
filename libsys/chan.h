/* SPDX-License-Identifier: MIT */
/*
 * The inside of a channel: what its files share, and what tests use to make one
 * over transports of their own. The public part is <writ/chan.h>.
 *
 * Each direction uses one transport at a time. Who sends may go on with another
 * at any frame: FRAME_SWITCH is the last on the old one. Who reads it goes on
 * with the new one, and lets what it sends follow. So order needs no numbers and no
 * acknowledgement, and each direction is at one place at any time.
 */
#pragma once
#include <writ/chan.h>
#include "libsys/tx.h"

enum { CHAN_TX_KERNEL, CHAN_TX_USER, CHAN_TX_OTHER, CHAN_TX_N };

/* A channel without a session and without transports. NULL: no memory. @attr may be NULL. */
struct writ_chan *chan_new(bool client, const struct writ_chan_attr *attr);
/* Give it transport @number (takes @t over). The first one is what both directions begin with. */
void chan_install(struct writ_chan *c, unsigned number, struct tx *t);
/* Send FRAME_SWITCH and go on with @number in the outgoing direction; the peer's
 * follows. 0, BUSY (no room for the frame now: it is done before the next message) or PEER_CLOSED. */
int chan_switch(struct writ_chan *c, unsigned number);
/* The transport that is used now for what comes (@in) or goes. */
unsigned chan_on(const struct writ_chan *c, bool in);
