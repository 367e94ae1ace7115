/* SPDX-License-Identifier: MIT */
/*
 * The test of channels on a real kernel: a first server that makes two realms and
 * spawns kids in them, each of which plays one part (its mode) and says with its
 * exit code how it went. Servers are in realm b, clients in realm a.
 */
#pragma once
#include <stdint.h>
#include <writ/chan.h>
#include "tests/system/gate/gate.h"

enum {
	ACCOUNT_A = 110, /* root's slots */
	REALM_A,
	SPAWN_A,
	ACCOUNT_B,
	REALM_B,
	SPAWN_B,
	EP = 120,
	WAY,  /* the Path to it, all rights */
	MEAN, /* without grant */
	EP2,
	WAY2,
	NTFN,
	KIDS = 300, /* and the Procs of the kids from here on */
};

/* Which of these a kid gets, and where they lie there. */
enum { G_END = 1, G_WAY = 2, G_END2 = 4, G_WAY2 = 8, G_NTFN = 16, G_MEAN = 32 };
enum { K_END = 1, K_WAY, K_END2, K_WAY2, K_NTFN, K_MEAN, K_N };

/* What a server is asked for, in the low 8 bits of a label. */
enum cmd {
	C_ECHO,   /* send it back, with its capabilities; a call: as the reply */
	C_CLOSE,  /* close the channel */
	C_BADGES, /* reply with the badges of the capabilities that came */
	C_DROP,   /* no answer */
	C_SEQ,    /* number label >> 8 of a sequence: check it; a call: the number is the reply */
	C_OPEN,  /* it brings a Path: open a channel through it, and send C_ECHO of the same text */
	C_NAP,   /* sleep label >> 8 ms */
	C_COUNT, /* reply with how many channels there are and how many were closed */
	C_FLOOD, /* send label >> 8 messages of 1000 bytes, or until the channel ends */
	C_QUIT,  /* end */
};
#define LABEL(cmd, n) ((cmd) | (uint32_t)(n) << 8)

#define MS(n)  (INT64_C(1000000) * (n))
#define SEC(n) (INT64_C(1000000000) * (n))
#define WAIT   SEC(60) /* what should come soon has come by then */

/* --- root ----------------------------------------------------------------------------- */

extern uint64_t seed;  /* WRIT_SEED */
extern unsigned scale; /* WRIT_TEST_SCALE */
extern struct writ_chan *chan;

/* Spawn and start kid @i in realm @where ('a', 'b') as @mode with what @gives says. */
bool kid(unsigned i, char where, unsigned gives, const char *mode, ...)
    __attribute__((format(printf, 4, 5)));
/* Wait for its start; for its end: did it go well? *ret (may be NULL) is what it said. */
bool kid_ready(unsigned i);
bool kid_ends(unsigned i, struct writ_exit *ret);
void kid_kill(unsigned i);
/* Its end is one case. */
void kid_case(unsigned i, const char *text);
int kid_host_pid(unsigned i);
/* Tell the server (kid @i) behind WAY to end, by its client `quit`. */
void server_quit(unsigned i);
/* Do both realms use what they did when this was last called with @remember? */
bool quotas_back(bool remember);

void test_sizes(void);
void test_order(void);
void test_mirrors(void);
void test_deaths(void);
void test_many(void);
void test_hostile(void);

/* --- kids ------------------------------------------------------------------------------- */

/* End oneself unless that is so. */
#define NEED(cond) \
	do { \
		if (!(cond)) \
			kid_fail(__FILE__, __LINE__, #cond, 0); \
	} while (0)
/* The same for a call that must give just that. */
#define GIVES(call, want) \
	do { \
		int64_t got_ = (call); \
		if (got_ != (int64_t)(want)) \
			kid_fail(__FILE__, __LINE__, #call, got_); \
	} while (0)
_Noreturn void kid_fail(const char *file, int line, const char *what, int64_t got);
_Noreturn void kid_says(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int64_t now_ns(void);
struct writ_msg text(const char *s);
struct writ_msg bytes(const void *p, size_t len);
/* Open the channel to what @way leads to. */
struct writ_chan *open_way(writ_cap_t way, enum writ_transport t);
/* A call that must be answered: the reply's length. */
int64_t ask(struct writ_chan *c, uint32_t label, const struct writ_msg *m, void *rep, size_t size,
    struct writ_chan_msg *ret);
uint32_t ask_begin(struct writ_chan *c, uint32_t label, const struct writ_msg *m);
/* Slots of one's own that are in use, besides what one was given. */
unsigned slots_used(void);
/* A copy of K_NTFN with @badge, in a new slot. */
writ_cap_t badged(uint64_t badge);
uint64_t badge_of(writ_cap_t cap);

/* The parts: argv as in "mode:1:2". */
int play_serve(int argc, char **argv);
int play_sizes(int argc, char **argv);
int play_order(int argc, char **argv);
int play_auto(int argc, char **argv);
int play_mirror(int argc, char **argv);
int play_caller(int argc, char **argv);
int play_merge(int argc, char **argv);
int play_talk(int argc, char **argv);
int play_traffic(int argc, char **argv);
int play_many(int argc, char **argv);
int play_good(int argc, char **argv);
int play_evil(int argc, char **argv);
int play_quit(int argc, char **argv);
int play_pause(int argc, char **argv);
