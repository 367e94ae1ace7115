/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: every call, with every type of capability in every part, at
 * every set of rights, is allowed or refused as written here by hand. The
 * kernel's own table (WRIT_INVOCATIONS) says only which cells there are.
 */
#include "objects.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	R = WRIT_R_READ,
	W = WRIT_R_WRITE,
	G = WRIT_R_GRANT,
	GR = WRIT_R_GRANT_REPLY,
	X = WRIT_R_EXEC,
};

/* By type and right, the calls it is good for. A part other than the invoked one is named. */
static const struct rule {
	unsigned type;
	uint32_t all, one;
	const char *calls;
} rules[] = {
	{ WRIT_TYPE_UNTYPED, R, 0, "QUOTA" },
	{ WRIT_TYPE_UNTYPED, W, 0, "RETYPE IMAGE REALM:WITH" },
	{ WRIT_TYPE_UNTYPED, W | G, 0, "REALM" },
	{ WRIT_TYPE_CNODE, R, 0, "COPY:SRC MINT:SRC INSPECT:SRC" },
	{ WRIT_TYPE_CNODE, W, 0,
	    "COPY:DST MINT:DST MOVE:SRC MOVE:DST MUTATE:SRC MUTATE:DST ROTATE:SRC ROTATE:DST "
	    "DELETE:SRC REVOKE:SRC RETYPE:DST IMAGE:DST REALM:DST SPAWNCAP:DST SPAWN:DST "
	    "CSPACE:DST PATH:DST GRANT:DST" },
	{ WRIT_TYPE_ENDPOINT, R, 0, "RECV NBRECV REPLY_RECV LISTEN" },
	{ WRIT_TYPE_ENDPOINT, W, 0, "SEND NBSEND" },
	{ WRIT_TYPE_ENDPOINT, W, G | GR, "CALL" },
	{ WRIT_TYPE_ENDPOINT, G, 0, "PATH SEND:GIVING NBSEND:GIVING CALL:GIVING" },
	{ WRIT_TYPE_ENDPOINT, R | W | G | GR, 0, "CANCEL_SENDS" },
	{ WRIT_TYPE_NOTIFICATION, R, 0, "WAIT POLL BIND UNBIND" },
	{ WRIT_TYPE_NOTIFICATION, W, 0, "SIGNAL" },
	{ WRIT_TYPE_REPLY, 0, 0, "REPLY REPLY_RECV:WITH" },
	{ WRIT_TYPE_REPLY, G, 0, "REPLY:GIVING REPLY_RECV:GIVING" },
	{ WRIT_TYPE_PROC, R, 0, "WAIT STAT" },
	{ WRIT_TYPE_PROC, W, 0, "KILL SUSPEND RESUME CSPACE SCHED" },
	{ WRIT_TYPE_SCHED_CONTEXT, R, 0, "CONSUMED" },
	{ WRIT_TYPE_SCHED_CONTEXT, W, 0, "SCHED:WITH CONFIGURE:WITH" },
	{ WRIT_TYPE_SCHED_CONTROL, R, 0, "SCHEDULER" },
	{ WRIT_TYPE_SCHED_CONTROL, W, 0, "START CONFIGURE" },
	{ WRIT_TYPE_MEMORY, R, 0, "FD" },
	{ WRIT_TYPE_HOST, R, 0, "FD" },
	{ WRIT_TYPE_HOST, G, 0, "REALM:WITH" },
	{ WRIT_TYPE_IMAGE, X, 0, "SPAWN:WITH" },
	{ WRIT_TYPE_PATH, 0, 0, "PATH CONNECT SEND NBSEND CALL" },
	{ WRIT_TYPE_PATH, G, 0, "SEND:GIVING NBSEND:GIVING CALL:GIVING" },
	{ WRIT_TYPE_SPAWN, W, 0, "SPAWN SPAWNCAP" },
	{ WRIT_TYPE_REALM, W, 0, "SPAWNCAP" },
	{ WRIT_TYPE_REALM, R, 0, "PROCS" },
	{ WRIT_TYPE_AUDIT, R, 0, "CAPS OBJECTS AUDIT" },
};
/* Calls in which the header names no capability. */
static const char invoke_none[] = " COPY MINT MOVE DELETE REVOKE INSPECT MUTATE ROTATE CLOSE "
				  "STARTED EXITED NOTE CANCEL GRANT RING ";

