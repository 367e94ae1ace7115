/* SPDX-License-Identifier: MIT */
/* The nest's own working: orders, events, ends, in every profile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests.h"

#define UID 200001

START_TEST(every_profile_runs_a_proc)
{
	struct nest n = harness_nest((unsigned)_i, "smoke", UID);
	struct probe p = harness_probe(&n, harness_order("probe"), -1);

	ck_assert_int_eq(p.end.what, 0);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_TOUCH, 8 << 20), 0);
	harness_end(&n, &p);
	ck_assert_int_eq(p.end.code, 0);
	ck_assert_uint_gt(p.end.rss_max, 8 << 20);
	ck_assert_uint_lt(p.end.rss_max, 32 << 20);
	harness_fini(&n);
}
END_TEST

START_TEST(class_be_is_idle_and_lc_is_not)
{
	struct nest n = harness_nest((unsigned)_i, "class", UID);
	struct nest_order o = harness_order("be");
	struct probe be, lc = harness_probe(&n, harness_order("lc"), -1);

	o.class = WRIT_CLASS_BE;
	be = harness_probe(&n, o, -1);
	ck_assert_int_eq(sched_getscheduler(be.pid), SCHED_IDLE);
	ck_assert_int_eq(sched_getscheduler(lc.pid), SCHED_OTHER);
	harness_end(&n, &be);
	harness_end(&n, &lc);
	harness_fini(&n);
}
END_TEST

/* Order @image. Returns the event that came first. */
static struct nest_event order_file(const struct nest *n, int image)
{
	struct nest_order o = harness_order("bad");
	struct nest_event e = { 0 };
	int gate = open("/dev/null", O_RDWR | O_CLOEXEC), fd = -1;

	o.nfds = 2;
	ck_assert_int_eq(nest_order(n, &o, (int[]){ gate, image }), 0);
	ck_assert_int_eq(harness_event(n, &e, &fd), 1);
	close(gate);
	if (fd >= 0)
		close(fd);
	return e;
}

START_TEST(a_bad_image_fails_and_the_nest_goes_on)
{
	struct nest n = harness_nest((unsigned)_i, "bad", UID);
	int image = memfd_create("bad", MFD_CLOEXEC);
	struct nest_event e;
	struct probe p;

	ck_assert_int_eq(write(image, "garbage that is no program\n", 27), 27);
	e = order_file(&n, image);
	ck_assert_int_eq(e.what, NEST_FAILED);
	ck_assert_int_eq(e.code, ENOEXEC);
	ck_assert_str_eq(e.step, "exec");
	ck_assert_int_eq(fchmod(image, 0600), 0);
	e = order_file(&n, image);
	ck_assert_int_eq(e.what, NEST_FAILED);
	ck_assert_int_eq(e.code, EACCES);
	close(image);
	image = harness_image("isolation"); /* dynamic: its loader is not in the root */
	e = order_file(&n, image);
	ck_assert_int_eq(e.what, NEST_FAILED);
	ck_assert_int_eq(e.code, ENOENT);
	close(image);
	p = harness_probe(&n, harness_order("probe"), -1);
	harness_end(&n, &p);
	ck_assert_int_eq(p.end.code, 0);
	harness_fini(&n);
}
END_TEST

START_TEST(many_live_at_once)
{
	enum { N = 300 };
	static struct probe p[N];
	struct nest n = harness_nest(WRIT_PROFILE_NATIVE, "many", UID);

	for (int i = 0; i < N; i++)
		p[i] = harness_probe(&n, harness_order("probe"), -1);
	for (int i = 0; i < N; i++)
		harness_end(&n,
		    &p[i * 7 % N]); /* 7 and 300 share no factor: each once, out of turn */
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(p[i].end.code, 0);
	harness_fini(&n);
}
END_TEST

static int dies_within(pid_t pid, int ms)
{
	for (ms = harness_ms(ms); ms > 0 && harness_alive(pid); ms -= 2)
		usleep(2000);
	return !harness_alive(pid);
}

