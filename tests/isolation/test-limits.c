/* SPDX-License-Identifier: MIT */
/* Forking, executing, memory, logs: what a proc can't get more of. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "kernel/syscalls.h"
#include "tests.h"

#define UID           200020
#define CALL(nr, ...) harness_call(&n, &p, nr, (uint64_t[6]){ __VA_ARGS__ })

static struct nest n;
static struct probe p;

static void begin(unsigned profile)
{
	n = harness_nest(profile, "limits", UID);
	p = harness_probe(&n, harness_order("probe"), -1);
}

static void end(void)
{
	harness_end(&n, &p);
	harness_fini(&n);
}

START_TEST(nobody_forks)
{
	int server = _i == WRIT_PROFILE_SERVER;

	begin((unsigned)_i);
	ck_assert_int_eq(CALL(SYS_clone, NEST_CLONE), server ? -FILTER_ERRNO : -EAGAIN);
	ck_assert_int_eq(CALL(SYS_clone, SIGCHLD), -FILTER_ERRNO);
	ck_assert_int_eq(CALL(SYS_fork, 0), -FILTER_ERRNO);
	ck_assert_int_eq(CALL(SYS_vfork, 0), -FILTER_ERRNO);
	end();
}
END_TEST

/* The limit is what stops a native proc: with the filter left out it still can't fork. */
START_TEST(the_limit_alone_stops_forks)
{
	harness_skip = "filter";
	begin(WRIT_PROFILE_NATIVE);
	ck_assert_int_eq(CALL(SYS_fork, 0), -EAGAIN);
	ck_assert_int_eq(CALL(SYS_clone, SIGCHLD), -EAGAIN);
	ck_assert_int_ne(harness_do(&n, &p, PROBE_THREAD, 0), 0);
	end();
}
END_TEST

START_TEST(threads_only_in_server)
{
	begin((unsigned)_i);
	if (_i == WRIT_PROFILE_SERVER)
		ck_assert_int_eq(harness_do(&n, &p, PROBE_THREAD, 0), 0);
	else
		ck_assert_int_ne(harness_do(&n, &p, PROBE_THREAD, 0), 0);
	end();
}
END_TEST

START_TEST(limits_only_go_down)
{
	static const int fixed[] = { RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_DATA, RLIMIT_FSIZE,
		RLIMIT_STACK, RLIMIT_MEMLOCK };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	begin((unsigned)_i);
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		struct probe_req q = { .op = PROBE_CALL,
			.nr = SYS_prlimit64,
			.arg = { 0, (uint64_t)fixed[i] } };
		struct probe_rep r;

		memcpy(q.data, &all, sizeof(all));
		CALL(SYS_getpid, 0);
		q.arg[2] = p.scratch;
		ck_assert(harness_ask(&n, &p, &q, &r));
		ck_assert_int_eq(r.ret, -EPERM);
	}
	ck_assert_int_eq(CALL(SYS_prlimit64, 0, RLIMIT_CORE, p.scratch, 0), -FILTER_ERRNO);
	ck_assert_int_eq(CALL(SYS_prlimit64, 0, RLIMIT_CORE | UINT64_C(1) << 32, p.scratch, 0),
	    -FILTER_ERRNO);
	end();
}
END_TEST

START_TEST(nobody_executes)
{
	uint64_t image = (uint64_t)NEST_IMAGE_OF(_i);

	begin((unsigned)_i);
	for (uint64_t fd = 0; fd < 5; fd++)
		ck_assert_int_eq(CALL(SYS_execveat, fd, p.scratch, 0, 0, AT_EMPTY_PATH),
		    -FILTER_ERRNO);
	CALL(SYS_getpid, 0);
	ck_assert_int_eq(CALL(SYS_execveat, image, p.scratch, 0, 0, AT_EMPTY_PATH), -EBADF);
	ck_assert_int_eq(CALL(SYS_dup3, 3, image, 0), -EBADF);
	ck_assert_int_eq(CALL(SYS_dup3, 3, image - 1, 0), -FILTER_ERRNO);
	ck_assert_int_eq(CALL(SYS_execve, p.scratch), -FILTER_ERRNO);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_ENGULF, 0), 0);
	if (_i == WRIT_PROFILE_SERVER) {
		ck_assert_int_ge(CALL(SYS_memfd_create, p.scratch, 0), 0);
		ck_assert_int_eq(CALL(SYS_fcntl, 3, F_DUPFD_CLOEXEC, image), -EINVAL);
	}
	end();
}
END_TEST

static uint64_t limit_of(int resource)
{
	struct probe_req q = { .op = PROBE_CALL, .nr = SYS_prlimit64 };
	struct probe_rep r;
	struct rlimit l;

	CALL(SYS_getpid, 0);
	q.arg[1] = (uint64_t)resource;
	q.arg[3] = p.scratch;
	ck_assert(harness_ask(&n, &p, &q, &r));
	ck_assert_int_eq(r.ret, 0);
	memcpy(&l, r.data, sizeof(l));
	ck_assert_uint_eq(l.rlim_cur, l.rlim_max);
	return l.rlim_max;
}

