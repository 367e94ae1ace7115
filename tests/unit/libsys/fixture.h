/* SPDX-License-Identifier: MIT */
/* What the tests of libsys share: seeds, small procs with a gate. */
#pragma once
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
#include <writ/gate.h>

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

/* Inside a forked proc: say what is wrong and end; the parent sees the status. */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			_exit(99); \
		} \
	} while (0)

/* A seed from WRIT_SEED or the clock, printed, so that a failure can be had again. */
uint64_t seed_new(const char *what);
uint64_t rnd(uint64_t *seed);

/*
 * Fork a proc whose fd 3 is @gate (taken); it runs @fn(@arg) and exits with
 * what that returns. Dies with its parent. Returns the pid.
 */
pid_t proc_fork(int gate, int (*fn)(void *arg), void *arg);
/* Wait for it. Returns its exit status, or 1000 + signal. */
int proc_join(pid_t pid);

/* A gate: [0] the kernel's end, [1] the proc's. */
void gate_pair(int fd[2]);

/* The kernel's words: one packet to a proc; one of its packets. */
void kernel_say(int gate, const struct writ_hdr *h, const void *body, const int *fds);
/* Returns false when the proc is gone. *ret_fd: the first descriptor that came, or -1. */
bool kernel_hear(int gate, struct writ_hdr *h, void *body, size_t size, int *ret_fd);
/* EV_BEGIN with a start record. */
struct start_buf;
void kernel_begin(int gate, const struct start_buf *s);

Suite *start_suite(void);
Suite *gate_suite(void);
Suite *fssrv_suite(void);
Suite *session_suite(void);
Suite *names_suite(void);
