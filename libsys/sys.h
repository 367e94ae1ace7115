/* SPDX-License-Identifier: MIT */
/*
 * What the files of libsys share with one another and with nobody else.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/gate.h>

#define SYS_SLOTS_MAX 65536 /* of one CSpace: 2^16 */

/*
 * Block for the first packet of all and take it over: @ret and up to @size
 * bytes of what follows the struct. Returns how much that was, or
 * -WRIT_E_BAD_REQUEST (fd 3 is no gate, or another packet came).
 */
int64_t sys_gate_begin(struct writ_begin *ret, void *blob, size_t size);

/* A reply lies here that writ_gate_poll_reply() would give: poll would sleep on it. */
bool sys_reply_kept(void);

/*
 * Calls of the library's own: their replies go to sys_gate_answer() and to
 * nobody else. Returns the cookie or an error. post_quiet: the reply is thrown away.
 */
int64_t sys_gate_post(struct writ_hdr *h, const void *req);
int sys_gate_post_quiet(struct writ_hdr *h, const void *req);
/* The reply to @cookie, if it has come and is kept; does not read the gate. */
bool sys_gate_answer(uint32_t cookie, struct writ_hdr *ret_h, void *rep, size_t size);
/* Read and keep what the gate holds now / what comes next, waiting for it. 0 or PEER_CLOSED. */
int sys_gate_pump(void);
int sys_gate_block(void);
/* The first kept event that @wanted() wants, into *ret. Does not read the gate. */
bool sys_event_take(struct writ_event *ret, bool (*wanted)(void *arg, const struct writ_hdr *h),
    void *arg);
/* Forget what it has said of @session, which is over. */
void sys_gate_forget(uint32_t session);
/* Has the kernel said that @session is closed? Forgets it then. Does not read the gate. */
bool sys_gate_closed(uint32_t session);

/* Set the fields of a call's header: the rest is zero. */
struct writ_hdr sys_hdr(unsigned op, uint32_t cap, uint64_t arg, size_t len);

/* @n empty slots in a row, taken; the first of them, or 0. */
writ_cap_t sys_slots_new(unsigned n);
/* How many are empty. */
unsigned sys_slots_left(void);
/* Give a slot back in which nothing lies (any more). */
void sys_slot_back(writ_cap_t slot);

/* Where slot @cap of one's own CSpace lies. */
struct writ_addr sys_addr(writ_cap_t cap);

/* The rights one has on @cap: from the start record, else asked of the kernel. 0: none, or no
 * capability. */
uint32_t sys_rights(writ_cap_t cap);

/*
 * The Path that covers @path by the longest name. Returns its slot, its rights
 * in *ret_rights, and in *ret_rest the part of @path behind the name ("" or
 * "/…"). 0 when there is none.
 */
writ_cap_t sys_path_find(const char *path, uint32_t *ret_rights, const char **ret_rest);

/* Is @path "/" or canonical, and short enough? Returns 0, -BAD_PATH or -NAME_TOO_LONG. */
int sys_path_check(const char *path);
