/* SPDX-License-Identifier: MIT */
/* Retype: how many, where to, what for, and that a refused one has changed nothing. */
#include "objects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MINE = AREA, OBJ, N = 256 };

static const struct writ_quota none, six = { 0, 6, 0 };

static int make(unsigned type, struct writ_addr dst, uint32_t n, struct writ_quota max)
{
	return writ_retype(MINE, type, dst, n, max);
}

/* Refused with @want, and the account as it was. */
static void refuses(int want, unsigned type, struct writ_addr dst, uint32_t n,
    struct writ_quota max, const char *what)
{
	struct writ_quota_rep before, after;
	int e;

	writ_quota_read(MINE, &before);
	e = make(type, dst, n, max);
	check(e == want && used_again(MINE, &before, &after), "%s: %s", what, writ_errname(e));
}

static unsigned occupied(uint32_t cnode, unsigned bits)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 1u << bits; i++)
		n += type_at(at(cnode, i, bits)) > WRIT_TYPE_NULL;
	return n;
}

static void test_where(void)
{
	make(WRIT_TYPE_CNODE, own(CN), 1, six);
	make(WRIT_TYPE_CNODE, at(CN, 0, 6), 2, six);
	refuses(-WRIT_E_RANGE, WRIT_TYPE_ENDPOINT, at(CN, 5, 6), 0, none, "none at all");
	refuses(-WRIT_E_RANGE, WRIT_TYPE_ENDPOINT, own(1000), 257, none, "257 at once");
	refuses(-WRIT_E_RANGE, WRIT_TYPE_ENDPOINT, at(CN, 60, 6), 5, none,
	    "one past the end of a CNode");
	refuses(-WRIT_E_RANGE, WRIT_TYPE_ENDPOINT, at(CN, 60, 12), 5, none,
	    "past its end and into the next");
	refuses(-WRIT_E_RANGE, WRIT_TYPE_ENDPOINT, own(4095), 2, none, "past one's own CSpace");
	refuses(-WRIT_E_FAILED_LOOKUP, WRIT_TYPE_ENDPOINT, own(4096), 1, none, "all of it there");
	writ_cap_at(WRIT_OP_COPY, own(CN), at(CN, 12, 6), WRIT_R_READ, 0);
	refuses(-WRIT_E_DELETE_FIRST, WRIT_TYPE_ENDPOINT, at(CN, 10, 6), 4, none,
	    "over what lies in the third slot");
	check(occupied(CN, 6) == 3, "and nothing lies in the first two");
	check(make(WRIT_TYPE_ENDPOINT, at(CN, 60, 6), 4, none) == 0 && occupied(CN, 6) == 7 &&
		make(WRIT_TYPE_ENDPOINT, at(CN, 64 + 60, 12), 4, none) == 0,
	    "up to the end is well, in the CNode within it too");
	writ_cap_revoke(MINE);
}

static void test_what(void)
{
	static const struct {
		unsigned type;
		struct writ_quota max;
		uint32_t slots, procs;
		uint64_t least; /* bytes charged, of each */
	} v[] = { { WRIT_TYPE_UNTYPED, { 8192, 64, 2 }, 65, 2, 8192 },
		{ WRIT_TYPE_CNODE, { 0, 6, 0 }, 64, 0, 64 * 48 },
		{ WRIT_TYPE_ENDPOINT, { 0 }, 0, 0, 64 },
		{ WRIT_TYPE_NOTIFICATION, { 0 }, 0, 0, 48 },
		{ WRIT_TYPE_SCHED_CONTEXT, { 0 }, 0, 0, 32 },
		{ WRIT_TYPE_MEMORY, { 12288, 0, 0 }, 0, 0, 12288 } };
	static const unsigned others[] = { WRIT_TYPE_NULL, WRIT_TYPE_REPLY, WRIT_TYPE_PROC,
		WRIT_TYPE_SCHED_CONTROL, WRIT_TYPE_IMAGE, WRIT_TYPE_PATH, WRIT_TYPE_SPAWN,
		WRIT_TYPE_REALM, WRIT_TYPE_AUDIT, WRIT_TYPE_HOST, WRIT_TYPE_SESSION, WRIT_TYPE_HOLD,
		WRIT_TYPE_N, UINT32_MAX };
	struct writ_quota_rep before, now;

	writ_quota_read(MINE, &before);
	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		int e = make(v[i].type, own(1000), 7, v[i].max);
		bool all = true;

		writ_quota_read(MINE, &now);
		for (unsigned j = 0; j < 7; j++)
			all = all && type_at(own(1000 + j)) == (int)v[i].type;
		check(e == 0 && all && now.used.slots - before.used.slots == 7 * v[i].slots &&
			now.used.procs - before.used.procs == 7 * v[i].procs &&
			now.used.bytes - before.used.bytes >= 7 * v[i].least,
		    "seven %ss are charged %llu bytes, %u slots, %u procs",
		    writ_type_name(v[i].type),
		    (unsigned long long)(now.used.bytes - before.used.bytes),
		    now.used.slots - before.used.slots, now.used.procs - before.used.procs);
		check(writ_cap_revoke(MINE) == 0 && used_again(MINE, &before, &now),
		    "and all of it comes back");
	}
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		refuses(-WRIT_E_INVALID_ARGUMENT, others[i], own(1000), 1, none,
		    writ_type_name(others[i]));
	refuses(-WRIT_E_RANGE, WRIT_TYPE_CNODE, own(1000), 1, (struct writ_quota){ 0, 5, 0 },
	    "a CNode of 32 slots");
	refuses(-WRIT_E_RANGE, WRIT_TYPE_CNODE, own(1000), 1, (struct writ_quota){ 0, 17, 0 },
	    "a CNode of 131,072 slots");
	refuses(-WRIT_E_RANGE, WRIT_TYPE_MEMORY, own(1000), 1, none, "a Memory of no bytes");
}

