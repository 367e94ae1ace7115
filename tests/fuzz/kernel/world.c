/* SPDX-License-Identifier: MIT */
/*
 * Boot, two realms with two procs each, and the end of it all. Tables are
 * allocated one by one, so that AddressSanitizer sees what lies beside them.
 */
#include "tests/fuzz/kernel/world.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { RIGHTS = WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT, ROOT_BITS = 8, TABLES = 40 };

struct k k;
struct world w;

static void *tables[TABLES];
static unsigned ntables;
static struct k_session *sessions; /* ids name entries of a whole table */
static int host = -1;              /* the kernel never closes host folders */

void world_fail(const char *why)
{
	fprintf(stderr, "after %u requests, %s: %s\n", w.asked, w.what, why);
	abort();
}

/* --- what boot.c gives to the others ---------------------------------------------- */

void k_log(const char *fmt, ...)
{
	(void)fmt;
}

uint64_t k_now(void)
{
	static uint64_t now;

	return now += 400000000;
}

void k_epoll(int ep, int op, int fd, unsigned events, unsigned what, uint32_t index)
{
	struct epoll_event e = { .events = events, .data.u64 = (uint64_t)what << 32 | index };

	if (epoll_ctl(ep, op, fd, &e) != 0)
		world_fail("epoll_ctl");
}

int k_boot(void)
{
	return 1; /* of main(), which is not called */
}

/* --- tables ------------------------------------------------------------------------ */

static void *table(size_t n, size_t size)
{
	size_t bytes = (n * size + 63) / 64 * 64;
	void **m = &tables[ntables++];

	if (ntables > TABLES || (*m = aligned_alloc(64, bytes)) == NULL)
		abort();
	return memset(*m, 0, bytes);
}

static void pool(struct k_pool *p, uint32_t size)
{
	*p = (struct k_pool){ .size = size,
		.used_to = 1,
		.next = table(size, sizeof(*p->next)),
		.share = table(W_REALMS, sizeof(*p->share)) };
}

