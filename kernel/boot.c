/* SPDX-License-Identifier: MIT */
/*
 * Boot: take descriptors and the record that writ-boot made (<writ/boot.h>),
 * make every table, give all initial capabilities to root (K2, K6). Opens nothing
 * by name, and never has more of Linux's capabilities than the two that map ids.
 */
#include "kernel.h"
#include <linux/capability.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

struct k k;
static struct boot_record record;

uint64_t k_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void k_epoll(int ep, int op, int fd, unsigned events, unsigned what, uint32_t index)
{
	struct epoll_event e = { .events = events, .data.u64 = (uint64_t)what << 32 | index };

	if (epoll_ctl(ep, op, fd, &e) != 0)
		k_log("epoll_ctl: %s", strerror(errno));
}

static int fail(const char *what)
{
	k_log("%s: %s", what, strerror(errno));
	return 71;
}

/* --- the record ------------------------------------------------------------------ */

static bool file_ok(const struct boot_file *f, int fd)
{
	uint32_t hosts = record.uid_base + (K_REALMS - BOOT_HOSTS_MAX) * BOOT_UID_REALM;
	unsigned may = f->type == WRIT_TYPE_HOST ? K_ALL
	    : f->type == WRIT_TYPE_IMAGE         ? WRIT_R_EXEC | WRIT_R_GRANT
						 : WRIT_R_READ;
	struct stat st;

	if (!k_name_ok(f->name, sizeof(f->name)) || (f->rights & ~may) != 0 || fstat(fd, &st) != 0)
		return false;
	if (f->type == WRIT_TYPE_HOST)
		return S_ISDIR(st.st_mode) &&
		    ((f->rights & WRIT_R_GRANT) == 0
			    ? f->uid == 0
			    : f->uid >= hosts && f->uid % BOOT_UID_REALM == 0 &&
				f->uid - hosts < BOOT_HOSTS_MAX * BOOT_UID_REALM);
	return (f->type == WRIT_TYPE_IMAGE || f->type == WRIT_TYPE_MEMORY) && f->uid == 0 &&
	    fcntl(fd, F_GET_SEALS) == K_SEALED;
}

/* Who looks at calls or objects knows by maps/tasks whom it holds, who looks at sockets by
 * maps/policy: without, the layer would hold nobody. */
static bool layers_ok(uint32_t maps)
{
	union guard_layers l = { k.config->layers.bits | k.config->loaded.bits };

	if ((maps >> BOOT_TASKS & 1) >= (l.is.EBPF_CALLS | l.is.EBPF_LSM) &&
	    (maps >> BOOT_POLICY & 1) >= (l.is.EBPF_SOCKETS | l.is.EBPF_UNIX))
		return true;
	k_log("a layer is said to be there, and the map that it needs isn't");
	return false;
}

static bool record_ok(const struct boot_record *r)
{
	bool ok = k.config != MAP_FAILED && r->magic == BOOT_MAGIC && r->version == BOOT_VERSION &&
	    k_name_ok(r->node, sizeof(r->node)) && r->nprocs >= BOOT_PROCS_MIN &&
	    r->nprocs <= K_PROCS_MAX && r->max_memory >= 64u << 20 &&
	    r->uid_base >= BOOT_UID_REALM && r->uid_base % BOOT_UID_REALM == 0 &&
	    r->uid_base <= UINT32_MAX - BOOT_UID_NODE && (r->groups & 1u << BOOT_V2) != 0 &&
	    r->nfiles <= BOOT_FILES_MAX && r->root < r->nfiles &&
	    r->files[r->root].type == WRIT_TYPE_IMAGE && r->start_len <= sizeof(r->start);

	for (unsigned i = 0; ok && i < r->nfiles; i++)
		ok = file_ok(&r->files[i], BOOT_FILE_FD + (int)i);
	return ok && layers_ok(r->maps);
}

static int take_record(void)
{
	int groups[BOOT_GROUP_N];

	k.config = mmap(NULL, sizeof(*k.config), PROT_READ, MAP_SHARED, BOOT_CONFIG_FD, 0);
	if (read(BOOT_RECORD_FD, &record, sizeof(record)) != sizeof(record) ||
	    !record_ok(&record) || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		k_log("no boot record, a wrong one, or too much authority: start it by writ-boot");
		return 64;
	}
	close(BOOT_RECORD_FD);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	for (int i = 0; i < BOOT_GROUP_N; i++)
		groups[i] = (record.groups >> i & 1) != 0 ? BOOT_GROUP_FD + i : -1;
	cgroup_init(groups, record.v2_has);
	k.node = record.node;
	k.logdir = BOOT_LOGS_FD;
	k.nprocs = record.nprocs;
	k.uid_base = record.uid_base;
	for (int i = 0; i < BOOT_MAP_N; i++)
		k.maps[i] = (record.maps >> i & 1) != 0 ? BOOT_MAP_FD + i : 0;
	return 0;
}

/* --- tables --------------------------------------------------------------------------- */

