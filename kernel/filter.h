/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filter of each profile, made from the table in syscalls.h.
 */
#pragma once
#include <errno.h>
#include <linux/filter.h>

#define FILTER_MAX 512 /* instructions; more than any profile needs */
#define FILTER_ERRNO \
	EBADRQC /* what a refused call returns: no call of Linux gives it by itself \
		 */

/*
 * Write the filter of @profile (enum writ_profile) to @f, room for @max
 * instructions. Returns their number, -EINVAL (no such profile) or -E2BIG.
 */
int filter_build(unsigned profile, struct sock_filter *f, unsigned max);

/* Put @profile's filter on the caller, for ever. Needs no-new-privileges. Returns 0 or -errno. */
int filter_install(unsigned profile);

/* Refuse the caller every clone that doesn't make a thread, for ever. Returns 0 or -errno. */
int filter_threads_only(void);
