/* SPDX-License-Identifier: MIT */
/* What the benchmarks of channels order from their node (chans.c). */
#pragma once
#include <stdint.h>

enum chans_what {
	CHANS_ECHO, /* a call and its reply; the server takes it out of its mailbox */
	CHANS_CALL, /* the same; the server waits on this channel alone */
	CHANS_SEND, /* @count messages one way, and an empty one back */
	CHANS_PUT,  /* the same, filled and read in place */
	CHANS_MANY, /* calls on @count of the @open channels at once, through the mailbox */
	CHANS_TRAP  /* a system call that does nothing */
};

struct chans_order {
	uint32_t what, transport; /* enum chans_what, enum writ_transport */
	uint32_t size, rounds, warm, pause_us;
	int32_t spin_ns;
	uint32_t bulk, count, open;
};

enum { CHANS_ROUNDS = 1000, CHANS_PAIRS = 4 };
#define CHANS_FORMAT "%u %u %u %u %u %u %u %d %u %u %u"
