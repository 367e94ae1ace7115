/* SPDX-License-Identifier: MIT */
/*
 * The operator's socket: nng rep over ipc, in the folder that the kernel lends. nng's
 * threads only hand frames over; root answers them in its own loop.
 */
#pragma once
#include <stdint.h>
#include <writ/srv.h>

#define OP_PATH     "op.sock" /* in the working folder */
#define OP_URL      "ipc://" OP_PATH
#define OP_FRAME    65536 /* bytes of a request */
#define OP_REPLY    65536 /* bytes of a reply */
#define OP_CONTEXTS 4     /* requests at once */

/* 0 or an error, logged. */
int op_init(struct srv *s);
/* Call instance_tick() in @ms from now. */
void op_alarm(uint64_t ms);
/* Leave what has been answered some time to be sent, then close the socket. */
void op_fini(void);
