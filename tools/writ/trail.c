/* SPDX-License-Identifier: MIT */
#include "tools/writ/trail.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <sodium/crypto_hash_sha256.h>

#include "tools/writ/record.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"

void trail_free(struct trail *t)
{
	free(t->v);
	free(t->heads);
	*t = (struct trail){ 0 };
}

static enum trail_says fault(struct trail *t, enum trail_says says, const struct writ_audit_rec *r,
    const char *why)
{
	char realm[4 * WRIT_NAME_MAX];

	show_safe(r->realm_name, strnlen(r->realm_name, sizeof(r->realm_name)), realm,
	    sizeof(realm));
	snprintf(t->fault, sizeof(t->fault), "realm %s, record %llu (%llu on the node): %s", realm,
	    (unsigned long long)r->rseq, (unsigned long long)r->seq, why);
	return says;
}

static struct trail_realm *realm_of(struct trail *t, uint32_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].id == id)
			return &t->v[i];
	return NULL;
}

static void note(struct trail *t, struct trail_realm *x, const struct writ_audit_rec *r)
{
	t->seq = r->seq;
	x->last = r->rseq;
	memcpy(x->chain, r->chain, sizeof(x->chain));
	snprintf(x->name, sizeof(x->name), "%s", r->realm_name);
	for (size_t i = 0; i < t->nheads; i++)
		if (t->heads[i].id == r->realm && t->heads[i].rseq == r->rseq &&
		    memcmp(t->heads[i].chain, r->chain, sizeof(r->chain)) == 0)
			t->heads[i].found = true;
}

static bool hash_fits(const struct writ_audit_rec *r)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	_Static_assert(sizeof(hash) == sizeof(r->chain), "");
	crypto_hash_sha256(hash, (const unsigned char *)r, record_hashed(r));
	return memcmp(hash, r->chain, sizeof(hash)) == 0;
}

enum trail_says trail_add(struct trail *t, const struct writ_audit_rec *r)
{
	static const uint8_t zeros[32];
	struct trail_realm *x = realm_of(t, r->realm);

	t->gap = 0;
	if (!hash_fits(r))
		return fault(t, TRAIL_BAD, r, "it was altered: its hash is another");
	if (r->rseq == 0 || (r->rseq == 1) != (memcmp(r->prev, zeros, sizeof(zeros)) == 0))
		return fault(t, TRAIL_BAD, r, "only a realm's first record follows none");
	if (r->seq <= t->seq || (x != NULL && r->rseq <= x->last))
		return fault(t, TRAIL_BAD, r, "it is out of order, or here twice");
	if (x == NULL) {
		x = reallocarray(t->v, t->n + 1, sizeof(*x));
		if (x == NULL)
			return TRAIL_NOMEM;
		t->v = x;
		x = &t->v[t->n++];
		*x = (struct trail_realm){ .id = r->realm, .first = r->rseq };
		note(t, x, r);
		return TRAIL_OK;
	}
	t->gap = r->rseq - x->last - 1;
	if (t->gap == 0 && memcmp(r->prev, x->chain, sizeof(x->chain)) != 0)
		return fault(t, TRAIL_BAD, r, "the record before it is another than it follows");
	x->missing += t->gap;
	note(t, x, r);
	if (t->gap == 0)
		return TRAIL_OK;
	return fault(t, TRAIL_GAP, r, "records before it are missing");
}

/* --- lines of JSON ------------------------------------------------------------------- */

/* Give each line of @path to @take, which returns 0 or an exit code with its sentence in c->error.
 */
static int each_line(struct cli *c, struct trail *t, const char *path,
    int (*take)(struct cli *c, struct trail *t, const json_t *o))
{
	FILE *f = fopen(path, "re");
	char *line = NULL, why[sizeof(c->error)];
	size_t room = 0;
	unsigned long at = 0;
	json_error_t e;
	int rc = 0;

	if (f == NULL)
		return cli_fail(c, EX_NOINPUT, "%s: %s", path, strerror(errno));
	while (rc == 0 && getline(&line, &room, f) > 0) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &e);

		at++;
		rc = json_is_object(o) ? take(c, t, o)
				       : cli_fail(c, EX_DATAERR, "not an object of JSON");
		json_decref(o);
	}
	if (rc == 0 && ferror(f) != 0)
		rc = cli_fail(c, EX_IOERR, "it can't be read");
	if (rc != 0) {
		snprintf(why, sizeof(why), "%s", c->error);
		cli_error(c, "%.200s:%lu: %.700s", path, at, why);
	}
	free(line);
	fclose(f);
	return rc;
}

static int take_head(struct cli *c, struct trail *t, const json_t *o)
{
	struct trail_head *v = reallocarray(t->heads, t->nheads + 1, sizeof(*v));
	json_int_t id, rseq;
	const char *name, *chain;

	if (v == NULL)
		return cli_fail(c, EX_OSERR, "out of memory");
	t->heads = v;
	v += t->nheads;
	*v = (struct trail_head){ 0 };
	if (json_unpack((json_t *)(uintptr_t)o, "{s:s,s:I,s:I,s:s}", "realm", &name, "realm_id",
		&id, "rseq", &rseq, "chain", &chain) != 0 ||
	    !record_unhex(chain, v->chain))
		return cli_fail(c, EX_DATAERR, "not a line of writ audit --heads --json");
	v->id = (uint32_t)id;
	v->rseq = (uint64_t)rseq;
	snprintf(v->name, sizeof(v->name), "%s", name);
	t->nheads++;
	return 0;
}

