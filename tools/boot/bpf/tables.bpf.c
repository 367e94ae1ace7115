/* SPDX-License-Identifier: MIT */
/*
 * What operators read: the maps that the kernel mirrors its tables in, and
 * iterators that print them, one line a row. Nothing is decided by any of it.
 */
#include "tools/boot/bpf/iter.bpf.h"
#include "tools/boot/bpf/rows.h"
#include "tools/boot/bpf/sched.bpf.h"
#include "tools/boot/names.h"

MAP(procs, HASH, 8192, BPF_F_NO_PREALLOC, __u32, struct row_proc);
MAP(caps, HASH, 262144, BPF_F_NO_PREALLOC, __u32, struct row_cap);
MAP(names, ARRAY, 64 * GUARD_CALLS_WORDS, 0, __u32, struct call_name);

/* --- numbers as words --- */

enum { WORD = 16 };
#define X(id, name) name,
static const char type_words[][WORD] = { WRIT_TYPES(X) };
static const char state_words[][WORD] = { WRIT_STATES(X) };
static const char class_words[][WORD] = { WRIT_CLASSES(X) };
static const char profile_words[][WORD] = { WRIT_PROFILES(X) };
#undef X
static const char layer_words[][WORD] = { [GUARD_BY_SECCOMP] = "seccomp",
	[GUARD_BY_CALLS] = "ebpf_calls",
	[GUARD_BY_SOCKETS] = "ebpf_sockets",
	[GUARD_BY_LSM] = "ebpf_lsm" };
static const char socket_words[][WORD] = { [GUARD_SOCK_CREATE] = "socket",
	[GUARD_CONNECT4] = "connect4",
	[GUARD_CONNECT6] = "connect6",
	[GUARD_SENDMSG4] = "sendmsg4",
	[GUARD_SENDMSG6] = "sendmsg6",
	[GUARD_BIND4] = "bind4",
	[GUARD_BIND6] = "bind6",
	[GUARD_CONNECT_UNIX] = "connect_unix",
	[GUARD_SENDMSG_UNIX] = "sendmsg_unix" };
static const char hook_words[][WORD] = { [GUARD_HOOK_EXEC] = "exec",
	[GUARD_HOOK_FORK] = "fork",
	[GUARD_HOOK_OPEN] = "open",
	[GUARD_HOOK_SOCKET] = "socket",
	[GUARD_HOOK_PTRACE] = "ptrace",
	[GUARD_HOOK_MMAP_EXEC] = "mmap_exec",
	[GUARD_HOOK_USERNS] = "userns",
	[GUARD_HOOK_BPF] = "bpf" };
static const char mode_words
    [][WORD] = { [GUARD_OFF] = "off", [GUARD_AUDIT] = "audit", [GUARD_ENFORCE] = "enforce" };
static const char by_words[][WORD] = { "others", "be", "lc" };
static const char unknown[] = "?";

#define WORD_OF(words, i) \
	((__u32)(i) < sizeof(words) / sizeof((words)[0]) ? &(words)[i][0] : unknown)

/* Of one that has gone, as it was when something of it ran. */
static const char *realm_name(__u32 number)
{
	const struct guard_realm *r = bpf_map_lookup_elem(&realms, &number);
	struct sched_realm_key key = { .realm = number };
	const struct sched_realm_row *gone;

	if (r != NULL)
		return r->name;
#pragma unroll
	for (unsigned i = 0; i < WRIT_CLASS_N; i++) {
		key.class = i;
		gone = bpf_map_lookup_elem(&sched_realm, &key);
		if (gone != NULL)
			return gone->name;
	}
	return unknown;
}

static const char *call_name(__u32 number)
{
	const struct call_name *n = bpf_map_lookup_elem(&names, &number);

	return n != NULL && n->name[0] != 0 ? n->name : unknown;
}

/* --- tables: a header, then a line a row --- */

#define TABLE(map) \
	SEC("iter/bpf_map_elem") \
	int iter_##map(struct bpf_iter__bpf_map_elem *ctx)
