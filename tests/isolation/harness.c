/* SPDX-License-Identifier: MIT */
/* See harness.h. Linked with --wrap=nest_main, so that steps can be left out. */
#include "harness.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "tools/boot/group.h"

#define PATIENCE_MS harness_ms(10000)

const char *harness_skip;

int harness_ms(int ms)
{
	const char *scale = getenv("WRIT_TEST_SCALE");

	return ms * (scale != NULL && atoi(scale) > 0 ? atoi(scale) : 1);
}

static int is_skipped(const char *step)
{
	size_t len = strlen(step);

	for (const char *p = harness_skip; p != NULL && *p != '\0'; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (strncmp(p, step, len) == 0 && (p[len] == ' ' || p[len] == '\0'))
			return 1;
	}
	return 0;
}

_Noreturn void __wrap_nest_main(const struct nest_conf *c, int sock);

/* nest_main(), but for the step to leave out. */
void __wrap_nest_main(const struct nest_conf *c, int sock)
{
	struct sandbox s = { .conf = c, .sock = sock, .null = -1 };
	struct nest_event e = { .what = NEST_READY };

	for (unsigned i = 0; i < sandbox_nsteps && e.code == 0; i++) {
		if (is_skipped(sandbox_steps[i].name))
			continue;
		e.code = -sandbox_steps[i].fn(&s);
		if (e.code != 0)
			strncpy(e.step, sandbox_steps[i].name, sizeof(e.step) - 1);
	}
	if (nest_send(s.sock, &e, -1) < 0 || e.code != 0)
		_exit(EXIT_FAILURE);
	nest_loop(c);
}

static char run[] = "/tmp/writ-isolation-XXXXXX";
static char node[32];

void harness_begin(void)
{
	if (mkdtemp(run) == NULL || chmod(run, 0755) < 0) {
		perror(run);
		exit(EXIT_FAILURE);
	}
	snprintf(node, sizeof(node), "t%d", (int)getpid());
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

void harness_clean(void)
{
	nftw(run, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	node_clear(node, run);
}

const char *harness_folder(char *buf, size_t size)
{
	snprintf(buf, size, "%s/XXXXXX", run);
	ck_assert_ptr_nonnull(mkdtemp(buf));
	return buf;
}

const char *harness_node(void)
{
	return node;
}

int harness_event(const struct nest *n, struct nest_event *e, int *ret_pidfd)
{
	struct pollfd p = { n->sock, POLLIN, 0 };
	int r;

	ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "no event from the nest");
	r = nest_next(n, e, ret_pidfd);
	ck_assert_int_ne(r, 0);
	return r;
}

struct nest harness_nest(unsigned profile, const char *realm, uint32_t uid)
{
	struct nest_conf c = { .realm = realm, .uid = uid, .profile = profile };
	struct nest_event e = { 0 };
	struct nest n;
	int fd, r = nest_start(&c, &n);

	ck_assert_msg(r == 0, "nest_start: %s", strerror(-r));
	ck_assert_int_eq(harness_event(&n, &e, &fd), 1);
	ck_assert_int_eq(e.what, NEST_READY);
	ck_assert_msg(e.code == 0, "step %s: %s", e.step, strerror(e.code));
	return n;
}

struct nest_order harness_order(const char *name)
{
	static uint32_t id = 1;
	struct nest_order o = { .id = id,
		.class = WRIT_CLASS_LC,
		.memory = 64 << 20,
		.log_max = 1 << 20 };

	id++;
	strncpy(o.name, name, sizeof(o.name) - 1);
	return o;
}

int harness_image(const char *name)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	struct stat st;
	int in, fd;

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	snprintf(strrchr(path, '/') + 1, 64, "%s", name);
	in = open(path, O_RDONLY | O_CLOEXEC);
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_msg(in >= 0 && fd >= 0 && fstat(in, &st) == 0, "%s: %s", path, strerror(errno));
	while ((n = copy_file_range(in, NULL, fd, NULL, (size_t)st.st_size, 0)) > 0)
		;
	if (n < 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, in, 0);

		ck_assert(p != MAP_FAILED);
		ck_assert_int_eq(write(fd, p, (size_t)st.st_size), st.st_size);
		munmap(p, (size_t)st.st_size);
	}
	close(in);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS,
			     F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
	    0);
	return fd;
}

