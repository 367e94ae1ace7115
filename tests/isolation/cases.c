/* SPDX-License-Identifier: MIT */
/*
 * Every system call number, every socket family, other's sockets; and what is seen
 * from outside.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "tests/isolation/oracle.h"

#define NR_LAST 600
/* what, what stops it, what its control leaves out, the attempt; more by name */
#define CASE(n, l, w, a, ...) \
	{ \
		.name = n, .layers = l, .without = w, .attempt = a, ##__VA_ARGS__ \
	}
#define X32_BIT 0x40000000u
#define DEATHS  64 /* at once */

/* --- calls --- */

/* Calls that don't come back, and two (uprobes' trampolines) that Linux lets pass every filter. */
static bool left_out(uint32_t nr, bool control)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_rt_sigreturn || nr == 335 ||
	    nr == 336 || (control && (nr == SYS_pause || nr == SYS_sync));
}

static bool as_the_table_says(enum verdict v, int64_t ret)
{
	switch (v) {
	case REFUSED: return ret == -FILTER_ERRNO;
	case ABSENT: return ret == -ENOSYS;
	case ALLOWED: return ret != -FILTER_ERRNO && ret != -ENOSYS;
	}
	return false;
}

/* Every number with all bits of its arguments set: what isn't as the table says got through. */
static void attempt_numbers(struct subject *s, const struct icase *c, struct finding *f)
{
	bool control = strcmp(s->name, "control") == 0;

	(void)c;
	for (uint32_t nr = 0; nr <= NR_LAST; nr++) {
		uint64_t arg[6];
		enum verdict v;
		int64_t ret;
		char what[32];

		memset(arg, 0xff, sizeof(arg));
		if (nr == SYS_futex)
			arg[1] = 0; /* an operation that there is */
		if (left_out(nr, control))
			continue;
		v = oracle(s->profile, nr, arg);
		ret = subject_call(s, nr, arg);
		snprintf(what, sizeof(what), "call %u", nr);
		if (as_the_table_says(v, ret))
			f->tried++;
		else
			finding_note(f, what, ret, ret < 0 ? (int)-ret : 0);
		if (s->puppet.dead)
			break;
	}
}

/* A call in each of @count fresh probes, from @from on, which should be the death of it. */
static void die_together(struct subject *s, bool x32, uint32_t from, unsigned count, uint32_t step,
    struct finding *f)
{
	struct probe p[DEATHS];
	int image = harness_image("isolation-probe"), fd;

	for (unsigned i = 0; i < count; i++)
		p[i] = harness_start(&s->nest, harness_order("probe"), image, -1);
	close(image);
	for (unsigned i = 0; i < count; i++) {
		uint32_t nr = from + i * step;
		struct probe_req q = { .op = x32 ? PROBE_CALL : PROBE_CALL32,
			.nr = x32 ? nr | X32_BIT : nr };

		send(p[i].gate, &q, sizeof(q), MSG_NOSIGNAL);
		close(p[i].gate); /* who survives ends well */
		close(p[i].pidfd);
	}
	for (unsigned i = 0; i < count; i++) {
		struct nest_event e = { 0 };
		char what[32];

		if (harness_event(&s->nest, &e, &fd) != 1 || e.what != NEST_EXITED)
			harness_fail("a probe's end is not told of");
		snprintf(what, sizeof(what), "call %u", from + (e.id - p[0].id) * step);
		finding_note(f, what,
		    WIFSIGNALED(e.code) && WTERMSIG(e.code) == SIGSYS ? -ECANCELED : 0, 0);
	}
}

/* Each is a death of its own, and a line in the log of Linux: fewer where that is slow. */
static void attempt_abi(struct subject *s, const struct icase *c, struct finding *f)
{
	bool x32 = strcmp(c->arg, "x32") == 0;
	uint32_t step = (uint32_t)(harness_ms(1) * harness_ms(1));

	/* without the filter some would fork: 20 is getpid, or writev of what isn't there */
	if (strcmp(s->name, "control") == 0) {
		die_together(s, x32, 20, 1, 1, f);
		return;
	}
	for (uint32_t nr = 0; nr <= NR_LAST; nr += DEATHS * step) {
		unsigned left = (NR_LAST - nr) / step + 1;

		die_together(s, x32, nr, left < DEATHS ? left : DEATHS, step, f);
	}
}

