/* SPDX-License-Identifier: MIT */
/*
 * cli-deny RULE[,RULE...] PROGRAM ARGUMENT...: run a program to which some
 * system calls are refused with EPERM, as if the kernel had not got them.
 *
 *   NAME         any such call            NAME&BITS    its first argument has all BITS
 *   NAME=VALUE   its first argument is VALUE
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int rule(scmp_filter_ctx ctx, char *text)
{
	char *op = strpbrk(text, "=&");
	char kind = op != NULL ? *op : '\0';
	uint64_t v = op != NULL ? strtoull(op + 1, NULL, 0) : 0;
	int nr;

	if (op != NULL)
		*op = '\0';
	nr = seccomp_syscall_resolve_name(text);
	if (nr == __NR_SCMP_ERROR)
		return -1;
	if (kind == '\0')
		return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 1,
	    kind == '=' ? SCMP_A0(SCMP_CMP_EQ, v) : SCMP_A0(SCMP_CMP_MASKED_EQ, v, v));
}

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	char *t;

	if (argc < 3 || ctx == NULL)
		return 64;
	while ((t = strsep(&argv[1], ",")) != NULL) {
		if (rule(ctx, t) != 0) {
			fprintf(stderr, "cli-deny: bad rule %s\n", t);
			return 64;
		}
	}
	/* no_new_privs stays unset: the program may look at it */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) != 0 || seccomp_load(ctx) != 0) {
		perror("cli-deny");
		return 71;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 71;
}
