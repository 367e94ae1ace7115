/* SPDX-License-Identifier: MIT */
/*
 * named's tree: each operation and each refusal, versions, paging.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/err.h>
#include "servers/named/siphash.h"
#include "tests/unit/servers/named/named-tests.h"

struct tree *nt;
struct tree_usage tree_empty;
static uint64_t ticks;

static uint64_t fake_now(void)
{
	return ++ticks;
}

void tree_restart(uint64_t memory, uint64_t nodes)
{
	struct tree_conf conf = { .memory = memory,
		.nodes = nodes,
		.members = 200,
		.seed = { 1, 2 },
		.now = fake_now };

	tree_free(nt);
	nt = tree_new(&conf);
	ck_assert_ptr_nonnull(nt);
	tree_empty = tree_usage(nt);
}

static void tree_setup(void)
{
	tree_restart(64 << 20, 100000);
}

static void tree_teardown(void)
{
	tree_free(nt);
	nt = NULL;
}

struct tree_node *make_file(const char *path, const char *text)
{
	struct tree_node *n;

	ck_assert_int_eq(tree_open(nt, path, NULL, WRIT_O_CREATE | WRIT_O_EXCL, &n), 0);
	ck_assert_int_eq(tree_write(nt, n, 0, text, strlen(text)), (int64_t)strlen(text));
	return n;
}

void put(const char *path, const char *text)
{
	tree_close(nt, make_file(path, text));
}

static void expect_text(const char *path, const char *text)
{
	char buf[256] = "";
	struct tree_node *n;
	int64_t len;

	ck_assert_int_eq(tree_open(nt, path, NULL, WRIT_O_READ, &n), 0);
	len = tree_read(n, 0, buf, sizeof(buf) - 1);
	tree_close(nt, n);
	ck_assert_int_eq(len, (int64_t)strlen(text));
	ck_assert_str_eq(buf, text);
}

struct writ_stat stat_of(const char *path)
{
	struct writ_stat st;

	ck_assert_int_eq(tree_stat(nt, path, &st), 0);
	return st;
}

void expect_usage(struct tree_usage want)
{
	struct tree_usage u = tree_usage(nt);

	ck_assert_uint_eq(u.memory, want.memory);
	ck_assert_uint_eq(u.nodes, want.nodes);
}

START_TEST(siphash_agrees_with_its_paper)
{
	uint8_t key_bytes[16], msg[15];
	uint64_t key[2];

	for (unsigned i = 0; i < 16; i++)
		key_bytes[i] = (uint8_t)i;
	for (unsigned i = 0; i < 15; i++)
		msg[i] = (uint8_t)i;
	memcpy(key, key_bytes, 16);
	ck_assert(siphash(key, msg, 15) == UINT64_C(0xa129ca6149be45e5));
}
END_TEST

START_TEST(files_are_made_read_written_removed)
{
	struct tree_node *n;
	char buf[16];

	put("/a", "hello");
	expect_text("/a", "hello");
	ck_assert_uint_eq(stat_of("/a").size, 5);
	ck_assert_uint_eq(stat_of("/a").kind, WRIT_FILE);
	ck_assert_int_eq(tree_open(nt, "/a", NULL, WRIT_O_WRITE, &n), 0);
	ck_assert_int_eq(tree_write(nt, n, TREE_END, " world", 6), 6);
	ck_assert_int_eq(tree_write(nt, n, 0, "J", 1), 1);
	ck_assert_int_eq(tree_read(n, 11, buf, 4), 0);
	ck_assert_int_eq(tree_read(n, UINT64_MAX - 1, buf, 1), 0);
	tree_close(nt, n);
	expect_text("/a", "Jello world");
	ck_assert_int_eq(tree_open(nt, "/a", NULL, WRIT_O_WRITE | WRIT_O_TRUNC, &n), 0);
	tree_close(nt, n);
	expect_text("/a", "");
	ck_assert_int_eq(tree_remove(nt, "/a"), 0);
	ck_assert_int_eq(tree_open(nt, "/a", NULL, WRIT_O_READ, &n), -WRIT_E_NOT_FOUND);
	expect_usage(tree_empty);
}
END_TEST

START_TEST(each_refusal_changes_nothing)
{
	struct tree_usage before;
	struct writ_stat st = { .size = 7 };
	struct writ_dirent e[1];
	struct tree_node *n = NULL;
	char longname[300];
	uint64_t next = 9;

	memset(longname, 'x', sizeof(longname));
	longname[0] = '/';
	longname[257] = '\0';
	put("/f", "1");
	ck_assert_int_eq(tree_mkdir(nt, "/d", NULL), 0);
	put("/d/g", "2");
	before = tree_usage(nt);
	ck_assert_int_eq(tree_open(nt, "/f", NULL, WRIT_O_CREATE | WRIT_O_EXCL, &n),
	    -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_open(nt, "/d", NULL, WRIT_O_CREATE | WRIT_O_EXCL, &n),
	    -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_open(nt, "/d", NULL, WRIT_O_READ, &n), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_open(nt, "/", NULL, WRIT_O_READ, &n), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_open(nt, "/no", NULL, WRIT_O_READ, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(nt, "/f/x", NULL, WRIT_O_READ, &n), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_open(nt, "/no/x", NULL, WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(nt, longname, NULL, WRIT_O_CREATE, &n), -WRIT_E_NAME_TOO_LONG);
	ck_assert_int_eq(tree_stat(nt, "/no", &st), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_stat(nt, "/f/x", &st), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_mkdir(nt, "/d", NULL), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_mkdir(nt, "/", NULL), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_mkdir(nt, "/no/x", NULL), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_mkdir(nt, "/f/x", NULL), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_remove(nt, "/no"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_remove(nt, "/d"), -WRIT_E_NOT_EMPTY);
	ck_assert_int_eq(tree_remove(nt, "/"), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_readdir(nt, "/f", 0, e, 1, &next), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_readdir(nt, "/no", 0, e, 1, &next), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(nt, "/no", "/x", NULL), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(nt, "/f", "/d", NULL), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_rename(nt, "/d", "/f", NULL), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_rename(nt, "/d", "/d/x", NULL), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_int_eq(tree_rename(nt, "/f", "/no/x", NULL), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(nt, "/", "/x", NULL), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_rename(nt, "/f", "/", NULL), -WRIT_E_ILLEGAL_OPERATION);
	expect_usage(before);
	ck_assert_ptr_null(n);
	ck_assert_uint_eq(st.size, 7);
	ck_assert_uint_eq(next, 9);
	longname[256] = '\0'; /* the same with one byte less is allowed */
	put(longname, "3");
}
END_TEST

