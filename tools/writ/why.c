/* SPDX-License-Identifier: MIT */
/* writ why: what was refused, and what would grant it. */
#include <stdlib.h>
#include <writ/abi.h>

#include "tools/writ/client.h"
#include "tools/writ/record.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"

/* A refusal in plain words. */
static void why_print(const Writ__Op__Record *r)
{
	char time[32], rights[128];

	printf("%s  ", record_when(r->time_ns, time, sizeof(time)));
	record_put_proc(r);
	printf(": %s refused", record_op(r->op));
	if (r->what[0] != '\0') {
		fputs(" on ", stdout);
		record_put_what(r);
	}
	if (r->count > 1)
		printf(", %u times", r->count);
	printf("\n    because: %s", writ_strerror(r->status));
	if (r->missing != 0)
		printf(" (missing: %s)", writ_rights_text(r->missing, rights, sizeof(rights)));
	if (r->kind == WRIT_AUDIT_NOTED && r->by != 0)
		printf("\n    said by: pid %u, a server, not the kernel", r->by);
	if (r->fix[0] != '\0') {
		fputs("\n    fix: ", stdout);
		show_safe_put(stdout, r->fix);
	}
	fputc('\n', stdout);
}

/* The refusals in @p that are asked for, the last @max of them. */
static int refusals(struct cli *c, const struct pages *p, uint64_t max,
    const Writ__Op__Record ***ret, size_t *ret_n)
{
	const Writ__Op__Record **v;
	size_t n = 0, room = 1;

	for (size_t i = 0; i < p->n; i++)
		room += p->v[i]->n_records;
	v = calloc(room, sizeof(*v));
	if (v == NULL)
		return cli_fail(c, EX_OSERR, "out of memory");
	for (size_t i = 0; i < p->n; i++) {
		for (size_t j = 0; j < p->v[i]->n_records; j++) {
			const Writ__Op__Record *r = p->v[i]->records[j];

			if (record_is_refusal(r) &&
			    record_is_of(r, c->nargs > 0 ? c->args[0] : NULL))
				v[n++] = r;
		}
	}
	*ret_n = n < max ? n : max;
	for (size_t i = 0; i < *ret_n; i++)
		v[i] = v[i + (n - *ret_n)];
	*ret = v;
	return 0;
}

static int print_json(struct cli *c, const Writ__Op__Record *const *v, size_t n)
{
	json_t *all = json_array();
	int r = all != NULL ? 0 : -1;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct writ_audit_rec k;

		record_take(v[i], &k);
		r = json_array_append_new(all, record_json(&k, v[i]->fix));
	}
	if (r == 0)
		r = table_json(stdout, json_incref(all), JSON_INDENT(2));
	json_decref(all);
	return r == 0 ? 0 : cli_fail(c, EX_OSERR, "cannot print the records");
}

static int why_run(struct cli *c)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	const Writ__Op__Record **v = NULL;
	uint64_t max = UINT64_MAX;
	struct client cl;
	struct pages p;
	size_t n = 0;
	int rc;

	if (c->opt['n'] != NULL && (rc = cli_number(c, "-n", c->opt['n'], UINT32_MAX, &max)) != 0)
		return rc;
	rc = client_open(c, &cl);
	if (rc != 0)
		return rc;
	req.op = WRIT__OP__OP__OP_AUDIT;
	rc = client_pages(c, &cl, &req, &p);
	client_close(&cl);
	if (rc != 0)
		return rc;
	rc = refusals(c, &p, max, &v, &n);
	if (rc == 0 && c->json)
		rc = print_json(c, v, n);
	for (size_t i = 0; rc == 0 && !c->json && i < n; i++)
		why_print(v[i]);
	if (rc == 0 && n == 0 && !c->json)
		puts("nothing was refused");
	free(v);
	pages_free(&p);
	return rc;
}

static const struct argp_option why_options[] = {
	{ "lines", 'n', "N", 0, "Only the last N refusals", 0 },
	{ 0 },
};

const struct cmd cmd_why = {
	.name = "why",
	.args = "[PROC|PID|REALM]",
	.doc = "Explain what was refused",
	.more = "Says who was refused what, which right was missing and, after `fix:', the line "
		"of the manifest that would grant it.\n\n"
		"Example: writ why -n 5 mapper",
	.run = why_run,
	.opts = why_options,
	.flags = CMD_NODE | CMD_JSON,
	.max = 1,
};