START_TEST(killing_the_nest_kills_all)
{
	struct nest n = harness_nest((unsigned)_i, "kill", UID);
	struct probe p[5];
	struct nest_event e;
	struct nest dead;
	int fd;

	for (int i = 0; i < 5; i++)
		p[i] = harness_probe(&n, harness_order("probe"), -1);
	for (int i = 0; i < 5; i++)
		ck_assert(harness_alive(p[i].pid));
	dead = n;
	dead.sock = dup(n.sock);
	harness_fini(&n);
	for (int i = 0; i < 5; i++)
		ck_assert(dies_within(p[i].pid, 1000));
	ck_assert_int_eq(nest_next(&dead, &e, &fd), -EPIPE);
	ck_assert_int_eq(nest_order(&dead, &(struct nest_order){ .nfds = 2 }, (int[]){ 0, 0 }),
	    -EPIPE);
	close(dead.sock);
}
END_TEST

/* A kernel of our own with a nest and a proc in it; their pids come back. */
static pid_t small_kernel(int stop_nest, pid_t *ret_nest, pid_t *ret_proc)
{
	pid_t pids[2], kernel;
	int out[2];

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	kernel = fork();
	if (kernel == 0) {
		struct nest n = harness_nest(WRIT_PROFILE_NATIVE, "orphan", UID);
		struct probe p = harness_probe(&n, harness_order("probe"), -1);

		pids[0] = n.pid;
		pids[1] = p.pid;
		if (stop_nest)
			kill(n.pid, SIGSTOP);
		if (write(out[1], pids, sizeof(pids)) != sizeof(pids))
			_exit(1);
		for (;;)
			pause();
	}
	close(out[1]);
	ck_assert_int_eq(read(out[0], pids, sizeof(pids)), sizeof(pids));
	close(out[0]);
	*ret_nest = pids[0];
	*ret_proc = pids[1];
	return kernel;
}

START_TEST(the_kernels_death_is_everyones)
{
	pid_t nest, proc, kernel = small_kernel(_i, &nest, &proc);

	ck_assert(harness_alive(nest) && harness_alive(proc));
	ck_assert_int_eq(kill(kernel, SIGKILL), 0);
	ck_assert_int_eq(waitpid(kernel, NULL, 0), kernel);
	ck_assert(dies_within(nest, 1000));
	ck_assert(dies_within(proc, 1000));
}
END_TEST

/* The end of the socket ends a nest that runs; one that is stopped lives on without the death
 * signal. */
START_TEST(control_without_death_signal_a_stopped_nest_stays)
{
	pid_t nest, proc, kernel;

	harness_skip = "parent";
	kernel = small_kernel(1, &nest, &proc);
	ck_assert_int_eq(kill(kernel, SIGKILL), 0);
	ck_assert_int_eq(waitpid(kernel, NULL, 0), kernel);
	ck_assert(!dies_within(nest, 100));
	ck_assert_int_eq(kill(nest, SIGKILL), 0);
	ck_assert(dies_within(proc, 1000));
}
END_TEST

START_TEST(a_full_socket_says_try_again)
{
	struct nest n = harness_nest(WRIT_PROFILE_NATIVE, "full", UID);
	int pair[2], image = harness_image("isolation-probe"), r = 0, sent = 0, ended = 0, fd;
	struct nest_event e;

	ck_assert_int_eq(kill(n.pid, SIGSTOP), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[0]); /* procs end at once */
	while (sent < 100000) {
		struct nest_order o = harness_order("probe");

		o.nfds = 2;
		r = nest_order(&n, &o, (int[]){ pair[1], image });
		if (r != 0)
			break;
		sent++;
	}
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_int_eq(kill(n.pid, SIGCONT), 0);
	while (ended < sent) {
		ck_assert_int_eq(harness_event(&n, &e, &fd), 1);
		ck_assert_int_ne(e.what, NEST_FAILED);
		ended += e.what == NEST_EXITED;
		if (fd >= 0)
			close(fd);
	}
	printf("# %d orders fitted\n", sent);
	close(pair[1]);
	close(image);
	harness_fini(&n);
}
END_TEST

TCase *nest_tests(void)
{
	TCase *t = tcase_create("nest");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_profile_runs_a_proc, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, class_be_is_idle_and_lc_is_not, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, a_bad_image_fails_and_the_nest_goes_on, 0, WRIT_PROFILE_N);
	tcase_add_test(t, many_live_at_once);
	tcase_add_loop_test(t, killing_the_nest_kills_all, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, the_kernels_death_is_everyones, 0, 2);
	tcase_add_test(t, control_without_death_signal_a_stopped_nest_stays);
	tcase_add_test(t, a_full_socket_says_try_again);
	return t;
}
