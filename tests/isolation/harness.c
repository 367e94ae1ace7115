/* SPDX-License-Identifier: MIT */
/* See harness.h. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/isolation/without.h"
#include "tools/boot/clear.h"
#include "tools/boot/group.h"

#define PATIENCE_MS     harness_ms(10000)
/* What must hold; the words say what it is when it doesn't. */
#define must(cond, ...) ((cond) ? (void)0 : harness_fail(__VA_ARGS__))
#define need(cond)      must(cond, "%s:%d: %s", __FILE__, __LINE__, #cond)

const char *harness_skip;

const char *without_steps(void)
{
	return harness_skip;
}

static int scale(void)
{
	const char *text = getenv("WRIT_TEST_SCALE");

	return text != NULL && atoi(text) > 0 ? atoi(text) : 1;
}

int harness_ms(int ms)
{
	return ms * scale();
}

int harness_while(int ms)
{
	return ms * (1 + scale()) / 2;
}

static char run[] = "/tmp/writ-isolation-XXXXXX";
static char node[32];

/* A control without the step rlimits puts its descriptors as high as the step would let it. */
static void raise_descriptors(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) < 0)
		return;
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

void harness_begin(void)
{
	raise_descriptors();
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

void harness_remove(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void harness_clean(void)
{
	harness_remove(run);
	node_clear(node, run);
}

const char *harness_folder(char *buf, size_t size)
{
	snprintf(buf, size, "%s/XXXXXX", run);
	need(mkdtemp(buf) != NULL);
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

	must(poll(&p, 1, PATIENCE_MS) == 1, "no event from the nest");
	r = nest_next(n, e, ret_pidfd);
	need(r != 0);
	return r;
}

struct nest harness_nest(unsigned profile, const char *realm, uint32_t uid)
{
	return harness_nest_in(profile, realm, uid, NULL);
}

struct nest harness_nest_in(unsigned profile, const char *realm, uint32_t uid, const char *cgroup)
{
	struct nest_conf c = { .realm = realm, .uid = uid, .profile = profile, .cgroup = cgroup };
	struct nest_event e = { 0 };
	struct nest n;
	int fd, r = nest_start(&c, &n);

	must(r == 0, "nest_start: %s", strerror(-r));
	need(harness_event(&n, &e, &fd) == 1);
	need(e.what == NEST_READY);
	must(e.code == 0, "step %s: %s", e.step, strerror(e.code));
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

int harness_image_at(const char *path)
{
	ssize_t n;
	struct stat st;
	int in, fd;

	in = open(path, O_RDONLY | O_CLOEXEC);
	fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	must(in >= 0 && fd >= 0 && fstat(in, &st) == 0, "%s: %s", path, strerror(errno));
	while ((n = copy_file_range(in, NULL, fd, NULL, (size_t)st.st_size, 0)) > 0)
		;
	if (n < 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, in, 0);

		need(p != MAP_FAILED);
		need(write(fd, p, (size_t)st.st_size) == st.st_size);
		munmap(p, (size_t)st.st_size);
	}
	close(in);
	need(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
	return fd;
}

int harness_image(const char *name)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

	need(n > 0);
	path[n] = '\0';
	snprintf(strrchr(path, '/') + 1, 64, "%s", name);
	return harness_image_at(path);
}

struct probe harness_start(const struct nest *n, struct nest_order o, int image, int log)
{
	struct probe p = { .id = o.id, .pidfd = -1 };
	int pair[2];
	struct nest_event e = { 0 };
	char path[64];
	const char *pid;

	need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	o.nfds = log >= 0 ? 3 : 2;
	need(nest_order(n, &o, (int[]){ pair[1], image, log }) == 0);
	close(pair[1]);
	need(harness_event(n, &e, &p.pidfd) == 1);
	need(e.id == p.id);
	p.gate = pair[0];
	if (e.what == NEST_FAILED) {
		p.end = e;
		return p;
	}
	need(e.what == NEST_STARTED);
	need(p.pidfd >= 0);
	snprintf(path, sizeof(path), "fdinfo/%d", p.pidfd);
	pid = harness_proc(getpid(), path, "Pid");
	need(pid != NULL);
	p.pid = atoi(pid);
	return p;
}

struct probe harness_probe(const struct nest *n, struct nest_order o, int log)
{
	int image = harness_image("isolation-probe");
	struct probe p = harness_start(n, o, image, log);

	close(image);
	return p;
}

int harness_ask(const struct nest *n, struct probe *p, const struct probe_req *q,
    struct probe_rep *r)
{
	struct pollfd w = { p->gate, POLLIN, 0 };
	ssize_t got;
	int fd;

	need(send(p->gate, q, sizeof(*q), MSG_NOSIGNAL) == sizeof(*q));
	must(poll(&w, 1, PATIENCE_MS) == 1, "the probe hangs in op %u call %u", q->op, q->nr);
	got = recv(p->gate, r, sizeof(*r), 0);
	if (got == sizeof(*r)) {
		p->scratch = r->scratch;
		return 1;
	}
	need(got <= 0);
	need(harness_event(n, &p->end, &fd) == 1);
	need(p->end.what == NEST_EXITED);
	need(p->end.id == p->id);
	return 0;
}

int64_t harness_call(const struct nest *n, struct probe *p, uint32_t nr, const uint64_t arg[6])
{
	struct probe_req q = { .op = PROBE_CALL, .nr = nr };
	struct probe_rep r;

	memcpy(q.arg, arg, sizeof(q.arg));
	must(harness_ask(n, p, &q, &r), "the probe died in call %u: status %#x", nr,
	    (unsigned)p->end.code);
	return r.ret;
}

int64_t harness_do(const struct nest *n, struct probe *p, enum probe_op op, uint64_t arg)
{
	struct probe_req q = { .op = op, .arg = { arg } };
	struct probe_rep r;

	must(harness_ask(n, p, &q, &r), "the probe died in op %d: status %#x", (int)op,
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
	need(harness_event(n, &p->end, &fd) == 1);
	need(p->end.what == NEST_EXITED);
	need(p->end.id == p->id);
}

void harness_fini(struct nest *n)
{
	nest_kill(n);
	need(waitpid(n->pid, NULL, 0) == n->pid);
}

void harness_tail(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char text[1501], *save = NULL;
	ssize_t n = pread(fd, text, sizeof(text) - 1, end > 1500 ? end - 1500 : 0);

	text[n > 0 ? n : 0] = '\0';
	for (char *s = strtok_r(text, "\n\r", &save); s != NULL; s = strtok_r(NULL, "\n\r", &save))
		printf("#   %.100s\n", s);
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
