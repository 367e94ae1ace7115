/* SPDX-License-Identifier: MIT */
/* CNodes by address: all operations on slots one and two levels deep, and what an address must be.
 */
#include "objects.h"
#include <string.h>

enum { EP = AREA, SPARE, GUARDED, GUARDED2, RO, INNER = 3 };

/* A slot of the CNode within the CNode. */
static struct writ_addr deep(uint64_t index)
{
	return at(CN, (uint64_t)INNER << 6 | index, 12);
}

static int copy(struct writ_addr src, struct writ_addr dst)
{
	return writ_cap_at(WRIT_OP_COPY, src, dst, WRIT_R_READ, 0);
}

static int move(struct writ_addr src, struct writ_addr dst)
{
	return writ_cap_at(WRIT_OP_MOVE, src, dst, 0, 0);
}

static int erase(struct writ_addr a)
{
	return writ_cap_at(WRIT_OP_DELETE, a, a, 0, 0);
}

static int rotate(struct writ_addr src, struct writ_addr pivot, struct writ_addr dst)
{
	struct writ_rotate_req r = { src, pivot, dst };

	return call(WRIT_OP_ROTATE, 0, 0, &r, sizeof(r));
}

static uint64_t badge_at(struct writ_addr a)
{
	struct writ_cap_req r = { .src = a };
	struct writ_hdr h = { .op = WRIT_OP_INSPECT, .len = sizeof(r) };
	struct writ_cap_info info = { 0 };

	writ_gate_call(&h, &r, NULL, &info, sizeof(info), NULL);
	return info.badge;
}

static bool holds(struct writ_addr a, unsigned type)
{
	return type_at(a) == (int)type;
}

static void test_copy(void)
{
	check(copy(own(EP), at(CN, 5, 6)) == 0 && copy(own(EP), deep(7)) == 0 &&
		holds(at(CN, 5, 6), WRIT_TYPE_ENDPOINT) && holds(deep(7), WRIT_TYPE_ENDPOINT),
	    "copy, one level deep and two");
	check(copy(own(EP), deep(7)) == -WRIT_E_DELETE_FIRST, "not onto what lies there");
	check(copy(deep(9), deep(10)) == -WRIT_E_FAILED_LOOKUP && holds(deep(10), WRIT_TYPE_NULL),
	    "nor of an empty slot");
	check(copy(deep(7), own(SPARE)) == 0 && writ_cap_delete(SPARE) == 0,
	    "and out of there again");
	check(writ_cap_at(WRIT_OP_COPY, own(EP), deep(8), WRIT_R_EXEC, 0) == -WRIT_E_NO_RIGHT &&
		holds(deep(8), WRIT_TYPE_NULL),
	    "no copy has more rights");
}

static void test_mint(void)
{
	check(writ_cap_at(WRIT_OP_MINT, own(EP), deep(11), WRIT_R_WRITE, 77) == 0 &&
		badge_at(deep(11)) == 77,
	    "mint a badge two levels deep");
	check(writ_cap_at(WRIT_OP_MINT, deep(11), deep(12), WRIT_R_WRITE, 78) ==
		-WRIT_E_ILLEGAL_OPERATION,
	    "only once");
	check(writ_cap_at(WRIT_OP_MINT, own(CN), own(GUARDED), WRIT_R_READ | WRIT_R_WRITE,
		  0xa << 6 | 4) == 0,
	    "mint a guard");
	check(holds(at(GUARDED, 0xa << 6 | 5, 10), WRIT_TYPE_ENDPOINT) &&
		holds(at(GUARDED, 0xa << 12 | INNER << 6 | 7, 16), WRIT_TYPE_ENDPOINT),
	    "addresses with it lead there, one level deep and two");
	check(type_at(at(GUARDED, 0xb << 6 | 5, 10)) < 0 &&
		copy(at(GUARDED, 0xb << 6 | 5, 10), own(SPARE)) == -WRIT_E_FAILED_LOOKUP,
	    "with another guard they are FAILED_LOOKUP");
	check(writ_cap_at(WRIT_OP_MINT, own(CN), own(SPARE), WRIT_R_READ, 0x1f << 6 | 4) ==
		-WRIT_E_ILLEGAL_OPERATION,
	    "a guard that does not fit its size is refused");
}

static void test_depth(void)
{
	static const uint32_t wrong[] = { 1, 5, 7, 9, 11, 13, 64 };
	unsigned bad = 0;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		bad += copy(at(CN, 5, wrong[i]), own(SPARE)) != -WRIT_E_FAILED_LOOKUP;
	check(bad == 0, "too few bits, and too many, are FAILED_LOOKUP");
	check(copy(at(CN, 5, 65), own(SPARE)) == -WRIT_E_RANGE, "more than 64 are RANGE");
	check(copy(at(CN, 5 << 6 | 1, 12), own(SPARE)) == -WRIT_E_FAILED_LOOKUP,
	    "through what is no CNode there is no way");
	check(copy(at(EP, 5, 6), own(SPARE)) == -WRIT_E_INVALID_CAPABILITY,
	    "nor from what is no CNode");
	check(copy(own(4096), own(SPARE)) == -WRIT_E_FAILED_LOOKUP,
	    "nor past the end of one's own");
	check(holds(own(SPARE), WRIT_TYPE_NULL), "and nothing was put anywhere");
}