/* --- sockets --- */

static struct sockaddr_un by_path = { .sun_family = AF_UNIX }, by_name = { .sun_family = AF_UNIX },
			  by_packet = { .sun_family = AF_UNIX };
static struct sockaddr_in by_port = { .sin_family = AF_INET };

static void listener(const void *a, socklen_t len, int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, a, len) < 0 || (type == SOCK_STREAM && listen(fd, 128) < 0))
		harness_fail("a socket of the suite's own: %s", strerror(errno));
	if (family == AF_INET)
		getsockname(fd, (struct sockaddr *)&by_port, &len);
	else if (by_path.sun_path == ((const struct sockaddr_un *)a)->sun_path)
		chmod(by_path.sun_path, 0777);
}

void sockets_open(const char *dir)
{
	snprintf(by_path.sun_path, sizeof(by_path.sun_path), "%s/socket", dir);
	snprintf(by_name.sun_path + 1, sizeof(by_name.sun_path) - 1, "writ-isolation-%d",
	    (int)getpid());
	snprintf(by_packet.sun_path + 1, sizeof(by_packet.sun_path) - 1, "writ-isolation-%d.packet",
	    (int)getpid());
	by_port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener(&by_path, sizeof(by_path), AF_UNIX, SOCK_STREAM);
	listener(&by_name, sizeof(by_name), AF_UNIX, SOCK_STREAM);
	listener(&by_packet, sizeof(by_packet), AF_UNIX, SOCK_DGRAM);
	listener(&by_port, sizeof(by_port), AF_INET, SOCK_STREAM);
}

/* Every family, three types; in server AF_UNIX is allowed. */
static void attempt_sockets(struct subject *s, const struct icase *c, struct finding *f)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };

	(void)c;
	for (unsigned i = 0; i < 64 * 3; i++) {
		uint64_t family = i / 3, type = (uint64_t)types[i % 3];
		bool allowed = s->profile == WRIT_PROFILE_SERVER && family == AF_UNIX;
		int64_t ret = CALL(s, SYS_socket, family, type, 0);
		char what[32];

		snprintf(what, sizeof(what), "family %u", (unsigned)family);
		if (ret >= 0)
			CALL(s, SYS_close, (uint64_t)ret);
		if (!allowed)
			finding_note(f, what, ret, 0);
		ret = CALL(s, SYS_socketpair, family, type, 0, s->puppet.buf);
		finding_note(f, what, ret, 0);
	}
}

/* socket() and connect(); 0 or the first's error. */
static int64_t reach(struct subject *s, int family, int type, const void *a, size_t len)
{
	int64_t fd = CALL(s, SYS_socket, (uint64_t)family, (uint64_t)type, 0), ret;

	if (fd < 0)
		return fd;
	ret = CALL(s, SYS_connect, (uint64_t)fd, puppet_put(&s->puppet, 0, a, len), len);
	CALL(s, SYS_close, (uint64_t)fd);
	return ret;
}

static void attempt_path(struct subject *s, const struct icase *c, struct finding *f)
{
	(void)c;
	finding_note(f, "by its path", reach(s, AF_UNIX, SOCK_STREAM, &by_path, sizeof(by_path)),
	    0);
}

static void attempt_abstract(struct subject *s, const struct icase *c, struct finding *f)
{
	(void)c;
	finding_note(f, "by its name", reach(s, AF_UNIX, SOCK_STREAM, &by_name, sizeof(by_name)),
	    0);
}

