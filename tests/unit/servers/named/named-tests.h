/* SPDX-License-Identifier: MIT */
/* The parts of the test program of named's tree. */
#pragma once
#include <check.h>

/* Random operations against a naive model (test-random.c). */
TCase *random_case(void);
