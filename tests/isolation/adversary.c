/* SPDX-License-Identifier: MIT */
/*
 * Adversaries that Writ has not written, in a realm's sandbox: they may do to
 * themselves what they like. Nobody else may notice: not the node, not other
 * processes, not the file system, not the log of Linux.
 *
 * They are dynamic programs that fork, so two things are not as for procs: their
 * root has /usr, read-only, and a folder to write to; and RLIMIT_NPROC is raised,
 * where their cgroup bounds them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "node.h"
#include "tests/isolation/without.h"
#include "tools/boot/group.h"
#include "traces.h"

#define SECS  4 /* of each; WRIT_ADVERSARY_SECS */
#define UID   TRACES_UID
#define GROUP "adversary" /* its cgroup */
#define ROOT  "/mnt"      /* where theirs is made */

static const char *tools; /* folder with the selftests and the shim */
static struct groups groups;
static bool made;

/* --- their root, in the place of the sandbox's step --- */

static int bind_read_only(const char *from, const char *to)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount_setattr(AT_FDCWD, to, AT_RECURSIVE, &ro, sizeof(ro)) < 0)
		return -errno;
	return 0;
}

static int add_devices(void)
{
	static const char *const names[] = { "null", "zero", "full", "urandom" };
	char from[32], to[32];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(from, sizeof(from), "/dev/%s", names[i]);
		snprintf(to, sizeof(to), ROOT "/dev/%s", names[i]);
		if (mknod(to, S_IFREG | 0600, 0) < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0)
			return -errno;
	}
	return 0;
}

