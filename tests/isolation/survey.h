/* SPDX-License-Identifier: MIT */
/*
 * What a proc is and holds, looked at from the host through /proc. Each aspect
 * is one step's work: it is fine in a whole sandbox, and not where that step is
 * left out.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct survey_want {
	uint32_t uid;      /* 0: any that is not root's */
	const char *realm; /* its hostname; NULL: any but the host's */
};

struct survey_aspect {
	const char *step; /* of the sandbox; "namespaces" is none of them */
	const char *words;
	int (*fine)(pid_t pid, const struct survey_want *w); /* 1, or 0 */
};
extern const struct survey_aspect survey_aspects[];
extern const unsigned survey_naspects;

/* Entries of the directory @path other than "." and "..", as "a b c"; "-" when it can't be read;
 * static storage. */
const char *survey_entries(const char *path);

/* "/proc/@pid/@rest"; static storage. */
const char *survey_path(pid_t pid, const char *rest);

/* Run @look inside the namespace @ns ("ns/net") of @pid; what it returns (0..254), 255 for an
 * error. */
int survey_inside(pid_t pid, const char *ns, int (*look)(const struct survey_want *w),
    const struct survey_want *w);
