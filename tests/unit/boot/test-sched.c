// SPDX-License-Identifier: MIT
/*
 * Telemetry against what Linux itself says: /proc/PID/schedstat and status of
 * processes that compute, sleep, run threads, are pushed off their CPU, and die. A
 * process is looked at as a zombie: Linux then still has its numbers.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/tables.skel.h"
#include "tests/unit/boot/telemetry.h"

enum { PID = 7, REALM = 3 };

static struct telemetry *t;

static void setup(void)
{
	t = telemetry_new();
	ck_assert_msg(t != NULL, "needs root and BTF: %s", strerror(errno));
	ck_assert_int_eq(telemetry_on(t), 0);
}

static void teardown(void)
{
	telemetry_free(t);
}

/* How much slower than usual this machine is. */
static uint64_t scale(void)
{
	const char *said_so = getenv("WRIT_TEST_SCALE");

	return said_so != NULL ? strtoull(said_so, NULL, 10) : 1;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void compute(int64_t ns)
{
	for (int64_t end = now() + ns; now() < end;)
		;
}

static void nap(int64_t ns)
{
	nanosleep(&(struct timespec){ ns / 1000000000, ns % 1000000000 }, NULL);
}

/* A managed child that runs @work once it is. */
static pid_t start(void (*work)(void), uint32_t pid, uint32_t realm, enum writ_class class)
{
	int go[2];
	pid_t child;
	char c;

	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		work();
		_exit(0);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(telemetry_manage(t, child, pid, realm, class), 0);
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	close(go[0]);
	close(go[1]);
	return child;
}

/* What Linux says of a process or zombie. */
struct said {
	unsigned long long cpu, wait, slices, sleeps, preemptions;
};

static struct said said(pid_t pid, pid_t tid)
{
	struct said s = { 0 };
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%llu %llu %llu", &s.cpu, &s.wait, &s.slices), 3);
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		sscanf(line, "voluntary_ctxt_switches: %llu", &s.sleeps);
		sscanf(line, "nonvoluntary_ctxt_switches: %llu", &s.preemptions);
	}
	fclose(f);
	return s;
}

static struct sched_row row(uint32_t pid, uint32_t realm)
{
	struct sched_key key = { pid, realm };
	struct sched_row r;

	ck_assert_msg(bpf_map_lookup_elem(telemetry_map(t, "sched"), &key, &r) == 0, "no row of %u",
	    pid);
	return r;
}

static struct sched_counts realm_row(uint32_t realm, enum writ_class class)
{
	struct sched_realm_key key = { .realm = realm, .class = (uint8_t) class };
	struct sched_realm_row r;

	ck_assert_int_eq(bpf_map_lookup_elem(telemetry_map(t, "sched_realm"), &key, &r), 0);
	return r.n;
}

static void close_to(const char *what, uint64_t ours, uint64_t linuxs, uint64_t slack)
{
	uint64_t off = ours > linuxs ? ours - linuxs : linuxs - ours;

	ck_assert_msg(off <= slack + linuxs / 50, "%s: %llu, Linux says %llu", what,
	    (unsigned long long)ours, (unsigned long long)linuxs);
}

static void agrees(const struct sched_counts *n, const struct said *s)
{
	close_to("cpu", n->cpu_ns, s->cpu, 100000);
	close_to("wait", n->wait_ns, s->wait, 100000);
	close_to("slices", n->slices, s->slices, 1);
	close_to("sleeps", n->sleeps, s->sleeps, 1);
	close_to("preemptions", n->preemptions, s->preemptions, 1);
}

/* Let @child end; compare; reap it. Returns its row. */
static struct sched_row ends(pid_t child)
{
	siginfo_t info;
	struct said s;
	struct sched_row r;

	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	nap(20000000); /* a zombie may be on its CPU for a moment */
	s = said(child, child);
	r = row(PID, REALM);
	agrees(&r.n, &s);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(r.ended, 1);
	ck_assert_str_eq(r.name, "tested");
	return r;
}

static void work_computes(void)
{
	on_cpu(0);
	compute(300000000);
}

