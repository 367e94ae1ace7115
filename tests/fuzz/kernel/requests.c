/* SPDX-License-Identifier: MIT */
/*
 * Requests that are likely to do something: of every call, with slots that hold
 * what it wants, and now and then with a length, a byte or a slot that is wrong.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "tests/fuzz/kernel/world.h"

static const char *const names[] = {
#define X(id, name, ...) [WRIT_OP_##id] = #name,
	WRIT_CALLS(X)
#undef X
};

static const struct {
	uint8_t op, role, type;
} wants[] = {
#define X(op, type, role, rights, one) { WRIT_OP_##op, WRIT_BY_##role, WRIT_TYPE_##type },
	WRIT_INVOCATIONS(X)
#undef X
};

/* The one that asks, and what it asks for. */
static const struct k_proc *proc;
static unsigned op;

/* --- slots --------------------------------------------------------------------- */

static unsigned type_in(uint32_t i)
{
	const struct slot *s = captab_slot(&k.caps, captab_cnode_slot(&k.caps, proc->cnode, i));

	return s != NULL ? s->cap.type : WRIT_TYPE_NULL;
}

static uint32_t wanted(unsigned role)
{
	uint32_t types = 0;

	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		if (wants[i].op == op && wants[i].role == role)
			types |= 1u << wants[i].type;
	return types;
}

/* A slot of the caller's that holds one of @types. */
static uint32_t slot_with(uint32_t types)
{
	uint32_t found[256], n = 0;
	unsigned how = pick(16);

	if (how == 15)
		return pick(2) == 0 ? pick(300) : 0xfffffff0u + pick(16);
	if (how == 14)
		types = UINT32_MAX & ~1u;
	for (uint32_t i = 1; i < 256; i++)
		if ((types >> type_in(i) & 1) != 0)
			found[n++] = i;
	return n > 0 ? found[pick(n)] : pick(80);
}

static uint32_t slot_full(void)
{
	return slot_with(UINT32_MAX & ~1u);
}

static uint32_t slot_empty(void)
{
	uint32_t from = pick(48) + 11;

	if (pick(16) == 15)
		return pick(64);
	while (from < 256 && type_in(from) != WRIT_TYPE_NULL)
		from++;
	return from;
}

/* Mostly in the own CSpace; else through a CNode that lies there. */
static struct writ_addr addr(uint32_t slot)
{
	struct writ_addr a = { .index = slot };
	const struct slot *s;

	if (pick(4) != 3)
		return a;
	a.root = slot_with(1u << WRIT_TYPE_CNODE);
	a.index = pick(70);
	s = captab_slot(&k.caps, captab_cnode_slot(&k.caps, proc->cnode, a.root));
	a.depth = 6;
	if (s != NULL && captab_obj(&k.caps, s->cap.obj) != NULL) {
		unsigned guard = s->cap.flags & CAP_GUARD_BITS;

		a.depth = captab_obj(&k.caps, s->cap.obj)->bits + guard;
		if (pick(4) != 3 && a.depth < 60)
			a.index |= (uint64_t)s->cap.guard
			    << captab_obj(&k.caps, s->cap.obj)->bits % 64;
	}
	if (pick(8) == 7)
		a.depth = pick(70);
	return a;
}

static uint32_t rights(void)
{
	static const uint32_t some[] = { 0x1ff, 1, 2, 3, 0x80, 0x81, 0x82, 0x83, 0x183, 0x102, 0,
		0x40, 0xc0, 0x13, 0x3ff, 0x1bf };

	return some[pick(16)];
}

static uint64_t session(void)
{
	uint64_t ids[8];
	unsigned n = 0;

	for (uint32_t i = 1; i < k.session_pool.used_to && n < 8; i++)
		if (k.sessions[i].id != 0)
			ids[n++] = k.sessions[i].id;
	return n > 0 && pick(8) != 7 ? ids[pick(n)] : pick(70000);
}

int sealed_memfd(bool seal)
{
	int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && seal)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
}

static void attach(struct ask *a)
{
	int fd = pick(8) == 7 ? eventfd(0, EFD_CLOEXEC) : sealed_memfd(pick(8) != 7);

	if (fd >= 0 && a->nfds < W_FDS_MAX)
		a->fds[a->nfds++] = fd;
	a->h.nfds = (uint8_t)a->nfds;
}

/* --- bodies ------------------------------------------------------------------------ */

