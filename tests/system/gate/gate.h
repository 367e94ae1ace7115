/* SPDX-License-Identifier: MIT */
/*
 * A first server that tests the kernel: it is booted in root's place, spawns
 * well-behaved and hostile procs of its own image, and prints TAP.
 */
#pragma once
#include <stdbool.h>
#include <writ/start.h>
#include <writ/writ.h>

enum { REALM = 100, SPAWN, ENDPOINT, ACCOUNT, PATH, SCRATCH = 200 };

/* One case: prints "ok" or "not ok". */
void check(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct give {
	uint32_t src, dst, rights;
};
/* Spawn the image with @mode as its argument, into slot @dst. Returns the pid, or a negated error;
 * *ret_e then says the same. */
int64_t spawn(uint32_t dst, const char *mode, const struct give *g, unsigned n);
int start(uint32_t pid);
/* Spawn and start. */
int64_t run(uint32_t dst, const char *mode, const struct give *g, unsigned n);
/* Run @mode to its end. */
struct writ_exit once(const char *mode, const struct give *g, unsigned n);
int wait_for(uint32_t proc, unsigned what, struct writ_exit *ret);
int call(unsigned op, uint32_t cap, uint64_t arg, const void *req, size_t len);

/* What the spawned procs do; returns the exit code. */
int child_main(const char *mode);

/* The cases of other files. */
void test_audit(void);
