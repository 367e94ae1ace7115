/* SPDX-License-Identifier: MIT */
/*
 * writ run: uploads a realm's images, starts it, shows what its procs write,
 * and ends as they end. The realm is stopped in the end, also when the operator
 * interrupts, unless it is to be kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <writ/err.h>
#include <writ/rights.h>

#include "tools/manifest/manifest.h"
#include "tools/writ/procs.h"
#include "tools/writ/realm.h"
#include "tools/writ/show.h"
#include "tools/writ/tail.h"

#define PIECE       (48 * 1024) /* of an image, in one message */
#define POLL_MIN_MS 10
#define POLL_MAX_MS 200

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

/* The pids that root started, and for which of them `run' waits. */
struct started {
	uint32_t *pids;
	bool *wait;
	size_t n;
};

static int image_pieces(struct cli *c, struct client *cl, Writ__Manifest__Image *image, int fd)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	uint8_t buf[PIECE];
	ssize_t n;
	int rc = 0;

	req.op = WRIT__OP__OP__OP_IMAGE;
	req.image = image;
	req.data.data = buf;
	while (rc == 0 && req.offset < image->size) {
		n = pread(fd, buf, sizeof(buf), (off_t)req.offset);
		if (n < 0)
			return cli_fail(c, EX_IOERR, "%s: %s", image->path, strerror(errno));
		if (n == 0)
			return cli_fail(c, EX_DATAERR, "%s: became shorter", image->path);
		req.data.len = (size_t)n;
		rc = client_do(c, cl, &req);
		req.offset += (uint64_t)n;
		if (interrupted)
			return cli_fail(c, 128 + interrupted, "interrupted");
	}
	return rc;
}

/* Upload an image unless the node has it. */
static int image_send(struct cli *c, struct client *cl, Writ__Manifest__Image *image)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	uint32_t status = WRIT_E_OK;
	int fd, rc;

	req.op = WRIT__OP__OP__OP_HAVE;
	req.image = image;
	rc = client_ask(c, cl, &req, &status);
	if (rc != 0 || status == WRIT_E_OK)
		return rc;
	fd = open(image->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail(c, EX_NOINPUT, "image %s: %s: %s", image->name, image->path,
		    strerror(errno));
	rc = image_pieces(c, cl, image, fd);
	close(fd);
	return rc;
}

/* Does it serve others, by a service or by an endpoint of its own? */
static bool is_server(const Writ__Manifest__Realm *realm, const char *name)
{
	const Writ__Manifest__Proc *p = NULL;

	for (size_t i = 0; i < realm->n_procs; i++)
		if (strcmp(realm->procs[i]->name, name) == 0)
			p = realm->procs[i];
	if (p == NULL)
		return false;
	for (size_t i = 0; i < p->n_grants; i++)
		if (p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT)
			return true;
	return p->provides[0] != '\0';
}

static void started_free(struct started *s)
{
	free(s->pids);
	free(s->wait);
}

/* Note what was started. A server ends with its realm: waited for only if there is nothing else. */
static int started_note(struct cli *c, const Writ__Manifest__Realm *realm, const Writ__Op__Rep *rep,
    struct started *ret)
{
	struct started s = { 0 };
	bool all = true;

	s.pids = calloc(rep->n_procs + 1, sizeof(*s.pids));
	s.wait = calloc(rep->n_procs + 1, sizeof(*s.wait));
	if (s.pids == NULL || s.wait == NULL) {
		started_free(&s);
		return cli_fail(c, EX_OSERR, "out of memory");
	}
	for (size_t i = 0; i < rep->n_procs; i++) {
		s.pids[s.n] = rep->procs[i]->pid;
		s.wait[s.n] = !is_server(realm, rep->procs[i]->name);
		all &= !s.wait[s.n++];
	}
	for (size_t i = 0; all && i < s.n; i++)
		s.wait[i] = true;
	*ret = s;
	return 0;
}

