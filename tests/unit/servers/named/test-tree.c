/* SPDX-License-Identifier: MIT */
/*
 * named's tree: each operation and each refusal, versions, limits, paging.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/err.h>
#include "servers/named/data.h"
#include "servers/named/siphash.h"
#include "servers/named/tree.h"
#include "tests/unit/servers/named/named-tests.h"

static struct tree *t;
static struct tree_usage empty;
static uint64_t ticks;

static uint64_t fake_now(void)
{
	return ++ticks;
}

static void tree_start(uint64_t memory, uint64_t nodes)
{
	struct tree_conf conf = { .memory = memory,
		.nodes = nodes,
		.seed = { 1, 2 },
		.now = fake_now };

	t = tree_new(&conf);
	ck_assert_ptr_nonnull(t);
	empty = tree_usage(t);
}

static void setup(void)
{
	tree_start(64 << 20, 100000);
}

static void teardown(void)
{
	tree_free(t);
	t = NULL;
}

static struct tree_node *make_file(const char *path, const char *text)
{
	struct tree_node *n;

	ck_assert_int_eq(tree_open(t, path, NULL, WRIT_O_CREATE | WRIT_O_EXCL, &n), 0);
	ck_assert_int_eq(tree_write(t, n, 0, text, strlen(text)), (int64_t)strlen(text));
	return n;
}

static void put(const char *path, const char *text)
{
	tree_close(t, make_file(path, text));
}

static void expect_text(const char *path, const char *text)
{
	char buf[256] = "";
	struct tree_node *n;
	int64_t len;

	ck_assert_int_eq(tree_open(t, path, NULL, WRIT_O_READ, &n), 0);
	len = tree_read(n, 0, buf, sizeof(buf) - 1);
	tree_close(t, n);
	ck_assert_int_eq(len, (int64_t)strlen(text));
	ck_assert_str_eq(buf, text);
}

static struct writ_stat stat_of(const char *path)
{
	struct writ_stat st;

	ck_assert_int_eq(tree_stat(t, path, &st), 0);
	return st;
}

static void expect_usage(struct tree_usage want)
{
	struct tree_usage u = tree_usage(t);

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
	ck_assert_int_eq(tree_open(t, "/a", NULL, WRIT_O_WRITE, &n), 0);
	ck_assert_int_eq(tree_write(t, n, TREE_END, " world", 6), 6);
	ck_assert_int_eq(tree_write(t, n, 0, "J", 1), 1);
	ck_assert_int_eq(tree_read(n, 11, buf, 4), 0);
	ck_assert_int_eq(tree_read(n, UINT64_MAX - 1, buf, 1), 0);
	tree_close(t, n);
	expect_text("/a", "Jello world");
	ck_assert_int_eq(tree_open(t, "/a", NULL, WRIT_O_WRITE | WRIT_O_TRUNC, &n), 0);
	tree_close(t, n);
	expect_text("/a", "");
	ck_assert_int_eq(tree_remove(t, "/a"), 0);
	ck_assert_int_eq(tree_open(t, "/a", NULL, WRIT_O_READ, &n), -WRIT_E_NOT_FOUND);
	expect_usage(empty);
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
	ck_assert_int_eq(tree_mkdir(t, "/d", NULL), 0);
	put("/d/g", "2");
	before = tree_usage(t);
	ck_assert_int_eq(tree_open(t, "/f", NULL, WRIT_O_CREATE | WRIT_O_EXCL, &n), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_open(t, "/d", NULL, WRIT_O_CREATE | WRIT_O_EXCL, &n), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_open(t, "/d", NULL, WRIT_O_READ, &n), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_open(t, "/", NULL, WRIT_O_READ, &n), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_open(t, "/no", NULL, WRIT_O_READ, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(t, "/f/x", NULL, WRIT_O_READ, &n), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_open(t, "/no/x", NULL, WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(t, longname, NULL, WRIT_O_CREATE, &n), -WRIT_E_NAME_TOO_LONG);
	ck_assert_int_eq(tree_stat(t, "/no", &st), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_stat(t, "/f/x", &st), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_mkdir(t, "/d", NULL), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_mkdir(t, "/", NULL), -WRIT_E_EXISTS);
	ck_assert_int_eq(tree_mkdir(t, "/no/x", NULL), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_mkdir(t, "/f/x", NULL), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_remove(t, "/no"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_remove(t, "/d"), -WRIT_E_NOT_EMPTY);
	ck_assert_int_eq(tree_remove(t, "/"), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_readdir(t, "/f", 0, e, 1, &next), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_readdir(t, "/no", 0, e, 1, &next), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(t, "/no", "/x", NULL), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(t, "/f", "/d", NULL), -WRIT_E_IS_DIR);
	ck_assert_int_eq(tree_rename(t, "/d", "/f", NULL), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(tree_rename(t, "/d", "/d/x", NULL), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_int_eq(tree_rename(t, "/f", "/no/x", NULL), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(t, "/", "/x", NULL), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(tree_rename(t, "/f", "/", NULL), -WRIT_E_ILLEGAL_OPERATION);
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

	ck_assert_int_eq(tree_open(t, "/out/a", "/out", WRIT_O_CREATE, &n), 0);
	tree_close(t, n);
	ck_assert_uint_eq(stat_of("/out").kind, WRIT_DIR);
	ck_assert_int_eq(tree_open(t, "/p/q/r/f", "/p/q/r", WRIT_O_CREATE, &n), 0);
	tree_close(t, n);
	ck_assert_int_eq(tree_mkdir(t, "/m/n", "/m/n"), 0);
	ck_assert_int_eq(tree_rename(t, "/out/a", "/z/a", "/z"), 0);
	before = tree_usage(t);
	ck_assert_int_eq(tree_open(t, "/w/sub/f", "/w", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(t, "/wide/f", "/w", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(t, "/w/f", "/wide", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(t, "/w/f", "/", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(t, "/w/f", "", WRIT_O_CREATE, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_open(t, "/w/f", "/w", WRIT_O_READ, &n), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(tree_rename(t, "/no", "/w/f", "/w"), -WRIT_E_NOT_FOUND);
	expect_usage(before);
}
END_TEST

START_TEST(a_removed_file_lives_until_closed)
{
	struct tree_node *n = make_file("/a", "kept"), *m;
	char buf[8] = "";

	ck_assert_int_eq(tree_remove(t, "/a"), 0);
	ck_assert_uint_eq(tree_usage(t).nodes, empty.nodes + 1);
	m = make_file("/a", "new");
	ck_assert_int_eq(tree_write(t, n, 4, "!", 1), 1);
	ck_assert_int_eq(tree_read(n, 0, buf, 8), 5);
	ck_assert_str_eq(buf, "kept!");
	expect_text("/a", "new");
	ck_assert_int_eq(tree_rename(t, "/a", "/b", NULL), 0);
	put("/c", "over");
	ck_assert_int_eq(tree_rename(t, "/c", "/b", NULL), 0);
	expect_text("/b", "over");
	tree_close(t, n);
	tree_close(t, m);
	ck_assert_int_eq(tree_remove(t, "/b"), 0);
	expect_usage(empty);
}
END_TEST

START_TEST(rename_moves_and_replaces)
{
	ck_assert_int_eq(tree_mkdir(t, "/d", NULL), 0);
	ck_assert_int_eq(tree_mkdir(t, "/e", NULL), 0);
	put("/d/x", "x");
	put("/y", "y");
	ck_assert_int_eq(tree_rename(t, "/d/x", "/d/x", NULL), 0);
	ck_assert_int_eq(tree_rename(t, "/y", "/d/x", NULL), 0);
	expect_text("/d/x", "y");
	ck_assert_int_eq(tree_rename(t, "/d", "/e/d2", NULL), 0);
	expect_text("/e/d2/x", "y");
	ck_assert_int_eq(tree_rename(t, "/e/d2/x", "/e/d2/z", NULL), 0);
	expect_text("/e/d2/z", "y");
	ck_assert_int_eq(tree_remove(t, "/e/d2/z"), 0);
	ck_assert_int_eq(tree_remove(t, "/e/d2"), 0);
	ck_assert_int_eq(tree_remove(t, "/e"), 0);
	expect_usage(empty);
}
END_TEST

START_TEST(versions_count_and_never_go_back)
{
	uint64_t v, top = stat_of("/").version;
	struct tree_node *n = make_file("/a", "");

	ck_assert_uint_eq(stat_of("/a").version, 1);
	ck_assert_uint_eq(stat_of("/").version, top + 1);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(tree_write(t, n, i, "x", 1), 1);
	ck_assert_uint_eq(stat_of("/a").version, 6);
	ck_assert_uint_eq(stat_of("/").version, top + 1);
	tree_close(t, n);
	put("/tmp", "short");
	v = stat_of("/a").version;
	ck_assert_int_eq(tree_rename(t, "/tmp", "/a", NULL), 0);
	ck_assert_uint_gt(stat_of("/a").version, v);
	v = stat_of("/a").version;
	ck_assert_int_eq(tree_remove(t, "/a"), 0);
	put("/a", "");
	ck_assert_uint_gt(stat_of("/a").version, v);
	v = stat_of("/a").version;
	ck_assert_int_eq(tree_rename(t, "/a", "/b", NULL), 0);
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
		int64_t r = tree_readdir(t, path, next, e, page, &next);

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

	ck_assert_int_eq(tree_mkdir(t, "/d", NULL), 0);
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
		int64_t r = tree_readdir(t, "/d", next, e, 10, &next);

		for (int64_t i = 0; i < r; i++)
			seen[strtoul(e[i].name, NULL, 10)]++;
		snprintf(path, sizeof(path), "/d/%.20s", e[0].name);
		ck_assert_int_eq(tree_remove(t, path), 0);
		snprintf(path, sizeof(path), "/d/%u", 1999 - pages);
		if (pages < 100)
			ck_assert_int_eq(tree_remove(t, path), 0);
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

START_TEST(node_limit_is_exact)
{
	struct tree_node *n;
	char path[32];

	teardown();
	tree_start(64 << 20, 101);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 100; i++) {
			snprintf(path, sizeof(path), "/%u", i);
			put(path, "x");
		}
		ck_assert_int_eq(tree_open(t, "/more", NULL, WRIT_O_CREATE, &n), -WRIT_E_NO_SPACE);
		ck_assert_int_eq(tree_mkdir(t, "/more", NULL), -WRIT_E_NO_SPACE);
		ck_assert_int_eq(tree_rename(t, "/0", "/p/0", "/p"), -WRIT_E_NO_SPACE);
		ck_assert_uint_eq(tree_usage(t).nodes, 101);
		for (unsigned i = 0; i < 100; i++) {
			snprintf(path, sizeof(path), "/%u", i);
			ck_assert_int_eq(tree_remove(t, path), 0);
		}
		expect_usage(empty);
	}
	/* room for the prefix, but not for the file below it: neither is made */
	for (unsigned i = 0; i < 98; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		put(path, "x");
	}
	ck_assert_int_eq(tree_open(t, "/p/q/f", "/p/q", WRIT_O_CREATE, &n), -WRIT_E_NO_SPACE);
	ck_assert_uint_eq(tree_usage(t).nodes, 99);
	ck_assert_int_eq(tree_open(t, "/p/f", "/p", WRIT_O_CREATE, &n), 0);
	tree_close(t, n);
}
END_TEST

