/* SPDX-License-Identifier: MIT */
#include "servers/named/fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <writ/err.h>
#include "servers/named/node.h"

#define PATH_ROOM 512 /* paths are shorter: <writ/fssrv.h> */

/* --- coming ------------------------------------------------------------------- */

/* May @proc have one more? At most as many as it leaves free for others. */
static bool has_room(const struct tree *t, uint32_t proc)
{
	unsigned mine = 0;

	for (const struct tree_node *n = t->members; n != NULL; n = n->member.next)
		mine += n->member.m.proc == proc;
	return t->nmembers < t->conf.members && mine < FLEET_PROC_MAX &&
	    mine < t->conf.members - t->nmembers;
}

static void list_in(struct tree *t, struct tree_node *n)
{
	n->member.at = &t->members;
	n->member.next = t->members;
	if (n->member.next != NULL)
		n->member.next->member.at = &n->member.next;
	t->members = n;
	t->nmembers++;
}

/* The fleet at @path, with room for one more. Made if there is none: then nothing else failed. */
static int fleet_get(struct tree *t, const char *path, const char *prefix, struct tree_node **ret)
{
	int r = path_find(t, path, ret);

	if (r == 0)
		return (*ret)->kind == WRIT_FLEET ? node_reserve(t, *ret) : -WRIT_E_EXISTS;
	return r == -WRIT_E_NOT_FOUND ? path_make(t, path, prefix, WRIT_FLEET, ret) : r;
}

int fleet_join(struct tree *t, const char *path, const char *prefix, const struct fleet_member *m,
    char *ret_name)
{
	struct tree_node *n, *fleet;
	char name[FLEET_NAME_MAX];
	int r, len = snprintf(name, sizeof(name), "%" PRIu64, t->last_member + 1);

	if (!has_room(t, m->proc))
		return -WRIT_E_NO_SPACE;
	r = node_new(t, WRIT_MEMBER, name, (size_t)len, &n);
	if (r < 0)
		return r;
	r = fleet_get(t, path, prefix, &fleet);
	if (r < 0) {
		node_free(t, n);
		return r;
	}
	n->member.m = *m;
	t->last_member++;
	node_attach(t, fleet, n);
	node_touch(t, fleet);
	list_in(t, n);
	memcpy(ret_name, name, sizeof(name));
	return 0;
}

/* --- leaving ------------------------------------------------------------------- */

/* Take @n out of its folder, which stays. */
static void take_out(struct tree *t, struct tree_node *n)
{
	struct tree_node *dir = n->parent;

	node_detach(t, n);
	node_touch(t, dir);
	node_free(t, n);
}

static uint32_t leave(struct tree *t, struct tree_node *n)
{
	struct tree_node *fleet = n->parent;
	uint32_t cap = n->member.m.cap;

	*n->member.at = n->member.next;
	if (n->member.next != NULL)
		n->member.next->member.at = n->member.at;
	t->nmembers--;
	take_out(t, n);
	if (fleet->dir.live == 0)
		take_out(t, fleet);
	return cap;
}

int fleet_leave(struct tree *t, const char *path, const void *owner, uint32_t *ret_cap)
{
	struct tree_node *n;

	if (path_find(t, path, &n) < 0 || n->kind != WRIT_MEMBER)
		return -WRIT_E_NOT_FOUND;
	if (n->member.m.owner != owner)
		return -WRIT_E_NO_RIGHT;
	*ret_cap = leave(t, n);
	return 0;
}

bool fleet_leave_any(struct tree *t, const void *owner, uint32_t *ret_cap)
{
	struct tree_node *n = t->members;

	while (n != NULL && n->member.m.owner != owner)
		n = n->member.next;
	if (n == NULL)
		return false;
	*ret_cap = leave(t, n);
	return true;
}

void fleet_drop(struct tree *t, uint32_t cap)
{
	struct tree_node *n = t->members;

	while (n != NULL && n->member.m.cap != cap)
		n = n->member.next;
	if (n != NULL)
		leave(t, n);
}

/* --- finding -------------------------------------------------------------------- */

/* Whose turn it is in @fleet; NULL: there is none. @machine < 0: wherever it runs. */
static struct tree_node *turn(struct tree_node *fleet, int64_t machine, const char *avoid)
{
	struct dir *d = &fleet->dir;
	struct tree_node *last = NULL;
	size_t i = dir_seek(d, d->turn);

	for (size_t k = 0; k < d->len; k++, i++) {
		struct tree_node *n;

		i = i < d->len ? i : 0;
		n = d->entries[i].node;
		if (n == NULL || (machine >= 0 && n->member.m.machine != machine))
			continue;
		last = n;
		if (strcmp(n->name, avoid) != 0)
			break;
	}
	if (last != NULL)
		d->turn = last->pos + 1;
	return last;
}

/*
 * Split "FLEET/~any" and "FLEET/~local": @ret gets the fleet's path, *ret_machine is
 * as for turn(). False: @path says neither.
 */
static bool split(const char *path, char *ret, size_t size, int64_t *ret_machine)
{
	const char *last = strrchr(path, '/');
	size_t n = strlen(path);

	*ret_machine = -1;
	if (strcmp(last, "/~local") == 0)
		*ret_machine = FLEET_HERE;
	if (*ret_machine == FLEET_HERE || strcmp(last, "/~any") == 0)
		n = (size_t)(last - path);
	snprintf(ret, size, "%.*s", (int)n, path);
	return path[n] != '\0';
}

int fleet_find(struct tree *t, const char *path, const char *avoid, struct fleet_member *ret,
    char *ret_name)
{
	char fleet[PATH_ROOM];
	struct tree_node *n;
	int64_t machine;
	bool any = split(path, fleet, sizeof(fleet), &machine);
	int r = path_find(t, fleet, &n);

	if (r < 0)
		return r;
	if (n->kind == WRIT_FLEET)
		n = turn(n, machine, avoid);
	else if (n->kind != WRIT_MEMBER || any)
		n = NULL;
	if (n == NULL)
		return -WRIT_E_NOT_FOUND;
	*ret = n->member.m;
	memcpy(ret_name, n->name, n->name_len + 1);
	return 0;
}
