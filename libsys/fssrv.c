/* SPDX-License-Identifier: MIT */
/*
 * The file-server glue: between requests of fs.proto and a server's callbacks.
 * The one place where a session's rights and prefix are applied; a callback
 * never sees a request that failed here. Owns the handles of each session.
 */
#include <writ/fssrv.h>
#include <stdlib.h>
#include <string.h>
#include "libsys/pb.h"
#include "libsys/sys.h"

#define OPEN_TRIES 4 /* races with others who make and remove the same file */

struct handle {
	void *file;
	unsigned flags;
};

struct fssrv_session {
	unsigned nhandles; /* allocated */
	struct handle *handles;
	uint32_t noted; /* the refusal that was reported last: right and path */
	char noted_path[WRIT_PREFIX_MAX];
};

/* One request on its way. */
struct call {
	struct srv_session *c;
	const struct fssrv_ops *ops;
	struct pb_req q;
	char path[FSSRV_PATH_MAX], to[FSSRV_PATH_MAX], member[FSSRV_MEMBER_MAX];
};

static uint8_t io_buf[WRIT_IO_MAX];
static struct writ_dirent dir_buf[FSSRV_DIR_BATCH];

/* --- rights ------------------------------------------------------------------- */

/* When a row of the rights table counts: for OPEN it depends on what is there. */
enum when { ALWAYS, EXISTS, NEW };

/*
 * Who does @op (with any of @flags, if there are some) needs all rights of @all
 * and, unless it is 0, one of @any. READ and WRITE by handle need no row: the
 * handle has the flags it was opened with, and a session's rights never change.
 */
static const struct rule {
	unsigned op, flags;
	enum when when;
	uint32_t all, any;
} rules[] = {
	{ FSSRV_OPEN, WRIT_O_READ, ALWAYS, WRIT_R_READ, 0 },
	{ FSSRV_OPEN, WRIT_O_WRITE | WRIT_O_TRUNC | WRIT_O_APPEND, EXISTS, WRIT_R_WRITE, 0 },
	{ FSSRV_OPEN, WRIT_O_CREATE, NEW, WRIT_R_CREATE, 0 },
	{ FSSRV_STAT, 0, ALWAYS, WRIT_R_READ, 0 },
	{ FSSRV_READDIR, 0, ALWAYS, WRIT_R_READ, 0 },
	{ FSSRV_MKDIR, 0, ALWAYS, WRIT_R_CREATE, 0 },
	{ FSSRV_REMOVE, 0, ALWAYS, WRIT_R_REMOVE, 0 },
	{ FSSRV_RENAME, 0, ALWAYS, WRIT_R_CREATE, WRIT_R_WRITE | WRIT_R_REMOVE },
	{ FSSRV_REGISTER, 0, ALWAYS, WRIT_R_MOUNT, 0 },
	{ FSSRV_UNREGISTER, 0, ALWAYS, WRIT_R_MOUNT, 0 },
	{ FSSRV_LOOKUP, 0, ALWAYS, WRIT_R_READ, 0 },
};

uint32_t fssrv_missing(unsigned op, unsigned flags, bool exists, uint32_t rights)
{
	uint32_t missing = 0;

	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *u = &rules[i];

		if (u->op != op || (u->flags != 0 && (u->flags & flags) == 0) ||
		    (u->when == EXISTS && !exists) || (u->when == NEW && exists))
			continue;
		missing |= u->all & ~rights;
		if (u->any != 0 && (u->any & rights) == 0)
			missing |= u->any;
	}
	return missing;
}

/* Report a refusal; the same one in a row only once. */
static void note(struct call *k, uint32_t missing, const char *path)
{
	struct fssrv_session *f = k->c->state;
	size_t n = strnlen(path, sizeof(f->noted_path) - 1);

	if (f->noted == missing && strncmp(f->noted_path, path, n) == 0 && f->noted_path[n] == '\0')
		return;
	f->noted = missing;
	memcpy(f->noted_path, path, n);
	f->noted_path[n] = '\0';
	writ_note(k->c->peer->session, missing, WRIT_E_NO_RIGHT, f->noted_path);
}