static int realm_start(struct cli *c, struct client *cl, Writ__Manifest__Realm *realm,
    struct started *ret)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	Writ__Op__Rep *rep = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < realm->n_images; i++)
		rc = image_send(c, cl, realm->images[i]);
	if (rc != 0)
		return rc;
	req.op = WRIT__OP__OP__OP_RUN;
	req.realm = realm;
	rc = client_call(c, cl, &req, &rep);
	if (rc != 0)
		return rc;
	rc = started_note(c, realm, rep, ret);
	client_free(rep);
	return rc;
}

static int realm_stop(struct cli *c, struct client *cl, const char *name)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;

	req.op = WRIT__OP__OP__OP_STOP;
	req.name = (char *)name;
	return client_do(c, cl, &req);
}

/* More than one proc may write: the manifest has more, or lets one spawn others. */
static bool many_writers(const Writ__Manifest__Realm *realm)
{
	for (size_t i = 0; i < realm->n_procs; i++) {
		for (size_t j = 0; j < realm->procs[i]->n_grants; j++) {
			if (realm->procs[i]->grants[j]->kind ==
			    WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN)
				return true;
		}
	}
	return realm->n_procs > 1;
}

/* Is @pid one of those started, or did one of them spawn it? */
static bool is_ours(const struct procs *p, const struct started *s, uint32_t pid)
{
	const Writ__Op__Proc *proc;

	for (size_t steps = 0; steps <= p->n; steps++) {
		for (size_t i = 0; i < s->n; i++) {
			if (s->pids[i] == pid)
				return true;
		}
		proc = procs_find(p, pid);
		if (proc == NULL)
			return false;
		pid = proc->parent;
	}
	return false;
}

static void logs_update(struct tail *t, const struct procs *p, const struct started *s)
{
	char path[32];

	for (size_t i = 0; i < p->n; i++) {
		const Writ__Op__Proc *proc = p->v[i];

		if (proc->log == 0 || !is_ours(p, s, proc->pid))
			continue;
		snprintf(path, sizeof(path), "%u.log", proc->log);
		if (tail_add(t, proc->pid, path, proc->name, UINT64_MAX) == 0 && proc_ended(proc))
			tail_end(t, proc->pid);
	}
}

/* Have those that `run' waits for ended? *ret_code: the first status that isn't 0. */
static bool all_ended(const struct procs *p, const struct started *s, int *ret_code)
{
	bool all = true;

	*ret_code = 0;
	for (size_t i = 0; i < s->n; i++) {
		const Writ__Op__Proc *proc = procs_find(p, s->pids[i]);

		if (!s->wait[i])
			continue;
		if (proc != NULL && !proc_ended(proc))
			all = false;
		else if (*ret_code ==
		    0) /* a row that is no longer kept has ended, nobody knows how */
			*ret_code = proc != NULL ? proc_status(proc) : EX_SOFTWARE;
	}
	return all;
}

static void report(const struct procs *p, const struct started *s)
{
	char fate[64];

	for (size_t i = 0; i < s->n; i++) {
		const Writ__Op__Proc *proc = procs_find(p, s->pids[i]);

		if (!s->wait[i] || (proc != NULL && proc_status(proc) == 0))
			continue;
		fputs("writ: ", stderr);
		if (proc == NULL) {
			fprintf(stderr, "pid %u ended, and its row is no longer kept\n",
			    s->pids[i]);
			continue;
		}
		show_safe_put(stderr, proc->name);
		fprintf(stderr, " (pid %u): %s\n", proc->pid, proc_fate(proc, fate, sizeof(fate)));
	}
}

