/* SPDX-License-Identifier: MIT */
/* The parts of the writ command that need no node: text, tables, trees, following logs. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/writ/cli.h"
#include "tools/writ/show.h"
#include "tools/writ/table.h"
#include "tools/writ/tail.h"
#include "tools/writ/tree.h"

static const char *safe(const char *s)
{
	static char buf[256];

	show_safe(s, strlen(s), buf, sizeof(buf));
	return buf;
}

START_TEST(what_a_terminal_acts_on_is_made_visible)
{
	ck_assert_str_eq(safe("plain r\xc3\xa9sum\xc3\xa9 \xe2\x82\xac"),
	    "plain r\xc3\xa9sum\xc3\xa9 \xe2\x82\xac");
	ck_assert_str_eq(safe("a\033[2Jb\n"), "a\\x1b[2Jb\\x0a");
	ck_assert_str_eq(safe("\x7f"), "\\x7f");
	ck_assert_str_eq(safe("\xc2\x9b"
			      "1m"),
	    "\\xc2\\x9b1m");                                       /* C1: CSI */
	ck_assert_str_eq(safe("\xff\xc3"), "\\xff\\xc3");          /* no UTF-8, cut short */
	ck_assert_str_eq(safe("\xc0\xaf"), "\\xc0\\xaf");          /* overlong */
	ck_assert_str_eq(safe("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* surrogate */
	ck_assert_str_eq(safe("\xe2\x80\xae"
			      "txt"),
	    "\\xe2\\x80\\xaetxt"); /* reorders */
}
END_TEST

START_TEST(a_full_buffer_ends_at_a_character)
{
	char buf[6];

	ck_assert_uint_eq(show_safe("abcd\xe2\x82\xac", 7, buf, sizeof(buf)), 4);
	ck_assert_str_eq(buf, "abcd");
	ck_assert_uint_eq(show_safe("ab\033", 3, buf, sizeof(buf)), 2);
	ck_assert_uint_eq(show_cut("ab\xe2\x82", 4), 2);
	ck_assert_uint_eq(show_cut("ab\xe2\x82\xac", 5), 0);
	ck_assert_uint_eq(show_cut("\x80\x80\x80\x80", 4), 0);
}
END_TEST

START_TEST(random_bytes_become_printable)
{
	const char *env = getenv("WRIT_SEED");
	unsigned seed = env != NULL ? (unsigned)atoi(env) : (unsigned)time(NULL);
	char in[64], out[512], again[512];

	printf("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)rand() % sizeof(in), used = 0;

		for (size_t j = 0; j < n; j++)
			in[j] = (char)rand();
		used = show_safe(in, n, out, sizeof(out));
		ck_assert_uint_eq(used, n);
		for (const char *p = out; *p != '\0'; p++)
			ck_assert((unsigned char)*p >= 0x20 && *p != 0x7f);
		show_safe(out, strlen(out), again, sizeof(again));
		ck_assert_str_eq(out, again);
	}
}
END_TEST

START_TEST(sizes_and_times_read_well)
{
	char buf[32];

	ck_assert_str_eq(show_bytes(0, buf, sizeof(buf)), "0");
	ck_assert_str_eq(show_bytes(1023, buf, sizeof(buf)), "1023");
	ck_assert_str_eq(show_bytes(1536, buf, sizeof(buf)), "1.5K");
	ck_assert_str_eq(show_bytes((1 << 20) - 1, buf, sizeof(buf)), "1.0M");
	ck_assert_str_eq(show_bytes(UINT64_MAX, buf, sizeof(buf)), "16.0E");
	ck_assert_str_eq(show_time(1500000000, buf, sizeof(buf)), "1.50s");
	ck_assert_str_eq(show_age(59999999999, buf, sizeof(buf)), "59s");
	ck_assert_str_eq(show_age(UINT64_C(187000000000), buf, sizeof(buf)), "3m07s");
	ck_assert_str_eq(show_age(UINT64_C(7500000000000), buf, sizeof(buf)), "2h05m");
	ck_assert_str_eq(show_age(UINT64_C(349200000000000), buf, sizeof(buf)), "4d01h");
}
END_TEST

START_TEST(names_and_numbers_of_the_command_line_are_checked)
{
	struct cli c = { 0 };
	uint64_t n = 5;

	ck_assert(cli_name_ok("default") && cli_name_ok("t1_x-y"));
	ck_assert(!cli_name_ok("") && !cli_name_ok("-x") && !cli_name_ok("a/b"));
	ck_assert(!cli_name_ok("..") && !cli_name_ok("abcdefghijklmnopqrstuvwxyz012345"));
	ck_assert_int_eq(cli_number(&c, "N", "42", 100, &n), 0);
	ck_assert_uint_eq(n, 42);
	ck_assert_int_eq(cli_number(&c, "N", "101", 100, &n), EX_USAGE);
	ck_assert_int_eq(cli_number(&c, "N", "-1", 100, &n), EX_USAGE);
	ck_assert_int_eq(cli_number(&c, "N", "7x", 100, &n), EX_USAGE);
	ck_assert_int_eq(cli_number(&c, "N", "", 100, &n), EX_USAGE);
	ck_assert_int_eq(cli_number(&c, "N", "99999999999999999999", UINT64_MAX, &n), EX_USAGE);
	ck_assert_uint_eq(n, 42); /* untouched by what was refused */
}
END_TEST

static const struct column columns[] = {
	{ "name", "NAME", COLUMN_LEFT },
	{ "size", "SIZE", COLUMN_RIGHT },
	{ "secret", NULL, COLUMN_JSON },
	{ "note", "NOTE", COLUMN_LEFT },
};

static struct table *sample(void)
{
	struct table *t = table_new(columns, 4);

	table_row(t);
	table_text(t, "r\xc3\xa9");
	table_bytes(t, 2048);
	table_num(t, 7);
	table_text(t, "x\033y");
	table_row(t);
	table_text(t, "longer\xff");
	table_bytes(t, 1);
	return t;
}

static char *printed(const struct table *t, bool json)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	ck_assert_int_eq(table_print(t, f, json), 0);
	fclose(f);
	return text;
}

