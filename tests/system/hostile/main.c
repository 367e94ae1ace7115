/* SPDX-License-Identifier: MIT */
/*
 * Root of the test: the realms, the procs that are started again, the verdict.
 * What it says in "# …" lines tells the script when to look at the kernel.
 */
#include "hostile.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <writ/boot.h>
#include <writ/cap.h>

enum { EVILS = 3, PROCS_MAX = 1200, OBJS = WRIT_TYPE_N };

/* Slots of root's. */
enum {
	GOOD_ACCOUNT = 100,
	GOOD_REALM,
	GOOD_SPAWN,
	GOOD_ENDPOINT,
	GOOD_RINGS,
	GOOD_NOTIFICATION,
	GOOD_PATH,
	GOOD_ECHO_PROC,
	GOOD_RINGS_PROC,
	GOOD_CLIENT_PROC,
	HELD,
	EVIL = 200, /* of each hostile realm, from here */
	EVIL_N = 20,
	AT = 400, /* of each hostile proc: its Untyped, itself */
};
/* What a hostile realm's procs share. */
enum {
	E_ACCOUNT,
	E_REALM,
	E_SPAWN,
	E_CHILDREN, /* Spawn for the procs' own */
	E_ENDPOINT,
	E_BADGED,
	E_NOTIFICATION,
	E_PATH,
	E_CNODE,
	E_MEMORY,
	E_CONTEXT,
	E_SHARED, /* Untyped that these come from */
	E_TOP,
};
_Static_assert((int)E_TOP <= (int)EVIL_N && EVIL + EVILS * EVIL_N <= AT, "slots");
_Static_assert(AT + 2 * PROCS_MAX <= 1 << BOOT_CSPACE_BITS, "slots");

static struct conf {
	unsigned seed, procs, window_ms, pairs, ratio; /* ratio: at most, in thousandths */
} conf;
static struct evil {
	uint32_t pid;
	bool over;
} evils[PROCS_MAX];
static unsigned restarts, children;

static void mark(const char *what)
{
	printf("# %s\n", what);
	fflush(stdout);
	nap_ms(1000 + 500 * test_scale()); /* the script looks at the kernel */
}

/* --- what there is ------------------------------------------------------------------- */

struct count {
	struct writ_quota_rep quota;
	unsigned objects[OBJS];
};

/* CNodes of the kernel's own stay once they are made: they are 2^OWN_BITS slots, and nobody's. */
enum { OWN_BITS = 10 };

/* Objects by type and what root's account has given out, but for those. */
static bool count(struct count *c)
{
	static struct writ_object rows[WRIT_MSG_MAX / sizeof(struct writ_object)];
	struct writ_hdr h = { .op = WRIT_OP_OBJECTS, .cap = WRIT_BOOT_AUDIT };

	memset(c, 0, sizeof(*c));
	if (writ_quota_read(WRIT_BOOT_UNTYPED, &c->quota) != 0)
		return false;
	do {
		h = (struct writ_hdr){ .op = WRIT_OP_OBJECTS,
			.cap = WRIT_BOOT_AUDIT,
			.arg = h.arg };
		if (writ_gate_call(&h, NULL, NULL, rows, sizeof(rows), NULL) != 0)
			return false;
		for (size_t i = 0; i < h.len / sizeof(rows[0]); i++)
			if (rows[i].type == WRIT_TYPE_CNODE && rows[i].cnode.bits == OWN_BITS &&
			    rows[i].cnode.pid == 0) {
				c->quota.used.slots -= 1 << OWN_BITS;
				c->quota.used.bytes -= sizeof(struct slot) << OWN_BITS;
			} else if (rows[i].type < OBJS) {
				c->objects[rows[i].type]++;
			}
	} while (h.arg != 0);
	return true;
}

/* Nothing more and nothing less than @before, within @tenths of a second. */
static bool balanced(const struct count *before, struct count *now, unsigned tenths)
{
	tenths *= test_scale();
	do {
		if (count(now) &&
		    memcmp(&now->quota.used, &before->quota.used, sizeof(now->quota.used)) == 0 &&
		    memcmp(now->objects, before->objects, sizeof(now->objects)) == 0)
			return true;
		nap_ms(100);
	} while (tenths-- > 0);
	return false;
}

