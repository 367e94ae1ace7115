/* SPDX-License-Identifier: MIT */
/*
 * A hostile proc: random requests of every kind, mostly well formed, so that
 * they get far; bursts, replies left unread, descriptors, ends of all sorts.
 */
#include "hostile.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
	struct writ_hdr h;
	uint8_t body[WRIT_MSG_MAX];
} m;
static struct start_buf record; /* of its children */
static int kept = -1;           /* a descriptor that came, to send */

enum { RWG = WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT };
const uint16_t held_rights[H_HELD] = {
	[H_UNTYPED] = RWG,
	[H_ENDPOINT] = RWG | WRIT_R_GRANT_REPLY,
	[H_BADGED] = RWG | WRIT_R_GRANT_REPLY,
	[H_NOTIFICATION] = RWG,
	[H_PATH] = WRIT_R_ALL,
	[H_CNODE] = RWG,
	[H_SPAWN] = WRIT_R_WRITE | WRIT_R_GRANT,
	[H_IMAGE] = WRIT_R_EXEC | WRIT_R_GRANT,
	[H_MEMORY] = RWG,
	[H_PROC] = RWG,
	[H_REALM] = WRIT_R_READ,
	[H_RECV] = WRIT_R_READ,
	[H_CONTEXT] = RWG,
};

uint64_t random_state = 1;

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void sleep_to_window(unsigned window_ms)
{
	uint64_t ns = window_ms * 1000000ull - now_ns() % (window_ms * 1000000ull);

	nanosleep(&(struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) }, NULL);
}

uint32_t rnd(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1du >> 32) * n >> 32);
}

static uint32_t any_slot(void)
{
	uint32_t r = rnd(100);

	return r < 60 ? 1 + rnd(H_HELD - 1) : r < 97 ? H_HELD + rnd(40) : rnd(UINT32_MAX);
}

static uint32_t own_slot(void) /* mostly of what it has made */
{
	return rnd(16) != 0 ? H_HELD + rnd(40) : any_slot();
}

static struct writ_addr addr(uint32_t index)
{
	struct writ_addr a = { .index = index };

	if (rnd(8) == 0)
		a = (struct writ_addr){ rnd(64), rnd(8) != 0 ? H_CNODE : any_slot(),
			rnd(4) != 0 ? 0 : rnd(80) };
	return a;
}

static uint32_t some_rights(void)
{
	uint32_t r = rnd(WRIT_R_ALL + 1);

	return rnd(3) == 0 ? r : (uint32_t)(WRIT_R_READ | WRIT_R_WRITE) & r;
}

static void name(char *to)
{
	snprintf(to, WRIT_NAME_MAX, rnd(16) != 0 ? "h%u" : "../%u", rnd(100));
}

static size_t cap_body(unsigned op)
{
	bool moves = op != WRIT_OP_COPY && op != WRIT_OP_MINT && op != WRIT_OP_INSPECT &&
	    op != WRIT_OP_REVOKE;
	struct writ_cap_req r = { .src = addr(moves ? own_slot() : any_slot()),
		.dst = addr(own_slot()),
		.rights = some_rights(),
		.badge = rnd(2) * rnd(UINT32_MAX) };

	memcpy(m.body, &r, sizeof(r));
	return sizeof(r);
}

static size_t rotate_body(void)
{
	struct writ_rotate_req r = { addr(own_slot()), addr(own_slot()), addr(own_slot()) };

	memcpy(m.body, &r, sizeof(r));
	return sizeof(r);
}

static size_t retype_body(void)
{
	static const uint32_t types[] = { WRIT_TYPE_UNTYPED, WRIT_TYPE_CNODE, WRIT_TYPE_ENDPOINT,
		WRIT_TYPE_NOTIFICATION, WRIT_TYPE_SCHED_CONTEXT, WRIT_TYPE_MEMORY };
	struct writ_retype_req r = { .type = rnd(16) != 0 ? types[rnd(6)] : rnd(32),
		.count = rnd(8) != 0 ? 1 + rnd(3) : rnd(300),
		.dst = addr(own_slot()),
		.max = { rnd(2) != 0 ? rnd(1 << 16) : rnd(1 << 30), 6 + rnd(12), rnd(2) } };

	m.h.cap = H_UNTYPED;
	memcpy(m.body, &r, sizeof(r));
	return sizeof(r);
}

