/* SPDX-License-Identifier: MIT */
/* Rows into the order of a tree: see tree.h. Each node is visited once. */
#include "tools/writ/tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

struct links {
	size_t parent, child, next;
	bool seen;
};

static int by_id(const void *pa, const void *pb)
{
	const struct tree_node *a = pa, *b = pb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

/* Where @id first stands in the sorted @v. */
static size_t find(const struct tree_node *v, size_t n, uint64_t id)
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (v[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && v[lo].id == id ? lo : NONE;
}

static void link_up(const struct tree_node *v, struct links *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		l[i] = (struct links){ NONE, NONE, NONE, false };
	for (size_t i = n; i-- > 0;) { /* backwards: lists of children come out sorted */
		l[i].parent = v[i].parent == v[i].id ? NONE : find(v, n, v[i].parent);
		if (l[i].parent == NONE)
			continue;
		l[i].next = l[l[i].parent].child;
		l[l[i].parent].child = i;
	}
}

/* Make @root of a circle a root: take it out of its parent's children. */
static void cut(struct links *l, size_t root)
{
	size_t *p;

	if (l[root].parent == NONE)
		return;
	for (p = &l[l[root].parent].child; *p != root; p = &l[*p].next)
		;
	*p = l[root].next;
	l[root].parent = l[root].next = NONE;
}

/* Put @root and what is below it behind out[used). Returns the new used. */
static size_t walk(const struct tree_node *v, struct links *l, size_t root, struct tree_node *out,
    size_t used)
{
	unsigned depth = 0;
	size_t at = root;

	for (;;) {
		l[at].seen = true;
		out[used] = v[at];
		out[used++].depth = depth;
		if (l[at].child != NONE) {
			at = l[at].child;
			depth++;
			continue;
		}
		while (at != root && l[at].next == NONE) {
			at = l[at].parent;
			depth--;
		}
		if (at == root)
			return used;
		at = l[at].next;
	}
}

int tree_order(struct tree_node *v, size_t n)
{
	struct tree_node *out = calloc(n + 1, sizeof(*out));
	struct links *l = calloc(n + 1, sizeof(*l));
	size_t used = 0;
	int r = -1;

	qsort(v, n, sizeof(*v), by_id);
	if (out != NULL && l != NULL) {
		link_up(v, l, n);
		for (size_t i = 0; i < n; i++) {
			if (l[i].parent == NONE)
				used = walk(v, l, i, out, used);
		}
		for (size_t i = 0; i < n; i++) {
			if (l[i].seen)
				continue;
			cut(l, i);
			used = walk(v, l, i, out, used);
		}
		memcpy(v, out, n * sizeof(*v));
		r = 0;
	}
	free(out);
	free(l);
	return r;
}
