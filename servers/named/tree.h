/* SPDX-License-Identifier: MIT */
/*
 * The tree of a namespace in memory: folders and files, with names, contents,
 * versions and two limits; and fleets (fleet.h), which look like folders here but
 * in which nothing can be made: NOT_DIR. No I/O, no globals, no clock of its own.
 *
 * Paths are canonical ("/", "/a/b"): the caller has checked them. Functions
 * return 0 or a count, or a negated enum writ_err; one that fails has changed
 * nothing that can be seen. NO_SPACE is one of the two limits, or malloc's.
 *
 * A version counts the changes of a file (its bytes) or folder (its entries).
 * At one path it never goes back, not even when the file there is replaced or
 * removed and made again; only moving a whole folder can do that to what is
 * inside. Parents are not made implicitly, but for those of a @prefix.
 */
#pragma once
#include <stdint.h>
#include <writ/fs.h>

#define TREE_END UINT64_MAX /* offset of a write: behind the last byte */

struct tree;
struct tree_node;

struct tree_conf {
	uint64_t memory;       /* bytes of names, contents and all that describes them */
	uint64_t nodes;        /* files and folders, removed ones that are still open too */
	unsigned members;      /* of all fleets together */
	uint64_t seed[2];      /* of the hash of names: secret, random */
	uint64_t (*now)(void); /* nanoseconds since the epoch */
};
struct tree_usage {
	uint64_t memory, nodes;
};

/* Beside its limits a tree needs 8 to 16 bytes for each of conf->nodes. NULL: no memory. */
struct tree *tree_new(const struct tree_conf *conf);
/* Free all of it. No file may be open. NULL is ignored. */
void tree_free(struct tree *t);
struct tree_usage tree_usage(const struct tree *t);

/*
 * Open a file; tree_close() ends that. With WRIT_O_CREATE: make a new one, or
 * EXISTS; missing folders on the way are made when they are @prefix or lead to
 * it. Without: NOT_FOUND, IS_DIR. WRIT_O_TRUNC empties it. Both: NOT_DIR. An
 * open file stays, and counts, until it is closed, even when it is removed.
 */
int tree_open(struct tree *t, const char *path, const char *prefix, unsigned flags,
    struct tree_node **ret);
void tree_close(struct tree *t, struct tree_node *n);
/* Returns the bytes read: fewer than @len only at the end. */
int64_t tree_read(const struct tree_node *n, uint64_t off, void *buf, size_t len);
/* Write all of at most DATA_CHUNK bytes. A hole before @off reads as zeros. Returns @len. */
int64_t tree_write(struct tree *t, struct tree_node *n, uint64_t off, const void *buf, size_t len);
void tree_node_stat(const struct tree_node *n, struct writ_stat *ret);

/* NOT_FOUND, NOT_DIR. */
int tree_stat(const struct tree *t, const char *path, struct writ_stat *ret);
/* EXISTS, NOT_FOUND and NOT_DIR (of the parent). @prefix as for tree_open(). */
int tree_mkdir(struct tree *t, const char *path, const char *prefix);
/* A file, or an empty folder: NOT_EMPTY. Not "/", nor a member of a fleet: ILLEGAL_OPERATION. */
int tree_remove(struct tree *t, const char *path);
/*
 * Entries of a folder in the order in which they came to it. @off is 0 or what
 * *ret_next said; *ret_next is 0 at the end. What is there from the first page
 * to the last is listed exactly once, whatever else comes and goes meanwhile.
 */
int64_t tree_readdir(const struct tree *t, const char *path, uint64_t off, struct writ_dirent *ret,
    unsigned max, uint64_t *ret_next);
/*
 * Move @path to @to, @prefix as for tree_open(). A file at @to is replaced, by
 * a file only (NOT_DIR); a folder there: IS_DIR. A folder into itself:
 * INVALID_ARGUMENT. Onto itself: nothing. A fleet or a member stays: ILLEGAL_OPERATION.
 */
int tree_rename(struct tree *t, const char *path, const char *to, const char *prefix);
