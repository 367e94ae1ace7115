/* SPDX-License-Identifier: MIT */
/* Isolation tests: what a proc in a real nest can and can't do. Needs root. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests.h"

void harness_fail(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ck_abort_msg("%s", text);
}

int main(void)
{
	Suite *s = suite_create("isolation");
	SRunner *r = srunner_create(s);
	int failed;

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	suite_add_tcase(s, nest_tests());
	suite_add_tcase(s, call_tests());
	suite_add_tcase(s, view_tests());
	suite_add_tcase(s, limit_tests());
	suite_add_tcase(s, host_tests());
	suite_add_tcase(s, server_tests());
	harness_begin();
	srunner_run_all(r, CK_ENV);
	harness_clean();
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
