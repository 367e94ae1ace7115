/* SPDX-License-Identifier: MIT */
/*
 * A file server is a struct of callbacks: libsys/fssrv.c does the rest of
 * fs.proto. It unpacks and re-checks each request, checks the session's rights
 * in one table, joins the attested prefix with the request's path, keeps the
 * handles of each session, packs the reply, and notes refusals in the audit.
 *
 * What a callback may rely on:
 * - a path is canonical: "/" or "/a/b", no empty, "." or ".." component, no
 *   control byte, shorter than FSSRV_PATH_MAX, components of at most 255 bytes.
 *   It is inside the session's prefix. Symlinks are the callback's business;
 * - the session holds the rights that the operation needs;
 * - nothing is called for a session after its gone(). c->state is the glue's.
 *
 * Callbacks return 0 or a count, or a negated enum writ_err, which goes to the
 * client as it is. Values in ret_ arguments are used only after success.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <writ/fs.h>
#include <writ/srv.h>

#define FSSRV_PATH_MAX   480        /* prefix and path joined: with the NUL */
#define FSSRV_HANDLES    256        /* open files of one session */
#define FSSRV_DIR_BATCH  128        /* most entries of one readdir() */
#define FSSRV_END        UINT64_MAX /* offset of a write: behind the last byte */
#define FSSRV_MEMBER_MAX 32         /* name of a fleet's member: with the NUL */

/*
 * Every callback that fs.proto needs; init, gone and tick may be NULL.
 * c->srv->state is the server's own.
 */
struct fssrv_ops {
	const char *name;
	/* As in struct srv_ops: fresh start, with the proc's arguments. */
	int (*init)(struct srv *s, int argc, char **argv);
	/* The client left; its files have been closed. */
	void (*gone)(struct srv_session *c);
	void (*tick)(struct srv *s);
	int tick_ms;

	/*
	 * Open a file. CREATE comes only together with EXCL: make a new file, or
	 * EXISTS. Without it: the file must exist, or NOT_FOUND. A folder: IS_DIR.
	 * TRUNC: empty it. APPEND needs no attention: write() then gets FSSRV_END.
	 * *ret_file (not NULL) is what read, write and close get.
	 */
	int (*open)(struct srv_session *c, const char *path, unsigned flags, void **ret_file,
	    struct writ_stat *ret_st);
	void (*close)(struct srv_session *c, void *file);
	/* At most WRIT_IO_MAX bytes. Short only at the end; 0 past it. */
	int64_t (*read)(struct srv_session *c, void *file, uint64_t off, void *buf, size_t len);
	/* All of it, or an error. @off + @len does not overflow. */
	int64_t (
	    *write)(struct srv_session *c, void *file, uint64_t off, const void *buf, size_t len);
	int (*stat)(struct srv_session *c, const char *path, struct writ_stat *ret);
	/* Of the parent: NOT_FOUND, NOT_DIR. */
	int (*mkdir)(struct srv_session *c, const char *path);
	/* A file, or an empty folder; never "/". */
	int (*remove)(struct srv_session *c, const char *path);
	/*
	 * Entries of a folder from position @off on: 0 is the first, others are
	 * what *ret_next said before. At most @max into @ret; *ret_next = 0 when
	 * there are no more. Returns the count; 0 entries and *ret_next != 0 is a bug.
	 */
	int64_t (*readdir)(struct srv_session *c, const char *path, uint64_t off,
	    struct writ_dirent *ret, unsigned max, uint64_t *ret_next);
	/* Atomic; replaces a file at @to (never a folder: IS_DIR). Never "/", nor into itself. */
	int (*rename)(struct srv_session *c, const char *path, const char *to);

	/*
	 * Names (named has them; all may be NULL: ILLEGAL_OPERATION). enroll: give out @cap,
	 * which is the server's from now on if this returns 0, to who looks @path up; till
	 * gone(), or dismiss() of @path, a member. *ret_member: FSSRV_MEMBER_MAX bytes.
	 */
	int (*enroll)(struct srv_session *c, const char *path, writ_cap_t cap, char *ret_member);
	int (*dismiss)(struct srv_session *c, const char *path);
	/* A new capability in a new slot, which is freed when it has been sent; with no
	 * right that the session has not. @avoid: "" or the name of a member. */
	int (*lookup)(struct srv_session *c, const char *path, const char *avoid,
	    writ_cap_t *ret_cap, char *ret_member);
};

/* The whole life of a file server; call it from writ_main(). Returns the exit code. */
int fssrv_main(int argc, char **argv, const struct fssrv_ops *ops);

/* --- the parts, for tests and for servers that do more than files -------- */

/*
 * Join an attested @prefix ("", "/" or canonical) and a request's @path ("" or
 * "/": the prefix itself; else canonical) into @ret, FSSRV_PATH_MAX bytes.
 * Returns 0, -WRIT_E_BAD_PATH or -WRIT_E_NAME_TOO_LONG.
 */
int fssrv_join(const char *prefix, const char *path, char *ret);

/* Operations, numbered as enum Op of fs.proto. */
enum fssrv_op {
	FSSRV_OPEN = 1,
	FSSRV_CLOSE,
	FSSRV_READ,
	FSSRV_WRITE,
	FSSRV_STAT,
	FSSRV_MKDIR,
	FSSRV_REMOVE,
	FSSRV_READDIR,
	FSSRV_RENAME,
	FSSRV_REGISTER,
	FSSRV_UNREGISTER,
	FSSRV_LOOKUP,
	FSSRV_OP_N
};

/*
 * The rights table: which rights does a session with @rights lack for @op?
 * 0: none. @flags and @exists (is there a file already) count for OPEN only.
 */
uint32_t fssrv_missing(unsigned op, unsigned flags, bool exists, uint32_t rights);

/* State of one session, and one request of it, as struct srv_ops wants them. */
int fssrv_session_open(struct srv_session *c);
void fssrv_session_close(struct srv_session *c, const struct fssrv_ops *ops);
int64_t fssrv_request(struct srv_session *c, const struct fssrv_ops *ops, const void *req,
    size_t len, void *rep);
