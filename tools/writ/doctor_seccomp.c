/* SPDX-License-Identifier: MIT */
/* writ doctor: seccomp, no_new_privs, and the end of Linux capabilities. */
#include "tools/writ/doctor.h"

#include <cap-ng.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSED_WITH ENOTRECOVERABLE /* no kernel gives it for getpriority() */

/* Load a filter: another architecture dies, getpriority() is refused, all else runs. */
static int load_filter(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | REFUSED_WITH),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return -errno;
	return 0;
}

static int filter_child(struct finding *f, void *arg)
{
	int r;

	(void)arg;
	if (syscall(SYS_getpriority, 0, 0) < 0)
		return finding_fail(f, errno, "getpriority() is refused without a filter");
	r = load_filter();
	if (r < 0)
		return finding_fail(f, -r, "loading a filter");
	if (syscall(SYS_getpriority, 0, 0) >= 0 || errno != REFUSED_WITH)
		return finding_fail(f, 0, "the filter refuses nothing");
	return finding_ok(f, "a filter refuses by number, with an errno of its own");
}

static int probe_filter(struct finding *f, const void *arg)
{
	struct trial t = { .fn = filter_child };

	(void)arg;
	return trial_run(&t, f);
}

/* A system call of the 32-bit world, which numbers them differently. */
static int arch_child(struct finding *f, void *arg)
{
	long nr = 20; /* getpid */
	int r;

	(void)arg;
	r = load_filter();
	if (r < 0)
		return finding_fail(f, -r, "loading a filter");
	__asm__ volatile("int $0x80" : "+a"(nr) : : "memory", "r8", "r9", "r10", "r11");
	return finding_fail(f, 0, "int $0x80 went past the filter (%ld)", nr);
}

static int probe_arch(struct finding *f, const void *arg)
{
	struct trial t = { .fn = arch_child };

	(void)arg;
	if (trial_run(&t, f) == 0 || (t.signal != SIGSYS && t.signal != SIGSEGV))
		return -1;
	return finding_ok(f,
	    t.signal == SIGSYS ? "int $0x80 is killed by the filter"
			       : "this kernel has no int $0x80");
}

/* Give up all Linux capabilities, then try to use some. */
static int caps_child(struct finding *f, void *arg)
{
	(void)arg;
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_BOTH) != 0)
		return finding_fail(f, errno, "dropping capabilities");
	if (chroot("/") == 0)
		return finding_fail(f, 0, "chroot() still works");
	if (prctl(PR_CAPBSET_READ, 0, 0, 0, 0) != 0)
		return finding_fail(f, 0, "the bounding set is not empty");
	return finding_ok(f, "all gone, from the bounding set too");
}

static int probe_caps(struct finding *f, const void *arg)
{
	struct trial t = { .fn = caps_child };

	(void)arg;
	return trial_run(&t, f);
}

/* Without capabilities a filter may be loaded only under no_new_privs: that shows both. */
static int nnp_child(struct finding *f, void *arg)
{
	int r;

	(void)arg;
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return finding_fail(f, errno, "dropping capabilities");
	r = load_filter();
	if (r < 0)
		return finding_fail(f, -r, "loading a filter without capabilities");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return finding_fail(f, 0, "it is not set");
	if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
		return finding_fail(f, 0, "it can be taken back");
	return finding_ok(f, "set for good");
}

static int probe_nnp(struct finding *f, const void *arg)
{
	struct trial t = { .fn = nnp_child };

	(void)arg;
	return trial_run(&t, f);
}

const struct probe doctor_seccomp[] = {
	{ "seccomp", "seccomp filter", true, "procs could make every system call", probe_filter,
	    NULL },
	{ "seccomp_arch", "seccomp, other architectures", true,
	    "procs could walk past the filter by int $0x80", probe_arch, NULL },
	{ "no_new_privs", "no_new_privs", true, "an exec could give privileges back", probe_nnp,
	    NULL },
	{ "capabilities", "no Linux capabilities", true, "procs would keep privileges of root",
	    probe_caps, NULL },
	{ 0 },
};