START_TEST(who_computes)
{
	struct sched_row r = ends(start(work_computes, PID, REALM, WRIT_CLASS_LC));
	struct sched_counts all = realm_row(REALM, WRIT_CLASS_LC);

	ck_assert_uint_ge(r.n.cpu_ns, 10000000);
	ck_assert_int_eq(memcmp(&all, &r.n, sizeof(all)), 0);
	ck_assert_int_eq(r.class, CLASS_LC);
}
END_TEST

static void work_sleeps(void)
{
	for (int i = 0; i < 200; i++) {
		nap(1000000);
		compute(200000);
	}
}

START_TEST(who_sleeps)
{
	struct sched_row r = ends(start(work_sleeps, PID, REALM, WRIT_CLASS_BE));

	ck_assert_uint_ge(r.n.sleeps, 180); /* one that was late to sleep does without */
	ck_assert_uint_eq(r.n.gate_sleeps + r.n.ring_sleeps + r.n.mailbox_sleeps, 0);
}
END_TEST

static void work_faults(void)
{
	size_t n = 4096 * 1000;
	volatile char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);

	ck_assert_int_eq(madvise((void *)p, n, MADV_NOHUGEPAGE), 0);
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
}

START_TEST(who_faults)
{
	struct sched_row r = ends(start(work_faults, PID, REALM, WRIT_CLASS_BE));

	ck_assert_uint_ge(r.n.minor_faults, 1000);
	ck_assert_uint_le(r.n.minor_faults, 2000);
}
END_TEST

enum { THREADS = 8 };
static int done[2], leave[2];

static void *work_thread(void *arg)
{
	char c = 0;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		compute(2000000);
		nap(1000000);
	}
	ck_assert_int_eq(write(done[1], &c, 1), 1);
	ck_assert_int_eq(read(leave[0], &c, 1), 1);
	return NULL;
}

