/* SPDX-License-Identifier: MIT */
/*
 * Follows log files of procs and copies what they grow by to one stream. What a
 * proc wrote is hostile: on a terminal its control characters are made safe.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TAIL_LINE_MAX 4096
#define TAIL_ROUND_MAX \
	(1 << 20) /* bytes of one file that are copied before the next has its turn */

enum tail_flags {
	TAIL_PREFIX = 1, /* put "name| " before each line */
	TAIL_SAFE = 2,   /* the stream is a terminal */
};

struct tail_file {
	uint64_t key;            /* the caller's */
	char name[64], path[32]; /* path below the folder */
	int fd;                  /* -1: not there yet */
	bool ended;              /* closed for good */
	uint64_t offset;
	size_t used; /* bytes of an unfinished line */
	char line[TAIL_LINE_MAX];
};

struct tail {
	int dir, inotify;
	unsigned flags;
	FILE *out;
	bool broken; /* @out takes no more */
	struct tail_file **files;
	size_t nfiles;
};

/* Set up to follow files of folder @dir on @out. Returns 0 or -errno. */
int tail_init(struct tail *t, const char *dir, FILE *out, unsigned flags);
void tail_fini(struct tail *t);

/*
 * Follow @path, now or when it appears; nothing happens when @key is followed
 * already. @last: begin so many bytes before its end (UINT64_MAX: at its
 * beginning). Returns 0 or -errno (-EACCES among them; a missing file is none).
 */
int tail_add(struct tail *t, uint64_t key, const char *path, const char *name, uint64_t last);

/* Copy what is new. Returns true when a file has more still. */
bool tail_pump(struct tail *t);

/* The writer of @key has ended: copy the rest and let go of the file. */
void tail_end(struct tail *t, uint64_t key);

/* Wait until a file may have grown, at most @ms, or until a signal. */
void tail_wait(struct tail *t, int ms);
