/* SPDX-License-Identifier: MIT */
/* The groups of isolation tests, one file each. */
#pragma once
#include <check.h>

#include "harness.h"

TCase *nest_tests(void);
