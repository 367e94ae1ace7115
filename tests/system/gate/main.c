/* SPDX-License-Identifier: MIT */
/* The cases of the kernel's test. */
#include "gate.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static bool alive(uint32_t pid)
{
	struct writ_hdr h = { .op = WRIT_OP_PROCS, .cap = REALM };
	struct writ_proc_row rows[80];

	do {
		if (writ_gate_call(&h, NULL, NULL, rows, sizeof(rows), NULL) != 0)
			return false;
		for (size_t i = 0; i < h.len / sizeof(rows[0]); i++)
			if (rows[i].pid == pid)
				return rows[i].state < WRIT_STATE_EXITED;
		h = (struct writ_hdr){ .op = WRIT_OP_PROCS, .cap = REALM, .arg = h.arg };
	} while (h.arg != 0);
	return false;
}

static bool dies_soon(uint32_t pid)
{
	for (unsigned i = 0; i < 200 && alive(pid); i++)
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	return !alive(pid);
}

/* --- the cases ---------------------------------------------------------------- */

static void test_realm(void)
{
	struct writ_realm_req r = { .dst = { .index = REALM }, .account = ACCOUNT, .name = "gate" };
	struct writ_spawncap_req s = { .dst = { .index = SPAWN },
		.classes = 3,
		.profiles = 1 << WRIT_PROFILE_NATIVE,
		.procs = 1200,
		.cores = 1000,
		.memory = (uint64_t)1 << 40 };
	int fd;

	check(writ_retype_untyped(WRIT_BOOT_UNTYPED, ACCOUNT,
		  (struct writ_quota){ (uint64_t)1 << 30, 200000, 1300 }) == 0,
	    "an Untyped of one's own");
	r.host = writ_named_cap(WRIT_TYPE_HOST, WRIT_BOOT_OP);
	fd = writ_cap_fd(r.host);
	check(fd >= 0, "root may enter the operator's folder");
	close(fd);
	check(writ_realm_create(WRIT_BOOT_UNTYPED, &r) == -WRIT_E_NO_RIGHT,
	    "no realm is made that owns it");
	r.host = 0;
	check(writ_realm_create(WRIT_BOOT_UNTYPED, &r) == 0, "a realm");
	r.dst.index = SCRATCH;
	check(writ_realm_create(WRIT_BOOT_UNTYPED, &r) == -WRIT_E_EXISTS,
	    "a second one of that name is refused");
	memcpy(r.name, "../evil", 8);
	check(writ_realm_create(WRIT_BOOT_UNTYPED, &r) == -WRIT_E_BAD_REQUEST,
	    "a name with a slash is refused");
	check(writ_spawncap_derive(REALM, &s) == 0, "a Spawn");
	s.dst.index = SCRATCH;
	s.procs = 1201;
	check(writ_spawncap_derive(SPAWN, &s) == -WRIT_E_NO_RIGHT,
	    "a wider Spawn from it is refused");
}

static void test_life(void)
{
	struct writ_exit e = once("null", NULL, 0);

	check(e.state == WRIT_STATE_EXITED && e.code == 0, "a null proc exits 0");
	check(e.rss_max < 8 << 20, "and was small: %llu KiB with what it shares",
	    (unsigned long long)e.rss_max >> 10);
	e = once("seven", NULL, 0);
	check(e.state == WRIT_STATE_EXITED && e.code == 7 && strcmp(e.said, "seven it is") == 0,
	    "code and last words arrive");
	e = once("crash", NULL, 0);
	check(e.state == WRIT_STATE_KILLED && e.code != 0, "a crash is told with its signal");
	e = once("hog", NULL, 0);
	check(e.state == WRIT_STATE_EXITED && e.code == 9, "the memory limit makes malloc fail");
	e = once("log", NULL, 0);
	check(e.state == WRIT_STATE_EXITED && e.code == 5,
	    "a log past its limit is the writer's error");
	e = once("closegate", NULL, 0);
	check(e.state == WRIT_STATE_KILLED, "a proc that closes its gate ends");
	check(run(SCRATCH, "nap", NULL, 0) > 0 && wait_for(SCRATCH, WRIT_WAIT_START, &e) == 0 &&
		e.state == WRIT_STATE_RUNNING,
	    "wait_start returns when it has started");
	check(call(WRIT_OP_KILL, SCRATCH, 0, NULL, 0) == 0 &&
		wait_for(SCRATCH, WRIT_WAIT_EXIT, &e) == 0 && e.state == WRIT_STATE_KILLED &&
		strstr(e.said, "killed by root") != NULL,
	    "kill ends it, and says who did");
	writ_cap_delete(SCRATCH);
}

