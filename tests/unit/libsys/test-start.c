/* SPDX-License-Identifier: MIT */
/* Start records: what is put in comes out; whatever comes in stays in bounds. */
#include "fixture.h"
#include <string.h>
#include <writ/start.h>

static void sample(struct start_buf *s)
{
	start_init(s);
	start_arg(s, "one");
	start_arg(s, "");
	start_arg(s, "three");
	start_name(s, WRIT_TYPE_PATH, "/in", 1, WRIT_R_READ);
	start_name(s, WRIT_TYPE_IMAGE, "mapper", 2, WRIT_R_EXEC);
}

START_TEST(test_round_trip)
{
	static const char *const args[] = { "one", "", "three" };
	struct start_pos pos;
	struct start_name n;
	struct start_buf s;
	const char *name;

	sample(&s);
	ck_assert(!s.full);
	ck_assert_int_eq(start_open(&pos, s.data, s.len), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_str_eq(start_next_arg(&pos), args[i]);
	ck_assert_ptr_null(start_next_arg(&pos));
	ck_assert(start_next_name(&pos, &n, &name));
	ck_assert_str_eq(name, "/in");
	ck_assert_uint_eq(n.slot, 1);
	ck_assert_uint_eq(n.rights, WRIT_R_READ);
	ck_assert(start_next_name(&pos, &n, &name));
	ck_assert_str_eq(name, "mapper");
	ck_assert_uint_eq(n.type, WRIT_TYPE_IMAGE);
	ck_assert(!start_next_name(&pos, &n, &name));
}
END_TEST

START_TEST(test_names_without_reading_arguments)
{
	struct start_pos pos;
	struct start_name n;
	struct start_buf s;
	const char *name;

	sample(&s);
	ck_assert_int_eq(start_open(&pos, s.data, s.len), 0);
	ck_assert(start_next_name(&pos, &n, &name));
	ck_assert_str_eq(name, "/in");
}
END_TEST

START_TEST(test_full_record_says_so_and_stays_whole)
{
	char big[1000];
	struct start_pos pos;
	struct start_buf s;
	unsigned n = 0;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	start_init(&s);
	for (unsigned i = 0; i < 10; i++)
		start_arg(&s, big);
	ck_assert(s.full);
	ck_assert_int_eq(start_open(&pos, s.data, s.len), 0);
	while (start_next_arg(&pos) != NULL)
		n++;
	ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(test_argument_after_a_name_is_refused)
{
	struct start_buf s;

	sample(&s);
	start_arg(&s, "late");
	ck_assert(s.full);
	ck_assert_uint_eq(s.argc, 3);
}
END_TEST

START_TEST(test_what_is_no_record_is_refused)
{
	struct start_pos pos = { .argc = 77 };
	struct start_buf s;

	sample(&s);
	ck_assert_int_eq(start_open(&pos, s.data, sizeof(struct start_hdr) - 1),
	    -WRIT_E_BAD_REQUEST);
	ck_assert_int_eq(start_open(&pos, s.data, WRIT_BLOB_MAX + 1), -WRIT_E_BAD_REQUEST);
	s.data[0] ^= 1;
	ck_assert_int_eq(start_open(&pos, s.data, s.len), -WRIT_E_BAD_REQUEST);
	ck_assert_uint_eq(pos.argc, 77);
	s.data[0] ^= 1; /* negative control */
	ck_assert_int_eq(start_open(&pos, s.data, s.len), 0);
}
END_TEST

/* Read all there is; everything given must end inside of the record. */
static void walk(const char *data, size_t len)
{
	const char *end = data + len, *s;
	struct start_pos pos;
	struct start_name n;

	if (start_open(&pos, data, len) < 0)
		return;
	while ((s = start_next_arg(&pos)) != NULL)
		ck_assert(s >= data && s < end && memchr(s, '\0', (size_t)(end - s)) != NULL);
	while (start_next_name(&pos, &n, &s))
		ck_assert(s >= data && s < end && memchr(s, '\0', (size_t)(end - s)) != NULL);
}

START_TEST(test_hostile_records_stay_in_bounds)
{
	uint64_t seed = seed_new("start records");
	struct start_buf s;

	for (unsigned i = 0; i < 20000; i++) {
		size_t len;
		char *copy;

		sample(&s);
		len = rnd(&seed) % 4 == 0 ? rnd(&seed) % (s.len + 1) : s.len;
		for (unsigned m = rnd(&seed) % 6; m > 0; m--)
			s.data[rnd(&seed) % s.len] = (char)rnd(&seed);
		/* A block of exactly that size: the sanitizer sees one byte too far. */
		copy = malloc(len > 0 ? len : 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, s.data, len);
		walk(copy, len);
		free(copy);
	}
}
END_TEST

Suite *start_suite(void)
{
	Suite *s = suite_create("start");
	TCase *t = tcase_create("start");

	tcase_add_test(t, test_round_trip);
	tcase_add_test(t, test_names_without_reading_arguments);
	tcase_add_test(t, test_full_record_says_so_and_stays_whole);
	tcase_add_test(t, test_argument_after_a_name_is_refused);
	tcase_add_test(t, test_what_is_no_record_is_refused);
	tcase_add_test(t, test_hostile_records_stay_in_bounds);
	suite_add_tcase(s, t);
	return s;
}
