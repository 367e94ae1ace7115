/* SPDX-License-Identifier: MIT */
/*
 * Layer "lsm", where Linux lets it load: refuses a managed process, before it
 * happens, what its seccomp filter refuses as well, at the objects instead of the
 * calls. Independent of the filter: the one holds where the other is off.
 */
#include "kernel/bpf/linux.bpf.h"

enum { L_AF_UNIX = 1, L_CLONE_THREAD = 0x10000, L_PROT_EXEC = 4 };

static int refuse(const struct guard_task *t, enum guard_hook hook)
{
	const struct guard_label *l = label(bpf_get_current_task_btf());

	return refused(l, t->realm, GUARD_BY_LSM, hook) ? -L_EPERM : 0;
}

/* The caller, once it is shut in; else NULL. */
static const struct guard_task *shut_in(void)
{
	const struct guard_task *t = managed(bpf_get_current_task_btf());

	return t != NULL && t->phase != GUARD_SETUP ? t : NULL;
}

/* Who is shut in has @hook refused unless @may; what another program has refused stays so. */
#define HOOK(on, name, hook, may, ...) \
	SEC("lsm/" on) \
	int BPF_PROG(name, __VA_ARGS__, int ret) \
	{ \
		const struct guard_task *t = shut_in(); \
\
		return ret != 0 || t == NULL || (may) ? ret : refuse(t, hook); \
	}

HOOK("bprm_check_security", guard_lsm_exec, GUARD_HOOK_EXEC, t->phase == GUARD_LAUNCH, void *binprm)

HOOK("task_alloc", guard_lsm_fork, GUARD_HOOK_FORK,
    t->phase == GUARD_NEST || ((flags & L_CLONE_THREAD) != 0 && t->profile == WRIT_PROFILE_SERVER),
    void *child, unsigned long flags)

/* A native proc opens nothing; its image is opened for it as it executes. */
HOOK("file_open", guard_lsm_open, GUARD_HOOK_OPEN,
    t->phase != GUARD_RUN || t->profile != WRIT_PROFILE_NATIVE, void *file)

HOOK("socket_create", guard_lsm_socket, GUARD_HOOK_SOCKET,
    kern != 0 || (family == L_AF_UNIX && t->profile == WRIT_PROFILE_SERVER), int family, int type,
    int protocol, int kern)

HOOK("ptrace_access_check", guard_lsm_ptrace, GUARD_HOOK_PTRACE, false, void *child, unsigned how)

HOOK("mmap_file", guard_lsm_mmap, GUARD_HOOK_MMAP_EXEC,
    t->phase == GUARD_LAUNCH || (prot & L_PROT_EXEC) == 0, void *file, unsigned long asked,
    unsigned long prot, unsigned long flags)

HOOK("file_mprotect", guard_lsm_mprotect, GUARD_HOOK_MMAP_EXEC, (prot & L_PROT_EXEC) == 0,
    void *vma, unsigned long asked, unsigned long prot)

HOOK("userns_create", guard_lsm_userns, GUARD_HOOK_USERNS, false, void *cred)

/* Its arguments are more in later Linux, so where another's word stands is not known. */
SEC("lsm/bpf")
int BPF_PROG(guard_lsm_bpf, int cmd)
{
	const struct guard_task *t = shut_in();

	return t == NULL ? 0 : refuse(t, GUARD_HOOK_BPF);
}

char _license[] SEC("license") = "Dual MIT/GPL";