/* Fill the tree with files of one block until it refuses. Returns how many there are. */
static unsigned fill(char *block, size_t len)
{
	unsigned count = 0;

	for (;; count++) {
		struct tree_node *n;
		char path[32];
		int64_t r;

		snprintf(path, sizeof(path), "/%u", count);
		if (tree_open(t, path, NULL, WRIT_O_CREATE, &n) < 0)
			return count;
		r = tree_write(t, n, 0, block, len);
		tree_close(t, n);
		if (r < 0) {
			ck_assert_int_eq(r, -WRIT_E_NO_SPACE);
			ck_assert_uint_eq(stat_of(path).size, 0);
			ck_assert_int_eq(tree_remove(t, path), 0);
			return count;
		}
	}
}

START_TEST(memory_limit_is_exact)
{
	static char block[5000];
	unsigned first = 0;

	teardown();
	tree_start(1 << 20, 100000);
	for (unsigned round = 0; round < 4; round++) {
		unsigned count = fill(block, sizeof(block));

		ck_assert_uint_le(tree_usage(t).memory, 1 << 20);
		ck_assert_uint_gt(tree_usage(t).memory, (1 << 20) - 9000);
		if (round == 0)
			first = count;
		ck_assert_uint_eq(count, first);
		for (unsigned i = 0; i < count; i++) {
			char path[32];

			snprintf(path, sizeof(path), "/%u", i);
			ck_assert_int_eq(tree_remove(t, path), 0);
		}
		expect_usage(empty);
	}
	ck_assert_uint_gt(first, 100);
}
END_TEST

