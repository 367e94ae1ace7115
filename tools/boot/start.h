/* SPDX-License-Identifier: MIT */
/* What the operator asked writ-boot for, and the start of the kernel with it. */
#pragma once
#include <stdint.h>

#include "tools/boot/guard.h"
#include "tools/boot/host.h"
#include "tools/boot/record.h"

struct module {
	const char *name, *path;
};

struct boot {
	const char *node, *run, *logs;
	uint32_t procs;
	uint64_t memory;
	enum guard_mode guard;
	struct module modules[BOOT_FILES_MAX];
	unsigned nmodules;
	struct host_folder hosts[BOOT_HOSTS_MAX];
	unsigned nhosts;
	int lock, ids; /* open files, neither locked yet */
	int need;      /* eventfd: the kernel rings when a realm with requirements comes or goes */
};

/* Open run/lock and run/../.ids, the folder made. Returns 0 or an exit status, said on stderr. */
int boot_open(struct boot *b);

/*
 * In a child of its own: take the lock and a range of user ids, prepare all that
 * the kernel is given, and become the kernel. Returns only an exit status, said
 * on stderr: 64 wrong arguments, 65 a name too long or too many, 66 no such host
 * folder, 71 the host refused something, 75 the node runs, or too many nodes do.
 */
int boot_start(struct boot *b);
