/* SPDX-License-Identifier: MIT */
/*
 * A first server that holds the kernel against hostile realms: root (main.c)
 * makes realms whose procs send random requests (attack.c), while a good realm
 * measures its own calls (good.c); then it takes all back and counts.
 *
 * Time is cut into windows by CLOCK_MONOTONIC, of the same length for all: the
 * odd ones are of attack, in the even ones the hostile procs sleep. So what is
 * compared was measured seconds apart, whatever else the machine has to do.
 */
#pragma once
#include "tests/system/gate/gate.h"

uint64_t now_ns(void);
static inline bool window_attacks(uint64_t ns, unsigned window_ms)
{
	return ns / (window_ms * 1000000ull) % 2 == 1;
}
void sleep_to_window(unsigned window_ms); /* the next one */

/* xorshift64*; never 0. */
extern uint64_t random_state;
uint32_t rnd(uint32_t n); /* 0 to n - 1 */

/* What a hostile proc holds from its first moment, by its slots. */
enum {
	H_UNTYPED = 1,
	H_ENDPOINT,
	H_BADGED,
	H_NOTIFICATION,
	H_PATH,
	H_CNODE,
	H_SPAWN,
	H_IMAGE,
	H_MEMORY,
	H_PROC,
	H_REALM,
	H_RECV,
	H_CONTEXT,
	H_HELD,
	H_BITS = 8,
};
extern const uint16_t held_rights[H_HELD];
/* Of the good realm's procs. */
enum { G_ENDPOINT = 1, G_NOTIFICATION, G_PATH, G_TAKE, G_REPLY };

/* Never returns of itself: it is killed, or ends at random. */
int attack_main(uint64_t seed, unsigned window_ms);
int good_echo(void);  /* answers calls at G_ENDPOINT */
int good_rings(void); /* answers messages on rings to G_ENDPOINT */
/* Measures over @pairs of windows. slow: delays one call in fifty while windows attack. */
int good_client(unsigned pairs, unsigned window_ms, bool slow);
