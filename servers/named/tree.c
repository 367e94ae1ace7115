/* SPDX-License-Identifier: MIT */
#include "servers/named/tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <writ/err.h>
#include "servers/named/node.h"

#define COMPONENT_MAX 255

/* --- the whole -------------------------------------------------------------- */

struct tree *tree_new(const struct tree_conf *conf)
{
	struct tree *t = calloc(1, sizeof(*t));
	uint64_t n = 16;

	if (t == NULL)
		return NULL;
	t->conf = *conf;
	t->mem.max = conf->memory;
	while (n < conf->nodes && n < UINT64_C(1) << 32)
		n *= 2;
	t->mask = n - 1;
	t->buckets = calloc(n, sizeof(struct tree_node *));
	if (t->buckets == NULL || node_new(t, WRIT_DIR, "", 0, &t->root) < 0) {
		tree_free(t);
		return NULL;
	}
	t->root->version = 1;
	return t;
}

void tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	for (uint64_t i = 0; t->buckets != NULL && i <= t->mask; i++) {
		struct tree_node *n, *next;

		for (n = t->buckets[i]; n != NULL; n = next) {
			next = n->chain;
			node_free(t, n);
		}
	}
	if (t->root != NULL)
		node_free(t, t->root);
	free(t->buckets);
	free(t);
}

struct tree_usage tree_usage(const struct tree *t)
{
	return (struct tree_usage){ .memory = t->mem.used, .nodes = t->nodes };
}

/* --- paths -------------------------------------------------------------------- */

/* Where a path's last component is, or would be. */
struct place {
	struct tree_node *dir;  /* its folder; NULL for "/" */
	struct tree_node *node; /* what is there, or NULL */
	const char *name;       /* in the path */
	size_t len;
	struct tree_node *top, *last; /* folders that were made on the way, or NULL */
};

/* Is the parent of @path the folder @prefix, or one that leads to it? */
static bool leads_to(const char *path, const char *prefix)
{
	size_t len = (size_t)(strrchr(path, '/') - path);

	return prefix != NULL && strncmp(path, prefix, len) == 0 &&
	    (prefix[len] == '/' || prefix[len] == '\0');
}

static int folder_make(struct tree *t, struct place *p)
{
	struct tree_node *n;
	int r = node_new(t, WRIT_DIR, p->name, p->len, &n);

	if (r < 0)
		return r;
	r = node_reserve(t, p->dir);
	if (r < 0) {
		node_free(t, n);
		return r;
	}
	node_attach(t, p->dir, n);
	if (p->top == NULL)
		p->top = n;
	p->last = n;
	p->node = n;
	return 0;
}

/* Remove the folders that were made on the way: a failed call changes nothing. */
static void place_undo(struct tree *t, const struct place *p)
{
	struct tree_node *n = p->last;

	while (n != NULL) {
		struct tree_node *dir = n == p->top ? NULL : n->parent;

		node_detach(t, n);
		node_free(t, n);
		n = dir;
	}
}

/*
 * Find the place of @path. Folders on the way that are @prefix (NULL: none) or
 * lead to it are made. Errors: NOT_FOUND, NOT_DIR, NAME_TOO_LONG, NO_SPACE.
 */
static int place_find(struct tree *t, const char *path, const char *prefix, struct place *ret)
{
	struct place p = { .node = t->root, .name = "" };
	const char *s = path + strspn(path, "/");
	int r;

	while (*s != '\0') {
		if (p.node == NULL) {
			if (!leads_to(path, prefix))
				return -WRIT_E_NOT_FOUND;
			if (p.dir->kind == WRIT_FLEET)
				return -WRIT_E_NOT_DIR;
			r = folder_make(t, &p);
			if (r < 0)
				goto undo;
		}
		if (!node_is_folder(p.node))
			return -WRIT_E_NOT_DIR;
		p.dir = p.node;
		p.name = s;
		p.len = strcspn(s, "/");
		r = -WRIT_E_NAME_TOO_LONG;
		if (p.len > COMPONENT_MAX)
			goto undo;
		p.node = node_find(t, p.dir, s, p.len);
		s += p.len;
		s += strspn(s, "/");
	}
	*ret = p;
	return 0;
undo:
	place_undo(t, &p);
	return r;
}

