/* SPDX-License-Identifier: MIT */
/*
 * The node's servers, taken over one by one: each tries all there is, goes on
 * afterwards, and in the end guesses capabilities and dies of a foreign call.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "node.h"

#define SLOTS   4096
#define DENSE   512 /* below, each is tried on any machine */
#define GUESSES 2000
#define X32_BIT 0x40000000u

/* root last: its death is the node's. */
static const struct server {
	const char *name, *realm;
} servers[] = { { "schedd", "schedd" }, { "ux", "ux-lent" }, { "named", "named-watch" },
	{ "root", "root" } };
#define SERVERS_N (sizeof(servers) / sizeof(servers[0]))

static bool take(const struct server *v, struct subject *s, struct node_proc *ret)
{
	int r = node_await(v->realm, v->name, 0, ret) ? 0 : -ESRCH;

	if (r == 0)
		r = subject_adopt(s, v->name, ret->profile, ret->host_pid);
	if (r != 0)
		engine_say(v->name, "it can be taken over", false, "%s", strerror(-r));
	return r == 0;
}

/* Is the whole node well: the same kernel, and a bystander that has what it is used to? */
static void goes_on(const char *suite, const char *name, unsigned tries)
{
	struct watch w;

	do { /* after a death some are told of it first */
		watch_begin();
		usleep(1000 * (unsigned)harness_while(300));
		w = watch_end();
	} while (--tries > 0 && (w.rounds == 0 || w.lost > 0));
	engine_say(suite, name, node_runs() && w.rounds > 0 && w.lost == 0,
	    "the bystander made %u rounds, the longest %.1f ms, %u refused", w.rounds, w.worst_ms,
	    w.lost);
}

/* --- realms are apart --- */

static unsigned uid_of(pid_t pid)
{
	const char *uid = harness_proc(pid, "status", "Uid");

	return uid != NULL ? (unsigned)atoi(uid) : 0;
}