static size_t message_body(void)
{
	struct writ_msg_req r = { .caps = { any_slot(), any_slot(), any_slot() },
		.take = own_slot(),
		.reply = rnd(2) * own_slot(),
		.ncaps = (uint8_t)(rnd(4) != 0 ? 0 : rnd(5)),
		.ntake = (uint8_t)rnd(4) };

	m.h.cap = rnd(8) != 0 ? (rnd(2) != 0 ? H_ENDPOINT : H_RECV) : any_slot();
	memcpy(m.body, &r, sizeof(r));
	return sizeof(r) + (rnd(8) != 0 ? rnd(64) : rnd(WRIT_DATA_MAX + 64));
}

static size_t reply_body(void)
{
	size_t n = message_body();

	m.h.cap = own_slot();
	return n;
}

static size_t path_body(void)
{
	static const char *const names[] = { "/a", "/b/c", "/", "", "/../x", "//", "/a/./b", "x" };
	struct writ_path_req r = { .dst = addr(own_slot()),
		.rights = some_rights(),
		.badge = rnd(2) * rnd(100) };

	m.h.cap = rnd(2) != 0 ? H_PATH : H_ENDPOINT;
	snprintf(r.prefix, sizeof(r.prefix), "%s", names[rnd(8)]);
	memcpy(m.body, &r, sizeof(r));
	return sizeof(r);
}

static size_t spawn_body(void)
{
	struct writ_spawn_req r = { .dst = addr(own_slot()),
		.image = rnd(8) != 0 ? H_IMAGE : any_slot(),
		.class = (uint8_t)(rnd(16) == 0),
		.cnode_bits = rnd(16) != 0 ? H_BITS : (uint8_t)rnd(20),
		.ngrants = (uint8_t)(H_HELD - 1),
		.flags = WRIT_SPAWN_NOLOG | (rnd(16) == 0 ? WRIT_SPAWN_HOLD : 0),
		.cores = rnd(100),
		.memory = rnd(16) != 0 ? 16 << 20 : rnd(UINT32_MAX),
		.blob = (uint32_t)record.len };
	size_t n = sizeof(r);

	name(r.name);
	m.h.cap = rnd(8) != 0 ? H_SPAWN : any_slot();
	memcpy(m.body, &r, sizeof(r));
	for (uint32_t i = 1; i < H_HELD; i++, n += sizeof(struct writ_grant))
		memcpy(m.body + n, &(struct writ_grant){ i, i, held_rights[i] },
		    sizeof(struct writ_grant));
	memcpy(m.body + n, record.data, record.len);
	return n + record.len;
}

static size_t spawncap_body(void)
{
	struct writ_spawncap_req r = { .dst = addr(own_slot()),
		.classes = 1 + rnd(3),
		.profiles = 1 + rnd(2),
		.procs = rnd(10),
		.cores = rnd(100),
		.memory = rnd(UINT32_MAX) };

	m.h.cap = H_SPAWN;
	memcpy(m.body, &r, sizeof(r));
	return sizeof(r);
}