static int step_root(struct sandbox *s)
{
	static const char *const folders[] = { "usr", "t", "tmp", "dev", "proc" };
	int r;

	(void)s;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", ROOT, "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=0755,size=64m,nr_inodes=8192") < 0 ||
	    chdir(ROOT) < 0)
		return -errno;
	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdir(folders[i], 0755) < 0)
			return -errno;
	if (symlink("usr/lib", "lib") < 0 || symlink("usr/lib64", "lib64") < 0 ||
	    symlink("usr/bin", "bin") < 0 ||
	    mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	if ((r = bind_read_only("/usr", ROOT "/usr")) < 0 ||
	    (r = bind_read_only(tools, ROOT "/t")) < 0 || (r = add_devices()) < 0)
		return r;
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/* --- a run --- */

/* CPU time that has been used in their cgroup, in ms. */
static unsigned long spent_ms(void)
{
	int fd = openat(groups.node[BOOT_V2], GROUP "/cpu.stat", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	unsigned long us = 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "usage_usec %lu", &us) == 1 ? us / 1000 : 0;
}

struct run {
	const char *name;
	const char *const *argv;
	bool shim;           /* behind the filter from its first fork on */
	unsigned long least; /* ms of CPU time without which it has done nothing */
	const char *says;    /* what it says when it has been at work; NULL: anything */
};

/* --- the first process of their nest: starts one, and reaps --- */

static const struct run *running;

static _Noreturn void become(int log)
{
	static char *plain[] = { (char *)"PATH=/usr/bin", (char *)"HOME=/tmp",
		(char *)"TMPDIR=/tmp", NULL };
	static char *shim[] = { (char *)"PATH=/usr/bin", (char *)"HOME=/tmp", (char *)"TMPDIR=/tmp",
		(char *)"LD_PRELOAD=/t/isolation-shim.so", NULL };
	sigset_t none;

	sigemptyset(&none);
	if (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 || chdir("/tmp") < 0 ||
	    nest_limit(RLIMIT_NPROC, 200) < 0 || nest_limit(RLIMIT_NOFILE, NEST_PROC_FDS) < 0 ||
	    nest_limit(RLIMIT_DATA, 512 << 20) < 0 || nest_limit(RLIMIT_FSIZE, 4 << 20) < 0 ||
	    close_range(NEST_SOCK_FD, ~0u, 0) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(126);
	execve(running->argv[0], (char **)running->argv, running->shim ? shim : plain);
	_exit(127);
}

/* One order, as the nest has them; its image is not used. */
static void serve(void)
{
	struct nest_order o;
	struct iovec iov = { &o, sizeof(o) };
	int fds[PACKET_FDS], status;
	struct rusage u;
	pid_t pid, got;

	if (packet_recv(NEST_SOCK_FD, &iov, 1, fds, 0) != sizeof(o))
		_exit(1);
	pid = fork();
	if (pid == 0)
		become(fds[2]);
	nest_send(NEST_SOCK_FD, &(struct nest_event){ .what = NEST_STARTED, .id = o.id },
	    (int)syscall(SYS_pidfd_open, pid, 0));
	while ((got = wait4(-1, &status, 0, &u)) > 0) {
		struct nest_event e = { .what = NEST_EXITED,
			.id = o.id,
			.code = status,
			.cpu_ns = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
			    (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u };

		if (got == pid)
			nest_send(NEST_SOCK_FD, &e, -1);
	}
	for (;;)
		pause();
}

/* A process in the sandbox of a realm, but for its root, the filter and Landlock. */
static struct subject enter(const struct run *r, int log)
{
	struct subject s = { .kind = SUBJECT_NEST, .puppet = { .dead = 1, .mem = -1 } };

	running = r;
	harness_skip = "filter landlock";
	without_root = step_root;
	without_loop = serve;
	s.nest = harness_nest_in(WRIT_PROFILE_NATIVE, "adversary", UID, GROUP);
	harness_skip = NULL;
	without_root = NULL;
	without_loop = NULL;
	s.probe = harness_probe(&s.nest, harness_order("adversary"), log);
	s.pid = s.probe.pid;
	return s;
}

static void verdict(const char *name, const struct others *before, bool ran, unsigned long spent,
    const char *end, const struct watch *w)
{
	struct traces t = traces_now(before);

	engine_say("adversaries", name,
	    ran && t.gone[0] == '\0' && w->rounds > 0 && w->lost == 0 && t.files == 0 &&
		t.processes == 0 && t.complaints == 0,
	    "%s%lu ms of CPU, %s; the bystander made %u rounds, the longest %.1f ms, %u refused; "
	    "%u files outside, %u processes left, %s gone, Linux complains %u times %s",
	    ran ? "" : "did not work: ", spent, end, w->rounds, w->worst_ms, w->lost, t.files,
	    t.processes, t.gone[0] != '\0' ? t.gone : "nobody", t.complaints, t.complaint);
}

/* Wait for its end; how that was is in @end. */
static bool ends_within(struct subject *s, int ms, char *end, size_t size)
{
	struct nest_event e = { 0 };
	int fd;

	for (; ms > 0; ms -= 20) {
		usleep(20000);
		if (nest_next(&s->nest, &e, &fd) != 1 || e.what != NEST_EXITED)
			continue;
		snprintf(end, size, "wait status %#x", (unsigned)e.code);
		return true;
	}
	return false;
}

/* Let it work for a while; it may end before, else it is asked to. Returns the CPU time it used. */
static unsigned long work(struct subject *s, int secs, char *end, size_t size)
{
	unsigned long before = spent_ms();

	snprintf(end, size, "killed after %d s", secs);
	if (!ends_within(s, secs * 1000, end, size)) {
		kill(s->pid, SIGINT);
		ends_within(s, harness_ms(1500), end, size);
	}
	return spent_ms() - before;
}

static bool has_said(int log, const char *words)
{
	static char text[65536];
	off_t end = lseek(log, 0, SEEK_END);
	ssize_t n = pread(log, text, sizeof(text) - 1, end > 65535 ? end - 65535 : 0);

	text[n > 0 ? n : 0] = '\0';
	return words == NULL ? n > 0 : strstr(text, words) != NULL;
}

static void run_one(const struct run *r, int secs)
{
	struct others before = others_now();
	int log = memfd_create("log", MFD_CLOEXEC);
	struct subject s = enter(r, log);
	unsigned long spent;
	char end[64];
	struct watch w;

	watch_begin();
	spent = work(&s, secs, end, sizeof(end));
	subject_free(&s);
	usleep(100000);
	w = watch_end();
	harness_tail(log);
	verdict(r->name, &before, spent >= r->least && has_said(log, r->says), spent, end, &w);
	close(log);
}

/* A static one in a whole sandbox, as any image is. */
static void run_whole(const char *name, const char *file, int secs)
{
	struct others before = others_now();
	int log = memfd_create("log", MFD_CLOEXEC), image;
	struct subject s = { .kind = SUBJECT_NEST };
	unsigned long spent;
	char path[512], end[64];
	struct watch w;

	snprintf(path, sizeof(path), "%s/%s", tools, file);
	image = harness_image_at(path);
	watch_begin();
	s.nest = harness_nest_in(WRIT_PROFILE_NATIVE, "adversary", UID, GROUP);
	s.probe = harness_start(&s.nest, harness_order("adversary"), image, log);
	close(image);
	s.pid = s.probe.pid;
	s.puppet = (struct puppet){ .dead = 1, .mem = -1 };
	spent = work(&s, secs, end, sizeof(end));
	subject_free(&s);
	usleep(100000);
	w = watch_end();
	harness_tail(log);
	close(log);
	verdict(name, &before, s.probe.end.what != NEST_FAILED, spent, end, &w);
}

/* --- all --- */

static void run_all(int secs)
{
	static char seed[24], number[24];
	static const char *const trinity[] = { "/usr/bin/trinity", "-q", "-l", "off", "-C4", number,
		"-s", seed, NULL };
	/* Int $0x80 is death, and the filter has no alarm() to end what sleeps. */
	static const char *const trinity64[] = { "/usr/bin/trinity", "-q", "-l", "off", "-C4",
		number, "-s", seed, "-a64", "-xpoll", "-xppoll", "-xepoll_wait", "-xepoll_pwait",
		"-xread", "-xreadv", "-xrecvmsg", "-xrecvfrom", "-xnanosleep", "-xclock_nanosleep",
		"-xfutex", "-xwait4", "-xexit_group", NULL };
	static const char *const stress[] = { "/usr/bin/stress-ng", "--random", "24", "--timeout",
		"60", "--seed", seed, "--temp-path", "/tmp", NULL };
	static const char *const seccomp[] = { "/t/seccomp_bpf", NULL };
	static const char *const base[] = { "/t/base_test", NULL };
	static const char *const fs[] = { "/t/fs_test", NULL };
	static const char *const trace[] = { "/t/ptrace_test", NULL };
	const struct run runs[] = {
		{ "trinity, its children behind the filter", trinity64, true, 50, "[child" },
		{ "trinity, no filter", trinity, false, 50, "[child" },
		{ "stress-ng, its stressors behind the filter", stress, true, 200, NULL },
		{ "stress-ng, no filter", stress, false, 200, NULL },
		{ "Linux's selftest of seccomp, no filter", seccomp, false, 0, "# Totals: " },
		{ "Linux's selftest of Landlock, base, no filter", base, false, 0, "# Totals: " },
		{ "Linux's selftest of Landlock, files, no filter", fs, false, 0, "# Totals: " },
		{ "Linux's selftest of Landlock, ptrace, no filter", trace, false, 0,
		    "# Totals: " },
	};

	snprintf(number, sizeof(number), "-N%d", secs * 500);
	snprintf(seed, sizeof(seed), "%u", (unsigned)(engine_seed() & 0x7fffffff));
	for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		run_one(&runs[i], secs);
	run_whole("Linux's selftest of seccomp, whole sandbox", "seccomp_bpf", secs);
	run_whole("Linux's selftest of Landlock, base, whole sandbox", "base_test", secs);
	run_whole("Linux's selftest of Landlock, files, whole sandbox", "fs_test", secs);
	run_whole("Linux's selftest of Landlock, ptrace, whole sandbox", "ptrace_test", secs);
}

void run_adversaries(const char *folder)
{
	const char *given = getenv("WRIT_ADVERSARY_SECS");
	int secs = harness_ms(given != NULL && atoi(given) > 0 ? atoi(given) : SECS), r;
	char name[64];

	tools = folder;
	snprintf(name, sizeof(name), "%sx", harness_node());
	r = groups_open(&groups, name);
	if (r < 0)
		harness_fail("cgroups: %s", strerror(-r));
	cgroup_init(groups.node, groups.v2_has);
	r = cgroup_make(GROUP, 768 << 20, 1000, 250);
	if (r < 0)
		harness_fail("cgroup: %s", strerror(-r));
	made = true;
	traces_controls();
	run_all(secs);
}

void end_adversaries(void)
{
	if (!made)
		return;
	groups_remove(&groups);
	groups_close(&groups);
}
