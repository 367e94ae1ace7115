/* SPDX-License-Identifier: MIT */
/*
 * Fleets: who comes, goes and is found; names that are never used again; limits;
 * turns; random operations against a naive model (prints its seed, WRIT_SEED sets it).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <writ/err.h>
#include "servers/named/fleet.h"
#include "tests/unit/servers/named/named-tests.h"

#define MODEL_MAX 200
#define STEPS     60000

static char who[FLEET_NAME_MAX];

/* Owners are any pointers: these. */
static const char owners[8];

static int join(const char *path, unsigned owner, uint32_t cap)
{
	const struct fleet_member m = { .owner = &owners[owner],
		.proc = 100 + owner,
		.cap = cap,
		.rights = 3 };

	return fleet_join(nt, path, "/fleet", &m, who);
}

static uint32_t cap_of(const char *path, const char *avoid)
{
	struct fleet_member m;

	ck_assert_int_eq(fleet_find(nt, path, avoid, &m, who), 0);
	return m.cap;
}

static int no_one(const char *path)
{
	struct fleet_member m;

	return fleet_find(nt, path, "", &m, who);
}

START_TEST(a_fleet_lives_as_long_as_its_members)
{
	uint32_t cap = 0;

	ck_assert_int_eq(no_one("/f"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(join("/f", 0, 10), 0);
	ck_assert_str_eq(who, "1");
	ck_assert_int_eq(join("/f", 1, 11), 0);
	ck_assert_str_eq(who, "2");
	ck_assert_uint_eq(stat_of("/f").kind, WRIT_FLEET);
	ck_assert_uint_eq(stat_of("/f").size, 2);
	ck_assert_uint_eq(stat_of("/f/2").kind, WRIT_MEMBER);
	ck_assert_uint_eq(cap_of("/f/1", ""), 10);
	ck_assert_uint_eq(cap_of("/f/2", "2"), 11); /* by name: nobody else is meant */
	ck_assert_int_eq(no_one("/f/3"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(no_one("/f/1/~any"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(no_one("/f/1/x"), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(fleet_leave(nt, "/f/1", &owners[1], &cap), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(fleet_leave(nt, "/f", &owners[1], &cap), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(fleet_leave(nt, "/f/1", &owners[0], &cap), 0);
	ck_assert_uint_eq(cap, 10);
	ck_assert(!fleet_leave_any(nt, &owners[0], &cap));
	ck_assert(fleet_leave_any(nt, &owners[1], &cap));
	ck_assert_uint_eq(cap, 11);
	ck_assert_int_eq(no_one("/f"), -WRIT_E_NOT_FOUND);
	expect_usage(tree_empty);
	/* a name that once meant a server never means another */
	ck_assert_int_eq(join("/f", 2, 12), 0);
	ck_assert_str_eq(who, "3");
	ck_assert_int_eq(no_one("/f/1"), -WRIT_E_NOT_FOUND);
	fleet_drop(nt, 13);
	ck_assert_uint_eq(cap_of("/f", ""), 12);
	fleet_drop(nt, 12);
	expect_usage(tree_empty);
}
END_TEST

START_TEST(a_name_is_a_fleet_or_something_else)
{
	struct writ_dirent e[4];
	struct tree_node *n;
	uint64_t next;

	put("/file", "x");
	ck_assert_int_eq(tree_mkdir(nt, "/dir", NULL), 0);
	ck_assert_int_eq(join("/file", 0, 1), -WRIT_E_EXISTS);
	ck_assert_int_eq(join("/dir", 0, 1), -WRIT_E_EXISTS);
	ck_assert_int_eq(join("/", 0, 1), -WRIT_E_EXISTS);
	ck_assert_int_eq(join("/file/f", 0, 1), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(join("/none/f", 0, 1), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(no_one("/dir"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(no_one("/file"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(join("/f", 0, 7), 0);
	ck_assert_int_eq(join("/f/1", 0, 1), -WRIT_E_EXISTS);
	ck_assert_int_eq(join("/f/x", 0, 1), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_open(nt, "/f", NULL, WRIT_O_CREATE, &n), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_open(nt, "/f", NULL, 0, &n), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_open(nt, "/f/1", NULL, 0, &n), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_open(nt, "/f/x", NULL, WRIT_O_CREATE, &n), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_open(nt, "/f/x/y", "/f/x", WRIT_O_CREATE, &n), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_mkdir(nt, "/f", NULL), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_mkdir(nt, "/f/x", NULL), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_remove(nt, "/f"), -WRIT_E_NOT_EMPTY);
	ck_assert_int_eq(tree_remove(nt, "/f/1"), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_rename(nt, "/f", "/g", NULL), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_rename(nt, "/f/1", "/g", NULL), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_rename(nt, "/file", "/f", NULL), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_rename(nt, "/file", "/f/x", NULL), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_rename(nt, "/file", "/f/1", NULL), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_readdir(nt, "/f", 0, e, 4, &next), 1);
	ck_assert_uint_eq(e[0].kind, WRIT_MEMBER);
	ck_assert_str_eq(e[0].name, "1");
	ck_assert_int_eq(tree_readdir(nt, "/f/1", 0, e, 4, &next), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_readdir(nt, "/", 0, e, 4, &next), 3);
	ck_assert_uint_eq(e[2].kind, WRIT_FLEET);
	ck_assert_uint_eq(e[2].size, 1);
	ck_assert_uint_eq(cap_of("/f", ""), 7); /* after all of that */
}
END_TEST

START_TEST(members_take_turns)
{
	unsigned got[6] = { 0 };
	uint32_t last, cap;

	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(join("/f", i, i), 0);
	for (unsigned i = 0; i < 1000; i++)
		got[cap_of(i % 2 == 0 ? "/f" : "/f/~any", "")]++;
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(got[i], 200);
	/* one that is avoided is passed over, unless there is no other */
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_ne(cap_of("/f/~any", "3"), 2);
	last = cap_of("/f", "");
	ck_assert_uint_ne(cap_of("/f", who), last);
	for (unsigned i = 1; i < 5; i++)
		ck_assert(fleet_leave_any(nt, &owners[i], &cap));
	ck_assert_uint_eq(cap_of("/f", "1"), 0);
	ck_assert_uint_eq(cap_of("/f/~any", "no such"), 0);
}
END_TEST

START_TEST(local_is_this_machine)
{
	struct fleet_member m = { .owner = owners, .proc = 1, .cap = 1, .machine = 7 };

	ck_assert_int_eq(fleet_join(nt, "/f", NULL, &m, who), 0);
	ck_assert_int_eq(no_one("/f/~local"), -WRIT_E_NOT_FOUND);
	ck_assert_uint_eq(cap_of("/f/~any", ""), 1);
	ck_assert_int_eq(join("/f", 1, 2), 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(cap_of("/f/~local", ""), 2);
	ck_assert_int_eq(no_one("/~local"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(no_one("/~any"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(no_one("/f/~other"), -WRIT_E_NOT_FOUND);
}
END_TEST

START_TEST(parents_are_made_for_the_prefix_only)
{
	struct fleet_member m = { .owner = owners, .cap = 1 };
	struct tree_usage before;

	ck_assert_int_eq(fleet_join(nt, "/a/b/f", "/x", &m, who), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(fleet_join(nt, "/a/b/f", "/a/b/f", &m, who), 0);
	ck_assert_uint_eq(stat_of("/a/b").kind, WRIT_DIR);
	ck_assert_uint_eq(stat_of("/a/b/f").kind, WRIT_FLEET);
	before = tree_usage(nt);
	/* the last member leaves, the folders stay */
	ck_assert_int_eq(fleet_join(nt, "/c/f", "/c", &m, who), 0);
	ck_assert_int_eq(fleet_leave(nt, "/c/f/2", m.owner, &m.cap), 0);
	ck_assert_int_eq(tree_remove(nt, "/c"), 0);
	expect_usage(before);
}
END_TEST

/* The limit of the whole, and that nobody takes more than is left. */
START_TEST(a_proc_takes_no_more_than_it_leaves)
{
	unsigned n = 0, all = 0;
	uint32_t cap;

	while (join("/a", 0, n) == 0)
		n++;
	ck_assert_uint_eq(n, FLEET_PROC_MAX);
	ck_assert_int_eq(join("/b", 0, n), -WRIT_E_NO_SPACE);
	ck_assert_int_eq(join("/b", 1, n), 0); /* others go on */
	while (fleet_leave_any(nt, &owners[0], &cap))
		all++;
	ck_assert_uint_eq(all, n);
	ck_assert_int_eq(join("/a", 0, n), 0);
	/* of 200 at most: the fourth gets as many as it leaves */
	for (unsigned i = 0; i < 8; i++)
		while (join("/a", i, 1) == 0)
			;
	for (unsigned i = 0; i < 8; i++) {
		for (all = 0; fleet_leave_any(nt, &owners[i], &cap); all++)
			;
		ck_assert_uint_le(all, FLEET_PROC_MAX);
		ck_assert_uint_ge(all, i < 2 ? FLEET_PROC_MAX : 1);
	}
	expect_usage(tree_empty);
}
END_TEST

/* With ever more memory until it succeeds: what fails has changed nothing. */
START_TEST(a_failed_join_changes_nothing)
{
	uint64_t memory = 0, room;
	unsigned failed = 0;
	int r;

	memory = tree_empty.memory;
	for (room = 0; room < 4096; room += 8) {
		tree_restart(memory + room, 100);
		r = fleet_join(nt, "/p/q/f", "/p/q",
		    &(struct fleet_member){ .owner = owners, .cap = 3 }, who);
		if (r == 0)
			break;
		ck_assert_int_eq(r, -WRIT_E_NO_SPACE);
		expect_usage(tree_empty);
		failed++;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_gt(failed, 10);
	for (unsigned nodes = 2; nodes < 5; nodes++) { /* needs 5: root, p, q, f, the member */
		tree_restart(64 << 20, nodes);
		ck_assert_int_eq(fleet_join(nt, "/p/q/f", "/p/q",
				     &(struct fleet_member){ .owner = owners }, who),
		    -WRIT_E_NO_SPACE);
		expect_usage(tree_empty);
	}
}
END_TEST

/* --- against a model ------------------------------------------------------------ */

static struct row {
	unsigned fleet, owner; /* owner 8: unused */
	uint32_t cap;
	char name[FLEET_NAME_MAX];
} model[MODEL_MAX];
static unsigned nmodel;

static unsigned model_count(unsigned fleet)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nmodel; i++)
		n += model[i].fleet == fleet;
	return n;
}

static void step_join(unsigned fleet, unsigned owner, uint32_t cap)
{
	char path[16];

	snprintf(path, sizeof(path), "/f%u", fleet);
	if (nmodel == MODEL_MAX || join(path, owner, cap) < 0)
		return;
	model[nmodel] = (struct row){ .fleet = fleet, .owner = owner, .cap = cap };
	memcpy(model[nmodel++].name, who, sizeof(who));
}

static void step_leave(unsigned i)
{
	char path[64];
	uint32_t cap = 0;

	if (i >= nmodel)
		return;
	snprintf(path, sizeof(path), "/f%u/%s", model[i].fleet, model[i].name);
	ck_assert_int_eq(fleet_leave(nt, path, &owners[(model[i].owner + 1) % 8], &cap),
	    -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(fleet_leave(nt, path, &owners[model[i].owner], &cap), 0);
	ck_assert_uint_eq(cap, model[i].cap);
	model[i] = model[--nmodel];
}

static void step_die(unsigned owner)
{
	unsigned gone = 0, mine = 0;
	uint32_t cap;

	while (fleet_leave_any(nt, &owners[owner], &cap))
		gone++;
	for (unsigned i = 0; i < nmodel;) {
		if (model[i].owner != owner) {
			i++;
			continue;
		}
		mine++;
		model[i] = model[--nmodel];
	}
	ck_assert_uint_eq(gone, mine);
}

static void step_find(unsigned fleet)
{
	struct fleet_member m;
	char path[16];
	int r;

	snprintf(path, sizeof(path), "/f%u%s", fleet, fleet % 2 == 0 ? "" : "/~any");
	r = fleet_find(nt, path, "", &m, who);
	if (model_count(fleet) == 0) {
		ck_assert_int_eq(r, -WRIT_E_NOT_FOUND);
		return;
	}
	ck_assert_int_eq(r, 0);
	for (unsigned i = 0; i < nmodel; i++)
		if (model[i].fleet == fleet && strcmp(model[i].name, who) == 0) {
			ck_assert_uint_eq(m.cap, model[i].cap);
			return;
		}
	ck_abort_msg("%s is not in fleet %u", who, fleet);
}

START_TEST(random_fleets_agree_with_the_model)
{
	const char *env = getenv("WRIT_SEED");
	uint64_t seed = env != NULL ? strtoull(env, NULL, 10) : (uint64_t)time(NULL);

	printf("random fleets: WRIT_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	srandom((unsigned)seed);
	nmodel = 0;
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned x = (unsigned)random(), fleet = x >> 8 & 3;

		switch (x % 16) {
		case 0: step_die(x >> 12 & 7); break;
		case 1:
		case 2:
		case 3: step_leave((x >> 12) % MODEL_MAX); break;
		case 4:
		case 5:
		case 6:
		case 7:
		case 8: step_join(fleet, x >> 12 & 7, i); break;
		default: step_find(fleet);
		}
	}
	for (unsigned i = 0; i < 8; i++)
		step_die(i);
	ck_assert_uint_eq(nmodel, 0);
	expect_usage(tree_empty);
}
END_TEST

TCase *fleet_case(void)
{
	TCase *c = tcase_create("fleet");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_fleet_lives_as_long_as_its_members);
	tcase_add_test(c, a_name_is_a_fleet_or_something_else);
	tcase_add_test(c, members_take_turns);
	tcase_add_test(c, local_is_this_machine);
	tcase_add_test(c, parents_are_made_for_the_prefix_only);
	tcase_add_test(c, a_proc_takes_no_more_than_it_leaves);
	tcase_add_test(c, a_failed_join_changes_nothing);
	tcase_add_test(c, random_fleets_agree_with_the_model);
	return c;
}
