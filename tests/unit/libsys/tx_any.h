/* SPDX-License-Identifier: MIT */
/*
 * What every transport must do, as <libsys/tx.h> has it: run over each of them, in
 * the unit tests and on a node.
 */
#pragma once
#include "libsys/tx.h"

struct tx_ends {
	struct tx *t[2]; /* joined; NULL: a case has closed it */
	bool tells;      /* who is left behind is told so, by the transport itself */
	/* Has something happened, by @ms? NULL: poll t->fd. */
	bool (*rang)(struct tx *t, int ms);
};
struct tx_case {
	const char *name;
	/* NULL: it does. Else what it doesn't. */
	const char *(*run)(struct tx_ends *e, uint64_t seed);
};
extern const struct tx_case tx_cases[];
extern const unsigned tx_ncases;

/* Close what is open of them. */
void tx_ends_close(struct tx_ends *e);
