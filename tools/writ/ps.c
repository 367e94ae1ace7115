/* SPDX-License-Identifier: MIT */
/* writ ps, realms, stop, kill: the procs of a node and ending them. */
#include <stdlib.h>
#include <string.h>
#include <writ/rights.h>

#include "tools/writ/denied.h"
#include "tools/writ/layers.h"
#include "tools/writ/procs.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"
#include "tools/writ/tree.h"

#define INDENT_MAX 24 /* levels that are shown as such */

/* The last is shown with --wide only. */
static struct column ps_columns[] = {
	{ "pid", "PID", COLUMN_RIGHT },
	{ "realm", "REALM", COLUMN_LEFT },
	{ "name", "NAME", COLUMN_LEFT },
	{ "class", "CLASS", COLUMN_LEFT },
	{ "state", "STATE", COLUMN_LEFT },
	{ "memory", "MEM", COLUMN_RIGHT },
	{ "cpu_ns", "CPU", COLUMN_RIGHT },
	{ "age_ns", "AGE", COLUMN_RIGHT },
	{ "parent", NULL, COLUMN_JSON },
	{ "code", NULL, COLUMN_JSON },
	{ "profile", NULL, COLUMN_JSON },
	{ "host_pid", NULL, COLUMN_JSON },
	{ "memory_limit", NULL, COLUMN_JSON },
	{ "log", NULL, COLUMN_JSON },
	{ "refused", NULL, COLUMN_JSON },
	{ "ended_by", NULL, COLUMN_JSON },
	{ "layers", "LAYERS", COLUMN_JSON },
};
#define PS_COLUMNS (sizeof(ps_columns) / sizeof(ps_columns[0]))

/* The rows that tell whom eBPF ended; none for who may not look. */
struct ended {
	struct denial *v;
	long n;
};

static void ps_row(struct table *t, const Writ__Op__Proc *p, const struct ended *e, unsigned depth)
{
	const struct denial *d = p->state == WRIT_STATE_KILLED ? denied_end(e->v, e->n, p->pid)
							       : NULL;
	char name[256], fate[160], layers[256], what[96];
	uint64_t memory, cpu;
	int indent = depth < INDENT_MAX ? (int)depth : INDENT_MAX;

	proc_usage(p, &memory, &cpu);
	snprintf(name, sizeof(name), "%*s%s", indent * 2, "", p->name);
	table_row(t);
	table_num(t, p->pid);
	table_text(t, p->realm_name);
	table_cell(t, name, table_string(p->name));
	table_text(t, writ_class_name(p->class_));
	proc_fate(p, fate, sizeof(fate));
	if (d != NULL)
		snprintf(fate, sizeof(fate), "killed by %s: %s", denied_layer(&d->k),
		    denied_what(&d->k, what, sizeof(what)));
	table_cell(t, fate, json_string(writ_state_name(p->state)));
	table_bytes(t, memory);
	table_time(t, cpu);
	table_age(t, proc_age(p));
	table_num(t, p->parent);
	table_cell(t, "", proc_ended(p) ? json_integer(p->code) : NULL);
	table_text(t, writ_profile_name(p->profile));
	table_num(t, p->host_pid > 0 ? (uint64_t)p->host_pid : 0);
	table_bytes(t, p->memory);
	table_num(t, p->log);
	table_num(t, p->refused);
	table_cell(t, "", d != NULL ? table_string(fate + strlen("killed by ")) : NULL);
	table_cell(t, layers_text(p->layers, layers, sizeof(layers)), layers_json(p->layers));
}

/* The rows in the order of the tree, ended ones only when @all. */
static int ps_print(struct cli *c, const struct procs *p, const struct ended *e, bool all)
{
	struct table *t = table_new(ps_columns, PS_COLUMNS);
	struct tree_node *v = calloc(p->n + 1, sizeof(*v));
	size_t n = 0;
	int r = -1;

	for (size_t i = 0; v != NULL && i < p->n; i++) {
		if (all || !proc_ended(p->v[i]))
			v[n++] = (struct tree_node){ p->v[i]->pid, p->v[i]->parent, i, 0 };
	}
	if (t != NULL && v != NULL && tree_order(v, n) == 0) {
		for (size_t i = 0; i < n; i++)
			ps_row(t, p->v[v[i].row], e, v[i].depth);
		r = table_print(t, stdout, c->json);
	}
	table_free(t);
	free(v);
	return cli_printed(c, r);
}

static int ps_run(struct cli *c)
{
	struct ended e = { 0 };
	struct client cl;
	struct procs p;
	bool full;
	int rc = client_open(c, &cl);

	if (rc != 0)
		return rc;
	rc = procs_load(c, &cl, c->nargs > 0 ? c->args[0] : "", &p);
	client_close(&cl);
	if (rc != 0)
		return rc;
	if (c->opt['w'] != NULL)
		ps_columns[PS_COLUMNS - 1].how = COLUMN_LEFT;
	e.n = pinned_denials(c->node, &e.v, &full);
	rc = ps_print(c, &p, &e, c->opt['a'] != NULL);
	free(e.v);
	procs_free(&p);
	return rc;
}

