/* SPDX-License-Identifier: MIT */
/* writ top: what procs, realms and classes use, from the counters in Linux. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <writ/rights.h>

#include "tools/writ/meter.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"

enum { INTERVAL_MAX = 3600 };

struct top {
	struct meter meter;
	enum meter_by by;
	const char *sort, *realm;
	bool once, histogram, calls;
	uint64_t seconds;
	struct meter_rows before; /* of the reading before, by realm and pid */
	uint64_t before_ns;
};

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	ended = signal;
}

/* --- numbers -------------------------------------------------------------------- */

/* What rows can be sorted by. */
/* clang-format off */
#define SORTS(X) \
	X(cpu, n.cpu_ns) X(wait, n.wait_ns) X(slices, n.slices) X(sleeps, n.sleeps) \
	X(preempted, n.preemptions) X(moved, n.migrations) X(faults, n.minor_faults) \
	X(ring, n.ring_sleeps) X(refused, refused)
/* clang-format on */
#define NAME(name, field) " " #name
#define SORT_NAMES        SORTS(NAME)

static const struct {
	const char *name;
	size_t at;
} sorts[] = {
#define X(name, field) { #name, offsetof(struct meter_row, field) },
	SORTS(X)
#undef X
};
#define SORTS_N (sizeof(sorts) / sizeof(sorts[0]))

static size_t sort_at;

static int by_most(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, (const char *)a + sort_at, sizeof(x));
	memcpy(&y, (const char *)b + sort_at, sizeof(y));
	return (x < y) - (x > y);
}

