/* SPDX-License-Identifier: MIT */
/* The operator's calls over nng: see client.h. */
#include "tools/writ/client.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <nng/protocol/reqrep0/req.h>
#include <writ/err.h>

int client_exit_code(uint32_t status)
{
	switch (status) {
	case WRIT_E_OK: return EX_OK;
	case WRIT_E_NOT_FOUND: return EX_NOINPUT;
	case WRIT_E_NO_RIGHT: return EX_NOPERM;
	case WRIT_E_BUSY:
	case WRIT_E_EXISTS:
	case WRIT_E_TIMED_OUT:
	case WRIT_E_NOT_ENOUGH_MEMORY:
	case WRIT_E_NO_SPACE: return EX_TEMPFAIL;
	case WRIT_E_INVALID_ARGUMENT:
	case WRIT_E_RANGE:
	case WRIT_E_BAD_REQUEST:
	case WRIT_E_BAD_PATH:
	case WRIT_E_NAME_TOO_LONG:
	case WRIT_E_EXEC_FAILED: return EX_DATAERR;
	default: return EX_SOFTWARE;
	}
}

static int fail_nng(struct cli *c, const char *what, int r)
{
	switch (r) {
	case NNG_ENOENT:
	case NNG_ECONNREFUSED:
		return cli_fail(c, EX_UNAVAILABLE,
		    "node %s is not running; start it with: writ up%s%s", c->node,
		    c->node_given ? " --node " : "", c->node_given ? c->node : "");
	case NNG_EPERM:
		return cli_fail(c, EX_NOPERM, "node %s: only root and group writ may operate it",
		    c->node);
	case NNG_ETIMEDOUT:
		return cli_fail(c, EX_TEMPFAIL, "node %s: %s: no answer in time", c->node, what);
	case NNG_ECLOSED:
	case NNG_ECONNSHUT:
	case NNG_ECONNRESET: return cli_fail(c, EX_UNAVAILABLE, "node %s went away", c->node);
	default: return cli_fail(c, EX_SOFTWARE, "node %s: %s: %s", c->node, what, nng_strerror(r));
	}
}

/*
 * Is there a server on the node's socket? nng would say so as well, but only
 * after a handshake whose limit of 10 s can't be changed. A socket of another
 * type never connects, so the server has no connection to accept and drop.
 */
static int knock(struct cli *c, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return cli_fail(c, EX_OSERR, "no socket: %s", strerror(errno));
	r = connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ? errno : 0;
	close(fd);
	switch (r) {
	case EPROTOTYPE: return 0;
	case EACCES:
	case EPERM: return fail_nng(c, "connecting", NNG_EPERM);
	default: return fail_nng(c, "connecting", NNG_ENOENT);
	}
}

static void on_connected(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	(void)p;
	(void)ev;
	sem_post(arg);
}

/*
 * Dial, and wait until both sides have shaken hands: a server has been seen to
 * answer nobody any more after a client that left in the middle of it.
 */
static int dial(struct client *cl, const char *url)
{
	struct timespec until;
	sem_t *connected = &cl->connected;
	int r;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += cli_ms(CLIENT_TIMEOUT_MS) / 1000;
	if ((r = nng_socket_set_size(cl->sock, NNG_OPT_RECVMAXSZ, CLIENT_FRAME_MAX)) != 0 ||
	    (r = nng_socket_set_ms(cl->sock, NNG_OPT_RECONNMINT, 20)) != 0 ||
	    (r = nng_pipe_notify(cl->sock, NNG_PIPE_EV_ADD_POST, on_connected, connected)) != 0 ||
	    (r = nng_dial(cl->sock, url, NULL, NNG_FLAG_NONBLOCK)) != 0)
		return r;
	while ((r = sem_timedwait(connected, &until)) < 0 && errno == EINTR)
		;
	return r == 0 ? 0 : NNG_ETIMEDOUT;
}

