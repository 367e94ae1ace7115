/* SPDX-License-Identifier: MIT */
/*
 * A copy of a program that goes round in circles at its entry, so that it can be
 * taken before it has done anything; puppet_mend() makes it the program that it is.
 */
#pragma once
#include <stdint.h>

/* Write the copy of @image to @path, and one that is as it was to @whole. Returns 0 with what was
 * at its entry, or -errno; -ENOEXEC: not a program for x86-64. */
int spin_copy(const char *image, const char *whole, const char *path, uint64_t *ret_code);