static int allow(struct call *k, unsigned flags, bool exists, struct pb_rep *rep)
{
	uint32_t missing = fssrv_missing(k->q.op, flags, exists, k->c->peer->rights);

	if (missing == 0)
		return 0;
	rep->missing = missing;
	note(k, missing, k->path);
	return -WRIT_E_NO_RIGHT;
}

/* --- paths --------------------------------------------------------------------- */

int fssrv_join(const char *prefix, const char *path, char *ret)
{
	size_t n = strlen(prefix), m = strlen(path);
	int r;

	if (path[0] != '\0' && (r = sys_path_check(path)) < 0)
		return r;
	if (prefix[0] != '\0' && (r = sys_path_check(prefix)) < 0)
		return r;
	if (n == 1)
		n = 0;
	if (m == 1)
		m = 0;
	if (n + m >= FSSRV_PATH_MAX)
		return -WRIT_E_NAME_TOO_LONG;
	memcpy(ret, prefix, n);
	memcpy(ret + n, path, m);
	memcpy(ret + n + m, n + m == 0 ? "/" : "", n + m == 0 ? 2 : 1);
	return 0;
}

/* --- handles -------------------------------------------------------------------- */

/* The index of a free handle, or -TOO_MANY_OPEN. */
static int handle_new(struct fssrv_session *f)
{
	unsigned n = f->nhandles > 0 ? f->nhandles * 2 : 8;
	struct handle *h;

	for (unsigned i = 0; i < f->nhandles; i++)
		if (f->handles[i].file == NULL)
			return (int)i;
	if (f->nhandles == FSSRV_HANDLES)
		return -WRIT_E_TOO_MANY_OPEN;
	h = realloc(f->handles, n * sizeof(*h));
	if (h == NULL)
		return -WRIT_E_TOO_MANY_OPEN;
	memset(h + f->nhandles, 0, (n - f->nhandles) * sizeof(*h));
	f->handles = h;
	f->nhandles = n;
	return (int)(n == 8 ? 0 : n / 2);
}

/* The handle that the request names, when it was opened with @flag (0: with any). Else NULL. */
static struct handle *handle_find(struct call *k, unsigned flag)
{
	struct fssrv_session *f = k->c->state;
	struct handle *h;

	if (k->q.handle >= f->nhandles)
		return NULL;
	h = &f->handles[k->q.handle];
	return h->file != NULL && (h->flags & flag) == flag ? h : NULL;
}

/* --- operations: 0 or a negated error --------------------------------------------- */

static bool open_flags_ok(unsigned f)
{
	const unsigned known = WRIT_O_READ | WRIT_O_WRITE | WRIT_O_CREATE | WRIT_O_EXCL |
	    WRIT_O_TRUNC | WRIT_O_APPEND;

	if ((f & ~known) != 0 || (f & (WRIT_O_READ | WRIT_O_WRITE)) == 0)
		return false;
	if ((f & (WRIT_O_CREATE | WRIT_O_TRUNC | WRIT_O_APPEND)) != 0 && (f & WRIT_O_WRITE) == 0)
		return false;
	return (f & WRIT_O_EXCL) == 0 || (f & WRIT_O_CREATE) != 0;
}

/* One try to open what is or isn't there now. *ret_new: it was made. */
static int open_once(struct call *k, void **ret_file, bool *ret_new, struct pb_rep *rep)
{
	unsigned flags = k->q.flags & ~(unsigned)(WRIT_O_CREATE | WRIT_O_EXCL);
	struct writ_stat st = { 0 };
	bool exists = true;
	int r;

	if ((k->q.flags & WRIT_O_EXCL) != 0)
		exists = false;
	else if ((k->q.flags & WRIT_O_CREATE) != 0)
		exists = k->ops->stat(k->c, k->path, &st) == 0;
	r = allow(k, k->q.flags, exists, rep);
	if (r < 0)
		return r;
	if (!exists)
		flags = (flags & ~(unsigned)WRIT_O_TRUNC) | WRIT_O_CREATE | WRIT_O_EXCL;
	r = k->ops->open(k->c, k->path, flags, ret_file, &rep->stat);
	*ret_new = !exists;
	if ((k->q.flags & (WRIT_O_CREATE | WRIT_O_EXCL)) == WRIT_O_CREATE &&
	    r == (exists ? -WRIT_E_NOT_FOUND : -WRIT_E_EXISTS))
		return -WRIT_E_BUSY;
	return r;
}