static void test_spawn_refusals(void)
{
	struct writ_spawn_req ok = { .image = image, .memory = 1 << 20 }, r = ok;
	struct give twice[] = { { PATH, 1, 0 }, { PATH, 1, 0 } },
		    more[] = { { image, 1, WRIT_R_ALL } };

	r.profile = WRIT_PROFILE_SERVER;
	check(spawn_with(SPAWN, SCRATCH, "null", NULL, 0, r) == -WRIT_E_NO_RIGHT,
	    "a profile that the Spawn hasn't");
	r = ok;
	r.class = WRIT_CLASS_LC;
	r.cores = 1001;
	check(spawn_with(SPAWN, SCRATCH, "null", NULL, 0, r) == -WRIT_E_NOT_ENOUGH_MEMORY,
	    "more cores than the Spawn allows");
	r = ok;
	r.memory = UINT64_MAX;
	check(spawn_with(SPAWN, SCRATCH, "null", NULL, 0, r) == -WRIT_E_NOT_ENOUGH_MEMORY,
	    "more memory than the Spawn allows");
	r = ok;
	r.image = SPAWN;
	check(spawn_with(SPAWN, SCRATCH, "null", NULL, 0, r) == -WRIT_E_INVALID_CAPABILITY,
	    "something that is no image");
	r = ok;
	r.memory = 0;
	check(spawn_with(SPAWN, SCRATCH, "null", NULL, 0, r) == -WRIT_E_RANGE,
	    "no limit of memory at all");
	r = ok;
	r.cnode_bits = 13;
	check(spawn_with(SPAWN, SCRATCH, "null", NULL, 0, r) == -WRIT_E_RANGE,
	    "a CSpace too large");
	check(spawn(REALM, "null", NULL, 0) == -WRIT_E_DELETE_FIRST, "a slot that is occupied");
	check(spawn_with(REALM, SCRATCH, "null", NULL, 0, ok) == -WRIT_E_INVALID_CAPABILITY,
	    "spawn on a Realm");
	check(spawn(SCRATCH, "null", more, 1) == -WRIT_E_NO_RIGHT,
	    "a grant of more rights than one has");
	check(spawn(SCRATCH, "null", twice, 2) < 0, "a grant of an empty slot");
	check(spawn(SCRATCH, "null", NULL, 0) > 0 && writ_cap_delete(SCRATCH) == 0,
	    "and the same without these faults is made");
	check(start(999999) == -WRIT_E_ILLEGAL_OPERATION,
	    "starting a proc that isn't pending is refused");
}

static void test_images(void)
{
	int fd = memfd_create("plain", MFD_ALLOW_SEALING);
	struct writ_exit e = { 0 };
	writ_cap_t good = image;

	check(write(fd, "#!/bin/sh\n", 10) == 10 &&
		writ_image_create(WRIT_BOOT_UNTYPED, 150, "script", fd) == -WRIT_E_INVALID_ARGUMENT,
	    "an image without seals is refused");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ==
		    0 &&
		writ_image_create(WRIT_BOOT_UNTYPED, 150, "script", fd) == 0,
	    "with them it is taken");
	image = 150;
	check(run(SCRATCH, "null", NULL, 0) > 0 && wait_for(SCRATCH, WRIT_WAIT_EXIT, &e) == 0 &&
		e.state == WRIT_STATE_FAILED,
	    "a script can't be executed: \"%s\"", e.said);
	image = good;
	writ_cap_delete(SCRATCH);
	writ_cap_delete(150);
	close(fd);
}

static void test_hostile(void)
{
	struct writ_exit e = once("garbage", NULL, 0);

	check(e.state == WRIT_STATE_EXITED && e.code == 0,
	    "20,000 packets of garbage are each answered or ignored");
	e = once("flood", NULL, 0);
	check(e.state == WRIT_STATE_KILLED && strstr(e.said, "replies") != NULL,
	    "who reads no replies is ended: \"%s\"", e.said);
	e = once("null", NULL, 0);
	check(e.state == WRIT_STATE_EXITED, "and others don't notice");
}

