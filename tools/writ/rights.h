/* SPDX-License-Identifier: MIT */
/* writ caps --rights: who may do what with a capability, for people and programs. */
#pragma once
#include "tools/writ/cli.h"

/* Print it. Returns an exit code. */
int rights_print(struct cli *c);
