/* SPDX-License-Identifier: MIT */
/* Big tables: a million slots, long chains, and memory that isn't touched. */
#include "fixture.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MILLION = 1 << 20, CHAIN = 100000 };

static struct captab t;
static void *mem;
static size_t size;
static unsigned dead;

static void count_dead(void *arg, obj_t obj)
{
	(void)arg;
	(void)obj;
	dead++;
}

static void big_open(uint32_t nslots, uint32_t nobjs, uint32_t naccts)
{
	dead = 0;
	size = captab_size(nslots, nobjs, naccts);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	    -1, 0);
	ck_assert_ptr_ne(mem, MAP_FAILED);
	/* huge pages would touch the neighbourhood of what is used */
	(void)madvise(mem, size, MADV_NOHUGEPAGE);
	captab_make(&t, mem, nslots, nobjs, naccts, count_dead, NULL);
}

static void big_verify(void)
{
	const char *broken = captab_verify(&t);

	ck_assert_msg(broken == NULL, "broken: %s", broken);
}

static size_t resident_pages(void)
{
	size_t pages = (size + 4095) / 4096, n = 0;
	unsigned char *vec = malloc(pages);

	ck_assert_ptr_nonnull(vec);
	ck_assert_int_eq(mincore(mem, size, vec), 0);
	for (size_t i = 0; i < pages; i++)
		n += vec[i] & 1;
	free(vec);
	return n;
}

START_TEST(untouched_memory_stays_untouched)
{
	obj_t n, o;

	big_open(MILLION, 1 << 16, 1 << 12);
	ck_assert_uint_le(resident_pages(), 1);
	for (unsigned i = 0; i < 10; i++) {
		DONE(captab_cnode_new(&t, 0, 6, &n));
		captab_hold(&t, n);
		DONE(captab_untyped_new(&t, 0, (struct charge){ 1, 1, 1 }, &o));
		DONE(captab_insert(&t, 0, captab_cnode_slot(&t, n, 1), o, 1, 0));
	}
	/* 11 blocks of 3 KiB; 20 objects; 10 accounts; the bitmap */
	ck_assert_uint_le(resident_pages(), 9 + 1 + 1 + 1 + 1);
	munmap(mem, size);
}
END_TEST

START_TEST(memory_used_once_is_used_again)
{
	size_t before;

	big_open(MILLION, 1 << 16, 1 << 12);
	for (unsigned i = 0; i < 2000; i++) {
		obj_t n;

		DONE(captab_cnode_new(&t, 0, 8, &n));
		captab_hold(&t, n);
		captab_unhold(&t, n);
		ck_assert(!captab_reap(&t, 257));
		if (i == 0)
			before = resident_pages();
	}
	ck_assert_uint_eq(resident_pages(), before);
	munmap(mem, size);
}
END_TEST

START_TEST(a_million_slots)
{
	obj_t n[15], ep;
	slot_t root, prev;
	uint32_t made = 0;
	bool more = true;

	big_open(MILLION, 1 << 10, 16);
	for (unsigned i = 0; i < 15; i++) {
		DONE(captab_cnode_new(&t, 0, 16, &n[i]));
		captab_hold(&t, n[i]);
	}
	ck_assert_int_eq(captab_cnode_new(&t, 0, 16, &ep), WRIT_E_NOT_ENOUGH_MEMORY);
	DONE(captab_obj_new(&t, WRIT_TYPE_ENDPOINT, 0, (struct charge){ 0 }, 0, &ep));
	root = prev = captab_cnode_slot(&t, n[0], 0);
	DONE(captab_insert(&t, 0, root, ep, WRIT_R_ALL, 0));
	for (unsigned i = 0; i < 15; i++) {
		for (uint32_t j = i == 0; j < 1 << 16; j++) {
			slot_t s = captab_cnode_slot(&t, n[i], j);

			/* a third deep, two thirds wide */
			DONE(captab_copy(&t, j % 3 == 0 ? prev : root, s, WRIT_R_ALL));
			prev = j % 3 == 0 ? s : prev;
			made++;
		}
	}
	ck_assert_uint_eq(t.live_slots, made + 1);
	big_verify();
	while (more)
		DONE(captab_revoke(&t, root, 100000, &more));
	ck_assert_uint_eq(t.live_slots, 1);
	big_verify();
	munmap(mem, size);
}
END_TEST

