/* SPDX-License-Identifier: MIT */
/* See node.h. The node is operated as anybody does it: by the writ command. */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

#define LOG_PART 131072

static char here[256], writ[512], bin[512];
static bool up;
static pid_t kernel;

/* Where the other programs lie: beside this one, and writ there too or in ../../bin. */
static void find_programs(void)
{
	ssize_t n = readlink("/proc/self/exe", bin, sizeof(bin) - 1);

	bin[n > 0 ? n : 0] = '\0';
	*strrchr(bin, '/') = '\0';
	snprintf(writ, sizeof(writ), "%.480s/writ", bin);
	if (access(writ, X_OK) < 0)
		snprintf(writ, sizeof(writ), "%.480s/../../bin/writ", bin);
	if (access(writ, X_OK) < 0)
		harness_fail("there is no program writ beside %s", bin);
}

static pid_t operating;

FILE *node_operate(const char *word, ...)
{
	static char quiet[] = "TERM=dumb";
	static char *env[] = { quiet, NULL };
	char *argv[12] = { writ, (char *)"--node", (char *)harness_node() };
	posix_spawn_file_actions_t fa;
	int out[2], n = 3, r;
	va_list ap;

	va_start(ap, word);
	for (; word != NULL && n < 11; word = va_arg(ap, const char *))
		argv[n++] = (char *)word;
	va_end(ap);
	if (pipe2(out, O_CLOEXEC) < 0)
		return NULL;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	posix_spawn_file_actions_adddup2(&fa, out[1], 2);
	r = posix_spawn(&operating, writ, &fa, NULL, argv, env);
	posix_spawn_file_actions_destroy(&fa);
	close(out[1]);
	if (r == 0)
		return fdopen(out[0], "r");
	close(out[0]);
	return NULL;
}

bool node_operated(FILE *p)
{
	int status = -1;

	if (p == NULL)
		return false;
	fclose(p);
	return waitpid(operating, &status, 0) == operating && status == 0;
}

/* Its last line stays in @said. */
static bool done(FILE *p, char *said, size_t size)
{
	char line[512];

	said[0] = '\0';
	while (p != NULL && fgets(line, sizeof(line), p) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0')
			snprintf(said, size, "%s", line);
	}
	return node_operated(p);
}

static void write_file(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void write_file(const char *name, const char *fmt, ...)
{
	char path[320];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", here, name);
	f = fopen(path, "we");
	va_start(ap, fmt);
	if (f == NULL || vfprintf(f, fmt, ap) < 0 || fclose(f) != 0)
		harness_fail("%s: %s", path, strerror(errno));
	va_end(ap);
}

bool node_run(const char *realm, const char *image, const char *args, const char *more)
{
	char name[64], path[512], said[512];
	bool ok;

	snprintf(name, sizeof(name), "%s.yaml", realm);
	snprintf(path, sizeof(path), "%s/%s", here, name);
	write_file(name,
	    "realm: %s\nimages: [{name: actor, path: \"%s\"}]\n"
	    "limits: {procs: 32, memory: 512MiB}\n"
	    "mounts: [{at: /in, host: lent, rights: [read]}]\n"
	    "procs:\n  - name: %s\n    image: actor\n    args: %s\n%s",
	    realm, image, realm, args, more);
	ok = done(node_operate("run", "-d", path, (char *)NULL), said, sizeof(said));
	if (!ok)
		printf("# realm %s: %s\n", realm, said);
	return ok;
}

void node_stop(const char *realm)
{
	char said[512];

	if (!done(node_operate("stop", realm, (char *)NULL), said, sizeof(said)))
		printf("# stop %s: %s\n", realm, said);
}

static void actor_path(char *buf, size_t size)
{
	snprintf(buf, size, "%.480s/isolation-actor", bin);
}

static void watch_start(void)
{
	char actor[512];

	actor_path(actor, sizeof(actor));
	if (!node_run("watch", actor, "[watch]",
		"    class: lc\n    limits: {cores: 0.1, memory: 32MiB}\n    grants:\n"
		"      - {path: /in, rights: [read]}\n"
		"      - {path: /out, rights: [read, write, create, remove]}\n"))
		harness_fail("the bystander doesn't start");
}

void node_up(const char *dir)
{
	char said[512], path[512];

	find_programs();
	snprintf(here, sizeof(here), "%s", dir);
	snprintf(said, sizeof(said), "%s/lent", dir);
	if (mkdir(said, 0755) < 0)
		harness_fail("%s: %s", said, strerror(errno));
	write_file("lent/file", "something to read\n");
	write_file("node.yaml",
	    "node: %s\nlimits: {procs: 400, memory: 4GiB}\n"
	    "hosts: [{name: lent, path: %s, rights: [read]}]\nservers:\n"
	    "  - {name: schedd, image: schedd, per: node, grants: [{scheduler: true}]}\n"
	    "  - {name: named, image: named, per: realm, serves: true,\n"
	    "     limits: {memory: 64MiB, slots: 1024}}\n"
	    "  - {name: ux, image: ux, profile: files, per: host, serves: true,\n"
	    "     limits: {memory: 64MiB, slots: 1024}, grants: [{host: true}]}\n",
	    harness_node(), said);
	snprintf(path, sizeof(path), "%s/node.yaml", here);
	if (!done(node_operate("up", "--file", path, (char *)NULL), said, sizeof(said)))
		harness_fail("the suite's node doesn't come up: %s", said);
	up = true;
	kernel = node_kernel();
	watch_start();
}

bool node_runs(void)
{
	return up && kernel > 0 && node_kernel() == kernel && kill(kernel, 0) == 0;
}

pid_t node_kernel(void)
{
	char path[128];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/run/writ/%s/pid", harness_node());
	f = fopen(path, "re");
	if (f != NULL && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f != NULL)
		fclose(f);
	return pid;
}

static int count_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return strstr(path, "/writ/") != NULL && strstr(path, harness_node()) != NULL;
}