/* A server has two doorbells for each of its clients. */
START_TEST(descriptors_are_bounded)
{
	int server = _i == WRIT_PROFILE_SERVER;
	uint64_t most = server ? NEST_SERVER_FDS : NEST_PROC_FDS;

	ck_assert_uint_lt(most, (uint64_t)NEST_IMAGE_OF(_i));
	begin((unsigned)_i);
	if (server) {
		ck_assert_int_eq(CALL(SYS_fcntl, 3, F_DUPFD_CLOEXEC, most), -EINVAL);
		ck_assert_int_eq(CALL(SYS_fcntl, 3, F_DUPFD_CLOEXEC, most - 1), (int64_t)most - 1);
	}
	ck_assert_uint_eq(limit_of(RLIMIT_NOFILE), most);
	end();
}
END_TEST

/* Doorbells are shared: who made one blocking would block its server. */
START_TEST(no_descriptor_becomes_blocking)
{
	int setfl = _i == WRIT_PROFILE_SERVER ? 0 : -FILTER_ERRNO;

	begin((unsigned)_i);
	ck_assert_int_eq(CALL(SYS_fcntl, 1, F_SETFL, 0), -FILTER_ERRNO);
	ck_assert_int_eq(CALL(SYS_fcntl, 1, F_SETFL, O_APPEND), -FILTER_ERRNO);
	ck_assert_int_eq(CALL(SYS_fcntl, 1, F_SETFL, O_NONBLOCK), setfl);
	end();
}
END_TEST

START_TEST(control_without_filter_a_descriptor_becomes_blocking)
{
	harness_skip = "filter";
	begin(WRIT_PROFILE_NATIVE);
	ck_assert_int_eq(CALL(SYS_fcntl, 1, F_SETFL, 0), 0);
	end();
}
END_TEST

/* RLIMIT_DATA doesn't count a stack, and mremap() would make it as long as one likes. */
static int64_t stretch(void)
{
	struct probe_req q = { .op = PROBE_STRETCH, .arg = { 256 << 20 } };
	struct probe_rep r;

	ck_assert(harness_ask(&n, &p, &q, &r));
	return r.ret;
}

START_TEST(no_stack_outgrows_its_limit)
{
	begin((unsigned)_i);
	ck_assert_int_eq(stretch(), -ENOSYS);
	end();
}
END_TEST

START_TEST(control_without_filter_a_stack_outgrows_its_limit)
{
	harness_skip = "filter";
	begin(WRIT_PROFILE_NATIVE);
	ck_assert_int_eq(stretch(), 0);
	end();
}
END_TEST

START_TEST(control_without_filter_memory_is_executable)
{
	harness_skip = "filter";
	begin(WRIT_PROFILE_NATIVE);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_ENGULF, 0), 3);
	end();
}
END_TEST

START_TEST(memory_is_bounded)
{
	struct nest_order o = harness_order("big");

	begin((unsigned)_i);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_TOUCH, 32 << 20), 0);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_TOUCH, 128 << 20), -ENOMEM);
	harness_end(&n, &p);
	o.memory = 256 << 20; /* control */
	p = harness_probe(&n, o, -1);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_TOUCH, 128 << 20), 0);
	harness_end(&n, &p);
	ck_assert_uint_gt(p.end.rss_max, 128 << 20);
	harness_fini(&n);
}
END_TEST

START_TEST(a_log_is_bounded)
{
	int log = memfd_create("log", MFD_CLOEXEC);
	struct nest_order o = harness_order("loud");
	struct stat st;

	n = harness_nest((unsigned)_i, "limits", UID);
	p = harness_probe(&n, o, log);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_FLOOD, 2 << 20), 1 << 20);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_FLOOD, 4096), -EFBIG);
	ck_assert_int_eq(fstat(log, &st), 0);
	ck_assert_int_eq(st.st_size, 1 << 20);
	harness_end(&n, &p);
	ck_assert_int_eq(p.end.code, 0);
	o = harness_order("loud");
	o.log_max = 4 << 20; /* control */
	ck_assert_int_eq(ftruncate(log, 0) | (int)lseek(log, 0, SEEK_SET), 0);
	p = harness_probe(&n, o, log);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_FLOOD, 2 << 20), 2 << 20);
	end();
	close(log);
}
END_TEST

TCase *limit_tests(void)
{
	TCase *t = tcase_create("limits");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, nobody_forks, 0, WRIT_PROFILE_N);
	tcase_add_test(t, the_limit_alone_stops_forks);
	tcase_add_loop_test(t, threads_only_in_server, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, limits_only_go_down, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, nobody_executes, 0, WRIT_PROFILE_N);
	tcase_add_test(t, control_without_filter_memory_is_executable);
	tcase_add_loop_test(t, descriptors_are_bounded, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, no_descriptor_becomes_blocking, 0, WRIT_PROFILE_N);
	tcase_add_test(t, control_without_filter_a_descriptor_becomes_blocking);
	tcase_add_loop_test(t, no_stack_outgrows_its_limit, 0, WRIT_PROFILE_N);
	tcase_add_test(t, control_without_filter_a_stack_outgrows_its_limit);
	tcase_add_loop_test(t, memory_is_bounded, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, a_log_is_bounded, 0, WRIT_PROFILE_N);
	return t;
}