START_TEST(a_refused_write_leaves_the_file_as_it_was)
{
	static char block[DATA_CHUNK];
	struct tree_usage before;
	struct tree_node *n;
	uint64_t size = 0, version;
	int64_t r;

	teardown();
	tree_start(1 << 20, 10);
	n = make_file("/a", "");
	while ((r = tree_write(t, n, size, block, 40000)) > 0)
		size += 40000;
	ck_assert_int_eq(r, -WRIT_E_NO_SPACE);
	before = tree_usage(t);
	version = stat_of("/a").version;
	ck_assert_int_eq(tree_write(t, n, TREE_END, block, DATA_CHUNK), -WRIT_E_NO_SPACE);
	ck_assert_int_eq(tree_write(t, n, 1 << 20, "x", 1), -WRIT_E_NO_SPACE);
	ck_assert_int_eq(tree_write(t, n, UINT64_MAX - 9, "x", 1), -WRIT_E_NO_SPACE);
	expect_usage(before);
	ck_assert_uint_eq(stat_of("/a").size, size);
	ck_assert_uint_eq(stat_of("/a").version, version);
	ck_assert_int_eq(tree_write(t, n, 0, "y", 1), 1);
	tree_close(t, n);
	ck_assert_int_eq(tree_open(t, "/a", NULL, WRIT_O_TRUNC, &n), 0);
	ck_assert_int_eq(tree_write(t, n, 0, block, DATA_CHUNK), DATA_CHUNK);
	tree_close(t, n);
}
END_TEST

