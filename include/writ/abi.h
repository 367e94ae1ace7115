/* SPDX-License-Identifier: MIT */
/*
 * The gate: kernel calls of Writ, version 2.
 *
 * Every proc is born with one SOCK_SEQPACKET socket, fd 3. A request is one
 * packet: struct writ_hdr, then the call's own struct, then, where the call has
 * one, bytes. Replies carry the request's cookie and may come in any order;
 * events come unasked. Native byte order, no pointers. docs/abi.md is the manual.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <writ/calls.h>
#include <writ/err.h>

#define WRIT_ABI_VERSION 2
#define WRIT_GATE_FD     3
#define WRIT_MSG_MAX     8192         /* a whole packet, bytes */
#define WRIT_BLOB_MAX    4096         /* start record of a proc, bytes */
#define WRIT_NAME_MAX    32           /* names of procs, realms, images: with the NUL */
#define WRIT_PREFIX_MAX  240          /* prefix of a Path: with the NUL */
#define WRIT_GRANTS_MAX  64           /* capabilities given at spawn */
#define WRIT_STATUS_MAX  512          /* what a proc says as it exits, bytes */
#define WRIT_FDS_MAX     3            /* descriptors in one packet */
#define WRIT_DATA_MAX    4096         /* of a message through an endpoint, bytes */
#define WRIT_CAPS_MAX    3            /* capabilities in one */
#define WRIT_FANOUT_MAX  256          /* objects made by one RETYPE */
#define WRIT_RING_MAX    (256u << 20) /* bytes of one RING; a multiple of 4096 */

/* Header of every packet. */
struct writ_hdr {
	uint16_t op;      /* enum writ_op; a reply repeats it */
	uint16_t version; /* WRIT_ABI_VERSION */
	uint32_t cookie;  /* chosen by the caller, comes back in the reply; 0 in events */
	uint32_t cap;     /* slot of the invoked capability; 0 where none is */
	int32_t status;   /* replies: enum writ_err */
	uint64_t arg;     /* small argument or result, by call */
	uint32_t missing; /* replies: with NO_RIGHT, the rights that were missing */
	uint16_t len;     /* bytes after this header */
	uint8_t nfds;     /* descriptors that come along */
	uint8_t reply;    /* 0 request, 1 reply, 2 event */
};
_Static_assert(sizeof(struct writ_hdr) == 32, "gate header is 32 bytes");
_Static_assert(offsetof(struct writ_hdr, arg) == 16, "no hidden padding");

/*
 * Where a capability lies: @index, @depth bits deep, seen from the CNode in
 * slot @root of the caller's own CSpace. root 0: that CSpace itself. depth 0: all 64 bits.
 */
struct writ_addr {
	uint64_t index;
	uint32_t root;
	uint32_t depth;
};
_Static_assert(sizeof(struct writ_addr) == 16, "");

/*
 * COPY, MINT (badge, or a CNode's guard: value << 6 | bits), MOVE (src, dst
 * only), MUTATE (badge = guard), DELETE, REVOKE, INSPECT (src only).
 * DELETE and REVOKE of an empty slot do nothing, as in seL4.
 */
struct writ_cap_req {
	struct writ_addr src, dst;
	uint32_t rights, pad;
	uint64_t badge;
};
_Static_assert(sizeof(struct writ_cap_req) == 48, "");

/* ROTATE: pivot goes to dst and src to pivot; with dst = src the two change places. */
struct writ_rotate_req {
	struct writ_addr src, pivot, dst;
};
_Static_assert(sizeof(struct writ_rotate_req) == 48, "");

