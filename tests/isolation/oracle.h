/* SPDX-License-Identifier: MIT */
/*
 * What the table of system calls says about one call, worked out in the
 * simplest way and apart from tools/gen-filter.c.
 */
#pragma once
#include <stdint.h>

enum verdict { REFUSED, ABSENT, ALLOWED };

struct oracle_row {
	const char *name;
	unsigned nr, rule, profiles;
};

extern const struct oracle_row oracle_rows[];
extern const unsigned oracle_nrows;

enum verdict oracle(unsigned profile, uint32_t nr, const uint64_t arg[6]);

/* Arguments for which @row's rule holds and the call itself fails: all bits set where nothing is
 * asked. */
void oracle_fit(const struct oracle_row *row, uint64_t arg[6]);

/* Number of checks of a rule; spoil @arg so that check @i fails. */
unsigned oracle_checks(unsigned rule);
void oracle_spoil(unsigned rule, unsigned i, uint64_t arg[6]);