static void test_move(void)
{
	check(move(deep(11), at(CN, 6, 6)) == 0 && holds(deep(11), WRIT_TYPE_NULL) &&
		badge_at(at(CN, 6, 6)) == 77,
	    "move, from two levels deep to one: the badge goes along");
	check(move(at(CN, 6, 6), at(CN, 6, 6)) == -WRIT_E_DELETE_FIRST &&
		move(at(CN, 6, 6), at(CN, 5, 6)) == -WRIT_E_DELETE_FIRST &&
		move(deep(11), deep(12)) == -WRIT_E_FAILED_LOOKUP && badge_at(at(CN, 6, 6)) == 77,
	    "not onto itself, not onto another, not of nothing");
	check(writ_cap_at(WRIT_OP_MUTATE, own(GUARDED), own(GUARDED2), 0, 0xc << 6 | 4) == 0 &&
		holds(own(GUARDED), WRIT_TYPE_NULL) &&
		holds(at(GUARDED2, 0xc << 6 | 5, 10), WRIT_TYPE_ENDPOINT) &&
		type_at(at(GUARDED2, 0xa << 6 | 5, 10)) < 0,
	    "mutate moves and sets another guard");
	check(writ_cap_at(WRIT_OP_MUTATE, at(CN, 6, 6), deep(11), 0, 5) ==
		    -WRIT_E_ILLEGAL_OPERATION &&
		badge_at(at(CN, 6, 6)) == 77,
	    "only what is a CNode");
	writ_cap_delete(GUARDED2);
}

/* Before and after each: 77 in slot 6, 88 in deep 20, slot 21 of that CNode empty. */
static void test_rotate(void)
{
	struct writ_addr a = at(CN, 6, 6), b = deep(20), c = deep(21);

	writ_cap_at(WRIT_OP_MINT, own(EP), b, WRIT_R_WRITE, 88);
	check(rotate(a, b, c) == 0 && badge_at(b) == 77 && badge_at(c) == 88 &&
		holds(a, WRIT_TYPE_NULL),
	    "rotate: the pivot to the destination, the source to the pivot");
	check(rotate(c, b, a) == 0 && badge_at(a) == 77 && badge_at(b) == 88 &&
		holds(c, WRIT_TYPE_NULL),
	    "and back, the other way round");
	check(rotate(a, b, a) == 0 && badge_at(a) == 88 && badge_at(b) == 77 &&
		rotate(a, b, a) == 0,
	    "source and destination the same: the two change places");
	check(rotate(a, b, at(CN, 5, 6)) == -WRIT_E_DELETE_FIRST, "an occupied destination");
	check(rotate(c, b, c) == -WRIT_E_FAILED_LOOKUP &&
		rotate(a, c, deep(22)) == -WRIT_E_FAILED_LOOKUP,
	    "an empty source, an empty pivot");
	check(rotate(a, a, c) != 0 && rotate(a, b, b) != 0 && badge_at(a) == 77 &&
		badge_at(b) == 88,
	    "a pivot that is the source or the destination: nothing has changed");
}

static void test_read_only(void)
{
	check(writ_cap_copy(CN, RO, WRIT_R_READ) == 0 && copy(at(RO, 5, 6), own(SPARE)) == 0 &&
		writ_cap_delete(SPARE) == 0 &&
		badge_at(at(RO, (uint64_t)INNER << 6 | 20, 12)) == 88,
	    "with read alone one may look, and copy out");
	check(copy(own(EP), at(RO, 30, 6)) == -WRIT_E_NO_RIGHT &&
		move(at(RO, 5, 6), own(SPARE)) == -WRIT_E_NO_RIGHT &&
		erase(at(RO, 5, 6)) == -WRIT_E_NO_RIGHT &&
		writ_cap_at(WRIT_OP_REVOKE, at(RO, 5, 6), own(0), 0, 0) == -WRIT_E_NO_RIGHT &&
		holds(at(CN, 5, 6), WRIT_TYPE_ENDPOINT),
	    "and not put in, move out, delete or revoke");
}

static void test_delete(void)
{
	struct writ_quota_rep before, after;

	check(copy(at(CN, 5, 6), deep(30)) == 0 && erase(at(CN, 5, 6)) == 0 &&
		erase(at(CN, 5, 6)) == 0 && holds(deep(30), WRIT_TYPE_ENDPOINT),
	    "delete takes nothing from its copies, and of an empty slot is no error");
	check(writ_cap_revoke(EP) == 0 && holds(deep(30), WRIT_TYPE_NULL) &&
		holds(deep(20), WRIT_TYPE_NULL) && holds(at(CN, 6, 6), WRIT_TYPE_NULL) &&
		holds(own(EP), WRIT_TYPE_ENDPOINT),
	    "revoke empties all of them, at any depth, and leaves the capability itself");
	copy(own(EP), deep(1));
	writ_quota_read(UT, &before);
	check(erase(at(CN, INNER, 6)) == 0 && type_at(deep(1)) < 0, "delete the inner CNode");
	before.used.slots -= 64;
	before.used.bytes -= 64 * 48;
	check(used_again(UT, &before, &after), "what it was charged comes back, with all it held");
	check(writ_cap_revoke(CN) == 0 && holds(own(RO), WRIT_TYPE_NULL),
	    "revoking the outer one takes what was derived from it");
}

void test_cnodes(void)
{
	struct writ_quota six = { 0, 6, 0 };

	check(writ_retype(UT, WRIT_TYPE_ENDPOINT, own(EP), 1, (struct writ_quota){ 0 }) == 0 &&
		writ_retype(UT, WRIT_TYPE_CNODE, own(CN), 1, six) == 0 &&
		writ_retype(UT, WRIT_TYPE_CNODE, at(CN, INNER, 6), 1, six) == 0,
	    "an Endpoint, a CNode, and a CNode in that");
	test_copy();
	test_mint();
	test_depth();
	test_move();
	test_rotate();
	test_read_only();
	test_delete();
	writ_cap_delete(CN);
	writ_cap_delete(EP);
}