static const char *const ops[] = {
#define X(id, name, fn, audit, body, addrs, doc) [WRIT_OP_##id] = #id,
	WRIT_CALLS(X)
#undef X
};
static const char *const roles[WRIT_BY_N] = { "CAP", "GIVING", "SRC", "DST", "WITH" };
static bool plays[WRIT_OP_N][WRIT_BY_N]; /* the cells there are */

/* Each type's capability, with all the rights it can have, and where to work. */
enum {
	HELD = AREA,      /* HELD + type */
	WORK = HELD + 32, /* the masked copy */
	CNODE,
	FULL,
	NONE,
	MAIN,
	PEER, /* CNODE: slot 1 occupied; FULL: an occupied slot */
	TAKES /* empty ones from here */
};
static uint32_t session;
static unsigned realms;

static bool word_in(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static const struct rule *rule_of(unsigned op, unsigned role, unsigned type)
{
	char word[40];

	snprintf(word, sizeof(word), "%s%s%s", ops[op], role != WRIT_BY_CAP ? ":" : "",
	    role != WRIT_BY_CAP ? roles[role] : "");
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].type == type && word_in(rules[i].calls, word))
			return &rules[i];
	return NULL;
}

/* What one part must answer: 0 (nothing against it) or an error and the missing rights. */
static int expect(unsigned op, unsigned role, unsigned type, uint32_t mask, uint32_t *missing)
{
	const struct rule *r = rule_of(op, role, type);

	*missing = 0;
	if (type == WRIT_TYPE_NULL)
		return -WRIT_E_FAILED_LOOKUP;
	if (r == NULL)
		return -WRIT_E_INVALID_CAPABILITY;
	*missing = (r->all & ~mask) | (r->one != 0 && (r->one & mask) == 0 ? r->one : 0);
	return *missing != 0 ? -WRIT_E_NO_RIGHT : 0;
}

/* The same call, with all parts but one played as they should be, that fails after its rights. */
union request {
	struct writ_cap_req cap;
	struct writ_rotate_req rotate;
	struct writ_retype_req retype;
	struct writ_path_req path;
	struct writ_image_req image;
	struct writ_realm_req realm;
	struct writ_spawncap_req spawncap;
	struct writ_spawn_req spawn;
	struct writ_msg_req msg;
	struct writ_sched_req sched;
	struct writ_addr addr;
};

/* Where the destination lies in the call's struct; all but CSPACE's begin with it, or hold src
 * first. */
static size_t fill(unsigned op, union request *u, struct writ_addr src, struct writ_addr dst)
{
	switch (op) {
	case WRIT_OP_ROTATE:
		u->rotate = (struct writ_rotate_req){ src, src, dst };
		return sizeof(u->rotate);
	case WRIT_OP_RETYPE:
		u->retype =
		    (struct writ_retype_req){ .dst = dst, .type = WRIT_TYPE_ENDPOINT, .count = 1 };
		return sizeof(u->retype);
	case WRIT_OP_PATH:
	case WRIT_OP_GRANT:
		u->path = (struct writ_path_req){ .dst = dst, .prefix = "/a" };
		return sizeof(u->path);
	case WRIT_OP_IMAGE:
		u->image = (struct writ_image_req){ .dst = dst, .name = "x" };
		return sizeof(u->image);
	case WRIT_OP_REALM:
		u->realm = (struct writ_realm_req){ .dst = dst, .account = HELD + 1, .name = "x" };
		return sizeof(u->realm);
	case WRIT_OP_SPAWNCAP:
		u->spawncap = (struct writ_spawncap_req){ .dst = dst, .classes = 1, .profiles = 1 };
		return sizeof(u->spawncap);
	case WRIT_OP_SPAWN:
		u->spawn = (struct writ_spawn_req){ .dst = dst,
			.image = HELD + WRIT_TYPE_IMAGE,
			.memory = 1,
			.name = "x" };
		return sizeof(u->spawn);
	case WRIT_OP_CSPACE: u->addr = dst; return sizeof(u->addr);
	default: u->cap = (struct writ_cap_req){ .src = src, .dst = dst }; return sizeof(u->cap);
	}
}

/* The good capability that @op invokes while another part is tried. */
static uint32_t invoked(unsigned op)
{
	for (unsigned t = 1; t < WRIT_TYPE_N; t++)
		if (rule_of(op, WRIT_BY_CAP, t) != NULL)
			return op == WRIT_OP_REPLY ? 0 : HELD + t;
	return 0;
}