START_TEST(tables_are_aligned_by_characters)
{
	struct table *t = sample();
	char *text = printed(t, false);

	ck_assert_str_eq(text,
	    "NAME        SIZE  NOTE\n"
	    "r\xc3\xa9          2.0K  x\\x1by\n"
	    "longer\\xff     1  \n");
	free(text);
	table_free(t);
}
END_TEST

START_TEST(tables_as_json_have_numbers_and_hidden_columns)
{
	struct table *t = sample();
	char *text = printed(t, true);
	json_t *all = json_loads(text, 0, NULL), *row;

	ck_assert_uint_eq(json_array_size(all), 2);
	row = json_array_get(all, 0);
	ck_assert_int_eq(json_integer_value(json_object_get(row, "size")), 2048);
	ck_assert_int_eq(json_integer_value(json_object_get(row, "secret")), 7);
	ck_assert_str_eq(json_string_value(json_object_get(row, "note")), "x\033y");
	row = json_array_get(all, 1);
	ck_assert_str_eq(json_string_value(json_object_get(row, "name")), "longer\\xff");
	json_decref(all);
	free(text);
	table_free(t);
}
END_TEST

START_TEST(a_tree_is_printed_parents_first)
{
	struct tree_node v[] = { { 5, 2, 0, 0 }, { 2, 1, 1, 0 }, { 1, 0, 2, 0 }, { 4, 1, 3, 0 },
		{ 3, 2, 4, 0 } };
	static const uint64_t ids[] = { 1, 2, 3, 5, 4 };
	static const unsigned depths[] = { 0, 1, 2, 2, 1 };

	ck_assert_int_eq(tree_order(v, 5), 0);
	for (int i = 0; i < 5; i++) {
		ck_assert_uint_eq(v[i].id, ids[i]);
		ck_assert_uint_eq(v[i].depth, depths[i]);
	}
}
END_TEST

