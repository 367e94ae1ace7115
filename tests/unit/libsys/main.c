/* SPDX-License-Identifier: MIT */
#include "fixture.h"

int main(void)
{
	SRunner *r = srunner_create(start_suite());
	int failed;

	srunner_add_suite(r, gate_suite());
	srunner_add_suite(r, fssrv_suite());
	srunner_add_suite(r, session_suite());
	srunner_add_suite(r, names_suite());
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