int path_find(const struct tree *t, const char *path, struct tree_node **ret)
{
	struct place p;
	int r = place_find((struct tree *)t, path, NULL, &p); /* no prefix: changes nothing */

	if (r < 0)
		return r;
	if (p.node == NULL)
		return -WRIT_E_NOT_FOUND;
	*ret = p.node;
	return 0;
}

/* The folders that a call has changed by putting something at @p. */
static void place_touch(struct tree *t, struct place *p)
{
	node_touch(t, p->dir);
	if (p->top != NULL && p->top->parent != p->dir)
		node_touch(t, p->top->parent);
}

int path_make(struct tree *t, const char *path, const char *prefix, unsigned kind,
    struct tree_node **ret)
{
	struct tree_node *n;
	struct place p;
	int r;

	r = place_find(t, path, prefix, &p);
	if (r < 0)
		return r;
	if (p.node != NULL)
		return -WRIT_E_EXISTS;
	if (p.dir->kind == WRIT_FLEET)
		return -WRIT_E_NOT_DIR;
	r = node_new(t, kind, p.name, p.len, &n);
	if (r < 0)
		goto undo;
	r = kind == WRIT_FLEET ? node_reserve(t, n) : 0;
	if (r == 0)
		r = node_reserve(t, p.dir);
	if (r < 0) {
		node_free(t, n);
		goto undo;
	}
	node_attach(t, p.dir, n);
	place_touch(t, &p);
	*ret = n;
	return 0;
undo:
	place_undo(t, &p);
	return r;
}

/* --- files -------------------------------------------------------------------- */

int tree_open(struct tree *t, const char *path, const char *prefix, unsigned flags,
    struct tree_node **ret)
{
	struct tree_node *n = NULL;
	int r;

	if (flags & WRIT_O_CREATE)
		r = path_make(t, path, prefix, WRIT_FILE, &n);
	else
		r = path_find(t, path, &n);
	if (r < 0)
		return r;
	if (n->kind == WRIT_MEMBER)
		return -WRIT_E_ILLEGAL_OPERATION;
	if (n->kind != WRIT_FILE)
		return -WRIT_E_IS_DIR;
	if ((flags & WRIT_O_TRUNC) && n->data.size > 0) {
		data_clear(&n->data, &t->mem);
		node_touch(t, n);
	}
	n->opens++;
	*ret = n;
	return 0;
}

void tree_close(struct tree *t, struct tree_node *n)
{
	n->opens--;
	if (n->opens == 0 && n->parent == NULL)
		node_free(t, n);
}

int64_t tree_read(const struct tree_node *n, uint64_t off, void *buf, size_t len)
{
	return (int64_t)data_read(&n->data, off, buf, len);
}

int64_t tree_write(struct tree *t, struct tree_node *n, uint64_t off, const void *buf, size_t len)
{
	int r;

	r = data_write(&n->data, &t->mem, off == TREE_END ? n->data.size : off, buf, len);
	if (r < 0)
		return r;
	if (len > 0)
		node_touch(t, n);
	return (int64_t)len;
}

void tree_node_stat(const struct tree_node *n, struct writ_stat *ret)
{
	*ret = (struct writ_stat){
		.kind = n->kind,
		.size = n->kind == WRIT_FILE ? n->data.size
		    : n->kind == WRIT_FLEET  ? n->dir.live
					     : 0,
		.version = n->version,
		.mtime_ns = n->mtime,
	};
}

/* --- names -------------------------------------------------------------------- */