/* Without a connection: the packet, which brings a descriptor, names whom it is for. */
static void attempt_pass(struct subject *s, const struct icase *c, struct finding *f)
{
	struct {
		struct msghdr m;
		struct iovec v;
		union {
			struct cmsghdr h;
			char room[CMSG_SPACE(sizeof(int))];
		} control;
		struct sockaddr_un to;
	} x = { .to = by_packet };
	uint64_t at = s->puppet.buf;
	int64_t fd = CALL(s, SYS_socket, AF_UNIX, SOCK_DGRAM, 0), ret = fd;

#define PLACE(member) ((void *)(uintptr_t)(at + offsetof(__typeof__(x), member)))
	x.m = (struct msghdr){ PLACE(to), sizeof(x.to), PLACE(v), 1, PLACE(control),
		sizeof(x.control), 0 };
	x.v = (struct iovec){ PLACE(v), 1 };
	x.control.h = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&x.control.h), &(int){ (int)fd }, sizeof(int));
	(void)c;
	if (fd >= 0) {
		puppet_put(&s->puppet, 0, &x, sizeof(x));
		ret = CALL(s, SYS_sendmsg, (uint64_t)fd, at, 0);
		CALL(s, SYS_close, (uint64_t)fd);
	}
	finding_note(f, "its own socket", ret, 0);
}

static void attempt_port(struct subject *s, const struct icase *c, struct finding *f)
{
	(void)c;
	finding_note(f, "127.0.0.1", reach(s, AF_INET, SOCK_STREAM, &by_port, sizeof(by_port)), 0);
}

static void attempt_vsock(struct subject *s, const struct icase *c, struct finding *f)
{
	(void)c;
	finding_note(f, "AF_VSOCK", CALL(s, SYS_socket, AF_VSOCK, SOCK_STREAM, 0), 0);
}

/* Every unix socket that has a name on this machine, /run/writ's among them. */
static void attempt_all_sockets(struct subject *s, const struct icase *c, struct finding *f)
{
	FILE *list = fopen("/proc/net/unix", "re");
	char line[512];

	(void)c;
	while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		char name[sizeof(a.sun_path)] = "";
		unsigned type = 0;
		size_t len;

		if (sscanf(line, "%*s %*s %*s %*s %x %*s %*s %107s", &type, name) != 2)
			continue;
		len = strlen(name);
		memcpy(a.sun_path, name, len);
		if (name[0] == '@')
			a.sun_path[0] = '\0';
		finding_note(f, name,
		    reach(s, AF_UNIX, (int)type, &a, offsetof(struct sockaddr_un, sun_path) + len),
		    0);
	}
	if (list != NULL)
		fclose(list);
}

/* clang-format off */
const struct icase call_cases[] = {
	CASE("every call number is as the table says", "seccomp", "filter", attempt_numbers, .flags = CASE_BREAKS),
	CASE("int $0x80 is death", "seccomp", "filter", attempt_abi, .arg = "i386", .flags = CASE_BREAKS | CASE_NEST_ONLY),
	CASE("an x32 call is death", "seccomp", "filter", attempt_abi, .arg = "x32", .flags = CASE_BREAKS | CASE_NEST_ONLY),
	CASE("every socket family, three types", "seccomp", "filter landlock", attempt_sockets),
	CASE("vsock", "seccomp", BARE, attempt_vsock),
	CASE("a port of somebody else's", "seccomp, network namespace, Landlock", BARE, attempt_port),
	CASE("a socket of somebody else's, by path", "root, seccomp", BARE, attempt_path),
	CASE("a socket of somebody else's, abstract", "network namespace, seccomp, Landlock", BARE, attempt_abstract),
	CASE("a descriptor to a socket of somebody else's", "network namespace, seccomp, Landlock", BARE, attempt_pass),
	CASE("every socket of this machine that has a name", "root, network namespace, seccomp, Landlock", BARE, attempt_all_sockets),
};
/* clang-format on */
const unsigned ncall_cases = sizeof(call_cases) / sizeof(call_cases[0]);

/* --- from outside --- */

static void attempt_aspect(struct subject *s, const struct icase *c, struct finding *f)
{
	const struct survey_aspect *a = NULL;

	for (unsigned i = 0; i < survey_naspects; i++)
		if (strcmp(survey_aspects[i].step, c->arg) == 0)
			a = &survey_aspects[i];
	finding_note(f, "it has not", a != NULL && a->fine(s->pid, &s->want) ? -ECANCELED : 0, 0);
}

