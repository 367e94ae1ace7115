/* SPDX-License-Identifier: MIT */
/*
 * The kernel in one process: its own files, but with tables that are small,
 * and with nests, cgroups and procs that are played. Every choice is made by
 * the caller's numbers, so that the same numbers give the same run.
 */
#pragma once
#include "kernel/kernel.h"

enum {
	W_PROCS = 12,
	W_SLOTS = 64 * 56,
	W_OBJS = 180,
	W_ACCOUNTS = 24,
	W_REALMS = 6,
	W_NESTS = 24,
	W_EVENTS = 64,
	W_ASKED = 512,
	W_FDS_MAX = 8,
	W_SNDBUF = 8192, /* of gates that hold few packets */
};

/* Realms whose procs do as they like: two that must not reach each other. */
enum { W_A = 1, W_B = 2 };

/* What stands behind a gate. */
struct client {
	uint32_t pid; /* 0: none */
	int fd;       /* its end of the gate; -1: closed */
	int nest;
	bool started, over, deaf;
	uint32_t nasked, asked[W_ASKED]; /* cookies of requests that have no reply yet */
};

struct world {
	uint32_t (*next)(void *arg, uint32_t n); /* 0 to n - 1 */
	void *arg;
	bool isolated;   /* root gives nobody anything any more */
	bool small;      /* gates hold few packets */
	bool ending;     /* what the kernel keeps for good has been let go */
	uint32_t cookie; /* the last one used */
	uint32_t watch;  /* a cookie, and the status of the reply to it: -1 until there is one */
	int status;
	unsigned fail_in;          /* the so-manieth descriptor that is made fails; 0: none */
	bool no_cgroup, busy_nest; /* these fail until switched back */
	unsigned asked, done;      /* requests sent; replies without an error */
	int fds;                   /* open at the beginning */
	struct client clients[W_PROCS];
	uint8_t owner[W_OBJS]; /* W_A | W_B: who may hold it; by its payer where it is 0 */
	uint32_t epoch[W_OBJS];
	char what[160]; /* the step being made, for people */
};
extern struct world w;

/* --- world.c ---------------------------------------------------------------- */
/* Boot, and set up two realms of two procs. */
void world_open(uint32_t (*next)(void *arg, uint32_t n), void *arg);
/* End all procs, let go of all: nothing may be left. Returns NULL, or what is wrong. */
const char *world_close(void);
/* Root starts one more proc in one of the two realms, with what the first ones were given. */
void world_respawn(void);
bool world_alive(void); /* root is there, without which there is nobody */
/* Let all go on until nothing does: procs start and end, replies are read, revokes end. */
void world_settle(void);
uint32_t pick(uint32_t n); /* 0 for n = 0 */
struct client *client_of(uint32_t pid);

/* --- a client's side of its gate (client.c) ------------------------------------ */
struct ask {
	struct writ_hdr h;
	_Alignas(8) char body[WRIT_MSG_MAX];
	size_t len; /* of the body, as sent */
	int fds[W_FDS_MAX];
	unsigned nfds;
};
/* Send it and close its descriptors. */
void client_send(struct client *c, struct ask *a);
/* Read up to @n packets; each must be well formed, each reply be one that is due. */
void client_read(struct client *c, unsigned n);
/* Send, let the kernel answer, and take the status and arg of the reply. */
int client_ask(struct client *c, struct ask *a, uint64_t *ret_arg);
/* The process is gone. */
void client_die(struct client *c);

/* --- what is played (fakes.c) --------------------------------------------------- */
void fakes_open(void);
void fakes_close(void);
/* Some nest reports the next of what it has to report, if anything. */
void nest_step(void);
/* All nests report all that they have: that they are up, that procs have started, or ended. */
bool nests_settle(void);
unsigned nests_up(void); /* each has one descriptor */

/* --- the kernel's loop (loop.c) ---------------------------------------------------- */
/* Dispatch what epoll announces, as main() does. Returns whether there was anything. */
bool kernel_turn(void);
void kernel_work(void); /* what no descriptor announces: reap, revoke, settle */

/* --- steps (steps.c, requests.c) ------------------------------------------------------ */
void world_step(void);
void make_request(const struct client *c, struct ask *a);
int sealed_memfd(bool seal);

/* --- invariants (verify.c, account.c) -------------------------------------------------- */
/* NULL, or the sentence of the first one that doesn't hold. */
const char *kernel_verify(void);
const char *kernel_verify_accounts(void);
const char *kernel_verify_fds(void);
/* Of what calls can change: equal when a refused one changed nothing. */
uint64_t kernel_hash(void);
/* Say what is wrong on stderr and abort(). */
_Noreturn void world_fail(const char *why);
