/* SPDX-License-Identifier: MIT */
/*
 * What writ-boot hands to writ-kernel: descriptors at fixed numbers, and one
 * record that says what they are. The kernel opens nothing by name as it starts.
 *
 * writ-boot runs by the operator's authority, so a record is not an attack; the
 * kernel checks it all the same and ends with status 64 when it is wrong.
 */
#pragma once
#include <stdint.h>
#include <writ/abi.h>

#define BOOT_MAGIC   0x746f6277u /* "wbot" */
#define BOOT_VERSION 3

enum {
	BOOT_FILES_MAX = 64, /* rows: images, memories and host folders together */
	BOOT_HOSTS_MAX = 32, /* host folders among them */
	BOOT_PROCS_MIN = 64,
	BOOT_PROCS_MAX = 8192,
	BOOT_CSPACE_BITS = 12,    /* of the first server, root */
	BOOT_UID_REALM = 1 << 16, /* user ids that are set aside for a realm */
	BOOT_UID_NODE = 1 << 26,  /* and for a node; host folders' realms have the last of them */
};

/* cgroup hierarchies: v2, and one of v1 for each controller that v2 hasn't. */
enum boot_group { BOOT_V2, BOOT_CPU, BOOT_MEMORY, BOOT_PIDS, BOOT_GROUP_N };

/* eBPF maps that the kernel writes (<writ/guard.h>), none where Linux or the operator has none; and
 * an eventfd that it rings when a realm that requires layers has come or gone. */
enum boot_map {
	BOOT_TASKS,
	BOOT_LABELS,
	BOOT_POLICY,
	BOOT_REALMS,
	BOOT_PROCS,
	BOOT_CAPS,
	BOOT_NEED,
	BOOT_MAP_N
};

/* Descriptors. Those of groups and maps that the record has no bit for are closed. */
enum boot_fd {
	BOOT_RECORD_FD = 3, /* memfd: struct boot_record */
	BOOT_LOCK_FD,       /* holds the node's lock as long as it is open */
	BOOT_IDS_FD,        /* and its range of user ids */
	BOOT_LOGS_FD,       /* folder for the procs' logs */
	BOOT_CONFIG_FD,     /* struct guard_config, to map: that of eBPF, or a memfd */
	BOOT_GROUP_FD,      /* the node's folder in each hierarchy, by enum boot_group */
	BOOT_MAP_FD = BOOT_GROUP_FD + BOOT_GROUP_N, /* by enum boot_map */
	BOOT_FILE_FD = BOOT_MAP_FD + BOOT_MAP_N,    /* one a row */
};

struct boot_file {
	char name[WRIT_NAME_MAX];
	uint32_t uid;          /* HOST with GRANT: host id of the realm that is to serve it; or 0 */
	uint16_t type, rights; /* IMAGE and MEMORY: a sealed memfd. HOST: a folder */
};
_Static_assert(sizeof(struct boot_file) == 40, "");

struct boot_record {
	uint32_t magic, version;
	char node[WRIT_NAME_MAX];
	uint64_t max_memory;
	uint32_t nprocs, uid_base;
	uint32_t groups; /* bit of each enum boot_group that has a descriptor; BOOT_V2 always */
	uint32_t v2_has; /* bit of each controller that is in v2 */
	uint32_t nfiles, root; /* root: the row that is the first server's image */
	uint32_t maps;         /* bit of each enum boot_map that has a descriptor */
	uint32_t start_len;    /* bytes of start: root's start record, carried unread */
	struct boot_file files[BOOT_FILES_MAX];
	char start[WRIT_BLOB_MAX];
};
_Static_assert(sizeof(struct boot_record) == 80 + 64 * 40 + WRIT_BLOB_MAX, "");