/* INSPECT's reply; a row of CAPS's reply */
struct writ_cap_info {
	uint32_t slot, parent; /* CAPS: numbers of the node-wide table; INSPECT: 0 */
	uint32_t index, cnode; /* in its CSpace; that CNode's object */
	uint32_t pid;          /* whose CSpace; 0: nobody's, or the kernel's own */
	uint32_t obj;
	uint16_t rights;
	uint8_t type, guard_bits; /* enum writ_type */
	uint32_t guard;
	uint64_t badge;
	char name[64]; /* what it is of: prefix, image, proc, realm … (cut short if longer) */
};
_Static_assert(sizeof(struct writ_cap_info) == 104, "");

struct writ_quota {
	uint64_t bytes;
	uint32_t slots, procs;
};
_Static_assert(sizeof(struct writ_quota) == 16, "");

/*
 * RETYPE: @count objects of @type (1 to WRIT_FANOUT_MAX, else RANGE) at once or
 * none, their capabilities in consecutive empty slots from @dst on. Untyped:
 * @max of each; CNode: max.slots is the number of its slots' bits (6..16);
 * Memory: max.bytes; Endpoint, Notification, SchedContext: nothing more.
 * QUOTA's reply: { max, used }.
 */
struct writ_retype_req {
	struct writ_addr dst;
	uint32_t type, count;
	struct writ_quota max;
};
_Static_assert(sizeof(struct writ_retype_req) == 40, "");
struct writ_quota_rep {
	struct writ_quota max, used;
};

/*
 * SEND, NBSEND, CALL, RECV, NBRECV, REPLY, REPLY_RECV (arg = slot of the Reply
 * to answer; cap = the Endpoint); what sends is followed by up to WRIT_DATA_MAX
 * bytes. All slots are of one's own CSpace. Through a Path, arg = a session that
 * one has opened through that very Path.
 */
struct writ_msg_req {
	uint32_t caps[WRIT_CAPS_MAX]; /* slots of capabilities to send: copies go */
	uint32_t take;  /* first slot for those that come (with RECV, or CALL's answer) */
	uint32_t reply; /* receiving: slot for the Reply of a call; 0: none is taken */
	uint8_t ncaps, ntake, pad[2];
};
_Static_assert(sizeof(struct writ_msg_req) == 24, "");

/* What RECV, NBRECV, REPLY_RECV and CALL give, followed by the bytes. */
struct writ_msg_rep {
	uint64_t badge;
	uint32_t pid, realm;            /* who sent it; 0 in a call's answer */
	uint8_t ncaps, unwrapped, call; /* slots used; bit i: badges[i] holds; it wants an answer */
	uint8_t pad;
	uint32_t session;               /* the client's, when it came through a Path; else 0 */
	uint64_t badges[WRIT_CAPS_MAX]; /* the i-th was to this very endpoint: no slot is used */
};
_Static_assert(sizeof(struct writ_msg_rep) == 48, "");

/* CONFIGURE. cap: SchedControl. SCHED: cap is the Proc, arg the slot of the SchedContext or 0. */
struct writ_sched_req {
	uint32_t context;        /* slot of the SchedContext */
	uint32_t class, cores;   /* enum writ_class; millicores */
	uint32_t weight;         /* CPU share against others of its realm, 1..10000; 100 is usual */
	uint32_t period, budget; /* us of CPU time in each period; 0: not bounded */
};
_Static_assert(sizeof(struct writ_sched_req) == 24, "");

/*
 * PATH: cap is an Endpoint (rights grant) or a Path. @prefix is appended to the
 * source's; it starts with '/' and has no "." or ".." or empty component; "" or
 * "/" keeps the source's. @rights must be a part of the source's (of a Path).
 * @badge is kept when 0; else the source must be unbadged.
 */
struct writ_path_req {
	struct writ_addr dst;
	uint32_t rights, pad;
	uint64_t badge;
	char prefix[WRIT_PREFIX_MAX];
};
_Static_assert(sizeof(struct writ_path_req) == 272, "");

/*
 * GRANT: arg = a session that the caller serves; struct writ_path_req. The Path
 * leads to the session's endpoint with its badge; @prefix is appended to the
 * session's, @rights must be a part of its rights, @badge must be 0. It is
 * derived from the session: it goes when the client's Path is revoked.
 */

