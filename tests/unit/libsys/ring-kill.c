// SPDX-License-Identifier: MIT
/*
 * The other side dies at any instruction: a child is stepped k instructions into what it
 * does with a ring, and killed there, for each k (each WRIT_RING_STRIDEth, 31).
 * Who survives sees whole messages only, and a ring that isn't broken.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/libsys/ring_pair.h"

#define BULK RING_BULK_MIN
#define TOLD 8 /* TELL_SLOTS of ring.c */

enum { PUT, PUT_LONG, PUT_WATCHED, PUT_CORKED, GET, GET_STARVED, ARM, CLOSE, ACTIONS };

static struct ring_fds fds;
static struct tx *mine;
static struct link *my_link;

/* What comes before, on the child's side. */
static void prepare(int action, struct tx *t)
{
	unsigned n = action == GET_STARVED ? TOLD - 1 : 0;

	for (unsigned k = 0; k < n; k++)
		if (ring_get(t, k) < 0)
			_exit(98);
}

static void act(int action, struct tx *t)
{
	switch (action) {
	case PUT: ring_put(t, 24, 0, false); break;
	case PUT_WATCHED: ring_put(t, 64, 0, false); break;
	case PUT_LONG: ring_put(t, 200, 0, false); break;
	case PUT_CORKED:
		ring_put(t, 24, 0, true);
		t->ops->flush(t);
		break;
	case GET: ring_get(t, 0); break;
	case GET_STARVED: ring_get(t, TOLD - 1); break;
	case ARM:
		t->ops->arm(t, TX_IN | TX_OUT, 1);
		t->ops->disarm(t, TX_IN | TX_OUT);
		break;
	default: t->ops->close(t);
	}
}

static pid_t begin(int action)
{
	pid_t pid = fork();
	struct tx *t;

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	t = ring_pair_side(&fds, 0, NULL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(97);
	prepare(action, t);
	raise(SIGSTOP);
	act(action, t);
	raise(SIGSTOP);
	_exit(0);
}

static bool stopped(pid_t pid, int sig)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSTOPPED(status));
	return WSTOPSIG(status) == sig;
}

/* Let it do @k instructions of @action, and no more. True: it had come to the end. */
static bool step(int action, unsigned k)
{
	pid_t pid = begin(action);
	bool end = false;

	ck_assert(stopped(pid, SIGSTOP));
	while (!end && k--) {
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		end = stopped(pid, SIGSTOP);
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return end;
}

static void count(void *arg, void *owner)
{
	(void)owner;
	++*(unsigned *)arg;
}

static void world_new(int action)
{
	fds = ring_fds_new(BULK);
	mine = ring_pair_side(&fds, 1, &my_link);
	for (unsigned k = 0; k < (action == GET ? 3 : action == GET_STARVED ? RING_SLOTS : 0); k++)
		ck_assert(ring_put(mine, k % 80, k, false));
	if (action == PUT_WATCHED || action == PUT_CORKED)
		ck_assert(!mine->ops->arm(mine, TX_IN, 0));
	if (action == GET_STARVED)
		ck_assert(!mine->ops->arm(mine, TX_OUT, 1));
}

static void world_free(void)
{
	mine->ops->close(mine);
	link_put(my_link);
	ring_fds_close(&fds);
}

/* What is there of what the dead one sent? */
static void check_in(int action, bool end, unsigned rung)
{
	int64_t got = ring_get(mine, 0);

	if (action <= PUT_CORKED && end)
		ck_assert_int_ge(got, 0);
	if (action > PUT_CORKED)
		ck_assert_int_lt(got, 0);
	if (rung && action <= PUT_CORKED)
		ck_assert_int_ge(got, 0);
	if (end && (action == PUT_WATCHED || action == PUT_CORKED || action == GET_STARVED))
		ck_assert_uint_eq(rung, 1);
	ck_assert_int_lt(ring_get(mine, 1), 0);
	ck_assert(!mine->ops->arm(mine, TX_IN, 0));
	mine->ops->disarm(mine, TX_IN);
}

/* One can still send, as far as there is room, and no further. */
static void check_out(int action, bool end)
{
	unsigned before = action == GET ? 3 : action == GET_STARVED ? RING_SLOTS : 0, n = 0;

	while (ring_put(mine, 1, n, false))
		n++;
	if (action == GET_STARVED)
		ck_assert(n == 0 || n == TOLD);
	else
		ck_assert_uint_eq(n, RING_SLOTS - before);
	if (action == GET_STARVED && end)
		ck_assert_uint_eq(n, TOLD);
	ck_assert(!mine->ops->arm(mine, TX_OUT, 1));
	mine->ops->disarm(mine, TX_OUT);
}

START_TEST(killed)
{
	const char *n = getenv("WRIT_RING_STRIDE");
	unsigned stride = n ? (unsigned)strtoul(n, NULL, 0) : 31;
	unsigned steps = 0;
	bool end = false;

	for (unsigned k = (unsigned)getpid() % stride; !end; k += stride) {
		unsigned rung = 0;

		world_new(_i);
		end = step(_i, k);
		link_rang(my_link, true, count, &rung);
		check_in(_i, end, rung);
		check_out(_i, end);
		world_free();
		steps++;
	}
	ck_assert_uint_gt(steps * stride, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kill");
	TCase *put = tcase_create("put"), *others = tcase_create("others");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(put, 600);
	tcase_add_loop_test(put, killed, PUT, GET);
	suite_add_tcase(s, put);
	tcase_set_timeout(others, 600);
	tcase_add_loop_test(others, killed, GET, ACTIONS);
	suite_add_tcase(s, others);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
