/* SPDX-License-Identifier: MIT */
/* Counters of a node, from its pinned maps. */
#include "tools/writ/meter.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* clang-format off */
#define MAPS(X) \
	X(sched) X(sched_realm) X(realms) X(denials) X(wait_hist) X(offcpu_hist) X(trace) \
	X(calls_seen) X(calls_realm) X(names)
/* clang-format on */
enum {
#define X(name) MAP_##name,
	MAPS(X)
#undef X
	    MAP_N
};
_Static_assert(MAP_N <= sizeof(((struct meter *)0)->maps) / sizeof(int), "");

static const char *const map_names[] = {
#define X(name) #name,
	MAPS(X)
#undef X
};

static int pinned(const struct cli *c, const char *kind, const char *name)
{
	char path[CLI_PATH_MAX];

	snprintf(path, sizeof(path), GUARD_PINS "/nodes/%s/%s/%s", c->node, kind, name);
	return bpf_obj_get(path);
}

int meter_open(struct cli *c, struct meter *m)
{
	bool all;

	*m = (struct meter){ .calls = -1, .watch = -1 };
	m->fresh = pinned(c, "iter", "fresh");
	all = m->fresh >= 0;
	for (unsigned i = 0; i < MAP_N; i++) {
		m->maps[i] = all ? pinned(c, "maps", map_names[i]) : -1;
		all = all && m->maps[i] >= 0;
	}
	return all ? 0
		   : cli_fail(c, EX_UNAVAILABLE,
			 "nothing is counted on node %s: %s; is it up? `writ doctor' says what "
			 "this machine lacks",
			 c->node, strerror(errno));
}

static void trace_bits(const struct meter *m, uint32_t on, uint32_t off)
{
	uint32_t first = 0;
	struct sched_trace t = { 0 };

	bpf_map_lookup_elem(m->maps[MAP_trace], &first, &t);
	t.bits = (t.bits | on) & ~off;
	bpf_map_update_elem(m->maps[MAP_trace], &first, &t, BPF_ANY);
}

void meter_close(struct meter *m)
{
	/* converting the lock gives up this one's: of those that end at once the last gets it */
	if (m->set != 0 && flock(m->watch, LOCK_EX | LOCK_NB) == 0)
		trace_bits(m, 0, m->set);
	for (unsigned i = 0; i < MAP_N; i++) {
		if (m->maps[i] > 0)
			close(m->maps[i]);
	}
	if (m->fresh > 0)
		close(m->fresh);
	if (m->calls >= 0)
		close(m->calls);
	if (m->watch >= 0)
		close(m->watch);
	*m = (struct meter){ .calls = -1, .watch = -1 };
}

/* Have the programs bring the rows up to date. */
static int refresh(struct cli *c, const struct meter *m)
{
	int fd = bpf_iter_create(m->fresh);
	char buf[64];
	ssize_t n;

	if (fd < 0)
		return cli_fail(c, EX_OSERR, "iter/fresh: %s", strerror(errno));
	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	close(fd);
	return n == 0 ? 0 : cli_fail(c, EX_OSERR, "iter/fresh: %s", strerror(errno));
}

/* Lock the folder @kind of pins till meter_close(). 0, 1: another holds it, or an exit code. */
static int lock(struct cli *c, struct meter *m, const char *kind, int how)
{
	char path[CLI_PATH_MAX];

	snprintf(path, sizeof(path), GUARD_PINS "/nodes/%s/%s", c->node, kind);
	if (m->watch < 0)
		m->watch = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->watch >= 0 && flock(m->watch, how) == 0)
		return 0;
	return m->watch >= 0 && errno == EWOULDBLOCK
	    ? 1
	    : cli_fail(c, EX_OSERR, "%s: %s", path, strerror(errno));
}

int meter_histograms(struct cli *c, struct meter *m)
{
	int rc = lock(c, m, "maps", LOCK_SH);

	if (rc != 0)
		return rc;
	m->set = GUARD_TRACE_HISTOGRAMS | GUARD_TRACE_OFFCPU;
	trace_bits(m, m->set, 0);
	return refresh(c, m); /* threads look at the bits when their rows are written */
}

int meter_count_calls(struct cli *c, struct meter *m)
{
	int prog, rc = m->calls < 0 ? lock(c, m, "progs", LOCK_EX | LOCK_NB) : 1;

	if (rc != 0)
		return rc == 1 ? 0 : rc; /* counted is once for all who look */
	prog = pinned(c, "progs", "trace_calls");
	m->calls = prog >= 0 ? bpf_raw_tracepoint_open(NULL, prog) : -1;
	if (m->calls < 0)
		rc = cli_fail(c, EX_OSERR, "calls can't be counted: %s", strerror(errno));
	if (prog >= 0)
		close(prog);
	return rc;
}

/* --- rows ---------------------------------------------------------------------- */