static struct answer by_address(unsigned op, unsigned role, uint32_t slot)
{
	union request u;
	struct writ_addr src = role == WRIT_BY_SRC ? at(slot, 2, 6) : own(NONE),
			 dst = role == WRIT_BY_DST ? at(slot, 1, 6) : own(FULL);
	size_t n = fill(op, &u, src, dst);
	struct writ_hdr h = { .op = (uint16_t)op,
		.cap = invoked(op),
		.arg = op == WRIT_OP_GRANT ? session : 0,
		.len = (uint16_t)n,
		.nfds = op == WRIT_OP_IMAGE };
	int fd = STDOUT_FILENO, status = writ_gate_call(&h, &u, &fd, NULL, 0, NULL);

	return (struct answer){ status, h.missing, h.arg, h.len };
}

/* A further capability of the call. */
static struct answer with(unsigned op, unsigned type, uint32_t slot)
{
	union request u;
	size_t n = fill(op, &u, own(NONE), own(op == WRIT_OP_REALM ? NONE : FULL));
	uint64_t arg = slot;

	if (op == WRIT_OP_REALM &&
	    type == WRIT_TYPE_HOST) { /* makes one: of a new name each time */
		u.realm.host = slot;
		snprintf(u.realm.name, sizeof(u.realm.name), "r%u", ++realms);
	} else if (op == WRIT_OP_REALM) {
		u.realm.account = slot;
		u.realm.host = TAKES; /* empty */
	}
	if (op == WRIT_OP_SPAWN)
		u.spawn = (struct writ_spawn_req){ .dst = own(NONE),
			.image = slot,
			.memory = UINT64_MAX,
			.name = "x" };
	if (op == WRIT_OP_CONFIGURE) {
		u.sched = (struct writ_sched_req){ .context = slot, .class = WRIT_CLASS_N };
		n = sizeof(u.sched);
	}
	if (op == WRIT_OP_REPLY_RECV) {
		u.msg = (struct writ_msg_req){ .reply = FULL };
		n = sizeof(u.msg);
	}
	if (op == WRIT_OP_SCHED)
		n = 0;
	return ask(op, invoked(op), arg, &u, n);
}

static struct answer giving(unsigned op, uint32_t slot)
{
	struct writ_msg_req m = { .ncaps = 1, .caps = { NONE } };
	bool both = op == WRIT_OP_REPLY_RECV;

	return ask(op, both ? HELD + WRIT_TYPE_ENDPOINT : slot, both ? slot : session, &m,
	    sizeof(m));
}

static struct answer invoke(unsigned op, uint32_t slot)
{
	struct writ_hdr h = { .op = (uint16_t)op, .cap = slot };
	char odd = 0;
	int fds[WRIT_FDS_MAX], status;

	h.len = word_in(" WAIT SUSPEND RESUME CONNECT REPLY ", ops[op]) ||
	    word_in(invoke_none, ops[op]);
	h.arg = op == WRIT_OP_REPLY_RECV ? NONE : 0;
	status = writ_gate_call(&h, &odd, NULL, NULL, 0, fds);
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return (struct answer){ status, h.missing, h.arg, h.len };
}

/* An error that says nothing against the capability. */
static bool admitted(int status)
{
	return status != -WRIT_E_INVALID_CAPABILITY && status != -WRIT_E_NO_RIGHT &&
	    status != -WRIT_E_STALE;
}

static bool one(unsigned op, unsigned role, unsigned type, uint32_t mask)
{
	struct answer a;
	uint32_t missing = 0;
	int want = expect(op, role, type, mask, &missing);

	if (word_in(invoke_none, ops[op]) && role == WRIT_BY_CAP)
		want = 0;
	if (op == WRIT_OP_FD && type == WRIT_TYPE_HOST && (mask & (R | W)) == R) {
		want = -WRIT_E_NO_RIGHT; /* its descriptor can write */
		missing = W;
	}
	switch (role) {
	case WRIT_BY_CAP: a = invoke(op, WORK); break;
	case WRIT_BY_GIVING: /* the invoked one first, or the Reply */
		a = giving(op, WORK);
		role = op == WRIT_OP_REPLY_RECV ? WRIT_BY_WITH : WRIT_BY_CAP;
		if (expect(op, role, type, mask, &missing) != 0)
			want = expect(op, role, type, mask, &missing);
		else
			want = expect(op, WRIT_BY_GIVING, type, mask, &missing);
		break;
	case WRIT_BY_WITH: a = with(op, type, WORK); break;
	default: a = by_address(op, role, WORK); break;
	}
	if (want == 0 ? admitted(a.status) : a.status == want && a.missing == missing)
		return true;
	printf("# %s, as %s: %s with %#x: %s, missing %#x; not %s, %#x\n", ops[op], roles[role],
	    writ_type_name(type), mask, writ_errname(a.status), a.missing, writ_errname(want),
	    missing);
	return false;
}

