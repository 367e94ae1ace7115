/* SPDX-License-Identifier: MIT */
/*
 * writ guard: what holds the node's procs, and what the eBPF layers do. The mode is
 * in the pinned maps; root is told of it, for it runs no realm that requires more.
 * It is told before a layer goes and after one comes: it never believes too much.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <writ/err.h>

#include "tools/boot/switch.h"
#include "tools/writ/client.h"
#include "tools/writ/layers.h"
#include "tools/writ/node.h"
#include "tools/writ/table.h"

enum { LOCK_TRIES = 100, LOCK_MS = 20 };

#define GONE \
	NODE_BOOT ", which would attach it, is gone: a realm that requires it does not run until " \
		  "`writ guard enforce'"

struct guard_state {
	enum guard_mode mode;
	uint32_t loaded; /* of eBPF's, whatever the mode */
	uint32_t active;
	bool told; /* the first server runs realms, and is told of the mode */
};

static void why_read(const struct cli *c, struct layers_why *why)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/kernel.log", CLI_LOG_DIR, c->node);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	*why = (struct layers_why){ 0 };
	if (fd < 0)
		return;
	layers_read(fd, 0, why);
	close(fd);
}

/* Without a root that knows: what the node's start said. The rest is asked of the pins. */
static void state_guess(const struct cli *c, struct guard_state *ret)
{
	struct layers_why why;

	why_read(c, &why);
	*ret = (struct guard_state){ .mode = GUARD_ENFORCE };
	for (unsigned i = 0; i < WRIT_LAYER_N; i++)
		if (why.text[i][0] == '\0')
			ret->active |= 1u << i;
	ret->active &= (1u << WRIT_LAYER_EBPF_CALLS) - 1; /* of the rest the pins tell */
}

/* What root says and, where they can be looked at, the pins: which are right. */
static int state_read(struct cli *c, struct client *cl, struct guard_state *ret)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	struct guard_config config;
	Writ__Op__Rep *rep;
	int rc;

	req.op = WRIT__OP__OP__OP_GUARD;
	rc = client_call(c, cl, &req, &rep);
	if (rc != 0 && rc != EX_DATAERR)
		return rc;
	if (rc == EX_DATAERR) { /* another first server: it runs no realms */
		c->error[0] = '\0';
		state_guess(c, ret);
	} else {
		*ret =
		    (struct guard_state){ .loaded = rep->had, .active = rep->layers, .told = true };
		rc = guard_mode_parse(rep->guard, &ret->mode) ? 0 : EX_PROTOCOL;
		client_free(rep);
		if (rc != 0)
			return cli_fail(c, rc, "node %s: root knows no mode of its guard", c->node);
	}
	if (guard_config_read(c->node, &config) == 0) {
		ret->loaded = config.loaded.bits;
		ret->active = config.layers.bits;
		ret->mode = guard_mode_of(&config);
	}
	return 0;
}

static const struct column guard_columns[] = {
	{ "layer", "LAYER", COLUMN_LEFT },
	{ "state", "STATE", COLUMN_LEFT },
	{ "why", "WHY", COLUMN_LEFT },
	{ "mode", NULL, COLUMN_JSON },
};

static int state_print(struct cli *c, const struct guard_state *s)
{
	struct table *t = table_new(guard_columns,
	    sizeof(guard_columns) / sizeof(guard_columns[0]));
	struct layers_why why;
	int r = -1;

	why_read(c, &why);
	if (!c->json)
		printf("node %s: %s\n", c->node, writ_guard_name(s->mode));
	for (unsigned i = 0; t != NULL && i < WRIT_LAYER_N; i++) {
		const char *state = layers_state(i, s->active, s->loaded, s->mode);

		const char *shown = strcmp(state, "missing") == 0 ? why.text[i] : "";

		if (strcmp(state, "on demand") == 0)
			shown = node_watched(c) ? why.text[i] : GONE;
		table_row(t);
		table_text(t, writ_layer_name(i));
		table_text(t, state);
		table_text(t, shown);
		table_text(t, writ_guard_name(s->mode));
	}
	if (t != NULL)
		r = table_print(t, stdout, c->json);
	table_free(t);
	return cli_printed(c, r);
}