void node_down(void)
{
	char said[512], path[128];
	bool ok;

	if (!up)
		return;
	up = false;
	ok = done(node_operate("down", (char *)NULL), said, sizeof(said));
	engine_say("node", "it ends", ok, "%s", said);
	snprintf(path, sizeof(path), "/run/writ/%s", harness_node());
	ok = access(path, F_OK) < 0 && nftw("/sys/fs/cgroup", count_entry, 16, FTW_PHYS) == 0;
	engine_say("node", "nothing is left of it", ok, "%s and its cgroups", path);
	snprintf(path, sizeof(path), "/var/log/writ/%s", harness_node());
	harness_remove(path);
}

void node_end(void)
{
	char said[512], path[128];

	snprintf(path, sizeof(path), "/run/writ/%s", harness_node());
	if (access(path, F_OK) == 0) {
		find_programs();
		done(node_operate("down", (char *)NULL), said, sizeof(said));
	}
	snprintf(path, sizeof(path), "/var/log/writ/%s", harness_node());
	harness_remove(path);
}

/* --- procs --- */

static void take_text(const json_t *row, const char *key, char *to, size_t size)
{
	const char *s = json_string_value(json_object_get(row, key));

	snprintf(to, size, "%s", s != NULL ? s : "");
}

static struct node_proc proc_of(const json_t *row)
{
	static const char *const profiles[] = { "native", "files", "server" };
	struct node_proc p = {
		.pid = (uint32_t)json_integer_value(json_object_get(row, "pid")),
		.log = (uint32_t)json_integer_value(json_object_get(row, "log")),
		.host_pid = (pid_t)json_integer_value(json_object_get(row, "host_pid")),
		.code = (int)json_integer_value(json_object_get(row, "code")),
	};
	char profile[16];

	take_text(row, "name", p.name, sizeof(p.name));
	take_text(row, "realm", p.realm, sizeof(p.realm));
	take_text(row, "state", p.state, sizeof(p.state));
	take_text(row, "profile", profile, sizeof(profile));
	for (unsigned i = 0; i < WRIT_PROFILE_N; i++)
		if (strcmp(profile, profiles[i]) == 0)
			p.profile = i;
	return p;
}

static bool is_alive(const struct node_proc *p)
{
	return strcmp(p->state, "running") == 0 || strcmp(p->state, "starting") == 0 ||
	    strcmp(p->state, "pending") == 0;
}

bool node_find(const char *realm, const char *name, struct node_proc *ret)
{
	FILE *p = node_operate("--json", "ps", "-a", (char *)NULL);
	json_t *rows = p != NULL ? json_loadf(p, 0, NULL) : NULL;
	const json_t *row;
	bool found = false;
	size_t i;

	node_operated(p);
	json_array_foreach(rows, i, row) {
		struct node_proc q = proc_of(row);

		if (strcmp(q.name, name) != 0 || (realm != NULL && strcmp(q.realm, realm) != 0) ||
		    (found && is_alive(ret) && !is_alive(&q)))
			continue;
		*ret = q;
		found = true;
	}
	json_decref(rows);
	return found;
}

bool node_await(const char *realm, const char *name, pid_t not, struct node_proc *ret)
{
	for (int ms = harness_ms(10000); ms > 0; ms -= 50) {
		if (node_find(realm, name, ret) && is_alive(ret) && ret->host_pid > 0 &&
		    ret->host_pid != not )
			return true;
		usleep(50000);
	}
	return false;
}

static int open_log(const struct node_proc *p)
{
	char path[128];

	snprintf(path, sizeof(path), "/var/log/writ/%s/%u.log", harness_node(), p->log);
	return open(path, O_RDONLY | O_CLOEXEC);
}

const char *node_log(const struct node_proc *p)
{
	static char text[LOG_PART + 1];
	int fd = open_log(p);
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t n = fd < 0 ? 0 : pread(fd, text, LOG_PART, end > LOG_PART ? end - LOG_PART : 0);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* --- the bystander --- */

static off_t watched;

static int watch_open(off_t *ret_end)
{
	struct node_proc p = { 0 };
	int fd = node_find("watch", "watch", &p) ? open_log(&p) : -1;

	*ret_end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	return fd;
}

void watch_begin(void)
{
	int fd = watch_open(&watched);

	if (fd >= 0)
		close(fd);
}

struct watch watch_end(void)
{
	struct watch w = { 0 };
	off_t end;
	int fd = watch_open(&end);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[128];

	if (f == NULL)
		return w;
	fseek(f, watched, SEEK_SET);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned n, us;

		w.lost += strncmp(line, "lost", 4) == 0;
		if (sscanf(line, "tick %u %u", &n, &us) == 2) {
			w.rounds += n;
			w.worst_ms = us / 1e3 > w.worst_ms ? us / 1e3 : w.worst_ms;
		}
	}
	fclose(f);
	return w;
}