static int64_t proc_new(void)
{
	writ_cap_delete(HELD + WRIT_TYPE_PROC);
	return spawn_with(SPAWN, HELD + WRIT_TYPE_PROC, "nap", NULL, 0,
	    (struct writ_spawn_req){ .image = image, .memory = 1 << 20, .flags = WRIT_SPAWN_HOLD });
}

/* A call of one's own that one has taken oneself: a Reply, with grant or without. */
static bool reply_new(uint32_t dst, uint32_t rights)
{
	struct writ_msg_req m = { 0 };
	struct writ_hdr h = { .op = WRIT_OP_CALL,
		.cap = HELD + WRIT_TYPE_ENDPOINT,
		.len = sizeof(m) };
	struct writ_take t = { .reply = dst };
	struct writ_msg_rep rep;

	writ_cap_delete(PEER);
	return writ_cap_copy(HELD + WRIT_TYPE_ENDPOINT, PEER, R | rights) == 0 &&
	    writ_gate_send(&h, &m, NULL) > 0 && writ_recv(PEER, &t, &rep) == 0;
}

static bool session_new(void)
{
	struct writ_hdr h = { .op = WRIT_OP_CONNECT, .cap = HELD + WRIT_TYPE_PATH };
	struct writ_event ev;

	if (call(WRIT_OP_LISTEN, HELD + WRIT_TYPE_ENDPOINT, 0, NULL, 0) != 0 ||
	    writ_gate_call(&h, NULL, NULL, NULL, 0, NULL) != 0 || writ_event_next(&ev, 1000) != 1)
		return false;
	session = (uint32_t)h.arg;
	return ev.hdr.op == WRIT_EV_CONNECT;
}

/* One of each type, with all the rights that it can have. The Memory is charged to the node: we
 * take its descriptor. */
static bool hold_all(void)
{
	static const struct {
		unsigned type;
		struct writ_quota max;
	} made[] = { { WRIT_TYPE_UNTYPED, { 1 << 20, 256, 4 } }, { WRIT_TYPE_CNODE, { 0, 6, 0 } },
		{ WRIT_TYPE_ENDPOINT, { 0 } }, { WRIT_TYPE_NOTIFICATION, { 0 } },
		{ WRIT_TYPE_SCHED_CONTEXT, { 0 } }, { WRIT_TYPE_MEMORY, { 4096, 0, 0 } } };
	const struct {
		unsigned type;
		writ_cap_t of;
		uint32_t rights;
	} given[] = { { WRIT_TYPE_SCHED_CONTROL, WRIT_BOOT_SCHED, R | W | G },
		{ WRIT_TYPE_AUDIT, WRIT_BOOT_AUDIT, R | G }, { WRIT_TYPE_IMAGE, image, X | G },
		{ WRIT_TYPE_REALM, REALM, R | W | G }, { WRIT_TYPE_SPAWN, SPAWN, W | G },
		{ WRIT_TYPE_HOST, writ_named_cap(WRIT_TYPE_HOST, "shared"), R | W | G } };

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (writ_retype(made[i].type == WRIT_TYPE_MEMORY ? WRIT_BOOT_UNTYPED : UT,
			made[i].type, own(HELD + made[i].type), 1, made[i].max) != 0)
			return false;
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (writ_cap_copy(given[i].of, HELD + given[i].type, given[i].rights) != 0)
			return false;
	return proc_new() > 0 && writ_cap_copy(HELD + WRIT_TYPE_ENDPOINT, FULL, R) == 0 &&
	    writ_cap_at(WRIT_OP_COPY, own(FULL), at(HELD + WRIT_TYPE_CNODE, 1, 6), R, 0) == 0 &&
	    writ_path_derive(HELD + WRIT_TYPE_ENDPOINT, HELD + WRIT_TYPE_PATH, "/", WRIT_R_ALL,
		0) == 0 &&
	    session_new();
}