static void realm_name(const struct meter *m, uint32_t number, char *ret)
{
	struct sched_realm_key key = { .realm = number };
	struct sched_realm_row gone = { .name = "?" };
	struct guard_realm r;

	if (bpf_map_lookup_elem(m->maps[MAP_realms], &number, &r) == 0) {
		memcpy(ret, r.name, GUARD_NAME_MAX - 1);
		return;
	}
	for (unsigned i = 0; i < WRIT_CLASS_N; i++) {
		key.class = (enum guard_class)i;
		if (bpf_map_lookup_elem(m->maps[MAP_sched_realm], &key, &gone) == 0)
			break;
	}
	memcpy(ret, gone.name, GUARD_NAME_MAX - 1);
}

/* One row more, zeroed; NULL: out of memory. */
static void *more(void *v, size_t *n, size_t size)
{
	char **rows = v;
	char *grown = (*n & (*n - 1)) == 0 ? reallocarray(*rows, *n != 0 ? 2 * *n : 1, size)
					   : *rows;

	if (grown == NULL)
		return NULL;
	*rows = grown;
	grown += (*n)++ * size;
	memset(grown, 0, size);
	return grown;
}

static void add(struct sched_counts *to, const struct sched_counts *n)
{
#define X(field, ...) to->field += n->field;
	SCHED_TAKEN(X)
	SCHED_SEEN(X)
#undef X
}

static void hist_add(struct sched_hist *to, const struct sched_hist *h)
{
	for (unsigned i = 0; i < SCHED_SLOTS_N; i++)
		((uint64_t *)to)[i] += ((const uint64_t *)h)[i];
}

static int by_key(const void *a, const void *b)
{
	const struct meter_row *x = a, *y = b;

	return x->realm != y->realm ? (x->realm < y->realm ? -1 : 1)
				    : (x->pid > y->pid) - (x->pid < y->pid);
}

/* When a row goes while maps are walked, the walk may begin anew. */
static void drop_doubles(struct meter_rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (n == 0 || by_key(&rows->v[n - 1], &rows->v[i]) != 0)
			rows->v[n++] = rows->v[i];
	}
	rows->n = n;
}

static void read_refused(const struct meter *m, enum meter_by by, struct meter_rows *rows)
{
	struct guard_denial_key key, *prev = NULL;
	struct guard_denial d;

	for (; rows->n != 0 && bpf_map_get_next_key(m->maps[MAP_denials], prev, &key) == 0;
	     prev = &key) {
		struct meter_row want = { .realm = key.realm,
			.pid = by == METER_PROC ? key.pid : 0 };
		struct meter_row *r = bsearch(&want, rows->v, rows->n, sizeof(want), by_key);

		if (r != NULL && bpf_map_lookup_elem(m->maps[MAP_denials], &key, &d) == 0)
			r->refused += d.count;
	}
}

static int read_procs(struct cli *c, const struct meter *m, struct meter_rows *ret)
{
	struct sched_key key, *prev = NULL;
	struct sched_row row;

	for (; ret->n < 2 * SCHED_ROWS && bpf_map_get_next_key(m->maps[MAP_sched], prev, &key) == 0;
	     prev = &key) {
		struct meter_row *r;

		if (bpf_map_lookup_elem(m->maps[MAP_sched], &key, &row) != 0)
			continue; /* it has gone meanwhile */
		r = more(&ret->v, &ret->n, sizeof(*r));
		if (r == NULL)
			return cli_fail(c, EX_OSERR, "out of memory");
		r->pid = key.pid;
		r->realm = key.realm;
		memcpy(r->name, row.name, sizeof(r->name) - 1);
		realm_name(m, key.realm, r->realm_name);
		r->class = (enum writ_class)row.class;
		r->ended = row.ended;
		r->n = row.n;
		bpf_map_lookup_elem(m->maps[MAP_wait_hist], &key, &r->wait);
		bpf_map_lookup_elem(m->maps[MAP_offcpu_hist], &key, &r->offcpu);
	}
	if (ret->n != 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_key);
	drop_doubles(ret);
	read_refused(m, METER_PROC, ret);
	return 0;
}

static struct meter_row *same(const struct meter_rows *rows, enum meter_by by,
    const struct sched_realm_key *key)
{
	for (size_t i = 0; i < rows->n; i++) {
		if (by == METER_REALM ? rows->v[i].realm == key->realm
				      : (unsigned)rows->v[i].class == (unsigned)key->class)
			return &rows->v[i];
	}
	return NULL;
}

static int read_sums(struct cli *c, const struct meter *m, enum meter_by by, struct meter_rows *ret)
{
	struct sched_realm_key key, *prev = NULL;
	struct sched_realm_row row;

	for (; bpf_map_get_next_key(m->maps[MAP_sched_realm], prev, &key) == 0; prev = &key) {
		struct meter_row *r = same(ret, by, &key);

		if (bpf_map_lookup_elem(m->maps[MAP_sched_realm], &key, &row) != 0)
			continue;
		if (r == NULL)
			r = more(&ret->v, &ret->n, sizeof(*r));
		if (r == NULL)
			return cli_fail(c, EX_OSERR, "out of memory");
		if (by == METER_REALM) {
			r->realm = key.realm;
			realm_name(m, key.realm, r->realm_name);
		} else {
			r->class = (enum writ_class)key.class;
		}
		add(&r->n, &row.n);
	}
	if (ret->n != 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_key);
	if (by == METER_REALM)
		read_refused(m, by, ret);
	return 0;
}

