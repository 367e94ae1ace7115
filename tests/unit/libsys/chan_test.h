/* SPDX-License-Identifier: MIT */
/* What the tests of channels and transports without a kernel share. */
#pragma once
#include <check.h>
#include <stdint.h>
#include <stdio.h>

/* A seed from WRIT_SEED or the clock, printed, so that a failure can be had again. */
uint64_t chan_seed(const char *what);

Suite *tx_suite(void);
Suite *pairs_suite(void);
Suite *messages_suite(void);
Suite *waits_suite(void);
Suite *switch_suite(void);
