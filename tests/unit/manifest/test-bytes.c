/* SPDX-License-Identifier: MIT */
/* Files that are no manifest at all: a sentence, in time and in bounded memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tests/unit/manifest/fixture.h"

enum { MEBI = 1 << 20 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* Refused with @needle within a second of CPU and 64 MiB more memory. */
static void refused(const char *name, const char *needle)
{
	Writ__Manifest__Realm *r = NULL;
	Writ__Manifest__Node *n = NULL;
	struct manifest_error e;
	long before = peak_kib();
	double t = now();

	ck_assert_int_eq(manifest_realm_load(fixture_path(name), NULL, &r, &e), -1);
	t = now() - t;
	printf("%s: %u:%u: %s (%.0f ms, +%ld KiB)\n", name, e.line, e.column, e.text, t * 1e3,
	    peak_kib() - before);
	fflush(stdout);
	ck_assert_msg(strstr(e.text, needle) != NULL, "%s: want %s, got %s", name, needle, e.text);
	ck_assert_msg(t < 1.0, "%s took %.2f s", name, t);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_msg(peak_kib() - before < 64 * 1024, "%s took memory", name);
#endif
	ck_assert_ptr_null(r);
	ck_assert_int_eq(manifest_node_load(fixture_path(name), &n, &e), -1);
	ck_assert_ptr_null(n);
}

/* 1 MiB of @unit, again and again, behind @head. */
static void repeat(const char *name, const char *head, const char *unit)
{
	char *b = fixture_alloc(MEBI);
	size_t n = strlen(head), u = strlen(unit);

	memcpy(b, head, n);
	for (; n + u <= MEBI; n += u)
		memcpy(b + n, unit, u);
	fixture_write(name, b, n, 0644);
	free(b);
}

START_TEST(files_that_are_none)
{
	refused("none", "can't be opened: No such file");
	refused("bin", "is a folder");
	ck_assert_int_eq(mkfifo(fixture_path("fifo"), 0644), 0);
	refused("fifo", "is not a regular file");
	fixture_write("big", "realm: r\n", 9, 0644);
	ck_assert_int_eq(truncate(fixture_path("big"), 100 * MEBI), 0);
	refused("big", "is larger than 1 MiB");
	ck_assert_int_eq(truncate(fixture_path("big"), MEBI), 0);
	refused("big", "byte 0x00 is not UTF-8");
}
END_TEST

/* root reads everything: the refusal needs someone else. */
START_TEST(unreadable_file_is_refused)
{
	fixture_write("secret", "realm: r\n", 9, 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(fixture_path("."), 0755), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	}
	refused("secret", "can't be opened: Permission denied");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "realm: \xff\n", 9 },
		{ "realm: \xc3", 8 },
		{ "realm: \xc0\x80\n", 10 },
		{ "realm: \xed\xa0\x80\n", 11 },
		{ "realm: \xf4\x90\x80\x80\n", 12 },
		{ "realm: \0\n", 9 },
		{ "realm: \xe2\x82\n", 10 },
	};
	unsigned char *noise = fixture_alloc(MEBI);
	unsigned seed = 5;
	struct manifest_error e;
	Writ__Manifest__Realm *r;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fixture_write("bytes", rows[i].bytes, rows[i].len, 0644);
		ck_assert_int_eq(manifest_realm_load(fixture_path("bytes"), NULL, &r, &e), -1);
		ck_assert_uint_eq(e.line, 1);
		ck_assert_uint_eq(e.column, 8);
		ck_assert_ptr_nonnull(strstr(e.text, "is not UTF-8"));
	}
	fixture_write("utf16", "\xff\xferealm", 7, 0644);
	refused("utf16", "not UTF-8");
	for (i = 0; i < MEBI; i++)
		noise[i] = (unsigned char)rand_r(&seed);
	fixture_write("noise", noise, MEBI, 0644);
	refused("noise", "not UTF-8");
	free(noise);
}
END_TEST

START_TEST(yaml_that_grows)
{
	static const char laughs[] =
	    "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
	    "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nrealm: *c\n";

	fixture_write("laughs", laughs, sizeof(laughs) - 1, 0644);
	refused("laughs", "anchors (&name) are not allowed");
	repeat("deep-flow", "realm: ", "[");
	refused("deep-flow", "nested deeper than 12 levels");
	repeat("deep-map", "realm: ", "{a: ");
	refused("deep-map", "nested deeper than 12 levels");
	repeat("deep-block", "", "- ");
	refused("deep-block", "nested deeper than 12 levels");
	repeat("deep-key", "", "? ");
	refused("deep-key", "nested deeper");
	repeat("wide", "realm: [", "a,");
	refused("wide", "more than 20000 values");
	repeat("keys", "", "a: b\n");
	refused("keys", "more than 20000 values");
	repeat("documents", "", "--- a\n");
	refused("documents", "a second document");
	repeat("quotes", "realm: \"", "x");
	refused("quotes", "not YAML");
	repeat("long-name", "realm: ", "x");
	refused("long-name", "lacks the key");
	repeat("long-key", "", "x");
	refused("long-key", "wants a mapping");
	repeat("comment", "#", "x");
	refused("comment", "is empty");
	repeat("spaces", "", " ");
	refused("spaces", "is empty");
	repeat("lines", "realm:", "\n a");
	refused("lines", "lacks the key");
	repeat("colons", "", ":");
	refused("colons", "not YAML");
	repeat("brackets", "", "[]");
	refused("brackets", "not YAML");
}
END_TEST

/* Nothing of a wrong file's words acts on a terminal, and every error fits. */
START_TEST(errors_are_bounded_and_clean)
{
	struct manifest_error e;
	char *yaml = fixture_alloc(100000);
	size_t i;

	memset(yaml, 'k', 99990);
	memcpy(yaml, "\"\\e[31m\xc2\x9b", 9);
	memcpy(yaml + 99900, "\": 1\n", 6);
	ck_assert_int_eq(fixture_realm(yaml, NULL, &e), -1);
	ck_assert_uint_lt(strlen(e.text), sizeof(e.text));
	for (i = 0; e.text[i] != '\0'; i++)
		ck_assert(e.text[i] >= 0x20 && e.text[i] < 0x7f);
	free(yaml);
}
END_TEST

/* More than a request can carry: 200 procs with arguments of 400 bytes. */
START_TEST(too_large_message_is_refused)
{
	struct manifest_error e;
	char *yaml = fixture_alloc(MEBI), arg[401];
	size_t n;
	unsigned i;

	memset(arg, 'x', 400);
	arg[400] = '\0';
	n = (size_t)snprintf(yaml, MEBI,
	    "realm: r\nlimits: {procs: 256, memory: 64GiB}\n"
	    "images: [{name: a, path: bin/a}]\nprocs:\n");
	for (i = 0; i < 200; i++)
		n += (size_t)snprintf(yaml + n, MEBI - n, "  - {name: p%u, image: a, args: [%s]}\n",
		    i, arg);
	ck_assert_int_eq(fixture_realm(yaml, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "too large"));
	free(yaml);
}
END_TEST

Suite *suite_bytes(void)
{
	Suite *s = suite_create("files");
	TCase *t = tcase_create("bytes");

	tcase_add_unchecked_fixture(t, fixture_begin, fixture_end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, files_that_are_none);
	tcase_add_test(t, unreadable_file_is_refused);
	tcase_add_test(t, bytes_that_are_no_text);
	tcase_add_test(t, yaml_that_grows);
	tcase_add_test(t, errors_are_bounded_and_clean);
	tcase_add_test(t, too_large_message_is_refused);
	suite_add_tcase(s, t);
	return s;
}