static size_t other_body(unsigned op)
{
	struct writ_image_req img = { .dst = addr(own_slot()) };
	struct writ_realm_req realm = { .dst = addr(own_slot()), .account = H_UNTYPED };
	struct writ_note_req note = { .right = rnd(512), .status = rnd(40), .what = "/nowhere" };

	switch (op) {
	case WRIT_OP_SPAWNCAP: return spawncap_body();
	case WRIT_OP_IMAGE:
		name(img.name);
		memcpy(m.body, &img, sizeof(img));
		return sizeof(img);
	case WRIT_OP_REALM:
		name(realm.name);
		memcpy(m.body, &realm, sizeof(realm));
		return sizeof(realm);
	case WRIT_OP_CSPACE:
		memcpy(m.body, &(struct writ_addr){ .index = own_slot() },
		    sizeof(struct writ_addr));
		return sizeof(struct writ_addr);
	case WRIT_OP_NOTE:
		snprintf(note.what, sizeof(note.what), "/nowhere/%u", rnd(1000));
		memcpy(m.body, &note, sizeof(note));
		return sizeof(note);
	default: return rnd(16) != 0 ? 0 : rnd(512);
	}
}

static size_t body(unsigned op)
{
	switch (op) {
	case WRIT_OP_COPY:
	case WRIT_OP_MINT:
	case WRIT_OP_MOVE:
	case WRIT_OP_MUTATE:
	case WRIT_OP_DELETE:
	case WRIT_OP_REVOKE:
	case WRIT_OP_INSPECT: return cap_body(op);
	case WRIT_OP_ROTATE: return rotate_body();
	case WRIT_OP_RETYPE: return retype_body();
	case WRIT_OP_SEND:
	case WRIT_OP_NBSEND:
	case WRIT_OP_CALL:
	case WRIT_OP_RECV:
	case WRIT_OP_NBRECV:
	case WRIT_OP_REPLY_RECV: return message_body();
	case WRIT_OP_REPLY: return reply_body();
	case WRIT_OP_PATH:
	case WRIT_OP_GRANT: return path_body();
	case WRIT_OP_SPAWN: return spawn_body();
	default: return other_body(op);
	}
}

/* The capability that the call is for, often enough. */
static uint32_t cap_for(unsigned op)
{
	static const uint8_t fits[WRIT_OP_N] = { [WRIT_OP_QUOTA] = H_UNTYPED,
		[WRIT_OP_IMAGE] = H_UNTYPED,
		[WRIT_OP_REALM] = H_UNTYPED,
		[WRIT_OP_LISTEN] = H_RECV,
		[WRIT_OP_CONNECT] = H_PATH,
		[WRIT_OP_KILL] = H_PROC,
		[WRIT_OP_WAIT] = H_PROC,
		[WRIT_OP_STAT] = H_PROC,
		[WRIT_OP_SUSPEND] = H_PROC,
		[WRIT_OP_RESUME] = H_PROC,
		[WRIT_OP_SCHED] = H_PROC,
		[WRIT_OP_CSPACE] = H_PROC,
		[WRIT_OP_PROCS] = H_REALM,
		[WRIT_OP_FD] = H_MEMORY,
		[WRIT_OP_SIGNAL] = H_NOTIFICATION,
		[WRIT_OP_POLL] = H_NOTIFICATION,
		[WRIT_OP_BIND] = H_NOTIFICATION,
		[WRIT_OP_UNBIND] = H_NOTIFICATION,
		[WRIT_OP_CANCEL_SENDS] = H_BADGED,
		[WRIT_OP_CONSUMED] = H_CONTEXT };

	return op < WRIT_OP_N && fits[op] != 0 && rnd(4) != 0 ? fits[op] : any_slot();
}

static unsigned any_op(void)
{
	unsigned op = rnd(64) != 0 ? 1 + rnd(WRIT_OP_N - 1) : rnd(UINT16_MAX);
	bool ends = op == WRIT_OP_KILL || op == WRIT_OP_SUSPEND || op == WRIT_OP_EXITED;

	/* else few would be left to attack */
	return (ends && rnd(64) != 0) || (op == WRIT_OP_SPAWN && rnd(8) != 0) ? WRIT_OP_RESUME : op;
}