int tree_stat(const struct tree *t, const char *path, struct writ_stat *ret)
{
	struct tree_node *n;
	int r = path_find(t, path, &n);

	if (r == 0)
		tree_node_stat(n, ret);
	return r;
}

int tree_mkdir(struct tree *t, const char *path, const char *prefix)
{
	struct tree_node *n;

	return path_make(t, path, prefix, WRIT_DIR, &n);
}

int tree_remove(struct tree *t, const char *path)
{
	struct tree_node *n, *dir;
	int r = path_find(t, path, &n);

	if (r < 0)
		return r;
	if (n == t->root || n->kind == WRIT_MEMBER)
		return -WRIT_E_ILLEGAL_OPERATION;
	if (node_is_folder(n) && n->dir.live > 0)
		return -WRIT_E_NOT_EMPTY;
	dir = n->parent;
	node_detach(t, n);
	node_touch(t, dir);
	if (n->opens == 0)
		node_free(t, n);
	return 0;
}

int64_t tree_readdir(const struct tree *t, const char *path, uint64_t off, struct writ_dirent *ret,
    unsigned max, uint64_t *ret_next)
{
	struct tree_node *n;
	unsigned count = 0;
	int r = path_find(t, path, &n);

	if (r < 0)
		return r;
	if (!node_is_folder(n))
		return -WRIT_E_NOT_DIR;
	*ret_next = 0;
	for (size_t i = dir_seek(&n->dir, off); i < n->dir.len; i++) {
		const struct dir_entry *e = &n->dir.entries[i];
		struct writ_stat st;

		if (e->node == NULL)
			continue;
		if (count == max) {
			*ret_next = e->pos;
			break;
		}
		tree_node_stat(e->node, &st);
		ret[count] = (struct writ_dirent){ .kind = st.kind, .size = st.size };
		memcpy(ret[count].name, e->node->name, e->node->name_len + 1);
		count++;
	}
	return count;
}

/* May @n take the place @to? 1: it is there already. */
static int rename_check(const struct tree *t, const struct tree_node *n, const struct place *to)
{
	if (n == t->root || to->dir == NULL || n->kind == WRIT_FLEET || n->kind == WRIT_MEMBER)
		return -WRIT_E_ILLEGAL_OPERATION;
	if (to->node == n)
		return 1;
	if (to->dir->kind == WRIT_FLEET)
		return -WRIT_E_NOT_DIR;
	for (const struct tree_node *d = to->dir; d != NULL; d = d->parent)
		if (d == n)
			return -WRIT_E_INVALID_ARGUMENT;
	if (to->node == NULL)
		return 0;
	if (node_is_folder(to->node))
		return -WRIT_E_IS_DIR;
	return n->kind == WRIT_DIR ? -WRIT_E_NOT_DIR : 0;
}

int tree_rename(struct tree *t, const char *path, const char *to, const char *prefix)
{
	struct tree_node *n, *from;
	struct place p;
	char *name;
	int r;

	r = path_find(t, path, &n);
	if (r < 0)
		return r;
	r = place_find(t, to, prefix, &p);
	if (r < 0)
		return r;
	r = rename_check(t, n, &p);
	if (r != 0)
		goto undo;
	name = mem_alloc(&t->mem, p.len + 1);
	r = -WRIT_E_NO_SPACE;
	if (name == NULL)
		goto undo;
	memcpy(name, p.name, p.len);
	r = node_reserve(t, p.dir);
	if (r < 0) {
		mem_free(&t->mem, name, p.len + 1);
		goto undo;
	}
	from = n->parent;
	node_move(t, n, p.dir, name, p.len, p.node);
	if (p.node != NULL && p.node->opens == 0)
		node_free(t, p.node);
	place_touch(t, &p);
	if (from != p.dir)
		node_touch(t, from);
	return 0;
undo:
	place_undo(t, &p);
	return r < 0 ? r : 0; /* 1: it was there already */
}