/* The map of blocks is looked through by words: holes at their edges are found. */
START_TEST(a_hole_is_found_behind_full_words)
{
	enum { BLOCKS = 64 * 5 };
	obj_t n[BLOCKS], o;

	big_open(BLOCKS * 64, BLOCKS + 2, 1);
	for (unsigned i = 1; i < BLOCKS; i++) {
		DONE(captab_cnode_new(&t, 0, 6, &n[i]));
		ck_assert_uint_eq(captab_cnode_slot(&t, n[i], 0), i * 64);
	}
	captab_obj_drop(&t, n[3]); /* a hole too small, then two full words */
	captab_obj_drop(&t, n[255]);
	captab_obj_drop(&t, n[256]);
	DONE(captab_cnode_new(&t, 0, 7, &o));
	ck_assert_uint_eq(captab_cnode_slot(&t, o, 0), 255 * 64);
	ck_assert_int_eq(captab_cnode_new(&t, 0, 7, &o), WRIT_E_NOT_ENOUGH_MEMORY);
	DONE(captab_cnode_new(&t, 0, 6, &o));
	ck_assert_uint_eq(captab_cnode_slot(&t, o, 0), 3 * 64);
	ck_assert_int_eq(captab_cnode_new(&t, 0, 6, &o), WRIT_E_NOT_ENOUGH_MEMORY);
	captab_obj_drop(&t, n[5]);
	captab_obj_drop(&t, n[128]); /* the first of a word, behind a full one */
	captab_obj_drop(&t, n[129]);
	DONE(captab_cnode_new(&t, 0, 7, &o));
	ck_assert_uint_eq(captab_cnode_slot(&t, o, 0), 128 * 64);
	big_verify();
	munmap(mem, size);
}
END_TEST

/* Each CNode holds the only capability to the next: they die one after the other. */
START_TEST(a_long_chain_of_cnodes_dies_without_recursion)
{
	enum { LONG = 10000 };
	obj_t n, first = 0;
	slot_t s = 0;

	big_open(MILLION, LONG + 2, 1);
	for (unsigned i = 0; i < LONG; i++) {
		DONE(captab_cnode_new(&t, 0, 6, &n));
		if (i == 0)
			captab_hold(&t, first = n);
		else
			DONE(captab_insert(&t, 0, s, n, 1, 0));
		s = captab_cnode_slot(&t, n, i % 64);
	}
	captab_unhold(&t, first);
	ck_assert(captab_reap(&t, 65 * LONG - 1));
	ck_assert_uint_eq(dead, LONG - 1);
	ck_assert(!captab_reap(&t, 1));
	ck_assert_uint_eq(dead, LONG);
	ck_assert_uint_eq(t.live_objs, 0);
	big_verify();
	munmap(mem, size);
}
END_TEST

/* Each Untyped pays for the next. */
START_TEST(a_long_chain_of_untypeds_dies_without_recursion)
{
	obj_t u = 0;

	big_open(64, CHAIN + 2, CHAIN + 2);
	for (unsigned i = 0; i < CHAIN; i++)
		DONE(captab_untyped_new(&t, u, (struct charge){ CHAIN - i, 0, 0 }, &u));
	captab_hold(&t, u);
	captab_unhold(&t, u);
	ck_assert(!captab_reap(&t, CHAIN));
	ck_assert_uint_eq(dead, CHAIN);
	ck_assert_uint_eq(t.live_objs, 0);
	munmap(mem, size);
}
END_TEST

/* A chain of copies of copies: made, its middle deleted, revoked from the top. */
START_TEST(a_deep_derivation_is_no_deeper_a_stack)
{
	obj_t n[2], ep;
	slot_t s, first;
	bool more;

	big_open(MILLION, 16, 1);
	DONE(captab_cnode_new(&t, 0, 16, &n[0]));
	DONE(captab_cnode_new(&t, 0, 16, &n[1]));
	DONE(captab_obj_new(&t, WRIT_TYPE_ENDPOINT, 0, (struct charge){ 0 }, 0, &ep));
	first = captab_cnode_slot(&t, n[0], 0);
	ck_assert_uint_eq(captab_cnode_slot(&t, n[1], 0), first + 65536);
	DONE(captab_insert(&t, 0, first, ep, 1, 0));
	for (s = first + 1; s < first + CHAIN; s++)
		DONE(captab_copy(&t, s - 1, s, 1));
	for (s = first + 100; s < first + CHAIN / 2; s++)
		DONE(captab_delete(&t, s));
	big_verify();
	ck_assert_uint_eq(captab_parent(&t, first + CHAIN / 2), first + 99);
	DONE(captab_revoke(&t, first, CHAIN, &more));
	ck_assert(!more);
	ck_assert_uint_eq(t.live_slots, 1);
	munmap(mem, size);
}
END_TEST

Suite *suite_big(void)
{
	Suite *s = suite_create("big tables");
	TCase *c = tcase_create("big tables");

	suite_add_tcase(s, c);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, untouched_memory_stays_untouched);
	tcase_add_test(c, memory_used_once_is_used_again);
	tcase_add_test(c, a_million_slots);
	tcase_add_test(c, a_hole_is_found_behind_full_words);
	tcase_add_test(c, a_long_chain_of_cnodes_dies_without_recursion);
	tcase_add_test(c, a_long_chain_of_untypeds_dies_without_recursion);
	tcase_add_test(c, a_deep_derivation_is_no_deeper_a_stack);
	return s;
}
