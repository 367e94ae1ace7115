/* SPDX-License-Identifier: MIT */
/* writ audit: all that is on record, as it comes, and whether it is what the kernel recorded. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <writ/abi.h>

#include "tools/writ/client.h"
#include "tools/writ/record.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"
#include "tools/writ/trail.h"

#define FOLLOW_MS 500

static void print_text(const Writ__Op__Record *r)
{
	char time[32], rights[128];

	printf("%s %6llu  %-8s %-9s ", record_when(r->time_ns, time, sizeof(time)),
	    (unsigned long long)r->seq, record_kind(r->kind), record_op(r->op));
	if (r->pid != 0)
		record_put_proc(r);
	else
		fputs("kernel", stdout);
	if (r->what[0] != '\0') {
		fputc(' ', stdout);
		record_put_what(r);
	}
	if (r->other != 0)
		printf(" [%u]", r->other);
	if (r->status != 0)
		printf(": %s", writ_strerror(r->status));
	if (r->missing != 0)
		printf(" (%s: %s)", record_is_refusal(r) ? "missing" : "rights",
		    writ_rights_text(r->missing, rights, sizeof(rights)));
	if (r->count > 1)
		printf(" ×%u", r->count);
	fputc('\n', stdout);
}

static int print_gap(const struct cli *c, const Writ__Op__Record *r, uint64_t n)
{
	if (c->json)
		return table_json(stdout,
		    json_pack("{s:I,s:o,s:I,s:I}", "overwritten", (json_int_t)n, "realm",
			table_string(r->realm_name), "realm_id", (json_int_t)r->realm, "before",
			(json_int_t)r->rseq),
		    JSON_COMPACT);
	fputs("realm ", stdout);
	show_safe_put(stdout, r->realm_name);
	printf(": %llu records were overwritten\n", (unsigned long long)n);
	return 0;
}

/* How one reading goes: what is asked for, and what to do with it. */
struct reading {
	struct trail trail;
	uint64_t since, next;
	bool print, found; /* found: a record of whom is asked for */
	int broken;        /* EX_DATAERR: the chain is; the listing goes on */
};

static bool is_first(const struct trail *t, const struct writ_audit_rec *k)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].id == k->realm)
			return t->v[i].first == k->rseq;
	return false;
}

static int take(struct cli *c, struct reading *x, const Writ__Op__Record *r)
{
	bool asked = record_is_of(r, c->nargs > 0 ? c->args[0] : NULL);
	struct writ_audit_rec k;
	uint64_t gone;
	int rc;

	record_take(r, &k);
	x->next = k.seq + 1;
	x->found |= asked;
	switch (trail_add(&x->trail, &k)) {
	case TRAIL_NOMEM: return cli_fail(c, EX_OSERR, "out of memory");
	case TRAIL_BAD:
		if (x->broken == 0)
			x->broken = cli_fail(c, EX_DATAERR, "%s", x->trail.fault);
		break;
	case TRAIL_OK:
	case TRAIL_GAP:
	default: break;
	}
	if (!x->print || k.seq < x->since)
		return 0;
	gone = is_first(&x->trail, &k) ? k.rseq - 1 : x->trail.gap;
	if (gone > 0 && (rc = cli_printed(c, print_gap(c, r, gone))) != 0)
		return rc;
	if (!asked)
		return 0;
	if (c->json)
		return cli_printed(c, table_json(stdout, record_json(&k, r->fix), JSON_COMPACT));
	print_text(r);
	return 0;
}

/* All that is new. */
static int read_on(struct cli *c, struct client *cl, struct reading *x)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	struct pages p;
	int rc;

	req.op = WRIT__OP__OP__OP_AUDIT;
	req.offset = x->next;
	rc = client_pages(c, cl, &req, &p);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < p.n; i++)
		for (size_t j = 0; rc == 0 && j < p.v[i]->n_records; j++)
			rc = take(c, x, p.v[i]->records[j]);
	pages_free(&p);
	return rc;
}

/* What was asked for besides the list itself. */
static int conclude(struct cli *c, struct reading *x)
{
	const struct trail_head *h;

	if (x->broken != 0)
		return x->broken;
	if (c->opt['T'] != NULL)
		return trail_heads(c, &x->trail);
	if (c->opt['V'] == NULL)
		return x->found || c->nargs == 0
		    ? 0
		    : cli_fail(c, EX_NOINPUT, "node %s has no record of \"%s\"", c->node,
			  c->args[0]);
	h = trail_missing(&x->trail);
	if (h != NULL)
		return cli_fail(c, EX_DATAERR, "%s", x->trail.fault);
	return trail_report(c, &x->trail);
}

static int from_node(struct cli *c, struct reading *x)
{
	bool follow = c->opt['f'] != NULL;
	struct client cl;
	int rc = client_open(c, &cl);

	if (rc != 0)
		return rc;
	do {
		rc = read_on(c, &cl, x);
		if (follow && rc == 0) {
			fflush(stdout);
			rc = cli_printed(c, 0);
		}
		if (follow && rc == 0 && poll(NULL, 0, FOLLOW_MS) < 0)
			break;
	} while (follow && rc == 0 && x->broken == 0);
	client_close(&cl);
	return rc == 0 ? conclude(c, x) : rc;
}

static int audit_run(struct cli *c)
{
	bool verify = c->opt['V'] != NULL, heads = c->opt['T'] != NULL;
	struct reading x = { .print = !verify && !heads };
	int rc = 0;

	if (verify + heads + (c->opt['f'] != NULL) > 1)
		return cli_fail(c, EX_USAGE, "--follow, --heads and --verify: one at a time");
	if (c->opt['A'] != NULL && !verify)
		return cli_fail(c, EX_USAGE, "--against is of --verify");
	if (heads && c->nargs > 0)
		return cli_fail(c, EX_USAGE, "--heads are of all realms");
	if (c->opt['s'] != NULL &&
	    (rc = cli_number(c, "--since", c->opt['s'], INT64_MAX, &x.since)) != 0)
		return rc;
	if (c->opt['A'] != NULL)
		rc = trail_expect(c, &x.trail, c->opt['A']);
	if (rc == 0)
		rc = verify && c->nargs > 0 ? trail_file(c, &x.trail, c->args[0])
					    : from_node(c, &x);
	trail_free(&x.trail);
	return rc;
}

static const struct argp_option audit_options[] = {
	{ "follow", 'f', NULL, 0, "Go on until interrupted", 0 },
	{ "since", CLI_LONG('s'), "SEQ", 0, "Only records from this number on", 0 },
	{ "verify", CLI_LONG('V'), NULL, 0,
	    "Verify the chains of what the node has now, or of FILE, which --json printed", 0 },
	{ "heads", CLI_LONG('T'), NULL, 0,
	    "Print the newest record's number and chain of each realm", 0 },
	{ "against", CLI_LONG('A'), "HEADS", 0,
	    "With --verify: what --heads --json printed earlier must be there", 0 },
	{ 0 },
};

const struct cmd cmd_audit = {
	.name = "audit",
	.args = "[PROC|PID|REALM|FILE]",
	.doc = "List all audit records, or verify them",
	.more =
	    "With --json an object a line. The kernel keeps the last 256 records of each realm; "
	    "how many were overwritten is said.\n\n"
	    "Example: writ audit -f --json > trail.json",
	.run = audit_run,
	.opts = audit_options,
	.flags = CMD_NODE | CMD_JSON,
	.max = 1,
};
