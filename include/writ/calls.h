/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls and the rights they need: the two tables from which the gate,
 * its documents and its tests are made. docs/abi.md is the manual.
 */
#pragma once
#include <writ/rights.h>

/*
 * id, name, handler, kind of audit record when it succeeds, what its body is
 * (exactly a struct, a struct and MORE behind it, bytes, or nothing), the addresses
 * that the body begins with (Source, Pivot, Destination of capabilities; D alone:
 * an empty slot for a new one), one line for docs/abi.md. The order is the ABI:
 * add at the end only.
 */
/* clang-format off */
#define WRIT_CALLS(X) \
	X(COPY, copy, derive, DERIVED, EXACT(struct writ_cap_req), SD, \
	  "derive a copy with fewer or equal rights") \
	X(MINT, mint, derive, DERIVED, EXACT(struct writ_cap_req), SD, \
	  "derive a copy with a badge, or of a CNode with a guard") \
	X(MOVE, move, move, NONE, EXACT(struct writ_cap_req), SD, \
	  "move a capability to another slot") \
	X(DELETE, delete, delete, NONE, EXACT(struct writ_cap_req), S, \
	  "empty a slot") \
	X(REVOKE, revoke, revoke, NONE, EXACT(struct writ_cap_req), S, \
	  "delete all that was derived from a capability") \
	X(INSPECT, inspect, inspect, NONE, EXACT(struct writ_cap_req), S, \
	  "say what lies in a slot") \
	X(RETYPE, retype, retype, MADE, EXACT(struct writ_retype_req), D, \
	  "make objects, their capabilities in consecutive slots") \
	X(QUOTA, quota, quota, NONE, NOTHING, NONE, \
	  "read an account") \
	X(PATH, path, path, DERIVED, EXACT(struct writ_path_req), D, \
	  "make a Path from an Endpoint, or a narrower one from a Path") \
	X(LISTEN, listen, listen, NONE, NOTHING, NONE, \
	  "have this endpoint's connections come as events") \
	X(CONNECT, connect, connect, NONE, NOTHING, NONE, \
	  "open a session with the server behind a Path") \
	X(CLOSE, close, close, NONE, NOTHING, NONE, \
	  "end a session, from either side") \
	X(IMAGE, image, image, MADE, EXACT(struct writ_image_req), D, \
	  "make an Image from a sealed memfd") \
	X(REALM, realm, realm, MADE, EXACT(struct writ_realm_req), D, \
	  "make a Realm: a name, a user id range, limits") \
	X(SPAWNCAP, spawncap, spawncap, DERIVED, EXACT(struct writ_spawncap_req), D, \
	  "make a Spawn from a Realm, or a narrower one from a Spawn") \
	X(SPAWN, spawn, spawn, SPAWNED, MORE(struct writ_spawn_req), D, \
	  "make a pending proc") \
	X(KILL, kill, kill, NONE, NOTHING, NONE, \
	  "end a proc") \
	X(WAIT, wait, wait, NONE, NOTHING, NONE, \
	  "reply when a proc has reached a state, or a notification was signalled") \
	X(STARTED, started, started, NONE, NOTHING, NONE, \
	  "say that one is ready") \
	X(EXITED, exited, exited, NONE, BYTES, NONE, \
	  "say how one ends; exit follows") \
	X(SCHEDULER, scheduler, scheduler, NONE, NOTHING, NONE, \
	  "become the scheduler: pending procs come as events") \
	X(START, start, start, NONE, NOTHING, NONE, \
	  "start a pending proc") \
	X(PROCS, procs, procs, NONE, NOTHING, NONE, \
	  "list a realm's procs") \
	X(CAPS, caps, caps, NONE, NOTHING, NONE, \
	  "list the derivation tree") \
	X(AUDIT, audit, audit, NONE, NOTHING, NONE, \
	  "read audit records") \
	X(NOTE, note, note, NONE, EXACT(struct writ_note_req), NONE, \
	  "report a refusal of one's own, or of a session one serves") \
	X(FD, fd, fd, NONE, NOTHING, NONE, \
	  "take out the descriptor of a Memory or a Host folder") \
	X(MUTATE, mutate, move, NONE, EXACT(struct writ_cap_req), SD, \
	  "move a CNode capability and set its guard") \
	X(ROTATE, rotate, rotate, NONE, EXACT(struct writ_rotate_req), SPD, \
	  "move two capabilities in one step") \
	X(CANCEL_SENDS, cancel_sends, cancel_sends, NONE, NOTHING, NONE, \
	  "end the sends that wait with this capability's badge") \
	X(SEND, send, send, NONE, MORE(struct writ_msg_req), NONE, \
	  "send a message when somebody receives it") \
	X(NBSEND, nbsend, send, NONE, MORE(struct writ_msg_req), NONE, \
	  "send a message if somebody waits for one") \
	X(CALL, call, send, NONE, MORE(struct writ_msg_req), NONE, \
	  "send a message and wait for its answer") \
	X(RECV, recv, recv, NONE, MORE(struct writ_msg_req), NONE, \
	  "wait for a message") \
	X(NBRECV, nbrecv, recv, NONE, MORE(struct writ_msg_req), NONE, \
	  "take a message if one waits") \
	X(REPLY, reply, reply, NONE, MORE(struct writ_msg_req), NONE, \
	  "answer a call, once") \
	X(REPLY_RECV, reply_recv, reply_recv, NONE, MORE(struct writ_msg_req), NONE, \
	  "answer a call and wait for the next message") \
	X(CANCEL, cancel, cancel, NONE, NOTHING, NONE, \
	  "give up a call of one's own that has not been answered") \
	X(SIGNAL, signal, signal, NONE, NOTHING, NONE, \
	  "set a notification's bits") \
	X(POLL, poll, poll, NONE, NOTHING, NONE, \
	  "take a notification's bits, also when there are none") \
	X(BIND, bind, bind, NONE, NOTHING, NONE, \
	  "have a notification's signals come as events") \
	X(UNBIND, unbind, unbind, NONE, NOTHING, NONE, \
	  "no longer") \
	X(CSPACE, cspace, cspace, MADE, EXACT(struct writ_addr), D, \
	  "get the CNode of a proc that has not started") \
	X(SUSPEND, suspend, suspend, NONE, NOTHING, NONE, \
	  "stop a proc, or hold it before it starts") \
	X(RESUME, resume, suspend, NONE, NOTHING, NONE, \
	  "let it go on") \
	X(STAT, stat, stat, NONE, NOTHING, NONE, \
	  "read a proc's row of accounts") \
	X(CONFIGURE, configure, configure, NONE, EXACT(struct writ_sched_req), NONE, \
	  "set what a SchedContext allows") \
	X(SCHED, sched, sched, NONE, NOTHING, NONE, \
	  "put a proc under a SchedContext, or under none") \
	X(CONSUMED, consumed, consumed, NONE, NOTHING, NONE, \
	  "read the CPU time used under a SchedContext") \
	X(OBJECTS, objects, objects, NONE, NOTHING, NONE, \
	  "list all objects") \
	X(GRANT, grant, grant, DERIVED, EXACT(struct writ_path_req), D, \
	  "make a Path for a client, bounded by its session") \
	X(RING, ring, ring, NONE, EXACT(struct writ_ring_req), NONE, \
	  "make shared memory for a session one has opened")

