/* SPDX-License-Identifier: MIT */
/* writ why: what was refused, and what would grant it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <writ/abi.h>

#include "tools/writ/client.h"
#include "tools/writ/denied.h"
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

/* The refusals in @p that are asked for. */
static int refusals(struct cli *c, const struct pages *p, const Writ__Op__Record ***ret,
    size_t *ret_n)
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
	*ret_n = n;
	*ret = v;
	return 0;
}

/* What Linux refused: rows of the node's pins that are asked for, and who they are of. */
struct refused {
	struct procs procs;
	struct denial *v;
	long n;    /* or -errno: why they can't be looked at */
	bool full; /* others may have been pushed out */
};

static bool is_of(const struct denial *d, const struct denied_who *w, const char *who)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", d->k.pid);
	return who == NULL || strcmp(who, pid) == 0 || strcmp(who, w->name) == 0 ||
	    strcmp(who, w->realm) == 0;
}

/* The last comes last. */
static int by_time(const void *x, const void *y)
{
	const struct denial *a = x, *b = y;

	return a->d.last_ns < b->d.last_ns ? -1 : a->d.last_ns > b->d.last_ns;
}

static int refused_load(struct cli *c, struct client *cl, struct refused *r)
{
	int rc = procs_load(c, cl, "", &r->procs);
	size_t n = 0;

	if (rc != 0)
		return rc;
	r->n = pinned_denials(c->node, &r->v, &r->full);
	for (long i = 0; i < r->n; i++) {
		struct denied_who who = denied_who(&r->v[i], &r->procs);

		if (denied_matters(&r->v[i], &who) &&
		    is_of(&r->v[i], &who, c->nargs > 0 ? c->args[0] : NULL))
			r->v[n++] = r->v[i];
	}
	if (n > 1)
		qsort(r->v, n, sizeof(*r->v), by_time);
	if (r->n >= 0)
		r->n = (long)n;
	return 0;
}

static void refused_free(struct refused *r)
{
	free(r->v);
	procs_free(&r->procs);
}

/* Leave the last @max of @v and @r together; each ends with its last. */
static void keep_last(uint64_t max, const Writ__Op__Record **v, size_t *n, struct refused *r)
{
	size_t i = 0, j = 0, rows = r->n > 0 ? (size_t)r->n : 0;

	while (*n - i + rows - j > max) {
		if (j == rows || (i < *n && v[i]->time_ns < denied_when(&r->v[j])))
			i++;
		else
			j++;
	}
	*n -= i;
	memmove(v, v + i, *n * sizeof(*v));
	if (j > 0) {
		r->n -= (long)j;
		memmove(r->v, r->v + j, (size_t)r->n * sizeof(*r->v));
	}
}

/* Who is asked for must have been seen: else a name that is mistyped was refused nothing. */
static int who_need(struct cli *c, const struct pages *p, const struct refused *r)
{
	if (c->nargs == 0 || r->n > 0)
		return 0;
	for (size_t i = 0; i < p->n; i++) {
		for (size_t j = 0; j < p->v[i]->n_records; j++)
			if (record_is_of(p->v[i]->records[j], c->args[0]))
				return 0;
	}
	return procs_need(c, &r->procs, c->args[0]);
}

static void refused_print(const struct refused *r)
{
	for (long i = 0; i < r->n; i++) {
		struct denied_who who = denied_who(&r->v[i], &r->procs);

		denied_print(&r->v[i], &who);
	}
	if ((r->n == -EACCES || r->n == -EPERM) && geteuid() != 0)
		fputs("writ: what seccomp and eBPF refused is shown to root only: sudo writ why\n",
		    stderr);
	else if (r->n == -ENOENT)
		fputs("writ: what seccomp refused is not known: no eBPF layer counts it; see writ "
		      "guard\n",
		    stderr);
	else if (r->n < 0)
		fprintf(stderr, "writ: what seccomp and eBPF refused can't be read: %s\n",
		    strerror((int)-r->n));
}

static int print_json(struct cli *c, const Writ__Op__Record *const *v, size_t n,
    const struct refused *d)
{
	json_t *all = json_array();
	int r = all != NULL ? 0 : -1;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct writ_audit_rec k;

		record_take(v[i], &k);
		r = json_array_append_new(all, record_json(&k, v[i]->fix));
	}
	for (long i = 0; i < d->n && r == 0; i++) {
		struct denied_who who = denied_who(&d->v[i], &d->procs);

		r = json_array_append_new(all, denied_json(&d->v[i], &who));
	}
	if (r == 0)
		r = table_json(stdout, json_incref(all), JSON_INDENT(2));
	json_decref(all);
	return cli_printed(c, r);
}

static int print_text(const Writ__Op__Record *const *v, size_t n, const struct refused *d)
{
	for (size_t i = 0; i < n; i++)
		why_print(v[i]);
	if (n == 0 && d->n <= 0)
		puts(d->full ? "nothing that is still known was refused" : "nothing was refused");
	refused_print(d);
	return 0;
}

static int why_run(struct cli *c)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	const Writ__Op__Record **v = NULL;
	struct refused denied = { 0 };
	uint64_t max = UINT64_MAX;
	struct client cl;
	struct pages p;
	size_t n = 0;
	int rc;

	if (c->opt['n'] != NULL && (rc = cli_number(c, "-n", c->opt['n'], UINT32_MAX, &max)) != 0)
		return rc;
	if (max == 0)
		return cli_fail(c, EX_USAGE, "-n: at least 1");
	rc = client_open(c, &cl);
	if (rc != 0)
		return rc;
	req.op = WRIT__OP__OP__OP_AUDIT;
	rc = client_pages(c, &cl, &req, &p);
	if (rc == 0)
		rc = refused_load(c, &cl, &denied);
	client_close(&cl);
	if (rc == 0)
		rc = refusals(c, &p, &v, &n);
	if (rc == 0)
		rc = who_need(c, &p, &denied);
	if (rc == 0)
		keep_last(max, v, &n, &denied);
	if (rc == 0)
		rc = c->json ? print_json(c, v, n, &denied) : print_text(v, n, &denied);
	if (rc == 0 && denied.full)
		fputs("writ: the table of what Linux refuses is full: what was refused longest ago "
		      "may have been pushed out of it\n",
		    stderr);
	free(v);
	refused_free(&denied);
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
		"of the manifest that would grant it. To root it also says which system calls, "
		"sockets and objects seccomp and the eBPF layers refused, and to whom.\n\n"
		"Example: writ why -n 5 mapper",
	.run = why_run,
	.opts = why_options,
	.flags = CMD_NODE | CMD_JSON,
	.max = 1,
};
