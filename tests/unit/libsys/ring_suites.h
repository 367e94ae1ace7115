/* SPDX-License-Identifier: MIT */
#pragma once
#include <check.h>

Suite *ring_suite(void);
Suite *link_suite(void);
Suite *wake_suite(void);
Suite *spin_suite(void);
