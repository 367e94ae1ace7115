/* SPDX-License-Identifier: MIT */
/* Tests of tools/manifest. Run in the top folder: the documents are tested too. */
#include <stdlib.h>
#include "tests/unit/manifest/fixture.h"

int main(void)
{
	SRunner *r = srunner_create(suite_wrong());
	int failed;

	srunner_add_suite(r, suite_node());
	srunner_add_suite(r, suite_good());
	srunner_add_suite(r, suite_image());
	srunner_add_suite(r, suite_bytes());
	srunner_add_suite(r, suite_docs());
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
