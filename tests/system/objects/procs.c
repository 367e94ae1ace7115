/* SPDX-License-Identifier: MIT */
/* What the holder of a Proc does with it, and what else its life depends on. */
#include "objects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { P = AREA, P2, CSPACE, IMG, IMG2, SP };

/* Slot 5 is where others may have put something. */
static int probe(void)
{
	struct writ_cap_info info = { 0 };

	return writ_cap_inspect(5, &info) != 0 ? 99 : info.type;
}

static _Noreturn void spin(void)
{
	writ_started();
	for (volatile unsigned n = 0;; n++)
		;
}

/* Starts whatever is pending, as the class that it is told. */
static int scheduler(void)
{
	struct writ_event ev;

	if (call(WRIT_OP_SCHEDULER, 1, 0, NULL, 0) != 0 || writ_started() != 0)
		return 1;
	while (writ_event_next(&ev, -1) == 1)
		if (ev.hdr.op == WRIT_EV_PENDING)
			call(WRIT_OP_START, 1, ev.proc.pid, NULL, 0);
	return 2;
}

int objects_child(const char *mode)
{
	if (strcmp(mode, "probe") == 0)
		return probe();
	if (strcmp(mode, "spin") == 0)
		spin();
	if (strcmp(mode, "scheduler") == 0)
		return scheduler();
	writ_started();
	for (;;)
		nap_ms(1000000);
}

static unsigned state_of(uint32_t pid)
{
	struct writ_proc_row rows[80];
	struct writ_hdr h = { .op = WRIT_OP_PROCS, .cap = REALM };

	do {
		if (writ_gate_call(&h, NULL, NULL, rows, sizeof(rows), NULL) != 0)
			return WRIT_STATE_N;
		for (size_t i = 0; i < h.len / sizeof(rows[0]); i++)
			if (rows[i].pid == pid)
				return rows[i].state;
		h = (struct writ_hdr){ .op = WRIT_OP_PROCS, .cap = REALM, .arg = h.arg };
	} while (h.arg != 0);
	return WRIT_STATE_N;
}

static bool runs(uint32_t dst, const char *mode)
{
	struct writ_exit e;

	return run(dst, mode, NULL, 0) > 0 && wait_for(dst, WRIT_WAIT_START, &e) == 0 &&
	    e.state == WRIT_STATE_RUNNING;
}

static void test_cspace(void)
{
	struct writ_exit e = once("probe", NULL, 0);
	int64_t pid = spawn(P, "probe", NULL, 0);

	check(e.state == WRIT_STATE_EXITED && e.code == WRIT_TYPE_NULL, "nothing lies in slot 5");
	check(writ_proc_cspace(P, CSPACE) == 0 &&
		writ_cap_at(WRIT_OP_COPY, own(REALM), at(CSPACE, 5, 6), WRIT_R_READ, 0) == 0,
	    "a capability is put into the CSpace of a pending proc");
	check(writ_proc_suspend(P) == 0 && start((uint32_t)pid) == -WRIT_E_ILLEGAL_OPERATION &&
		stat_of(P).state == WRIT_STATE_PENDING,
	    "one that is suspended can't be started");
	check(writ_proc_resume(P) == 0 && start((uint32_t)pid) == 0 &&
		wait_for(P, WRIT_WAIT_EXIT, &e) == 0 && e.code == WRIT_TYPE_REALM,
	    "resumed it is, and finds it (%d)", e.code);
	writ_cap_delete(CSPACE);
	writ_cap_delete(P);
	check(runs(P, "nap") && writ_proc_cspace(P, CSPACE) == -WRIT_E_ILLEGAL_OPERATION,
	    "there is no CSpace to be had of one that runs");
	call(WRIT_OP_KILL, P, 0, NULL, 0);
	writ_cap_delete(P);
}

/* CPU time that the proc uses in 200 ms. */
static uint64_t used(writ_cap_t p)
{
	uint64_t before = stat_of(p).cpu_ns;

	nap_ms(200);
	return stat_of(p).cpu_ns - before;
}

/* It may say that it has started before its nest does: whoever waits for it hears of it when both
 * have. */
static void test_started(void)
{
	enum { STARTS = 100 };
	struct writ_exit e;
	unsigned known = 0, stopped = 0;

	for (unsigned i = 0; i < STARTS && runs(P, "nap"); i++) {
		known += stat_of(P).host_pid > 0;
		stopped += writ_proc_suspend(P) == 0;
		call(WRIT_OP_KILL, P, 0, NULL, 0);
		wait_for(P, WRIT_WAIT_EXIT, &e);
		writ_cap_delete(P);
	}
	check(known == STARTS, "a proc that has started is a known process (%u of %u)", known,
	    STARTS);
	check(stopped == STARTS, "- and can be suspended (%u)", stopped);
}