/* A request in m. Returns how long its packet is, whatever it says itself. */
static size_t make(void)
{
	unsigned op = any_op();
	size_t n;

	m.h = (struct writ_hdr){ .op = (uint16_t)op,
		.version = WRIT_ABI_VERSION,
		.cookie = rnd(64),
		.cap = cap_for(op),
		.arg = rnd(4) != 0 ? rnd(16) : (uint64_t)rnd(UINT32_MAX) << rnd(33) };
	n = body(op);
	for (unsigned i = rnd(16) == 0 ? 1 + rnd(4) : 0; i > 0 && n > 0; i--)
		m.body[rnd((uint32_t)n)] ^= (uint8_t)(1 << rnd(8));
	if (rnd(32) == 0)
		n = rnd(2) != 0 ? rnd((uint32_t)n + 64) : rnd(WRIT_MSG_MAX - sizeof(m.h));
	m.h.len = (uint16_t)(rnd(64) != 0 ? n : rnd(UINT16_MAX));
	m.h.version = rnd(128) != 0 ? WRIT_ABI_VERSION : (uint16_t)rnd(9);
	m.h.reply = rnd(128) == 0;
	m.h.nfds = rnd(64) == 0;
	return sizeof(m.h) + n;
}

static bool say(size_t size)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * WRIT_FDS_MAX)];
	} c;
	int fds[WRIT_FDS_MAX] = { WRIT_GATE_FD, 1, kept >= 0 ? kept : 2 };
	unsigned n = rnd(16) == 0 ? 1 + rnd(WRIT_FDS_MAX) : 0;
	struct iovec iov = { &m, size };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > 0) {
		h.msg_control = c.buf;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c.align = (struct cmsghdr){ CMSG_LEN(sizeof(int) * n), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&c.align), fds, sizeof(int) * n);
	}
	return sendmsg(WRIT_GATE_FD, &h, MSG_NOSIGNAL) >= 0;
}

/* What has come. Of descriptors one is kept. */
static void hear(void)
{
	static char buf[WRIT_MSG_MAX];
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * WRIT_FDS_MAX)];
	} c;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &c,
		.msg_controllen = sizeof(c) };

	while (recvmsg(WRIT_GATE_FD, &h, MSG_DONTWAIT) > 0) {
		const struct cmsghdr *cm = CMSG_FIRSTHDR(&h);

		for (size_t i = 0; cm != NULL && CMSG_LEN((i + 1) * sizeof(int)) <= cm->cmsg_len;
		     i++) {
			if (kept >= 0)
				close(kept);
			memcpy(&kept, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
		}
		h.msg_controllen = sizeof(c);
	}
}

static void end_somehow(void)
{
	switch (rnd(6)) {
	case 0: _exit((int)rnd(256));
	case 1: writ_exited((int)rnd(256), "as it likes", 11);
	case 2: __builtin_trap();
	case 3: close(WRIT_GATE_FD); break;
	case 4: /* and not one of the replies is read */
		for (unsigned i = 0; i < 5000; i++) {
			if (!say(make()))
				break;
		}
		break;
	default: call(WRIT_OP_EXITED, 0, 0, NULL, 0); _exit(0);
	}
}

int attack_main(uint64_t seed, unsigned window_ms)
{
	struct pollfd p = { .fd = WRIT_GATE_FD, .events = POLLIN };
	char mode[WRIT_NAME_MAX];

	random_state = (seed ^ writ_self()->pid * 0x9e3779b97f4a7c15u) | 1;
	snprintf(mode, sizeof(mode), "attack:%u:%u", (unsigned)seed, window_ms);
	start_init(&record);
	start_arg(&record, mode);
	for (;;) {
		unsigned burst = rnd(16) != 0 ? 1 : 1 + rnd(100);

		if (!window_attacks(now_ns(), window_ms))
			sleep_to_window(window_ms);
		for (; burst > 0; burst--) {
			if (!say(make()))
				return 1;
		}
		poll(&p, 1, 2); /* some calls are never answered */
		hear();
		if (rnd(2000) == 0)
			end_somehow();
	}
}
