/* SPDX-License-Identifier: MIT */
/*
 * What names led to when they were last looked up: for each, the slot of a Path
 * capability and the name of the fleet's member that it belongs to. Owns these
 * slots. Entries in use stay; of the others the NAME_CACHE_MAX that were used
 * last. It never asks anybody: who finds an entry out of date says so.
 */
#pragma once
#include <stdbool.h>
#include <writ/fssrv.h>

#define NAME_CACHE_MAX 16

struct name_entry {
	struct name_entry *next;
	unsigned users;
	bool stale; /* not found any more; goes with its last user */
	writ_cap_t cap;
	char name[WRIT_PREFIX_MAX], member[FSSRV_MEMBER_MAX];
};

/* The entry of @name, with one user more; NULL: none. */
struct name_entry *name_cache_find(const char *name);
/* A new entry with one user, who takes @cap over; an older one of that name is stale.
 * NULL: no memory; then @cap is the caller's still. */
struct name_entry *name_cache_add(const char *name, const char *member, writ_cap_t cap);
/* One user less. */
void name_cache_put(struct name_entry *e);
/* The same, and nobody shall find it again. */
void name_cache_stale(struct name_entry *e);
/* Free the slot of the entry without a user that was used longest ago. False: there is none. */
bool name_cache_shed(void);
