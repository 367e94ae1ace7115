/* SPDX-License-Identifier: MIT */
/*
 * Host folders that the node lends to a server (ux): a detached clone of the
 * mount, read-only where so asked, nosuid, nodev, noexec, and idmapped so that
 * the server's user id stands for the folder's owner.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct host_folder {
	const char *name; /* as manifests say it */
	const char *path; /* on the host */
	int writable;
	uint32_t uid; /* host id of the realm that will serve it */
	int fd;       /* O_PATH-free directory descriptor of the detached mount */
	int idmapped; /* 0: the file system can't; the server sees what "others" see */
};

/* Open @h->path as described; fills fd and idmapped. Needs CAP_SYS_ADMIN. Returns 0 or -errno. */
int host_open(struct host_folder *h);
