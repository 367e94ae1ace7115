/* SPDX-License-Identifier: MIT */
#include "libsys/name_cache.h"
#include <stdlib.h>
#include <string.h>

static struct name_entry *entries; /* used last first */

static void take_out(struct name_entry *e)
{
	struct name_entry **at = &entries;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
}

static void drop(struct name_entry *e)
{
	take_out(e);
	writ_slot_free(e->cap);
	free(e);
}

static struct name_entry *lookup(const char *name)
{
	struct name_entry *e = entries;

	while (e != NULL && (e->stale || strcmp(e->name, name) != 0))
		e = e->next;
	return e;
}

/* Drop those that nobody uses and that are too many. */
static void trim(void)
{
	unsigned idle = 0;

	for (const struct name_entry *e = entries; e != NULL; e = e->next)
		idle += e->users == 0;
	while (idle-- > NAME_CACHE_MAX)
		name_cache_shed();
}

struct name_entry *name_cache_find(const char *name)
{
	struct name_entry *e = lookup(name);

	if (e == NULL)
		return NULL;
	take_out(e);
	e->next = entries;
	entries = e;
	e->users++;
	return e;
}

struct name_entry *name_cache_add(const char *name, const char *member, writ_cap_t cap)
{
	size_t n = strlen(name) + 1, m = strlen(member) + 1;
	struct name_entry *e, *old;

	if (n > sizeof(e->name) || m > sizeof(e->member) || (e = calloc(1, sizeof(*e))) == NULL)
		return NULL;
	old = name_cache_find(name);
	if (old != NULL)
		name_cache_stale(old);
	memcpy(e->name, name, n);
	memcpy(e->member, member, m);
	e->cap = cap;
	e->users = 1;
	e->next = entries;
	entries = e;
	return e;
}

void name_cache_put(struct name_entry *e)
{
	e->users--;
	if (e->users == 0 && e->stale)
		drop(e);
	trim();
}

void name_cache_stale(struct name_entry *e)
{
	e->stale = true;
	name_cache_put(e);
}

bool name_cache_shed(void)
{
	struct name_entry *last = NULL;

	for (struct name_entry *e = entries; e != NULL; e = e->next)
		if (e->users == 0)
			last = e;
	if (last == NULL)
		return false;
	drop(last);
	return true;
}
