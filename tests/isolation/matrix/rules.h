/* SPDX-License-Identifier: MIT */
/* Shared by the tests of what the programs do: cases, and what is told to the programs. */
#pragma once
#include <stdbool.h>

#include "tools/boot/guard.h"

void check(const char *what, bool ok); /* a case */
void skip(const char *what);           /* one that needs a layer which this Linux has not */
int check_end(void);                   /* the plan; an exit status */

/* Of the map @map of @g; ends the program when that can't be. */
void update(struct guard *g, const char *map, const void *key, const void *value);
/* With the next generation. */
void set_mode(struct guard *g, enum guard_mode mode);
