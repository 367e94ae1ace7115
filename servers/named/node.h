/* SPDX-License-Identifier: MIT */
/*
 * Nodes of the tree and the folders' tables of them: making, naming, finding,
 * freeing. Private to tree.c and node.c. No paths here, no rules of the
 * protocol; what can fail is reserved first, so that the changes can't.
 */
#pragma once
#include "servers/named/data.h"
#include "servers/named/tree.h"

/* One entry of a folder; node NULL: it was removed. Sorted by pos. */
struct dir_entry {
	uint64_t pos;
	struct tree_node *node;
};
struct dir {
	struct dir_entry *entries;
	size_t cap, len, live;
	uint64_t floor; /* no entry that comes may have a version of this or less */
};

struct tree_node {
	struct tree_node *parent; /* NULL: the root, or removed */
	struct tree_node *chain;  /* same bucket */
	char *name;
	size_t name_len;
	uint64_t id;  /* of a folder, in its entries' hash; never used twice */
	uint64_t pos; /* in the parent's table */
	uint64_t version, mtime;
	uint32_t kind, opens;
	union {
		struct data data; /* WRIT_FILE */
		struct dir dir;   /* WRIT_DIR */
	};
};

struct tree {
	struct tree_conf conf;
	struct mem mem;
	uint64_t nodes, last_id, last_pos;
	struct tree_node **buckets;
	uint64_t mask; /* buckets - 1 */
	struct tree_node *root;
};

/* A node with no place yet, @name copied. Errors: NO_SPACE. */
int node_new(struct tree *t, unsigned kind, const char *name, size_t len, struct tree_node **ret);
/* Free a node that has no place, and is not open. */
void node_free(struct tree *t, struct tree_node *n);
/* Entry @name of @dir, or NULL. */
struct tree_node *node_find(const struct tree *t, const struct tree_node *dir, const char *name,
    size_t len);
/* Make sure that one node_attach() to @dir can be done. Errors: NO_SPACE. */
int node_reserve(struct tree *t, struct tree_node *dir);
/* Make @n the last entry of @dir, which has room for it. */
void node_attach(struct tree *t, struct tree_node *dir, struct tree_node *n);
/* Take @n out of its folder; it is not freed. Room reserved in that folder may be gone. */
void node_detach(struct tree *t, struct tree_node *n);
/*
 * Move @n from its place to the end of @dir, which has room, as @name (taken;
 * from the tree's memory), and detach @victim (may be NULL), which had that name.
 */
void node_move(struct tree *t, struct tree_node *n, struct tree_node *dir, char *name, size_t len,
    struct tree_node *victim);
/* Index of the first live entry of @d at position @pos or behind it; d->len when there is none. */
size_t dir_seek(const struct dir *d, uint64_t pos);
/* Note a change of @n. */
void node_touch(const struct tree *t, struct tree_node *n);
