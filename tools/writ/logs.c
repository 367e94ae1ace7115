/* SPDX-License-Identifier: MIT */
/* writ logs: what procs wrote to their standard output and error. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/writ/procs.h"
#include "tools/writ/tail.h"

#define LOGS_POLL_MS 500 /* how often the list of procs is read again */

static int fail_log(struct cli *c, const char *what, int r)
{
	int code = r == -ENOENT ? EX_NOINPUT : r == -EACCES ? EX_NOPERM : EX_OSERR;

	return cli_fail(c, code, "%s: %s", what, strerror(-r));
}

static bool wanted(const struct cli *c, const Writ__Op__Proc *p)
{
	for (int i = 0; i < c->nargs; i++) {
		if (proc_is(p, c->args[i]))
			return true;
	}
	return c->nargs == 0;
}

/* Follow what of @p is wanted. *ret_alive: how many of those may write still. */
static int logs_add(struct cli *c, struct tail *t, const struct procs *p, uint64_t last,
    size_t *ret_alive)
{
	char path[32];
	int r;

	*ret_alive = 0;
	for (size_t i = 0; i < p->n; i++) {
		const Writ__Op__Proc *proc = p->v[i];

		if (!wanted(c, proc))
			continue;
		*ret_alive += !proc_ended(proc);
		if (proc->log == 0) /* none yet, or none at all */
			continue;
		snprintf(path, sizeof(path), "%u.log", proc->log);
		r = tail_add(t, proc->pid, path, proc->name, last);
		if (r < 0)
			return fail_log(c, path, r);
	}
	return 0;
}

static void logs_end(struct tail *t, const struct procs *p, bool all)
{
	for (size_t i = 0; i < p->n; i++) {
		if (all || proc_ended(p->v[i]))
			tail_end(t, p->v[i]->pid);
	}
}

static int logs_follow(struct cli *c, struct client *cl, struct tail *t, uint64_t last)
{
	bool follow = c->opt['f'] != NULL;
	struct procs p;
	size_t alive;
	int rc;

	do {
		rc = procs_load(c, cl, "", &p);
		if (rc != 0)
			return rc;
		for (int i = 0; rc == 0 && i < c->nargs; i++)
			rc = procs_need(c, &p, c->args[i]);
		if (rc == 0)
			rc = logs_add(c, t, &p, last, &alive);
		while (rc == 0 && tail_pump(t))
			;
		if (rc == 0)
			logs_end(t, &p, !follow || alive == 0);
		procs_free(&p);
		if (rc == 0 && follow && alive > 0)
			tail_wait(t, LOGS_POLL_MS);
		last = UINT64_MAX; /* of those that begin later, all */
	} while (rc == 0 && follow && alive > 0 && !t->broken);
	return rc;
}

/* The kernel's own log; readable without a node that runs. */
static int logs_kernel(struct cli *c, struct tail *t, uint64_t last)
{
	int r = tail_add(t, 0, "kernel.log", "kernel", last);

	if (r < 0)
		return fail_log(c, "kernel.log", r);
	while (tail_pump(t) || (c->opt['f'] != NULL && !t->broken))
		tail_wait(t, LOGS_POLL_MS);
	tail_end(t, 0);
	return 0;
}

static int logs_run(struct cli *c)
{
	bool kernel = c->nargs == 1 && strcmp(c->args[0], "kernel") == 0;
	unsigned flags = c->nargs != 1 ? TAIL_PREFIX : 0;
	uint64_t last = UINT64_MAX;
	struct client cl = { 0 };
	struct tail t;
	char dir[128];
	int rc = 0, r;

	if (c->opt['c'] != NULL && (rc = cli_number(c, "--bytes", c->opt['c'], INT64_MAX, &last)))
		return rc;
	if (!kernel && (rc = client_open(c, &cl)) != 0)
		return rc;
	if (isatty(STDOUT_FILENO))
		flags |= TAIL_SAFE;
	snprintf(dir, sizeof(dir), "%s/%s", CLI_LOG_DIR, c->node);
	r = tail_init(&t, dir, stdout, flags);
	if (r < 0)
		rc = fail_log(c, dir, r);
	else
		rc = kernel ? logs_kernel(c, &t, last) : logs_follow(c, &cl, &t, last);
	if (r == 0)
		tail_fini(&t);
	client_close(&cl);
	return rc;
}

static const struct argp_option logs_options[] = {
	{ "follow", 'f', NULL, 0, "Go on until the procs have ended", 0 },
	{ "bytes", 'c', "N", 0, "Begin N bytes before the end", 0 },
	{ 0 },
};

const struct cmd cmd_logs = {
	.name = "logs",
	.args = "[PROC|PID|REALM...]",
	.doc = "Show what procs wrote",
	.more = "Each line of more than one log has the proc's name in front. On a terminal, "
		"control characters are shown as \\xNN. `writ logs kernel' shows the "
		"kernel's own log, also of a node that runs no more.\n\n"
		"Example: writ logs -f coordinator",
	.run = logs_run,
	.opts = logs_options,
	.flags = CMD_NODE,
	.max = -1,
};