/* Exactly as much as there is, then one more; and half of many. */
static void test_full(void)
{
	const struct writ_quota kib = { 1024, 0, 0 };
	struct writ_quota_rep q;

	writ_quota_read(MINE, &q);
	check(make(WRIT_TYPE_MEMORY, own(1000), 1,
		  (struct writ_quota){ q.max.bytes - q.used.bytes, 0, 0 }) == 0,
	    "a Memory of all that is left");
	refuses(-WRIT_E_NOT_ENOUGH_MEMORY, WRIT_TYPE_ENDPOINT, own(1001), 1, none,
	    "then not even an Endpoint");
	check(writ_cap_delete(1000) == 0 && make(WRIT_TYPE_MEMORY, own(1000), N, kib) == 0 &&
		writ_cap_revoke(MINE) == 0,
	    "256 small ones");
	writ_quota_read(MINE, &q);
	check(make(WRIT_TYPE_MEMORY, own(OBJ), 1,
		  (struct writ_quota){ q.max.bytes - q.used.bytes - 100 * 1024, 0, 0 }) == 0,
	    "all but a hundred KiB");
	refuses(-WRIT_E_NOT_ENOUGH_MEMORY, WRIT_TYPE_MEMORY, own(1000), 101, kib,
	    "a hundred and one KiB");
	check(type_at(own(1000)) == WRIT_TYPE_NULL && type_at(own(1099)) == WRIT_TYPE_NULL,
	    "none of them is there");
	check(make(WRIT_TYPE_MEMORY, own(1000), 100, kib) == 0, "a hundred");
	writ_cap_revoke(MINE);
	refuses(-WRIT_E_NOT_ENOUGH_MEMORY, WRIT_TYPE_UNTYPED, own(1000), 2,
	    (struct writ_quota){ 0, 0, q.max.procs }, "more procs than there are");
	refuses(-WRIT_E_NOT_ENOUGH_MEMORY, WRIT_TYPE_CNODE, own(1000), 1,
	    (struct writ_quota){ 0, 16, 0 }, "more slots than there are");
}

void test_retype(void)
{
	check(untyped(MINE, 1 << 20, 20000, 20), "an Untyped of 1 MiB");
	test_where();
	test_what();
	test_full();
	writ_cap_delete(MINE);
}

/* --- at random ---------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* One of all operations on slots 1000 to 1063 and on two CNodes there. */
static int step(void)
{
	static const unsigned types[] = { WRIT_TYPE_UNTYPED, WRIT_TYPE_CNODE, WRIT_TYPE_ENDPOINT,
		WRIT_TYPE_NOTIFICATION, WRIT_TYPE_SCHED_CONTEXT, WRIT_TYPE_MEMORY };
	struct writ_addr a = own(1000 + rnd(64)),
			 b = rnd(3) != 0 ? own(1000 + rnd(64)) : at(1000 + rnd(64), rnd(64), 6);
	unsigned type = types[rnd(6)];
	uint32_t from = rnd(2) != 0 ? (uint32_t)MINE : 1000 + rnd(64);

	switch (rnd(10)) {
	case 0:
	case 1: return writ_cap_at(WRIT_OP_DELETE, b, b, 0, 0);
	case 2: return rnd(4) != 0 ? 0 : writ_cap_at(WRIT_OP_REVOKE, a, a, 0, 0);
	case 3: return writ_cap_at(WRIT_OP_COPY, a, b, rnd(256) & WRIT_R_READ, 0);
	case 4: return writ_cap_at(WRIT_OP_MINT, a, b, WRIT_R_READ, rnd(5));
	case 5: return writ_cap_at(WRIT_OP_MOVE, a, b, 0, 0);
	case 6: return rnd(200) != 0 ? 0 : writ_cap_revoke(MINE);
	default:
		return writ_retype(from, type, b, 1 + rnd(5),
		    type == WRIT_TYPE_CNODE
			? six
			: (struct writ_quota){ 1 + rnd(9000), rnd(200), rnd(3) });
	}
}

void test_random(void)
{
	enum { STEPS = 10000 };
	const char *given = getenv("WRIT_SEED");
	struct writ_quota_rep before, after;
	unsigned done = 0;

	seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)seed);
	check(untyped(MINE, 1 << 18, 2000, 20) && writ_quota_read(MINE, &before) == 0,
	    "an Untyped of 256 KiB");
	for (unsigned i = 0; i < STEPS; i++)
		done += step() == 0;
	check(done > STEPS / 20 && done < STEPS, "%u of %u operations at random are carried out",
	    done, STEPS);
	check(writ_cap_revoke(MINE) == 0 && used_again(MINE, &before, &after) &&
		after.used.bytes == 0 && after.used.slots == 0 && after.used.procs == 0,
	    "quota in = quota out");
	for (unsigned i = 0; i < 64; i++)
		writ_cap_delete(1000 + i);
	writ_cap_delete(MINE);
}
