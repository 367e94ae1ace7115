/* SPDX-License-Identifier: MIT */
/* writ caps --given: what procs were given when they were spawned, also ended ones, from the audit.
 */
#include <string.h>
#include <writ/abi.h>

#include "tools/writ/given.h"
#include "tools/writ/table.h"

static const struct column columns[] = {
	{ "pid", "PID", COLUMN_RIGHT },
	{ "proc", "PROC", COLUMN_LEFT },
	{ "rights", "RIGHTS", COLUMN_LEFT },
	{ "capability", "CAPABILITY", COLUMN_LEFT },
	{ "by", "GIVEN BY", COLUMN_RIGHT },
};

static bool wanted(const Writ__Op__Record *r, const char *who)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", r->pid);
	return r->kind == WRIT_AUDIT_GRANTED &&
	    (who == NULL || strcmp(who, pid) == 0 || strcmp(who, r->name) == 0 ||
		strcmp(who, r->realm_name) == 0);
}

static void row(struct table *t, const Writ__Op__Record *r)
{
	char rights[128];

	table_row(t);
	table_num(t, r->pid);
	table_text(t, r->name);
	table_text(t, writ_rights_text(r->missing, rights, sizeof(rights)));
	table_text(t, r->what);
	table_num(t, r->other);
}

int given_run(struct cli *c, struct client *cl, const char *who)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	struct pages p = { 0 };
	int rc;

	req.op = WRIT__OP__OP__OP_AUDIT;
	rc = client_pages(c, cl, &req, &p);
	for (size_t i = 0; rc == 0 && t != NULL && i < p.n; i++)
		for (size_t j = 0; j < p.v[i]->n_records; j++)
			if (wanted(p.v[i]->records[j], who))
				row(t, p.v[i]->records[j]);
	if (rc == 0)
		rc = cli_printed(c, t != NULL ? table_print(t, stdout, c->json) : -1);
	pages_free(&p);
	table_free(t);
	return rc;
}
