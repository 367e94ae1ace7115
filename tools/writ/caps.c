/* SPDX-License-Identifier: MIT */
/* writ caps: the derivation tree, and what one proc holds. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <writ/rights.h>

#include "tools/writ/dump.h"
#include "tools/writ/given.h"
#include "tools/writ/procs.h"
#include "tools/writ/rights.h"
#include "tools/writ/table.h"
#include "tools/writ/tree.h"

#define INDENT_MAX 24

struct caps {
	struct pages pages;
	Writ__Op__Cap **v;
	size_t n;
};

static int caps_load(struct cli *c, struct client *cl, struct caps *caps)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	Writ__Op__Cap **v;
	int rc;

	req.op = WRIT__OP__OP__OP_CAPS;
	rc = client_pages(c, cl, &req, &caps->pages);
	for (size_t i = 0; rc == 0 && i < caps->pages.n; i++) {
		const Writ__Op__Rep *rep = caps->pages.v[i];

		v = reallocarray(caps->v, caps->n + rep->n_caps + 1, sizeof(*v));
		if (v == NULL)
			return cli_fail(c, EX_OSERR, "out of memory");
		caps->v = v;
		for (size_t j = 0; j < rep->n_caps; j++)
			v[caps->n++] = rep->caps[j];
	}
	return rc;
}

static void caps_free(struct caps *caps)
{
	free(caps->v);
	pages_free(&caps->pages);
}

static const struct column caps_columns[] = {
	{ "type", "TYPE", COLUMN_LEFT },
	{ "rights", "RIGHTS", COLUMN_LEFT },
	{ "badge", "BADGE", COLUMN_RIGHT },
	{ "pid", "PID", COLUMN_RIGHT },
	{ "holder", "HOLDER", COLUMN_LEFT },
	{ "index", "SLOT", COLUMN_RIGHT },
	{ "name", "NAME", COLUMN_LEFT },
	{ "slot", NULL, COLUMN_JSON },
	{ "parent", NULL, COLUMN_JSON },
	{ "depth", NULL, COLUMN_JSON },
	{ "object", NULL, COLUMN_JSON },
};

static const char *holder_name(const struct procs *p, uint32_t pid)
{
	const Writ__Op__Proc *proc = procs_find(p, pid);

	return pid == 0 ? "(kernel)" : proc != NULL ? proc->name : "?";
}

static void caps_row(struct table *t, const Writ__Op__Cap *cap, const struct procs *p,
    unsigned depth)
{
	bool cut = strlen(cap->name) == sizeof(((struct writ_cap_info *)NULL)->name) - 1;
	char shown[128], rights[128];
	int indent = depth < INDENT_MAX ? (int)depth : INDENT_MAX;

	snprintf(shown, sizeof(shown), "%*s%s", indent * 2, "", writ_type_name(cap->type));
	table_row(t);
	table_cell(t, shown, json_string(writ_type_name(cap->type)));
	table_text(t, writ_rights_text(cap->rights, rights, sizeof(rights)));
	snprintf(shown, sizeof(shown), "%" PRIu64, cap->badge);
	table_cell(t, cap->badge != 0 ? shown : "-", json_integer((json_int_t)cap->badge));
	table_num(t, cap->pid);
	table_text(t, holder_name(p, cap->pid));
	table_num(t, cap->index);
	snprintf(shown, sizeof(shown), "%s%s", cap->name, cut ? "..." : "");
	table_text(t, shown);
	table_num(t, cap->slot);
	table_num(t, cap->parent);
	table_num(t, cap->depth);
	table_num(t, cap->obj);
}

/* Does @who (NULL: anyone) hold @cap? */
static bool caps_held_by(const Writ__Op__Cap *cap, const struct procs *p, const char *who)
{
	const Writ__Op__Proc *proc;

	if (who == NULL)
		return true;
	proc = procs_find(p, cap->pid);
	return proc != NULL && proc_is(proc, who);
}

static int caps_print(struct cli *c, const struct caps *caps, const struct procs *p,
    const char *who)
{
	struct table *t = table_new(caps_columns, sizeof(caps_columns) / sizeof(caps_columns[0]));
	struct tree_node *v = calloc(caps->n + 1, sizeof(*v));
	size_t n = 0;
	int r = -1;

	for (size_t i = 0; v != NULL && i < caps->n; i++) {
		if (caps_held_by(caps->v[i], p, who))
			v[n++] = (struct tree_node){ caps->v[i]->slot, caps->v[i]->parent, i, 0 };
	}
	if (t != NULL && v != NULL && tree_order(v, n) == 0) {
		for (size_t i = 0; i < n; i++)
			caps_row(t, caps->v[v[i].row], p, v[i].depth);
		r = table_print(t, stdout, c->json);
	}
	table_free(t);
	free(v);
	return cli_printed(c, r);
}

static int caps_run(struct cli *c)
{
	struct caps caps = { 0 };
	struct procs p = { 0 };
	struct client cl;
	int rc;

	if (c->opt['r'] != NULL)
		return rights_print(c);
	if (c->opt['I'] != NULL && c->opt['d'] == NULL)
		return cli_fail(c, EX_USAGE, "--images goes with --dump");
	rc = client_open(c, &cl);
	if (rc != 0)
		return rc;
	if (c->opt['d'] != NULL) {
		rc = dump_run(c, &cl);
		client_close(&cl);
		return rc;
	}
	rc = procs_load(c, &cl, "", &p);
	if (rc == 0 && c->nargs > 0)
		rc = procs_need(c, &p, c->args[0]);
	if (rc == 0 && c->opt['g'] != NULL)
		rc = given_run(c, &cl, c->nargs > 0 ? c->args[0] : NULL);
	else if (rc == 0)
		rc = caps_load(c, &cl, &caps);
	client_close(&cl);
	if (rc == 0 && c->opt['g'] == NULL)
		rc = caps_print(c, &caps, &p, c->nargs > 0 ? c->args[0] : NULL);
	caps_free(&caps);
	procs_free(&p);
	return rc;
}

static const struct argp_option caps_options[] = {
	{ "given", 'g', NULL, 0, "What procs were given as they were spawned, also ended ones", 0 },
	{ "dump", CLI_LONG('d'), NULL, 0,
	    "Write the whole distribution as text, for writ up --dump", 0 },
	{ "images", CLI_LONG('I'), "DIR", 0,
	    "With --dump: copy the images of running realms into DIR", 0 },
	{ "rights", CLI_LONG('r'), NULL, 0, "Print which rights each call needs, by type", 0 },
	{ 0 },
};

const struct cmd cmd_caps = {
	.name = "caps",
	.args = "[PROC|PID|REALM]",
	.doc = "List capabilities as a derivation tree",
	.more = "Below each capability stands what was derived from it; revoking it ends all "
		"of that. With an argument: what those procs hold.\n\n"
		"Example: writ caps mapper",
	.run = caps_run,
	.opts = caps_options,
	.flags = CMD_NODE | CMD_JSON,
	.max = 1,
};
