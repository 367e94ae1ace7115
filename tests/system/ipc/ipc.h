/* SPDX-License-Identifier: MIT */
/*
 * The test of messages and notifications: a first server on a bare kernel that
 * has puppets, procs in two realms, each of which does on its own gate what it is
 * told. So a case is one list of steps, though the calls are of many procs.
 * That a call is still unanswered is certain and not a matter of time: had the
 * kernel replied, the reply would lie in the puppet's gate before the question.
 */
#pragma once
#include <writ/ipc.h>
#include "tests/system/gate/gate.h"

enum {
	REALM_B = 110, /* a second realm; in REALM, puppets with even numbers */
	SPAWN_B,
	ACCOUNT_B,
	EP = 120, /* slots for the cases, empty between them */
	EP2,
	MID,
	NTFN,
	TMP,
	PUPPETS = 80,
	PENDING = -WRIT_E_TIMED_OUT, /* not answered yet */
	/* rights */
	R = WRIT_R_READ,
	W = WRIT_R_WRITE,
	G = WRIT_R_GRANT,
	GR = WRIT_R_GRANT_REPLY,
	RWG = R | W | G | GR,
};

struct puppet {
	uint32_t pid;             /* 0: there is none */
	writ_cap_t proc, cs, ctl; /* its Proc, its CSpace's CNode, what it is told through */
};
extern struct puppet puppets[PUPPETS];

/* What a call of a puppet's gave. */
struct result {
	struct writ_hdr h;
	struct writ_msg_rep rep; /* when there was a body */
	uint32_t len;            /* bytes of the message */
	int32_t tag;             /* all of them are this; -1: they differ or there are none */
};

/* Make puppet @i, which must not be; kill it, and give back all of it. */
struct puppet *puppet(unsigned i);
void puppet_end(struct puppet *p);
void puppet_kill(struct puppet *p); /* and wait for that; its slots stay */
int puppet_main(void);

/* A copy of @src, or with @badge a minted one, in slot @dst of @p's CSpace. */
int give(struct puppet *p, uint32_t dst, writ_cap_t src, uint32_t rights, uint64_t badge);
int take_away(struct puppet *p, uint32_t slot); /* delete */
int revoke_at(struct puppet *p, uint32_t slot);
int type_at(const struct puppet *p, uint32_t slot);
uint64_t badge_at(const struct puppet *p, uint32_t slot);

/* Have it send call @op with @bytes times @tag behind @r. Returns the cookie. */
uint32_t post(struct puppet *p, unsigned op, uint32_t cap, uint64_t arg,
    const struct writ_msg_req *r, uint32_t bytes, uint8_t tag);
/* Within @ms. Returns PENDING, or 0 or the negated error that the call gave. */
int got(struct puppet *p, uint32_t cookie, unsigned ms, struct result *ret);
/* Both, for calls that are answered at once, or soon. */
int ask(struct puppet *p, unsigned op, uint32_t cap, uint64_t arg, const struct writ_msg_req *r,
    uint32_t bytes, uint8_t tag, struct result *ret);
/* The next event: its header. 0, or PENDING: none came in @ms. */
int event(struct puppet *p, unsigned ms, struct writ_hdr *ret);

/* The usual forms, through slot @ep of the puppet's: one byte @tag; Reply in slot @reply. */
uint32_t sends(struct puppet *p, uint32_t ep, uint8_t tag);
uint32_t calls(struct puppet *p, uint32_t ep, uint8_t tag);
uint32_t recvs(struct puppet *p, uint32_t ep, uint32_t reply);
int replies(struct puppet *p, uint32_t reply, uint8_t tag);
/* Has it been answered with @status, now? Of one that is to come, within a second: soon(). */
bool is(struct puppet *p, uint32_t cookie, int status);
bool soon(struct puppet *p, uint32_t cookie, int status);

uint64_t random_below(uint64_t n); /* by WRIT_SEED */

void test_orders(void);
void test_rights(void);
void test_transfer(void);
void test_cancel(void);
void test_replies(void);
void test_revoke(void);
void test_sessions(void);
void test_notifications(void);
void test_deaths(void);
void test_bounds(void);
