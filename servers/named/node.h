/* SPDX-License-Identifier: MIT */
/*
 * Nodes of the tree and the folders' tables of them: making, naming, finding,
 * freeing. Private to tree.c, fleet.c and node.c. No paths here but for two
 * functions at the end, no rules of the protocol; what can fail is reserved
 * first, so that the changes can't.
 */
#pragma once
#include <stdbool.h>
#include "servers/named/data.h"
#include "servers/named/fleet.h"
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
	uint64_t turn;  /* of a fleet: the member at this position or behind it is next */
};
struct member {
	struct fleet_member m;
	struct tree_node *next, **at; /* in the list of all; at: what points here */
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
		struct dir dir;   /* WRIT_DIR, WRIT_FLEET */
		struct member member;
	};
};

struct tree {
	struct tree_conf conf;
	struct mem mem;
	uint64_t nodes, last_id, last_pos;
	struct tree_node **buckets;
	uint64_t mask; /* buckets - 1 */
	struct tree_node *root;
	struct tree_node *members; /* of all fleets */
	unsigned nmembers;
	uint64_t last_member;
};

/* Has it entries? */
static inline bool node_is_folder(const struct tree_node *n)
{
	return n->kind == WRIT_DIR || n->kind == WRIT_FLEET;
}

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

/* The node at @path (tree.c). Errors: NOT_FOUND, NOT_DIR, NAME_TOO_LONG. */
int path_find(const struct tree *t, const char *path, struct tree_node **ret);
/*
 * Make a new node at @path, folders on the way that are @prefix or lead to it as
 * well (tree.c). A fleet gets room for one entry. Errors: those of path_find(), EXISTS, NO_SPACE.
 */
int path_make(struct tree *t, const char *path, const char *prefix, unsigned kind,
    struct tree_node **ret);
