/* SPDX-License-Identifier: MIT */
/* The realms, the kids, the order of the test; and that nothing is left of it. */
#include "kids.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS = 8 };
#define EP_RIGHTS  (WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT | WRIT_R_GRANT_REPLY)
#define WAY_RIGHTS (WRIT_R_READ | WRIT_R_WRITE)

uint64_t seed;
unsigned scale = 1;
static struct writ_quota_rep used[2];

/* --- kids, from outside ----------------------------------------------------------------- */

static const struct gives {
	unsigned bit, src, dst, type;
	uint32_t rights;
} given[] = {
	{ G_END, EP, K_END, WRIT_TYPE_ENDPOINT, WRIT_R_READ | WRIT_R_GRANT },
	{ G_WAY, WAY, K_WAY, WRIT_TYPE_PATH, WAY_RIGHTS | WRIT_R_GRANT },
	{ G_END2, EP2, K_END2, WRIT_TYPE_ENDPOINT, EP_RIGHTS },
	{ G_WAY2, WAY2, K_WAY2, WRIT_TYPE_PATH, WAY_RIGHTS | WRIT_R_GRANT },
	{ G_NTFN, NTFN, K_NTFN, WRIT_TYPE_NOTIFICATION, WRIT_R_READ | WRIT_R_WRITE },
	{ G_MEAN, MEAN, K_MEAN, WRIT_TYPE_PATH, WAY_RIGHTS },
};

static int64_t spawn_kid(unsigned i, char where, unsigned gives, const char *mode)
{
	struct {
		struct writ_spawn_req r;
		char rest[WRIT_GRANTS_MAX * sizeof(struct writ_grant) + WRIT_BLOB_MAX];
	} m = { .r = { .dst = { .index = KIDS + i },
		    .image = image,
		    .profile = where == 'b' ? WRIT_PROFILE_SERVER : WRIT_PROFILE_NATIVE,
		    .cnode_bits = 10,
		    .memory = 800 << 20,
		    .log_max = 1 << 16 } };
	struct writ_hdr h = { .op = WRIT_OP_SPAWN, .cap = where == 'b' ? SPAWN_B : SPAWN_A };
	struct writ_grant *g = (struct writ_grant *)(void *)m.rest;
	struct start_buf s;
	size_t n = 0;
	int e;

	start_init(&s);
	start_arg(&s, mode);
	start_name(&s, WRIT_TYPE_CNODE, "cspace", 0, 10);
	for (unsigned k = 0; k < sizeof(given) / sizeof(given[0]); k++)
		if ((gives & given[k].bit) != 0) {
			start_name(&s, given[k].type, "", given[k].dst, given[k].rights);
			g[n++] = (struct writ_grant){ given[k].src, given[k].dst, given[k].rights };
		}
	m.r.ngrants = (uint8_t)n;
	m.r.blob = (uint32_t)s.len;
	snprintf(m.r.name, sizeof(m.r.name), "%s", mode);
	memcpy(g + n, s.data, s.len);
	h.len = (uint16_t)(sizeof(m.r) + n * sizeof(*g) + s.len);
	e = writ_gate_call(&h, &m, NULL, NULL, 0, NULL);
	return e != 0 ? e : (int64_t)h.arg;
}

bool kid(unsigned i, char where, unsigned gives, const char *mode, ...)
{
	char m[64];
	int64_t pid;
	va_list ap;

	va_start(ap, mode);
	vsnprintf(m, sizeof(m), mode, ap);
	va_end(ap);
	pid = spawn_kid(i, where, gives, m);
	if (pid > 0 && start((uint32_t)pid) == 0)
		return true;
	check(false, "kid %u, %s, starts (%d)", i, m, (int)pid);
	writ_cap_delete(KIDS + i);
	return false;
}

bool kid_ready(unsigned i)
{
	struct writ_exit e;

	return wait_for(KIDS + i, WRIT_WAIT_START, &e) == 0 && e.state == WRIT_STATE_RUNNING;
}

bool kid_ends(unsigned i, struct writ_exit *ret)
{
	struct writ_exit e;
	bool ok = wait_for(KIDS + i, WRIT_WAIT_EXIT, &e) == 0 && e.state == WRIT_STATE_EXITED &&
	    e.code == 0;

	writ_cap_delete(KIDS + i);
	if (ret != NULL)
		*ret = e;
	if (!ok)
		printf("# kid %u: state %u, code %d: %s\n", i, e.state, e.code, e.said);
	return ok;
}

void kid_kill(unsigned i)
{
	struct writ_exit e;

	call(WRIT_OP_KILL, KIDS + i, 0, NULL, 0);
	wait_for(KIDS + i, WRIT_WAIT_EXIT, &e);
	writ_cap_delete(KIDS + i);
}

void kid_case(unsigned i, const char *what)
{
	struct writ_exit e;
	bool ok = kid_ends(i, &e);

	check(ok, "%s%s%s", what, e.said[0] != '\0' ? ": " : "", e.said);
}