static void put(struct ask *a, const void *what, size_t n)
{
	if (a->len + n > sizeof(a->body))
		return;
	memcpy(a->body + a->len, what, n);
	a->len += n;
}

static void put_name(char *name, size_t size)
{
	snprintf(name, size, "%c%u", pick(32) == 31 ? '/' : 'n', pick(8));
}

static void put_cap(struct ask *a)
{
	struct writ_cap_req r = { .rights = rights() };

	r.src = addr(op == WRIT_OP_MUTATE       ? slot_with(1u << WRIT_TYPE_CNODE)
		: op == WRIT_OP_MOVE && pick(2) ? slot_with(1u << WRIT_TYPE_REPLY)
						: slot_full());
	r.dst = addr(slot_empty());
	r.badge = pick(3) != 0 ? pick(8) : (uint64_t)pick(64) << 6 | pick(64);
	put(a, &r, sizeof(r));
}

static void put_rotate(struct ask *a)
{
	struct writ_rotate_req r = { .src = addr(slot_full()), .pivot = addr(slot_full()) };

	r.dst = pick(2) == 0 ? r.src : addr(slot_empty());
	put(a, &r, sizeof(r));
}

static void put_retype(struct ask *a)
{
	static const uint8_t types[] = { WRIT_TYPE_UNTYPED, WRIT_TYPE_CNODE, WRIT_TYPE_ENDPOINT,
		WRIT_TYPE_NOTIFICATION, WRIT_TYPE_SCHED_CONTEXT, WRIT_TYPE_MEMORY,
		WRIT_TYPE_ENDPOINT, WRIT_TYPE_PROC };
	struct writ_retype_req r = { .type = types[pick(8)],
		.count = pick(8) == 7 ? pick(300) : 1 + pick(3),
		.dst = addr(slot_empty()) };

	r.max.slots = r.type == WRIT_TYPE_CNODE ? 6 + pick(4) : pick(128);
	r.max.bytes = pick(4) == 3 ? pick(1 << 20) : pick(4) << 16;
	r.max.procs = pick(3);
	put(a, &r, sizeof(r));
}

static void put_path(struct ask *a)
{
	static const char *const some[] = { "", "/", "/a", "/a/b", "/a/../b", "a", "//", "/x\n" };
	struct writ_path_req r = { .dst = addr(slot_empty()),
		.rights = rights() & 0xff,
		.badge = pick(4) == 3 ? pick(9) : 0 };

	snprintf(r.prefix, sizeof(r.prefix), "%s", some[pick(8)]);
	if (pick(32) == 31)
		memset(r.prefix + 1, 'p', sizeof(r.prefix) - 1 - pick(3));
	put(a, &r, sizeof(r));
}

static void put_image(struct ask *a)
{
	struct writ_image_req r = { .dst = addr(slot_empty()) };

	put_name(r.name, sizeof(r.name));
	put(a, &r, sizeof(r));
	attach(a);
}

static void put_realm(struct ask *a)
{
	struct writ_realm_req r = { .dst = addr(slot_empty()),
		.account = slot_with(1u << WRIT_TYPE_UNTYPED),
		.host = pick(4) == 3 ? slot_with(1u << WRIT_TYPE_HOST) : 0 };

	put_name(r.name, sizeof(r.name));
	put(a, &r, sizeof(r));
}

static void put_spawncap(struct ask *a)
{
	struct writ_spawncap_req r = { .dst = addr(slot_empty()),
		.classes = pick(5),
		.profiles = 1 + pick(8),
		.procs = pick(6),
		.cores = pick(5) * 1000,
		.memory = (uint64_t)pick(5) << 20 };

	put(a, &r, sizeof(r));
}

static void put_spawn(struct ask *a)
{
	struct writ_spawn_req r = { .dst = addr(slot_empty()),
		.image = slot_with(1u << WRIT_TYPE_IMAGE),
		.class = (uint8_t)pick(2),
		.profile = (uint8_t)pick(3),
		.cnode_bits = pick(16) == 15 ? (uint8_t)pick(20) : 0,
		.ngrants = (uint8_t)pick(6),
		.cores = pick(3) * 500,
		.flags = pick(4),
		.memory = 1 + pick(1 << 20),
		.log_max = pick(1000),
		.blob = pick(8) == 7 ? pick(WRIT_BLOB_MAX) : pick(16) };

	put_name(r.name, sizeof(r.name));
	put(a, &r, sizeof(r));
	for (unsigned i = 0; i < r.ngrants; i++) {
		struct writ_grant g = { slot_full(), 1 + i, 0 };
		const struct slot *s = captab_slot(&k.caps,
		    captab_cnode_slot(&k.caps, proc->cnode, g.src));

		g.rights = s != NULL && pick(8) != 7 ? s->cap.rights : rights();
		put(a, &g, sizeof(g));
	}
	a->len += r.blob;
}

