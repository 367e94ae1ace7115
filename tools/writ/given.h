/* SPDX-License-Identifier: MIT */
/* writ caps --given: what procs were given when they were spawned. */
#pragma once
#include "tools/writ/client.h"

/* Print it for the procs that @who names (pid, name or realm; NULL: all), as far back as the audit
 * goes. Returns an exit code. */
int given_run(struct cli *c, struct client *cl, const char *who);