static int root_tell(struct cli *c, struct client *cl, const struct guard_state *s)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;

	if (!s->told)
		return 0;
	req.op = WRIT__OP__OP__OP_GUARD;
	req.guard = (char *)(uintptr_t)writ_guard_name(s->mode);
	req.layers = s->loaded;
	req.force = c->opt['f'] != NULL;
	return client_do(c, cl, &req);
}

/* Who else holds the lock is done in no time. */
static int pins_lock(const struct cli *c)
{
	int fd = -EAGAIN;

	for (int tries = 0; fd == -EAGAIN && tries < LOCK_TRIES; tries++) {
		if (tries > 0)
			poll(NULL, 0, cli_ms(LOCK_MS));
		fd = guard_lock(c->node);
	}
	return fd;
}

/* Does @mode take layers away from realms? */
static bool takes(enum guard_mode mode)
{
	return mode == GUARD_OFF || mode == GUARD_AUDIT;
}

/* By who holds the lock of the pins: root is told of nothing that then can't be done at all. */
static int mode_set_locked(struct cli *c, struct client *cl, const struct guard_state *was,
    enum guard_mode mode)
{
	struct guard_state to = { .mode = mode, .loaded = was->loaded, .told = was->told };
	const char *doing = "";
	int rc, r;

	if (takes(mode) && (rc = root_tell(c, cl, &to)) != 0)
		return rc;
	r = guard_switch(c->node, mode, &doing);
	if (r == 0 && !takes(mode))
		return root_tell(c, cl, &to);
	if (r < 0)
		return cli_fail(c, EX_OSERR, "node %s: %s: %s; root takes its guard to be %s",
		    c->node, doing, strerror(-r), writ_guard_name(takes(mode) ? mode : was->mode));
	return 0;
}

static int mode_set(struct cli *c, struct client *cl, const struct guard_state *was,
    enum guard_mode mode)
{
	int lock, rc;

	if ((was->loaded & GUARD_LAYERS) == 0)
		return cli_fail(c, EX_UNAVAILABLE,
		    "node %s has none of the layers that could be switched; `writ guard' says why",
		    c->node);
	if ((lock = pins_lock(c)) < 0)
		return cli_fail(c, EX_OSERR, "node %s: locking the pins: %s", c->node,
		    strerror(-lock));
	rc = mode_set_locked(c, cl, was, mode);
	close(lock);
	return rc;
}

static int guard_run(struct cli *c)
{
	struct guard_state s;
	struct client cl;
	enum guard_mode mode = GUARD_OFF;
	bool set = c->nargs > 0;
	int lock = -1, rc;

	if (set && !guard_mode_parse(c->args[0], &mode))
		return cli_fail(c, EX_USAGE,
		    "guard: \"%s\" is none of off, audit, enforce, on-demand", c->args[0]);
	if (set && geteuid() != 0)
		return cli_fail(c, EX_NOPERM, "writ guard %s needs root", c->args[0]);
	if (set && (rc = node_guard(c, &lock)) != 0)
		return rc;
	rc = client_open(c, &cl);
	if (rc == 0) {
		rc = state_read(c, &cl, &s);
		if (rc == 0)
			rc = set ? mode_set(c, &cl, &s, mode) : state_print(c, &s);
		client_close(&cl);
	}
	if (lock >= 0)
		close(lock);
	return rc;
}

static const struct argp_option guard_options[] = {
	{ "force", 'f', NULL, 0, "Also while a realm runs that requires what goes", 0 },
	{ 0 },
};

const struct cmd cmd_guard = {
	.name = "guard",
	.args = "[off|audit|enforce|on-demand]",
	.doc = "Show or set what eBPF does with who breaks the rules",
	.more =
	    "Shows the layers of the sandbox, which of them hold the node's procs, and why others "
	    "don't. With a word, which needs root, the eBPF layers refuse (enforce), only "
	    "record (audit), or do nothing and cost nothing (off); or they refuse, and what looks "
	    "at each system call is there only while a realm requires it (on-demand).\n\n"
	    "Example: writ guard audit",
	.run = guard_run,
	.opts = guard_options,
	.flags = CMD_NODE | CMD_JSON,
	.max = 1,
};
