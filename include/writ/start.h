/* SPDX-License-Identifier: MIT */
/*
 * The start record: what a spawner tells a new proc of itself: arguments and
 * the names of the capabilities that it was given. The kernel carries it unread.
 *
 * Layout, packed, native byte order: struct start_hdr; argc NUL-terminated
 * strings; names × { struct start_name, NUL-terminated string }. At most
 * WRIT_BLOB_MAX bytes. A reader trusts nothing of it: it comes from the spawner.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/abi.h>

#define START_MAGIC 0x74727377u /* "wsrt" */
struct start_hdr {
	uint32_t magic;
	uint16_t argc, names;
};
struct start_name {
	uint32_t slot;
	uint32_t rights;
	uint32_t type;
};

/* Builder: zero it, add, then data[0..len). Adding past the end sets full and adds nothing. */
struct start_buf {
	bool full;
	uint16_t argc, names;
	size_t len;
	char data[WRIT_BLOB_MAX];
};

/* Arguments first (all of them), then names. @s must begin as start_init() left it. */
void start_init(struct start_buf *s);
void start_arg(struct start_buf *s, const char *arg);
void start_name(struct start_buf *s, unsigned type, const char *name, uint32_t slot,
    uint32_t rights);

/* Reader: position in a record. */
struct start_pos {
	const char *p, *end;
	uint16_t argc, names;
};
/* Returns 0, or -WRIT_E_BAD_REQUEST when @data is no start record. */
int start_open(struct start_pos *pos, const void *data, size_t len);
/* The next argument / name. NULL or false when there are no more, or the record is cut short.
 * Strings point into it. */
const char *start_next_arg(struct start_pos *pos);
bool start_next_name(struct start_pos *pos, struct start_name *ret, const char **ret_name);
