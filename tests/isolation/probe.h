/* SPDX-License-Identifier: MIT */
/*
 * What the isolation tests and their probe say to each other. The probe is a
 * static program that does what it is told over its gate and tells how it went.
 */
#pragma once
#include <stdint.h>

enum probe_op {
	PROBE_CALL,    /* a system call, arguments as they are */
	PROBE_CALL32,  /* the same through int $0x80 */
	PROBE_TOUCH,   /* allocate arg[0] bytes and write to each page: 0 or -ENOMEM */
	PROBE_FLOOD,   /* write arg[0] bytes to stdout: how many went, or -errno if none */
	PROBE_THREAD,  /* start a thread and join it: 0 or -errno */
	PROBE_ENVIRON, /* number of environment strings */
	PROBE_ARGC,    /* number of arguments; data: the first */
	PROBE_STRETCH, /* make a page of the stack arg[0] bytes long: 0 or -errno */
	PROBE_ENGULF,  /* executable memory by every way there is: number of ways that worked */
};

struct probe_req {
	uint32_t op, nr;
	uint64_t arg[6];
	char data[64]; /* put at probe_rep.scratch first */
};

struct probe_rep {
	int64_t ret;      /* of a call: result or -errno */
	uint64_t scratch; /* where 256 bytes lie that calls may use */
	char data[256];   /* those, after the call */
};
