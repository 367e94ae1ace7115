/* SPDX-License-Identifier: MIT */
/* Composes the kernel's boot record: see record.h. */
#include "tools/boot/record.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <writ/rights.h>

enum {
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
	ABOVE = 128, /* all that is to be placed lies here first */
};
_Static_assert(ABOVE >= BOOT_FILE_FD + BOOT_FILES_MAX, "");

void launch_init(struct launch *l, const char *node, const char *missing)
{
	const uint32_t all = WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT;
	struct start_buf *s = &l->start;

	*l = (struct launch){ .record = { .magic = BOOT_MAGIC, .version = BOOT_VERSION } };
	snprintf(l->record.node, sizeof(l->record.node), "%s", node);
	for (size_t i = 0; i < sizeof(l->fds) / sizeof(l->fds[0]); i++)
		l->fds[i] = -1;
	start_init(s);
	start_name(s, WRIT_TYPE_CNODE, "cspace", 0, BOOT_CSPACE_BITS);
	start_name(s, WRIT_TYPE_NULL, missing, 0, 0);
	start_name(s, WRIT_TYPE_UNTYPED, "node", WRIT_BOOT_UNTYPED, all);
	start_name(s, WRIT_TYPE_SCHED_CONTROL, "sched", WRIT_BOOT_SCHED, all);
	start_name(s, WRIT_TYPE_AUDIT, "audit", WRIT_BOOT_AUDIT, WRIT_R_READ | WRIT_R_GRANT);
	start_name(s, WRIT_TYPE_REALM, "root", WRIT_BOOT_REALM, WRIT_R_READ);
}

bool launch_file(struct launch *l, int fd, unsigned type, const char *name, unsigned rights,
    uint32_t uid)
{
	uint32_t i = l->record.nfiles;
	struct boot_file *f = &l->record.files[i];

	if (i == BOOT_FILES_MAX || strlen(name) >= sizeof(f->name))
		return false;
	*f = (struct boot_file){ .uid = uid, .type = (uint16_t)type, .rights = (uint16_t)rights };
	snprintf(f->name, sizeof(f->name), "%s", name);
	l->fds[BOOT_FILE_FD + i] = fd;
	l->record.nfiles++;
	start_name(&l->start, type, name, WRIT_BOOT_FIRST + i, rights);
	return !l->start.full;
}

int launch_seal(const char *path, bool *ret_elf)
{
	int in = open(path, O_RDONLY | O_CLOEXEC), fd = -1;
	struct stat st;
	char magic[4];

	*ret_elf = in >= 0 && pread(in, magic, 4, 0) == 4 && memcmp(magic, "\177ELF", 4) == 0;
	if (in >= 0 && fstat(in, &st) == 0)
		fd = memfd_create("writ-module", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 &&
	    (sendfile(fd, in, NULL, (size_t)st.st_size) != st.st_size || fchmod(fd, 0555) != 0 ||
		fcntl(fd, F_ADD_SEALS, SEALS) != 0)) {
		close(fd);
		fd = -1;
	}
	if (in >= 0)
		close(in);
	return fd;
}

static int sealed(const char *name, const void *data, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 &&
	    (pwrite(fd, data, size, 0) != (ssize_t)size || fcntl(fd, F_ADD_SEALS, SEALS) != 0))
		return -1;
	return fd;
}

static int record_fd(struct launch *l)
{
	l->record.start_len = (uint32_t)l->start.len;
	memcpy(l->record.start, l->start.data, l->start.len);
	return sealed("writ-record", &l->record, sizeof(l->record));
}

/* Above RECORD..n, then in its place; what isn't given is closed. */
static bool place(struct launch *l, int n)
{
	for (int i = BOOT_RECORD_FD; i < n; i++)
		if (l->fds[i] >= 0 && (l->fds[i] = fcntl(l->fds[i], F_DUPFD_CLOEXEC, ABOVE)) < 0)
			return false;
	for (int i = BOOT_RECORD_FD; i < n; i++) {
		close(i);
		if (l->fds[i] >= 0 && dup2(l->fds[i], i) < 0)
			return false;
	}
	return close_range((unsigned)n, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

/* What the kernel needs to have before it starts, for it can't raise anything itself. */
static bool limit(void)
{
	/* what full tables can hold, three a session and a proc; and what is on its way in gates */
	struct rlimit nofile = { 1 << 20, 1 << 20 };

	if (setrlimit(RLIMIT_NOFILE, &nofile) != 0 && getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		nofile.rlim_cur = nofile.rlim_max;
		setrlimit(RLIMIT_NOFILE, &nofile);
	}
	/* keep what maps user ids, and nothing else, for good */
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, CAP_SETUID,
	    CAP_SETGID, -1);
	return capng_apply(CAPNG_SELECT_BOTH) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

void launch_exec(struct launch *l, const char *folder)
{
	char *argv[] = { (char *)BOOT_KERNEL, l->record.node, NULL }, *envp[] = { NULL };
	/* not by its path: without capabilities root may have no way there */
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	l->fds[BOOT_RECORD_FD] = record_fd(l);
	if (l->fds[BOOT_CONFIG_FD] < 0)
		l->fds[BOOT_CONFIG_FD] = sealed("writ-config", &l->config, sizeof(l->config));
	dir = dir < 0 ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, ABOVE);
	if (dir < 0 || l->fds[BOOT_RECORD_FD] < 0 ||
	    !place(l, BOOT_FILE_FD + (int)l->record.nfiles) || !limit())
		return;
	execveat(dir, BOOT_KERNEL, argv, envp, 0);
}