/* CONNECT: arg bit 0: BUSY, instead of waiting, when nobody listens. Its reply: arg = session. */
struct writ_connect_rep {
	uint32_t session, rights;
	uint32_t server, pad; /* pid; 0: nobody listens yet */
	char prefix[WRIT_PREFIX_MAX];
};
_Static_assert(sizeof(struct writ_connect_rep) == 256, "");

/*
 * RING: arg = a session that one has opened; @bytes of memory that only the two
 * sides see, at most WRIT_RING_MAX, charged until the next RING (0 bytes: none)
 * or the session's end. @bells: with two eventfds. @tag is for the server.
 * Reply's fds: memory[, bell to wait on, bell to ring].
 */
struct writ_ring_req {
	uint64_t bytes, tag;
	uint32_t bells, pad;
};
_Static_assert(sizeof(struct writ_ring_req) == 24, "");
struct writ_ev_ring {
	uint32_t session, bells;
	uint64_t bytes, tag;
};
_Static_assert(sizeof(struct writ_ev_ring) == 24, "");

/* What the kernel attests of a client to its server. CLOSE: arg = session. */
struct writ_ev_connect {
	uint32_t session;
	uint32_t rights; /* of the Path the client holds */
	uint64_t badge;
	uint32_t pid, realm; /* the client */
	char prefix[WRIT_PREFIX_MAX];
};
_Static_assert(sizeof(struct writ_ev_connect) == 264, "");

/* IMAGE: fds[0] is a memfd with all four seals; *name* is for people. Charged its size. */
struct writ_image_req {
	struct writ_addr dst;
	char name[WRIT_NAME_MAX];
};

/*
 * REALM. @account: slot of the Untyped that the realm's procs are charged to.
 * @host: slot of a Host folder that the realm's user id is to own, or 0.
 * Reply: arg = realm's number | its user id on the host << 32.
 * memory (bytes) and cores (millicores) are the cgroup's limits; 0: none.
 * requires: layers (bit of each enum writ_layer) that its procs must be held by, for who
 * attaches them; to start no proc before they are active is up to the caller.
 */
struct writ_realm_req {
	struct writ_addr dst;
	uint32_t account, host;
	uint64_t memory;
	uint32_t cores, requires;
	char name[WRIT_NAME_MAX];
};
_Static_assert(sizeof(struct writ_realm_req) == 72, "");

/* SPAWNCAP: cap is a Realm (right write) or a Spawn. Limits are of all procs alive under it. */
struct writ_spawncap_req {
	struct writ_addr dst;
	uint32_t classes;      /* 1 << enum writ_class */
	uint32_t profiles;     /* 1 << enum writ_profile */
	uint32_t procs, cores; /* procs at once; millicores reserved at once */
	uint64_t memory;       /* bytes, the sum of their limits */
};
_Static_assert(sizeof(struct writ_spawncap_req) == 40, "");

/* One capability for the new proc: a copy of the spawner's @src, in the child's slot @dst. */
struct writ_grant {
	uint32_t src, dst, rights;
};

/*
 * SPAWN: this, then ngrants × struct writ_grant, then @blob bytes of start
 * record (libsys/start.h; the kernel doesn't read it). dst gets the Proc
 * capability. Reply: arg = pid. The proc is pending until the scheduler starts it.
 */
struct writ_spawn_req {
	struct writ_addr dst;
	uint32_t image; /* slot of the Image */
	uint8_t class, profile, cnode_bits, ngrants;
	uint32_t cores;   /* millicores wanted; LC: reserved */
	uint32_t flags;   /* WRIT_SPAWN_... */
	uint64_t memory;  /* limit on private memory, bytes; not 0 */
	uint64_t log_max; /* limit on the log, bytes; at most the spawner's own */
	uint32_t blob, pad;
	char name[WRIT_NAME_MAX];
};
_Static_assert(sizeof(struct writ_spawn_req) == 88, "");
enum {
	WRIT_SPAWN_NOLOG = 1, /* stdout and stderr go nowhere */
	WRIT_SPAWN_HOLD = 2,  /* the scheduler isn't asked: who holds SchedControl starts it */
};