START_TEST(orphans_circles_and_twins_are_printed_once)
{
	/* an orphan; a circle of three with a leaf; its own parent; an id twice */
	struct tree_node v[] = { { 9, 77, 0, 0 }, { 1, 3, 1, 0 }, { 2, 1, 2, 0 }, { 3, 2, 3, 0 },
		{ 4, 2, 4, 0 }, { 6, 6, 5, 0 }, { 6, 9, 6, 0 } };
	unsigned rows = 0;

	ck_assert_int_eq(tree_order(v, 7), 0);
	for (int i = 0; i < 7; i++)
		rows |= 1u << v[i].row;
	ck_assert_uint_eq(rows, 0x7f);
	ck_assert_int_eq(tree_order(v, 0), 0);
}
END_TEST

START_TEST(random_parents_never_hang_nor_lose_a_row)
{
	const char *env = getenv("WRIT_SEED");
	unsigned seed = env != NULL ? (unsigned)atoi(env) : (unsigned)time(NULL);
	struct tree_node v[300];
	bool seen[300];

	printf("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 300; round++) {
		size_t n = (size_t)rand() % 300;

		for (size_t i = 0; i < n; i++)
			v[i] = (struct tree_node){ (uint64_t)rand() % (n + 1),
				(uint64_t)rand() % (n + 1), i, 0 };
		ck_assert_int_eq(tree_order(v, n), 0);
		memset(seen, 0, sizeof(seen));
		for (size_t i = 0; i < n; i++) {
			ck_assert(!seen[v[i].row]);
			seen[v[i].row] = true;
			ck_assert_uint_le(v[i].depth, i == 0 ? 0 : v[i - 1].depth + 1);
		}
	}
}
END_TEST

START_TEST(a_long_chain_and_a_big_circle_take_no_time)
{
	enum { N = 200000 };
	struct tree_node *v = calloc(N, sizeof(*v));

	if (v == NULL)
		ck_abort_msg("out of memory");
	for (size_t i = 0; i < N; i++) /* all in one circle */
		v[i] = (struct tree_node){ i, (i + 1) % N, i, 0 };
	ck_assert_int_eq(tree_order(v, N), 0);
	ck_assert_uint_eq(v[0].id, 0);
	ck_assert_uint_eq(v[N - 1].depth, N - 1);
	free(v);
}
END_TEST

/* --- following logs ------------------------------------------------------ */

static char dir[64];
static struct tail tl;
static char *text;
static size_t text_n;
static FILE *out;

