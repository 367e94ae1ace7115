/* SPDX-License-Identifier: MIT */
/* A nest that leaves out steps of its sandbox (without.c), for negative controls. */
#pragma once
#include "kernel/nest.h"

/* The steps to leave out, by name, as in "filter landlock"; NULL: none. Whoever links has it. */
const char *without_steps(void);

/* Runs in the place of the step "root"; NULL: that step itself. */
extern int (*without_root)(struct sandbox *s);

/* Runs in the place of nest_loop() when all steps are done; NULL: that itself. */
extern void (*without_loop)(void);
