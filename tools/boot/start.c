/* SPDX-License-Identifier: MIT */
/*
 * What is done with names and paths before the kernel serves anybody: see
 * start.h. Runs with the operator's authority and reads nothing of a tenant's.
 */
#include "tools/boot/start.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <writ/rights.h>

#include "tools/boot/group.h"
#include "tools/boot/switch.h"

enum { UID_BASE = 0x60000000, NODES = 16 };

static int say(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int say(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("writ-boot: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return status;
}

static int fail(const char *what)
{
	return say(71, "%s: %s", what, strerror(errno));
}

static gid_t writ_group(void)
{
	const struct group *g = getgrnam("writ");

	return g != NULL ? g->gr_gid : 0;
}

static int make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	return chown(path, uid, gid) != 0 || chmod(path, mode) != 0 ? -1 : 0;
}

static int open_file(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int boot_open(struct boot *b)
{
	if (make_dir(b->run, 0750, 0, writ_group()) != 0 ||
	    (b->lock = open_file(b->run, "lock")) < 0 ||
	    (b->ids = open_file(b->run, "../.ids")) < 0)
		return fail(b->run);
	return 0;
}

/* One running kernel a node: the lock tells the living from the dead. Its owner is the kernel,
 * which this process becomes. */
static int take_lock(const struct boot *b)
{
	char path[PATH_MAX];
	struct stat mine, there;
	bool done;
	int fd;

	if (flock(b->lock, LOCK_EX | LOCK_NB) != 0)
		return say(75, "node %s is running", b->node);
	snprintf(path, sizeof(path), "%s/lock", b->run);
	if (fstat(b->lock, &mine) != 0 || stat(path, &there) != 0 || mine.st_ino != there.st_ino)
		return say(75, "node %s is just being cleared", b->node);
	snprintf(path, sizeof(path), "%s/pid", b->run);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(path);
	done = fchmod(fd, 0644) == 0 && dprintf(fd, "%d\n", (int)getpid()) > 0;
	close(fd);
	return done ? 0 : fail(path);
}

/* A range of user ids that no other node of this machine uses: a locked byte of one file. */
static int take_ids(const struct boot *b, uint32_t *ret)
{
	for (uint32_t i = 0; i < NODES; i++) {
		struct flock l = { .l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = i,
			.l_len = 1 };

		if (fcntl(b->ids, F_OFD_SETLK, &l) == 0) {
			*ret = UID_BASE + i * BOOT_UID_NODE;
			return 0;
		}
	}
	return say(75, "%d nodes run on this machine already", NODES);
}

/* Where root makes the operator's socket: a folder of its own, which it may not pass on. */
static int add_op(const struct boot *b, struct launch *l)
{
	char path[PATH_MAX];
	struct host_folder h = { .path = path,
		.writable = 1,
		.uid = l->record.uid_base + 1 * BOOT_UID_REALM };
	int r;

	snprintf(path, sizeof(path), "%s/op", b->run);
	if (make_dir(path, 0755, h.uid, h.uid) != 0)
		return fail(path);
	if ((r = host_open(&h)) < 0)
		return say(71, "%s: %s", path, strerror(-r));
	if (!launch_file(l, h.fd, WRIT_TYPE_HOST, WRIT_BOOT_OP, WRIT_R_READ | WRIT_R_WRITE, 0))
		return say(65, "too many modules and folders");
	return 0;
}

static int open_logs(const struct boot *b, struct launch *l)
{
	if (make_dir(b->logs, 02750, 0, writ_group()) != 0)
		return fail(b->logs);
	l->fds[BOOT_LOGS_FD] = open(b->logs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->fds[BOOT_LOGS_FD] >= 0 ? 0 : fail(b->logs);
}

static int add_modules(const struct boot *b, struct launch *l)
{
	l->record.root = BOOT_FILES_MAX;
	for (unsigned i = 0; i < b->nmodules; i++) {
		const struct module *m = &b->modules[i];
		bool elf, done;
		int fd = launch_seal(m->path, &elf);

		if (fd < 0)
			return fail(m->path);
		if (elf && strcmp(m->name, "root") == 0)
			l->record.root = l->record.nfiles;
		done = launch_file(l, fd, elf ? WRIT_TYPE_IMAGE : WRIT_TYPE_MEMORY, m->name,
		    elf ? WRIT_R_EXEC | WRIT_R_GRANT : WRIT_R_READ, 0);
		if (!done)
			return say(65, "too many modules, or a name too long: %s", m->name);
	}
	return l->record.root < BOOT_FILES_MAX ? 0
					       : say(64, "no module \"root\" that is an ELF file");
}

static int add_hosts(struct boot *b, struct launch *l)
{
	for (unsigned i = 0; i < b->nhosts; i++) {
		struct host_folder *h = &b->hosts[i];
		int r;

		h->uid = l->record.uid_base + BOOT_UID_NODE - (i + 1) * BOOT_UID_REALM;
		if ((r = host_open(h)) < 0)
			return say(66, "host folder %s (%s): %s", h->name, h->path, strerror(-r));
		if (!h->idmapped)
			say(0, "host folder %s: no mapped ids: only what others may see is served",
			    h->name);
		if (!launch_file(l, h->fd, WRIT_TYPE_HOST, h->name,
			WRIT_R_READ | WRIT_R_GRANT | (h->writable ? WRIT_R_WRITE : 0), h->uid))
			return say(65, "too many folders, or a name too long: %s", h->name);
	}
	return 0;
}

/* Have Linux hold the node's processes by eBPF, as far as it can: what is pinned stays when this
 * process has become the kernel. What is attached on demand is tried, too. *ret_loaded: layers,
 * whatever the mode; g->layers: those that a realm may require. */
static int guard_start(const struct boot *b, struct guard *g, int group, uint32_t *ret_loaded)
{
	bool holds = b->guard == GUARD_ENFORCE || b->guard == GUARD_ON_DEMAND;
	int r;

	guard_load(g, ~0u, group, holds ? GUARD_ENFORCE : b->guard);
	if (holds)
		guard_try(g, group);
	if (b->guard == GUARD_ON_DEMAND)
		guard_detach(g);
	if (g->layers != 0 && (r = guard_pin(g, b->node, writ_group())) < 0) {
		guard_close(g);
		if (r == -EPERM || r == -ELOOP || r == -ENOTDIR)
			return say(71, "%s: somebody else has put something there: %s", GUARD_PINS,
			    strerror(-r));
		for (unsigned i = WRIT_LAYER_EBPF_CALLS; i < WRIT_LAYER_N; i++)
			snprintf(g->why[i], sizeof(g->why[i]), "pinning: %s", strerror(-r));
	}
	*ret_loaded = g->layers;
	if (holds)
		return 0;
	for (unsigned i = WRIT_LAYER_EBPF_CALLS; i < WRIT_LAYER_TELEMETRY; i++)
		if ((g->layers >> i & 1) != 0)
			snprintf(g->why[i], sizeof(g->why[i]), "the guard is told to %s",
			    b->guard == GUARD_OFF ? "be off" : "audit only");
	g->layers &= 1u << WRIT_LAYER_TELEMETRY;
	return 0;
}

/* Layers of the sandbox that this host has not, in words, each with its reason on stderr; and those
 * that it has, as bits. */
static uint32_t layers_of(const struct guard *g, const struct groups *groups, char *missing,
    size_t size)
{
	bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 0;
	size_t n = (size_t)snprintf(missing, size, "%s%s", groups->missing,
	    landlock ? "" : " landlock");
	uint32_t has = 1u << WRIT_LAYER_NAMESPACES | 1u << WRIT_LAYER_SECCOMP |
	    1u << WRIT_LAYER_RLIMITS | g->layers;

	if (*groups->missing != '\0')
		say(0, "layer cgroup can't be had: no controller %s", groups->missing);
	if (!landlock)
		say(0, "layer landlock can't be had: this kernel has none");
	for (unsigned i = WRIT_LAYER_EBPF_CALLS; i < WRIT_LAYER_N; i++) {
		if ((g->layers >> i & 1) != 0)
			continue;
		n += (size_t)snprintf(missing + n, size - n, " %s", writ_layer_name(i));
		say(0, "layer %s can't be had: %s", writ_layer_name(i), g->why[i]);
	}
	return has | (*groups->missing == '\0' ? 1u << WRIT_LAYER_CGROUP : 0) |
	    (landlock ? 1u << WRIT_LAYER_LANDLOCK : 0);
}

static void add_maps(const struct guard *g, int need, struct launch *l)
{
	static const char *const maps[BOOT_MAP_N] = { [BOOT_TASKS] = "tasks",
		[BOOT_LABELS] = "labels",
		[BOOT_POLICY] = "policy",
		[BOOT_REALMS] = "realms",
		[BOOT_PROCS] = "procs",
		[BOOT_CAPS] = "caps" };

	for (unsigned i = 0; i < BOOT_MAP_N; i++) {
		l->fds[BOOT_MAP_FD + i] = i == BOOT_NEED ? need : guard_map(g, maps[i]);
		l->record.maps |= l->fds[BOOT_MAP_FD + i] >= 0 ? 1u << i : 0;
	}
}

/* The kernel shows of it which layers hold procs; eBPF's programs take their mode from it. */
static int add_config(const struct guard *g, enum guard_mode mode, uint32_t layers, uint32_t loaded,
    struct launch *l)
{
	int map = guard_map(g, "config");
	uint32_t first = 0;

	l->config = (struct guard_config){ .generation = 1, .layers.bits = layers };
	guard_config_fill(&l->config, mode, loaded, false);
	if (map >= 0 && bpf_map_update_elem(map, &first, &l->config, BPF_ANY) < 0)
		return fail("the map of settings");
	l->fds[BOOT_CONFIG_FD] = map;
	return 0;
}

/* It lies beside this program. */
static int kernel_exec(struct launch *l)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	launch_exec(l, dirname(path));
	return fail(BOOT_KERNEL);
}

int boot_start(struct boot *b)
{
	static struct launch l;
	static struct guard guard;
	struct groups g;
	char missing[160];
	uint32_t uid_base = 0, layers, loaded = 0;
	int e, r;

	umask(027);
	if ((e = take_lock(b)) != 0 || (e = take_ids(b, &uid_base)) != 0)
		return e;
	say(0, "starting node %s", b->node); /* what follows in a log is of this start */
	if ((r = groups_open(&g, b->node)) < 0)
		return say(71, "cgroups: %s", strerror(-r));
	if ((e = guard_start(b, &guard, g.node[BOOT_V2], &loaded)) != 0)
		return e;
	layers = layers_of(&guard, &g, missing, sizeof(missing));
	launch_init(&l, b->node, missing);
	l.record.nprocs = b->procs;
	l.record.max_memory = b->memory;
	l.record.uid_base = uid_base;
	l.record.v2_has = g.v2_has;
	if ((e = add_config(&guard, b->guard, layers, loaded, &l)) != 0)
		return e;
	add_maps(&guard, b->need, &l);
	l.fds[BOOT_LOCK_FD] = b->lock;
	l.fds[BOOT_IDS_FD] = b->ids;
	for (int i = 0; i < BOOT_GROUP_N; i++) {
		l.fds[BOOT_GROUP_FD + i] = g.node[i];
		l.record.groups |= g.node[i] >= 0 ? 1u << i : 0;
	}
	if ((e = open_logs(b, &l)) != 0 || (e = add_modules(b, &l)) != 0 ||
	    (e = add_hosts(b, &l)) != 0 || (e = add_op(b, &l)) != 0)
		return e;
	return kernel_exec(&l);
}