/* Of the programs's environment, and arguments that name the host. */
static void attempt_environment(struct subject *s, const struct icase *c, struct finding *f)
{
	FILE *e = fopen(survey_path(s->pid, "environ"), "re");
	int first = e != NULL ? fgetc(e) : 0;

	(void)c;
	if (e != NULL)
		fclose(e);
	finding_note(f, "it has one", first == EOF ? -ECANCELED : 0, 0);
}

static void attempt_mounts(struct subject *s, const struct icase *c, struct finding *f)
{
	FILE *m = fopen(survey_path(s->pid, "mountinfo"), "re");
	char line[512], at[256] = "", opts[128] = "";
	int n = 0;

	(void)c;
	while (m != NULL && fgets(line, sizeof(line), m) != NULL) {
		n++;
		sscanf(line, "%*s %*s %*s %*s %255s %127s", at, opts);
		if (strcmp(at, "/") != 0 || strncmp(opts, "ro,nosuid,nodev,noexec", 22) != 0)
			finding_note(f, at, 0, 0);
	}
	if (m != NULL)
		fclose(m);
	finding_note(f, "mounts", n == 1 ? -ECANCELED : 0, 0);
}

/* Is this one of what a proc may hold: its gate, its log, memory, and what it makes itself? */
static bool declared(const struct subject *s, int fd, const char *what)
{
	static const char *const fine[] = { "/dev/null", "/memfd:", "anon_inode:[eventpoll]",
		"anon_inode:[eventfd]", "/var/log/writ/" };

	for (unsigned i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (strncmp(what, fine[i], strlen(fine[i])) == 0)
			return true;
	if (strcmp(what, "/null") == 0) /* as it is called when the mount it lies on is gone */
		return true;
	if (strncmp(what, "socket:", 7) == 0)
		return fd == WRIT_GATE_FD || s->profile == WRIT_PROFILE_SERVER;
	/* a folder that was lent lies on a detached mount: nothing is above, so it is "/" */
	return what[0] == '/' && s->kind == SUBJECT_NODE && s->profile != WRIT_PROFILE_NATIVE;
}

static void attempt_descriptors(struct subject *s, const struct icase *c, struct finding *f)
{
	char list[1024], *save = NULL;

	(void)c;
	snprintf(list, sizeof(list), "%s", survey_entries(survey_path(s->pid, "fd")));
	for (char *n = strtok_r(list, " ", &save); n != NULL; n = strtok_r(NULL, " ", &save)) {
		char rest[32], what[256];
		ssize_t len;

		snprintf(rest, sizeof(rest), "fd/%.8s", n);
		len = readlink(survey_path(s->pid, rest), what, sizeof(what) - 1);
		what[len > 0 ? len : 0] = '\0';
		finding_note(f, what, declared(s, atoi(n), what) ? -ECANCELED : 0, 0);
	}
}

#define ASPECT(step, words, l, w) CASE(words, l, w, attempt_aspect, .arg = step)
/* clang-format off */
const struct icase view_cases[] = {
	ASPECT("ids", "a user id of no account, and no group", "ids", "ids"),
	ASPECT("caps", "no Linux capability, not in the bounding set either", "caps", "caps"),
	ASPECT("no_new_privs", "no new privileges", "no_new_privs", BARE),
	ASPECT("filter", "a seccomp filter is there", "seccomp", BARE),
	ASPECT("root", "an empty root, read-only", "root", "root"),
	ASPECT("signals", "no signal is ignored that isn't said", "signals", "signals"),
	ASPECT("hostname", "a hostname of its own", "hostname", "hostname"),
	ASPECT("limits", "no core dump, no locked memory, no message queue", "rlimits", "limits"),
	ASPECT("namespaces", "seven namespaces of its own", "namespaces", BARE),
	CASE("one mount, its root: ro, nosuid, nodev, noexec", "root", "root", attempt_mounts),
	CASE("no environment", "nest", BARE, attempt_environment),
	CASE("no descriptor but those declared", "fds", BARE, attempt_descriptors),
};
/* clang-format on */
const unsigned nview_cases = sizeof(view_cases) / sizeof(view_cases[0]);