static int op_open(struct call *k, struct pb_rep *rep)
{
	struct fssrv_session *f = k->c->state;
	void *file = NULL;
	bool made = false;
	int h, r = -WRIT_E_BUSY;

	if (!open_flags_ok(k->q.flags))
		return -WRIT_E_INVALID_ARGUMENT;
	h = handle_new(f);
	if (h < 0)
		return h;
	for (unsigned i = 0; i < OPEN_TRIES && r == -WRIT_E_BUSY; i++)
		r = open_once(k, &file, &made, rep);
	if (r < 0)
		return r;
	f->handles[h] = (struct handle){ file, k->q.flags };
	rep->handle = (uint32_t)h;
	rep->has_stat = true;
	/* Who may not read is told no more of a file than what it is. */
	if (!made && (k->c->peer->rights & WRIT_R_READ) == 0)
		rep->stat = (struct writ_stat){ .kind = rep->stat.kind };
	return 0;
}

static int op_close(struct call *k, struct pb_rep *rep)
{
	struct handle *h = handle_find(k, 0);

	(void)rep;
	if (h == NULL)
		return -WRIT_E_BAD_HANDLE;
	k->ops->close(k->c, h->file);
	h->file = NULL;
	return 0;
}

static int op_read(struct call *k, struct pb_rep *rep)
{
	const struct handle *h = handle_find(k, WRIT_O_READ);
	int64_t n;

	if (h == NULL)
		return -WRIT_E_BAD_HANDLE;
	n = k->ops->read(k->c, h->file, k->q.offset, io_buf,
	    k->q.count < sizeof(io_buf) ? k->q.count : sizeof(io_buf));
	if (n < 0)
		return (int)n;
	rep->data = io_buf;
	rep->len = (size_t)n;
	rep->count = (uint64_t)n;
	return 0;
}

static int op_write(struct call *k, struct pb_rep *rep)
{
	const struct handle *h = handle_find(k, WRIT_O_WRITE);
	uint64_t off = k->q.offset;
	int64_t n;

	if (h == NULL)
		return -WRIT_E_BAD_HANDLE;
	if ((h->flags & WRIT_O_APPEND) != 0)
		off = FSSRV_END;
	else if (off > INT64_MAX - (uint64_t)WRIT_IO_MAX)
		return -WRIT_E_RANGE;
	if (k->q.len > WRIT_IO_MAX)
		return -WRIT_E_RANGE;
	n = k->ops->write(k->c, h->file, off, k->q.data, k->q.len);
	if (n < 0)
		return (int)n;
	rep->count = (uint64_t)n;
	return 0;
}

static int op_stat(struct call *k, struct pb_rep *rep)
{
	rep->has_stat = true;
	return k->ops->stat(k->c, k->path, &rep->stat);
}

static int op_mkdir(struct call *k, struct pb_rep *rep)
{
	(void)rep;
	return k->ops->mkdir(k->c, k->path);
}

static int op_remove(struct call *k, struct pb_rep *rep)
{
	(void)rep;
	return k->path[1] == '\0' ? -WRIT_E_ILLEGAL_OPERATION : k->ops->remove(k->c, k->path);
}

static int op_readdir(struct call *k, struct pb_rep *rep)
{
	uint64_t next = 0;
	int64_t n = k->ops->readdir(k->c, k->path, k->q.offset, dir_buf, FSSRV_DIR_BATCH, &next);

	if (n < 0)
		return (int)n;
	rep->ents = dir_buf;
	rep->nents = (unsigned)n;
	rep->count = next;
	return 0;
}

static int op_rename(struct call *k, struct pb_rep *rep)
{
	size_t n = strlen(k->path);

	(void)rep;
	if (k->path[1] == '\0' || k->to[1] == '\0')
		return -WRIT_E_ILLEGAL_OPERATION;
	if (strncmp(k->path, k->to, n) == 0 && k->to[n] == '/')
		return -WRIT_E_INVALID_ARGUMENT;
	return k->ops->rename(k->c, k->path, k->to);
}

/* --- names ------------------------------------------------------------------------- */

