/* SPDX-License-Identifier: MIT */
/*
 * What a client tells its server about a new ring, in RING's tag: whose link it
 * belongs to, its number in there, and after how long without use it may be
 * given back. The kernel passes it on unread; the server believes none of it.
 */
#pragma once
#include <stdint.h>

#define CHAN_TAG_IDLE_MS 10 /* unit of the last */

static inline uint64_t chan_tag(uint32_t link, unsigned number, uint32_t idle_ms)
{
	uint64_t idle = (idle_ms + CHAN_TAG_IDLE_MS - 1) / CHAN_TAG_IDLE_MS;

	return (uint64_t)link << 32 | (uint64_t)(number & 0xffff) << 16 |
	    (idle < 0xffff ? idle : 0xffff);
}

static inline uint32_t chan_tag_link(uint64_t tag)
{
	return (uint32_t)(tag >> 32);
}

static inline unsigned chan_tag_number(uint64_t tag)
{
	return (unsigned)(tag >> 16) & 0xffff;
}

static inline uint32_t chan_tag_idle_ms(uint64_t tag)
{
	return (uint32_t)(tag & 0xffff) * CHAN_TAG_IDLE_MS;
}
