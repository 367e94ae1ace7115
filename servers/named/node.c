/* SPDX-License-Identifier: MIT */
#include "servers/named/node.h"

#include <string.h>
#include <writ/err.h>
#include "servers/named/siphash.h"

#define DIR_MIN      4
#define DIR_SLACK    16 /* dead entries that are not worth moving others for */
#define NAME_MAX_LEN 255

void node_touch(const struct tree *t, struct tree_node *n)
{
	n->version++;
	n->mtime = t->conf.now();
}

int node_new(struct tree *t, unsigned kind, const char *name, size_t len, struct tree_node **ret)
{
	struct tree_node *n;

	if (t->nodes >= t->conf.nodes)
		return -WRIT_E_NO_SPACE;
	n = mem_alloc(&t->mem, sizeof(*n));
	if (n == NULL)
		return -WRIT_E_NO_SPACE;
	n->name = mem_alloc(&t->mem, len + 1);
	if (n->name == NULL) {
		mem_free(&t->mem, n, sizeof(*n));
		return -WRIT_E_NO_SPACE;
	}
	memcpy(n->name, name, len);
	n->name_len = len;
	n->kind = kind;
	n->id = ++t->last_id;
	n->mtime = t->conf.now();
	t->nodes++;
	*ret = n;
	return 0;
}

void node_free(struct tree *t, struct tree_node *n)
{
	if (n->kind == WRIT_FILE)
		data_clear(&n->data, &t->mem);
	else if (node_is_folder(n))
		mem_free(&t->mem, n->dir.entries, n->dir.cap * sizeof(*n->dir.entries));
	mem_free(&t->mem, n->name, n->name_len + 1);
	mem_free(&t->mem, n, sizeof(*n));
	t->nodes--;
}

/* --- names ---------------------------------------------------------------- */

static struct tree_node **bucket_of(const struct tree *t, const struct tree_node *dir,
    const char *name, size_t len)
{
	char key[sizeof(dir->id) + NAME_MAX_LEN];

	memcpy(key, &dir->id, sizeof(dir->id));
	memcpy(key + sizeof(dir->id), name, len);
	return &t->buckets[siphash(t->conf.seed, key, sizeof(dir->id) + len) & t->mask];
}

struct tree_node *node_find(const struct tree *t, const struct tree_node *dir, const char *name,
    size_t len)
{
	struct tree_node *n;

	if (len > NAME_MAX_LEN)
		return NULL;
	for (n = *bucket_of(t, dir, name, len); n != NULL; n = n->chain)
		if (n->parent == dir && n->name_len == len && memcmp(n->name, name, len) == 0)
			return n;
	return NULL;
}

static void name_insert(struct tree *t, struct tree_node *n)
{
	struct tree_node **b = bucket_of(t, n->parent, n->name, n->name_len);

	n->chain = *b;
	*b = n;
}

static void name_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node **p = bucket_of(t, n->parent, n->name, n->name_len);

	while (*p != n)
		p = &(*p)->chain;
	*p = n->chain;
	n->chain = NULL;
}

/* --- folders' tables -------------------------------------------------------- */

size_t dir_seek(const struct dir *d, uint64_t pos)
{
	size_t low = 0, high = d->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (d->entries[mid].pos < pos)
			low = mid + 1;
		else
			high = mid;
	}
	while (low < d->len && d->entries[low].node == NULL)
		low++;
	return low;
}

/* Drop the removed entries; the others keep their order. */
static void dir_compact(struct dir *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->len; i++)
		if (d->entries[i].node != NULL)
			d->entries[kept++] = d->entries[i];
	d->len = kept;
}

static int dir_resize(struct tree *t, struct dir *d, size_t cap)
{
	struct dir_entry *e;

	e = mem_resize(&t->mem, d->entries, d->cap * sizeof(*e), cap * sizeof(*e));
	if (e == NULL)
		return -WRIT_E_NO_SPACE;
	d->entries = e;
	d->cap = cap;
	return 0;
}

/* Forget position @pos, and give memory back when much of the table is unused. */
static void dir_drop(struct tree *t, struct dir *d, uint64_t pos)
{
	size_t cap = DIR_MIN;

	d->entries[dir_seek(d, pos)].node = NULL;
	d->live--;
	if (d->live == 0) {
		mem_free(&t->mem, d->entries, d->cap * sizeof(*d->entries));
		d->entries = NULL;
		d->cap = d->len = 0;
		return;
	}
	if (d->len - d->live <= d->live + DIR_SLACK)
		return;
	dir_compact(d);
	while (cap < d->live * 2)
		cap *= 2;
	if (cap < d->cap)
		dir_resize(t, d, cap); /* a smaller one that can't be had does no harm */
}

int node_reserve(struct tree *t, struct tree_node *dir)
{
	struct dir *d = &dir->dir;

	if (d->len < d->cap)
		return 0;
	if (d->live < d->len / 2) {
		dir_compact(d);
		return 0;
	}
	return dir_resize(t, d, d->cap == 0 ? DIR_MIN : d->cap * 2);
}

static void dir_append(struct tree *t, struct tree_node *dir, struct tree_node *n)
{
	struct dir *d = &dir->dir;

	n->pos = ++t->last_pos;
	d->entries[d->len++] = (struct dir_entry){ n->pos, n };
	d->live++;
}

/* --- nodes in folders --------------------------------------------------------- */

void node_attach(struct tree *t, struct tree_node *dir, struct tree_node *n)
{
	n->parent = dir;
	n->version = dir->dir.floor + 1;
	if (node_is_folder(n))
		n->dir.floor = dir->dir.floor;
	name_insert(t, n);
	dir_append(t, dir, n);
}

/* Whatever comes to @dir from now on is newer than @n, which leaves. */
static void floor_raise(struct tree_node *dir, const struct tree_node *n)
{
	uint64_t v = n->version;

	if (node_is_folder(n) && n->dir.floor > v)
		v = n->dir.floor;
	if (v > dir->dir.floor)
		dir->dir.floor = v;
}

void node_detach(struct tree *t, struct tree_node *n)
{
	struct tree_node *dir = n->parent;

	name_remove(t, n);
	dir_drop(t, &dir->dir, n->pos);
	floor_raise(dir, n);
	n->parent = NULL;
}

void node_move(struct tree *t, struct tree_node *n, struct tree_node *dir, char *name, size_t len,
    struct tree_node *victim)
{
	struct tree_node *from = n->parent;
	uint64_t pos = n->pos;

	name_remove(t, n);
	mem_free(&t->mem, n->name, n->name_len + 1);
	n->name = name;
	n->name_len = len;
	n->parent = dir;
	name_insert(t, n);
	dir_append(t, dir, n);
	dir_drop(t, &from->dir, pos);
	floor_raise(from, n);
	if (victim != NULL)
		node_detach(t, victim);
	if (n->version < dir->dir.floor)
		n->version = dir->dir.floor;
	n->version++;
}
