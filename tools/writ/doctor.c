/* SPDX-License-Identifier: MIT */
/* writ doctor: runs the probes and prints what they found. */
#include "tools/writ/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/boot/switch.h"
#include "tools/writ/layers.h"
#include "tools/writ/node.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"

static const struct probe *const groups[] = {
	doctor_ns,
	doctor_seccomp,
	doctor_file,
	doctor_cgroup,
	doctor_guard,
};

static const struct column columns[] = {
	{ "result", "", COLUMN_LEFT },
	{ "layer", "LAYER", COLUMN_LEFT },
	{ "finding", "FOUND", COLUMN_LEFT },
	{ "key", NULL, COLUMN_JSON },
	{ "needed", NULL, COLUMN_JSON },
	{ "cost", NULL, COLUMN_JSON },
	{ "node", NULL, COLUMN_JSON },
};

struct visit {
	struct table *t;
	const char *node;           /* that runs, and has eBPF layers; NULL: none */
	struct guard_config config; /* of them */
	unsigned warned, failed;
};

/* What the layer of that name is on the node: NULL, not one of eBPF's, or there is no node. */
static const char *on_node(const struct visit *v, const char *key)
{
	unsigned i = WRIT_LAYER_EBPF_CALLS;

	while (i < WRIT_LAYER_N && strcmp(writ_layer_name(i), key) != 0)
		i++;
	return v->node == NULL || i == WRIT_LAYER_N
	    ? NULL
	    : layers_state(i, v->config.layers.bits, v->config.loaded.bits,
		  guard_mode_of(&v->config));
}

static void probe_visit(struct visit *v, const struct probe *p)
{
	struct finding f = { 0 };
	const char *there = on_node(v, p->key);
	char shown[768];
	size_t n;
	bool works;

	fflush(NULL); /* children inherit what is buffered */
	works = p->run(&f, p->arg) == 0;
	v->failed += !works && p->needed;
	v->warned += !works && !p->needed;
	snprintf(shown, sizeof(shown), works ? "%s" : "%s; without it, %s", f.text, p->cost);
	n = strlen(shown);
	if (there != NULL)
		snprintf(shown + n, sizeof(shown) - n, "; node %s: %s", v->node, there);
	table_row(v->t);
	table_text(v->t, works ? "ok" : p->needed ? "FAIL" : "warn");
	table_text(v->t, p->layer);
	table_cell(v->t, shown, table_string(f.text));
	table_text(v->t, p->key);
	table_bool(v->t, p->needed);
	table_cell(v->t, "", works ? NULL : table_string(p->cost));
	table_cell(v->t, "", there != NULL ? table_string(there) : NULL);
}

static void idmap_visit(struct visit *v, const char *dir)
{
	const struct probe p = { "idmap", "idmapped mount", false,
		"a realm sees in a host folder only what all users may see", doctor_idmap, dir };

	probe_visit(v, &p);
}

/* The folders asked about; else those of the node; else the root. */
static void idmap_visits(struct cli *c, struct visit *v)
{
	Writ__Manifest__Node *node = NULL;

	for (int i = 0; i < c->nargs; i++)
		idmap_visit(v, c->args[i]);
	if (c->nargs > 0)
		return;
	if (node_manifest_load(c, &node) != 0) {
		c->error[0] = '\0';
		idmap_visit(v, "/");
		return;
	}
	for (size_t i = 0; i < node->n_hosts; i++)
		idmap_visit(v, node->hosts[i]->path);
	writ__manifest__node__free_unpacked(node, NULL);
}

static int doctor_run(struct cli *c)
{
	struct visit v = { .t = table_new(columns, sizeof(columns) / sizeof(columns[0])) };
	int r = -1;

	if (guard_config_read(c->node, &v.config) == 0)
		v.node = c->node;
	for (size_t i = 0; v.t != NULL && i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (const struct probe *p = groups[i]; p->key != NULL; p++)
			probe_visit(&v, p);
	}
	if (v.t != NULL) {
		idmap_visits(c, &v);
		r = table_print(v.t, stdout, c->json);
	}
	table_free(v.t);
	if ((r = cli_printed(c, r)) != 0)
		return r;
	if (v.failed > 0 && geteuid() != 0)
		return cli_fail(c, EX_NOPERM, "layers can only be tried by root: sudo writ doctor");
	if (v.failed > 0)
		return cli_fail(c, EX_UNAVAILABLE,
		    "no node runs on this machine: %u needed %s missing", v.failed,
		    v.failed == 1 ? "layer is" : "layers are");
	if (!c->json)
		printf("\nAll that is needed is there%s.\n",
		    v.warned > 0 ? "; what is marked `warn' weakens the sandbox as said" : "");
	return EX_OK;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.args = "[DIR...]",
	.doc = "Try every layer of the sandbox",
	.more = "Needs root. Each layer is tried by using it; a missing one is a FAIL if no node "
		"runs without it, else a warning, with what its absence costs. Folders named, "
		"or else those that the node lends, are tried for idmapped mounts. The exit "
		"code is 0 when all needed layers are there. Of eBPF layers it also says what they "
		"are on the node, if that runs.\n\n"
		"Example: writ doctor --json",
	.run = doctor_run,
	.flags = CMD_NODE | CMD_JSON,
	.max = -1,
};