static void work_threads(void)
{
	pthread_t v[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&v[i], NULL, work_thread, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(v[i], NULL);
}

/* What Linux says of all threads of @child, which sleep. */
static struct said said_of_threads(pid_t child)
{
	struct said sum = { 0 };
	char path[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", child);
	d = opendir(path);
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL) {
		struct said s;

		if (e->d_name[0] == '.')
			continue;
		s = said(child, atoi(e->d_name));
		sum.cpu += s.cpu;
		sum.wait += s.wait;
		sum.slices += s.slices;
		sum.sleeps += s.sleeps;
		sum.preemptions += s.preemptions;
	}
	closedir(d);
	return sum;
}

START_TEST(whose_threads_work)
{
	struct rusage u;
	struct said s;
	struct sched_row r;
	pid_t child;
	int status;
	char c[THREADS] = { 0 };

	ck_assert_int_eq(pipe2(done, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(leave, O_CLOEXEC), 0);
	child = start(work_threads, PID, REALM, WRIT_CLASS_BE);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(read(done[0], c, 1), 1);
	nap(100000000); /* all sleep */
	ck_assert_int_eq(telemetry_fresh(t), 0);
	r = row(PID, REALM);
	s = said_of_threads(child);
	agrees(&r.n, &s);
	ck_assert_int_eq(write(leave[1], c, THREADS), THREADS);
	ck_assert_int_eq(wait4(child, &status, 0, &u), child);
	ck_assert_int_eq(status, 0);
	nap(20000000);
	r = row(PID, REALM);
	close_to("cpu", r.n.cpu_ns,
	    (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
		(uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000,
	    1000000 * scale());
	close_to("sleeps", r.n.sleeps, (uint64_t)u.ru_nvcsw, 2 * THREADS);
	ck_assert_int_eq(r.ended, 1);
}
END_TEST

static void work_for_ever(void)
{
	on_cpu(0);
	for (;;)
		;
}

START_TEST(who_is_on_the_cpu_all_the_time_is_seen_when_looked_at)
{
	pid_t child = start(work_for_ever, PID, REALM, WRIT_CLASS_BE);
	struct sched_row r;
	struct said s;

	for (int i = 0; i < 3; i++) {
		struct said before;

		nap(100000000);
		before = said(child, child);
		ck_assert_int_eq(telemetry_fresh(t), 0);
		r = row(PID, REALM);
		s = said(child, child);
		/* a tick is what Linux itself may be late by */
		ck_assert_uint_ge(r.n.cpu_ns + 10000000, before.cpu);
		ck_assert_uint_le(r.n.cpu_ns, s.cpu + 10000000);
	}
	kill(child, SIGKILL);
	ends(child);
}
END_TEST

/* Lets another go on, which may be anybody's; but then both are here to be switched between. */
static void work_and_yield(void)
{
	on_cpu(0);
	for (;;)
		sched_yield();
}

START_TEST(who_takes_the_cpu_from_whom)
{
	pid_t lc = start(work_and_yield, PID, REALM, WRIT_CLASS_LC);
	pid_t be = start(work_and_yield, PID + 1, REALM + 1, WRIT_CLASS_BE);
	struct sched_preempt_key key = { .realm = REALM,
		.by_realm = REALM + 1,
		.class = CLASS_LC,
		.by = BY_BE };
	struct sched_row r, other;
	uint64_t count;

	nap(500000000);
	kill(lc, SIGKILL);
	kill(be, SIGKILL);
	r = ends(lc);
	ck_assert_int_eq(waitpid(be, NULL, 0), be);
	other = row(PID + 1, REALM + 1);
	ck_assert_uint_ge(r.n.preemptions, 10);
	ck_assert_uint_ge(r.n.by_be, 10);
	ck_assert_uint_ge(other.n.by_lc, 10);
	/* Linux also counts what was before anybody looked */
	close_to("by whom", r.n.by_lc + r.n.by_be + r.n.by_others, r.n.preemptions, 5);
	ck_assert_int_eq(bpf_map_lookup_elem(telemetry_map(t, "preempts"), &key, &count), 0);
	ck_assert_uint_eq(count, r.n.by_be);
}
END_TEST

static int bell, gate[2], set;
static struct pollfd polled[3] = { { .events = POLLIN }, { .fd = -1 },
	{ .fd = WRIT_GATE_FD, .events = POLLIN } };

/* As libsys waits: chan.c, mbox.c, gate.c. */
static void wait_ring(void)
{
	ppoll(polled, 3, &(struct timespec){ 0, 1000000 }, NULL);
}

static void wait_mailbox(void)
{
	struct epoll_event e;

	epoll_wait(set, &e, 1, 1);
}

static void wait_gate(void)
{
	poll(polled + 2, 1, 1);
}

static void wait_answer(void)
{
	char c;

	recv(WRIT_GATE_FD, &c, 1, 0);
}

static long switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw;
}

/* One whose time is over before Linux has it sleep has not slept. */
static void sleep_in(void (*wait)(void))
{
	long before = switches();

	do
		wait();
	while (switches() == before);
}

static void work_waits(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct timeval tv = { 0, 1000 };

	dup2(gate[0], WRIT_GATE_FD);
	set = epoll_create1(0);
	epoll_ctl(set, EPOLL_CTL_ADD, bell, &e);
	setsockopt(WRIT_GATE_FD, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	for (int i = 0; i < 30; i++) {
		sleep_in(wait_ring);
		if (i < 20)
			sleep_in(wait_mailbox);
		if (i < 10)
			sleep_in(wait_gate);
		if (i < 5)
			sleep_in(wait_answer);
	}
}

START_TEST(what_is_waited_for)
{
	struct sched_row r;

	bell = polled[0].fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_gt(bell, WRIT_GATE_FD);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, gate), 0);
	r = ends(start(work_waits, PID, REALM, WRIT_CLASS_BE));
	ck_assert_uint_eq(r.n.ring_sleeps, 30);
	ck_assert_uint_eq(r.n.mailbox_sleeps, 20);
	ck_assert_uint_eq(r.n.gate_sleeps, 15);
}
END_TEST

static void work_calls(void)
{
	for (int i = 0; i < 1234; i++)
		syscall(SYS_getppid);
}

START_TEST(calls_by_number)
{
	struct sched_key key = { PID, REALM };
	struct sched_realm_key realm = { .realm = REALM, .class = CLASS_BE };
	struct sched_calls c;

	ck_assert_int_eq(telemetry_calls(t), 0);
	ends(start(work_calls, PID, REALM, WRIT_CLASS_BE));
	ck_assert_int_eq(bpf_map_lookup_elem(telemetry_map(t, "calls_seen"), &key, &c), 0);
	ck_assert_uint_eq(c.getppid, 1234);
	ck_assert_uint_eq(c.exit_group, 1);
	ck_assert_uint_eq(c.mkdir, 0);
	ck_assert_int_eq(bpf_map_lookup_elem(telemetry_map(t, "calls_realm"), &realm, &c), 0);
	ck_assert_uint_eq(c.getppid, 1234);
}
END_TEST

static uint64_t hist_sum(const char *map, int from, int to)
{
	struct sched_key key = { PID, REALM };
	union {
		struct sched_hist h;
		uint64_t slot[SCHED_SLOTS_N];
	} h;
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(telemetry_map(t, map), &key, &h) != 0)
		return 0;
	for (int i = from; i < to; i++)
		sum += h.slot[i];
	return sum;
}

START_TEST(histograms_when_they_are_asked_for)
{
	pid_t child = start(work_sleeps, PID + 1, REALM, WRIT_CLASS_BE);
	struct sched_key key;
	struct sched_row r;

	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_ne(bpf_map_get_next_key(telemetry_map(t, "wait_hist"), NULL, &key), 0);
	ck_assert_int_ne(bpf_map_get_next_key(telemetry_map(t, "offcpu_hist"), NULL, &key), 0);
	telemetry_trace(t, GUARD_TRACE_HISTOGRAMS | GUARD_TRACE_OFFCPU);
	r = ends(start(work_sleeps, PID, REALM, WRIT_CLASS_BE));
	close_to("waits", hist_sum("wait_hist", 0, SCHED_SLOTS_N), r.n.slices, 2);
	/* 1 ms each: from 1024 us on, or in the slot before when the clocks differ a little */
	ck_assert_uint_ge(hist_sum("offcpu_hist", 10, SCHED_SLOTS_N), 190);
}
END_TEST

static void work_nothing(void) {}

START_TEST(the_ended_make_room)
{
	struct sched_key key, *prev = NULL;
	int n = 0, others = 0;

	start(work_nothing, 1, REALM + 1, WRIT_CLASS_BE);
	for (uint32_t i = 1; i <= 3 * SCHED_ENDED; i++) {
		pid_t child = start(work_nothing, 10 + i, REALM, WRIT_CLASS_BE);

		ck_assert_int_eq(waitpid(child, NULL, 0), child);
	}
	while (bpf_map_get_next_key(telemetry_map(t, "sched"), prev, &key) == 0) {
		prev = &key;
		n += key.realm == REALM;
		others += key.realm == REALM + 1;
	}
	ck_assert_int_eq(n, SCHED_ENDED);
	ck_assert_int_eq(others, 1);
	ck_assert_uint_ge(realm_row(REALM, WRIT_CLASS_BE).slices, 3 * SCHED_ENDED);
}
END_TEST

static void work_is_nobodys(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

START_TEST(nobody_elses_processes_are_counted)
{
	struct sched_key key;

	work_is_nobodys();
	ck_assert_int_eq(telemetry_fresh(t), 0);
	ck_assert_int_ne(bpf_map_get_next_key(telemetry_map(t, "sched"), NULL, &key), 0);
}
END_TEST

START_TEST(the_tables_load)
{
	size_t size;
	const void *bytes = tables_bpf__elf_bytes(&size);
	struct bpf_object *o = bpf_object__open_mem(bytes, size, NULL);

	ck_assert_ptr_nonnull(o);
	ck_assert_int_eq(bpf_object__load(o), 0);
	bpf_object__close(o);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sched");
	TCase *tc = tcase_create("sched");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, who_computes);
	tcase_add_test(tc, who_sleeps);
	tcase_add_test(tc, who_faults);
	tcase_add_test(tc, whose_threads_work);
	tcase_add_test(tc, who_is_on_the_cpu_all_the_time_is_seen_when_looked_at);
	tcase_add_test(tc, who_takes_the_cpu_from_whom);
	tcase_add_test(tc, what_is_waited_for);
	tcase_add_test(tc, calls_by_number);
	tcase_add_test(tc, histograms_when_they_are_asked_for);
	tcase_add_test(tc, the_ended_make_room);
	tcase_add_test(tc, nobody_elses_processes_are_counted);
	tcase_add_test(tc, the_tables_load);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
