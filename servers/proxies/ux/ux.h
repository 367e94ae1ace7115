/* SPDX-License-Identifier: MIT */
/*
 * A host folder as files: the system calls behind ux, without the protocol.
 *
 * Everything is reached from one directory descriptor by openat2(), which
 * never leaves the folder: no "..", no absolute symlink, no magic link, no
 * other mount inside it. Symlinks that stay inside are followed. Only regular
 * files and folders are served; anything else is NOT_FOUND and is not listed.
 *
 * Paths are canonical ("/", "/a/b"): the caller has checked them. Functions
 * return 0 or a count, or a negated enum writ_err (ux_errno.c has the table).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <writ/fs.h>

#define UX_FILES_MAX 512        /* open files of all sessions */
#define UX_END       UINT64_MAX /* offset of a write: behind the last byte */

struct ux_file {
	int fd; /* valid when used */
	bool used;
	uint32_t owner;
};
struct ux {
	int root;        /* directory descriptor, borrowed */
	unsigned nfiles; /* of files[] that may be used: the descriptors there are */
	struct ux_file files[UX_FILES_MAX];
};

/*
 * Open a file for @owner (a realm): it may have as many open as are left for
 * others, else TOO_MANY_OPEN. WRIT_O_CREATE: make a new one, or EXISTS.
 * Without: NOT_FOUND, IS_DIR. Never opens, and never waits for, what is no file.
 */
int ux_open(struct ux *u, const char *path, unsigned flags, uint32_t owner, struct ux_file **ret,
    struct writ_stat *ret_st);
void ux_close(struct ux_file *f);
int64_t ux_read(const struct ux_file *f, uint64_t off, void *buf, size_t len);
/*
 * Write all of it, or fail. A write that failed (NO_SPACE, IO) may have left
 * the first part of its data in the file; nothing outside its range changes.
 */
int64_t ux_write(const struct ux_file *f, uint64_t off, const void *buf, size_t len);

/* A version is the time of the last change: it differs when the file does, but has the clock's
 * steps. */
int ux_stat(const struct ux *u, const char *path, struct writ_stat *ret);
int ux_mkdir(const struct ux *u, const char *path);
/* A file, a symlink (not what it points to), or an empty folder. Not "/": ILLEGAL_OPERATION. */
int ux_remove(const struct ux *u, const char *path);
/* A file at @to is replaced; a folder there: IS_DIR. Symlinks are moved and replaced themselves. */
int ux_rename(const struct ux *u, const char *path, const char *to);
/*
 * Entries in the file system's order, from @off on: 0, or what *ret_next said
 * before; *ret_next is 0 at the end.
 */
int64_t ux_readdir(const struct ux *u, const char *path, uint64_t off, struct writ_dirent *ret,
    unsigned max, uint64_t *ret_next);

/* --- between the parts ------------------------------------------------------- */

/* The negated enum writ_err for an errno of the host. */
int ux_err(int err);
/* openat2() inside the folder; @flags are open(2)'s. Returns a descriptor or a negated enum
 * writ_err. */
int ux_at(const struct ux *u, const char *path, uint64_t flags);
/* What a path leads to, symlinks followed. NOT_FOUND when it is neither file nor folder. */
int ux_probe(const struct ux *u, const char *path, struct stat *ret);
