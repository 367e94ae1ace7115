/* SPDX-License-Identifier: MIT */
/* writ why and audit: what was refused, and what would grant it; all that happened. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <writ/abi.h>

#include "tools/writ/client.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"

#define FOLLOW_MS 500

#define X(id, name) [WRIT_AUDIT_##id] = name,
static const char *const kind_names[WRIT_AUDIT_N] = { WRIT_AUDIT_KINDS(X) };
#undef X

#define X(id, fn, type, right, flags, doc) [WRIT_OP_##id] = #fn,
static const char *const op_names[WRIT_OP_N] = { [WRIT_OP_NONE] = "-", WRIT_CALLS(X) };
#undef X

static const char *kind_name(uint32_t kind)
{
	return kind < WRIT_AUDIT_N ? kind_names[kind] : "?";
}

static const char *op_name(uint32_t op)
{
	return op < WRIT_OP_N ? op_names[op] : "?";
}

static bool is_refusal(const Writ__Op__Record *r)
{
	return r->kind == WRIT_AUDIT_REFUSED || r->kind == WRIT_AUDIT_NOTED;
}

static char *when(uint64_t ns, char *buf, size_t size)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(buf, size, "%F %T", &tm) == 0)
		snprintf(buf, size, "?");
	return buf;
}

static bool wanted(const struct cli *c, const Writ__Op__Record *r)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", r->pid);
	return c->nargs == 0 || strcmp(c->args[0], pid) == 0 || strcmp(c->args[0], r->name) == 0 ||
	    strcmp(c->args[0], r->realm_name) == 0;
}

/* "7 coordinator (realm wordcount)", made safe */
static void put_proc(const Writ__Op__Record *r)
{
	show_safe_put(stdout, r->name[0] != '\0' ? r->name : "?");
	printf(" (pid %u, realm ", r->pid);
	show_safe_put(stdout, r->realm_name[0] != '\0' ? r->realm_name : "?");
	fputc(')', stdout);
}

