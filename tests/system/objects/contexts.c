/* SPDX-License-Identifier: MIT */
/* SchedContexts: what they may say, to whom they are bound, what Linux makes of it, what was used.
 */
#include "objects.h"
#include <stdio.h>
#include <string.h>

enum { A = AREA, B, SC, SC2, SCHEDULER };

static int configure(uint32_t context, uint32_t class, uint32_t weight, uint32_t period,
    uint32_t budget)
{
	struct writ_sched_req r = { context, class, 100, weight, period, budget };

	return writ_sched_configure(WRIT_BOOT_SCHED, &r);
}

static uint64_t consumed(uint32_t context)
{
	uint64_t ns = 0;

	return writ_sched_consumed(context, &ns) == 0 ? ns : UINT64_MAX;
}

static bool spins(uint32_t dst)
{
	return run(dst, "spin", NULL, 0) > 0 && gets_to(dst, WRIT_STATE_RUNNING);
}

static void end(uint32_t p)
{
	struct writ_exit e;

	call(WRIT_OP_KILL, p, 0, NULL, 0);
	wait_for(p, WRIT_WAIT_EXIT, &e);
	writ_cap_delete(p);
}

static void test_ranges(void)
{
	check(configure(SC, WRIT_CLASS_N, 100, 0, 0) == -WRIT_E_RANGE &&
		configure(SC, 0, 0, 0, 0) == -WRIT_E_RANGE &&
		configure(SC, 0, 10001, 0, 0) == -WRIT_E_RANGE &&
		configure(SC, 0, 100, 999, 1000) == -WRIT_E_RANGE &&
		configure(SC, 0, 100, 1000001, 1000) == -WRIT_E_RANGE &&
		configure(SC, 0, 100, 100000, 999) == -WRIT_E_RANGE,
	    "class, weight, period and budget out of range are refused");
	check(configure(SC, WRIT_CLASS_LC, 1, 1000, 1000) == 0 &&
		configure(SC, WRIT_CLASS_BE, 10000, 1000000, 1000000) == 0 &&
		configure(SC, WRIT_CLASS_BE, 100, 0, 0) == 0,
	    "the ends of the ranges are not");
}

/* The scheduler starts a proc as the class that it was told: any other is refused. */
static void test_pending(void)
{
	struct give g[] = { { WRIT_BOOT_SCHED, 1, WRIT_R_READ | WRIT_R_WRITE } };
	struct writ_spawn_req r = { .image = image,
		.memory = 16 << 20,
		.log_max = 4096,
		.flags = WRIT_SPAWN_HOLD };
	struct writ_exit e;

	check(run(SCHEDULER, "scheduler", g, 1) > 0 &&
		wait_for(SCHEDULER, WRIT_WAIT_START, &e) == 0 && e.state == WRIT_STATE_RUNNING,
	    "a scheduler");
	check(configure(SC, WRIT_CLASS_LC, 100, 0, 0) == 0 &&
		spawn_with(SPAWN, A, "nap", NULL, 0, r) > 0 && writ_proc_sched(A, SC) == 0 &&
		stat_of(A).class == WRIT_CLASS_LC && stat_of(A).state == WRIT_STATE_PENDING,
	    "bound to a pending proc, its class is the proc's");
	check(writ_proc_resume(A) == 0 && gets_to(A, WRIT_STATE_RUNNING),
	    "the scheduler is told of that class, and starts it");
	check(spawn_with(SPAWN, B, "nap", NULL, 0, r) > 0 &&
		writ_proc_sched(B, SC) == -WRIT_E_BUSY && writ_proc_sched(B, SC2) == 0 &&
		writ_proc_sched(B, SC2) == -WRIT_E_BUSY && writ_proc_sched(A, SC2) == -WRIT_E_BUSY,
	    "one context has one proc, and one proc one context");
	end(A);
	end(B);
	check(spawn_with(SPAWN, A, "nap", NULL, 0, r) > 0 && writ_proc_sched(A, SC) == 0 &&
		writ_proc_sched(A, 0) == 0 && writ_proc_sched(A, SC2) == 0,
	    "whose proc has ended is free, and who gave up his may have another");
	end(A);
	end(SCHEDULER);
}