#define PRINT(...) BPF_SEQ_PRINTF(ctx->meta->seq, __VA_ARGS__)
#define HEADER(text) \
	if (ctx->meta->seq_num == 0) \
	PRINT(text "\n")

TABLE(procs)
{
	const struct row_proc *p = ctx->value;

	HEADER("   PID PARENT REALM            NAME             STATE    CLASS PROFILE "
	       "HOST PID     CPU us   MEMORY kB REFUSED");
	if (p == NULL)
		return 0;
	PRINT("%6u %6u %-16s %-16s %-8s ", p->pid, p->parent, realm_name(p->realm), p->name,
	    WORD_OF(state_words, p->state));
	PRINT("%-5s %-7s %8d %10llu %11llu %7u\n", WORD_OF(class_words, p->class),
	    WORD_OF(profile_words, p->profile), p->host_pid, p->cpu_ns / 1000, p->memory / 1024,
	    p->refused);
	return 0;
}

TABLE(realms)
{
	const __u32 *number = ctx->key;
	const struct guard_realm *r = ctx->value;

	HEADER("NUMBER NAME                  UID     CGROUP   MEMORY kB MILLICORES");
	if (number != NULL && r != NULL)
		PRINT("%6u %-16s %8u %10llu %11llu %10u\n", *number, r->name, r->uid, r->cgroup,
		    r->memory / 1024, r->cores);
	return 0;
}

TABLE(caps)
{
	static const char nobody[] = "-", more[] = "...", none[] = "";
	const struct row_cap *c = ctx->value;
	char name[sizeof(c->name)];
	const struct row_proc *p;
	__u32 pid;

	HEADER("  SLOT PARENT    PID PROC             TYPE         OBJECT              BADGE "
	       "NAME                     RIGHTS");
	if (c == NULL)
		return 0;
	pid = c->pid;
	p = bpf_map_lookup_elem(&procs, &pid);
	PRINT("%6u %6u %6u %-16s %-12s %6u %18llx ", c->slot, c->parent, c->pid,
	    p != NULL ? p->name : nobody, WORD_OF(type_words, c->type), c->obj, c->badge);
	__builtin_memcpy(name, c->name, sizeof(name));
#pragma unroll
	for (unsigned i = 0; i < sizeof(name); i++) /* terminals act on some of what isn't ASCII */
		if ((name[i] & 0x80) != 0)
			name[i] = '?';
	PRINT("%-24s%s", name, c->name[sizeof(c->name) - 2] != '\0' ? more : none);
#define X(id, bit, name) \
	if (c->rights.id) \
		PRINT(" " name);
	WRIT_RIGHTS(X)
#undef X
	PRINT("\n");
	return 0;
}

static const char *refused_what(const struct guard_denial_key *k)
{
	switch (k->layer) {
	case GUARD_BY_SECCOMP:
	case GUARD_BY_CALLS: return call_name(k->what);
	case GUARD_BY_SOCKETS: return WORD_OF(socket_words, k->what);
	case GUARD_BY_LSM: return WORD_OF(hook_words, k->what);
	default: return unknown;
	}
}

TABLE(denials)
{
	const struct guard_denial_key *k = ctx->key;
	const struct guard_denial *d = ctx->value;

	HEADER("REALM               PID NAME             LAYER        WHAT                   "
	       "DONE         COUNT HOST PID");
	if (k == NULL || d == NULL)
		return 0;
	PRINT("%-16s %6u %-16s %-12s %-22s ", realm_name(k->realm), k->pid, d->name,
	    WORD_OF(layer_words, k->layer), refused_what(k));
	PRINT("%-8s %9llu %8u\n", WORD_OF(mode_words, d->mode), d->count, d->host_pid);
	return 0;
}

