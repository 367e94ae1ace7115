/* SPDX-License-Identifier: MIT */
/*
 * Messages through endpoints, notifications, and calls on other procs: seL4's
 * invocations (manual ch. 4 to 6) over the gate. What differs from seL4, and why, is
 * in docs/capabilities.md. All return 0 (or what they say) or a negated enum
 * writ_err; one thread at a time, as with all of the gate.
 */
#pragma once
#include <stddef.h>
#include <writ/gate.h>

/* What goes: up to WRIT_DATA_MAX bytes and copies of up to WRIT_CAPS_MAX capabilities (GRANT). */
struct writ_msg {
	const void *data;
	size_t len;
	writ_cap_t caps[WRIT_CAPS_MAX];
	unsigned ncaps;
};

/* Where things that come are to lie: @ncaps empty slots from @first on, a Reply in @reply. */
struct writ_take {
	writ_cap_t first, reply; /* reply 0: calls are not taken, their senders get NO_TAKER */
	unsigned ncaps;
	void *buf; /* up to @size bytes; what is longer is cut */
	size_t size;
};

/*
 * Send @m. writ_send() blocks until somebody has taken it, writ_nbsend() fails
 * with BUSY when nobody waits. Errors: NO_RIGHT (write; grant when @m carries
 * capabilities), NO_TAKER (the receiver offers too few slots), FAILED_LOOKUP or
 * STALE (a capability of @m is not there), ILLEGAL_OPERATION (it is a Reply),
 * STALE (revoked while it waited), CANCELED (CANCEL_SENDS), NOT_ENOUGH_MEMORY (64
 * messages at once, or the realm's account), BAD_REQUEST (too long).
 */
int writ_send(writ_cap_t endpoint, const struct writ_msg *m);
int writ_nbsend(writ_cap_t endpoint, const struct writ_msg *m);

/*
 * Send @m and block for the answer (@t->reply is not used). Returns the length of
 * what it says, bytes. Needs write, and grant or grantreply. Errors: writ_send()'s,
 * PEER_CLOSED (who took the call has ended, or threw the Reply away).
 */
int writ_call(writ_cap_t endpoint, const struct writ_msg *m, const struct writ_take *t,
    struct writ_msg_rep *ret);

/*
 * Block for a message (writ_nbrecv(): BUSY when there is none). Returns its
 * length, bytes. Needs read. Errors: DELETE_FIRST (a slot of @t is occupied), INVALID_ARGUMENT (one
 * is for two things), STALE (the right to receive was revoked meanwhile), NOT_ENOUGH_MEMORY.
 */
int writ_recv(writ_cap_t endpoint, const struct writ_take *t, struct writ_msg_rep *ret);
int writ_nbrecv(writ_cap_t endpoint, const struct writ_take *t, struct writ_msg_rep *ret);

/*
 * Answer the call in @reply, which empties that slot; never blocks. Errors:
 * NO_RIGHT (grant: the call came over an endpoint without it), NO_TAKER (the
 * caller takes fewer capabilities: the Reply stays), PEER_CLOSED (it has gone).
 */
int writ_reply(writ_cap_t reply, const struct writ_msg *m);
/* Both in one packet; @t->reply may be @reply. Errors: of either; none is answered if @t is wrong.
 */
int writ_reply_recv(writ_cap_t endpoint, writ_cap_t reply, const struct writ_msg *m,
    const struct writ_take *t, struct writ_msg_rep *ret);

/* End the sends and calls that wait with the badge of @endpoint (all four rights). They get
 * CANCELED. Returns how many. */
int writ_cancel_badged_sends(writ_cap_t endpoint);
/* End one's own call that was sent as @cookie (writ_gate_send()): it gets CANCELED. */
int writ_cancel(uint32_t cookie);

/* --- notifications ------------------------------------------------------------- */

/* Set the bits of @ntfn's badge. Needs write. Never blocks. */
int writ_signal(writ_cap_t ntfn);
/* Take the bits into *ret; writ_wait() blocks until it was signalled. Needs read. Errors of both:
 * BUSY (bound to another proc); of writ_wait() STALE, NOT_ENOUGH_MEMORY. */
int writ_wait(writ_cap_t ntfn, uint64_t *ret);
int writ_poll(writ_cap_t ntfn, uint64_t *ret);
/* From now on its signals come as WRIT_EV_SIGNAL (hdr.cap = @ntfn, hdr.arg = bits). Errors: BUSY
 * (bound, or somebody waits). */
int writ_bind(writ_cap_t ntfn);
int writ_unbind(writ_cap_t ntfn);

/* --- capabilities anywhere one has a CNode to --------------------------------------- */

/* COPY, MINT, MOVE, MUTATE (badge: a CNode's guard), DELETE, REVOKE, by address. */
int writ_cap_at(unsigned op, struct writ_addr src, struct writ_addr dst, uint32_t rights,
    uint64_t badge);
int writ_rotate(writ_cap_t src, writ_cap_t pivot, writ_cap_t dst);
/* @count objects of @type, in slots from @dst on; @max as struct writ_retype_req says. */
int writ_retype(writ_cap_t untyped, unsigned type, struct writ_addr dst, uint32_t count,
    struct writ_quota max);
/* A Path for the client of @session, in @dst of one's own; what it may be: <writ/abi.h>, GRANT. */
int writ_path_grant(uint32_t session, writ_cap_t dst, const char *prefix, uint32_t rights);

/* --- procs and processors ------------------------------------------------------------ */

/* The CNode of a proc that is still pending, in @dst. */
int writ_proc_cspace(writ_cap_t proc, writ_cap_t dst);
/* Stop it (pending: hold it); let it go on (held: the scheduler may start it). */
int writ_proc_suspend(writ_cap_t proc);
int writ_proc_resume(writ_cap_t proc);
int writ_proc_stat(writ_cap_t proc, struct writ_proc_row *ret);
/* @context 0: none; the class stays. Errors: BUSY (either has another). */
int writ_proc_sched(writ_cap_t proc, writ_cap_t context);
int writ_sched_configure(writ_cap_t control, const struct writ_sched_req *r);
/* CPU time used under it, ns. */
int writ_sched_consumed(writ_cap_t context, uint64_t *ret);