/* What there is by proc alone. */
static void add_procs(struct meter_rows *sums, enum meter_by by, const struct meter_rows *procs)
{
	for (size_t i = 0; i < procs->n; i++) {
		const struct meter_row *p = &procs->v[i];
		struct meter_row *r = same(sums, by,
		    &(struct sched_realm_key){ .realm = p->realm,
			.class = (enum guard_class)p->class });

		if (r == NULL)
			continue;
		hist_add(&r->wait, &p->wait);
		hist_add(&r->offcpu, &p->offcpu);
		if (by == METER_CLASS)
			r->refused += p->refused;
	}
}

int meter_read(struct cli *c, const struct meter *m, enum meter_by by, struct meter_rows *ret)
{
	struct meter_rows procs = { 0 };
	int rc = refresh(c, m);

	*ret = (struct meter_rows){ 0 };
	if (rc == 0)
		rc = read_procs(c, m, by == METER_PROC ? ret : &procs);
	if (rc == 0 && by != METER_PROC)
		rc = read_sums(c, m, by, ret);
	if (rc == 0 && by != METER_PROC)
		add_procs(ret, by, &procs);
	free(procs.v);
	if (rc != 0)
		free(ret->v);
	return rc;
}

/* --- calls --------------------------------------------------------------------- */

/* Add the calls in row @key of @map, which are of @who. */
static int read_calls_of(struct cli *c, const struct meter *m, int map, const void *key,
    const struct meter_call *who, struct meter_calls *ret)
{
	static union {
		struct sched_calls row;
		uint64_t n[SCHED_CALLS];
	} calls;

	if (bpf_map_lookup_elem(map, key, &calls) != 0)
		return 0;
	for (uint32_t nr = 0; nr < SCHED_CALLS; nr++) {
		struct meter_call *r;
		struct call_name name = { "" };

		if (calls.n[nr] == 0)
			continue;
		r = more(&ret->v, &ret->n, sizeof(*r));
		if (r == NULL)
			return cli_fail(c, EX_OSERR, "out of memory");
		*r = *who;
		r->nr = nr;
		r->count = calls.n[nr];
		bpf_map_lookup_elem(m->maps[MAP_names], &nr, &name);
		memcpy(r->call, name.name, sizeof(r->call) - 1);
	}
	return 0;
}

static int calls_procs(struct cli *c, const struct meter *m, struct meter_calls *ret)
{
	struct sched_key key, *prev = NULL;
	int rc = 0;

	for (; rc == 0 && bpf_map_get_next_key(m->maps[MAP_calls_seen], prev, &key) == 0;
	     prev = &key) {
		struct meter_call who = { .pid = key.pid, .realm = key.realm };
		struct sched_row row = { .pad = 0 };

		bpf_map_lookup_elem(m->maps[MAP_sched], &key, &row);
		memcpy(who.name, row.name, sizeof(who.name) - 1);
		who.class = (enum writ_class)row.class;
		realm_name(m, key.realm, who.realm_name);
		rc = read_calls_of(c, m, m->maps[MAP_calls_seen], &key, &who, ret);
	}
	return rc;
}

static int by_call(const void *a, const void *b)
{
	const struct meter_call *x = a, *y = b;

	if (x->realm != y->realm)
		return x->realm < y->realm ? -1 : 1;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static int calls_sums(struct cli *c, const struct meter *m, enum meter_by by,
    struct meter_calls *ret)
{
	struct sched_realm_key key, *prev = NULL;
	size_t n = 0;
	int rc = 0;

	for (; rc == 0 && bpf_map_get_next_key(m->maps[MAP_calls_realm], prev, &key) == 0;
	     prev = &key) {
		struct meter_call who = { .pid = 0 };

		if (by == METER_CLASS) {
			who.class = (enum writ_class)key.class;
		} else {
			who.realm = key.realm;
			realm_name(m, key.realm, who.realm_name);
		}
		rc = read_calls_of(c, m, m->maps[MAP_calls_realm], &key, &who, ret);
	}
	if (ret->n != 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_call);
	for (size_t i = 0; i < ret->n; i++) {
		if (n != 0 && by_call(&ret->v[n - 1], &ret->v[i]) == 0)
			ret->v[n - 1].count += ret->v[i].count;
		else
			ret->v[n++] = ret->v[i];
	}
	ret->n = n;
	return rc;
}

int meter_read_calls(struct cli *c, const struct meter *m, enum meter_by by,
    struct meter_calls *ret)
{
	int rc = refresh(c, m);

	*ret = (struct meter_calls){ 0 };
	if (rc == 0)
		rc = by == METER_PROC ? calls_procs(c, m, ret) : calls_sums(c, m, by, ret);
	if (rc != 0)
		free(ret->v);
	return rc;
}
