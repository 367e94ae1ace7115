/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls from a proc: the gate client. One thread at a time may use it.
 *
 * Every call sends one packet on fd 3 and waits for the reply; events that come
 * in between are kept for writ_event_next(). All return 0 (or what they say)
 * or a negated enum writ_err. docs/abi.md describes the calls themselves.
 */
#pragma once
#include <stdbool.h>
#include <writ/abi.h>

/* Slot number in one's own CSpace; 0 is none. */
typedef uint32_t writ_cap_t;

/* One event from the kernel. fds are owned by whoever takes the event. */
struct writ_event {
	struct writ_hdr hdr;
	union {
		struct writ_ev_connect connect;
		struct writ_ev_proc proc;
		struct writ_ev_ring ring;
	};
	int fds[WRIT_FDS_MAX];
};

/* Who one is and what one was given, from the first packet (writ_adopt()). */
const struct writ_begin *writ_self(void);

/*
 * Take over the gate: read EV_BEGIN, index the names of one's capabilities.
 * libwrit's main() has done it before writ_main() runs. Blocks until the kernel
 * has spoken. Errors: BAD_REQUEST (fd 3 is no gate, or the record is malformed).
 */
int writ_adopt(int *ret_argc, char ***ret_argv);

/*
 * The general call: send @h and @req (@h->len bytes) with @h->nfds of @fds,
 * wait for the reply. The reply's header comes back in *h, up to @size bytes of
 * its body in @rep (more is cut, h->len says how much there was), descriptors in
 * @ret_fds (WRIT_FDS_MAX long, -1 where none; may be NULL: they are closed).
 * Returns 0 or -h->status. Errors of its own: PEER_CLOSED (the kernel is gone).
 */
int writ_gate_call(struct writ_hdr *h, const void *req, const int *fds, void *rep, size_t size,
    int *ret_fds);

/* Send without waiting; the reply is matched by writ_gate_reply(). Returns the cookie (> 0) or an
 * error. */
int64_t writ_gate_send(struct writ_hdr *h, const void *req, const int *fds);
/* Wait for the reply to @cookie, as writ_gate_call() does. */
int writ_gate_reply(uint32_t cookie, struct writ_hdr *ret_h, void *rep, size_t size, int *ret_fds);
/*
 * For servers, which must not block: take any reply to a writ_gate_send() that
 * has come (kept while something else was read, or on the gate now). Returns 1
 * with *ret_h (cookie, status, arg, len) and up to @size bytes of its body in
 * @rep, 0 when there is none now, or PEER_CLOSED. Descriptors are closed.
 */
int writ_gate_poll_reply(struct writ_hdr *ret_h, void *rep, size_t size);

/*
 * The next event: one kept, else one from the gate. @timeout_ms < 0 waits for
 * ever, 0 never. Returns 1, 0 (none in time), or an error.
 */
int writ_event_next(struct writ_event *ret, int timeout_ms);
/* The gate is readable: poll WRIT_GATE_FD. True when an event is kept already (poll would sleep on
 * it). */
bool writ_event_kept(void);

/* --- capabilities --------------------------------------------------------- */

/* An empty slot of one's own CSpace, taken until writ_slot_free(). 0 when all are in use. */
writ_cap_t writ_slot_new(void);
/* Delete what lies in it (if anything) and give the slot back. 0 is ignored. */
void writ_slot_free(writ_cap_t slot);

int writ_cap_copy(writ_cap_t src, writ_cap_t dst, uint32_t rights);
int writ_cap_mint(writ_cap_t src, writ_cap_t dst, uint32_t rights, uint64_t badge);
int writ_cap_move(writ_cap_t src, writ_cap_t dst);
int writ_cap_delete(writ_cap_t slot);
int writ_cap_revoke(writ_cap_t slot);
int writ_cap_inspect(writ_cap_t slot, struct writ_cap_info *ret);

int writ_retype_endpoint(writ_cap_t untyped, writ_cap_t dst);
int writ_retype_untyped(writ_cap_t untyped, writ_cap_t dst, struct writ_quota max);
int writ_quota_read(writ_cap_t untyped, struct writ_quota_rep *ret);
int writ_path_derive(writ_cap_t src, writ_cap_t dst, const char *prefix, uint32_t rights,
    uint64_t badge);
/* @fd (borrowed) is a memfd with all seals. */
int writ_image_create(writ_cap_t untyped, writ_cap_t dst, const char *name, int fd);
int writ_realm_create(writ_cap_t untyped, const struct writ_realm_req *r);
int writ_spawncap_derive(writ_cap_t src, const struct writ_spawncap_req *r);
/* The descriptor of a Memory or Host capability, owned by the caller; or an error. */
int writ_cap_fd(writ_cap_t cap);
/* Report a refusal for the audit (`writ why`). session 0: one's own. */
int writ_note(uint32_t session, uint32_t right, int status, const char *what);

/* --- names ---------------------------------------------------------------- */

/*
 * A capability that one was given by name: type and name as in the start
 * record ("image" "mapper"; "spawn" "spawn"; a Path's name is where it shows).
 * Returns its slot; 0 when there is none. name NULL: the first of that type.
 */
writ_cap_t writ_named_cap(unsigned type, const char *name);
/* Walk all of them: i = 0, 1, … ; returns false past the last. Strings live as long as the proc. */
bool writ_named_each(unsigned i, unsigned *ret_type, const char **ret_name, writ_cap_t *ret_slot,
    uint32_t *ret_rights);
