/* SPDX-License-Identifier: MIT */
/*
 * named: the namespace of one realm, a tree in memory. This file ties the tree
 * to the protocol, reads the arguments and tells the time; it holds no authority
 * but the endpoint that it listens on, and decides nothing about rights.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <writ/fssrv.h>
#include <writ/writ.h>
#include "servers/named/tree.h"

#define MEMORY_DEFAULT (UINT64_C(256) << 20) /* when the proc has no limit of its own */
#define NODES_DEFAULT  262144
#define NODES_MAX      (UINT64_C(1) << 28)

_Static_assert(TREE_END == FSSRV_END, "the end of a file has one name");

static struct tree *tree_of(const struct srv_session *c)
{
	return c->srv->state;
}

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- operations --------------------------------------------------------------- */

static int named_open(struct srv_session *c, const char *path, unsigned flags, void **ret_file,
    struct writ_stat *ret_st)
{
	struct tree_node *n;
	int r = tree_open(tree_of(c), path, c->peer->prefix, flags, &n);

	if (r < 0)
		return r;
	tree_node_stat(n, ret_st);
	*ret_file = n;
	return 0;
}

static void named_close(struct srv_session *c, void *file)
{
	tree_close(tree_of(c), file);
}

static int64_t named_read(struct srv_session *c, void *file, uint64_t off, void *buf, size_t len)
{
	(void)c;
	return tree_read(file, off, buf, len);
}

static int64_t named_write(struct srv_session *c, void *file, uint64_t off, const void *buf,
    size_t len)
{
	return tree_write(tree_of(c), file, off, buf, len);
}

static int named_stat(struct srv_session *c, const char *path, struct writ_stat *ret)
{
	return tree_stat(tree_of(c), path, ret);
}

static int named_mkdir(struct srv_session *c, const char *path)
{
	return tree_mkdir(tree_of(c), path, c->peer->prefix);
}

static int named_remove(struct srv_session *c, const char *path)
{
	return tree_remove(tree_of(c), path);
}

static int64_t named_readdir(struct srv_session *c, const char *path, uint64_t off,
    struct writ_dirent *ret, unsigned max, uint64_t *ret_next)
{
	return tree_readdir(tree_of(c), path, off, ret, max, ret_next);
}

static int named_rename(struct srv_session *c, const char *path, const char *to)
{
	return tree_rename(tree_of(c), path, to, c->peer->prefix);
}

/* --- start -------------------------------------------------------------------- */

static bool number_read(const char *s, uint64_t max, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	if (s == NULL || *s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno != 0 || *end != '\0' || v == 0 || v > max)
		return false;
	*ret = v;
	return true;
}

/* Three quarters of what the proc may allocate: the rest is for sessions. */
static uint64_t memory_default(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_DATA, &l) != 0 || l.rlim_cur == RLIM_INFINITY)
		return MEMORY_DEFAULT;
	return l.rlim_cur / 4 * 3;
}

static int named_init(struct srv *s, int argc, char **argv)
{
	struct tree_conf conf = { .nodes = NODES_DEFAULT, .now = clock_now };

	conf.memory = memory_default();
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		bool ok = false;

		if (strcmp(argv[i], "--memory") == 0)
			ok = number_read(value, INT64_MAX, &conf.memory);
		else if (strcmp(argv[i], "--nodes") == 0)
			ok = number_read(value, NODES_MAX, &conf.nodes);
		if (!ok) {
			srv_log(s, "usage: named [--memory BYTES] [--nodes N] (at \"%s\")",
			    argv[i]);
			return -WRIT_E_INVALID_ARGUMENT;
		}
	}
	if (getrandom(conf.seed, sizeof(conf.seed), 0) != (ssize_t)sizeof(conf.seed))
		return -WRIT_E_IO;
	s->state = tree_new(&conf);
	return s->state != NULL ? 0 : -WRIT_E_NOT_ENOUGH_MEMORY;
}

static const struct fssrv_ops named_ops = {
	.name = "named",
	.init = named_init,
	.open = named_open,
	.close = named_close,
	.read = named_read,
	.write = named_write,
	.stat = named_stat,
	.mkdir = named_mkdir,
	.remove = named_remove,
	.readdir = named_readdir,
	.rename = named_rename,
};

int writ_main(int argc, char **argv)
{
	return fssrv_main(argc, argv, &named_ops);
}
