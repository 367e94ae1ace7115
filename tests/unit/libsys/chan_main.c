/* SPDX-License-Identifier: MIT */
/* Channels and their transports, without a kernel. */
#include "chan_test.h"
#include <stdlib.h>
#include <time.h>

uint64_t chan_seed(const char *what)
{
	const char *env = getenv("WRIT_SEED");
	struct timespec t;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &t);
	seed = env != NULL ? strtoull(env, NULL, 0)
			   : (uint64_t)t.tv_nsec * 2654435761u + (uint64_t)t.tv_sec;
	printf("%s: WRIT_SEED=%llu\n", what, (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

int main(void)
{
	SRunner *r = srunner_create(tx_suite());
	int failed;

	srunner_add_suite(r, pairs_suite());
	srunner_add_suite(r, messages_suite());
	srunner_add_suite(r, waits_suite());
	srunner_add_suite(r, switch_suite());

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