static void say_difference(const struct count *before, const struct count *now)
{
	printf("# bytes %llu, before %llu; slots %u, before %u; procs %u, before %u\n",
	    (unsigned long long)now->quota.used.bytes, (unsigned long long)before->quota.used.bytes,
	    now->quota.used.slots, before->quota.used.slots, now->quota.used.procs,
	    before->quota.used.procs);
	for (unsigned t = 0; t < OBJS; t++)
		if (now->objects[t] != before->objects[t])
			printf("# %s: %u, before %u\n", writ_type_name(t), now->objects[t],
			    before->objects[t]);
}

/* --- the good realm -------------------------------------------------------------------- */

static bool good_make(void)
{
	struct writ_quota q = { (uint64_t)64 << 20, 5000, 16 };

	return realm_new(GOOD_ACCOUNT, GOOD_REALM, GOOD_SPAWN, "good", q) &&
	    writ_retype_endpoint(GOOD_ACCOUNT, GOOD_ENDPOINT) == 0 &&
	    writ_retype_endpoint(GOOD_ACCOUNT, GOOD_RINGS) == 0 &&
	    call(WRIT_OP_RETYPE, GOOD_ACCOUNT, 0,
		&(struct writ_retype_req){ .type = WRIT_TYPE_NOTIFICATION,
		    .count = 1,
		    .dst = { .index = GOOD_NOTIFICATION } },
		sizeof(struct writ_retype_req)) == 0 &&
	    writ_path_derive(GOOD_RINGS, GOOD_PATH, "/good", WRIT_R_READ, 7) == 0;
}

static bool good_spawn(uint32_t dst, const char *mode, unsigned class, uint32_t endpoint)
{
	const struct give g[] = { { endpoint, G_ENDPOINT, held_rights[H_ENDPOINT] },
		{ GOOD_NOTIFICATION, G_NOTIFICATION, held_rights[H_NOTIFICATION] },
		{ GOOD_PATH, G_PATH, WRIT_R_READ } };

	return spawn_with(GOOD_SPAWN, dst, mode, g, 3,
		   (struct writ_spawn_req){ .image = image,
		       .class = (uint8_t) class,
		       .cores = 300,
		       .memory = 64 << 20 }) > 0;
}

/* --- the hostile realms ------------------------------------------------------------------ */

static uint32_t evil_slot(unsigned i, unsigned what)
{
	return EVIL + i % EVILS * EVIL_N + what;
}

static bool retype(uint32_t untyped, unsigned type, uint32_t dst, struct writ_quota max)
{
	struct writ_retype_req r = { .type = type, .count = 1, .dst.index = dst, .max = max };

	return call(WRIT_OP_RETYPE, untyped, 0, &r, sizeof(r)) == 0;
}

static bool evil_realm(unsigned i)
{
	unsigned n = conf.procs / EVILS + 1;
	uint32_t s = evil_slot(i, 0), shared = s + E_SHARED;
	struct writ_quota q = { (uint64_t)1 << 30, 800 * n + 40000, 2 * n },
			  small = { 1 << 16, 0, 0 };
	struct writ_spawncap_req kids = { .dst.index = s + E_CHILDREN,
		.classes = 1 << WRIT_CLASS_BE,
		.profiles = 1 << WRIT_PROFILE_NATIVE,
		.procs = n / 4,
		.memory = (uint64_t)1 << 38 };
	char name[WRIT_NAME_MAX];

	snprintf(name, sizeof(name), "evil%u", i);
	return realm_new(s + E_ACCOUNT, s + E_REALM, s + E_SPAWN, name, q) &&
	    retype(s + E_ACCOUNT, WRIT_TYPE_UNTYPED, shared,
		(struct writ_quota){ 1 << 20, 1000, 0 }) &&
	    writ_spawncap_derive(s + E_SPAWN, &kids) == 0 &&
	    retype(shared, WRIT_TYPE_ENDPOINT, s + E_ENDPOINT, small) &&
	    writ_cap_mint(s + E_ENDPOINT, s + E_BADGED, held_rights[H_BADGED], 5) == 0 &&
	    retype(shared, WRIT_TYPE_NOTIFICATION, s + E_NOTIFICATION, small) &&
	    retype(shared, WRIT_TYPE_CNODE, s + E_CNODE, (struct writ_quota){ .slots = 6 }) &&
	    retype(shared, WRIT_TYPE_MEMORY, s + E_MEMORY, small) &&
	    retype(shared, WRIT_TYPE_SCHED_CONTEXT, s + E_CONTEXT, small) &&
	    writ_path_derive(s + E_ENDPOINT, s + E_PATH, "/evil", WRIT_R_ALL, 9) == 0;
}