/*
 * Who may do what: call, type of a capability it uses, the part this plays in
 * the call, rights of which it needs all, rights of which it needs one. What is
 * not here is refused with INVALID_CAPABILITY, what is here and lacks a right
 * with NO_RIGHT. A call that has no CAP row invokes no capability.
 * CAP: the invoked one (its slot in the header). GIVING: the same, when the
 * message carries capabilities. SRC, DST: the CNode through which a slot is
 * addressed (but one's own root, which needs none). WITH: a further one.
 */
#define WRIT_INVOCATIONS(X) \
	X(COPY,         CNODE,         SRC,    READ,  NONE) \
	X(COPY,         CNODE,         DST,    WRITE, NONE) \
	X(MINT,         CNODE,         SRC,    READ,  NONE) \
	X(MINT,         CNODE,         DST,    WRITE, NONE) \
	X(MOVE,         CNODE,         SRC,    WRITE, NONE) \
	X(MOVE,         CNODE,         DST,    WRITE, NONE) \
	X(MUTATE,       CNODE,         SRC,    WRITE, NONE) \
	X(MUTATE,       CNODE,         DST,    WRITE, NONE) \
	X(ROTATE,       CNODE,         SRC,    WRITE, NONE) \
	X(ROTATE,       CNODE,         DST,    WRITE, NONE) \
	X(DELETE,       CNODE,         SRC,    WRITE, NONE) \
	X(REVOKE,       CNODE,         SRC,    WRITE, NONE) \
	X(INSPECT,      CNODE,         SRC,    READ,  NONE) \
	X(RETYPE,       UNTYPED,       CAP,    WRITE, NONE) \
	X(RETYPE,       CNODE,         DST,    WRITE, NONE) \
	X(QUOTA,        UNTYPED,       CAP,    READ,  NONE) \
	X(IMAGE,        UNTYPED,       CAP,    WRITE, NONE) \
	X(IMAGE,        CNODE,         DST,    WRITE, NONE) \
	X(REALM,        UNTYPED,       CAP,    WRITE | WRIT_R_GRANT, NONE) \
	X(REALM,        UNTYPED,       WITH,   WRITE, NONE) \
	X(REALM,        HOST,          WITH,   GRANT, NONE) \
	X(REALM,        CNODE,         DST,    WRITE, NONE) \
	X(SPAWNCAP,     REALM,         CAP,    WRITE, NONE) \
	X(SPAWNCAP,     SPAWN,         CAP,    WRITE, NONE) \
	X(SPAWNCAP,     CNODE,         DST,    WRITE, NONE) \
	X(SPAWN,        SPAWN,         CAP,    WRITE, NONE) \
	X(SPAWN,        IMAGE,         WITH,   EXEC,  NONE) \
	X(SPAWN,        CNODE,         DST,    WRITE, NONE) \
	X(KILL,         PROC,          CAP,    WRITE, NONE) \
	X(SUSPEND,      PROC,          CAP,    WRITE, NONE) \
	X(RESUME,       PROC,          CAP,    WRITE, NONE) \
	X(CSPACE,       PROC,          CAP,    WRITE, NONE) \
	X(CSPACE,       CNODE,         DST,    WRITE, NONE) \
	X(SCHED,        PROC,          CAP,    WRITE, NONE) \
	X(SCHED,        SCHED_CONTEXT, WITH,   WRITE, NONE) \
	X(STAT,         PROC,          CAP,    READ,  NONE) \
	X(WAIT,         PROC,          CAP,    READ,  NONE) \
	X(WAIT,         NOTIFICATION,  CAP,    READ,  NONE) \
	X(POLL,         NOTIFICATION,  CAP,    READ,  NONE) \
	X(BIND,         NOTIFICATION,  CAP,    READ,  NONE) \
	X(UNBIND,       NOTIFICATION,  CAP,    READ,  NONE) \
	X(SIGNAL,       NOTIFICATION,  CAP,    WRITE, NONE) \
	X(SEND,         ENDPOINT,      CAP,    WRITE, NONE) \
	X(SEND,         ENDPOINT,      GIVING, GRANT, NONE) \
	X(SEND,         PATH,          CAP,    NONE,  NONE) \
	X(SEND,         PATH,          GIVING, GRANT, NONE) \
	X(NBSEND,       ENDPOINT,      CAP,    WRITE, NONE) \
	X(NBSEND,       ENDPOINT,      GIVING, GRANT, NONE) \
	X(NBSEND,       PATH,          CAP,    NONE,  NONE) \
	X(NBSEND,       PATH,          GIVING, GRANT, NONE) \
	X(CALL,         ENDPOINT,      CAP,    WRITE, GRANT | WRIT_R_GRANT_REPLY) \
	X(CALL,         ENDPOINT,      GIVING, GRANT, NONE) \
	X(CALL,         PATH,          CAP,    NONE,  NONE) \
	X(CALL,         PATH,          GIVING, GRANT, NONE) \
	X(RECV,         ENDPOINT,      CAP,    READ,  NONE) \
	X(NBRECV,       ENDPOINT,      CAP,    READ,  NONE) \
	X(REPLY_RECV,   ENDPOINT,      CAP,    READ,  NONE) \
	X(REPLY_RECV,   REPLY,         WITH,   NONE,  NONE) \
	X(REPLY_RECV,   REPLY,         GIVING, GRANT, NONE) \
	X(REPLY,        REPLY,         CAP,    NONE,  NONE) \
	X(REPLY,        REPLY,         GIVING, GRANT, NONE) \
	X(CANCEL_SENDS, ENDPOINT,      CAP,    READ | WRIT_R_WRITE | WRIT_R_GRANT | WRIT_R_GRANT_REPLY, NONE) \
	X(PATH,         ENDPOINT,      CAP,    GRANT, NONE) \
	X(PATH,         PATH,          CAP,    NONE,  NONE) \
	X(PATH,         CNODE,         DST,    WRITE, NONE) \
	X(GRANT,        CNODE,         DST,    WRITE, NONE) \
	X(LISTEN,       ENDPOINT,      CAP,    READ,  NONE) \
	X(CONNECT,      PATH,          CAP,    NONE,  NONE) \
	X(SCHEDULER,    SCHED_CONTROL, CAP,    READ,  NONE) \
	X(START,        SCHED_CONTROL, CAP,    WRITE, NONE) \
	X(CONFIGURE,    SCHED_CONTROL, CAP,    WRITE, NONE) \
	X(CONFIGURE,    SCHED_CONTEXT, WITH,   WRITE, NONE) \
	X(CONSUMED,     SCHED_CONTEXT, CAP,    READ,  NONE) \
	X(PROCS,        REALM,         CAP,    READ,  NONE) \
	X(CAPS,         AUDIT,         CAP,    READ,  NONE) \
	X(OBJECTS,      AUDIT,         CAP,    READ,  NONE) \
	X(AUDIT,        AUDIT,         CAP,    READ,  NONE) \
	X(FD,           MEMORY,        CAP,    READ,  NONE) \
	X(FD,           HOST,          CAP,    READ,  NONE)
