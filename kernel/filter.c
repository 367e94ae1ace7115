/* SPDX-License-Identifier: MIT */
/* See nest.h. Must install what was made, whole, and nothing else. */
#include "nest.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/filters.h"

#define ALL_OF(f) sizeof(f) / sizeof((f)[0]), (struct sock_filter *)(f)
const struct sock_fprog filters[FILTER_N] = {
	[WRIT_PROFILE_NATIVE] = { ALL_OF(filter_native) },
	[WRIT_PROFILE_FILES] = { ALL_OF(filter_files) },
	[WRIT_PROFILE_SERVER] = { ALL_OF(filter_server) },
	[FILTER_THREADS] = { ALL_OF(filter_threads) },
};

int filter_install(unsigned filter)
{
	if (filter >= FILTER_N)
		return -EINVAL;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[filter]) < 0 ? -errno : 0;
}
