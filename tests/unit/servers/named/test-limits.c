/* SPDX-License-Identifier: MIT */
/* named's tree: both limits to the byte, big files, holes, nothing left behind. */
#include <stdio.h>
#include <string.h>
#include <writ/err.h>
#include "servers/named/data.h"
#include "tests/unit/servers/named/named-tests.h"

START_TEST(node_limit_is_exact)
{
	struct tree_node *n;
	char path[32];

	tree_restart(64 << 20, 101);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 100; i++) {
			snprintf(path, sizeof(path), "/%u", i);
			put(path, "x");
		}
		ck_assert_int_eq(tree_open(nt, "/more", NULL, WRIT_O_CREATE, &n), -WRIT_E_NO_SPACE);
		ck_assert_int_eq(tree_mkdir(nt, "/more", NULL), -WRIT_E_NO_SPACE);
		ck_assert_int_eq(tree_rename(nt, "/0", "/p/0", "/p"), -WRIT_E_NO_SPACE);
		ck_assert_uint_eq(tree_usage(nt).nodes, 101);
		for (unsigned i = 0; i < 100; i++) {
			snprintf(path, sizeof(path), "/%u", i);
			ck_assert_int_eq(tree_remove(nt, path), 0);
		}
		expect_usage(tree_empty);
	}
	/* room for the prefix, but not for the file below it: neither is made */
	for (unsigned i = 0; i < 98; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		put(path, "x");
	}
	ck_assert_int_eq(tree_open(nt, "/p/q/f", "/p/q", WRIT_O_CREATE, &n), -WRIT_E_NO_SPACE);
	ck_assert_uint_eq(tree_usage(nt).nodes, 99);
	ck_assert_int_eq(tree_open(nt, "/p/f", "/p", WRIT_O_CREATE, &n), 0);
	tree_close(nt, n);
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
		if (tree_open(nt, path, NULL, WRIT_O_CREATE, &n) < 0)
			return count;
		r = tree_write(nt, n, 0, block, len);
		tree_close(nt, n);
		if (r < 0) {
			ck_assert_int_eq(r, -WRIT_E_NO_SPACE);
			ck_assert_uint_eq(stat_of(path).size, 0);
			ck_assert_int_eq(tree_remove(nt, path), 0);
			return count;
		}
	}
}

START_TEST(memory_limit_is_exact)
{
	static char block[5000];
	unsigned first = 0;

	tree_restart(1 << 20, 100000);
	for (unsigned round = 0; round < 4; round++) {
		unsigned count = fill(block, sizeof(block));

		ck_assert_uint_le(tree_usage(nt).memory, 1 << 20);
		ck_assert_uint_gt(tree_usage(nt).memory, (1 << 20) - 9000);
		if (round == 0)
			first = count;
		ck_assert_uint_eq(count, first);
		for (unsigned i = 0; i < count; i++) {
			char path[32];

			snprintf(path, sizeof(path), "/%u", i);
			ck_assert_int_eq(tree_remove(nt, path), 0);
		}
		expect_usage(tree_empty);
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

	tree_restart(1 << 20, 10);
	n = make_file("/a", "");
	while ((r = tree_write(nt, n, size, block, 40000)) > 0)
		size += 40000;
	ck_assert_int_eq(r, -WRIT_E_NO_SPACE);
	before = tree_usage(nt);
	version = stat_of("/a").version;
	ck_assert_int_eq(tree_write(nt, n, TREE_END, block, DATA_CHUNK), -WRIT_E_NO_SPACE);
	ck_assert_int_eq(tree_write(nt, n, 1 << 20, "x", 1), -WRIT_E_NO_SPACE);
	ck_assert_int_eq(tree_write(nt, n, UINT64_MAX - 9, "x", 1), -WRIT_E_NO_SPACE);
	expect_usage(before);
	ck_assert_uint_eq(stat_of("/a").size, size);
	ck_assert_uint_eq(stat_of("/a").version, version);
	ck_assert_int_eq(tree_write(nt, n, 0, "y", 1), 1);
	tree_close(nt, n);
	ck_assert_int_eq(tree_open(nt, "/a", NULL, WRIT_O_TRUNC, &n), 0);
	ck_assert_int_eq(tree_write(nt, n, 0, block, DATA_CHUNK), DATA_CHUNK);
	tree_close(nt, n);
}
END_TEST

START_TEST(a_refused_write_keeps_nothing_it_began)
{
	static char block[DATA_CHUNK];
	struct tree_usage before;
	struct tree_node *fill, *n;

	tree_restart(360000, 10);
	fill = make_file("/fill", "");
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(tree_write(nt, fill, TREE_END, block, DATA_CHUNK), DATA_CHUNK);
	n = make_file("/a", "");
	before = tree_usage(nt);
	/* room for one chunk, not for the two that this touches */
	ck_assert_int_eq(tree_write(nt, n, DATA_CHUNK * 3 / 2, block, DATA_CHUNK),
	    -WRIT_E_NO_SPACE);
	expect_usage(before);
	ck_assert_int_eq(tree_write(nt, n, DATA_CHUNK, block, DATA_CHUNK), DATA_CHUNK);
	tree_close(nt, n);
	tree_close(nt, fill);
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
		ck_assert_int_eq(tree_remove(nt, path), 0);
		if (i == 100)
			before = tree_usage(nt);
	}
	ck_assert_uint_le(tree_usage(nt).memory, before.memory + 1024);
}
END_TEST

