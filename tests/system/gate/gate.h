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

/* The number of cases; at the very end. */
void plan(void);

struct give {
	uint32_t src, dst, rights;
};
extern writ_cap_t image; /* what spawn() runs */

/* Spawn the image with @mode as its argument, into slot @dst. Returns the pid or a negated error.
 */
int64_t spawn(uint32_t dst, const char *mode, const struct give *g, unsigned n);
/* The same by the Spawn in @cap, as @r says. */
int64_t spawn_with(uint32_t cap, uint32_t dst, const char *mode, const struct give *g, unsigned n,
    struct writ_spawn_req r);
int start(uint32_t pid);
/* Spawn and start. */
int64_t run(uint32_t dst, const char *mode, const struct give *g, unsigned n);
/* Run @mode to its end. */
struct writ_exit once(const char *mode, const struct give *g, unsigned n);
int wait_for(uint32_t proc, unsigned what, struct writ_exit *ret);
int call(unsigned op, uint32_t cap, uint64_t arg, const void *req, size_t len);

/* An Untyped of its own for a realm, and a Spawn of all that it may have. */
bool realm_new(uint32_t account, uint32_t realm, uint32_t spawncap, const char *name,
    struct writ_quota max);
/* Has what @account uses come back, within 2 s (times the scale), to what it was? */
bool used_again(uint32_t account, const struct writ_quota_rep *before, struct writ_quota_rep *now);
void nap_ms(unsigned ms);
/* WRIT_TEST_SCALE, which a module of root's tells by its name: "scale-8". 1 if there is none. */
unsigned test_scale(void);

/* --- of the gate's test alone --------------------------------------------------- */

/* What the spawned procs do; returns the exit code. */
int child_main(const char *mode);

/* The cases of other files. */
void test_audit(void);
void test_review(void);
