/* SPDX-License-Identifier: MIT */
/*
 * Files: what a proc does with the Path capabilities it was given.
 *
 * A path is absolute in the proc's own namespace, which is nothing but the
 * names of its Path capabilities; the longest name that covers it is used. All
 * functions block until the server has answered, and return 0, a count, or a
 * negated enum writ_err. NO_PATH: no capability covers the path (it is noted
 * in the audit: `writ why`). NO_RIGHT: one does, without the right needed.
 * PEER_CLOSED: the server died meanwhile; a read may be repeated, of a write
 * it isn't known whether it was done. Paths: no "." or "..", at most
 * WRIT_PREFIX_MAX - 1 bytes.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <writ/err.h>

#define WRIT_IO_MAX 61440 /* bytes that one read or write carries; longer ones are split */

enum writ_open_flags {
	WRIT_O_READ = 1,
	WRIT_O_WRITE = 2,
	WRIT_O_CREATE = 4, /* make it if it isn't there (right create) */
	WRIT_O_EXCL = 8,   /* with CREATE: EXISTS if it is */
	WRIT_O_TRUNC = 16,
	WRIT_O_APPEND = 32,
};
/* A fleet is a folder of those who have registered under its name; nothing else is made in it. */
enum writ_file_kind { WRIT_FILE = 1, WRIT_DIR, WRIT_FLEET, WRIT_MEMBER };

struct writ_stat {
	uint32_t kind;
	uint64_t size, version, mtime_ns;
};
struct writ_dirent {
	uint32_t kind;
	uint64_t size;
	char name[256];
};

/* Returns a handle (>= 0). Rights: read for READ, write for WRITE, TRUNC and APPEND on a file that
 * exists, create for a new one. */
int writ_open(const char *path, unsigned flags);
int writ_close(int h);
/* At the handle's own offset / at @off. Returns the bytes moved; 0 at the end. A write moves all or
 * fails. */
int64_t writ_read(int h, void *buf, size_t len);
int64_t writ_write(int h, const void *buf, size_t len);
int64_t writ_pread(int h, void *buf, size_t len, uint64_t off);
int64_t writ_pwrite(int h, const void *buf, size_t len, uint64_t off);
int writ_stat(const char *path, struct writ_stat *ret);
int writ_mkdir(const char *path);
/* A file, or an empty folder. */
int writ_remove(const char *path);
/*
 * Give a file another name, where the same Path capability covers both (else
 * ILLEGAL_OPERATION). Replaces a file at @to in one step. Rights: create, and
 * write or remove.
 */
int writ_rename(const char *path, const char *to);
/* The whole listing, by name; caller frees *ret. "/" of the namespace lists the names of one's Path
 * capabilities. Returns the count. */
int writ_readdir(const char *path, struct writ_dirent **ret);

/*
 * Whole files. get: caller frees *ret; a NUL is put behind the data.
 * put: replaces what was there, all or nothing for a reader, with the rights of
 * writ_rename(). With create alone: a new file only, EXISTS. With write alone,
 * or where the Path names just this file: overwritten in place.
 */
int64_t writ_get(const char *path, char **ret);
int64_t writ_put(const char *path, const void *data, size_t len);
