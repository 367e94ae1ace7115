/* SPDX-License-Identifier: MIT */
/*
 * The file client: calls on paths and on handles. Owns the handles and their
 * offsets. Whether something is allowed is the server's word.
 */
#include <stdlib.h>
#include <string.h>
#include <writ/fssrv.h>
#include "libsys/fs.h"
#include "libsys/sys.h"

#define HANDLES_MAX 1024

struct file {
	struct fs_conn *conn; /* NULL: not in use */
	uint32_t epoch;       /* of the connection when it was opened */
	uint32_t handle;      /* the server's */
	unsigned flags;
	uint64_t off;
};

static struct file *files;
static int nfiles;

static struct file *file_of(int h)
{
	return h >= 0 && h < nfiles && files[h].conn != NULL ? &files[h] : NULL;
}

/* The number of a free handle, or an error. */
static int file_new(void)
{
	int n = nfiles > 0 ? nfiles * 2 : 16;
	struct file *f;

	for (int i = 0; i < nfiles; i++)
		if (files[i].conn == NULL)
			return i;
	if (n > HANDLES_MAX)
		return -WRIT_E_TOO_MANY_OPEN;
	f = realloc(files, (size_t)n * sizeof(*f));
	if (f == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	memset(f + nfiles, 0, (size_t)(n - nfiles) * sizeof(*f));
	files = f;
	nfiles = n;
	return n == 16 ? 0 : n / 2;
}

/* The right that is missing for sure when nothing at all covers the path. */
static uint32_t open_wants(unsigned flags)
{
	return ((flags & WRIT_O_READ) != 0 ? WRIT_R_READ : 0) |
	    ((flags & WRIT_O_CREATE) != 0         ? WRIT_R_CREATE
		    : (flags & WRIT_O_WRITE) != 0 ? WRIT_R_WRITE
						  : 0u);
}

int writ_open(const char *path, unsigned flags)
{
	const unsigned changes = WRIT_O_CREATE | WRIT_O_TRUNC;
	struct fs_target t;
	struct pb_rep rep;
	struct pb_req q = { .op = FSSRV_OPEN, .flags = flags };
	int h, r = fs_resolve(path, open_wants(flags), &t);

	if (r < 0)
		return r;
	h = file_new();
	if (h < 0)
		return h;
	q.path = t.rest;
	r = fs_conn_call(t.conn, &q, (flags & changes) == 0, &rep);
	if (r < 0)
		return r;
	fs_conn_hold(t.conn);
	files[h] = (struct file){ t.conn, fs_conn_epoch(t.conn), rep.handle, flags, 0 };
	return h;
}

int writ_close(int h)
{
	struct file *f = file_of(h);
	struct pb_req q = { .op = FSSRV_CLOSE };
	struct pb_rep rep;
	int r;

	if (f == NULL)
		return -WRIT_E_BAD_HANDLE;
	q.handle = f->handle;
	r = fs_conn_call_handle(f->conn, f->epoch, &q, &rep);
	fs_conn_release(f->conn, f->epoch);
	f->conn = NULL;
	/* A server that died has closed it already. */
	return r == -WRIT_E_PEER_CLOSED ? 0 : r;
}

static int64_t read_some(const struct file *f, void *buf, size_t len, uint64_t off)
{
	struct pb_req q = {
		.op = FSSRV_READ,
		.handle = f->handle,
		.offset = off,
		.count = (uint32_t)(len < WRIT_IO_MAX ? len : WRIT_IO_MAX),
	};
	struct pb_rep rep;
	int r = fs_conn_call_handle(f->conn, f->epoch, &q, &rep);

	if (r < 0)
		return r;
	if (rep.len > q.count)
		return -WRIT_E_IO;
	if (rep.len > 0)
		memcpy(buf, rep.data, rep.len);
	return (int64_t)rep.len;
}

int64_t writ_pread(int h, void *buf, size_t len, uint64_t off)
{
	const struct file *f = file_of(h);
	size_t done = 0;
	int64_t n;

	if (f == NULL || (f->flags & WRIT_O_READ) == 0)
		return -WRIT_E_BAD_HANDLE;
	while (done < len) {
		size_t want = len - done < WRIT_IO_MAX ? len - done : WRIT_IO_MAX;

		n = read_some(f, (char *)buf + done, want, off + done);
		if (n < 0)
			return done > 0 ? (int64_t)done : n;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (int64_t)done;
}

int64_t writ_pwrite(int h, const void *buf, size_t len, uint64_t off)
{
	const struct file *f = file_of(h);
	struct pb_rep rep;
	size_t done = 0;
	int r;

	if (f == NULL || (f->flags & WRIT_O_WRITE) == 0)
		return -WRIT_E_BAD_HANDLE;
	while (done < len) {
		struct pb_req q = {
			.op = FSSRV_WRITE,
			.handle = f->handle,
			.offset = off + done,
			.data = (const char *)buf + done,
			.len = len - done < WRIT_IO_MAX ? len - done : WRIT_IO_MAX,
		};

		r = fs_conn_call_handle(f->conn, f->epoch, &q, &rep);
		if (r < 0)
			return r;
		if (rep.count != q.len)
			return -WRIT_E_IO;
		done += q.len;
	}
	return (int64_t)done;
}

int64_t writ_read(int h, void *buf, size_t len)
{
	struct file *f = file_of(h);
	int64_t n = f != NULL ? writ_pread(h, buf, len, f->off) : -WRIT_E_BAD_HANDLE;

	if (n > 0)
		f->off += (uint64_t)n;
	return n;
}

int64_t writ_write(int h, const void *buf, size_t len)
{
	struct file *f = file_of(h);
	int64_t n = f != NULL ? writ_pwrite(h, buf, len, f->off) : -WRIT_E_BAD_HANDLE;

	if (n > 0)
		f->off += (uint64_t)n;
	return n;
}

int fs_path_call(unsigned op, const char *path, const char *to, uint32_t wants)
{
	struct pb_req q = { .op = op };
	struct fs_target t, u;
	struct pb_rep rep;
	int r = fs_resolve(path, wants, &t);

	if (r == 0 && to != NULL)
		r = fs_resolve(to, wants, &u);
	if (r < 0)
		return r;
	if (to != NULL && u.conn != t.conn)
		return -WRIT_E_ILLEGAL_OPERATION;
	q.path = t.rest;
	q.to = to != NULL ? u.rest : NULL;
	return fs_conn_call(t.conn, &q, false, &rep);
}

int writ_stat(const char *path, struct writ_stat *ret)
{
	struct pb_req q = { .op = FSSRV_STAT };
	struct writ_dirent *ents;
	struct fs_target t;
	struct pb_rep rep;
	int r = fs_resolve_quiet(path, &t);

	if (r == -WRIT_E_NO_PATH && fs_names_below(path, &ents) >= 0) {
		free(ents);
		*ret = (struct writ_stat){ .kind = WRIT_DIR };
		return 0;
	}
	if (r == -WRIT_E_NO_PATH)
		r = fs_resolve(path, WRIT_R_READ, &t);
	if (r < 0)
		return r;
	q.path = t.rest;
	r = fs_conn_call(t.conn, &q, true, &rep);
	if (r == 0 && !rep.has_stat)
		r = -WRIT_E_IO;
	if (r == 0)
		*ret = rep.stat;
	return r;
}

int writ_mkdir(const char *path)
{
	return fs_path_call(FSSRV_MKDIR, path, NULL, WRIT_R_CREATE);
}

int writ_remove(const char *path)
{
	return fs_path_call(FSSRV_REMOVE, path, NULL, WRIT_R_REMOVE);
}

int writ_rename(const char *path, const char *to)
{
	return fs_path_call(FSSRV_RENAME, path, to, WRIT_R_CREATE);
}
