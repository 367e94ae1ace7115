/* SPDX-License-Identifier: MIT */
/*
 * Boot: take the node's lock and user ids, make every table, open host folders
 * and modules, give all initial capabilities to root, then drop every Linux
 * capability but the two that map user ids (K2, K6).
 */
#include "kernel.h"
#include "cgroup.h"
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>
#include <writ/start.h>

struct k k;

enum {
	UID_BASE = 0x60000000,
	UID_NODE = 1 << 26,
	UID_REALM = 65536,
	NODES = 16,
	ROOT_BITS = 12,
};

void k_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "writ-kernel: ");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

uint64_t k_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void k_epoll(int op, int fd, unsigned events, unsigned what, uint32_t index)
{
	struct epoll_event e = { .events = events, .data.u64 = (uint64_t)what << 32 | index };

	if (epoll_ctl(k.epfd, op, fd, &e) != 0)
		k_log("epoll_ctl: %s", strerror(errno));
}

static int fail(const char *what)
{
	k_log("%s: %s", what, strerror(errno));
	return 71;
}

/* --- what the node has on the host ------------------------------------------------ */

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

/* One running kernel a node: the lock tells the living from the dead. */
static int take_lock(void)
{
	char path[256], line[32];
	int n;

	if (make_dir(k.run, 0750, 0, writ_group()) != 0)
		return fail(k.run);
	snprintf(path, sizeof(path), "%s/lock", k.run);
	k.lockfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k.lockfd < 0)
		return fail(path);
	if (flock(k.lockfd, LOCK_EX | LOCK_NB) != 0) {
		k_log("node %s is running", k.node);
		return 75;
	}
	snprintf(path, sizeof(path), "%s/pid", k.run);
	n = snprintf(line, sizeof(line), "%d\n", getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		return fail(path);
	close(fd);
	return 0;
}

/* A range of user ids that no other node of this machine uses: a locked byte of one file. */
static int take_ids(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/../ids", k.run);
	k.idfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k.idfd < 0)
		return fail(path);
	for (uint32_t i = 0; i < NODES; i++) {
		struct flock l = { .l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = i,
			.l_len = 1 };

		if (fcntl(k.idfd, F_SETLK, &l) == 0) {
			k.uid_base = UID_BASE + i * UID_NODE;
			return 0;
		}
	}
	k_log("%d nodes run on this machine already", NODES);
	return 75;
}

