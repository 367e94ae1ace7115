/* SPDX-License-Identifier: MIT */
/*
 * named: the namespace of one realm, a tree in memory. This file ties the tree
 * to the protocol, reads the arguments and tells the time. Beside the endpoint
 * that it listens on it holds what servers gave it to give out: never more of that
 * than they gave, nor more than who asks may himself. It decides nothing about rights.
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
#include "servers/named/fleet.h"
#include "servers/named/tree.h"

#define MEMORY_DEFAULT (UINT64_C(256) << 20) /* when the proc has no limit of its own */
#define NODES_DEFAULT  262144
#define SLOTS_DEFAULT  64 /* when the start record does not say */
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

/* --- names -------------------------------------------------------------------- */

_Static_assert(FLEET_NAME_MAX == FSSRV_MEMBER_MAX, "a member's name has one length");

/* What came may be anything: only a Path leads clients to a server. */
static int named_enroll(struct srv_session *c, const char *path, writ_cap_t cap, char *ret_member)
{
	struct fleet_member m = { .owner = c,
		.proc = c->peer->pid,
		.cap = cap,
		.machine = FLEET_HERE };
	struct writ_cap_info info;
	int r = writ_cap_inspect(cap, &info);

	if (r < 0)
		return r;
	if (info.type != WRIT_TYPE_PATH)
		return -WRIT_E_INVALID_CAPABILITY;
	m.rights = info.rights;
	return fleet_join(tree_of(c), path, c->peer->prefix, &m, ret_member);
}

static int named_dismiss(struct srv_session *c, const char *path)
{
	uint32_t cap;
	int r = fleet_leave(tree_of(c), path, c, &cap);

	if (r == 0)
		writ_slot_free(cap);
	return r;
}

/* A member whose capability is gone was revoked, and is none any more: on to the next. */
static int named_lookup(struct srv_session *c, const char *path, const char *avoid,
    writ_cap_t *ret_cap, char *ret_member)
{
	struct fleet_member m;
	writ_cap_t slot = writ_slot_new();
	int r = slot != 0 ? 0 : -WRIT_E_NOT_ENOUGH_MEMORY;

	while (r == 0 && (r = fleet_find(tree_of(c), path, avoid, &m, ret_member)) == 0) {
		r = writ_cap_copy(m.cap, slot, m.rights & c->peer->rights);
		if (r != -WRIT_E_FAILED_LOOKUP && r != -WRIT_E_STALE)
			break;
		fleet_drop(tree_of(c), m.cap);
		writ_slot_free(m.cap);
		r = 0;
	}
	if (r < 0) {
		writ_slot_free(slot);
		return r;
	}
	*ret_cap = slot;
	return 0;
}

/* Who leaves takes his registrations with him. */
static void named_gone(struct srv_session *c)
{
	uint32_t cap;

	while (fleet_leave_any(tree_of(c), c, &cap))
		writ_slot_free(cap);
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

/* Half of one's slots: the rest is for capabilities on their way. */
static unsigned members_default(void)
{
	unsigned type, slots = SLOTS_DEFAULT;
	const char *name;
	writ_cap_t slot;
	uint32_t bits;

	for (unsigned i = 0; writ_named_each(i, &type, &name, &slot, &bits); i++)
		if (type == WRIT_TYPE_CNODE && strcmp(name, "cspace") == 0 && bits <= 16)
			slots = 1u << bits;
	return slots / 2;
}

static int named_init(struct srv *s, int argc, char **argv)
{
	struct tree_conf conf = { .nodes = NODES_DEFAULT, .now = clock_now };

	conf.members = members_default();
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
	.enroll = named_enroll,
	.dismiss = named_dismiss,
	.lookup = named_lookup,
	.gone = named_gone,
};

int writ_main(int argc, char **argv)
{
	return fssrv_main(argc, argv, &named_ops);
}
