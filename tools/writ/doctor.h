/* SPDX-License-Identifier: MIT */
/*
 * writ doctor: every layer of the sandbox is tried by using it, in children and
 * groups that are gone afterwards. A list in /proc or /sys proves nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a probe found: what there is, or what went wrong. */
struct finding {
	char text[256];
};

struct probe {
	const char *key;   /* in JSON */
	const char *layer; /* for people */
	bool needed;       /* without it no node runs */
	const char *cost;  /* what its absence costs */
	/* Returns 0 when the layer works, else -1; says in @f what it is or why not. */
	int (*run)(struct finding *f, const void *arg);
	const void *arg;
};

/* The probes of each file; the list ends with a key of NULL. */
extern const struct probe doctor_ns[], doctor_seccomp[], doctor_file[], doctor_cgroup[],
    doctor_guard[];

/* Can @dir (a path) be lent with its owner mapped? A probe of its own, for each folder asked about.
 */
int doctor_idmap(struct finding *f, const void *dir);

/* Say why not. Returns -1. With an @err that isn't 0, its text is put behind. */
int finding_fail(struct finding *f, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Say what there is. Returns 0. */
int finding_ok(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A child that tries something. */
struct trial {
	uint64_t flags;  /* CLONE_NEW... */
	const char *map; /* uid_map and gid_map of CLONE_NEWUSER; NULL: none */
	int (*fn)(struct finding *f, void *arg); /* as a probe's */
	void *arg;
	pid_t pid;  /* filled in: the child's, for trial_wait()'s caller */
	int signal; /* filled in: what ended it, or 0 */
};

/*
 * Run t->fn in a child, for at most 5 s. Returns what it returned with its
 * finding, or -1 when the child could not be made or was ended by t->signal.
 */
int trial_run(struct trial *t, struct finding *f);

/*
 * Make a group of the doctor's own where @controller is (NULL: in v2), its path
 * in @path. *ret_v2 says of which kind. Returns 0, or -1 and the finding.
 */
int doctor_group_make(struct finding *f, const char *controller, char *path, size_t size,
    bool *ret_v2);
void doctor_group_remove(const char *path);
/* Put the caller into it. Returns 0 or -errno. */
int doctor_group_enter(const char *path);

/* Write @text to the file @path. Returns 0 or -errno. */
int doctor_write(const char *path, const char *text);
