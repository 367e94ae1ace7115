/* SPDX-License-Identifier: MIT */
/*
 * The gate: kernel calls of Writ, version 1.
 *
 * Every proc is born with one SOCK_SEQPACKET socket, fd 3. A request is one
 * packet: struct writ_hdr, then the call's own struct, then, where the call has
 * one, bytes. Replies carry the request's cookie and may come in any order;
 * events come unasked. Native byte order, no pointers. docs/abi.md is the manual.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <writ/err.h>
#include <writ/rights.h>

#define WRIT_ABI_VERSION 1
#define WRIT_GATE_FD     3
#define WRIT_MSG_MAX     8192 /* a whole packet, bytes */
#define WRIT_BLOB_MAX    4096 /* start record of a proc, bytes */
#define WRIT_NAME_MAX    32   /* names of procs, realms, images: with the NUL */
#define WRIT_PREFIX_MAX  240  /* prefix of a Path: with the NUL */
#define WRIT_GRANTS_MAX  64   /* capabilities given at spawn */
#define WRIT_STATUS_MAX  512  /* what a proc says as it exits, bytes */
#define WRIT_FDS_MAX     3    /* descriptors in one packet */

/*
 * id, handler, object type of the invoked capability (NULL: none is invoked, or
 * the call looks at several types itself), right that it must have, kind of
 * audit record when it succeeds, one line for docs/abi.md
 */
/* clang-format off */
#define WRIT_CALLS(X) \
	X(COPY,      copy,      NULL,          NONE,  DERIVED, "derive a copy with fewer or equal rights") \
	X(MINT,      mint,      NULL,          NONE,  DERIVED, "derive a copy with a badge") \
	X(MOVE,      move,      NULL,          NONE,  NONE,    "move a capability to another slot") \
	X(DELETE,    delete,    NULL,          NONE,  NONE,    "empty a slot") \
	X(REVOKE,    revoke,    NULL,          NONE,  REVOKED, "delete all that was derived from a capability") \
	X(INSPECT,   inspect,   NULL,          NONE,  NONE,    "say what lies in a slot") \
	X(RETYPE,    retype,    UNTYPED,       WRITE, MADE,    "make an Endpoint or a smaller Untyped") \
	X(QUOTA,     quota,     UNTYPED,       READ,  NONE,    "read an account") \
	X(PATH,      path,      NULL,          NONE,  DERIVED, "make a Path from an Endpoint, or a narrower one from a Path") \
	X(LISTEN,    listen,    ENDPOINT,      READ,  NONE,    "have this endpoint's connections come as events") \
	X(CONNECT,   connect,   PATH,          NONE,  NONE,    "open a session with the server behind a Path") \
	X(CLOSE,     close,     NULL,          NONE,  NONE,    "end a session, from either side") \
	X(IMAGE,     image,     UNTYPED,       WRITE, MADE,    "make an Image from a sealed memfd") \
	X(REALM,     realm,     UNTYPED,       WRITE, MADE,    "make a Realm: a name, a user id range, limits") \
	X(SPAWNCAP,  spawncap,  NULL,          NONE,  DERIVED, "make a Spawn from a Realm, or a narrower one from a Spawn") \
	X(SPAWN,     spawn,     SPAWN,         WRITE, SPAWNED, "make a pending proc") \
	X(KILL,      kill,      PROC,          WRITE, NONE,    "end a proc") \
	X(WAIT,      wait,      PROC,          READ,  NONE,    "reply when a proc has reached a state") \
	X(STARTED,   started,   NULL,          NONE,  NONE,    "say that one is ready") \
	X(EXITED,    exited,    NULL,          NONE,  NONE,    "say how one ends; exit follows") \
	X(SCHEDULER, scheduler, SCHED_CONTROL, READ,  NONE,    "become the scheduler: pending procs come as events") \
	X(START,     start,     SCHED_CONTROL, WRITE, NONE,    "start a pending proc") \
	X(PROCS,     procs,     REALM,         READ,  NONE,    "list a realm's procs") \
	X(CAPS,      caps,      AUDIT,         READ,  NONE,    "list the derivation tree") \
	X(AUDIT,     audit,     AUDIT,         READ,  NONE,    "read audit records") \
	X(NOTE,      note,      NULL,          NONE,  NONE,    "report a refusal of one's own, or of a session one serves") \
	X(FD,        fd,        NULL,          NONE,  NONE,    "take out the descriptor of a Memory or a Host folder")
/* clang-format on */

