/* SPDX-License-Identifier: MIT */
/*
 * The operator's socket: nng rep over ipc, in the folder that the kernel lends. nng's
 * threads only hand frames over; the server answers them in its own loop.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <writ/op.pb-c.h>
#include <writ/srv.h>

#define OP_PATH     "op.sock" /* in the working folder */
#define OP_URL      "ipc://" OP_PATH
#define OP_FRAME    65536 /* bytes of a request */
#define OP_REPLY    65536 /* bytes of a reply */
#define OP_CONTEXTS 4     /* requests at once */
#define OP_LATER_MS 20

/* --- memory of one message (arena.c) ---------------------------------------- */

#define OP_ARENA    (1u << 20) /* memory of one unpacked request */
#define OP_SENTENCE 512        /* an error for people, with its NUL */

/* Zeroed when there is none. Nothing is freed but the whole. */
struct arena {
	char *base;
	size_t used;
};

/*
 * Unpack @len bytes at @data into @a (taken anew). Strings hold no NUL and
 * point into the arena. NULL: malformed, or larger than OP_ARENA.
 */
void *arena_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, const void *data,
    size_t len);
void arena_free(struct arena *a);

/* --- one request (frame.c) ---------------------------------------------------- */

struct call {
	struct arena arena;
	const Writ__Op__Req *q;
	void **kept; /* what the handler leaves of this request to itself; NULL at first */
	Writ__Op__Rep rep;
	char why[OP_SENTENCE];
	bool down;  /* the server is to end */
	bool later; /* no answer yet: it wants to be asked again, OP_LATER_MS from now */
};

/* What a server does with requests: handlers by enum Op, each 0 or an error, with a sentence in
 * why if it has one. */
struct op_user {
	int (*const *handlers)(struct call *c);
	unsigned n;
	void (*turn)(void); /* before requests are answered, and when the alarm goes off; or NULL */
};

/* Answer one. @kept: see struct call. Returns the packed reply's length, at most @size; or
 * OP_LATER. */
#define OP_LATER SIZE_MAX
size_t op_answer(const struct op_user *u, const void *req, size_t len, void **kept, uint8_t *rep,
    size_t size, bool *ret_down);

/* --- the kernel's tables (table.c) ---------------------------------------------- */

#define PAGE_BYTES 60000

/*
 * Every array in a reply is made by rows_new(): @n pointers, and behind them the
 * rows, zeroed, that they are to point to, in *ret_rows. rows_free() frees them all.
 */
void *rows_new(size_t n, size_t row, void *ret_rows);
void rows_free(Writ__Op__Rep *rep);
/* From q->offset on; @audit: slot of the Audit capability. */
int rows_caps(writ_cap_t audit, const Writ__Op__Req *q, Writ__Op__Rep *rep);
/* @hash: the SHA-256 of Image @obj's bytes, or NULL. */
int rows_objects(writ_cap_t audit, const uint8_t *(*hash)(uint32_t obj), const Writ__Op__Req *q,
    Writ__Op__Rep *rep);

/* --- the socket (op.c) ------------------------------------------------------------ */

/* Go into the lent folder and give its capability up: nobody else ever has it. 0 or an error. */
int op_folder(struct srv *s);
/* Open the socket there, once op_folder() has. 0 or an error, logged. */
int op_init(struct srv *s, const struct op_user *u);
/* Ring in @ms from now: op_user's turn. */
void op_alarm(uint64_t ms);
/* Did a request end the server? */
bool op_ended(void);
/* Leave what has been answered some time to be sent, then close the socket. */
void op_fini(void);