struct probe harness_probe(const struct nest *n, struct nest_order o, int log)
{
	struct probe p = { .id = o.id, .pidfd = -1 };
	int pair[2], image = harness_image("isolation-probe");
	struct nest_event e = { 0 };
	char path[64];
	const char *pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	o.nfds = log >= 0 ? 3 : 2;
	ck_assert_int_eq(nest_order(n, &o, (int[]){ pair[1], image, log }), 0);
	close(pair[1]);
	close(image);
	ck_assert_int_eq(harness_event(n, &e, &p.pidfd), 1);
	ck_assert_uint_eq(e.id, p.id);
	p.gate = pair[0];
	if (e.what == NEST_FAILED) {
		p.end = e;
		return p;
	}
	ck_assert_int_eq(e.what, NEST_STARTED);
	ck_assert_int_ge(p.pidfd, 0);
	snprintf(path, sizeof(path), "fdinfo/%d", p.pidfd);
	pid = harness_proc(getpid(), path, "Pid");
	ck_assert_ptr_nonnull(pid);
	p.pid = atoi(pid);
	return p;
}

int harness_ask(const struct nest *n, struct probe *p, const struct probe_req *q,
    struct probe_rep *r)
{
	struct pollfd w = { p->gate, POLLIN, 0 };
	ssize_t got;
	int fd;

	ck_assert_int_eq(send(p->gate, q, sizeof(*q), MSG_NOSIGNAL), sizeof(*q));
	ck_assert_msg(poll(&w, 1, PATIENCE_MS) == 1, "the probe hangs in op %u call %u", q->op,
	    q->nr);
	got = recv(p->gate, r, sizeof(*r), 0);
	if (got == sizeof(*r)) {
		p->scratch = r->scratch;
		return 1;
	}
	ck_assert_int_le(got, 0);
	ck_assert_int_eq(harness_event(n, &p->end, &fd), 1);
	ck_assert_int_eq(p->end.what, NEST_EXITED);
	ck_assert_uint_eq(p->end.id, p->id);
	return 0;
}

int64_t harness_call(const struct nest *n, struct probe *p, uint32_t nr, const uint64_t arg[6])
{
	struct probe_req q = { .op = PROBE_CALL, .nr = nr };
	struct probe_rep r;

	memcpy(q.arg, arg, sizeof(q.arg));
	ck_assert_msg(harness_ask(n, p, &q, &r), "the probe died in call %u: status %#x", nr,
	    (unsigned)p->end.code);
	return r.ret;
}

int64_t harness_do(const struct nest *n, struct probe *p, enum probe_op op, uint64_t arg)
{
	struct probe_req q = { .op = op, .arg = { arg } };
	struct probe_rep r;

	ck_assert_msg(harness_ask(n, p, &q, &r), "the probe died in op %d: status %#x", (int)op,
	    (unsigned)p->end.code);
	return r.ret;
}

void harness_end(const struct nest *n, struct probe *p)
{
	int fd;

	close(p->gate);
	close(p->pidfd);
	if (p->end.what != 0)
		return;
	ck_assert_int_eq(harness_event(n, &p->end, &fd), 1);
	ck_assert_int_eq(p->end.what, NEST_EXITED);
	ck_assert_uint_eq(p->end.id, p->id);
}

void harness_fini(struct nest *n)
{
	nest_kill(n);
	ck_assert_int_eq(waitpid(n->pid, NULL, 0), n->pid);
}

const char *harness_proc(pid_t pid, const char *file, const char *key)
{
	static char line[256];
	char path[96];
	size_t len = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "re");
	if (f == NULL)
		return NULL;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, len) != 0 || line[len] != ':')
			continue;
		fclose(f);
		line[strcspn(line, "\n")] = '\0';
		return line + len + 1 + strspn(line + len + 1, " \t");
	}
	fclose(f);
	return NULL;
}

int harness_alive(pid_t pid)
{
	const char *state = harness_proc(pid, "status", "State");

	return state != NULL && state[0] != 'Z' && state[0] != 'X';
}