static void test_suspend(void)
{
	struct writ_exit e = { 0 };

	check(runs(P, "spin") && used(P) > 0, "a proc's CPU time grows while it runs");
	check(writ_proc_suspend(P) == 0, "suspend it");
	nap_ms(50);
	check(used(P) == 0 && stat_of(P).suspended == 1 && stat_of(P).state == WRIT_STATE_RUNNING,
	    "then it stands still");
	check(writ_proc_resume(P) == 0 && used(P) > 0 && stat_of(P).suspended == 0,
	    "resume it: it goes on");
	check(writ_proc_suspend(P) == 0 && call(WRIT_OP_KILL, P, 0, NULL, 0) == 0 &&
		wait_for(P, WRIT_WAIT_EXIT, &e) == 0 && e.state == WRIT_STATE_KILLED,
	    "a suspended one can be killed");
	check(writ_proc_suspend(P) == -WRIT_E_ILLEGAL_OPERATION &&
		writ_proc_resume(P) == -WRIT_E_ILLEGAL_OPERATION && stat_of(P).cpu_ns > 0 &&
		stat_of(P).cpu_ns == e.cpu_ns,
	    "an ended one neither; its account stands");
	writ_cap_delete(P);
}

static void test_wait(void)
{
	struct writ_hdr h = { .op = WRIT_OP_WAIT, .cap = P2, .arg = WRIT_WAIT_EXIT };
	int64_t cookie = 0;

	check(runs(P, "nap") && writ_cap_copy(P, P2, WRIT_R_READ) == 0 &&
		(cookie = writ_gate_send(&h, NULL, NULL)) > 0 && writ_cap_revoke(P) == 0 &&
		writ_gate_reply((uint32_t)cookie, &h, NULL, 0, NULL) == -WRIT_E_STALE,
	    "who waits by a capability that is revoked is told STALE");
	check(stat_of(P).state == WRIT_STATE_RUNNING, "and the proc goes on");
	writ_cap_delete(P);
}

static void test_image(void)
{
	struct writ_spawn_req r = { .image = IMG2, .memory = 16 << 20, .log_max = 4096 };
	struct writ_exit e = { 0 };
	int64_t pid;

	writ_cap_copy(image, IMG, WRIT_R_EXEC);
	writ_cap_copy(IMG, IMG2, WRIT_R_EXEC);
	pid = spawn_with(SPAWN, P, "nap", NULL, 0, r);
	check(pid > 0 && writ_cap_revoke(IMG) == 0 && wait_for(P, WRIT_WAIT_EXIT, &e) == 0 &&
		e.state == WRIT_STATE_KILLED && strstr(e.said, "image") != NULL &&
		start((uint32_t)pid) == -WRIT_E_ILLEGAL_OPERATION,
	    "a pending proc whose image is revoked never runs: \"%s\"", e.said);
	writ_cap_delete(P);
	writ_cap_copy(IMG, IMG2, WRIT_R_EXEC);
	pid = spawn_with(SPAWN, P, "nap", NULL, 0, r);
	check(start((uint32_t)pid) == 0 && wait_for(P, WRIT_WAIT_START, &e) == 0 &&
		writ_cap_revoke(IMG) == 0 && type_at(own(IMG2)) == WRIT_TYPE_NULL,
	    "the same when it runs already");
	nap_ms(100);
	check(stat_of(P).state == WRIT_STATE_RUNNING, "leaves it alone");
	call(WRIT_OP_KILL, P, 0, NULL, 0);
	writ_cap_delete(P);
	writ_cap_delete(IMG);
}

static void test_spawn_revoked(void)
{
	struct writ_spawncap_req s = { .dst = own(SP),
		.classes = 1,
		.profiles = 1 << WRIT_PROFILE_NATIVE,
		.procs = 4,
		.memory = 1 << 28 };
	struct writ_spawn_req r = { .image = image, .memory = 16 << 20, .log_max = 4096 };
	struct writ_exit e = { 0 };
	int64_t pid = 0, pending = 0;

	check(writ_spawncap_derive(SPAWN, &s) == 0 &&
		(pid = spawn_with(SP, P, "nap", NULL, 0, r)) > 0 && start((uint32_t)pid) == 0 &&
		wait_for(P, WRIT_WAIT_START, &e) == 0 &&
		(pending = spawn_with(SP, P2, "nap", NULL, 0, r)) > 0 && writ_cap_revoke(SP) == 0,
	    "revoke a Spawn by which one proc runs and one is pending");
	for (unsigned i = 0; i < 100 && state_of((uint32_t)pid) < WRIT_STATE_EXITED; i++)
		nap_ms(20);
	check(state_of((uint32_t)pid) == WRIT_STATE_KILLED &&
		state_of((uint32_t)pending) == WRIT_STATE_KILLED &&
		type_at(own(P)) == WRIT_TYPE_NULL && type_at(own(P2)) == WRIT_TYPE_NULL,
	    "both have ended");
	writ_cap_delete(SP);
}

void test_procs(void)
{
	test_cspace();
	test_started();
	test_suspend();
	test_wait();
	test_image();
	test_spawn_revoked();
}
