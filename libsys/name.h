/* SPDX-License-Identifier: MIT */
/*
 * Names of servers, from both sides: what a mailbox has registered, and whom a
 * client has looked up. Tests count the questions.
 */
#pragma once
#include <writ/chan.h>

/* Of writ_chan_open_name(), since the proc began. */
struct name_stats {
	uint64_t found;   /* in the cache */
	uint64_t lookups; /* asked of a server */
	uint64_t stale;   /* led to nobody any more */
};
struct name_stats name_stats(void);