static int by_count(const void *a, const void *b)
{
	const struct meter_call *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

/* CPU time since the reading before; all there was when there is none. */
static uint64_t recent(const struct top *t, const struct meter_row *r)
{
	for (size_t i = 0; i < t->before.n; i++) {
		const struct meter_row *b = &t->before.v[i];

		if (b->realm == r->realm && b->pid == r->pid && b->class == r->class)
			return r->n.cpu_ns - b->n.cpu_ns;
	}
	return r->n.cpu_ns;
}

static const uint64_t *slots_of(const struct sched_hist *h)
{
	return (const void *)h;
}

/* Microseconds that @percent of the waits took less than; 0: there were none. */
static uint64_t below(const struct sched_hist *h, unsigned percent)
{
	const uint64_t *slot = slots_of(h);
	uint64_t all = 0, sum = 0;

	for (unsigned i = 0; i < SCHED_SLOTS_N; i++)
		all += slot[i];
	for (unsigned i = 0; all != 0 && i < SCHED_SLOTS_N; i++) {
		sum += slot[i];
		if (sum * 100 >= all * percent)
			return UINT64_C(1) << i;
	}
	return 0;
}

/* --- tables --------------------------------------------------------------------- */

/* clang-format off */
#define WHO \
	{ "realm", "REALM", COLUMN_LEFT }, { "number", "NUMBER", COLUMN_RIGHT }, \
	{ "pid", "PID", COLUMN_RIGHT }, { "name", "NAME", COLUMN_LEFT }, \
	{ "class", "CLASS", COLUMN_LEFT }
#define USE \
	{ "cpu_percent", "%CPU", COLUMN_RIGHT }, { "cpu_ns", "CPU", COLUMN_RIGHT }, \
	{ "wait_ns", "WAIT", COLUMN_RIGHT }, { "slices", "SLICES", COLUMN_RIGHT }, \
	{ "sleeps", "SLEEPS", COLUMN_RIGHT }, { "preemptions", "PREEMPTED", COLUMN_RIGHT }, \
	{ "by_lc", "LC", COLUMN_RIGHT }, { "by_be", "BE", COLUMN_RIGHT }, \
	{ "by_others", "OTHERS", COLUMN_RIGHT }, { "migrations", "MOVED", COLUMN_RIGHT }, \
	{ "minor_faults", "FAULTS", COLUMN_RIGHT }, { "major_faults", "MAJOR", COLUMN_RIGHT }, \
	{ "ring_sleeps", "RING", COLUMN_RIGHT }, { "mailbox_sleeps", "MAILBOX", COLUMN_RIGHT }, \
	{ "gate_sleeps", "GATE", COLUMN_RIGHT }, { "refused", "REFUSED", COLUMN_RIGHT }
static const struct column top_columns[] = { WHO, USE, { "ended", NULL, COLUMN_JSON } };
static const struct column hist_columns[] = {
	WHO,
	{ "wait_p50_us", "WAIT p50 <", COLUMN_RIGHT }, { "wait_p99_us", "p99 <", COLUMN_RIGHT },
	{ "offcpu_p50_us", "OFF p50 <", COLUMN_RIGHT }, { "offcpu_p99_us", "p99 <", COLUMN_RIGHT },
	{ "wait_us", NULL, COLUMN_JSON }, { "offcpu_us", NULL, COLUMN_JSON },
};
static const struct column call_columns[] = {
	WHO,
	{ "call", "CALL", COLUMN_LEFT },
	{ "count", "COUNT", COLUMN_RIGHT },
	{ "nr", NULL, COLUMN_JSON },
};
/* clang-format on */
#define COLUMNS(v) v, sizeof(v) / sizeof((v)[0])

static void cells_who(struct table *t, enum meter_by by, const struct meter_row *r)
{
	if (by == METER_CLASS) {
		table_cell(t, "", NULL);
		table_cell(t, "", NULL);
	} else {
		table_text(t, r->realm_name);
		table_num(t, r->realm);
	}
	if (by == METER_PROC && r->pid != 0)
		table_num(t, r->pid);
	else
		table_cell(t, "", NULL);
	if (by == METER_PROC)
		table_text(t, r->name);
	else
		table_cell(t, "", NULL);
	if (by == METER_REALM)
		table_cell(t, "", NULL);
	else
		table_text(t, writ_class_name(r->class));
}

/* "812us", "3051ms", "41s": procs' times are short. Not known: @known is false. */
static void cell_short(struct table *t, uint64_t ns, uint64_t value, bool known)
{
	char shown[32] = "";

	if (known && ns < 10 * UINT64_C(1000000))
		snprintf(shown, sizeof(shown), "%uus", (unsigned)(ns / 1000));
	else if (known && ns < 10 * UINT64_C(1000000000))
		snprintf(shown, sizeof(shown), "%ums", (unsigned)(ns / 1000000));
	else if (known)
		show_age(ns, shown, sizeof(shown));
	table_cell(t, shown, known ? json_integer((json_int_t)value) : NULL);
}

static void cell_us(struct table *t, uint64_t us)
{
	cell_short(t, us * 1000, us, us != 0);
}

static void row_use(struct table *t, const struct top *top, const struct meter_row *r, uint64_t ns)
{
	double percent = ns != 0 ? 100.0 * (double)recent(top, r) / (double)ns : 0;
	char shown[32] = "";

	table_row(t);
	cells_who(t, top->by, r);
	if (ns != 0)
		snprintf(shown, sizeof(shown), "%.1f", percent);
	table_cell(t, shown, ns != 0 ? json_real(percent) : NULL);
	cell_short(t, r->n.cpu_ns, r->n.cpu_ns, true);
	cell_short(t, r->n.wait_ns, r->n.wait_ns, true);
	table_num(t, r->n.slices);
	table_num(t, r->n.sleeps);
	table_num(t, r->n.preemptions);
	table_num(t, r->n.by_lc);
	table_num(t, r->n.by_be);
	table_num(t, r->n.by_others);
	table_num(t, r->n.migrations);
	table_num(t, r->n.minor_faults);
	table_num(t, r->n.major_faults);
	table_num(t, r->n.ring_sleeps);
	table_num(t, r->n.mailbox_sleeps);
	table_num(t, r->n.gate_sleeps);
	table_num(t, r->refused);
	table_bool(t, r->ended);
}

/* {"0": n, "1": n, "2": n, "4": n ...}: so many waits took from so many microseconds on. */
static json_t *slots_json(const struct sched_hist *h)
{
	static const char *const from[] = {
#define X(us) #us,
		SCHED_SLOTS(X)
#undef X
	};
	json_t *o = json_object();

	for (unsigned i = 0; o != NULL && i < SCHED_SLOTS_N; i++)
		json_object_set_new(o, from[i], json_integer((json_int_t)slots_of(h)[i]));
	return o;
}

static void row_hist(struct table *t, const struct top *top, const struct meter_row *r)
{
	table_row(t);
	cells_who(t, top->by, r);
	cell_us(t, below(&r->wait, 50));
	cell_us(t, below(&r->wait, 99));
	cell_us(t, below(&r->offcpu, 50));
	cell_us(t, below(&r->offcpu, 99));
	table_cell(t, "", slots_json(&r->wait));
	table_cell(t, "", slots_json(&r->offcpu));
}

static void row_call(struct table *t, enum meter_by by, const struct meter_call *r)
{
	struct meter_row who = { .pid = r->pid, .realm = r->realm, .class = r->class };
	char nr[16];

	snprintf(nr, sizeof(nr), "%u", r->nr);
	memcpy(who.name, r->name, sizeof(who.name));
	memcpy(who.realm_name, r->realm_name, sizeof(who.realm_name));
	table_row(t);
	cells_who(t, by, &who);
	table_text(t, *r->call != '\0' ? r->call : nr);
	table_num(t, r->count);
	table_num(t, r->nr);
}

static int print(struct cli *c, struct table *t)
{
	int r = t != NULL ? table_print(t, stdout, c->json) : -1;

	table_free(t);
	if (r == 0)
		fflush(stdout);
	return cli_printed(c, r);
}

static bool wanted(const struct top *top, const char *realm)
{
	return top->realm == NULL || strcmp(top->realm, realm) == 0;
}

static int show_calls(struct cli *c, struct top *top)
{
	struct meter_calls calls;
	int rc = meter_read_calls(c, &top->meter, top->by, &calls);
	struct table *t = table_new(COLUMNS(call_columns));

	if (rc != 0) {
		table_free(t);
		return rc;
	}
	if (calls.n != 0)
		qsort(calls.v, calls.n, sizeof(*calls.v), by_count);
	for (size_t i = 0; t != NULL && i < calls.n; i++) {
		if (wanted(top, calls.v[i].realm_name))
			row_call(t, top->by, &calls.v[i]);
	}
	free(calls.v);
	return print(c, t);
}

static int show_rows(struct cli *c, struct top *top)
{
	uint64_t now = show_clock(CLOCK_MONOTONIC);
	bool none = top->once && top->realm != NULL; /* else it may come */
	struct meter_rows rows;
	int rc = meter_read(c, &top->meter, top->by, &rows);
	struct table *t = top->histogram ? table_new(COLUMNS(hist_columns))
					 : table_new(COLUMNS(top_columns));

	if (rc != 0) {
		table_free(t);
		return rc;
	}
	if (rows.n != 0)
		qsort(rows.v, rows.n, sizeof(*rows.v), by_most);
	for (size_t i = 0; t != NULL && i < rows.n; i++) {
		if (!wanted(top, rows.v[i].realm_name))
			continue;
		none = false;
		if (top->histogram)
			row_hist(t, top, &rows.v[i]);
		else
			row_use(t, top, &rows.v[i],
			    top->before.v != NULL ? now - top->before_ns : 0);
	}
	free(top->before.v);
	top->before = rows;
	top->before_ns = now;
	rc = print(c, t);
	return rc != 0 || !none
	    ? rc
	    : cli_fail(c, EX_NOINPUT, "node %s counts nothing of a realm \"%s\"", c->node,
		  top->realm);
}

/* --- the command ------------------------------------------------------------------ */

static int options(struct cli *c, struct top *top)
{
	static const char *const bys[] = { "proc", "realm", "class" };
	const char *by = c->opt['b'] != NULL ? c->opt['b'] : "proc";
	size_t i;
	int rc = 0;

	*top = (struct top){ .seconds = 2, .meter = { .calls = -1, .watch = -1 } };
	top->sort = c->opt['s'] != NULL ? c->opt['s'] : "cpu";
	top->realm = c->nargs > 0 ? c->args[0] : NULL;
	top->histogram = c->opt['H'] != NULL;
	top->calls = c->opt['C'] != NULL;
	top->once = c->opt['1'] != NULL || (c->json && c->opt['i'] == NULL);
	if (c->opt['i'] != NULL)
		rc = cli_number(c, "--interval", c->opt['i'], INTERVAL_MAX, &top->seconds);
	if (rc != 0)
		return rc;
	for (i = 0; i < SORTS_N && strcmp(sorts[i].name, top->sort) != 0; i++)
		;
	if (i == SORTS_N)
		return cli_fail(c, EX_USAGE, "--sort=%s: it is one of%s", top->sort, SORT_NAMES);
	sort_at = sorts[i].at;
	for (i = 0; i < 3 && strcmp(bys[i], by) != 0; i++)
		;
	if (i == 3)
		return cli_fail(c, EX_USAGE, "--by=%s: it is proc, realm or class", by);
	top->by = (enum meter_by)i;
	if (top->by == METER_CLASS && top->realm != NULL)
		return cli_fail(c, EX_USAGE, "--by=class is of all realms");
	if (top->histogram && top->calls)
		return cli_fail(c, EX_USAGE, "--histogram or --calls, one at a time");
	if (top->seconds == 0)
		return cli_fail(c, EX_USAGE, "--interval is at least a second");
	return 0;
}

static void pause_for(uint64_t seconds)
{
	uint64_t end = show_clock(CLOCK_MONOTONIC) + seconds * 1000000000, now;

	while (!ended && (now = show_clock(CLOCK_MONOTONIC)) < end)
		poll(NULL, 0, (int)((end - now + 999999) / 1000000));
}

static int loop(struct cli *c, struct top *top)
{
	bool screen = !c->json && isatty(STDOUT_FILENO);
	int rc = 0;

	if (top->histogram)
		rc = meter_histograms(c, &top->meter);
	if (rc == 0 && top->calls)
		rc = meter_count_calls(c, &top->meter);
	if (rc == 0 && (top->histogram || top->calls))
		pause_for(top->seconds); /* else there is nothing to show yet */
	for (bool again = false; rc == 0; again = true) {
		if (screen && !top->once)
			fputs("\033[H\033[J", stdout);
		else if (again && !c->json)
			putchar('\n');
		rc = top->calls ? show_calls(c, top) : show_rows(c, top);
		if (top->once || ended)
			break;
		if (rc == 0 && top->calls)
			rc = meter_count_calls(c, &top->meter);
		if (rc == 0)
			pause_for(top->seconds);
		if (ended)
			break;
	}
	return rc;
}

static int top_run(struct cli *c)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct top top;
	int rc = options(c, &top);

	if (rc != 0)
		return rc;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGPIPE, &sa, NULL);
	rc = meter_open(c, &top.meter);
	if (rc == 0)
		rc = loop(c, &top);
	meter_close(&top.meter);
	free(top.before.v);
	if (ended == SIGPIPE) { /* nobody reads it any more */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return rc;
}

