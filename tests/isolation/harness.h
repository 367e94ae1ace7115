/* SPDX-License-Identifier: MIT */
/*
 * Runs the probe in a real nest. Everything here fails the running test by
 * harness_fail() when it can't do its part, and everything started ends with the
 * test process.
 */
#pragma once
#include <stddef.h>
#include "kernel/nest.h"
#include "probe.h"

struct probe {
	uint32_t id;
	int gate, pidfd; /* pidfd -1: did not start */
	pid_t pid;       /* as the host sees it */
	uint64_t scratch;
	struct nest_event end; /* what: NEST_EXITED or NEST_FAILED once it has ended */
};

/* End the running test as failed, with these words: Check's or the engine's. */
_Noreturn void harness_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Steps that the next nest leaves out, as in "filter landlock"; NULL: none. For controls. */
extern const char *harness_skip;

/* @ms, on a machine that WRIT_TEST_SCALE says is so many times slower than others. */
int harness_ms(int ms);
/* How long something is watched that is watched for @ms on others: longer, but not as many times.
 */
int harness_while(int ms);

/*
 * A new empty folder below the run's own, in @buf of @size bytes; returns @buf.
 * harness_begin() makes that, harness_clean() removes it with all that failed tests left.
 */
const char *harness_folder(char *buf, size_t size);
void harness_begin(void);
void harness_clean(void);

/* Remove a folder with all that is in it. */
void harness_remove(const char *path);

/* The name of the run's node in cgroups. */
const char *harness_node(void);

/* A nest with @profile for realm @realm, whose procs run as host user @uid. Ready to take orders.
 */
struct nest harness_nest(unsigned profile, const char *realm, uint32_t uid);

/* The same in that group of the cgroups that cgroup_init() was given. */
struct nest harness_nest_in(unsigned profile, const char *realm, uint32_t uid, const char *cgroup);

/* Wait for the next event, 10 s at most. Returns 1, or -errno when the nest is gone. */
int harness_event(const struct nest *n, struct nest_event *e, int *ret_pidfd);

/* An order for the probe with everything set as usual. */
struct nest_order harness_order(const char *name);

/* A sealed memfd with the program @name from the folder of the test program. */
int harness_image(const char *name);
int harness_image_at(const char *path);

/* Start @image, a descriptor that stays the caller's, as @o says; the probe is but one of them. */
struct probe harness_start(const struct nest *n, struct nest_order o, int image, int log);

/* Start the probe. @log: descriptor for its output, or -1. */
struct probe harness_probe(const struct nest *n, struct nest_order o, int log);

/* Have @p do something. Returns 1, or 0 when it died of it (@p->end tells how). */
int harness_ask(const struct nest *n, struct probe *p, const struct probe_req *q,
    struct probe_rep *r);

/* A system call in the probe; fails the test when the probe dies of it. */
int64_t harness_call(const struct nest *n, struct probe *p, uint32_t nr, const uint64_t arg[6]);

/* Another request with one argument; fails the test when the probe dies of it. */
int64_t harness_do(const struct nest *n, struct probe *p, enum probe_op op, uint64_t arg);

/* End the probe by closing its gate, and take its last event. */
void harness_end(const struct nest *n, struct probe *p);

/* Kill the nest and reap it. */
void harness_fini(struct nest *n);

/* The last lines of file @fd, as comments in TAP. */
void harness_tail(int fd);

/* The value of @key in /proc/@pid/@file ("status", "NoNewPrivs"), without space; static storage;
 * NULL when it isn't there. */
const char *harness_proc(pid_t pid, const char *file, const char *key);

/* Whether process @pid is there and no zombie. */
int harness_alive(pid_t pid);
