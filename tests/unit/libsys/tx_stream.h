/* SPDX-License-Identifier: MIT */
/*
 * The third transport, for tests: frames over a plain byte stream, as one to
 * another machine would be. It shares no line with the other two, and channels
 * run over it unchanged. A sender has credit for so many bytes, which the receiver
 * gives back as it takes frames; so neither side ever holds more than that, and
 * what was committed is in Linux's hands: nothing is left to do for a sender who
 * goes away.
 */
#pragma once
#include "libsys/tx.h"

/* What goes over the stream, host byte order. A frame's data follows its record. */
enum stream_type { STREAM_FRAME, STREAM_CREDIT };
struct stream_rec {
	uint32_t type;
	uint32_t len; /* FRAME: of its data. CREDIT: what is given back */
	uint32_t total, label, id;
	uint8_t kind, pad[3];
};
_Static_assert(sizeof(struct stream_rec) == 24, "no holes");

#define STREAM_FRAME_MAX         65536
#define STREAM_COST              1024 /* of a frame besides its data: what Linux spends, and more */
/* Cost that may be on its way. */
#define STREAM_WINDOW(frame_max) (4 * ((frame_max) + STREAM_COST))

/*
 * A side over the connected stream socket @fd (taken, also on failure). Both sides
 * have the same @frame_max (<= STREAM_FRAME_MAX). NULL: no memory, or no such buffer.
 */
struct tx *tx_stream_new(int fd, size_t frame_max);
/* Both sides, joined. False: one can't be had. */
bool tx_stream_pair(size_t frame_max, struct tx *ret[2]);