int trail_expect(struct cli *c, struct trail *t, const char *path)
{
	return each_line(c, t, path, take_head);
}

const struct trail_head *trail_missing(struct trail *t)
{
	for (size_t i = 0; i < t->nheads; i++) {
		const struct trail_head *h = &t->heads[i];
		const struct trail_realm *x = realm_of(t, h->id);
		unsigned long long at = h->rseq;
		char name[4 * WRIT_NAME_MAX];

		if (h->found)
			continue;
		show_safe(h->name, strlen(h->name), name, sizeof(name));
		if (x == NULL || x->last < h->rseq)
			snprintf(t->fault, sizeof(t->fault),
			    "realm %s: cut at the end: it must reach record %llu, and ends at %llu",
			    name, at, (unsigned long long)(x != NULL ? x->last : 0));
		else if (x->first > h->rseq)
			snprintf(t->fault, sizeof(t->fault),
			    "realm %s: record %llu is not here any more, to compare it with the "
			    "head: these begin at %llu",
			    name, at, (unsigned long long)x->first);
		else
			snprintf(t->fault, sizeof(t->fault),
			    "realm %s: record %llu is another than the head says", name, at);
		return h;
	}
	return NULL;
}

static int take_record(struct cli *c, struct trail *t, const json_t *o)
{
	struct writ_audit_rec r;

	if (json_object_get(o, "overwritten") != NULL)
		return 0; /* says of itself what the numbers must show */
	if (!record_parse(o, &r)) {
		fault(t, TRAIL_BAD, &r, "it was altered");
		return cli_fail(c, EX_DATAERR, "%s",
		    r.rseq != 0 ? t->fault : "not a record of writ audit --json");
	}
	switch (trail_add(t, &r)) {
	case TRAIL_OK: return 0;
	case TRAIL_NOMEM: return cli_fail(c, EX_OSERR, "out of memory");
	case TRAIL_GAP:
		return cli_fail(c, EX_DATAERR, "%s: %llu, cut out or never read", t->fault,
		    (unsigned long long)t->gap);
	case TRAIL_BAD:
	default: return cli_fail(c, EX_DATAERR, "%s", t->fault);
	}
}

int trail_file(struct cli *c, struct trail *t, const char *path)
{
	int rc = each_line(c, t, path, take_record);

	if (rc == 0 && t->n == 0)
		return cli_fail(c, EX_DATAERR, "%s: no records", path);
	if (rc == 0 && trail_missing(t) != NULL)
		return cli_fail(c, EX_DATAERR, "%s: %s", path, t->fault);
	return rc == 0 ? trail_report(c, t) : rc;
}

/* --- what is said -------------------------------------------------------------------- */

int trail_heads(struct cli *c, const struct trail *t)
{
	char hex[65];

	for (size_t i = 0; i < t->n; i++) {
		const struct trail_realm *x = &t->v[i];

		if (!c->json) {
			printf("%s %10llu  ", record_hex(x->chain, hex),
			    (unsigned long long)x->last);
			show_safe_put(stdout, x->name);
			printf(" [%u]\n", x->id);
		} else if (table_json(stdout,
			       json_pack("{s:o,s:I,s:I,s:s}", "realm", table_string(x->name),
				   "realm_id", (json_int_t)x->id, "rseq", (json_int_t)x->last,
				   "chain", record_hex(x->chain, hex)),
			       JSON_COMPACT) != 0) {
			return cli_printed(c, -1);
		}
	}
	return 0;
}

static int report_json(const struct trail_realm *x)
{
	return table_json(stdout,
	    json_pack("{s:o,s:I,s:b,s:I,s:I,s:I}", "realm", table_string(x->name), "realm_id",
		(json_int_t)x->id, "verified", 1, "from", (json_int_t)x->first, "to",
		(json_int_t)x->last, "missing", (json_int_t)x->missing),
	    JSON_COMPACT);
}

static void report_text(const struct trail_realm *x)
{
	fputs("realm ", stdout);
	show_safe_put(stdout, x->name);
	printf(": verified from record %llu to %llu", (unsigned long long)x->first,
	    (unsigned long long)x->last);
	if (x->first > 1)
		printf("; %llu before are not here", (unsigned long long)(x->first - 1));
	if (x->missing > 0)
		printf("; %llu among them were overwritten meanwhile",
		    (unsigned long long)x->missing);
	putchar('\n');
}

int trail_report(struct cli *c, const struct trail *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!c->json)
			report_text(&t->v[i]);
		else if (report_json(&t->v[i]) != 0)
			return cli_printed(c, -1);
	}
	return 0;
}
