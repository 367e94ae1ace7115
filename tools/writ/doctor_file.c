/* SPDX-License-Identifier: MIT */
/* writ doctor: sealed images, confined folders, pidfd, Landlock. */
#include "tools/writ/doctor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMAGE_CODE    42
#define OWNER_OUTSIDE 1879048193u

/* The smallest program: exit_group(IMAGE_CODE). */
struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	uint8_t code[12];
};
static const struct image image = {
	.eh = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
		    EV_CURRENT },
	    .e_type = ET_EXEC,
	    .e_machine = EM_X86_64,
	    .e_version = EV_CURRENT,
	    .e_entry = 0x400000 + offsetof(struct image, code),
	    .e_phoff = offsetof(struct image, ph),
	    .e_ehsize = sizeof(Elf64_Ehdr),
	    .e_phentsize = sizeof(Elf64_Phdr),
	    .e_phnum = 1 },
	.ph = { .p_type = PT_LOAD,
	    .p_flags = PF_R | PF_X,
	    .p_vaddr = 0x400000,
	    .p_paddr = 0x400000,
	    .p_filesz = sizeof(struct image),
	    .p_memsz = sizeof(struct image),
	    .p_align = 0x1000 },
	.code = { 0xbf, IMAGE_CODE, 0, 0, 0, 0xb8, SYS_exit_group, 0, 0, 0, 0x0f, 0x05 },
};

static int image_make(struct finding *f)
{
	int fd = memfd_create("writ-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return finding_fail(f, errno, "memfd_create");
	if (write(fd, &image, sizeof(image)) != sizeof(image) || fchmod(fd, 0555) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		finding_fail(f, errno, "sealing");
		close(fd);
		return -1;
	}
	return fd;
}

static int probe_image(struct finding *f, const void *arg)
{
	char *const none[] = { NULL };
	int fd = image_make(f), status = 0;
	pid_t pid;

	(void)arg;
	if (fd < 0)
		return -1;
	if (pwrite(fd, "", 1, 0) >= 0) {
		close(fd);
		return finding_fail(f, 0, "a sealed file can be written to");
	}
	pid = fork();
	if (pid == 0) {
		syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
		_exit(errno);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	close(fd);
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != IMAGE_CODE)
		return finding_fail(f, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		    "executing a descriptor");
	return finding_ok(f, "a sealed memfd can't be changed, and runs by its descriptor");
}

static int beneath(int dir, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	int r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int probe_beneath(struct finding *f, const void *arg)
{
	int dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), in, out, link;

	(void)arg;
	if (dir < 0)
		return finding_fail(f, errno, "/proc/self");
	in = beneath(dir, "status");
	out = beneath(dir, "../version");
	link = beneath(dir, "root/etc");
	close(dir);
	if (in < 0)
		return finding_fail(f, -in, "openat2");
	if (out != -EXDEV || link != -EXDEV)
		return finding_fail(f, 0, "a path led out of its folder");
	return finding_ok(f, "neither .. nor a link leads out of a folder");
}

static int probe_pidfd(struct finding *f, const void *arg)
{
	struct pollfd p = { .events = POLLIN };
	siginfo_t si = { 0 };
	pid_t pid = fork();
	bool ended;

	(void)arg;
	if (pid < 0)
		return finding_fail(f, errno, "fork");
	if (pid == 0) {
		poll(NULL, 0, 5000);
		_exit(0);
	}
	p.fd = pidfd_open(pid, 0);
	if (p.fd < 0) {
		finding_fail(f, errno, "pidfd_open");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	pidfd_send_signal(p.fd, SIGKILL, NULL, 0);
	ended = poll(&p, 1, 2000) == 1 && waitid(P_PIDFD, (id_t)p.fd, &si, WEXITED) == 0;
	close(p.fd);
	if (!ended || si.si_status != SIGKILL)
		return finding_fail(f, errno, "signalling and waiting by descriptor");
	return finding_ok(f, "signals and waiting by descriptor");
}

static int landlock_child(struct finding *f, void *arg)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0), file;

	if (fd < 0)
		return finding_fail(f, errno, "making a ruleset");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return finding_fail(f, errno, "opening a file without a rule");
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return finding_fail(f, errno, "restricting a child");
	file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (file >= 0 || errno != EACCES)
		return finding_fail(f, 0, "a child under no rule still opens files");
	return finding_ok(f, "ABI %d: a child under no rule opens no file", *(const int *)arg);
}

static int probe_landlock(struct finding *f, const void *arg)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	struct trial t = { .fn = landlock_child, .arg = &abi };

	(void)arg;
	if (abi < 0)
		return finding_fail(f, errno, "this kernel has none");
	return trial_run(&t, f);
}

/* A child that only lives until its namespace has been opened. */
static int wait_child(struct finding *f, void *arg)
{
	char c;

	(void)f;
	return read(*(const int *)arg, &c, 1) >= 0 ? 0 : -1;
}

/* A user namespace that shows @owner as OWNER_OUTSIDE. Returns its descriptor or -1. */
static int owner_userns(struct finding *f, unsigned owner)
{
	char path[64], map[64];
	int hold[2], fd = -1;
	pid_t pid;

	if (pipe2(hold, O_CLOEXEC) < 0)
		return finding_fail(f, errno, "pipe");
	pid = (pid_t)syscall(SYS_clone, (unsigned long)CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL,
	    0);
	if (pid == 0) {
		close(hold[1]);
		_exit(wait_child(f, &hold[0]));
	}
	close(hold[0]);
	if (pid > 0) {
		snprintf(map, sizeof(map), "%u %u 1", owner, OWNER_OUTSIDE);
		snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
		if (doctor_write(path, map) == 0) {
			snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
			doctor_write(path, map);
			snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
			fd = open(path, O_RDONLY | O_CLOEXEC);
		}
	}
	if (fd < 0)
		finding_fail(f, errno, "a user namespace for the map");
	close(hold[1]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return fd;
}

/* The owner of @dir, seen through a mount of it that maps its owner to another. */
int doctor_idmap(struct finding *f, const void *dir)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	struct stat st;
	int tree, ns, r = 0;

	tree = open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return finding_fail(f, errno, "%s: cloning its mount", (const char *)dir);
	ns = fstat(tree, &st) == 0 ? owner_userns(f, st.st_uid) : -1;
	if (ns < 0) {
		close(tree);
		return -1;
	}
	attr.userns_fd = (uint64_t)ns;
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		r = finding_fail(f, errno, "%s: its file system has none", (const char *)dir);
	else if (fstat(tree, &st) < 0 || st.st_uid != OWNER_OUTSIDE)
		r = finding_fail(f, 0, "%s: the owner is not mapped", (const char *)dir);
	close(ns);
	close(tree);
	return r < 0
	    ? -1
	    : finding_ok(f, "%s: a realm's user can stand for the owner", (const char *)dir);
}

const struct probe doctor_file[] = {
	{ "sealed_image", "sealed images", true, "a program could change while it runs",
	    probe_image, NULL },
	{ "openat2", "openat2, RESOLVE_BENEATH", true,
	    "host folders could not be lent: links would lead out", probe_beneath, NULL },
	{ "pidfd", "pidfd", true, "a signal could reach a stranger that got the same pid",
	    probe_pidfd, NULL },
	{ "landlock", "Landlock", false, "one layer less around servers: files, sockets, signals",
	    probe_landlock, NULL },
	{ 0 },
};
