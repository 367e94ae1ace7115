/* SPDX-License-Identifier: MIT */
/*
 * What a proc sees and holds (survey.h): nothing is amiss in a whole sandbox and
 * something wherever one step is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "survey.h"
#include "tests.h"

#define REALM "view"
#define UID   200010

/* What is amiss with @pid, first thing found, or NULL. */
static const char *amiss(pid_t pid)
{
	struct survey_want w = { UID, REALM };

	for (unsigned i = 0; i < survey_naspects; i++)
		if (!survey_aspects[i].fine(pid, &w))
			return survey_aspects[i].step;
	return NULL;
}

START_TEST(a_proc_is_shut_in)
{
	struct nest n = harness_nest((unsigned)_i, REALM, UID);
	struct probe p = harness_probe(&n, harness_order("some-name"), -1);
	const char *m = amiss(p.pid);

	ck_assert_msg(m == NULL, "proc: %s", m);
	m = amiss(n.pid);
	ck_assert_msg(m == NULL, "nest: %s", m);
	ck_assert_str_eq(survey_entries(survey_path(p.pid, "fd")), "0 1 2 3");
	ck_assert_int_eq(harness_do(&n, &p, PROBE_ENVIRON, 0), 0);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_ARGC, 0), 1);
	ck_assert_str_eq(survey_entries(survey_path(n.pid, "fd")), "0 1 2 3 4");
	harness_end(&n, &p);
	harness_fini(&n);
}
END_TEST

/* Without one of these the nest does not start, or the survey says what is amiss. wait,
 * parent and landlock have tests of their own. */
static const char *const missed[] = { "ids", "devnull", "root", "hostname", "fds", "signals",
	"limits", "caps", "no_new_privs", "filter" };

START_TEST(control_each_step_is_missed)
{
	struct nest_conf c = { .realm = REALM, .uid = UID };
	struct nest_event e = { 0 };
	struct nest n;
	struct probe p;
	const char *m;
	int fd;

	harness_skip = missed[_i];
	ck_assert_int_eq(nest_start(&c, &n), 0);
	ck_assert_int_eq(harness_event(&n, &e, &fd), 1);
	if (e.code == 0) {
		p = harness_probe(&n, harness_order("probe"), -1);
		m = amiss(p.pid);
		printf("# without %s: %s is amiss\n", harness_skip, m != NULL ? m : "nothing");
		ck_assert_msg(m != NULL && strcmp(m, harness_skip) == 0, "%s is not missed",
		    harness_skip);
		close(p.gate); /* its end may go unnoticed */
	} else {
		printf("# without %s: %s refuses (%s)\n", harness_skip, e.step, strerror(e.code));
	}
	harness_fini(&n);
}
END_TEST

START_TEST(a_failing_step_is_named)
{
	struct nest_conf c = { .realm = REALM, .uid = UID };
	struct nest_event e = { 0 };
	struct nest n;
	int fd;

	harness_skip = "devnull";
	ck_assert_int_eq(nest_start(&c, &n), 0);
	ck_assert_int_eq(harness_event(&n, &e, &fd), 1);
	ck_assert_int_eq(e.what, NEST_READY);
	ck_assert_int_eq(e.code, EBADF);
	ck_assert_str_eq(e.step, "fds");
	harness_fini(&n);
}
END_TEST

/* open("/") in a native proc whose filter is left out */
static int64_t open_root(void)
{
	struct nest n = harness_nest(WRIT_PROFILE_NATIVE, REALM, UID);
	struct probe p = harness_probe(&n, harness_order("probe"), -1);
	struct probe_req q = { .op = PROBE_CALL, .nr = SYS_getpid, .data = "/" };
	struct probe_rep r;

	ck_assert(harness_ask(&n, &p, &q, &r));
	q.nr = SYS_open;
	q.arg[0] = r.scratch;
	q.arg[1] = O_RDONLY | O_DIRECTORY;
	ck_assert(harness_ask(&n, &p, &q, &r));
	harness_end(&n, &p);
	harness_fini(&n);
	return r.ret;
}

START_TEST(landlock_alone_refuses_files)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0 && getenv("WRIT_NO_LANDLOCK")) {
		puts("# no Landlock, and WRIT_NO_LANDLOCK says that this is known");
		return;
	}
	harness_skip = "filter";
	ck_assert_int_eq(open_root(), -EACCES);
	harness_skip = "filter landlock"; /* control */
	ck_assert_int_ge(open_root(), 0);
}
END_TEST

/* Without the filter, too, a realm's procs see none of another's. */
START_TEST(nests_are_strangers)
{
	struct nest a, b;
	struct probe p, q;
	struct stat x, y;

	harness_skip = "filter";
	a = harness_nest(WRIT_PROFILE_NATIVE, "a", 200011);
	b = harness_nest(WRIT_PROFILE_NATIVE, "b", 200012);
	p = harness_probe(&a, harness_order("probe"), -1);
	q = harness_probe(&b, harness_order("probe"), -1);
	ck_assert_int_eq(harness_call(&a, &p, SYS_getpid, (uint64_t[6]){ 0 }), 2);
	ck_assert_int_eq(harness_call(&b, &q, SYS_getpid, (uint64_t[6]){ 0 }), 2);
	ck_assert_int_eq(harness_call(&a, &p, SYS_kill, (uint64_t[6]){ (uint64_t)q.pid, 0 }),
	    -ESRCH);
	ck_assert_int_eq(harness_call(&a, &p, SYS_kill, (uint64_t[6]){ 2, 0 }), 0);
	ck_assert_int_eq(stat(survey_path(p.pid, "ns/pid"), &x), 0);
	ck_assert_int_eq(stat(survey_path(q.pid, "ns/pid"), &y), 0);
	ck_assert(x.st_ino != y.st_ino);
	ck_assert_int_eq(atoi(harness_proc(p.pid, "status", "Uid")), 200011);
	ck_assert_int_eq(atoi(harness_proc(q.pid, "status", "Uid")), 200012);
	harness_end(&a, &p);
	harness_end(&b, &q);
	harness_fini(&a);
	harness_fini(&b);
}
END_TEST

TCase *view_tests(void)
{
	TCase *t = tcase_create("view");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_proc_is_shut_in, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, control_each_step_is_missed, 0, sizeof(missed) / sizeof(missed[0]));
	tcase_add_test(t, a_failing_step_is_named);
	tcase_add_test(t, landlock_alone_refuses_files);
	tcase_add_test(t, nests_are_strangers);
	return t;
}
