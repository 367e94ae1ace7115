/* SPDX-License-Identifier: MIT */
/* A nest that leaves out steps of its sandbox (without.c), for negative controls. */
#pragma once

/* The steps to leave out, by name, as in "filter landlock"; NULL: none. Whoever links has it. */
const char *without_steps(void);