START_TEST(a_refused_write_keeps_nothing_it_began)
{
	static char block[DATA_CHUNK];
	struct tree_usage before;
	struct tree_node *fill, *n;

	teardown();
	tree_start(360000, 10);
	fill = make_file("/fill", "");
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(tree_write(t, fill, TREE_END, block, DATA_CHUNK), DATA_CHUNK);
	n = make_file("/a", "");
	before = tree_usage(t);
	/* room for one chunk, not for the two that this touches */
	ck_assert_int_eq(tree_write(t, n, DATA_CHUNK * 3 / 2, block, DATA_CHUNK), -WRIT_E_NO_SPACE);
	expect_usage(before);
	ck_assert_int_eq(tree_write(t, n, DATA_CHUNK, block, DATA_CHUNK), DATA_CHUNK);
	tree_close(t, n);
	tree_close(t, fill);
}
END_TEST

START_TEST(coming_and_going_does_not_grow_a_folder)
{
	struct tree_usage before = { 0 };
	char path[32];

	put("/stays", "");
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		put(path, "x");
		ck_assert_int_eq(tree_remove(t, path), 0);
		if (i == 100)
			before = tree_usage(t);
	}
	ck_assert_uint_le(tree_usage(t).memory, before.memory + 1024);
}
END_TEST

