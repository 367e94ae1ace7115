// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include "tests/unit/libsys/ring_suites.h"

int main(void)
{
	SRunner *r = srunner_create(ring_suite());
	int failed;

	srunner_add_suite(r, link_suite());
	srunner_add_suite(r, wake_suite());
	srunner_add_suite(r, spin_suite());
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
