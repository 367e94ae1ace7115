/* SPDX-License-Identifier: MIT */
/*
 * The kernel's lists as operators ask for them, page by page: procs, the audit
 * with its explanations, realms. A page ends where a message would become too long.
 */
#include "servers/root/root.h"
#include <stdlib.h>
#include <string.h>

#define AUDIT_CALL ((WRIT_MSG_MAX - sizeof(struct writ_hdr)) / sizeof(struct writ_audit_rec))
#define FIX_MAX    512
#define OVERHEAD   4 /* tag and length of one row */

struct proc_row {
	Writ__Op__Proc m;
	struct writ_proc_row k;
};
struct record_row {
	Writ__Op__Record m;
	struct writ_audit_rec k;
	char fix[FIX_MAX];
};

/* --- procs -------------------------------------------------------------------------- */

int64_t rows_of(const struct place *p, struct writ_proc_row **ret)
{
	struct writ_proc_row *rows = NULL, *more;
	uint64_t at = 0;
	int64_t n = 0, got = 0;

	do {
		more = realloc(rows, ((size_t)n + PLACE_ROWS) * sizeof(*rows));
		if (more == NULL) {
			got = -WRIT_E_NOT_ENOUGH_MEMORY;
			break;
		}
		rows = more;
		got = place_procs(p, &at, rows + n, PLACE_ROWS);
		n += got > 0 ? got : 0;
	} while (got >= 0 && at != 0);
	if (got < 0) {
		free(rows);
		rows = NULL;
		n = got;
	}
	*ret = rows;
	return n;
}

uint32_t layers_now(void)
{
	const struct place own = { .realm = WRIT_BOOT_REALM };
	struct writ_proc_row *rows;
	int64_t n = rows_of(&own, &rows);
	uint32_t layers = n > 0 ? rows[0].layers : 0;

	free(rows);
	return layers;
}

/* One realm as these lists see it; the i-th of all: root's own, the servers', the tenants'. */
struct view {
	struct place place;
	const char *name, *file, *fault;
	const struct realm *realm;
	const struct instance *instance;
};

static bool view_at(unsigned i, struct view *ret)
{
	if (i-- == 0) {
		*ret =
		    (struct view){ .place = { .realm = WRIT_BOOT_REALM, .id = writ_self()->realm },
			    .name = writ_self()->realm_name,
			    .file = root.node->file,
			    .fault = "" };
		return true;
	}
	for (const struct instance *x = root.instances; x != NULL; x = x->next)
		if (i-- == 0) {
			*ret = (struct view){ .place = x->place,
				.name = x->name,
				.file = root.node->file,
				.fault = x->fault,
				.instance = x };
			return true;
		}
	for (const struct realm *x = root.realms; x != NULL; x = x->next)
		if (i-- == 0) {
			*ret = (struct view){ .place = x->place,
				.name = x->m->name,
				.file = x->m->file,
				.fault = "",
				.realm = x };
			return true;
		}
	return false;
}

static unsigned view_line(const struct view *v, uint32_t pid)
{
	if (v->instance != NULL)
		return v->instance->pid == pid ? v->instance->m->line : 0;
	for (size_t i = 0; v->realm != NULL && i < v->realm->m->n_procs; i++)
		if (v->realm->entries[i].pid == pid)
			return v->realm->m->procs[i]->line;
	return 0;
}

/* A row with what root knows besides the kernel's. */
struct found {
	struct writ_proc_row k;
	const char *realm_name;
	unsigned line;
};
struct all {
	struct found *v;
	size_t n;
};