static const struct argp_option ps_options[] = {
	{ "all", 'a', NULL, 0, "Ended procs too, as long as the node keeps them", 0 },
	{ "wide", 'w', NULL, 0, "With the layers of the sandbox that hold each", 0 },
	{ 0 },
};

const struct cmd cmd_ps = {
	.name = "ps",
	.args = "[REALM]",
	.doc = "List procs as a tree",
	.more = "MEM is what is resident, of an ended proc its peak; CPU is the time it used.\n\n"
		"Example: writ ps -a wordcount",
	.run = ps_run,
	.opts = ps_options,
	.flags = CMD_NODE | CMD_JSON,
	.max = 1,
};

static const struct column realm_columns[] = {
	{ "id", "ID", COLUMN_RIGHT },
	{ "name", "REALM", COLUMN_LEFT },
	{ "alive", "ALIVE", COLUMN_RIGHT },
	{ "procs", "PROCS", COLUMN_RIGHT },
	{ "uid", "UID", COLUMN_RIGHT },
	{ "system", "SYSTEM", COLUMN_LEFT },
	{ "file", "MANIFEST", COLUMN_LEFT },
	{ "fault", "FAULT", COLUMN_LEFT },
};

static int realms_print(struct cli *c, const Writ__Op__Rep *rep)
{
	struct table *t = table_new(realm_columns,
	    sizeof(realm_columns) / sizeof(realm_columns[0]));
	int r = -1;

	for (size_t i = 0; t != NULL && i < rep->n_realms; i++) {
		const Writ__Op__RealmInfo *realm = rep->realms[i];

		table_row(t);
		table_num(t, realm->id);
		table_text(t, realm->name);
		table_num(t, realm->alive);
		table_num(t, realm->procs);
		if (realm->uid != 0)
			table_num(t, realm->uid);
		else /* of a realm that is not up; and root does not know its own */
			table_cell(t, "-", NULL);
		table_bool(t, realm->system);
		table_text(t, realm->file);
		table_text(t, realm->fault);
	}
	if (t != NULL)
		r = table_print(t, stdout, c->json);
	table_free(t);
	return cli_printed(c, r);
}

static int realms_run(struct cli *c)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	struct client cl;
	Writ__Op__Rep *rep = NULL;
	int rc = client_open(c, &cl);

	if (rc != 0)
		return rc;
	req.op = WRIT__OP__OP__OP_REALMS;
	rc = client_call(c, &cl, &req, &rep);
	client_close(&cl);
	if (rc != 0)
		return rc;
	rc = realms_print(c, rep);
	client_free(rep);
	return rc;
}

const struct cmd cmd_realms = {
	.name = "realms",
	.args = "",
	.doc = "List realms",
	.more = "Realms marked SYSTEM belong to the node's own servers.\n\n"
		"Example: writ realms --json",
	.run = realms_run,
	.flags = CMD_NODE | CMD_JSON,
	.max = 0,
};

static int call_once(struct cli *c, const Writ__Op__Req *req)
{
	struct client cl;
	int rc = client_open(c, &cl);

	if (rc == 0)
		rc = client_do(c, &cl, req);
	client_close(&cl);
	return rc;
}

static int stop_run(struct cli *c)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;

	req.op = WRIT__OP__OP__OP_STOP;
	req.name = c->args[0];
	return call_once(c, &req);
}

const struct cmd cmd_stop = {
	.name = "stop",
	.args = "REALM",
	.doc = "End a realm and all its procs",
	.more = "Example: writ stop wordcount",
	.run = stop_run,
	.flags = CMD_NODE,
	.min = 1,
	.max = 1,
};

/* Is there such a proc, alive or ended? Root knows those alone that manifests name. */
static int proc_need(struct cli *c, uint32_t pid)
{
	struct procs p = { 0 };
	struct client cl;
	int rc = client_open(c, &cl);

	if (rc != 0)
		return rc;
	rc = procs_load(c, &cl, "", &p);
	client_close(&cl);
	if (rc == 0 && procs_find(&p, pid) == NULL)
		rc = cli_fail(c, EX_NOINPUT, "node %s has no proc %u; `writ ps' has their numbers",
		    c->node, pid);
	procs_free(&p);
	return rc;
}

static int kill_run(struct cli *c)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	uint64_t pid;
	int rc = cli_number(c, "PID", c->args[0], UINT32_MAX, &pid);

	if (rc == 0)
		rc = proc_need(c, (uint32_t)pid);
	if (rc != 0)
		return rc;
	req.op = WRIT__OP__OP__OP_KILL;
	req.pid = (uint32_t)pid;
	return call_once(c, &req);
}

const struct cmd cmd_kill = {
	.name = "kill",
	.args = "PID",
	.doc = "End a proc",
	.more = "PID is the proc's number in `writ ps', not one of the host's.\n\n"
		"Example: writ kill 12",
	.run = kill_run,
	.flags = CMD_NODE,
	.min = 1,
	.max = 1,
};