/* EV_BEGIN: who one is; the start record follows. */
struct writ_begin {
	uint32_t pid, parent, realm, blob;
	char name[WRIT_NAME_MAX], realm_name[WRIT_NAME_MAX];
};
_Static_assert(sizeof(struct writ_begin) == 80, "");

/*
 * WAIT: arg = enum writ_wait. Replies when it has come to that, or the proc
 * ended first: struct writ_wait_rep, then len - sizeof bytes that it said.
 */
enum writ_wait { WRIT_WAIT_START, WRIT_WAIT_EXIT };
struct writ_wait_rep {
	uint32_t pid, state;      /* enum writ_state */
	int32_t code;             /* EXITED: exit code; KILLED: signal; FAILED: errno */
	uint32_t said;            /* bytes behind this struct */
	uint64_t cpu_ns, rss_max; /* of its life; 0 while it runs */
};
_Static_assert(sizeof(struct writ_wait_rep) == 32, "");

/* EXITED: arg = code (0..255); then up to WRIT_STATUS_MAX bytes for whoever waits. */

/* EV_PENDING, EV_RUNNING, EV_EXIT. START: arg = pid. */
struct writ_ev_proc {
	uint32_t pid, realm;
	uint32_t class, cores; /* millicores */
	uint64_t memory;       /* bytes */
};
_Static_assert(sizeof(struct writ_ev_proc) == 24, "");

/* CSPACE: the body is the struct writ_addr where the CNode's capability is to come. */

/* STAT's reply is one row. PROCS: arg = first row to give. Reply: arg = row to go on with (0:
 * done), then rows. Ended procs are kept for a while. */
/* clang-format off */
#define WRIT_PROC_ROW \
	uint32_t pid, parent, realm; \
	uint8_t state, class, profile, suspended; \
	int32_t host_pid; /* as the host sees it; 0 when it has none */ \
	int32_t code; \
	uint64_t start_ns, end_ns;        /* CLOCK_BOOTTIME */ \
	uint64_t memory, cpu_ns, rss_max; /* limit, bytes; of ended procs: CPU time and peak */ \
	uint32_t log;         /* number of its log file: NODE's log folder, "%u.log"; 0: none yet */ \
	uint32_t refused;     /* refusals counted against it */ \
	uint32_t layers, pad; /* bit of each enum writ_layer it is held by now; 0: it doesn't run */ \
	char name[WRIT_NAME_MAX];
/* clang-format on */
struct writ_proc_row {
	WRIT_PROC_ROW
};
_Static_assert(sizeof(struct writ_proc_row) == 112, "");

/* A row of OBJECTS's reply; arg as for CAPS. Objects that belong to it are numbers, too. */
struct writ_object {
	uint32_t obj, payer; /* payer: the Untyped; 0: the node itself */
	uint32_t type, refs;
	union {                            /* by type */
		struct writ_quota untyped; /* what it allows */
		struct {
			uint32_t bits, pid; /* pid: of the proc whose CSpace it is; or 0 */
		} cnode;
		struct {
			uint64_t size;
			uint32_t uid; /* Host: user id of who is to serve it */
		} file;               /* Memory, Image, Host */
		uint32_t endpoint;    /* a Path's */
		struct {
			struct writ_proc_row row;
			uint32_t cnode, image; /* image: while it is pending */
			uint32_t cores, held;
			uint64_t log_max;
		} proc;
		struct {
			uint32_t untyped, number, uid, cores;
			uint64_t memory;
		} realm;
		struct {
			struct writ_spawncap_req max;
			uint32_t realm, parent; /* parent: the Spawn it came from, or 0 */
		} spawn;
		struct {
			struct writ_sched_req set;
			uint32_t proc; /* 0: none is under it */
		} context;
	};
	char name[WRIT_PREFIX_MAX]; /* prefix, name of image, realm, proc, host folder */
};
_Static_assert(sizeof(struct writ_object) == 392, "");