static void put_message(struct ask *a)
{
	struct writ_msg_req r = { .take = slot_empty(),
		.ncaps = pick(3) == 2 ? (uint8_t)pick(4) : 0,
		.ntake = pick(3) != 2 ? (uint8_t)pick(4) : 0 };

	for (unsigned i = 0; i < WRIT_CAPS_MAX && i < r.ncaps; i++)
		r.caps[i] = slot_full();
	if (pick(8) != 7)
		r.reply = slot_empty();
	put(a, &r, sizeof(r));
	a->len += pick(16) == 15 ? pick(WRIT_DATA_MAX + 2) : pick(32);
	if (op == WRIT_OP_REPLY_RECV)
		a->h.arg = slot_with(1u << WRIT_TYPE_REPLY);
	if (op == WRIT_OP_REPLY_RECV && pick(2) == 1)
		memcpy(a->body + offsetof(struct writ_msg_req, reply), &a->h.arg, sizeof(r.reply));
}

static void put_configure(struct ask *a)
{
	struct writ_sched_req r = { .context = slot_with(1u << WRIT_TYPE_SCHED_CONTEXT),
		.class = pick(2),
		.cores = pick(4000),
		.weight = pick(16) == 15 ? 0 : 1 + pick(10000),
		.period = 1000 + pick(100) * 1000,
		.budget = pick(2) * 1000 };

	put(a, &r, sizeof(r));
}

static void put_note(struct ask *a)
{
	struct writ_note_req r = { .right = rights(), .what = "it" };

	a->h.arg = pick(2) == 0 ? 0 : session();
	put(a, &r, sizeof(r));
}

static void put_ring(struct ask *a)
{
	struct writ_ring_req r = { .bytes = pick(4) * 4096, .tag = pick(9), .bells = pick(2) };

	put(a, &r, sizeof(r));
}

static void put_cspace(struct ask *a)
{
	struct writ_addr dst = addr(slot_empty());

	put(a, &dst, sizeof(dst));
}

/* --- arguments ------------------------------------------------------------------------ */

static uint64_t argument(const struct client *c)
{
	switch (op) {
	case WRIT_OP_WAIT: return pick(8) == 7 ? pick(256) : pick(2);
	case WRIT_OP_SEND:
	case WRIT_OP_NBSEND:
	case WRIT_OP_CALL:
	case WRIT_OP_RING:
	case WRIT_OP_CLOSE:
	case WRIT_OP_GRANT: return session();
	case WRIT_OP_START: return pick(k.next_pid + 1);
	case WRIT_OP_SCHED: return pick(3) == 0 ? 0 : slot_with(1u << WRIT_TYPE_SCHED_CONTEXT);
	case WRIT_OP_CANCEL: return c->nasked > 0 ? c->asked[pick(c->nasked)] : pick(100);
	case WRIT_OP_PROCS:
	case WRIT_OP_CAPS:
	case WRIT_OP_AUDIT:
	case WRIT_OP_OBJECTS: return pick(4) == 3 ? UINT64_MAX - pick(300) : pick(10000);
	default: return pick(2);
	}
}

static void make_body(struct ask *a)
{
	switch (op) {
	case WRIT_OP_COPY:
	case WRIT_OP_MINT:
	case WRIT_OP_MOVE:
	case WRIT_OP_MUTATE:
	case WRIT_OP_DELETE:
	case WRIT_OP_REVOKE:
	case WRIT_OP_INSPECT: put_cap(a); break;
	case WRIT_OP_ROTATE: put_rotate(a); break;
	case WRIT_OP_RETYPE: put_retype(a); break;
	case WRIT_OP_PATH:
	case WRIT_OP_GRANT: put_path(a); break;
	case WRIT_OP_IMAGE: put_image(a); break;
	case WRIT_OP_REALM: put_realm(a); break;
	case WRIT_OP_SPAWNCAP: put_spawncap(a); break;
	case WRIT_OP_SPAWN: put_spawn(a); break;
	case WRIT_OP_SEND:
	case WRIT_OP_NBSEND:
	case WRIT_OP_CALL:
	case WRIT_OP_RECV:
	case WRIT_OP_NBRECV:
	case WRIT_OP_REPLY:
	case WRIT_OP_REPLY_RECV: put_message(a); break;
	case WRIT_OP_CONFIGURE: put_configure(a); break;
	case WRIT_OP_NOTE: put_note(a); break;
	case WRIT_OP_CSPACE: put_cspace(a); break;
	case WRIT_OP_RING: put_ring(a); break;
	case WRIT_OP_EXITED: a->len = pick(20); break;
	default: break;
	}
}

