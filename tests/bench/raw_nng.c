/* SPDX-License-Identifier: MIT */
/*
 * req and rep of nng over ipc. Opened in the processes of the peer only: nng
 * must not be there in one that forks afterwards.
 */
#include "raw_private.h"
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int nng_open(struct raw *r)
{
	nng_socket *s = calloc(1, sizeof(*s));
	int e;

	if (s == NULL)
		return -1;
	e = r->end == 0 ? nng_req0_open(s) : nng_rep0_open(s);
	if (e == 0)
		e = nng_socket_set_size(*s, NNG_OPT_RECVMAXSZ, r->spec.size + 64);
	if (e == 0)
		e = r->end == 0 ? nng_dial(*s, r->address, NULL, NNG_FLAG_NONBLOCK)
				: nng_listen(*s, r->address, NULL, 0);
	if (e != 0) {
		fprintf(stderr, "bench: nng: %s\n", nng_strerror(e));
		free(s);
		return -1;
	}
	r->state = s;
	return 0;
}

static int nng_put(struct raw *r)
{
	nng_socket *s = r->state;

	return nng_send(*s, r->own, r->spec.size, 0) == 0 ? 0 : -1;
}

static int nng_get(struct raw *r)
{
	nng_socket *s = r->state;
	size_t n = r->spec.size;

	return nng_recv(*s, r->own, &n, 0) == 0 && n == r->spec.size ? 0 : -1;
}

static int nng_trip(struct raw *r)
{
	return nng_put(r) < 0 ? -1 : nng_get(r);
}

static int nng_serve(struct raw *r)
{
	return nng_get(r) < 0 ? -1 : nng_put(r);
}

const struct raw_ops raw_nng = { NULL, nng_open, nng_trip, nng_serve };