START_TEST(a_big_file_is_chunked)
{
	enum { BLOCK = 61440, SIZE = 64 << 20 };
	static unsigned char block[BLOCK], got[BLOCK];
	struct tree_node *n;
	uint64_t off = 0;

	teardown();
	tree_start(80 << 20, 10);
	n = make_file("/big", "");
	for (; off < SIZE; off += BLOCK) {
		for (unsigned i = 0; i < BLOCK; i++)
			block[i] = (unsigned char)((off + i) * 2654435761u >> 24);
		ck_assert_int_eq(tree_write(t, n, TREE_END, block, BLOCK), BLOCK);
	}
	ck_assert_uint_eq(stat_of("/big").size, off);
	ck_assert_uint_lt(tree_usage(t).memory, off + (1 << 20));
	for (uint64_t at = 12345; at + BLOCK < off; at += 5 * BLOCK + 1) {
		ck_assert_int_eq(tree_read(n, at, got, BLOCK), BLOCK);
		for (unsigned i = 0; i < BLOCK; i++)
			if (got[i] != (unsigned char)((at + i) * 2654435761u >> 24))
				ck_abort_msg("byte %llu differs", (unsigned long long)(at + i));
	}
	ck_assert_int_eq(tree_read(n, off - 3, got, BLOCK), 3);
	ck_assert_int_eq(tree_remove(t, "/big"), 0);
	tree_close(t, n);
	expect_usage(empty);
}
END_TEST

START_TEST(holes_read_as_zeros_and_cost_nothing)
{
	struct tree_node *n = make_file("/a", "ab");
	unsigned char got[10];

	ck_assert_int_eq(tree_write(t, n, 10 << 20, "z", 1), 1);
	ck_assert_uint_lt(tree_usage(t).memory, 100000);
	memset(got, 1, sizeof(got));
	ck_assert_int_eq(tree_read(n, 0, got, 10), 10);
	ck_assert_mem_eq(got, "ab\0\0\0\0\0\0\0\0", 10);
	ck_assert_int_eq(tree_read(n, (10 << 20) - 5, got, 10), 6);
	ck_assert_mem_eq(got, "\0\0\0\0\0z", 6);
	ck_assert_int_eq(tree_read(n, 65530, got, 10), 10);
	ck_assert_mem_eq(got, "\0\0\0\0\0\0\0\0\0\0", 10);
	tree_close(t, n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("named-tree");
	TCase *c = tcase_create("tree");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, siphash_agrees_with_its_paper);
	tcase_add_test(c, files_are_made_read_written_removed);
	tcase_add_test(c, each_refusal_changes_nothing);
	tcase_add_test(c, only_the_prefix_is_made_implicitly);
	tcase_add_test(c, a_removed_file_lives_until_closed);
	tcase_add_test(c, rename_moves_and_replaces);
	tcase_add_test(c, versions_count_and_never_go_back);
	tcase_add_test(c, listing_pages_are_exact_while_the_folder_changes);
	tcase_add_test(c, node_limit_is_exact);
	tcase_add_test(c, memory_limit_is_exact);
	tcase_add_test(c, a_refused_write_leaves_the_file_as_it_was);
	tcase_add_test(c, a_refused_write_keeps_nothing_it_began);
	tcase_add_test(c, coming_and_going_does_not_grow_a_folder);
	tcase_add_test(c, a_big_file_is_chunked);
	tcase_add_test(c, holes_read_as_zeros_and_cost_nothing);
	suite_add_tcase(s, c);
	suite_add_tcase(s, random_case());
	r = srunner_create(s);
	srunner_run_all(r, CK_VERBOSE);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