/* A refusal in plain words. */
static void why_print(const Writ__Op__Record *r)
{
	char time[32], rights[128];

	printf("%s  ", when(r->time_ns, time, sizeof(time)));
	put_proc(r);
	printf(": %s refused", op_name(r->op));
	if (r->what[0] != '\0') {
		fputs(" on ", stdout);
		show_safe_put(stdout, r->what);
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

static json_t *record_json(const Writ__Op__Record *r)
{
	char rights[128];

	return json_pack("{s:I,s:I,s:I,s:o,s:o,s:I,s:s,s:s,s:i,s:s,s:s,s:I,s:I,s:I,s:o,s:o}", "seq",
	    (json_int_t)r->seq, "time_ns", (json_int_t)r->time_ns, "pid", (json_int_t)r->pid,
	    "name", table_string(r->name), "realm", table_string(r->realm_name), "realm_id",
	    (json_int_t)r->realm, "kind", kind_name(r->kind), "op", op_name(r->op), "status",
	    (int)r->status, "error", writ_errname(r->status), "missing",
	    writ_rights_text(r->missing, rights, sizeof(rights)), "count", (json_int_t)r->count,
	    "by", (json_int_t)r->by, "other", (json_int_t)r->other, "what", table_string(r->what),
	    "fix", table_string(r->fix));
}

static void audit_print(const Writ__Op__Record *r)
{
	char time[32], rights[128];

	printf("%s %6llu  %-8s %-9s ", when(r->time_ns, time, sizeof(time)),
	    (unsigned long long)r->seq, kind_name(r->kind), op_name(r->op));
	if (r->pid != 0)
		put_proc(r);
	else
		fputs("kernel", stdout);
	if (r->what[0] != '\0') {
		fputc(' ', stdout);
		show_safe_put(stdout, r->what);
	}
	if (r->other != 0)
		printf(" [%u]", r->other);
	if (r->status != 0)
		printf(": %s", writ_strerror(r->status));
	if (r->missing != 0)
		printf(" (%s: %s)", is_refusal(r) ? "missing" : "rights",
		    writ_rights_text(r->missing, rights, sizeof(rights)));
	if (r->count > 1)
		printf(" ×%u", r->count);
	fputc('\n', stdout);
}

/* The records of @p for which @match holds, the last @max of them. */
static int records_pick(struct cli *c, const struct pages *p,
    bool (*match)(const struct cli *c, const Writ__Op__Record *r), uint64_t max,
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
			if (match(c, p->v[i]->records[j]))
				v[n++] = p->v[i]->records[j];
		}
	}
	if (n > max) {
		memmove(v, v + (n - max), max * sizeof(*v));
		n = max;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

/* Print records: as blocks or lines by @print, or as JSON: an array, or with --follow lines. */
static int records_print(struct cli *c, const Writ__Op__Record *const *v, size_t n,
    void (*print)(const Writ__Op__Record *), bool lines)
{
	json_t *all = NULL;
	int r = 0;

	if (c->json && !lines && (all = json_array()) == NULL)
		return cli_fail(c, EX_OSERR, "out of memory");
	for (size_t i = 0; i < n && r == 0; i++) {
		if (all != NULL)
			r = json_array_append_new(all, record_json(v[i]));
		else if (c->json)
			r = table_json(stdout, record_json(v[i]), JSON_COMPACT);
		else
			print(v[i]);
	}
	if (all != NULL && r == 0)
		r = table_json(stdout, json_incref(all), JSON_INDENT(2));
	json_decref(all);
	return r == 0 ? 0 : cli_fail(c, EX_OSERR, "cannot print the records");
}

static bool match_refusal(const struct cli *c, const Writ__Op__Record *r)
{
	return is_refusal(r) && wanted(c, r);
}

static bool match_any(const struct cli *c, const Writ__Op__Record *r)
{
	return wanted(c, r);
}

static int why_run(struct cli *c)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	const Writ__Op__Record **v = NULL;
	uint64_t max = UINT64_MAX;
	struct client cl;
	struct pages p;
	size_t n;
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
	rc = records_pick(c, &p, match_refusal, max, &v, &n);
	if (rc == 0)
		rc = records_print(c, v, n, why_print, false);
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

/* The sequence number behind the last record of @p, or @from. */
static uint64_t records_next(const struct pages *p, uint64_t from)
{
	for (size_t i = 0; i < p->n; i++) {
		for (size_t j = 0; j < p->v[i]->n_records; j++) {
			if (p->v[i]->records[j]->seq >= from)
				from = p->v[i]->records[j]->seq + 1;
		}
	}
	return from;
}

static int audit_run(struct cli *c)
{
	bool follow = c->opt['f'] != NULL;
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	const Writ__Op__Record **v;
	struct client cl;
	struct pages p;
	uint64_t next = 0;
	size_t n;
	int rc = client_open(c, &cl);

	if (rc != 0)
		return rc;
	req.op = WRIT__OP__OP__OP_AUDIT;
	do {
		req.offset = next;
		rc = client_pages(c, &cl, &req, &p);
		if (rc != 0)
			break;
		v = NULL;
		rc = records_pick(c, &p, match_any, UINT64_MAX, &v, &n);
		if (rc == 0)
			rc = records_print(c, v, n, audit_print, follow);
		next = records_next(&p, next);
		free(v);
		pages_free(&p);
		if (follow && (fflush(stdout) != 0 || poll(NULL, 0, FOLLOW_MS) < 0))
			break;
	} while (follow && rc == 0);
	client_close(&cl);
	return rc;
}

static const struct argp_option audit_options[] = {
	{ "follow", 'f', NULL, 0, "Go on until interrupted; with --json, an object a line", 0 },
	{ 0 },
};

const struct cmd cmd_audit = {
	.name = "audit",
	.args = "[PROC|PID|REALM]",
	.doc = "List all audit records",
	.more = "Example: writ audit -f --json",
	.run = audit_run,
	.opts = audit_options,
	.flags = CMD_NODE | CMD_JSON,
	.max = 1,
};
