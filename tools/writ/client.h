/* SPDX-License-Identifier: MIT */
/*
 * The operator's calls to root (op.proto) over nng. Root is an untrusted
 * server: what it says is bounded and is never more than text and numbers here.
 * After client_open() the process must not fork (nng panics); posix_spawn() is fine.
 */
#pragma once
#include <semaphore.h>
#include <nng/nng.h>
#include <writ/op.pb-c.h>

#include "tools/writ/cli.h"

#define CLIENT_FRAME_MAX  65536
#define CLIENT_TIMEOUT_MS 5000

/* Does not move while it is open. */
struct client {
	nng_socket sock;
	bool open;
	sem_t connected;
};

/*
 * Reach the root server of cli's node. Errors: EX_UNAVAILABLE (no such node
 * runs), EX_NOPERM (neither root nor of group writ), EX_SOFTWARE.
 */
int client_open(struct cli *c, struct client *cl);
void client_close(struct client *cl);

/* Wait at most cli_ms(@ms) for each step of later calls (CLIENT_TIMEOUT_MS at first). */
void client_limit(struct client *cl, int ms);

/*
 * One call. *ret is the reply, its status OK (free with client_free()). A reply
 * with another status becomes an error: its sentence and client_exit_code().
 * Errors besides: EX_TEMPFAIL (no answer in time), EX_UNAVAILABLE (the node
 * went away), EX_PROTOCOL (the reply is no reply), EX_DATAERR (the call is too big).
 */
int client_call(struct cli *c, struct client *cl, const Writ__Op__Req *req, Writ__Op__Rep **ret);
void client_free(Writ__Op__Rep *rep);

/* client_call() where only success matters. */
int client_do(struct cli *c, struct client *cl, const Writ__Op__Req *req);

/* Like client_call(), but gives the status (enum writ_err) of the reply in *ret_status. */
int client_ask(struct cli *c, struct client *cl, const Writ__Op__Req *req, uint32_t *ret_status);

/* All replies of a call that gives rows in pages. */
struct pages {
	Writ__Op__Rep **v;
	size_t n;
};
#define CLIENT_PAGES_MAX 4096

/* Call from req->offset on, until there are no more rows. @p is empty before, and after an error.
 */
int client_pages(struct cli *c, struct client *cl, Writ__Op__Req *req, struct pages *p);
void pages_free(struct pages *p);

/* The exit code that stands for enum writ_err @status. */
int client_exit_code(uint32_t status);