int kid_host_pid(unsigned i)
{
	struct writ_proc_row row;

	return writ_proc_stat(KIDS + i, &row) == 0 ? row.host_pid : 0;
}

void server_quit(unsigned i)
{
	kid(99, 'a', G_WAY, "quit");
	kid_ends(99, NULL);
	if (!kid_ends(i, NULL))
		check(false, "server %u ended well", i);
}

bool quotas_back(bool remember)
{
	struct writ_quota_rep now;

	if (!remember)
		return used_again(ACCOUNT_A, &used[0], &now) &&
		    used_again(ACCOUNT_B, &used[1], &now);
	return writ_quota_read(ACCOUNT_A, &used[0]) == 0 &&
	    writ_quota_read(ACCOUNT_B, &used[1]) == 0;
}

/* --- a kid ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int (*play)(int argc, char **argv);
} parts[] = {
	{ "serve", play_serve },
	{ "sizes", play_sizes },
	{ "order", play_order },
	{ "auto", play_auto },
	{ "mirror", play_mirror },
	{ "caller", play_caller },
	{ "merge", play_merge },
	{ "talk", play_talk },
	{ "traffic", play_traffic },
	{ "many", play_many },
	{ "good", play_good },
	{ "evil", play_evil },
	{ "quit", play_quit },
	{ "pause", play_pause },
};

static int play(const char *arg)
{
	static char mode[64]; /* the start record is read later, too */
	char *argv[ARGS];
	int argc = 0;

	snprintf(mode, sizeof(mode), "%s", arg);
	for (char *p = mode; p != NULL && argc < ARGS;)
		argv[argc++] = strsep(&p, ":");
	for (unsigned i = 0; argc > 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(argv[0], parts[i].name) == 0)
			return parts[i].play(argc, argv);
	return 98;
}

/* --- root --------------------------------------------------------------------------------------
 */

static bool realm(uint32_t account, uint32_t slot, uint32_t spawncap, const char *name)
{
	static const struct writ_quota max = { (uint64_t)1 << 30, 100000, 200 };
	struct writ_realm_req r = { .dst = { .index = slot }, .account = account };
	struct writ_spawncap_req s = { .dst = { .index = spawncap },
		.classes = 3,
		.profiles = 1 << WRIT_PROFILE_NATIVE | 1 << WRIT_PROFILE_SERVER,
		.procs = max.procs,
		.cores = 1000,
		.memory = (uint64_t)1 << 40 };

	snprintf(r.name, sizeof(r.name), "%s", name);
	return writ_retype_untyped(WRIT_BOOT_UNTYPED, account, max) == 0 &&
	    writ_realm_create(WRIT_BOOT_UNTYPED, &r) == 0 && writ_spawncap_derive(slot, &s) == 0;
}

static bool objects(void)
{
	return writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP) == 0 &&
	    writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP2) == 0 &&
	    writ_retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_NOTIFICATION,
		(struct writ_addr){ .index = NTFN }, 1, (struct writ_quota){ 0 }) == 0 &&
	    writ_path_derive(EP, WAY, "/chan", WAY_RIGHTS | WRIT_R_GRANT, 7) == 0 &&
	    writ_path_derive(WAY, MEAN, "/mean", WAY_RIGHTS, 0) == 0 &&
	    writ_path_derive(EP2, WAY2, "/two", WAY_RIGHTS | WRIT_R_GRANT, 8) == 0;
}

/* "seed-1": WRIT_SEED; "only-NAME": the cases to run. */
static const char *settings(void)
{
	const char *name, *only = NULL;
	unsigned type;

	for (unsigned i = 0; writ_named_each(i, &type, &name, &(writ_cap_t){ 0 }, &(uint32_t){ 0 });
	     i++) {
		if (type == WRIT_TYPE_IMAGE && strncmp(name, "seed-", 5) == 0) {
			seed = strtoull(name + 5, NULL, 10);
		} else if (type == WRIT_TYPE_IMAGE && strncmp(name, "only-", 5) == 0) {
			only = name + 5;
		}
	}
	scale = test_scale();
	printf("# WRIT_SEED=%llu, scale %u\n", (unsigned long long)seed, scale);
	return only;
}

int writ_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "sizes", test_sizes },
		{ "order", test_order },
		{ "mirrors", test_mirrors },
		{ "deaths", test_deaths },
		{ "many", test_many },
		{ "hostile", test_hostile },
	};
	const char *only;

	if (writ_self()->parent != 0)
		return argc > 1 ? play(argv[1]) : 99;
	setlinebuf(stdout);
	image = writ_named_cap(WRIT_TYPE_IMAGE, "root");
	only = settings();
	check(realm(ACCOUNT_A, REALM_A, SPAWN_A, "chan-a") &&
		realm(ACCOUNT_B, REALM_B, SPAWN_B, "chan-b") && objects(),
	    "two realms, and an Endpoint with a Path to it");
	quotas_back(true);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (only != NULL && strcmp(only, cases[i].name) != 0)
			continue;
		cases[i].run();
		check(quotas_back(false), "%s: quota in = quota out in both realms", cases[i].name);
	}
	plan();
	return 0;
}