static void test_sessions(void)
{
	struct give srv[] = { { ENDPOINT, 1, WRIT_R_READ } }, cl[] = { { PATH, 1, WRIT_R_READ } };
	struct writ_exit e = { 0 };

	check(writ_retype_endpoint(WRIT_BOOT_UNTYPED, ENDPOINT) == 0, "an endpoint");
	check(writ_path_derive(ENDPOINT, SCRATCH + 1, "/a/../b", WRIT_R_READ, 0) ==
		-WRIT_E_BAD_REQUEST,
	    "a Path with .. is refused");
	check(writ_path_derive(ENDPOINT, SCRATCH + 1, "/a", WRIT_R_READ | WRIT_R_WRITE, 7) == 0,
	    "a Path with a badge");
	check(writ_path_derive(SCRATCH + 1, PATH, "/b", WRIT_R_READ, 8) ==
		-WRIT_E_ILLEGAL_OPERATION,
	    "another badge over it is refused");
	check(writ_path_derive(SCRATCH + 1, PATH, "/b", WRIT_R_READ, 0) == 0, "a narrower Path");
	check(writ_path_derive(PATH, SCRATCH + 2, "/", WRIT_R_WRITE, 0) == -WRIT_E_NO_RIGHT,
	    "a wider one is refused");
	check(run(SCRATCH + 3, "client", cl, 1) > 0 && run(SCRATCH + 4, "serve", srv, 1) > 0,
	    "a client that comes before its server waits");
	check(wait_for(SCRATCH + 3, WRIT_WAIT_EXIT, &e) == 0 && e.state == WRIT_STATE_EXITED &&
		e.code == 0,
	    "and is served, with prefix, rights and badge attested (%d)", e.code);
	check(wait_for(SCRATCH + 4, WRIT_WAIT_EXIT, &e) == 0 && e.code == 42,
	    "the server is told that the client is gone (%d)", e.code);
	writ_cap_delete(SCRATCH + 3);
	writ_cap_delete(SCRATCH + 4);

	check(run(SCRATCH + 4, "serve", srv, 1) > 0 && run(SCRATCH + 3, "stay", cl, 1) > 0 &&
		wait_for(SCRATCH + 3, WRIT_WAIT_START, &e) == 0 &&
		writ_cap_revoke(SCRATCH + 1) == 0,
	    "revoking the Path above an open session");
	check(wait_for(SCRATCH + 3, WRIT_WAIT_EXIT, &e) == 0 && e.code == 42,
	    "tells the client (%d)", e.code);
	check(wait_for(SCRATCH + 4, WRIT_WAIT_EXIT, &e) == 0 && e.code == 42, "and the server (%d)",
	    e.code);
	writ_cap_delete(SCRATCH + 3);
	writ_cap_delete(SCRATCH + 4);
	check(writ_path_derive(SCRATCH + 1, PATH, "/b", WRIT_R_READ, 0) == 0 &&
		run(SCRATCH + 4, "serve", srv, 1) > 0 && run(SCRATCH + 3, "stay", cl, 1) > 0 &&
		wait_for(SCRATCH + 3, WRIT_WAIT_START, &e) == 0 &&
		call(WRIT_OP_KILL, SCRATCH + 4, 0, NULL, 0) == 0 &&
		wait_for(SCRATCH + 3, WRIT_WAIT_EXIT, &e) == 0 && e.code == 42,
	    "the server's death tells the client (%d)", e.code);
	for (unsigned i = 1; i <= 4; i++)
		writ_cap_delete(SCRATCH + i);
	writ_cap_delete(PATH);
	writ_cap_delete(ENDPOINT);
}

static void test_last_words(void)
{
	enum { N = 100 };
	unsigned heard = 0;

	for (unsigned i = 0; i < N; i++) {
		struct writ_exit e = once("words", NULL, 0);

		heard += e.state == WRIT_STATE_EXITED && strcmp(e.said, "words") == 0;
	}
	check(heard == N, "last words arrive whatever was left unread: %u of %u", heard, N);
}

/* Orders that the nest has no room for yet, taken back: the script counts the logs still open. */
static void test_taken_back(void)
{
	enum { N = 600, AT = 1000 };
	struct writ_hdr h;
	int64_t pids[N];
	uint32_t cookie = 0;

	for (unsigned i = 0, tries = 0; i < N; i++)
		while ((pids[i] = spawn(AT + i, "nap", NULL, 0)) == -WRIT_E_NOT_ENOUGH_MEMORY &&
		    tries++ < 500) /* the thousand before may still be on their way out */
			nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	for (unsigned i = 0; i < N; i++) {
		h = (struct writ_hdr){ .op = WRIT_OP_START,
			.cap = WRIT_BOOT_SCHED,
			.arg = (uint64_t)pids[i] };
		cookie = (uint32_t)writ_gate_send(&h, NULL, NULL);
		if (i % 64 == 63) /* who reads no replies at all is ended */
			writ_gate_reply(cookie, &h, NULL, 0, NULL);
	}
	check(writ_gate_reply(cookie, &h, NULL, 0, NULL) == 0, "%u procs started at once", N);
	while (writ_gate_poll_reply(&h, NULL, 0) == 1)
		;
	for (unsigned i = N; i > 0; i--)
		writ_cap_delete(AT + i - 1);
}