static void begin(unsigned flags)
{
	snprintf(dir, sizeof(dir), "/tmp/writ-cli-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	out = open_memstream(&text, &text_n);
	ck_assert_int_eq(tail_init(&tl, dir, out, flags), 0);
}

static void end(void)
{
	char path[96];

	tail_fini(&tl);
	fclose(out);
	free(text);
	for (int i = 1; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%d.log", dir, i);
		unlink(path);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static void put(int log, const char *s, size_t n)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%d.log", dir, log);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, s, n), (ssize_t)n);
	close(fd);
}

static const char *got(void)
{
	while (tail_pump(&tl))
		;
	return text;
}

START_TEST(a_growing_file_is_followed_from_before_it_exists)
{
	begin(TAIL_PREFIX);
	ck_assert_int_eq(tail_add(&tl, 1, "1.log", "one", UINT64_MAX), 0);
	ck_assert_str_eq(got(), "");
	put(1, "first\nsec", 9);
	ck_assert_str_eq(got(), "one| first\n");
	put(1, "ond\n", 4);
	ck_assert_str_eq(got(), "one| first\none| second\n");
	put(2, "other\n", 6);
	ck_assert_int_eq(tail_add(&tl, 2, "2.log", "t\033wo", UINT64_MAX), 0);
	put(1, "no end", 6);
	tail_end(&tl, 1);
	put(1, "after the end\n", 14);
	ck_assert_str_eq(got(), "one| first\none| second\none| no end\nt\\x1bwo| other\n");
	end();
}
END_TEST

START_TEST(waiting_ends_when_a_file_grows)
{
	uint64_t t0;

	begin(0);
	tail_add(&tl, 1, "1.log", "one", UINT64_MAX);
	put(1, "x", 1);
	t0 = show_clock(CLOCK_MONOTONIC);
	tail_wait(&tl, 5000);
	ck_assert_uint_lt(show_clock(CLOCK_MONOTONIC) - t0, UINT64_C(2000000000));
	t0 = show_clock(CLOCK_MONOTONIC);
	tail_wait(&tl, 50); /* nothing new: all of it */
	ck_assert_uint_ge(show_clock(CLOCK_MONOTONIC) - t0, UINT64_C(45000000));
	end();
}
END_TEST

START_TEST(logs_are_safe_on_a_terminal_and_exact_elsewhere)
{
	static const char hostile[] = "a\tb\033]0;x\007\r\n\xff\n";

	begin(TAIL_SAFE);
	put(1, hostile, sizeof(hostile) - 1);
	tail_add(&tl, 1, "1.log", "one", UINT64_MAX);
	ck_assert_str_eq(got(), "a\tb\\x1b]0;x\\x07\\x0d\n\\xff\n");
	end();
	begin(0);
	put(1, hostile, sizeof(hostile) - 1);
	put(1, "\0end", 4);
	tail_add(&tl, 1, "1.log", "one", UINT64_MAX);
	got();
	tail_end(&tl, 1);
	ck_assert_uint_eq(text_n, sizeof(hostile) - 1 + 4);
	ck_assert_mem_eq(text, "a\tb\033]0;x\007\r\n\xff\n\0end", text_n);
	end();
}
END_TEST

START_TEST(a_line_without_end_is_put_out_in_pieces)
{
	char big[TAIL_LINE_MAX * 3 + 5];

	memset(big, 'x', sizeof(big));
	memcpy(big + TAIL_LINE_MAX - 1, "\xe2\x82\xac", 3); /* across the first piece's end */
	begin(TAIL_SAFE);
	put(1, big, sizeof(big));
	tail_add(&tl, 1, "1.log", "one", UINT64_MAX);
	got();
	tail_end(&tl, 1);
	ck_assert_uint_eq(text_n, sizeof(big) + 1);
	ck_assert_mem_eq(text, big, sizeof(big));
	end();
}
END_TEST

START_TEST(a_cut_file_is_read_again_and_its_last_bytes_alone_if_asked)
{
	char path[96];

	begin(0);
	put(1, "old old\n", 8);
	tail_add(&tl, 1, "1.log", "one", 4);
	ck_assert_str_eq(got(), "old\n");
	snprintf(path, sizeof(path), "%s/1.log", dir);
	ck_assert_int_eq(truncate(path, 0), 0);
	put(1, "new\n", 4);
	ck_assert_str_eq(got(), "old\nnew\n");
	end();
}
END_TEST

START_TEST(links_and_other_files_are_not_followed)
{
	char path[96];

	begin(0);
	snprintf(path, sizeof(path), "%s/1.log", dir);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_lt(tail_add(&tl, 1, "1.log", "one", UINT64_MAX), 0);
	ck_assert_str_eq(got(), "");
	snprintf(path, sizeof(path), "%s/2.log", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_lt(tail_add(&tl, 2, "2.log", "two", UINT64_MAX), 0);
	put(3, "control\n", 8);
	ck_assert_int_eq(tail_add(&tl, 3, "3.log", "three", UINT64_MAX), 0);
	ck_assert_str_eq(got(), "control\n");
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_a_terminal_acts_on_is_made_visible,
		a_full_buffer_ends_at_a_character,
		random_bytes_become_printable,
		sizes_and_times_read_well,
		names_and_numbers_of_the_command_line_are_checked,
		tables_are_aligned_by_characters,
		tables_as_json_have_numbers_and_hidden_columns,
		a_tree_is_printed_parents_first,
		orphans_circles_and_twins_are_printed_once,
		random_parents_never_hang_nor_lose_a_row,
		a_long_chain_and_a_big_circle_take_no_time,
		a_growing_file_is_followed_from_before_it_exists,
		waiting_ends_when_a_file_grows,
		logs_are_safe_on_a_terminal_and_exact_elsewhere,
		a_line_without_end_is_put_out_in_pieces,
		a_cut_file_is_read_again_and_its_last_bytes_alone_if_asked,
		links_and_other_files_are_not_followed,
	};
	Suite *s = suite_create("cli");
	TCase *tc = tcase_create("cli");
	SRunner *sr = srunner_create(s);
	int failed;

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_VERBOSE);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
