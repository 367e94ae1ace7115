/* SPDX-License-Identifier: MIT */
/* maps/names: how system calls are called, for the programs that print their numbers. */
#pragma once

#define CALL_NAME_MAX 24 /* of a system call, with the NUL */
struct call_name {
	char name[CALL_NAME_MAX];
};

/* The name of call @nr, or NULL. */
const char *names_call(unsigned nr);

/* Fill the map @fd with the calls that Linux's headers knew when this was built. The
 * rows of others stay empty. Returns 0 or -errno. */
int names_fill(int fd);
