/* SPDX-License-Identifier: MIT */
/*
 * The bytes of one file, in chunks: the first grows by doubling while the file
 * is small, all others have one size and never move. An append to a long file
 * copies nothing but its own bytes. Chunks that were never written are holes
 * and read as zeros.
 */
#pragma once
#include "servers/named/mem.h"

#define DATA_CHUNK 65536 /* most bytes of one data_write() */

/* Zeroed: an empty file. */
struct data {
	uint64_t size;
	uint8_t *head;  /* bytes 0 … head_cap; behind that a hole, up to DATA_CHUNK */
	uint8_t **rest; /* [i]: the DATA_CHUNK bytes from (i + 1) * DATA_CHUNK on, or NULL */
	size_t head_cap, nrest;
};

/*
 * Write @len bytes at @off. Returns 0 or -WRIT_E_NO_SPACE: the memory would pass
 * its limit, or the file (holes included) would be longer than that limit; the
 * contents are as before. Charges change only with malloc's own failure.
 */
int data_write(struct data *d, struct mem *m, uint64_t off, const void *buf, size_t len);
/* Read up to @len bytes at @off. Returns how many there were. */
size_t data_read(const struct data *d, uint64_t off, void *buf, size_t len);
/* Make it empty and give everything back. */
void data_clear(struct data *d, struct mem *m);
