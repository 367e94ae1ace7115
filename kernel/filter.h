/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filters. tools/gen-filter makes them from the table in syscalls.h
 * when Writ is built; here they are only installed.
 */
#pragma once
#include <errno.h>
#include <linux/filter.h>
#include <writ/rights.h>

#define FILTER_ERRNO \
	EBADRQC /* what a refused call returns: no call of Linux gives it by itself \
		 */

/* One filter a profile (enum writ_profile), and one that refuses each clone but of a thread. */
enum { FILTER_THREADS = WRIT_PROFILE_N, FILTER_N };
extern const struct sock_fprog filters[FILTER_N];

/*
 * Put a filter on the caller, for ever. Needs no-new-privileges. Returns 0,
 * -EINVAL (no such filter) or -errno.
 */
int filter_install(unsigned filter);
