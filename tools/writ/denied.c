/* SPDX-License-Identifier: MIT */
/* Denials in words: see denied.h. What calls a profile has is read from the table of the filters.
 */
#include "tools/writ/denied.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "kernel/syscalls.h"
#include "tools/boot/guard.h"
#include "tools/boot/names.h"
#include "tools/writ/record.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"

static const char *const sockets[] = {
	[GUARD_SOCK_CREATE] = "making a socket of that family",
	[GUARD_CONNECT4] = "connecting to an IPv4 address",
	[GUARD_CONNECT6] = "connecting to an IPv6 address",
	[GUARD_SENDMSG4] = "sending to an IPv4 address",
	[GUARD_SENDMSG6] = "sending to an IPv6 address",
	[GUARD_BIND4] = "binding an IPv4 address",
	[GUARD_BIND6] = "binding an IPv6 address",
	[GUARD_CONNECT_UNIX] = "connecting to a unix socket",
	[GUARD_SENDMSG_UNIX] = "sending to a unix socket",
};
static const char *const hooks[] = {
	[GUARD_HOOK_EXEC] = "executing a file",
	[GUARD_HOOK_FORK] = "forking",
	[GUARD_HOOK_OPEN] = "opening a file",
	[GUARD_HOOK_SOCKET] = "making a socket of that family",
	[GUARD_HOOK_PTRACE] = "looking into another process",
	[GUARD_HOOK_MMAP_EXEC] = "making memory executable",
	[GUARD_HOOK_USERNS] = "making a user namespace",
	[GUARD_HOOK_BPF] = "calling bpf(2)",
};

/* --- the table of calls ----------------------------------------------------------------------- */

static const struct row {
	unsigned nr, rule, profiles;
} rows[] = {
#define X(call, rule, profiles, reason) { __NR_##call, SYSCALL_##rule, profiles },
	SYSCALLS(X)
#undef X
};
static const char *const rule_words[] = {
#define X(id, words, ...) words,
	SYSCALL_RULES(X)
#undef X
};
#define ROWS_N (sizeof(rows) / sizeof(rows[0]))

/* Bits of the profiles in which call @nr has a row: one that allows it, or the other kind. */
static unsigned profiles_of(unsigned nr, bool absent)
{
	unsigned all = 0;

	for (size_t i = 0; i < ROWS_N; i++)
		if (rows[i].nr == nr && !guard_of_nest(rows[i].rule) &&
		    (rows[i].rule == SYSCALL_ABSENT) == absent)
			all |= rows[i].profiles;
	return all;
}

/* "native", "files or server" */
static char *profiles_text(unsigned profiles, char *buf, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; i < WRIT_PROFILE_N && n < size; i++)
		if ((profiles >> i & 1) != 0)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n > 0 ? " or " : "",
			    writ_profile_name(i));
	return buf;
}

/* With which arguments @profile has the call. */
static void with_others(unsigned nr, unsigned profile, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size,
	    "profile %s has it only: ", writ_profile_name(profile));
	const char *sep = "";

	for (size_t i = 0; i < ROWS_N && n < size; i++) {
		if (rows[i].nr != nr || (rows[i].profiles >> profile & 1) == 0 ||
		    rows[i].rule == SYSCALL_ABSENT || guard_of_nest(rows[i].rule))
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", sep, rule_words[rows[i].rule]);
		sep = "; or ";
	}
}

static void fix_call(unsigned nr, const struct denied_who *who, char *buf, size_t size)
{
	unsigned has = profiles_of(nr, false), profile;
	char names[64];

	profile = who->proc != NULL ? who->proc->profile : WRIT_PROFILE_N;
	if (nr == GUARD_UNKNOWN)
		snprintf(buf, size,
		    "none: a proc neither forks nor executes; it can be granted a "
		    "spawn instead");
	else if (has == 0)
		snprintf(buf, size, "none: no profile has it");
	else if (profile < WRIT_PROFILE_N && (has >> profile & 1) != 0)
		with_others(nr, profile, buf, size);
	else
		snprintf(buf, size,
		    "profile %s has it, which only a server of the node's manifest can get",
		    profiles_text(has, names, sizeof(names)));
}

/* --- rows ----------------------------------------------------------------------------------------
 */

static bool of_call(const struct guard_denial_key *k)
{
	return k->layer == GUARD_BY_SECCOMP || k->layer == GUARD_BY_CALLS;
}

struct denied_who denied_who(const struct denial *d, const struct procs *p)
{
	struct denied_who who = { .name = d->d.name, .realm = d->realm };
	bool socket = d->k.layer == GUARD_BY_SOCKETS;

	who.proc = d->k.pid != 0 ? procs_find(p, d->k.pid) : NULL;
	/* whose socket it was, Linux's number tells: of the last, while it runs */
	for (size_t i = 0; socket && who.proc == NULL && i < p->n; i++)
		if (p->v[i]->host_pid != 0 && (uint32_t)p->v[i]->host_pid == d->d.host_pid &&
		    strcmp(p->v[i]->realm_name, d->realm) == 0)
			who.proc = p->v[i];
	if (who.proc != NULL) {
		who.name = who.proc->name;
		who.realm = who.proc->realm_name;
	} else if (socket) {
		who.name = "a process";
	}
	return who;
}

