/* SPDX-License-Identifier: MIT */
/*
 * What a fuzzer gives to replay.c besides its test: how many steps it has made,
 * and how many random ones are enough for a check.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const unsigned long replay_enough;
extern unsigned long replay_steps;