enum writ_op {
	WRIT_OP_NONE,
#define X(id, fn, type, right, flags, doc) WRIT_OP_##id,
	WRIT_CALLS(X)
#undef X
	    WRIT_OP_N,
	/* events, kernel to proc */
	WRIT_EV_BEGIN = 0x100, /* first packet of all: struct writ_begin, then the start record */
	WRIT_EV_CONNECT, /* to a server: struct writ_ev_connect; fds: ring, doorbell to wait on,
			    doorbell to ring */
	WRIT_EV_CLOSED,  /* arg = session: the other side is gone or was revoked */
	WRIT_EV_PENDING, /* to the scheduler: struct writ_ev_proc */
	WRIT_EV_RUNNING, /* to the scheduler, after it became it: a proc that runs already */
	WRIT_EV_EXIT,    /* to the scheduler: a proc it was told of has ended */
};

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

/* COPY, MINT (badge), MOVE (src, dst only), DELETE, REVOKE, INSPECT (src only) */
struct writ_cap_req {
	struct writ_addr src, dst;
	uint32_t rights, pad;
	uint64_t badge;
};
_Static_assert(sizeof(struct writ_cap_req) == 48, "");

/* INSPECT's reply; a row of CAPS's reply */
struct writ_cap_info {
	uint32_t slot, parent; /* CAPS: numbers of the node-wide table; INSPECT: 0 */
	uint32_t index;        /* in its CSpace */
	uint32_t pid;          /* whose CSpace; 0: the kernel's own (sessions, pending procs) */
	uint8_t type, depth;   /* enum writ_type; CAPS: depth in the tree */
	uint16_t rights;
	uint32_t obj;
	uint64_t badge;
	char name[64]; /* what it is of: prefix, image, proc, realm … (cut short if longer) */
};
_Static_assert(sizeof(struct writ_cap_info) == 96, "");

struct writ_quota {
	uint64_t bytes;
	uint32_t slots, procs;
};
_Static_assert(sizeof(struct writ_quota) == 16, "");

/* RETYPE: type ENDPOINT, or UNTYPED with @max. QUOTA's reply: { max, used }. */
struct writ_retype_req {
	uint32_t type, pad;
	struct writ_addr dst;
	struct writ_quota max;
};
_Static_assert(sizeof(struct writ_retype_req) == 40, "");
struct writ_quota_rep {
	struct writ_quota max, used;
};

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

/* CONNECT's reply: arg = session; fds: ring, doorbell to wait on, doorbell to ring. */
struct writ_connect_rep {
	uint32_t session, rights;
	char prefix[WRIT_PREFIX_MAX];
};
_Static_assert(sizeof(struct writ_connect_rep) == 248, "");

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
 */
struct writ_realm_req {
	struct writ_addr dst;
	uint32_t account, host;
	uint64_t memory;
	uint32_t cores, pad;
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

/* EV_PENDING, EV_RUNNING, EV_EXIT. START: arg = pid | class << 32. */
struct writ_ev_proc {
	uint32_t pid, realm;
	uint32_t class, cores; /* millicores */
	uint64_t memory;       /* bytes */
};
_Static_assert(sizeof(struct writ_ev_proc) == 24, "");

/* PROCS: arg = first row to give. Reply: arg = row to go on with (0: done), then rows. Ended procs
 * are kept for a while. */
struct writ_proc_row {
	uint32_t pid, parent, realm;
	uint8_t state, class, profile, pad;
	int32_t host_pid; /* as the host sees it; 0 when it has none */
	int32_t code;
	uint64_t start_ns, end_ns;        /* CLOCK_BOOTTIME */
	uint64_t memory, cpu_ns, rss_max; /* limit, bytes; of ended procs: CPU time and peak */
	uint32_t log;                     /* number of its log file: NODE's log folder, "%u.log" */
	uint32_t refused;                 /* refusals counted against it */
	char name[WRIT_NAME_MAX];
};
_Static_assert(sizeof(struct writ_proc_row) == 104, "");

/* CAPS: arg = slot to go on from (0: begin). Reply: arg = next (0: done), then rows of struct
 * writ_cap_info. */

/*
 * AUDIT: arg = first sequence number wanted. Reply: arg = next to ask for, then records, of which
 * none changes any more. Each realm has a ring of its own; rseq counts its records from 1, so what
 * was overwritten before it was read is what is missing there. chain = SHA-256 of the record up to
 * chain, whose first part is the chain of the realm's record before (zeros in the first, which is
 * of kind NODE and names the node and when it was started). Unused bytes of text are zeros.
 */
/* clang-format off */
#define WRIT_AUDIT_KINDS(X) \
	X(NONE,    "none") \
	X(REFUSED, "refused")  /* the kernel refused a call */ \
	X(NOTED,   "noted")    /* a proc or its server reports a refusal */ \
	X(DERIVED, "derived")  X(REVOKED, "revoked") \
	X(GRANTED, "granted")  /* to a new proc: missing = its rights, other = the giver's pid */ \
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
_Static_assert(offsetof(struct writ_audit_rec, chain) == 392, "the hash is of what lies before");

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