static void make_tables(void)
{
	k.caps = (struct captab){ .slots = k_table(K_SLOTS, sizeof(struct slot)),
		.nslots = K_SLOTS,
		.objs = k_table(K_OBJS, sizeof(struct object)),
		.nobjs = K_OBJS,
		.accts = k_table(K_ACCOUNTS, sizeof(struct account)),
		.naccts = K_ACCOUNTS,
		.blocks = k_table(CAPTAB_WORDS(K_SLOTS), sizeof(uint64_t)) };
	captab_init(&k.caps, k_object_finalise, NULL);
	k.procs = k_table(k.nprocs, sizeof(*k.procs));
#define X(name, n) \
	k.name##s = k_table(n, sizeof(*k.name##s)); \
	k_pool_init(&k.name##_pool, n);
	K_TABLES(X)
#undef X
	k.hooks = k_table(K_OWNS, sizeof(struct k_hook *));
	k.audits = k_table((size_t)K_REALMS * K_AUDITS, sizeof(*k.audits));
	k_pool_init(&k.own_pool, K_OWNS);
	k_gate_init();
	k_mirror_init();
	k.audit_seq = k.next_pid = 1;
}

/* --- root: the first server, and what it is given -------------------------------------- */

/* Give it an object that nobody pays for. The tables are empty still: they can't be full. */
static obj_t give(const struct k_proc *root, uint32_t index, unsigned type, uint32_t body,
    unsigned rights)
{
	obj_t obj = 0;

	captab_obj_new(&k.caps, type, 0, (struct charge){ 0 }, body, &obj);
	captab_insert(&k.caps, 0, captab_cnode_slot(&k.caps, root->cnode, index), obj,
	    (uint16_t)rights, 0);
	return obj;
}

static void give_files(struct k_proc *root)
{
	for (unsigned i = 0; i < record.nfiles; i++) {
		const struct boot_file *f = &record.files[i];
		uint32_t body = k_pool_get(&k.file_pool, 0);
		obj_t obj = give(root, WRIT_BOOT_FIRST + i, f->type, body, f->rights);

		k.files[body] = (struct k_file){ .fd = BOOT_FILE_FD + (int)i, .uid = f->uid };
		k.files[body].writable = (f->rights & WRIT_R_WRITE) != 0;
		memcpy(k.files[body].name, f->name, sizeof(f->name));
		if (i == record.root)
			root->image = obj;
	}
}

static int boot_root(void)
{
	struct charge max = { record.max_memory, K_SLOTS / 2, k.nprocs - 1 };
	uint32_t realm = 0;
	struct k_proc *root;

	if (captab_untyped_new(&k.caps, 0, max, &k.untyped) != 0 ||
	    k_realm_new(&(struct writ_realm_req){ .name = "root" }, k.untyped, 0, 1, &realm) != 0 ||
	    (root = k_proc_new(realm)) == NULL ||
	    captab_cnode_new(&k.caps, k.untyped, BOOT_CSPACE_BITS, &root->cnode) != 0)
		return fail("the first objects");
	captab_obj(&k.caps, root->cnode)->body = (uint32_t)(root - k.procs);
	root->profile = WRIT_PROFILE_SERVER;
	root->class = WRIT_CLASS_LC;
	root->memory = (uint64_t)1 << 31;
	root->log_max = 64 << 20;
	memcpy(root->name, "root", 5);
	captab_insert(&k.caps, 0, captab_cnode_slot(&k.caps, root->cnode, WRIT_BOOT_UNTYPED),
	    k.untyped, K_ALL, 0);
	give(root, WRIT_BOOT_SCHED, WRIT_TYPE_SCHED_CONTROL, 0, K_ALL);
	give(root, WRIT_BOOT_AUDIT, WRIT_TYPE_AUDIT, 0, WRIT_R_READ | WRIT_R_GRANT);
	k.realms[realm].obj = give(root, WRIT_BOOT_REALM, WRIT_TYPE_REALM, realm, WRIT_R_READ);
	give_files(root);
	const obj_t held[] = { k.untyped, k.realms[realm].obj, root->cnode, root->image };

	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		captab_hold(&k.caps, held[i]);
	if (k_spawn_gate(root, record.start, record.start_len) != 0)
		return fail("root's gate");
	k.root = root;
	k_proc_start(root);
	return 0;
}

static int open_loop(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGCHLD, SIG_IGN); /* nests: their sockets tell */
	sigprocmask(SIG_BLOCK, &set, NULL);
	k.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	k.epfd = epoll_create1(EPOLL_CLOEXEC);
	k.urgent = epoll_create1(EPOLL_CLOEXEC);
	if (k.sigfd < 0 || k.epfd < 0 || k.urgent < 0)
		return fail("epoll");
	k_epoll(k.epfd, EPOLL_CTL_ADD, k.sigfd, EPOLLIN, K_POLL_SIGNAL, 0);
	k_epoll(k.epfd, EPOLL_CTL_ADD, k.urgent, EPOLLIN, K_POLL_URGENT, 0);
	return 0;
}

int k_boot(void)
{
	int e;

	if ((e = take_record()) != 0 || (e = open_loop()) != 0)
		return e;
	make_tables();
	if ((e = boot_root()) == 0)
		k_log("node %s is up", k.node);
	return e;
}
