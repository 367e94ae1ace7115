/* SPDX-License-Identifier: MIT */
/*
 * ux: one folder of the host, lent to the node, as a file server. This file
 * ties ux.c to the protocol. It gets the folder as a descriptor through its
 * Host capability and never learns the folder's path; rights are the glue's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <writ/fssrv.h>
#include <writ/writ.h>
#include "servers/proxies/ux/ux.h"

#define SPARE_FDS 40 /* standard ones, gate, epoll, those open during a request */

_Static_assert(UX_END == FSSRV_END, "the end of a file has one name");

static struct ux *ux_of(const struct srv_session *c)
{
	return c->srv->state;
}

static int op_open(struct srv_session *c, const char *path, unsigned flags, void **ret_file,
    struct writ_stat *ret_st)
{
	struct ux_file *f;
	int r = ux_open(ux_of(c), path, flags, c->peer->realm, &f, ret_st);

	if (r == 0)
		*ret_file = f;
	return r;
}

static void op_close(struct srv_session *c, void *file)
{
	(void)c;
	ux_close(file);
}

static int64_t op_read(struct srv_session *c, void *file, uint64_t off, void *buf, size_t len)
{
	(void)c;
	return ux_read(file, off, buf, len);
}

static int64_t op_write(struct srv_session *c, void *file, uint64_t off, const void *buf,
    size_t len)
{
	(void)c;
	return ux_write(file, off, buf, len);
}

static int op_stat(struct srv_session *c, const char *path, struct writ_stat *ret)
{
	return ux_stat(ux_of(c), path, ret);
}

static int op_mkdir(struct srv_session *c, const char *path)
{
	return ux_mkdir(ux_of(c), path);
}

static int op_remove(struct srv_session *c, const char *path)
{
	return ux_remove(ux_of(c), path);
}

static int64_t op_readdir(struct srv_session *c, const char *path, uint64_t off,
    struct writ_dirent *ret, unsigned max, uint64_t *ret_next)
{
	return ux_readdir(ux_of(c), path, off, ret, max, ret_next);
}

static int op_rename(struct srv_session *c, const char *path, const char *to)
{
	return ux_rename(ux_of(c), path, to);
}

/* Half of the descriptors are for files, the rest is for the bells of clients. */
static unsigned files_max(void)
{
	const unsigned want = 2 * UX_FILES_MAX + SPARE_FDS;
	struct rlimit l;
	unsigned n = want;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < want)
		n = (unsigned)l.rlim_cur;
	return n > SPARE_FDS + 2 ? (n - SPARE_FDS) / 2 : 1;
}

static int ux_init(struct srv *s, int argc, char **argv)
{
	static struct ux u;
	struct writ_stat st;
	int r;

	if (argc > 1) {
		srv_log(s, "usage: ux (no arguments; not \"%s\")", argv[1]);
		return -WRIT_E_INVALID_ARGUMENT;
	}
	u.root = writ_cap_fd(writ_named_cap(WRIT_TYPE_HOST, NULL));
	if (u.root < 0) {
		srv_log(s, "no host folder was given: %s", writ_strerror(u.root));
		return u.root;
	}
	r = ux_stat(&u, "/", &st);
	if (r == 0 && st.kind != WRIT_DIR)
		r = -WRIT_E_NOT_DIR;
	if (r < 0) {
		srv_log(s, "the host folder can't be used: %s", writ_strerror(r));
		return r;
	}
	u.nfiles = files_max();
	s->state = &u;
	return 0;
}

static const struct fssrv_ops ux_ops = {
	.name = "ux",
	.init = ux_init,
	.open = op_open,
	.close = op_close,
	.read = op_read,
	.write = op_write,
	.stat = op_stat,
	.mkdir = op_mkdir,
	.remove = op_remove,
	.readdir = op_readdir,
	.rename = op_rename,
};

int writ_main(int argc, char **argv)
{
	return fssrv_main(argc, argv, &ux_ops);
}