/* Show what the procs write until they have ended. *ret_code: what `run' ends with. */
static int follow(struct cli *c, struct client *cl, struct tail *t, const char *realm,
    const struct started *s, int *ret_code)
{
	int rc, ms = POLL_MIN_MS;
	struct procs p;
	bool done;

	for (;;) {
		rc = procs_load(c, cl, realm, &p);
		if (rc != 0)
			return rc;
		logs_update(t, &p, s);
		while (tail_pump(t) && !interrupted)
			;
		done = all_ended(&p, s, ret_code);
		if (done)
			report(&p, s);
		procs_free(&p);
		if (done)
			return 0;
		if (interrupted || t->broken)
			return cli_fail(c, 128 + (interrupted ? interrupted : SIGPIPE),
			    "realm %s: interrupted", realm);
		tail_wait(t, ms);
		ms = ms < POLL_MAX_MS ? ms * 2 : ms;
	}
}

static int show_logs(struct cli *c, struct client *cl, const Writ__Manifest__Realm *realm,
    const struct started *s)
{
	unsigned flags = (isatty(STDOUT_FILENO) ? TAIL_SAFE : 0) |
	    (many_writers(realm) ? TAIL_PREFIX : 0);
	struct tail t;
	char dir[128];
	int code = 0, rc;

	snprintf(dir, sizeof(dir), "%s/%s", CLI_LOG_DIR, c->node);
	rc = tail_init(&t, dir, stdout, flags);
	if (rc < 0)
		return cli_fail(c, rc == -EACCES ? EX_NOPERM : EX_OSERR, "%s: %s", dir,
		    strerror(-rc));
	rc = follow(c, cl, &t, realm->name, s, &code);
	tail_fini(&t);
	return rc != 0 ? rc : code;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int print_pids(const struct started *s)
{
	for (size_t i = 0; i < s->n; i++)
		printf("%s%u", i > 0 ? " " : "", s->pids[i]);
	putchar('\n');
	return 0;
}

static int run_realm(struct cli *c, struct client *cl, Writ__Manifest__Realm *realm)
{
	struct started s = { 0 };
	int rc = realm_start(c, cl, realm, &s), stop;
	char error[sizeof(c->error)];

	if (rc != 0)
		return rc;
	if (c->opt['d'] != NULL) {
		rc = print_pids(&s);
	} else {
		rc = show_logs(c, cl, realm, &s);
		memcpy(error, c->error, sizeof(error));
		stop = c->opt['k'] != NULL ? 0 : realm_stop(c, cl, realm->name);
		if (rc != 0 || stop == EX_NOINPUT) /* somebody else stopped it */
			memcpy(c->error, error, sizeof(error));
		else
			rc = stop;
	}
	started_free(&s);
	return rc;
}

static int run_run(struct cli *c)
{
	Writ__Manifest__Realm *realm;
	struct client cl;
	int rc = client_open(c,
	    &cl); /* first: what is wrong with a manifest may depend on the node */

	if (rc != 0)
		return rc;
	rc = realm_load(c, c->args[0], REALM_HOSTS, &realm);
	if (rc == 0) {
		catch_signals();
		rc = run_realm(c, &cl, realm);
		manifest_realm_free(realm);
	}
	client_close(&cl);
	return rc;
}

static const struct argp_option run_options[] = {
	{ "detach", 'd', NULL, 0, "Print the pids and leave the realm running", 0 },
	{ "keep", CLI_LONG('k'), NULL, 0, "Don't stop the realm when its procs have ended", 0 },
	{ 0 },
};

const struct cmd cmd_run = {
	.name = "run",
	.args = "FILE",
	.doc = "Run a realm from its manifest",
	.more = "Shows what its procs write until those that provide no service and have no "
		"endpoint have ended, then stops the realm. The exit code is the first of theirs "
		"that isn't 0; 128 + signal for one that was killed, 126 for one that could not be "
		"started.\n\n"
		"Example: writ run docs/examples/wordcount/wordcount.yaml",
	.run = run_run,
	.opts = run_options,
	.flags = CMD_NODE,
	.min = 1,
	.max = 1,
};
