/* SPDX-License-Identifier: MIT */
/* The record that the kernel is started with, and its descriptors: <writ/boot.h>. */
#pragma once
#include <stdbool.h>
#include <writ/boot.h>
#include <writ/guard.h>
#include <writ/start.h>

#define BOOT_KERNEL "writ-kernel"

struct launch {
	struct boot_record record;
	struct start_buf start;                 /* becomes the record's */
	struct guard_config config;             /* where there is no map for it */
	int fds[BOOT_FILE_FD + BOOT_FILES_MAX]; /* by number; -1: none */
};

/* Begin with nothing but root's fixed capabilities. @missing: layers of the sandbox that this host
 * hasn't; root holds `require:` against it. */
void launch_init(struct launch *l, const char *node, const char *missing);

/* A row: @fd becomes the file's. Returns false when there are too many, or a name is too long. */
bool launch_file(struct launch *l, int fd, unsigned type, const char *name, unsigned rights,
    uint32_t uid);

/* A sealed copy of the file at @path, that nobody can change afterwards and that may be executed.
 * *ret_elf: it is a program. Returns -1 with errno. */
int launch_seal(const char *path, bool *ret_elf);

/* Become the kernel that lies in @folder. It gets 0, 1, 2, the record and its descriptors, no
 * environment, the node's name as its only argument, a limit of descriptors that its tables fit,
 * and of Linux's capabilities CAP_SETUID and CAP_SETGID. Returns only with errno. */
void launch_exec(struct launch *l, const char *folder);
