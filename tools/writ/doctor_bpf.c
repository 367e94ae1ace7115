/* SPDX-License-Identifier: MIT */
/* writ doctor: eBPF, by raw bpf(2), and what a locked-down kernel keeps from it. */
#include "tools/writ/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A program that returns @value. */
static int load(uint32_t type, int value)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(code[0]);
	attr.license = (uint64_t)(uintptr_t) "Dual MIT/GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(const char *group, int prog)
{
	int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	union bpf_attr attr;

	if (fd < 0)
		return -errno;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)fd;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	r = bpf(BPF_PROG_ATTACH, &attr) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int socket_child(struct finding *f, void *arg)
{
	int r, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return finding_fail(f, errno, "a socket outside the group");
	close(s);
	r = doctor_group_enter(arg);
	if (r < 0)
		return finding_fail(f, -r, "entering a group");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s >= 0 || errno != EPERM)
		return finding_fail(f, 0, "the program refuses nothing");
	return finding_ok(f, "a program on a group refuses it sockets (not used yet)");
}

static int probe_socket(struct finding *f, const void *arg)
{
	char path[512];
	struct trial t = { .fn = socket_child, .arg = path };
	int prog = load(BPF_PROG_TYPE_CGROUP_SOCK, 0), r;
	bool v2;

	(void)arg;
	if (prog < 0)
		return finding_fail(f, errno, "loading a program");
	if (doctor_group_make(f, NULL, path, sizeof(path), &v2) < 0) {
		close(prog);
		return -1;
	}
	r = attach(path, prog);
	r = r < 0 ? finding_fail(f, -r, "attaching it to a group") : trial_run(&t, f);
	doctor_group_remove(path); /* takes the program along */
	close(prog);
	return r;
}

static int probe_tracepoint(struct finding *f, const void *arg)
{
	int prog = load(BPF_PROG_TYPE_TRACEPOINT, 0);

	(void)arg;
	if (prog < 0)
		return finding_fail(f, errno, "loading a program");
	close(prog);
	return finding_ok(f, "programs load (not used yet)");
}

/* "none [integrity] confidentiality" -> "integrity" */
static int probe_lockdown(struct finding *f, const void *arg)
{
	char line[128] = "", mode[32] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	(void)arg;
	if (file == NULL)
		return finding_ok(f, "not told (securityfs is not mounted, or there is none)");
	if (fgets(line, sizeof(line), file) == NULL || sscanf(line, "%*[^[][%31[^]]", mode) != 1)
		sscanf(line, "[%31[^]]", mode);
	fclose(file);
	if (strcmp(mode, "confidentiality") == 0)
		return finding_fail(f, 0, "confidentiality: eBPF may not read the kernel's memory");
	return finding_ok(f, "%s", mode[0] != '\0' ? mode : "none");
}

const struct probe doctor_bpf[] = {
	{ "bpf_cgroup", "eBPF on cgroups", false, "no second line behind the network namespace",
	    probe_socket, NULL },
	{ "bpf_tracepoint", "eBPF on tracepoints", false,
	    "no second line behind seccomp, no telemetry", probe_tracepoint, NULL },
	{ "lockdown", "kernel lockdown", false,
	    "eBPF programs that look into the kernel can't be loaded", probe_lockdown, NULL },
	{ 0 },
};