/* All calls and parts with what lies in WORK. Returns how many answered otherwise. */
static unsigned all_calls(unsigned type, uint32_t mask, unsigned *cells)
{
	unsigned bad = 0;

	for (unsigned op = 1; op < WRIT_OP_N; op++)
		for (unsigned role = 0; role < WRIT_BY_N; role++) {
			if (role != WRIT_BY_CAP && !plays[op][role])
				continue;
			bad += !one(op, role, type, mask);
			++*cells;
			writ_cap_delete(TAKES + 1);
			if (op == WRIT_OP_REALM)
				writ_cap_delete(NONE);
			if (op == WRIT_OP_KILL && (mask & W) != 0 && type == WRIT_TYPE_PROC)
				bad += proc_new() < 0;
		}
	return bad;
}

/* A slow machine tries all calls with no right, one, all and all but one, and some of the other
 * sets: every so many, as it is times slower. */
static bool is_tried(uint32_t mask, unsigned scale)
{
	int n = __builtin_popcount(mask);

	return n <= 1 || n >= __builtin_popcount(WRIT_R_ALL) - 1 || mask % scale == scale / 2;
}

static void try_type(unsigned type)
{
	char text[80];
	struct writ_cap_info info;
	unsigned bad = 0, masks = 0, tried = 0, cells = 0, odd = 0, scale = test_scale();

	if (writ_cap_inspect(HELD + type, &info) != 0 || info.type != type)
		bad++;
	for (uint32_t mask = 0; mask <= WRIT_R_ALL; mask++) {
		struct writ_cap_req r = { .src = own(HELD + type),
			.dst = own(WORK),
			.rights = mask };
		struct answer a = ask(WRIT_OP_COPY, 0, 0, &r, sizeof(r));
		uint32_t more = mask & ~(uint32_t)info.rights;

		odd += more == 0 ? a.status != 0
				 : a.status != -WRIT_E_NO_RIGHT || a.missing != more;
		if (more != 0)
			continue;
		masks++;
		if (is_tried(mask, scale)) {
			tried++;
			bad += all_calls(type, mask, &cells);
		}
		writ_cap_delete(WORK);
	}
	check(odd == 0 && bad == 0,
	    "%s: %u of 512 sets of rights can be had (%s), tried %u, %u answers: as written",
	    writ_type_name(type), masks, writ_rights_text(info.rights, text, sizeof(text)), tried,
	    cells);
}

static void try_reply(void)
{
	unsigned bad = 0, cells = 0;

	for (unsigned i = 0; i < 2; i++) {
		bad += !reply_new(WORK, i != 0 ? G : 0);
		bad += writ_cap_copy(WORK, TAKES, 0) != -WRIT_E_ILLEGAL_OPERATION;
		bad += all_calls(WRIT_TYPE_REPLY, i != 0 ? G : 0, &cells);
		writ_cap_delete(WORK);
	}
	check(bad == 0, "reply: with grant and without, %u answers: as written", cells);
}

/* No cell of the kernel's table may be missing above, nor one above from it. */
static unsigned without_expectation(void)
{
	unsigned n = 0;

#define X(op, type, role, all, one) plays[WRIT_OP_##op][WRIT_BY_##role] = true;
	WRIT_INVOCATIONS(X)
#undef X
	for (unsigned op = 1; op < WRIT_OP_N; op++)
		for (unsigned role = 0; role < WRIT_BY_N; role++) {
			bool found = false;

			for (unsigned t = 1; t < WRIT_TYPE_N; t++)
				found |= rule_of(op, role, t) != NULL;
			if (found == plays[op][role] &&
			    (role != WRIT_BY_CAP || found != word_in(invoke_none, ops[op])))
				continue;
			printf("# %s, as %s\n", ops[op], roles[role]);
			n++;
		}
	return n;
}

void test_rights(void)
{
	unsigned cells = 0;
	struct writ_event ev;

	check(without_expectation() == 0, "each call and part of it is written down here");
	check(hold_all(), "a capability of each type, with all its rights");
	check(all_calls(WRIT_TYPE_NULL, 0, &cells) == 0, "an empty slot is FAILED_LOOKUP, %u times",
	    cells);
	for (unsigned t = 1; t <= WRIT_TYPE_HOST; t++)
		if (t != WRIT_TYPE_REPLY)
			try_type(t);
	try_reply();
	call(WRIT_OP_CLOSE, 0, session, NULL, 0);
	while (writ_event_next(&ev, 0) == 1)
		;
	for (writ_cap_t s = HELD; s < TAKES + 2; s++)
		writ_cap_delete(s);
}
