/* SPDX-License-Identifier: MIT */
/*
 * What a proc sees and holds, looked at from the host through /proc. One survey
 * for all; it finds nothing amiss in a whole sandbox and something amiss
 * wherever one step is left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "tests.h"

#define REALM "view"
#define UID   200010

/* Entries of the directory @path other than "." and "..", as "a b c"; "-" when it can't be read. */
static const char *entries(const char *path)
{
	static char text[1024];
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", n < 0 ? "-" : "");

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
			    len > 0 ? " " : "", name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return text;
}

static const char *proc_path(pid_t pid, const char *rest)
{
	static char path[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, rest);
	return path;
}

/* Run @look inside the namespace @ns of @pid; returns what it returns (0..255). */
static int inside(pid_t pid, const char *ns, int (*look)(void))
{
	int status, fd = open(proc_path(pid, ns), O_RDONLY | O_CLOEXEC);
	pid_t child;

	ck_assert_int_ge(fd, 0);
	child = fork();
	if (child == 0)
		_exit(setns(fd, 0) < 0 ? 255 : look());
	close(fd);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static int hostname_is_realm(void)
{
	char name[65] = "";

	return gethostname(name, sizeof(name) - 1) == 0 && strcmp(name, REALM) == 0;
}

/* 1 when there is one interface and it is lo and down */
static int net_is_dead(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct if_nameindex *all = if_nameindex();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return all != NULL && all[0].if_index != 0 && strcmp(all[0].if_name, "lo") == 0 &&
	    all[1].if_index == 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP) == 0;
}

static int root_is_read_only(pid_t pid)
{
	return mkdir(proc_path(pid, "root/x"), 0700) < 0 && errno == EROFS;
}

static int namespaces_differ(pid_t pid)
{
	static const char *const all[] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" };
	int n = 0;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct stat a, b;
		char rest[16];

		snprintf(rest, sizeof(rest), "ns/%s", all[i]);
		ck_assert_int_eq(stat(proc_path(pid, rest), &a), 0);
		ck_assert_int_eq(stat(proc_path(getpid(), rest), &b), 0);
		n += a.st_ino != b.st_ino;
	}
	return n == sizeof(all) / sizeof(all[0]);
}

static int status_is(pid_t pid, const char *key, const char *value)
{
	const char *v = harness_proc(pid, "status", key);

	return v != NULL && strcmp(v, value) == 0;
}

static int no_capability(pid_t pid)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	int n = 0;

	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		n += status_is(pid, sets[i], "0000000000000000");
	return n == sizeof(sets) / sizeof(sets[0]);
}

static int limit_is(pid_t pid, const char *name, const char *value)
{
	char line[256];
	FILE *f = fopen(proc_path(pid, "limits"), "re");
	int found = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			found = strncmp(line + 26, value, strlen(value)) == 0;
	fclose(f);
	return found;
}

/* What is amiss with @pid, first thing found, or NULL. */
static const char *amiss(pid_t pid)
{
	char uids[64];

	snprintf(uids, sizeof(uids), "%d\t%d\t%d\t%d", UID, UID, UID, UID);
	if (!status_is(pid, "Uid", uids) || !status_is(pid, "Gid", uids) ||
	    !status_is(pid, "Groups", ""))
		return "ids";
	if (!no_capability(pid))
		return "caps";
	if (!status_is(pid, "NoNewPrivs", "1"))
		return "no_new_privs";
	if (!status_is(pid, "SigIgn", "0000000001000000")) /* SIGXFSZ */
		return "signals";
	if (!status_is(pid, "Seccomp", "2"))
		return "filter";
	if (strcmp(entries(proc_path(pid, "root")), "") != 0 || !root_is_read_only(pid))
		return "root";
	if (!inside(pid, "ns/uts", hostname_is_realm))
		return "hostname";
	if (!limit_is(pid, "Max core file size", "0 ") || !limit_is(pid, "Max locked memory", "0 "))
		return "limits";
	if (!namespaces_differ(pid) || !inside(pid, "ns/net", net_is_dead))
		return "namespaces";
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
	ck_assert_str_eq(entries(proc_path(p.pid, "fd")), "0 1 2 3");
	ck_assert_int_eq(harness_do(&n, &p, PROBE_ENVIRON, 0), 0);
	ck_assert_int_eq(harness_do(&n, &p, PROBE_ARGC, 0), 1);
	ck_assert_str_eq(entries(proc_path(n.pid, "fd")), "0 1 2 3 4");
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
	ck_assert_int_eq(stat(proc_path(p.pid, "ns/pid"), &x), 0);
	ck_assert_int_eq(stat(proc_path(q.pid, "ns/pid"), &y), 0);
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