int client_open(struct cli *c, struct client *cl)
{
	char url[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int r;

	*cl = (struct client){ 0 };
	snprintf(url, sizeof(url), "ipc://%s/%s/op/op.sock", CLI_RUN_DIR, c->node);
	r = knock(c, url + strlen("ipc://"));
	if (r != 0)
		return r;
	r = nng_req0_open(&cl->sock);
	if (r != 0)
		return fail_nng(c, "opening a socket", r);
	cl->open = true;
	sem_init(&cl->connected, 0, 0);
	r = dial(cl, url);
	if (r != 0) {
		client_close(cl);
		return fail_nng(c, "connecting", r);
	}
	client_limit(cl, CLIENT_TIMEOUT_MS);
	return 0;
}

void client_limit(struct client *cl, int ms)
{
	nng_socket_set_ms(cl->sock, NNG_OPT_SENDTIMEO, cli_ms(ms));
	nng_socket_set_ms(cl->sock, NNG_OPT_RECVTIMEO, cli_ms(ms));
}

void client_close(struct client *cl)
{
	if (cl->open)
		nng_close(cl->sock);
	cl->open = false;
}

static int exchange(struct cli *c, struct client *cl, const Writ__Op__Req *req, Writ__Op__Rep **ret)
{
	size_t size = writ__op__req__get_packed_size(req), n;
	uint8_t *buf;
	void *reply;
	int r;

	if (size > CLIENT_FRAME_MAX)
		return cli_fail(c, EX_DATAERR, "the request takes %zu bytes, more than %d", size,
		    CLIENT_FRAME_MAX);
	buf = malloc(size + 1);
	if (buf == NULL)
		return cli_fail(c, EX_OSERR, "out of memory");
	writ__op__req__pack(req, buf);
	r = nng_send(cl->sock, buf, size, 0);
	free(buf);
	if (r != 0)
		return fail_nng(c, "sending", r);
	r = nng_recv(cl->sock, &reply, &n, NNG_FLAG_ALLOC);
	if (r != 0)
		return fail_nng(c, "waiting for the answer", r);
	*ret = writ__op__rep__unpack(NULL, n, reply);
	nng_free(reply, n);
	if (*ret == NULL)
		return cli_fail(c, EX_PROTOCOL, "node %s: the answer is no valid message", c->node);
	return 0;
}

int client_call(struct cli *c, struct client *cl, const Writ__Op__Req *req, Writ__Op__Rep **ret)
{
	Writ__Op__Rep *rep = NULL;
	int rc = exchange(c, cl, req, &rep);

	if (rc != 0)
		return rc;
	if (rep->status != WRIT_E_OK) {
		rc = cli_fail(c, client_exit_code(rep->status), "%s",
		    rep->error[0] != '\0' ? rep->error : writ_strerror((int)rep->status));
		client_free(rep);
		return rc;
	}
	*ret = rep;
	return 0;
}

void client_free(Writ__Op__Rep *rep)
{
	if (rep != NULL)
		writ__op__rep__free_unpacked(rep, NULL);
}

int client_do(struct cli *c, struct client *cl, const Writ__Op__Req *req)
{
	Writ__Op__Rep *rep = NULL;
	int rc = client_call(c, cl, req, &rep);

	if (rc == 0)
		client_free(rep);
	return rc;
}

int client_ask(struct cli *c, struct client *cl, const Writ__Op__Req *req, uint32_t *ret_status)
{
	Writ__Op__Rep *rep = NULL;
	int rc = exchange(c, cl, req, &rep);

	if (rc != 0)
		return rc;
	*ret_status = rep->status;
	client_free(rep);
	return 0;
}

int client_pages(struct cli *c, struct client *cl, Writ__Op__Req *req, struct pages *p)
{
	Writ__Op__Rep **v;
	uint64_t next;
	int rc;

	*p = (struct pages){ 0 };
	do {
		v = reallocarray(p->v, p->n + 1, sizeof(*v));
		if (v == NULL) {
			pages_free(p);
			return cli_fail(c, EX_OSERR, "out of memory");
		}
		p->v = v;
		rc = client_call(c, cl, req, &v[p->n]);
		if (rc != 0) {
			pages_free(p);
			return rc;
		}
		next = v[p->n++]->next;
		if (next != 0 && (next <= req->offset || p->n == CLIENT_PAGES_MAX)) {
			pages_free(p);
			return cli_fail(c, EX_PROTOCOL, "node %s: its list has no end", c->node);
		}
		req->offset = next;
	} while (next != 0);
	return 0;
}

void pages_free(struct pages *p)
{
	for (size_t i = 0; i < p->n; i++)
		client_free(p->v[i]);
	free(p->v);
	*p = (struct pages){ 0 };
}