TABLE(sched)
{
	const struct sched_key *k = ctx->key;
	const struct sched_row *r = ctx->value;

	HEADER("REALM               PID NAME             CLASS     CPU us    WAIT us   SLICES   "
	       "SLEEPS PREEMPTED (LC     BE OTHERS) MOVED FAULTS MAJOR   RING  MAILBOX     GATE "
	       "ENDED");
	if (k == NULL || r == NULL)
		return 0;
	PRINT("%-16s %6u %-16s %-5s %10llu %10llu %8llu %8llu ", realm_name(k->realm), k->pid,
	    r->name, WORD_OF(class_words, r->class), r->n.cpu_ns / 1000, r->n.wait_ns / 1000,
	    r->n.slices, r->n.sleeps);
	PRINT("%9llu %6llu %6llu %6llu %6llu %6llu %5llu ", r->n.preemptions, r->n.by_lc,
	    r->n.by_be, r->n.by_others, r->n.migrations, r->n.minor_faults, r->n.major_faults);
	PRINT("%6llu %8llu %8llu %s\n", r->n.ring_sleeps, r->n.mailbox_sleeps, r->n.gate_sleeps,
	    r->ended ? "yes" : "no");
	return 0;
}

TABLE(sched_realm)
{
	const struct sched_realm_key *k = ctx->key;
	const struct sched_realm_row *r = ctx->value;

	HEADER("REALM            NUMBER CLASS     CPU us    WAIT us   SLICES   SLEEPS PREEMPTED "
	       "(LC     BE OTHERS) MOVED FAULTS MAJOR   RING  MAILBOX     GATE");
	if (k == NULL || r == NULL)
		return 0;
	PRINT("%-16s %6u %-5s %10llu %10llu %8llu %8llu ", realm_name(k->realm), k->realm,
	    WORD_OF(class_words, k->class), r->n.cpu_ns / 1000, r->n.wait_ns / 1000, r->n.slices,
	    r->n.sleeps);
	PRINT("%9llu %6llu %6llu %6llu %6llu %6llu %5llu ", r->n.preemptions, r->n.by_lc,
	    r->n.by_be, r->n.by_others, r->n.migrations, r->n.minor_faults, r->n.major_faults);
	PRINT("%6llu %8llu %8llu\n", r->n.ring_sleeps, r->n.mailbox_sleeps, r->n.gate_sleeps);
	return 0;
}

TABLE(preempts)
{
	const struct sched_preempt_key *k = ctx->key;
	const __u64 *count = ctx->value;
	static const char none[] = "-";

	HEADER("REALM            NUMBER CLASS BY     OF REALM         NUMBER     COUNT");
	if (k != NULL && count != NULL)
		PRINT("%-16s %6u %-5s %-6s %-16s %6u %9llu\n", realm_name(k->realm), k->realm,
		    WORD_OF(class_words, k->class), WORD_OF(by_words, k->by),
		    k->by != BY_OTHERS ? realm_name(k->by_realm) : none, k->by_realm, *count);
	return 0;
}

struct calls_of {
	struct seq_file *seq;
	struct sched_key key;
	const char *realm, *proc;
};

static long print_call(__u32 nr, struct calls_of *of)
{
	const __u64 *n = bpf_map_lookup_elem(&calls_seen, &of->key);

	if (n != NULL && nr < SCHED_CALLS && n[nr] != 0)
		BPF_SEQ_PRINTF(of->seq, "%-16s %6u %-16s %-22s %9llu\n", of->realm, of->key.pid,
		    of->proc, call_name(nr), n[nr]);
	return 0;
}

/* A line for each call that was made. */
TABLE(calls_seen)
{
	const struct sched_key *k = ctx->key;
	const struct sched_row *r;
	struct calls_of of = { .seq = ctx->meta->seq };

	HEADER("REALM               PID NAME             CALL                       COUNT");
	if (k == NULL)
		return 0;
	of.key = *k;
	of.realm = realm_name(k->realm);
	r = bpf_map_lookup_elem(&sched, &of.key);
	of.proc = r != NULL ? r->name : unknown;
	bpf_loop(SCHED_CALLS, print_call, &of, 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
