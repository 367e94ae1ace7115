/* SPDX-License-Identifier: MIT */
#include "fixture.h"

Suite *session_suite(void)
{
	return suite_create("session");
}
