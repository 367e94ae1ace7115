/* SPDX-License-Identifier: MIT */
/*
 * Listings: of a served folder, and of one's own namespace above the Paths.
 */
#include <stdlib.h>
#include <string.h>
#include <writ/fssrv.h>
#include "libsys/fs.h"
#include "libsys/sys.h"

#define ENTRIES_MAX (1u << 20) /* a server that never ends its listing is stopped here */

struct list {
	struct writ_dirent *v;
	size_t n, room;
};

/* The next entry to fill in; NULL when there is no memory. */
static struct writ_dirent *list_add(struct list *l)
{
	size_t room = l->room > 0 ? l->room * 2 : 32;
	struct writ_dirent *v;

	if (l->n == l->room) {
		v = realloc(l->v, room * sizeof(*v));
		if (v == NULL)
			return NULL;
		l->v = v;
		l->room = room;
	}
	return &l->v[l->n++];
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct writ_dirent *)a)->name, ((const struct writ_dirent *)b)->name);
}

/* Hand it over, in order. The caller may free what it gets also when it is empty. */
static int list_give(struct list *l, struct writ_dirent **ret)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	*ret = l->v;
	return (int)l->n;
}

static bool list_has(const struct list *l, const char *name, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->v[i].name, name, n) == 0 && l->v[i].name[n] == '\0')
			return true;
	return false;
}

int fs_names_below(const char *path, struct writ_dirent **ret)
{
	size_t len = path[1] == '\0' ? 0 : strlen(path), n;
	struct list l = { 0 };
	struct writ_dirent *e;
	const char *name;
	uint32_t rights;
	writ_cap_t slot;
	unsigned type;

	for (unsigned i = 0; writ_named_each(i, &type, &name, &slot, &rights); i++) {
		if (type != WRIT_TYPE_PATH || strncmp(name, path, len) != 0 || name[len] != '/')
			continue;
		name += len + 1;
		n = strcspn(name, "/");
		if (n == 0 || n >= sizeof(e->name) || list_has(&l, name, n))
			continue;
		e = list_add(&l);
		if (e == NULL) {
			free(l.v);
			return -WRIT_E_NOT_ENOUGH_MEMORY;
		}
		*e = (struct writ_dirent){ .kind = WRIT_DIR };
		memcpy(e->name, name, n);
	}
	if (l.n == 0 && len > 0)
		return -WRIT_E_NO_PATH;
	return list_give(&l, ret);
}

/* One batch. Returns the offset of the next, 0 at the end, or an error. */
static int64_t read_batch(const struct fs_target *t, uint64_t off, struct list *l)
{
	struct pb_req q = { .op = FSSRV_READDIR, .path = t->rest, .offset = off };
	struct writ_dirent *e;
	struct pb_rep rep;
	int r = fs_conn_call(t->conn, &q, true, &rep);

	if (r < 0)
		return r;
	if (rep.count > INT64_MAX || (rep.count != 0 && rep.nents == 0))
		return -WRIT_E_IO;
	if (l->n + rep.nents > ENTRIES_MAX)
		return -WRIT_E_RANGE;
	for (unsigned i = 0; i < rep.nents; i++) {
		e = list_add(l);
		if (e == NULL)
			return -WRIT_E_NOT_ENOUGH_MEMORY;
		if (pb_rep_ent(&rep, i, e) < 0)
			return -WRIT_E_IO;
	}
	return (int64_t)rep.count;
}

int writ_readdir(const char *path, struct writ_dirent **ret)
{
	struct list l = { 0 };
	struct fs_target t;
	int64_t off = 0;
	int r = fs_resolve_quiet(path, &t);

	if (r == -WRIT_E_NO_PATH) {
		r = fs_names_below(path, ret);
		return r == -WRIT_E_NO_PATH ? fs_resolve(path, WRIT_R_READ, &t) : r;
	}
	if (r < 0)
		return r;
	do {
		off = read_batch(&t, (uint64_t)off, &l);
	} while (off > 0);
	if (off < 0) {
		free(l.v);
		return (int)off;
	}
	return list_give(&l, ret);
}