/* The script looks at the proc from outside, in the time that is slept here. */
static void look(const char *what)
{
	printf("# look %s %d\n", what, stat_of(A).host_pid);
	fflush(stdout);
	nap_ms(1500 + 500 * test_scale());
}

static void test_outside(void)
{
	check(spins(A) && configure(SC, WRIT_CLASS_BE, 300, 0, 0) == 0 &&
		writ_proc_sched(A, SC) == 0,
	    "bound to a proc that runs, class be and weight 300");
	look("be");
	check(configure(SC, WRIT_CLASS_LC, 300, 100000, 10000) == 0,
	    "configured anew while bound: class lc, 10 ms of 100");
	look("lc");
	check(writ_proc_sched(A, 0) == 0, "unbound");
	look("none");
	end(A);
}

static void test_budget(void)
{
	uint64_t before, ns;

	check(configure(SC2, WRIT_CLASS_LC, 100, 100000, 10000) == 0 && spins(A) &&
		writ_proc_sched(A, SC2) == 0,
	    "a proc that spins, under 10 ms of 100");
	nap_ms(200);
	before = consumed(SC2);
	nap_ms(1000);
	ns = consumed(SC2) - before;
	check(ns > 30000000 && ns < 300000000, "uses %llu ms in a second",
	    (unsigned long long)ns / 1000000);
	end(A);
}

/* Until it has used so much more CPU time. Returns how much it has used, ns; 0: it got none. */
static uint64_t works(uint32_t p, unsigned ms)
{
	uint64_t before = stat_of(p).cpu_ns, now = before;

	for (unsigned i = 0; i < 500 && now - before < ms * 1000000u; i++) {
		nap_ms(20);
		now = stat_of(p).cpu_ns;
	}
	return now - before < ms * 1000000u ? 0 : now;
}

static void test_consumed(void)
{
	uint64_t start, free_ns, one, two;

	check(configure(SC, WRIT_CLASS_BE, 100, 0, 0) == 0 && spins(A), "a proc under no context");
	free_ns = works(A, 50);
	start = consumed(SC);
	check(free_ns > 0 && writ_proc_sched(A, SC) == 0 && consumed(SC) - start < free_ns / 2,
	    "what it used before it was bound does not count");
	works(A, 30);
	one = consumed(SC);
	check(one - start > 10000000, "what it uses then does: %llu ms",
	    (unsigned long long)(one - start) / 1000000);
	writ_proc_sched(A, 0);
	one = consumed(SC);
	nap_ms(100);
	check(consumed(SC) == one && one > start, "unbound, no more");
	end(A);
	check(spins(B) && writ_proc_sched(B, SC) == 0, "another proc");
	works(B, 30);
	two = consumed(SC);
	check(two - one > 10000000, "adds to it: %llu ms",
	    (unsigned long long)(two - one) / 1000000);
	end(B);
	check(consumed(SC) >= two, "and leaves it there when it has ended");
	check(spins(A) && writ_proc_sched(A, SC) == 0 && writ_cap_delete(SC) == 0 &&
		stat_of(A).state == WRIT_STATE_RUNNING && writ_proc_sched(A, SC2) == 0,
	    "a context that goes leaves its proc");
	end(A);
}

void test_contexts(void)
{
	check(writ_retype(UT, WRIT_TYPE_SCHED_CONTEXT, own(SC), 2, (struct writ_quota){ 0 }) == 0,
	    "two SchedContexts");
	test_ranges();
	test_pending();
	test_outside();
	test_budget();
	test_consumed();
	writ_cap_delete(SC2);
}
