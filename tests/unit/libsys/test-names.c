/* SPDX-License-Identifier: MIT */
/* The cache of names: what is found again, what goes, and that each slot is given back once. */
#include "fixture.h"
#include <string.h>
#include "libsys/name_cache.h"

#define STEPS 20000

static struct name_entry *add(const char *name, writ_cap_t cap)
{
	struct name_entry *e = name_cache_add(name, "1", cap);

	ck_assert_ptr_nonnull(e);
	return e;
}

static void empty(void)
{
	while (name_cache_shed())
		;
}

START_TEST(test_a_name_is_found_again)
{
	struct name_entry *e, *f;

	ck_assert_ptr_null(name_cache_find("/a"));
	e = add("/a", 5);
	f = name_cache_find("/a");
	ck_assert_ptr_eq(e, f);
	ck_assert_uint_eq(f->cap, 5);
	ck_assert_str_eq(f->member, "1");
	ck_assert_ptr_null(name_cache_find("/a/b"));
	ck_assert_ptr_null(name_cache_find("/"));
	name_cache_put(e);
	name_cache_put(f);
	ck_assert_ptr_eq(name_cache_find("/a"), e);
	name_cache_put(e);
	empty();
	ck_assert_ptr_null(name_cache_find("/a"));
}
END_TEST

START_TEST(test_a_stale_one_is_not_but_stays_for_its_users)
{
	struct name_entry *e = add("/a", 5), *f = name_cache_find("/a"), *g;

	name_cache_stale(f);
	ck_assert_ptr_null(name_cache_find("/a"));
	ck_assert_uint_eq(e->cap, 5); /* a channel still uses it */
	g = add("/a", 6);
	ck_assert_ptr_ne(g, e);
	name_cache_put(e);
	ck_assert_ptr_eq(name_cache_find("/a"), g);
	name_cache_put(g);
	f = add("/a", 7); /* a newer one takes its place */
	ck_assert_ptr_eq(name_cache_find("/a"), f);
	ck_assert_uint_eq(g->cap, 6);
	name_cache_put(f);
	name_cache_put(f);
	name_cache_put(g);
	empty();
}
END_TEST

START_TEST(test_the_ones_used_last_stay)
{
	char name[16];

	for (unsigned i = 0; i < NAME_CACHE_MAX; i++) {
		snprintf(name, sizeof(name), "/%u", i);
		name_cache_put(add(name, 100 + i));
	}
	name_cache_put(name_cache_find("/0"));
	name_cache_put(add("/more", 1));
	ck_assert_ptr_null(name_cache_find("/1"));
	ck_assert_ptr_nonnull(name_cache_find("/0"));
	name_cache_put(name_cache_find("/0"));
	ck_assert(name_cache_shed());
	ck_assert_ptr_null(name_cache_find("/2"));
	/* one in use is never shed */
	empty();
	ck_assert_ptr_nonnull(name_cache_find("/0"));
	ck_assert(!name_cache_shed());
}
END_TEST

START_TEST(test_what_does_not_fit_is_not_taken)
{
	char name[WRIT_PREFIX_MAX + 1];

	memset(name, 'x', sizeof(name));
	name[WRIT_PREFIX_MAX] = '\0';
	ck_assert_ptr_null(name_cache_add(name, "1", 5));
	name[FSSRV_MEMBER_MAX] = '\0';
	ck_assert_ptr_null(name_cache_add("/a", name, 5));
	name[FSSRV_MEMBER_MAX - 1] = '\0';
	ck_assert_ptr_nonnull(name_cache_add("/a", name, 5));
}
END_TEST

/* Random use; the idle ones are bounded, and one in use is what it was. */
START_TEST(test_random_use)
{
	uint64_t seed = seed_new("name cache");
	struct name_entry *held[8] = { 0 };
	writ_cap_t caps[8] = { 0 };
	unsigned shed = 0, found = 0;

	for (unsigned i = 1; i < STEPS; i++) {
		unsigned k = (unsigned)(rnd(&seed) % 8);
		char name[16];

		if (held[k] != NULL) {
			ck_assert_uint_eq(held[k]->cap, caps[k]);
			if (rnd(&seed) % 3 == 0)
				name_cache_stale(held[k]);
			else
				name_cache_put(held[k]);
			held[k] = NULL;
			continue;
		}
		snprintf(name, sizeof(name), "/%u", (unsigned)(rnd(&seed) % 40));
		held[k] = name_cache_find(name);
		found += held[k] != NULL;
		if (held[k] == NULL)
			held[k] = add(name, i);
		caps[k] = held[k]->cap;
	}
	for (unsigned k = 0; k < 8; k++)
		if (held[k] != NULL)
			name_cache_put(held[k]);
	while (name_cache_shed())
		shed++;
	ck_assert_uint_le(shed, NAME_CACHE_MAX);
	ck_assert_uint_gt(found, STEPS / 20);
}
END_TEST

Suite *names_suite(void)
{
	Suite *s = suite_create("libsys-names");
	TCase *t = tcase_create("cache");

	tcase_add_test(t, test_a_name_is_found_again);
	tcase_add_test(t, test_a_stale_one_is_not_but_stays_for_its_users);
	tcase_add_test(t, test_the_ones_used_last_stay);
	tcase_add_test(t, test_what_does_not_fit_is_not_taken);
	tcase_add_test(t, test_random_use);
	suite_add_tcase(s, t);
	return s;
}