static bool in_group(pid_t pid, const char *realm)
{
	FILE *f = fopen(survey_path(pid, "cgroup"), "re");
	char line[512], group[128];
	bool found = false;

	snprintf(group, sizeof(group), "/writ/%s/%s/", harness_node(), realm);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found = found || strstr(line, group) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

/* Each realm's procs have a user id and a cgroup that no other realm's have. */
static void apart(void)
{
	static const struct server watch = { "watch", "watch" };
	unsigned uids[SERVERS_N + 1] = { 0 }, same = 0, outside = 0;

	for (unsigned i = 0; i <= SERVERS_N; i++) {
		const struct server *v = i < SERVERS_N ? &servers[i] : &watch;
		struct node_proc p = { 0 };

		if (node_await(v->realm, v->name, 0, &p))
			uids[i] = uid_of(p.host_pid);
		outside += !in_group(p.host_pid, v->realm);
		for (unsigned k = 0; k < i; k++)
			same += uids[k] == uids[i];
	}
	engine_say("node", "every realm has a user id that no other has",
	    same == 0 && uids[0] != 0 && uid_of(subject_peer()) == uid_of(getpid()),
	    "of %u realms %u have another's; control: the suite's processes share one",
	    (unsigned)SERVERS_N + 1, same);
	engine_say("node", "every realm has a cgroup of its own",
	    outside == 0 && !in_group(subject_peer(), watch.realm),
	    "%u outside of theirs; control: a process of the suite's is outside", outside);
}

void run_servers(void (*all)(struct subject *s))
{
	apart();
	for (unsigned i = 0; i < SERVERS_N; i++) {
		struct node_proc p = { 0 }, q = { 0 };
		struct subject s;

		if (!take(&servers[i], &s, &p))
			continue;
		all(&s);
		subject_free(&s);
		goes_on(servers[i].name, "it goes on, and so does the node", 1);
		engine_say(servers[i].name, "it is the same process",
		    node_find(servers[i].realm, servers[i].name, &q) && q.host_pid == p.host_pid,
		    "pid %d", (int)p.host_pid);
	}
}

/* --- capabilities --- */

/* Which slots it holds, as the kernel lists them; the server must run for that. */
static unsigned listed(uint32_t pid, bool slots[SLOTS])
{
	FILE *f = node_operate("--json", "caps", (char *)NULL);
	json_t *rows = f != NULL ? json_loadf(f, 0, NULL) : NULL;
	const json_t *row;
	unsigned n = 0;
	size_t i;

	memset(slots, 0, SLOTS * sizeof(slots[0]));
	node_operated(f);
	json_array_foreach(rows, i, row) {
		json_int_t at = json_integer_value(json_object_get(row, "index"));

		if (json_integer_value(json_object_get(row, "pid")) != pid || at < 0 || at >= SLOTS)
			continue;
		slots[at] = true;
		n++;
	}
	json_decref(rows);
	return n;
}

/* INSPECT @a at its gate. What else comes is lost: it has not long to live. */
static bool inspect(struct subject *s, struct writ_addr a, struct writ_cap_info *ret)
{
	struct {
		struct writ_hdr h;
		struct writ_cap_req r;
	} q = { { .op = WRIT_OP_INSPECT,
		    .version = WRIT_ABI_VERSION,
		    .cookie = 0x7e570000,
		    .len = sizeof(struct writ_cap_req) },
		{ .src = a } };
	struct {
		struct writ_hdr h;
		struct writ_cap_info i;
	} rep;
	uint64_t at = puppet_put(&s->puppet, 0, &q, sizeof(q));

	if (CALL(s, SYS_sendto, WRIT_GATE_FD, at, sizeof(q), MSG_NOSIGNAL, 0, 0) < 0)
		return false;
	for (unsigned i = 0; i < 1000; i++) {
		if (CALL(s, SYS_recvfrom, WRIT_GATE_FD, at, sizeof(rep), 0, 0, 0) <= 0)
			return false;
		puppet_get(&s->puppet, 0, &rep, sizeof(rep));
		if (rep.h.cookie == q.h.cookie && rep.h.reply == 1)
			break;
	}
	*ret = rep.i;
	return rep.h.status == 0 && rep.i.type != 0;
}

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* @slots: the @known ones that the kernel lists. Of high numbers a slow machine tries some. */
static void guess(struct subject *s, const bool slots[SLOTS], unsigned known)
{
	static uint32_t held[SLOTS];
	unsigned step = (unsigned)harness_ms(1), guesses = GUESSES / step;
	unsigned n = 0, wrong = 0, strange = 0, hits = 0, tried = 0;
	uint64_t state = engine_seed();
	struct writ_cap_info info;

	for (uint32_t i = 0; i < SLOTS; i++) {
		if (i >= DENSE && i % step != 0 && !slots[i])
			continue;
		tried++;
		if (!inspect(s, (struct writ_addr){ .index = i }, &info))
			continue;
		held[n++] = info.obj;
		wrong += !slots[i];
	}
	engine_say(s->name, "every slot number: only what it was given answers",
	    n > 0 && n <= known && wrong == 0, "%u of %u slots answer, the kernel lists %u", n,
	    tried, known);
	for (unsigned i = 0; i < guesses; i++) {
		uint64_t r = draw(&state);
		struct writ_addr a = { .index = r >> (r % 60),
			.root = (uint32_t)draw(&state) >> (r % 32),
			.depth = (uint32_t)(r >> 32) % 80 };
		unsigned k = 0;

		if (!inspect(s, a, &info))
			continue;
		hits++;
		while (k < n && held[k] != info.obj)
			k++;
		strange += k == n;
	}
	engine_say(s->name, "addresses at random, of any depth: nothing else answers", strange == 0,
	    "%u of %u answer, %u of what it doesn't hold", hits, guesses, strange);
}

/* --- death --- */

static void die(struct subject *s, bool x32)
{
	const uint64_t none[6] = { 0 };

	if (x32)
		puppet_call(&s->puppet, SYS_getpid | X32_BIT, none);
	else
		puppet_call32(&s->puppet, 20, none);
	engine_say(s->name, x32 ? "an x32 call is its death" : "int $0x80 is its death",
	    s->puppet.dead && WIFSIGNALED(s->puppet.status) && WTERMSIG(s->puppet.status) == SIGSYS,
	    "status %#x", (unsigned)s->puppet.status);
	subject_free(s);
}

/* It guesses, and dies; another takes its place and dies as well. */
static void end_server(const struct server *v, bool again)
{
	static bool slots[SLOTS];
	struct node_proc p = { 0 };
	struct subject s;
	unsigned known = 0;

	if (node_await(v->realm, v->name, 0, &p))
		known = listed(p.pid,
		    slots); /* root tells, so this is before it may be root's turn */
	if (!take(v, &s, &p))
		return;
	guess(&s, slots, known);
	die(&s, true);
	if (!again)
		return;
	engine_say(v->name, "root starts another", node_await(v->realm, v->name, p.host_pid, &p),
	    "pid %d", (int)p.host_pid);
	if (subject_adopt(&s, v->name, p.profile, p.host_pid) == 0)
		die(&s, false);
	goes_on(v->name, "the node goes on without it", 20);
}

void end_servers(void)
{
	for (unsigned i = 0; i < SERVERS_N; i++)
		end_server(&servers[i], i + 1 < SERVERS_N);
}