START_TEST(only_the_prefix_is_made_implicitly)
{
	struct tree_node *n;
	struct tree_usage before;

	ck_assert_int_eq(tree_open(nt, "/out/a", "/out", WRIT_O_CREATE, &n), 0);
	tree_close(nt, n);
	ck_assert_uint_eq(stat_of("/out").kind, WRIT_DIR);
	ck_assert_int_eq(tree_open(nt, "/p/q/r/f", "/p/q/r", WRIT_O_CREATE, &n), 0);
	tree_close(nt, n);
	ck_assert_int_eq(tree_mkdir(nt, "/m/n", "/m/n"), 0);
	ck_assert_int_eq(tree_rename(nt, "/out/a", "/z/a", "/z"), 0);
	before = tree_usage(nt);
	ck_assert_int_eq(tree_open(nt, "/w/sub/f", "/w", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(nt, "/wide/f", "/w", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(nt, "/w/f", "/wide", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(nt, "/w/f", "/", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(nt, "/w/f", "", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(nt, "/w/f", "/w", WRIT_O_READ, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(nt, "/no", "/w/f", "/w"), -WRIT_E_NOT_FOUND);
	expect_usage(before);
}
END_TEST

START_TEST(a_removed_file_lives_until_closed)
{
	struct tree_node *n = make_file("/a", "kept"), *m;
	char buf[8] = "";

	ck_assert_int_eq(tree_remove(nt, "/a"), 0);
	ck_assert_uint_eq(tree_usage(nt).nodes, tree_empty.nodes + 1);
	m = make_file("/a", "new");
	ck_assert_int_eq(tree_write(nt, n, 4, "!", 1), 1);
	ck_assert_int_eq(tree_read(n, 0, buf, 8), 5);
	ck_assert_str_eq(buf, "kept!");
	expect_text("/a", "new");
	ck_assert_int_eq(tree_rename(nt, "/a", "/b", NULL), 0);
	put("/c", "over");
	ck_assert_int_eq(tree_rename(nt, "/c", "/b", NULL), 0);
	expect_text("/b", "over");
	tree_close(nt, n);
	tree_close(nt, m);
	ck_assert_int_eq(tree_remove(nt, "/b"), 0);
	expect_usage(tree_empty);
}
END_TEST

START_TEST(rename_moves_and_replaces)
{
	ck_assert_int_eq(tree_mkdir(nt, "/d", NULL), 0);
	ck_assert_int_eq(tree_mkdir(nt, "/e", NULL), 0);
	put("/d/x", "x");
	put("/y", "y");
	ck_assert_int_eq(tree_rename(nt, "/d/x", "/d/x", NULL), 0);
	ck_assert_int_eq(tree_rename(nt, "/y", "/d/x", NULL), 0);
	expect_text("/d/x", "y");
	ck_assert_int_eq(tree_rename(nt, "/d", "/e/d2", NULL), 0);
	expect_text("/e/d2/x", "y");
	ck_assert_int_eq(tree_rename(nt, "/e/d2/x", "/e/d2/z", NULL), 0);
	expect_text("/e/d2/z", "y");
	ck_assert_int_eq(tree_remove(nt, "/e/d2/z"), 0);
	ck_assert_int_eq(tree_remove(nt, "/e/d2"), 0);
	ck_assert_int_eq(tree_remove(nt, "/e"), 0);
	expect_usage(tree_empty);
}
END_TEST

START_TEST(versions_count_and_never_go_back)
{
	uint64_t v, top = stat_of("/").version;
	struct tree_node *n = make_file("/a", "");

	ck_assert_uint_eq(stat_of("/a").version, 1);
	ck_assert_uint_eq(stat_of("/").version, top + 1);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(tree_write(nt, n, i, "x", 1), 1);
	ck_assert_uint_eq(stat_of("/a").version, 6);
	ck_assert_uint_eq(stat_of("/").version, top + 1);
	tree_close(nt, n);
	put("/tmp", "short");
	v = stat_of("/a").version;
	ck_assert_int_eq(tree_rename(nt, "/tmp", "/a", NULL), 0);
	ck_assert_uint_gt(stat_of("/a").version, v);
	v = stat_of("/a").version;
	ck_assert_int_eq(tree_remove(nt, "/a"), 0);
	put("/a", "");
	ck_assert_uint_gt(stat_of("/a").version, v);
	v = stat_of("/a").version;
	ck_assert_int_eq(tree_rename(nt, "/a", "/b", NULL), 0);
	put("/a", "");
	ck_assert_uint_gt(stat_of("/a").version, v);
	ck_assert_uint_gt(stat_of("/b").version, v);
	ck_assert_uint_gt(stat_of("/b").mtime_ns, 0);
}
END_TEST

/* Read the folder @path page by page into @seen (by the number in the name). */
static unsigned list_numbers(const char *path, unsigned page, unsigned *seen, unsigned n)
{
	struct writ_dirent e[128];
	uint64_t next = 0;
	unsigned total = 0;

	do {
		int64_t r = tree_readdir(nt, path, next, e, page, &next);

		ck_assert_int_ge(r, 0);
		ck_assert(r > 0 || next == 0);
		for (int64_t i = 0; i < r; i++) {
			unsigned k = (unsigned)strtoul(e[i].name, NULL, 10);

			ck_assert_uint_lt(k, n);
			seen[k]++;
		}
		total += (unsigned)r;
	} while (next != 0);
	return total;
}

START_TEST(listing_pages_are_exact_while_the_folder_changes)
{
	static unsigned seen[4000];
	struct writ_dirent e[10];
	uint64_t next = 0;
	char path[32];
	unsigned pages = 0;

	ck_assert_int_eq(tree_mkdir(nt, "/d", NULL), 0);
	ck_assert_uint_eq(list_numbers("/d", 7, seen, 4000), 0);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "/d/%u", i);
		put(path, "");
	}
	ck_assert_uint_eq(list_numbers("/d", 128, seen, 4000), 2000);
	for (unsigned i = 0; i < 2000; i++)
		ck_assert_uint_eq(seen[i], 1);
	memset(seen, 0, sizeof(seen));
	do { /* behind each page: remove one seen and one to come, add one */
		int64_t r = tree_readdir(nt, "/d", next, e, 10, &next);

		for (int64_t i = 0; i < r; i++)
			seen[strtoul(e[i].name, NULL, 10)]++;
		snprintf(path, sizeof(path), "/d/%.20s", e[0].name);
		ck_assert_int_eq(tree_remove(nt, path), 0);
		snprintf(path, sizeof(path), "/d/%u", 1999 - pages);
		if (pages < 100)
			ck_assert_int_eq(tree_remove(nt, path), 0);
		snprintf(path, sizeof(path), "/d/%u", 2000 + pages);
		if (pages < 100)
			put(path, "");
		pages++;
	} while (next != 0);
	for (unsigned i = 0; i < 1900; i++)
		ck_assert_uint_eq(seen[i], 1);
	for (unsigned i = 0; i < 4000; i++)
		ck_assert_uint_le(seen[i], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("named-tree");
	TCase *c = tcase_create("tree"), *limits = limits_case(), *fleet = fleet_case();
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, tree_setup, tree_teardown);
	tcase_add_checked_fixture(limits, tree_setup, tree_teardown);
	tcase_add_checked_fixture(fleet, tree_setup, tree_teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, siphash_agrees_with_its_paper);
	tcase_add_test(c, files_are_made_read_written_removed);
	tcase_add_test(c, each_refusal_changes_nothing);
	tcase_add_test(c, only_the_prefix_is_made_implicitly);
	tcase_add_test(c, a_removed_file_lives_until_closed);
	tcase_add_test(c, rename_moves_and_replaces);
	tcase_add_test(c, versions_count_and_never_go_back);
	tcase_add_test(c, listing_pages_are_exact_while_the_folder_changes);
	suite_add_tcase(s, c);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, fleet);
	suite_add_tcase(s, random_case());
	r = srunner_create(s);
	srunner_run_all(r, CK_VERBOSE);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
