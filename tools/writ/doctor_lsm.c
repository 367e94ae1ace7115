/* SPDX-License-Identifier: MIT */
/*
 * writ doctor: BPF LSM. The list in securityfs proves nothing, so a program is
 * hung on a hook and must refuse. It refuses a kind of socket that nobody else
 * asks for: no other process of the machine notices.
 */
#include "tools/writ/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BTF_FILE   "/sys/kernel/btf/vmlinux"
#define BTF_MAX    (64u << 20)
#define HOOK       "bpf_lsm_socket_create" /* (family, type, protocol, kern) */
#define PROTOCOL   0x57524954              /* no family has it */
#define ARG(i)     ((i)*8)
#define ENUM64     19 /* newer than Debian 12's headers */
#define ENUM64_LEN 12

/* All of @path in memory, its length in *ret_len; NULL: errno says why not. */
static char *file_read(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *p = fd < 0 ? NULL : malloc(BTF_MAX);
	ssize_t n = 1;

	for (*ret_len = 0; p != NULL && n > 0 && *ret_len < BTF_MAX; *ret_len += (size_t)n) {
		n = read(fd, p + *ret_len, BTF_MAX - *ret_len);
		if (n < 0) {
			free(p);
			p = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return p;
}

/* How many bytes follow the description of a type. */
static size_t type_more(const struct btf_type *t)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG: return sizeof(uint32_t);
	case BTF_KIND_ARRAY: return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM: return n * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO: return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC: return n * sizeof(struct btf_var_secinfo);
	case ENUM64: return n * ENUM64_LEN;
	default: return 0;
	}
}

/* The number of function @name in the kernel's own types @btf of @len bytes; 0: it isn't there. */
static uint32_t function_id(const char *btf, size_t len, const char *name)
{
	const struct btf_header *h = (const void *)btf;
	size_t types, strings, at, id = 1;

	if (len < sizeof(*h) || h->magic != BTF_MAGIC)
		return 0;
	types = (size_t)h->hdr_len + h->type_off;
	strings = (size_t)h->hdr_len + h->str_off;
	if (types + h->type_len > len || strings + h->str_len > len)
		return 0;
	for (at = types; at + sizeof(struct btf_type) <= types + h->type_len; id++) {
		const struct btf_type *t = (const void *)(btf + at);

		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC && t->name_off < h->str_len &&
		    strncmp(btf + strings + t->name_off, name, h->str_len - t->name_off) == 0)
			return (uint32_t)id;
		at += sizeof(*t) + type_more(t);
	}
	return 0;
}

/* A program for function @id that refuses sockets of PROTOCOL. */
static int load(uint32_t id)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW,
		    .dst_reg = BPF_REG_2,
		    .src_reg = BPF_REG_1,
		    .off = ARG(2) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP32 | BPF_JNE | BPF_K,
		    .dst_reg = BPF_REG_2,
		    .off = 1,
		    .imm = PROTOCOL },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -EPERM },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_LSM;
	attr.expected_attach_type = BPF_LSM_MAC;
	attr.attach_btf_id = id;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(code[0]);
	attr.license = (uint64_t)(uintptr_t) "Dual MIT/GPL";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Whether a socket of PROTOCOL is refused. */
static bool refuses(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, PROTOCOL);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EPERM;
}

static int probe_lsm(struct finding *f, const void *arg)
{
	union bpf_attr attr;
	size_t len;
	char *btf = file_read(BTF_FILE, &len);
	uint32_t id = btf != NULL ? function_id(btf, len, HOOK) : 0;
	int prog, link;
	bool stops;

	(void)arg;
	free(btf);
	if (id == 0)
		return finding_fail(f, 0, "the kernel names no such hook in " BTF_FILE);
	prog = load(id);
	if (prog < 0)
		return finding_fail(f, errno, "loading a program");
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = (uint32_t)prog;
	link = (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
	if (link < 0) {
		(void)finding_fail(f, errno, "attaching it");
		close(prog);
		return -1;
	}
	stops = refuses();
	close(link);
	close(prog);
	if (!stops)
		return finding_fail(f, 0, "the program refuses nothing");
	if (refuses())
		return finding_fail(f, 0, "a program that was removed still refuses");
	return finding_ok(f, "a program on a hook refuses a socket (not used yet)");
}

const struct probe doctor_lsm[] = {
	{ "bpf_lsm", "eBPF on LSM hooks", false,
	    "no third line behind the filter and the namespaces", probe_lsm, NULL },
	{ 0 },
};