/* What root may still do when it is to give nobody anything. */
static bool gives_nothing(unsigned which)
{
	static const uint8_t ops[] = { WRIT_OP_DELETE, WRIT_OP_REVOKE, WRIT_OP_INSPECT,
		WRIT_OP_QUOTA, WRIT_OP_LISTEN, WRIT_OP_CLOSE, WRIT_OP_KILL, WRIT_OP_WAIT,
		WRIT_OP_START, WRIT_OP_PROCS, WRIT_OP_CAPS, WRIT_OP_AUDIT, WRIT_OP_OBJECTS,
		WRIT_OP_RECV, WRIT_OP_NBRECV, WRIT_OP_CANCEL, WRIT_OP_CANCEL_SENDS, WRIT_OP_SIGNAL,
		WRIT_OP_POLL, WRIT_OP_BIND, WRIT_OP_UNBIND, WRIT_OP_SUSPEND, WRIT_OP_RESUME,
		WRIT_OP_STAT, WRIT_OP_CONFIGURE, WRIT_OP_NOTE };

	for (size_t i = 0; i < sizeof(ops); i++)
		if (ops[i] == which)
			return true;
	return false;
}

/* Whoever has a Reply mostly answers; else what needs two is asked more often. */
static unsigned some_op(void)
{
	static const uint8_t talk[] = { WRIT_OP_CALL, WRIT_OP_CALL, WRIT_OP_SEND, WRIT_OP_NBSEND,
		WRIT_OP_RECV, WRIT_OP_RECV, WRIT_OP_RECV, WRIT_OP_NBRECV, WRIT_OP_CONNECT,
		WRIT_OP_RING, WRIT_OP_LISTEN, WRIT_OP_SIGNAL, WRIT_OP_WAIT };
	static const uint8_t answer[] = { WRIT_OP_REPLY, WRIT_OP_REPLY, WRIT_OP_REPLY_RECV,
		WRIT_OP_REPLY_RECV, WRIT_OP_MOVE, WRIT_OP_ROTATE };
	bool has = false;

	for (uint32_t i = 1; i < 64; i++)
		has |= type_in(i) == WRIT_TYPE_REPLY;
	if (has && pick(2) == 0)
		return answer[pick(sizeof(answer))];
	return pick(3) == 0 ? talk[pick(sizeof(talk))] : 1 + pick(WRIT_OP_N - 1);
}

void make_request(const struct client *c, struct ask *a)
{
	proc = &k.procs[c->pid % k.nprocs];
	op = some_op();
	if (w.isolated && proc == k.root && !gives_nothing(op))
		op = WRIT_OP_START;
	memset(a, 0, sizeof(*a));
	a->h = (struct writ_hdr){ .version = WRIT_ABI_VERSION,
		.op = (uint16_t)op,
		.cookie = ++w.cookie };
	a->h.cap = slot_with(wanted(WRIT_BY_CAP));
	a->h.arg = argument(c);
	make_body(a);
	if (pick(32) == 31)
		a->len = pick(300);
	if (a->len > 0 && pick(16) == 15)
		a->body[pick((uint32_t)a->len)] = (char)pick(256);
	if (a->len > sizeof(a->body))
		a->len = sizeof(a->body);
	a->h.len = (uint16_t)a->len;
	for (unsigned i = pick(32) == 31 ? 1 + pick(4) : 0; i > 0; i--)
		attach(a);
	if (pick(64) == 63)
		a->h.op = (uint16_t)pick(300);
	snprintf(w.what, sizeof(w.what), "%s of slot %u, arg %llu, %u bytes, %u files, by pid %u",
	    names[op], a->h.cap, (unsigned long long)a->h.arg, a->h.len, a->nfds, c->pid);
}