static int make_dirs(void)
{
	static char path[256];
	uint32_t root_uid = k.uid_base + 1 * UID_REALM;

	snprintf(path, sizeof(path), "%s/op", k.run);
	if (make_dir(path, 0755, root_uid, root_uid) != 0)
		return fail(path);
	k.hosts[k.nhosts++] = (struct host_folder){ .name = WRIT_BOOT_OP,
		.path = path,
		.writable = 1,
		.uid = root_uid };
	if (make_dir(k.logs, 02750, 0, writ_group()) != 0)
		return fail(k.logs);
	k.logdir = open(k.logs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return k.logdir >= 0 ? 0 : fail(k.logs);
}

static int open_hosts(void)
{
	for (unsigned i = 0; i < k.nhosts; i++) {
		struct host_folder *h = &k.hosts[i];
		int e;

		if (h->uid == 0)
			h->uid = k.uid_base + (K_REALMS - 1 - i) * UID_REALM;
		if ((e = host_open(h)) < 0) {
			k_log("host folder %s (%s): %s", h->name, h->path, strerror(-e));
			return 66;
		}
		if (!h->idmapped)
			k_log("host folder %s: no mapped ids: only what others may see is served",
			    h->name);
	}
	return 0;
}

/* --- tables --------------------------------------------------------------------------- */

static int make_tables(void)
{
	size_t size = captab_size(K_SLOTS, K_OBJS, K_ACCOUNTS);

	captab_init(&k.caps, k_table(1, size), K_SLOTS, K_OBJS, K_ACCOUNTS, k_object_finalise,
	    NULL);
	k.procs = k_table(k.nprocs, sizeof(*k.procs));
	k.realms = k_table(K_REALMS, sizeof(*k.realms));
	k.sessions = k_table(K_SESSIONS, sizeof(*k.sessions));
	k.endpoints = k_table(K_ENDPOINTS, sizeof(*k.endpoints));
	k.paths = k_table(K_PATHS, sizeof(*k.paths));
	k.spawns = k_table(K_SPAWNS, sizeof(*k.spawns));
	k.files = k_table(K_FILES, sizeof(*k.files));
	k.waits = k_table(K_WAITS, sizeof(*k.waits));
	k.msgs = k_table(K_MSGS, sizeof(*k.msgs));
	k.notifications = k_table(K_NOTIFICATIONS, sizeof(*k.notifications));
	k.contexts = k_table(K_CONTEXTS, sizeof(*k.contexts));
	k.hooks = k_table(K_OWNS, sizeof(struct k_hook *));
	k.audits = k_table((size_t)K_REALMS * K_AUDITS, sizeof(*k.audits));
	k_pool_init(&k.realm_pool, K_REALMS - K_HOSTS);
	k_pool_init(&k.session_pool, K_SESSIONS);
	k_pool_init(&k.endpoint_pool, K_ENDPOINTS);
	k_pool_init(&k.path_pool, K_PATHS);
	k_pool_init(&k.spawn_pool, K_SPAWNS);
	k_pool_init(&k.file_pool, K_FILES);
	k_pool_init(&k.wait_pool, K_WAITS);
	k_pool_init(&k.msg_pool, K_MSGS);
	k_pool_init(&k.notification_pool, K_NOTIFICATIONS);
	k_pool_init(&k.context_pool, K_CONTEXTS);
	k_pool_init(&k.own_pool, K_OWNS);
	k_gate_init();
	k_list_init(&k.revokes);
	k.audit_seq = k.next_pid = 1;
	return 0;
}

/* --- modules: what root is given of files ------------------------------------------------ */

/* A sealed copy of a file: nobody changes it afterwards, and Landlock lets it be executed. */
static int seal_file(const char *path, bool *ret_elf)
{
	int in = open(path, O_RDONLY | O_CLOEXEC), fd = -1;
	struct stat st;
	char magic[4];

	*ret_elf = in >= 0 && pread(in, magic, 4, 0) == 4 && memcmp(magic, "\177ELF", 4) == 0;
	if (in >= 0 && fstat(in, &st) == 0)
		fd = memfd_create("writ-module", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 &&
	    (sendfile(fd, in, NULL, (size_t)st.st_size) != st.st_size || fchmod(fd, 0555) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
		    0)) {
		close(fd);
		fd = -1;
	}
	if (in >= 0)
		close(in);
	return fd;
}

/* The start record of root, in the layout of <writ/start.h>. */
struct record {
	size_t len;
	uint16_t names;
	char data[WRIT_BLOB_MAX];
};

static void record_name(struct record *r, unsigned type, const char *name, uint32_t slot,
    uint32_t rights)
{
	struct start_name n = { .slot = slot, .rights = rights, .type = type };
	size_t len = strlen(name) + 1;

	if (r->len + sizeof(n) + len > sizeof(r->data))
		return;
	memcpy(r->data + r->len, &n, sizeof(n));
	memcpy(r->data + r->len + sizeof(n), name, len);
	r->len += sizeof(n) + len;
	r->names++;
}

static void give(struct k_proc *root, struct record *rec, uint32_t index, obj_t obj, unsigned type,
    uint16_t rights, const char *name)
{
	captab_insert(&k.caps, 0, captab_cnode_slot(&k.caps, root->cnode, index), obj, rights, 0);
	record_name(rec, type, name, index, rights);
}

static int give_file(struct k_proc *root, struct record *rec, uint32_t index, unsigned type,
    const char *name, struct k_file f, uint16_t rights)
{
	uint32_t body = k_pool_get(&k.file_pool);
	obj_t obj;

	if (body == 0 || strlen(name) >= sizeof(f.name) ||
	    captab_obj_new(&k.caps, type, 0, (struct charge){ 0 }, body, &obj) != 0) {
		k_log("too many modules, or a name too long: %s", name);
		return 65;
	}
	k.files[body] = f;
	snprintf(k.files[body].name, sizeof(f.name), "%s", name);
	give(root, rec, index, obj, type, rights, name);
	return 0;
}

static int give_modules(struct k_proc *root, struct record *rec, obj_t *ret_image)
{
	uint32_t index = WRIT_BOOT_FIRST;
	int e = 0;

	for (unsigned i = 0; i < k.nmodules && e == 0; i++) {
		const struct k_module *m = &k.modules[i];
		struct k_file f = { 0 };
		bool elf = false;
		slot_t s = captab_cnode_slot(&k.caps, root->cnode, index);

		f.fd = seal_file(m->path, &elf);
		if (f.fd < 0)
			return fail(m->path);
		e = give_file(root, rec, index++, elf ? WRIT_TYPE_IMAGE : WRIT_TYPE_MEMORY, m->name,
		    f, elf ? WRIT_R_EXEC | WRIT_R_GRANT : WRIT_R_READ);
		if (e == 0 && elf && strcmp(m->name, "root") == 0)
			*ret_image = captab_slot(&k.caps, s)->cap.obj;
	}
	for (unsigned i = 0; i < k.nhosts && e == 0; i++) {
		const struct host_folder *h = &k.hosts[i];

		e = give_file(root, rec, index++, WRIT_TYPE_HOST, h->name,
		    (struct k_file){ .fd = h->fd, .host = i },
		    WRIT_R_READ | (h->writable ? WRIT_R_WRITE : 0) |
			(i + 1 < k.nhosts ? WRIT_R_GRANT : 0));
	}
	return e;
}

/* --- root ----------------------------------------------------------------------------------- */

static int boot_objects(void)
{
	struct charge all = { .bytes = k.max_memory, .slots = K_SLOTS / 2, .procs = k.nprocs - 1 };

	if (captab_untyped_new(&k.caps, 0, all, &k.untyped) != 0 ||
	    captab_obj_new(&k.caps, WRIT_TYPE_SCHED_CONTROL, 0, (struct charge){ 0 }, 0,
		&k.sched) != 0 ||
	    captab_obj_new(&k.caps, WRIT_TYPE_AUDIT, 0, (struct charge){ 0 }, 0, &k.audit) != 0)
		return 70;
	captab_hold(&k.caps, k.untyped);
	return 0;
}

static int root_realm(obj_t *ret_realm, obj_t *ret_spawn, struct k_proc **ret)
{
	uint32_t body = k_realm_new("root", k.untyped, 0, 0, 0, 1), sp = k_pool_get(&k.spawn_pool);

	if (body == 0 ||
	    captab_obj_new(&k.caps, WRIT_TYPE_REALM, 0, (struct charge){ 0 }, body, ret_realm) !=
		0 ||
	    captab_obj_new(&k.caps, WRIT_TYPE_SPAWN, 0, (struct charge){ 0 }, sp, ret_spawn) != 0)
		return 70;
	k.realms[body].obj = *ret_realm;
	captab_hold(&k.caps, *ret_realm);
	captab_hold(&k.caps, *ret_realm);
	k.spawns[sp] = (struct k_spawn){ .realm = body,
		.classes = 1,
		.profiles = 1u << WRIT_PROFILE_SERVER,
		.procs = 1,
		.memory = UINT64_MAX,
		.used_procs = 1 };
	*ret = k_proc_new(body);
	return *ret != NULL ? 0 : 70;
}

/* EV_BEGIN of root, with its record, waits in its gate. */
static int root_gate(struct k_proc *root, const struct record *rec)
{
	struct {
		struct writ_begin b;
		char blob[WRIT_BLOB_MAX];
	} m = { .b = { .pid = root->pid, .realm = root->realm, .blob = (uint32_t)rec->len } };
	struct writ_hdr h = { .op = WRIT_EV_BEGIN,
		.reply = 2,
		.len = (uint16_t)(sizeof(m.b) + rec->len) };
	int sv[2];

	memcpy(m.b.name, root->name, sizeof(m.b.name));
	memcpy(m.b.realm_name, "root", 5);
	memcpy(m.blob, rec->data, rec->len);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
		return fail("socketpair");
	root->gate = sv[0];
	root->child = sv[1];
	return k_gate_send(root->gate, &h, &m, NULL) ? 0 : fail("root's gate");
}

static int boot_root(void)
{
	static struct record rec = { .len = sizeof(struct start_hdr) };
	struct start_hdr sh = { .magic = START_MAGIC };
	struct k_proc *root;
	obj_t realm, spawn, image = 0;
	int e;

	if ((e = boot_objects()) != 0 || (e = root_realm(&realm, &spawn, &root)) != 0 ||
	    captab_cnode_new(&k.caps, k.untyped, ROOT_BITS, &root->cnode) != 0) {
		k_log("the tables are too small to boot");
		return 70;
	}
	captab_hold(&k.caps, root->cnode);
	captab_obj(&k.caps, root->cnode)->body = (uint32_t)(root - k.procs);
	root->cnode_bits = ROOT_BITS;
	root->profile = WRIT_PROFILE_SERVER;
	root->class = WRIT_CLASS_LC;
	root->memory = (uint64_t)1 << 31;
	root->log_max = 64 << 20;
	memcpy(root->name, "root", 5);
	record_name(&rec, WRIT_TYPE_CNODE, "cspace", 0, ROOT_BITS);
	record_name(&rec, WRIT_TYPE_NULL, k.missing, 0, 0); /* root holds `require:` against it */
	give(root, &rec, WRIT_BOOT_UNTYPED, k.untyped, WRIT_TYPE_UNTYPED,
	    WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT, "node");
	give(root, &rec, WRIT_BOOT_SCHED, k.sched, WRIT_TYPE_SCHED_CONTROL,
	    WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT, "sched");
	give(root, &rec, WRIT_BOOT_AUDIT, k.audit, WRIT_TYPE_AUDIT, WRIT_R_READ | WRIT_R_GRANT,
	    "audit");
	give(root, &rec, WRIT_BOOT_REALM, realm, WRIT_TYPE_REALM, WRIT_R_READ, "root");
	if ((e = give_modules(root, &rec, &image)) != 0)
		return e;
	if (image == 0) {
		k_log("no module \"root\" that is an ELF file");
		return 64;
	}
	root->image = image;
	root->spawn = spawn;
	captab_hold(&k.caps, image);
	captab_hold(&k.caps, spawn);
	sh.names = rec.names;
	memcpy(rec.data, &sh, sizeof(sh));
	if ((e = root_gate(root, &rec)) != 0)
		return e;
	k.root = root;
	k_proc_start(root);
	return 0;
}

/* Keep what maps user ids, and nothing else, for good. */
static int drop_capabilities(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, CAP_SETUID,
	    CAP_SETGID, -1);
	if (capng_apply(CAPNG_SELECT_BOTH) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail("dropping capabilities");
	return 0;
}

static int open_loop(void)
{
	/* what full tables can hold: three a session and a proc */
	struct rlimit nofile = { 1 << 17, 1 << 17 };
	sigset_t set;

	if (setrlimit(RLIMIT_NOFILE, &nofile) != 0 && getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		nofile.rlim_cur = nofile.rlim_max;
		setrlimit(RLIMIT_NOFILE, &nofile);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	k.epfd = epoll_create1(EPOLL_CLOEXEC);
	if (k.sigfd < 0 || k.epfd < 0)
		return fail("epoll");
	k_epoll(EPOLL_CTL_ADD, k.sigfd, EPOLLIN, K_POLL_SIGNAL, 0);
	return 0;
}

int k_boot(void)
{
	const char *missing = "";
	int e;

	umask(027);
	if ((e = take_lock()) != 0 || (e = take_ids()) != 0 || (e = make_dirs()) != 0 ||
	    (e = open_loop()) != 0)
		return e;
	if ((e = cgroup_init(k.node, &missing)) < 0) {
		k_log("cgroups: %s", strerror(-e));
		return 71;
	}
	snprintf(k.missing, sizeof(k.missing), "%s%s", missing,
	    syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0 ? " landlock" : "");
	if (*k.missing != '\0')
		k_log("layers of the sandbox that can't be had here: %s", k.missing);
	if ((e = open_hosts()) != 0 || (e = make_tables()) != 0 || (e = drop_capabilities()) != 0)
		return e;
	return boot_root();
}
