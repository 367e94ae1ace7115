/* SPDX-License-Identifier: MIT */
/* See oracle.h. Must not share code with tools/gen-filter.c. */
#include "oracle.h"

#include <stddef.h>
#include <sys/syscall.h>

#include "kernel/syscalls.h"

const struct oracle_row oracle_rows[] = {
#define X(name, rule, profiles, reason) { #name, SYS_##name, SYSCALL_##rule, profiles },
	SYSCALLS(X)
#undef X
};
const unsigned oracle_nrows = sizeof(oracle_rows) / sizeof(oracle_rows[0]);

static const struct syscall_check checks[][SYSCALL_CHECKS_MAX] = {
#define X(id, text, ...) [SYSCALL_##id] = { __VA_ARGS__ },
	SYSCALL_RULES(X)
#undef X
};

unsigned oracle_checks(unsigned rule)
{
	unsigned n = 0;

	while (n < SYSCALL_CHECKS_MAX && checks[rule][n].mask != 0)
		n++;
	return n;
}

enum verdict oracle(unsigned profile, uint32_t nr, const uint64_t arg[6])
{
	for (unsigned i = 0; i < oracle_nrows; i++) {
		const struct oracle_row *r = &oracle_rows[i];
		int holds = r->nr == nr && (r->profiles >> profile & 1) != 0;

		for (unsigned c = 0; c < oracle_checks(r->rule); c++) {
			const struct syscall_check *k = &checks[r->rule][c];

			holds = holds && (arg[k->arg] & k->mask) == k->value;
		}
		if (holds)
			return r->rule == SYSCALL_ABSENT ? ABSENT : ALLOWED;
	}
	return REFUSED;
}

void oracle_fit(const struct oracle_row *row, uint64_t arg[6])
{
	for (unsigned i = 0; i < 6; i++)
		arg[i] = UINT64_MAX;
	if (row->nr == SYS_futex)
		arg[1] = 0; /* FUTEX_WAIT: of an unknown operation Linux says ENOSYS itself */
	for (unsigned c = 0; c < oracle_checks(row->rule); c++) {
		const struct syscall_check *k = &checks[row->rule][c];

		arg[k->arg] = (arg[k->arg] & ~k->mask) | k->value;
	}
}

void oracle_spoil(unsigned rule, unsigned i, uint64_t arg[6])
{
	const struct syscall_check *k = &checks[rule][i];

	arg[k->arg] ^= k->mask & -k->mask; /* the lowest bit that is looked at */
}