static int collect(struct all *a, const struct view *v)
{
	struct writ_proc_row *rows;
	int64_t n = rows_of(&v->place, &rows);
	struct found *more;

	if (n <= 0)
		return (int)n;
	more = realloc(a->v, (a->n + (size_t)n) * sizeof(*a->v));
	if (more == NULL) {
		free(rows);
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	a->v = more;
	for (int64_t i = 0; i < n; i++)
		a->v[a->n++] = (struct found){ rows[i], v->name, view_line(v, rows[i].pid) };
	free(rows);
	return 0;
}

static int by_pid(const void *x, const void *y)
{
	const struct found *a = x, *b = y;

	return a->k.pid < b->k.pid ? -1 : a->k.pid > b->k.pid;
}

static void proc_fill(struct proc_row *r, const struct found *f)
{
	const struct writ_proc_row *k = &r->k;

	r->k = f->k;
	writ__op__proc__init(&r->m);
	r->m.pid = k->pid;
	r->m.parent = k->parent;
	r->m.realm = k->realm;
	r->m.realm_name = (char *)(uintptr_t)f->realm_name;
	r->m.name = r->k.name;
	r->m.state = k->state;
	r->m.class_ = k->class;
	r->m.profile = k->profile;
	r->m.host_pid = k->host_pid;
	r->m.code = k->code;
	r->m.start_ns = k->start_ns;
	r->m.end_ns = k->end_ns;
	r->m.memory = k->memory;
	r->m.cpu_ns = k->cpu_ns;
	r->m.rss_max = k->rss_max;
	r->m.log = k->log;
	r->m.refused = k->refused;
	r->m.line = f->line;
	r->m.layers = k->layers;
}

/* Those from pid q->offset on, in the order of pids: pages stay in step while procs come and go. */
static int procs_page(const Writ__Op__Req *q, Writ__Op__Rep *rep, const struct all *a)
{
	struct proc_row *rows = NULL;
	size_t bytes = 0;

	rep->procs = rows_new(a->n, sizeof(*rows), &rows);
	if (rep->procs == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	for (size_t i = 0; i < a->n; i++) {
		struct proc_row *r = &rows[rep->n_procs];

		if (a->v[i].k.pid < q->offset)
			continue;
		proc_fill(r, &a->v[i]);
		bytes += writ__op__proc__get_packed_size(&r->m) + OVERHEAD;
		if (bytes > PAGE_BYTES) {
			rep->next = a->v[i].k.pid;
			break;
		}
		rep->procs[rep->n_procs++] = &r->m;
	}
	return 0;
}

int rows_procs(const Writ__Op__Req *q, Writ__Op__Rep *rep)
{
	struct all a = { 0 };
	struct view v;
	bool found = q->name[0] == '\0';
	int r = 0;

	for (unsigned i = 0; r == 0 && view_at(i, &v); i++) {
		if (q->name[0] != '\0' && strcmp(q->name, v.name) != 0)
			continue;
		found = true;
		r = collect(&a, &v);
	}
	if (r == 0 && !found)
		r = -WRIT_E_NOT_FOUND;
	if (r == 0 && a.n > 0) {
		qsort(a.v, a.n, sizeof(*a.v), by_pid);
		r = procs_page(q, rep, &a);
	}
	free(a.v);
	return r;
}

/* --- realms ---------------------------------------------------------------------------- */

static void realm_fill(Writ__Op__RealmInfo *r, const struct view *v)
{
	struct writ_proc_row *rows;
	int64_t n = rows_of(&v->place, &rows);

	writ__op__realm_info__init(r);
	r->id = v->place.id;
	r->uid = v->place.uid;
	r->name = (char *)(uintptr_t)v->name;
	r->file = (char *)(uintptr_t)v->file;
	r->fault = (char *)(uintptr_t)v->fault;
	r->system = v->realm == NULL;
	for (int64_t i = 0; i < n; i++) {
		r->procs++;
		r->alive += rows[i].state < WRIT_STATE_EXITED;
	}
	free(rows);
}

int rows_realms(const Writ__Op__Req *q, Writ__Op__Rep *rep)
{
	Writ__Op__RealmInfo *rows = NULL;
	size_t count = 0, bytes = 0;
	struct view v;

	while (view_at((unsigned)count, &v))
		count++;
	rep->realms = rows_new(count, sizeof(*rows), &rows);
	if (rep->realms == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	for (uint64_t i = q->offset; i < count && view_at((unsigned)i, &v); i++) {
		Writ__Op__RealmInfo *r = &rows[rep->n_realms];

		realm_fill(r, &v);
		bytes += writ__op__realm_info__get_packed_size(r) + OVERHEAD;
		if (bytes > PAGE_BYTES) {
			rep->next = i;
			break;
		}
		rep->realms[rep->n_realms++] = r;
	}
	return 0;
}

/* --- audit ------------------------------------------------------------------------------------ */

/* The realm that a record is of, and its procs, as they were asked for last. */
struct whose {
	struct view view;
	struct writ_proc_row *rows;
	int64_t n;
	bool known, ended;
};

static bool made_before(const struct place *p, const struct writ_audit_rec *k)
{
	return p->id == k->realm && p->made_ns <= k->time_ns;
}

static void whose_realm(struct whose *w, const struct writ_audit_rec *k)
{
	struct view v;

	if (w->known && !w->ended && made_before(&w->view.place, k))
		return;
	free(w->rows);
	w->rows = NULL;
	w->n = 0;
	w->known = w->ended = false;
	for (unsigned i = 0; view_at(i, &v); i++) {
		if (!made_before(&v.place, k))
			continue;
		w->view = v;
		w->known = true;
		w->n = v.realm != NULL ? rows_of(&v.place, &w->rows) : 0;
		return;
	}
	for (const struct realm *r = root.ended; r != NULL && !w->known; r = r->next) {
		w->known = w->ended = made_before(&r->place, k);
		w->view = (struct view){ .place = r->place, .name = r->m->name, .realm = r };
	}
}

static const Writ__Manifest__Proc *entry_of(const struct realm *r, uint32_t pid)
{
	for (size_t i = 0; i < r->m->n_procs; i++)
		if (r->entries[i].pid == pid)
			return r->m->procs[i];
	return NULL;
}

/* The manifest's entry of @pid, or of its nearest ancestor that has one. */
static const Writ__Manifest__Proc *ancestor(const struct whose *w, uint32_t pid, bool *ret_child)
{
	const Writ__Manifest__Proc *m = entry_of(w->view.realm, pid);

	for (unsigned up = 0; m == NULL && up < CHECK_PROCS_MAX; up++) {
		uint32_t parent = 0;

		for (int64_t i = 0; i < w->n; i++)
			if (w->rows[i].pid == pid)
				parent = w->rows[i].parent;
		if (parent == 0)
			return NULL;
		pid = parent;
		*ret_child = true;
		m = entry_of(w->view.realm, pid);
	}
	return m;
}

/* Who of the realm reports it: the service that proc @by provides, or NULL. */
static const char *service_of(const struct realm *r, uint32_t by)
{
	const Writ__Manifest__Proc *m = entry_of(r, by);

	return m != NULL && m->provides[0] != '\0' ? m->provides : NULL;
}

static void explain(const struct whose *w, struct record_row *r, const struct check_node *node)
{
	struct explain e = { .node = node, .reported = r->k.by != 0 };
	const struct instance *by = instance_of_pid(r->k.by);

	if (w->view.realm == NULL)
		return;
	e.realm = w->view.realm->m;
	e.proc = ancestor(w, r->k.pid, &e.child);
	e.host = by != NULL && by->host != NULL ? by->host->name : NULL;
	e.service = service_of(w->view.realm, r->k.by);
	/* A server that was started again since: which tree its path is of is not known any more.
	 */
	if (!e.reported || by != NULL || e.service != NULL || r->k.by == w->view.realm->named_pid)
		explain_refusal(&e, &r->k, r->fix, sizeof(r->fix));
}

static void record_fill(struct record_row *r)
{
	const struct writ_audit_rec *k = &r->k;

	writ__op__record__init(&r->m);
	r->m.seq = k->seq;
	r->m.time_ns = k->time_ns;
	r->m.pid = k->pid;
	r->m.realm = k->realm;
	r->m.kind = k->kind;
	r->m.op = k->op;
	r->m.status = k->status;
	r->m.missing = k->missing;
	r->m.count = k->count;
	r->m.by = k->by;
	r->m.other = k->other;
	r->m.name = r->k.name;
	r->m.what = r->k.what;
	r->m.fix = r->fix;
	r->m.realm_name = r->k.realm_name;
	r->m.rseq = k->rseq;
	r->m.prev = (ProtobufCBinaryData){ sizeof(r->k.prev), r->k.prev };
	r->m.chain = (ProtobufCBinaryData){ sizeof(r->k.chain), r->k.chain };
}

int rows_audit(const Writ__Op__Req *q, Writ__Op__Rep *rep)
{
	const size_t row_max = sizeof(struct record_row), max = PAGE_BYTES / row_max;
	struct check_node node = boot_view();
	struct writ_audit_rec got[AUDIT_CALL];
	struct record_row *rows = NULL;
	struct whose w = { 0 };
	uint64_t at = q->offset;
	size_t n = 0;

	rep->records = rows_new(max, sizeof(*rows), &rows);
	if (rep->records == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	do {
		struct writ_hdr h = { .op = WRIT_OP_AUDIT, .cap = WRIT_BOOT_AUDIT, .arg = at };
		int r = writ_gate_call(&h, NULL, NULL, got, sizeof(got), NULL);

		if (r < 0) {
			free(w.rows);
			return r;
		}
		at = h.arg;
		n = h.len / sizeof(got[0]) < AUDIT_CALL ? h.len / sizeof(got[0]) : AUDIT_CALL;
		for (size_t i = 0; i < n; i++) {
			struct record_row *x = &rows[rep->n_records];

			x->k = got[i];
			whose_realm(&w, &x->k);
			/* its number may be another realm's by now */
			if (w.known && strcmp(w.view.name, x->k.realm_name) == 0 &&
			    (x->k.kind == WRIT_AUDIT_REFUSED || x->k.kind == WRIT_AUDIT_NOTED))
				explain(&w, x, &node);
			record_fill(x);
			rep->records[rep->n_records++] = &x->m;
		}
	} while (n > 0 && rep->n_records + AUDIT_CALL <= max);
	free(w.rows);
	rep->next = n > 0 ? at : 0;
	return 0;
}