/* Nobody can use up what others need to wait for their procs. */
static void test_waits(void)
{
	enum { N = 260, AT = 1000 };
	struct give g[] = { { AT, 1, WRIT_R_READ } };
	struct writ_exit e = { 0 };
	unsigned made = 1;
	int64_t pid;
	int r;

	run(AT, "nap", NULL, 0);
	while (made <= N && run(AT + made, "waits", g, 1) > 0 &&
	    wait_for(AT + made, WRIT_WAIT_START, &e) == 0 && e.state < WRIT_STATE_EXITED)
		made++;
	check(made == N + 1, "%u procs with 64 waits each", made - 1);
	pid = run(SCRATCH, "nap", NULL, 0);
	r = wait_for(SCRATCH, WRIT_WAIT_START, &e);
	check(pid > 0 && r == 0 && e.state == WRIT_STATE_RUNNING,
	    "leave others theirs (%ld, %d, state %u)", (long)pid, r, e.state);
	writ_cap_delete(SCRATCH);
	for (unsigned i = made + 1; i > 0; i--)
		writ_cap_delete(AT + i - 1);
}

static void test_orphans(void)
{
	struct give g[] = { { image, 1, WRIT_R_EXEC }, { SPAWN, 2, WRIT_R_WRITE } };
	struct writ_exit e = once("parent", g, 2);
	uint32_t pid = (uint32_t)strtoul(e.said, NULL, 10);

	check(e.state == WRIT_STATE_EXITED && pid != 0, "a proc spawns one of its own");
	check(dies_soon(pid), "which ends with it");
}

static void test_thousand(void)
{
	enum { N = 1000, AT = 1000 };
	unsigned made = 0, ended = 0;
	struct writ_exit e;

	for (; made < N; made++)
		if (run(AT + made, "nap", NULL, 0) < 0)
			break;
	check(made == N, "%u procs at once", made);
	for (unsigned i = 0; i < made; i++)
		wait_for(AT + i, WRIT_WAIT_START, &e);
	printf("# thousand live\n");
	fflush(stdout);
	nanosleep(&(struct timespec){ 2L * test_scale(), 0 },
	    NULL); /* the script looks at the memory */
	check(writ_cap_revoke(SPAWN) == 0, "revoking the Spawn");
	for (unsigned i = 0; i < made; i++) {
		struct writ_cap_info info;

		ended += writ_cap_inspect(AT + i, &info) == 0 && info.type == WRIT_TYPE_NULL;
	}
	check(ended == made, "takes all %u Proc capabilities away", ended);
	e = once("null", NULL, 0);
	check(e.state == WRIT_STATE_EXITED, "so that new ones can be spawned");
}

/* For tests of the node's end: procs that stay until they are ended from outside. */
static _Noreturn void hold(void)
{
	struct writ_exit e;

	for (unsigned i = 0; i < 50; i++)
		if (run(1000 + i, "nap", NULL, 0) > 0)
			wait_for(1000 + i, WRIT_WAIT_START, &e);
	printf("# holding\n");
	fflush(stdout);
	for (;;)
		nanosleep(&(struct timespec){ 3600, 0 }, NULL);
}

int writ_main(int argc, char **argv)
{
	struct writ_quota_rep before, after;

	if (writ_self()->parent != 0)
		return child_main(argc > 1 ? argv[1] : "null");
	image = writ_named_cap(WRIT_TYPE_IMAGE, "root");
	test_realm();
	if (writ_named_cap(WRIT_TYPE_IMAGE, "hold") != 0)
		hold();
	writ_quota_read(ACCOUNT, &before);
	test_audit();
	test_review();
	test_life();
	test_spawn_refusals();
	test_images();
	test_hostile();
	test_sessions();
	test_last_words();
	test_orphans();
	test_thousand();
	for (unsigned i = 0; i < 4; i++)
		test_taken_back();
	printf("# taken back\n");
	fflush(stdout);
	nanosleep(&(struct timespec){ 1, 0 }, NULL);
	test_waits();
	check(used_again(ACCOUNT, &before, &after),
	    "quota in = quota out: %llu bytes, %u slots, %u procs; before %llu, %u, %u",
	    (unsigned long long)after.used.bytes, after.used.slots, after.used.procs,
	    (unsigned long long)before.used.bytes, before.used.slots, before.used.procs);
	plan();
	return 0;
}