static int op_register(struct call *k, struct pb_rep *rep)
{
	struct writ_chan_msg *m = k->c->request;
	int r;

	if (k->ops->enroll == NULL)
		return -WRIT_E_ILLEGAL_OPERATION;
	if (m->ncaps != 1)
		return -WRIT_E_INVALID_ARGUMENT;
	r = k->ops->enroll(k->c, k->path, m->caps[0], k->member);
	if (r < 0)
		return r;
	m->caps[0] = 0; /* it is the server's */
	rep->name = k->member;
	return 0;
}

static int op_unregister(struct call *k, struct pb_rep *rep)
{
	(void)rep;
	return k->ops->dismiss != NULL ? k->ops->dismiss(k->c, k->path) : -WRIT_E_ILLEGAL_OPERATION;
}

static int op_lookup(struct call *k, struct pb_rep *rep)
{
	int r;

	if (k->ops->lookup == NULL)
		return -WRIT_E_ILLEGAL_OPERATION;
	r = k->ops->lookup(k->c, k->path, k->q.to, &k->c->give[0], k->member);
	if (r < 0)
		return r;
	k->c->ngive = 1;
	rep->name = k->member;
	return 0;
}

/* --- requests ---------------------------------------------------------------------- */

/* What an operation has to name. OPEN checks its rights itself: they depend on what is there. */
enum { PATH = 1, TO = 2, CHECK = 4 };
static const struct op {
	int (*fn)(struct call *k, struct pb_rep *rep);
	unsigned wants;
} ops_table[FSSRV_OP_N] = {
	[FSSRV_OPEN] = { op_open, PATH },
	[FSSRV_CLOSE] = { op_close, 0 },
	[FSSRV_READ] = { op_read, 0 },
	[FSSRV_WRITE] = { op_write, 0 },
	[FSSRV_STAT] = { op_stat, PATH | CHECK },
	[FSSRV_MKDIR] = { op_mkdir, PATH | CHECK },
	[FSSRV_REMOVE] = { op_remove, PATH | CHECK },
	[FSSRV_READDIR] = { op_readdir, PATH | CHECK },
	[FSSRV_RENAME] = { op_rename, PATH | TO | CHECK },
	[FSSRV_REGISTER] = { op_register, PATH | CHECK },
	[FSSRV_UNREGISTER] = { op_unregister, PATH | CHECK },
	[FSSRV_LOOKUP] = { op_lookup, PATH | CHECK },
};

static int dispatch(struct call *k, struct pb_rep *rep)
{
	const struct op *op;
	int r = 0;

	if (k->q.op >= FSSRV_OP_N || ops_table[k->q.op].fn == NULL)
		return -WRIT_E_BAD_REQUEST;
	op = &ops_table[k->q.op];
	if ((op->wants & PATH) != 0)
		r = fssrv_join(k->c->peer->prefix, k->q.path, k->path);
	if (r == 0 && (op->wants & TO) != 0)
		r = fssrv_join(k->c->peer->prefix, k->q.to, k->to);
	if (r == 0 && (op->wants & CHECK) != 0)
		r = allow(k, 0, true, rep);
	return r < 0 ? r : op->fn(k, rep);
}

int64_t fssrv_request(struct srv_session *c, const struct fssrv_ops *ops, const void *req,
    size_t len, void *rep_buf)
{
	struct call k = { .c = c, .ops = ops };
	struct pb_rep rep = { 0 };
	int r = pb_req_unpack(req, len, &k.q);

	if (r < 0)
		return r;
	r = dispatch(&k, &rep);
	if (r < 0)
		rep = (struct pb_rep){ .status = (uint32_t)-r, .missing = rep.missing };
	return pb_rep_pack(&rep, rep_buf, SRV_MSG_MAX);
}

int fssrv_session_open(struct srv_session *c)
{
	c->state = calloc(1, sizeof(struct fssrv_session));
	return c->state != NULL ? 0 : -WRIT_E_NOT_ENOUGH_MEMORY;
}

void fssrv_session_close(struct srv_session *c, const struct fssrv_ops *ops)
{
	struct fssrv_session *f = c->state;

	for (unsigned i = 0; i < f->nhandles; i++)
		if (f->handles[i].file != NULL)
			ops->close(c, f->handles[i].file);
	if (ops->gone != NULL)
		ops->gone(c);
	free(f->handles);
	free(f);
	c->state = NULL;
}