static bool evil_spawn(unsigned i)
{
	uint32_t s = evil_slot(i, 0), untyped = AT + 2 * i, sibling = AT + 2 * rnd(conf.procs) + 1;
	struct writ_cap_info info;
	struct writ_quota q = { 1 << 20, i % 50 == 0 ? 8000 : 300, 1 };
	char mode[WRIT_NAME_MAX];
	struct give g[] = { { untyped, H_UNTYPED, 0 }, { s + E_ENDPOINT, H_ENDPOINT, 0 },
		{ s + E_BADGED, H_BADGED, 0 }, { s + E_NOTIFICATION, H_NOTIFICATION, 0 },
		{ s + E_PATH, H_PATH, 0 }, { s + E_CNODE, H_CNODE, 0 },
		{ s + E_CHILDREN, H_SPAWN, 0 }, { image, H_IMAGE, 0 },
		{ s + E_MEMORY, H_MEMORY, 0 }, { s + E_REALM, H_REALM, 0 },
		{ s + E_ENDPOINT, H_RECV, 0 }, { s + E_CONTEXT, H_CONTEXT, 0 },
		{ sibling, H_PROC, 0 } };
	unsigned n = sizeof(g) / sizeof(g[0]);
	int64_t pid;

	if (writ_cap_inspect(sibling, &info) != 0 || info.type != WRIT_TYPE_PROC)
		n--;
	for (unsigned j = 0; j < n; j++)
		g[j].rights = held_rights[g[j].dst];
	snprintf(mode, sizeof(mode), "attack:%u:%u", conf.seed, conf.window_ms);
	pid = !retype(s + E_ACCOUNT, WRIT_TYPE_UNTYPED, untyped, q)
	    ? -1
	    : spawn_with(s + E_SPAWN, untyped + 1, mode, g, n,
		  (struct writ_spawn_req){ .image = image,
		      .cnode_bits = H_BITS,
		      .flags = WRIT_SPAWN_NOLOG,
		      .memory = 16 << 20 });
	evils[i] = (struct evil){ .pid = pid > 0 ? (uint32_t)pid : 0, .over = pid <= 0 };
	return pid > 0;
}

/* Take from who has ended what it had, and start another in its place. */
static void evil_again(unsigned i)
{
	writ_cap_delete(AT + 2 * i + 1);
	writ_cap_revoke(AT + 2 * i);
	writ_cap_delete(AT + 2 * i);
	restarts += evil_spawn(i);
}

static void evils_again(void)
{
	if (window_attacks(now_ns(), conf.window_ms))
		for (unsigned i = 0; i < conf.procs; i++)
			if (evils[i].over)
				evil_again(i);
}

/* --- the scheduler's part ------------------------------------------------------------------ */

static void on_event(const struct writ_event *ev)
{
	if (ev->hdr.op == WRIT_EV_PENDING) {
		call(WRIT_OP_START, WRIT_BOOT_SCHED, ev->proc.pid, NULL, 0);
		children++;
	}
	if (ev->hdr.op == WRIT_EV_EXIT)
		for (unsigned i = 0; i < conf.procs; i++)
			evils[i].over |= evils[i].pid == ev->proc.pid;
}