bool denied_matters(const struct denial *d, const struct denied_who *who)
{
	unsigned absent = profiles_of(d->k.what, true);

	if (d->k.layer != GUARD_BY_SECCOMP || absent == 0)
		return true;
	return who->proc != NULL && (absent >> who->proc->profile & 1) == 0;
}

char *denied_what(const struct guard_denial_key *k, char *buf, size_t size)
{
	const char *const *words = k->layer == GUARD_BY_LSM ? hooks : sockets;
	size_t n = k->layer == GUARD_BY_LSM ? sizeof(hooks) / sizeof(hooks[0])
					    : sizeof(sockets) / sizeof(sockets[0]);
	const char *call = of_call(k) ? names_call(k->what) : NULL;

	if (of_call(k) && k->what == GUARD_UNKNOWN)
		snprintf(buf, size, "a fork or a second exec");
	else if (call != NULL)
		snprintf(buf, size, "call %s", call);
	else if (of_call(k))
		snprintf(buf, size, "call number %u", k->what);
	else
		snprintf(buf, size, "%s", k->what < n ? words[k->what] : "?");
	return buf;
}

const char *denied_layer(const struct guard_denial_key *k)
{
	switch (k->layer) {
	case GUARD_BY_SECCOMP: return writ_layer_name(WRIT_LAYER_SECCOMP);
	case GUARD_BY_CALLS: return writ_layer_name(WRIT_LAYER_EBPF_CALLS);
	case GUARD_BY_SOCKETS:
		return writ_layer_name(
		    k->what == GUARD_CONNECT_UNIX || k->what == GUARD_SENDMSG_UNIX
			? WRIT_LAYER_EBPF_UNIX
			: WRIT_LAYER_EBPF_SOCKETS);
	case GUARD_BY_LSM: return writ_layer_name(WRIT_LAYER_EBPF_LSM);
	default: return "?";
	}
}

char *denied_fix(const struct denial *d, const struct denied_who *who, char *buf, size_t size)
{
	if (of_call(&d->k))
		fix_call(d->k.what, who, buf, size);
	else if (d->k.layer == GUARD_BY_LSM && d->k.what == GUARD_HOOK_OPEN)
		snprintf(buf, size,
		    "none: files are reached through a granted path, by the library");
	else
		snprintf(buf, size,
		    "none: what a realm reaches are services and paths that it is "
		    "granted");
	return buf;
}

/* By the clock: rows have the time since the machine started. */
uint64_t denied_when(const struct denial *d)
{
	uint64_t now = show_clock(CLOCK_MONOTONIC);

	return show_clock(CLOCK_REALTIME) - (now > d->d.last_ns ? now - d->d.last_ns : 0);
}

static bool ended(const struct denial *d)
{
	return d->k.layer == GUARD_BY_CALLS && d->d.mode == GUARD_ENFORCE;
}

void denied_print(const struct denial *d, const struct denied_who *who)
{
	const char *layer = denied_layer(&d->k);
	char time[32], what[96], fix[256];

	denied_what(&d->k, what, sizeof(what));
	printf("%s  ", record_when(denied_when(d), time, sizeof(time)));
	show_safe_put(stdout, who->name[0] != '\0' ? who->name : "a proc just starting");
	if (d->k.pid != 0)
		printf(" (pid %u, realm ", d->k.pid);
	else
		printf(" (host pid %u, realm ", d->d.host_pid);
	show_safe_put(stdout, who->realm);
	if (ended(d))
		printf("): ended by %s for %s", layer, what);
	else if (d->d.mode == GUARD_AUDIT)
		printf("): %s let pass by %s, which only audits", what, layer);
	else
		printf("): %s refused by %s", what, layer);
	if (d->d.count > 1)
		printf(", %llu times", (unsigned long long)d->d.count);
	printf("\n    fix: %s\n", denied_fix(d, who, fix, sizeof(fix)));
}

json_t *denied_json(const struct denial *d, const struct denied_who *who)
{
	char what[96], fix[256];

	return json_pack("{s:s,s:I,s:I,s:I,s:o,s:o,s:I,s:s,s:s,s:I,s:I,s:s,s:b,s:s}", "kind",
	    "denied", "time_ns", (json_int_t)denied_when(d), "pid", (json_int_t)d->k.pid,
	    "host_pid", (json_int_t)d->d.host_pid, "name", table_string(who->name), "realm",
	    table_string(who->realm), "realm_number", (json_int_t)d->k.realm, "layer",
	    denied_layer(&d->k), "what", denied_what(&d->k, what, sizeof(what)), "what_id",
	    (json_int_t)d->k.what, "count", (json_int_t)d->d.count, "mode",
	    writ_guard_name(d->d.mode), "ended", (int)ended(d), "fix",
	    denied_fix(d, who, fix, sizeof(fix)));
}

const struct denial *denied_end(const struct denial *v, long n, uint32_t pid)
{
	for (long i = 0; i < n; i++)
		if (v[i].k.pid == pid && ended(&v[i]))
			return &v[i];
	return NULL;
}
