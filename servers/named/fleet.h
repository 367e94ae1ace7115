/* SPDX-License-Identifier: MIT */
/*
 * Fleets: the servers that have registered under one name of the tree. Each gave
 * a capability, of which this knows only the number; taking it and giving it out
 * is the caller's. A fleet is there while it has members: the first makes it, the
 * last takes it away. No I/O.
 *
 * Members are named by numbers that count all registrations, "1", "2", …; none is
 * ever used again while the tree lives, so a name never comes to mean another.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FLEET_NAME_MAX 32 /* of a member: with the NUL */
#define FLEET_PROC_MAX 64 /* members that one proc can have */
#define FLEET_HERE     0  /* the machine this runs on */

struct tree;

struct fleet_member {
	const void *owner; /* whose registration it is: its session */
	uint32_t proc;     /* of the owner; limits count it */
	uint32_t cap, rights;
	uint32_t machine; /* where it runs: FLEET_HERE */
};

/*
 * Add @m to the fleet at @path, which is made if nothing is there; @prefix as for
 * tree_open(). Its name goes to @ret_name (FLEET_NAME_MAX). Errors: EXISTS
 * (something else has that name), NO_SPACE (a limit of the tree's; as many as a
 * proc can have; or so many that it would have more than are left for others),
 * and those of tree_open().
 */
int fleet_join(struct tree *t, const char *path, const char *prefix, const struct fleet_member *m,
    char *ret_name);
/*
 * Take out the member at @path ("/a/fleet/3"), which must be @owner's.
 * *ret_cap is what it gave. Errors: NOT_FOUND (no member there), NO_RIGHT (another's).
 */
int fleet_leave(struct tree *t, const char *path, const void *owner, uint32_t *ret_cap);
/* Take out one of @owner's members, whichever. False: it has none. */
bool fleet_leave_any(struct tree *t, const void *owner, uint32_t *ret_cap);
/* Take out the member that gave @cap. */
void fleet_drop(struct tree *t, uint32_t cap);
/*
 * Who is meant by @path: a fleet or "FLEET/~any" is each of its members in turn,
 * "FLEET/~local" each of those on this machine, "FLEET/3" that one. @avoid (or "")
 * is the name of one that is passed over while there is another. Errors: NOT_FOUND
 * (nobody), NOT_DIR and NAME_TOO_LONG (of the path).
 */
int fleet_find(struct tree *t, const char *path, const char *avoid, struct fleet_member *ret,
    char *ret_name);
