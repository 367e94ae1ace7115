/* SPDX-License-Identifier: MIT */
/*
 * Random operations on the library and on the model, compared after each one.
 * WRIT_SEED chooses the numbers, WRIT_OPS how many operations (200,000).
 */
#include "duel.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 20 }; /* tables, one after the other */

static unsigned long seed, count;

/* xorshift64*: the same numbers everywhere */
static uint32_t next(void *arg, uint32_t n)
{
	uint64_t *x = arg;

	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return (uint32_t)((*x * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % n;
}

static struct duel duel;

START_TEST(library_and_model_agree_after_every_operation)
{
	uint64_t x = (seed + (unsigned long)_i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	void *mem = aligned_alloc(64, duel_size());
	unsigned long i = 0;
	bool ok = true;

	ck_assert_ptr_nonnull(mem);
	memset(mem, 0, duel_size());
	duel_open(&duel, mem, next, &x);
	while (ok && i < count / ROUNDS) {
		ok = duel_step(&duel);
		i++;
	}
	ck_assert_msg(ok, "WRIT_SEED=%lu, table %d, operation %lu (%s): %s", seed, _i, i, duel.op,
	    duel.why);
	/* a run of refusals would show nothing */
	ck_assert_uint_ge(duel.done, count / ROUNDS / 4);
	ck_assert_msg(duel_close(&duel), "WRIT_SEED=%lu, table %d: %s", seed, _i, duel.why);
	free(mem);
}
END_TEST

static unsigned long env_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

int main(void)
{
	Suite *s = suite_create("random operations");
	TCase *c = tcase_create("against the model");
	SRunner *r = srunner_create(s);
	int failed;

	seed = env_number("WRIT_SEED", (unsigned long)time(NULL));
	count = env_number("WRIT_OPS", 200000);
	printf("WRIT_SEED=%lu WRIT_OPS=%lu\n", seed, count);
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 100);
	tcase_add_loop_test(c, library_and_model_agree_after_every_operation, 0, ROUNDS);
	srunner_run_all(r, CK_VERBOSE);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
