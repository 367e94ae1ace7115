/* SPDX-License-Identifier: MIT */
/*
 * Layer "lsm", where Linux lets it load: refuses a managed process, before it
 * happens, what its seccomp filter refuses as well, at the objects instead of the
 * calls. Independent of the filter: the one holds where the other is off.
 */
#include "kernel/bpf/linux.bpf.h"

enum { L_AF_UNIX = 1, L_CLONE_THREAD = 0x10000, L_PROT_EXEC = 4 };

struct vm_area_struct;
struct file;
struct socket;
struct linux_binprm;
struct cred;
union bpf_attr_linux;

/* The rest of a decision: @ret is what another program has said. */
static int refuse(const struct guard_task *t, enum guard_hook hook)
{
	enum guard_mode m = mode();

	if (m == GUARD_OFF)
		return 0;
	denied(label(bpf_get_current_task_btf()), t->realm, GUARD_BY_LSM, hook, m);
	return m == GUARD_ENFORCE ? -L_EPERM : 0;
}

/* The caller, once it is shut in; else NULL. */
static const struct guard_task *shut_in(void)
{
	const struct guard_task *t = managed(bpf_get_current_task_btf());

	return t != NULL && t->phase != GUARD_SETUP ? t : NULL;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(guard_lsm_exec, struct linux_binprm *b, int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL || t->phase == GUARD_LAUNCH ? ret : refuse(t, GUARD_HOOK_EXEC);
}

SEC("lsm/task_alloc")
int BPF_PROG(guard_lsm_fork, struct task_struct *child, unsigned long flags, int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL || t->phase == GUARD_NEST ||
		((flags & L_CLONE_THREAD) != 0 && t->profile == WRIT_PROFILE_SERVER)
	    ? ret
	    : refuse(t, GUARD_HOOK_FORK);
}

/* A native proc opens nothing; its image is opened for it as it executes. */
SEC("lsm/file_open")
int BPF_PROG(guard_lsm_open, struct file *f, int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL || t->phase != GUARD_RUN || t->profile != WRIT_PROFILE_NATIVE
	    ? ret
	    : refuse(t, GUARD_HOOK_OPEN);
}

SEC("lsm/socket_create")
int BPF_PROG(guard_lsm_socket, int family, int type, int protocol, int kern, int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL || kern != 0 ||
		(family == L_AF_UNIX && t->profile == WRIT_PROFILE_SERVER)
	    ? ret
	    : refuse(t, GUARD_HOOK_SOCKET);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_lsm_ptrace, struct task_struct *child, unsigned how, int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL ? ret : refuse(t, GUARD_HOOK_PTRACE);
}

SEC("lsm/mmap_file")
int BPF_PROG(guard_lsm_mmap, struct file *f, unsigned long asked, unsigned long prot,
    unsigned long flags, int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL || t->phase == GUARD_LAUNCH || (prot & L_PROT_EXEC) == 0
	    ? ret
	    : refuse(t, GUARD_HOOK_MMAP_EXEC);
}

SEC("lsm/file_mprotect")
int BPF_PROG(guard_lsm_mprotect, struct vm_area_struct *v, unsigned long asked, unsigned long prot,
    int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL || (prot & L_PROT_EXEC) == 0 ? ret
								  : refuse(t, GUARD_HOOK_MMAP_EXEC);
}

SEC("lsm/userns_create")
int BPF_PROG(guard_lsm_userns, const struct cred *c, int ret)
{
	const struct guard_task *t = shut_in();

	return ret != 0 || t == NULL ? ret : refuse(t, GUARD_HOOK_USERNS);
}

SEC("lsm/bpf")
int BPF_PROG(guard_lsm_bpf, int cmd, union bpf_attr *attr, unsigned size)
{
	const struct guard_task *t = shut_in();

	return t == NULL ? 0 : refuse(t, GUARD_HOOK_BPF);
}

char _license[] SEC("license") = "Dual MIT/GPL";