/* Let all go on until the client has ended. */
static bool good_wait(struct writ_exit *ret, bool attack)
{
	struct writ_hdr h = { .op = WRIT_OP_WAIT, .cap = GOOD_CLIENT_PROC, .arg = WRIT_WAIT_EXIT };
	int64_t cookie = writ_gate_send(&h, NULL, NULL);
	struct writ_event ev;

	while (cookie > 0) {
		if (writ_event_next(&ev, 20) == 1)
			on_event(&ev);
		else if (attack)
			evils_again();
		if (writ_gate_poll_reply(&h, NULL, 0) == 1 && h.cookie == cookie)
			break;
	}
	return wait_for(GOOD_CLIENT_PROC, WRIT_WAIT_EXIT, ret) == 0;
}

/* What the good realm measures now. Returns the ratio of p99, in thousandths; 0: it failed. */
static unsigned measure(const char *what, unsigned class, unsigned pairs, bool attack, bool slow)
{
	struct writ_exit e = { 0 };
	char mode[WRIT_NAME_MAX];
	bool ran;

	snprintf(mode, sizeof(mode), "%s:%u:%u", slow ? "slow" : "good", pairs, conf.window_ms);
	ran = good_spawn(GOOD_ECHO_PROC, "echo", class, GOOD_ENDPOINT) &&
	    good_spawn(GOOD_RINGS_PROC, "rings", class, GOOD_RINGS) &&
	    good_spawn(GOOD_CLIENT_PROC, mode, class, GOOD_ENDPOINT) && good_wait(&e, attack);
	for (uint32_t s = GOOD_ECHO_PROC; s <= GOOD_CLIENT_PROC; s++)
		writ_cap_delete(s);
	if (!ran || e.state != WRIT_STATE_EXITED || e.code != 0) {
		printf("# the good realm's client: state %u, code %d\n", e.state, e.code);
		return 0;
	}
	printf("# %s: calls in us: quiet p50, p99; attacked p50, p99 (ratio/1000 n n: %.*s)\n",
	    what, (int)strcspn(e.said, "\n"), e.said);
	for (const char *line = strchr(e.said, '\n'); line != NULL; line = strchr(line + 1, '\n'))
		printf("#   %.*s\n", (int)strcspn(line + 1, "\n"), line + 1);
	return (unsigned)strtoul(e.said, NULL, 10);
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* The records that were kept of the hostile realms; how many were not. */
static unsigned audit_kept(uint64_t *ret_lost)
{
	static struct writ_audit_rec got[WRIT_MSG_MAX / sizeof(struct writ_audit_rec)];
	struct writ_hdr h = { .arg = 1 };
	uint64_t last[64] = { 0 };
	unsigned n = 0;

	*ret_lost = 0;
	do {
		h = (struct writ_hdr){ .op = WRIT_OP_AUDIT, .cap = WRIT_BOOT_AUDIT, .arg = h.arg };
		if (writ_gate_call(&h, NULL, NULL, got, sizeof(got), NULL) != 0)
			return 0;
		for (unsigned i = 0; i < h.len / sizeof(got[0]); i++) {
			const struct writ_audit_rec *r = &got[i];

			if (r->realm >= 64 || strncmp(r->realm_name, "evil", 4) != 0)
				continue;
			*ret_lost += r->rseq - last[r->realm] - 1;
			last[r->realm] = r->rseq;
			n++;
		}
	} while (h.len > 0);
	return n;
}

static void revoke_all(bool at_once)
{
	for (unsigned i = 0; i < EVILS; i++) {
		uint32_t s = evil_slot(i, 0);

		if (!at_once)
			check(writ_cap_revoke(s + E_SPAWN) == 0, "revoking hostile Spawn %u", i);
		check(writ_cap_revoke(s + E_ACCOUNT) == 0, "revoking hostile account %u", i);
	}
	for (uint32_t s = EVIL; s < AT + 2 * conf.procs; s++)
		writ_cap_delete(s);
}

/* An attack from nothing to nothing. */
static void attack(const char *what, unsigned class, unsigned pairs)
{
	struct count before, now;
	unsigned made = 0, ratio, kept;
	struct writ_event ev;
	uint64_t lost;

	check(count(&before), "%s: what there is before", what);
	for (unsigned i = 0; i < EVILS; i++)
		check(evil_realm(i), "hostile realm %u", i);
	restarts = children = 0;
	for (unsigned i = 0; i < conf.procs; i++)
		made += evil_spawn(i);
	check(made == conf.procs, "%u hostile procs", made);
	while (writ_event_next(&ev, 500) == 1)
		on_event(&ev);
	ratio = measure(what, class, pairs, true, false);
	printf("# %u procs were started again, %u in all\n", restarts, children);
	check(ratio > 0, "the good realm works all the while");
	if (class == WRIT_CLASS_LC)
		check(ratio <= conf.ratio, "its p99 is %u.%02u of its quiet one, at most %u",
		    ratio / 1000, ratio / 10 % 100, conf.ratio / 1000);
	kept = audit_kept(&lost);
	check(kept > 0 && lost > 0, "%u audit records are kept, %llu are known to be lost", kept,
	    (unsigned long long)lost);
	revoke_all(class == WRIT_CLASS_BE);
	check(balanced(&before, &now, 100),
	    "quota in = quota out, and as many objects of each type");
	say_difference(&before, &now);
	while (writ_event_next(&ev, 200) == 1)
		;
}

/* Would it show? */
static void test_checks(void)
{
	struct count before, now;
	unsigned ratio;

	check(count(&before) && writ_retype_endpoint(WRIT_BOOT_UNTYPED, HELD) == 0 &&
		!balanced(&before, &now, 0),
	    "negative control: one object that is held is found");
	writ_cap_delete(HELD);
	check(balanced(&before, &now, 10), "and not when it is gone");
	ratio = measure("some calls delayed, no attack", WRIT_CLASS_LC, 2, false, true);
	check(ratio > 3000, "negative control: delayed calls are found (%u.%02u)", ratio / 1000,
	    ratio / 10 % 100);
}

/* @mode is "what" or "what:number:window". */
static int child(const char *mode)
{
	unsigned n = 0, window_ms = 1000;
	char what[8] = "";

	sscanf(mode, "%7[a-z]:%u:%u", what, &n, &window_ms);
	if (strcmp(what, "attack") == 0)
		return attack_main(n, window_ms);
	if (strcmp(what, "echo") == 0)
		return good_echo();
	if (strcmp(what, "rings") == 0)
		return good_rings();
	return good_client(n, window_ms, strcmp(what, "slow") == 0);
}

/* The script's "seed procs window pairs ratio". */
static bool read_conf(void)
{
	int fd = writ_cap_fd(writ_named_cap(WRIT_TYPE_MEMORY, "conf"));
	char text[128] = "";
	ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;

	close(fd);
	return n > 0 &&
	    sscanf(text, "%u %u %u %u %u", &conf.seed, &conf.procs, &conf.window_ms, &conf.pairs,
		&conf.ratio) == 5 &&
	    conf.procs <= PROCS_MAX && conf.window_ms > 0;
}

int writ_main(int argc, char **argv)
{
	bool known;

	if (writ_self()->parent != 0)
		return child(argc > 1 ? argv[1] : "echo");
	image = writ_named_cap(WRIT_TYPE_IMAGE, "root");
	known = read_conf();
	check(known && call(WRIT_OP_SCHEDULER, WRIT_BOOT_SCHED, 0, NULL, 0) == 0 && good_make(),
	    "a good realm; seed %u", conf.seed);
	random_state = conf.seed | 1ull << 32;
	test_checks();
	mark("before");
	attack("class lc", WRIT_CLASS_LC, conf.pairs);
	mark("after one");
	attack("class be", WRIT_CLASS_BE, conf.pairs > 4 ? 4 : conf.pairs);
	mark("after two");
	plan();
	return 0;
}