START_TEST(a_big_file_is_chunked)
{
	enum { BLOCK = 61440, SIZE = 64 << 20 };
	static unsigned char block[BLOCK], got[BLOCK];
	struct tree_node *n;
	uint64_t off = 0;

	tree_restart(80 << 20, 10);
	n = make_file("/big", "");
	for (; off < SIZE; off += BLOCK) {
		for (unsigned i = 0; i < BLOCK; i++)
			block[i] = (unsigned char)((off + i) * 2654435761u >> 24);
		ck_assert_int_eq(tree_write(nt, n, TREE_END, block, BLOCK), BLOCK);
	}
	ck_assert_uint_eq(stat_of("/big").size, off);
	ck_assert_uint_lt(tree_usage(nt).memory, off + (1 << 20));
	for (uint64_t at = 12345; at + BLOCK < off; at += 5 * BLOCK + 1) {
		ck_assert_int_eq(tree_read(n, at, got, BLOCK), BLOCK);
		for (unsigned i = 0; i < BLOCK; i++)
			if (got[i] != (unsigned char)((at + i) * 2654435761u >> 24))
				ck_abort_msg("byte %llu differs", (unsigned long long)(at + i));
	}
	ck_assert_int_eq(tree_read(n, off - 3, got, BLOCK), 3);
	ck_assert_int_eq(tree_remove(nt, "/big"), 0);
	tree_close(nt, n);
	expect_usage(tree_empty);
}
END_TEST

START_TEST(holes_read_as_zeros_and_cost_nothing)
{
	struct tree_node *n = make_file("/a", "ab");
	unsigned char got[10];

	ck_assert_int_eq(tree_write(nt, n, 10 << 20, "z", 1), 1);
	ck_assert_uint_lt(tree_usage(nt).memory, 100000);
	memset(got, 1, sizeof(got));
	ck_assert_int_eq(tree_read(n, 0, got, 10), 10);
	ck_assert_mem_eq(got, "ab\0\0\0\0\0\0\0\0", 10);
	ck_assert_int_eq(tree_read(n, (10 << 20) - 5, got, 10), 6);
	ck_assert_mem_eq(got, "\0\0\0\0\0z", 6);
	ck_assert_int_eq(tree_read(n, 65530, got, 10), 10);
	ck_assert_mem_eq(got, "\0\0\0\0\0\0\0\0\0\0", 10);
	tree_close(nt, n);
}
END_TEST

TCase *limits_case(void)
{
	TCase *c = tcase_create("limits");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, node_limit_is_exact);
	tcase_add_test(c, memory_limit_is_exact);
	tcase_add_test(c, a_refused_write_leaves_the_file_as_it_was);
	tcase_add_test(c, a_refused_write_keeps_nothing_it_began);
	tcase_add_test(c, coming_and_going_does_not_grow_a_folder);
	tcase_add_test(c, a_big_file_is_chunked);
	tcase_add_test(c, holes_read_as_zeros_and_cost_nothing);
	return c;
}