/* clang-format on */

enum writ_op {
	WRIT_OP_NONE,
#define X(id, name, fn, audit, body, addrs, doc) WRIT_OP_##id,
	WRIT_CALLS(X)
#undef X
	    WRIT_OP_N,
	/* events, kernel to proc */
	WRIT_EV_BEGIN = 0x100, /* first packet of all: struct writ_begin, then the start record */
	WRIT_EV_CONNECT,       /* to a server: struct writ_ev_connect */
	WRIT_EV_CLOSED,        /* arg = session: the other side is gone or was revoked */
	WRIT_EV_PENDING,       /* to the scheduler: struct writ_ev_proc */
	WRIT_EV_RUNNING,       /* to the scheduler, after it became it: a proc that runs already */
	WRIT_EV_EXIT,          /* to the scheduler: a proc it was told of has ended */
	WRIT_EV_SIGNAL, /* a bound notification: cap = slot it was bound by, arg = its bits */
	WRIT_EV_RING,   /* to a server: struct writ_ev_ring; fds: memory[, bell to wait on, bell to
			   ring] */
};

/* clang-format off */
#define WRIT_ROLES(X) \
	X(CAP, "invoked") X(GIVING, "giving") X(SRC, "source") X(DST, "destination") X(WITH, "further")
/* clang-format on */
enum writ_role {
#define X(id, name) WRIT_BY_##id,
	WRIT_ROLES(X)
#undef X
	    WRIT_BY_N
};

/* What a request's body is, as one number: its least length, and whether more may follow. */
#define WRIT_BODY_NOTHING     0
#define WRIT_BODY_EXACT(type) (sizeof(type) << 1)
#define WRIT_BODY_MORE(type)  (sizeof(type) << 1 | 1)
#define WRIT_BODY_BYTES       1

enum writ_addrs { WRIT_ADDRS_NONE, WRIT_ADDRS_S, WRIT_ADDRS_SD, WRIT_ADDRS_SPD, WRIT_ADDRS_D };