/* CAPS: arg = slot to go on from (0: begin). Reply: arg = next (0: done), then rows of struct
 * writ_cap_info. */

/*
 * AUDIT: arg = first sequence number wanted. Reply: arg = next to ask for, then records, of which
 * none changes any more. Each realm has a ring of its own; rseq counts its records from 1, so what
 * was overwritten before it was read is what is missing there. chain = SHA-256 of the record up to
 * the end of what, without its NUL; first in it is the chain of the realm's record before (zeros in
 * the first, which is of kind NODE and names the node and when it was started). Unused bytes of
 * text are zeros.
 */
/* clang-format off */
#define WRIT_AUDIT_KINDS(X) \
	X(NONE,    "none") \
	X(REFUSED, "refused")  /* the kernel refused a call */ \
	X(NOTED,   "noted")    /* a proc or its server reports a refusal */ \
	X(DERIVED, "derived")  X(REVOKED, "revoked") \
	X(GRANTED, "granted")  /* missing = its rights. SPAWN: to this new proc, other = the giver's pid; \
				a message: by this proc, other = the taker's pid */ \
	X(SPAWNED, "spawned")  X(STARTED, "started")  /* other = the scheduler's pid */ \
	X(ENDED,   "ended") \
	X(MADE,    "made")     X(NODE,    "node")
/* clang-format on */
enum writ_audit_kind {
#define X(id, name) WRIT_AUDIT_##id,
	WRIT_AUDIT_KINDS(X)
#undef X
	    WRIT_AUDIT_N
};
struct writ_audit_rec {
	uint8_t prev[32];            /* chain of the realm's record before */
	uint64_t seq, rseq, time_ns; /* number on the node; of its realm; CLOCK_REALTIME */
	uint32_t pid, realm;         /* who asked */
	uint16_t kind, op;           /* enum writ_audit_kind, enum writ_op */
	int32_t status;              /* enum writ_err */
	uint32_t missing;            /* rights that were missing */
	uint32_t count;              /* the same refusal, so often in a row */
	uint32_t by;                 /* NOTED: pid of the server that reports; else 0 */
	uint32_t other;              /* pid or object concerned */
	char name[WRIT_NAME_MAX], realm_name[WRIT_NAME_MAX]; /* the proc's and its realm's */
	char what[WRIT_PREFIX_MAX];                          /* path, image, reason */
	uint8_t chain[32];
};
_Static_assert(sizeof(struct writ_audit_rec) == 424, "");
_Static_assert(offsetof(struct writ_audit_rec, what) == 152, "no padding in what is hashed");

/* NOTE: arg = session (0: of oneself). Nothing is trusted of it but who sent it. */
struct writ_note_req {
	uint32_t right, status;
	char what[WRIT_PREFIX_MAX];
};
_Static_assert(sizeof(struct writ_note_req) == 248, "");

/*
 * What root, the first server, holds at boot; the rest (images, host folders,
 * the node's manifest) lies from WRIT_BOOT_FIRST on and is named in its start record.
 */
enum writ_boot_slot {
	WRIT_BOOT_UNTYPED = 1,
	WRIT_BOOT_SCHED,
	WRIT_BOOT_AUDIT,
	WRIT_BOOT_REALM,
	WRIT_BOOT_SPAWN,
	WRIT_BOOT_FIRST = 16,
};
#define WRIT_BOOT_OP ".op" /* Host folder of the operator's socket; manifests can't name it */
