/* SPDX-License-Identifier: MIT */
/* Tests of the capability library: the contracts of <writ/cap.h>, sentence by sentence. */
#include "fixture.h"
#include <stdlib.h>

int main(void)
{
	SRunner *r = srunner_create(suite_slot());
	int failed;

	srunner_add_suite(r, suite_tree());
	srunner_add_suite(r, suite_object());
	srunner_add_suite(r, suite_account());
	srunner_add_suite(r, suite_cnode());
	srunner_add_suite(r, suite_names());
	srunner_add_suite(r, suite_verify());
	srunner_add_suite(r, suite_sel4());
	srunner_add_suite(r, suite_sel4_cnode());
	srunner_add_suite(r, suite_revoke());
	srunner_add_suite(r, suite_big());
	srunner_run_all(r, CK_VERBOSE);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