#define TABLE(name, entries) \
	do { \
		k.name##s = table(entries, sizeof(*k.name##s)); \
		pool(&k.name##_pool, entries); \
	} while (0)

static void make_tables(void)
{
	enum { SESSIONS = 10, OWNS = 16 };

	captab_make(&k.caps, table(1, captab_size(W_SLOTS, W_OBJS, W_ACCOUNTS)), W_SLOTS, W_OBJS,
	    W_ACCOUNTS, k_object_finalise, NULL);
	k.config = table(1, sizeof(*k.config));
	k.nprocs = W_PROCS;
	k.procs = table(W_PROCS, sizeof(*k.procs));
	TABLE(realm, W_REALMS);
	TABLE(endpoint, 24);
	TABLE(path, 24);
	TABLE(spawn, 24);
	TABLE(file, 14);
	TABLE(wait, 16);
	TABLE(msg, 7);
	TABLE(notification, 24);
	TABLE(context, 24);
	if (sessions == NULL)
		sessions = k_table(K_SESSIONS, sizeof(*sessions));
	memset(sessions, 0, SESSIONS * sizeof(*sessions));
	k.sessions = sessions;
	pool(&k.session_pool, SESSIONS);
	k.hooks = table(OWNS, sizeof(struct k_hook *));
	pool(&k.own_pool, OWNS);
	k.audits = table((size_t)W_REALMS * K_AUDITS, sizeof(*k.audits));
	k_gate_init();
	k.audit_seq = k.next_pid = 1;
	k.node = "fuzz";
	k.logdir = -1;
	k.sigfd = -1;
	k.uid_base = 1u << 30;
	k.epfd = epoll_create1(EPOLL_CLOEXEC);
	k.urgent = epoll_create1(EPOLL_CLOEXEC);
	k_epoll(k.epfd, EPOLL_CTL_ADD, k.urgent, EPOLLIN, K_POLL_URGENT, 0);
}

/* --- root, as boot.c makes it ---------------------------------------------------------- */

static void give(const struct k_proc *root, uint32_t index, obj_t obj, unsigned rights)
{
	captab_insert(&k.caps, 0, captab_cnode_slot(&k.caps, root->cnode, index), obj,
	    (uint16_t)rights, 0);
}

static obj_t object(unsigned type, uint32_t body)
{
	obj_t obj = 0;

	captab_obj_new(&k.caps, type, 0, (struct charge){ 0 }, body, &obj);
	return obj;
}

static void give_files(struct k_proc *root)
{
	uint32_t image = k_pool_get(&k.file_pool, 0), folder = k_pool_get(&k.file_pool, 0);

	host = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	k.files[image] = (struct k_file){ .fd = sealed_memfd(true), .name = "root" };
	k.files[folder] = (struct k_file){ .fd = host, .uid = 1u << 29, .name = "host" };
	root->image = object(WRIT_TYPE_IMAGE, image);
	give(root, WRIT_BOOT_FIRST, root->image, WRIT_R_EXEC | WRIT_R_GRANT);
	give(root, WRIT_BOOT_FIRST + 1, object(WRIT_TYPE_HOST, folder), RIGHTS);
}

static void boot_root(void)
{
	struct charge max = { 1u << 28, W_SLOTS, W_PROCS };
	uint32_t realm;
	struct k_proc *root;
	int sv[2];

	captab_untyped_new(&k.caps, 0, max, &k.untyped);
	k_realm_new(&(struct writ_realm_req){ .name = "root" }, k.untyped, 0, 1, &realm);
	root = k_proc_new(realm);
	captab_cnode_new(&k.caps, k.untyped, ROOT_BITS, &root->cnode);
	k.realms[realm].obj = object(WRIT_TYPE_REALM, realm);
	captab_obj(&k.caps, root->cnode)->body = (uint32_t)(root - k.procs);
	root->profile = WRIT_PROFILE_SERVER;
	root->log_max = 1 << 20;
	memcpy(root->name, "root", 5);
	give(root, WRIT_BOOT_UNTYPED, k.untyped, RIGHTS);
	give(root, WRIT_BOOT_SCHED, object(WRIT_TYPE_SCHED_CONTROL, 0), RIGHTS);
	give(root, WRIT_BOOT_AUDIT, object(WRIT_TYPE_AUDIT, 0), WRIT_R_READ | WRIT_R_GRANT);
	give(root, WRIT_BOOT_REALM, k.realms[realm].obj, WRIT_R_READ);
	give_files(root);
	captab_hold(&k.caps, k.untyped);
	captab_hold(&k.caps, k.realms[realm].obj);
	captab_hold(&k.caps, root->cnode);
	captab_hold(&k.caps, root->image);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
		world_fail("socketpair");
	root->gate = sv[0];
	root->child = sv[1];
	k.root = root;
	k_proc_start(root);
}

/* --- the two realms ------------------------------------------------------------------------ */

static struct client *root_client(void)
{
	return client_of(k.root->pid);
}

static int ask_root(unsigned op, uint32_t cap, uint64_t *arg, const void *body, size_t len)
{
	struct ask a = { .h = { .version = WRIT_ABI_VERSION,
			     .op = (uint16_t)op,
			     .cap = cap,
			     .arg = *arg,
			     .len = (uint16_t)len },
		.len = len };

	memcpy(a.body, body, len);
	snprintf(w.what, sizeof(w.what), "setting up: call %u of slot %u", op, cap);
	return client_ask(root_client(), &a, arg);
}

static void must_ask(unsigned op, uint32_t cap, const void *body, size_t len)
{
	uint64_t arg = 0;

	if (ask_root(op, cap, &arg, body, len) != 0)
		world_fail("is refused");
}

static void retype(unsigned type, uint32_t dst, struct writ_quota max)
{
	struct writ_retype_req r = { .type = type, .count = 1, .dst.index = dst, .max = max };

	must_ask(WRIT_OP_RETYPE, WRIT_BOOT_UNTYPED, &r, sizeof(r));
}

static void owned(uint32_t slot, unsigned who)
{
	slot_t s = captab_cnode_slot(&k.caps, k.root->cnode, slot);
	obj_t o = captab_slot(&k.caps, s)->cap.obj;

	w.owner[o] = (uint8_t)who;
	w.epoch[o] = captab_obj(&k.caps, o)->epoch;
}

enum { EP = 20, NOTE, MEM, PATH, OF_A = 32, OF_B = 48 };

/* What each of the two may reach: it opens sessions, sends and signals, but gives nothing. */
static void make_shared(void)
{
	struct writ_path_req p = { .dst.index = PATH,
		.rights = WRIT_R_READ | WRIT_R_WRITE,
		.prefix = "/srv" };

	retype(WRIT_TYPE_ENDPOINT, EP, (struct writ_quota){ 0 });
	retype(WRIT_TYPE_NOTIFICATION, NOTE, (struct writ_quota){ 0 });
	retype(WRIT_TYPE_MEMORY, MEM, (struct writ_quota){ .bytes = 4096 });
	must_ask(WRIT_OP_PATH, EP, &p, sizeof(p));
	owned(WRIT_BOOT_FIRST, W_A | W_B);
	for (uint32_t s = EP; s <= PATH; s++)
		owned(s, W_A | W_B);
}

/* A realm: Untyped, Realm, Spawn, Endpoint, Notification, SchedContext from slot @at on. */
static void make_realm(uint32_t at, unsigned who, const char *name)
{
	static const struct writ_quota max = { 8 << 20, 900, 6 };
	struct writ_realm_req r = { .dst.index = at + 1, .account = at };
	struct writ_spawncap_req sc = { .dst.index = at + 2,
		.classes = 3,
		.profiles = 7,
		.procs = 6,
		.cores = 4000,
		.memory = 1 << 30 };

	snprintf(r.name, sizeof(r.name), "%s", name);
	retype(WRIT_TYPE_UNTYPED, at, max);
	must_ask(WRIT_OP_REALM, WRIT_BOOT_UNTYPED, &r, sizeof(r));
	must_ask(WRIT_OP_SPAWNCAP, at + 1, &sc, sizeof(sc));
	retype(WRIT_TYPE_ENDPOINT, at + 3, (struct writ_quota){ 0 });
	retype(WRIT_TYPE_NOTIFICATION, at + 4, (struct writ_quota){ 0 });
	retype(WRIT_TYPE_SCHED_CONTEXT, at + 5, (struct writ_quota){ 0 });
	for (uint32_t s = at; s <= at + 5; s++)
		owned(s, who);
}

/* Spawn a proc and start it: what a realm has is given to it, its Untyped to the first only. */
static int spawn(uint32_t at, uint32_t dst, bool first)
{
	const struct writ_grant g[] = { { at + 2, 2, WRIT_R_WRITE | WRIT_R_GRANT },
		{ at + 3, 3, RIGHTS | WRIT_R_GRANT_REPLY }, { at + 4, 4, RIGHTS },
		{ at + 5, 5, RIGHTS }, { WRIT_BOOT_FIRST, 6, WRIT_R_EXEC },
		{ PATH, 7, WRIT_R_READ }, { EP, 8, WRIT_R_WRITE | WRIT_R_GRANT_REPLY },
		{ MEM, 9, WRIT_R_READ }, { NOTE, 10, WRIT_R_WRITE }, { at, 1, RIGHTS } };
	struct {
		struct writ_spawn_req r;
		struct writ_grant g[sizeof(g) / sizeof(g[0])];
	} m = { .r = { .dst.index = dst,
		    .image = WRIT_BOOT_FIRST,
		    .ngrants = sizeof(g) / sizeof(g[0]) - !first,
		    .memory = 1 << 20,
		    .name = "proc" } };
	uint64_t arg = 0;
	int e;

	memcpy(m.g, g, sizeof(g));
	e = ask_root(WRIT_OP_SPAWN, at + 2, &arg, &m, sizeof(m.r) + m.r.ngrants * sizeof(g[0]));
	if (e != 0)
		return e;
	owned(dst, at == OF_A ? W_A : W_B);
	return ask_root(WRIT_OP_START, WRIT_BOOT_SCHED, &arg, "", 0);
}

void world_respawn(void)
{
	const uint32_t at = pick(2) == 0 ? OF_A : OF_B;

	for (uint32_t dst = at + 8; dst < at + 16 && world_alive(); dst++) {
		slot_t s = captab_cnode_slot(&k.caps, k.root->cnode, dst);

		if (captab_slot(&k.caps, s)->cap.type != WRIT_TYPE_NULL)
			continue;
		spawn(at, dst, pick(2) == 0);
		return;
	}
}

bool world_alive(void)
{
	return root_client()->fd >= 0 && k_proc_alive(k.root);
}

void world_settle(void)
{
	for (unsigned i = 0, quiet = 0; i < 1000 && quiet < 3; i++) {
		uint32_t live = k.caps.live_slots;
		bool some = nests_settle();

		some |= kernel_turn();
		kernel_work();
		for (unsigned j = 0; j < W_PROCS; j++)
			client_read(&w.clients[j], UINT32_MAX);
		some |= live != k.caps.live_slots || k.caps.dying_head != 0 ||
		    !k_list_empty(&k.revokes) || k.dying_realms != 0;
		quiet = some ? 0 : quiet + 1;
	}
}

void world_open(uint32_t (*next)(void *arg, uint32_t n), void *arg)
{
	const int few = W_SNDBUF;
	slot_t s;

	memset(&k, 0, sizeof(k));
	w = (struct world){ .next = next, .arg = arg };
	fakes_open();
	w.isolated = pick(4) != 0;
	make_tables();
	boot_root();
	k_own_put(k_own_get(&s)); /* the CNode for them is there from now on */
	world_settle();
	make_shared();
	make_realm(OF_A, W_A, "a");
	make_realm(OF_B, W_B, "b");
	for (unsigned i = 0; i < 4; i++)
		if (spawn(i % 2 == 0 ? OF_A : OF_B, OF_A + 8 + i % 2 * 16 + i / 2, i < 2) != 0)
			world_fail("is not started");
	must_ask(WRIT_OP_SCHEDULER, WRIT_BOOT_SCHED, "", 0);
	world_settle();
	w.small = pick(2) != 0;
	for (uint32_t i = 0; w.small && i < k.nprocs; i++)
		if (k_proc_alive(&k.procs[i]))
			setsockopt(k.procs[i].gate, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
}

/* --- the end -------------------------------------------------------------------------------- */

/* CNodes that hold capabilities to each other live on until who paid for them revokes those. */
static void revoke_cycles(void)
{
	for (slot_t s = 64; s < k.caps.nslots; s++)
		if (captab_slot(&k.caps, s) != NULL)
			captab_delete(&k.caps, s);
	world_settle();
}

/* All but the node's own Untyped. */
static const char *left(void)
{
	const struct account *a = captab_account(&k.caps, k.untyped);

	if (k.caps.live_slots != 0)
		return "the end: capabilities are left";
	if (k.caps.live_objs != 1)
		return "the end: objects are left";
	if (a->used.bytes != 0 || a->used.slots != 0 || a->used.procs != 0)
		return "the end: something is charged";
	if (k.session_pool.shared + k.wait_pool.shared + k.msg_pool.shared + k.file_pool.shared !=
	    0)
		return "the end: a share is still taken";
	for (uint32_t i = 0; i < k.nprocs; i++)
		if (k_proc_alive(&k.procs[i]))
			return "the end: a proc is alive";
	return kernel_verify();
}

const char *world_close(void)
{
	struct k_realm *r = &k.realms[k.root->realm];
	const char *broken;

	snprintf(w.what, sizeof(w.what), "the end");
	w.no_cgroup = w.busy_nest = false;
	w.fail_in = 0;
	fakes_close();
	world_settle();
	broken = kernel_verify_fds();
	captab_unhold(&k.caps, r->obj);
	for (size_t i = 0; i < sizeof(k.own) / sizeof(k.own[0]); i++)
		if (k.own[i] != 0)
			captab_unhold(&k.caps, k.own[i]);
	memset(k.own, 0, sizeof(k.own));
	w.ending = true;
	world_settle();
	revoke_cycles();
	broken = broken != NULL ? broken : left();
	close(k.epfd);
	close(k.urgent);
	close(host);
	while (ntables > 0)
		free(tables[--ntables]);
	return broken;
}

uint32_t pick(uint32_t n)
{
	return n > 1 ? w.next(w.arg, n) : 0;
}

struct client *client_of(uint32_t pid)
{
	return &w.clients[pid % W_PROCS];
}