static const struct argp_option top_options[] = {
	{ "once", '1', NULL, 0, "Print once and end, as --json does", 0 },
	{ "interval", 'i', "SECONDS", 0, "Print so often, every 2 s if not said", 0 },
	{ "by", 'b', "WHAT", 0, "Rows are of a proc, a realm or a class", 0 },
	{ "sort", 's', "COLUMN", 0, "Most of it first:" SORT_NAMES, 0 },
	{ "histogram", 'H', NULL, 0, "How long procs waited for a CPU, and were off it", 0 },
	{ "calls", 'C', NULL, 0, "Which system calls procs make", 0 },
	{ 0 },
};

const struct cmd cmd_top = {
	.name = "top",
	.args = "[REALM]",
	.doc = "Show what procs, realms and classes use",
	.more = "NUMBER is the realm's in eBPF's maps: no two that ran had the same. "
		"CPU and WAIT are time on a CPU and waiting for one; PREEMPTED, of it by procs of "
		"class LC, BE and by others than Writ's; RING, MAILBOX and GATE are sleeps there. "
		"Histograms and calls are counted while they are shown, and cost those that are "
		"watched something.\n\n"
		"Example: writ top --by=realm --sort=wait",
	.run = top_run,
	.opts = top_options,
	.flags = CMD_NODE | CMD_JSON | CMD_ROOT,
	.max = 1,
};
