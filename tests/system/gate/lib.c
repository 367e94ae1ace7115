/* SPDX-License-Identifier: MIT */
/* What the kernel's test programs share: cases, spawning, waiting, a realm, quota in = out. */
#include "gate.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

writ_cap_t image;
static unsigned cases;

void check(bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", ok ? "" : "not ", ++cases);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

int call(unsigned op, uint32_t cap, uint64_t arg, const void *req, size_t len)
{
	struct writ_hdr h = { .op = (uint16_t)op, .cap = cap, .arg = arg, .len = (uint16_t)len };

	return writ_gate_call(&h, req, NULL, NULL, 0, NULL);
}

int64_t spawn_with(uint32_t cap, uint32_t dst, const char *mode, const struct give *g, unsigned n,
    struct writ_spawn_req r)
{
	struct {
		struct writ_spawn_req r;
		char rest[WRIT_GRANTS_MAX * sizeof(struct writ_grant) + WRIT_BLOB_MAX];
	} m;
	struct writ_hdr h = { .op = WRIT_OP_SPAWN, .cap = cap };
	struct start_buf s;
	int e;

	start_init(&s);
	start_arg(&s, mode);
	start_name(&s, WRIT_TYPE_CNODE, "cspace", 0, 6);
	r.dst.index = dst;
	r.ngrants = (uint8_t)n;
	r.blob = (uint32_t)s.len;
	snprintf(r.name, sizeof(r.name), "%s", mode);
	m.r = r;
	if (n > 0)
		memcpy(m.rest, g, n * sizeof(*g));
	memcpy(m.rest + n * sizeof(*g), s.data, s.len);
	h.len = (uint16_t)(sizeof(r) + n * sizeof(*g) + s.len);
	e = writ_gate_call(&h, &m, NULL, NULL, 0, NULL);
	return e != 0 ? e : (int64_t)h.arg;
}

int64_t spawn(uint32_t dst, const char *mode, const struct give *g, unsigned n)
{
	return spawn_with(SPAWN, dst, mode, g, n,
	    (struct writ_spawn_req){ .image = image, .memory = 64 << 20, .log_max = 1 << 20 });
}

int start(uint32_t pid)
{
	return call(WRIT_OP_START, WRIT_BOOT_SCHED, pid, NULL, 0);
}

int64_t run(uint32_t dst, const char *mode, const struct give *g, unsigned n)
{
	int64_t pid = spawn(dst, mode, g, n);

	return pid < 0 ? pid : start((uint32_t)pid) != 0 ? -1 : pid;
}

int wait_for(uint32_t proc, unsigned what, struct writ_exit *ret)
{
	struct writ_hdr h = { .op = WRIT_OP_WAIT, .cap = proc, .arg = what };
	struct {
		struct writ_wait_rep r;
		char said[WRIT_STATUS_MAX];
	} m = { 0 };
	int e = writ_gate_call(&h, NULL, NULL, &m, sizeof(m), NULL);

	*ret = (struct writ_exit){ .state = m.r.state,
		.code = m.r.code,
		.cpu_ns = m.r.cpu_ns,
		.rss_max = m.r.rss_max,
		.len = m.r.said };
	memcpy(ret->said, m.said, m.r.said);
	return e;
}

struct writ_exit once(const char *mode, const struct give *g, unsigned n)
{
	struct writ_exit e = { 0 };
	int64_t pid = run(SCRATCH, mode, g, n);

	if (pid < 0)
		e.code = (int32_t)pid;
	else
		wait_for(SCRATCH, WRIT_WAIT_EXIT, &e);
	writ_cap_delete(SCRATCH);
	return e;
}

bool realm_new(uint32_t account, uint32_t realm, uint32_t spawncap, const char *name,
    struct writ_quota max)
{
	struct writ_realm_req r = { .dst = { .index = realm }, .account = account };
	struct writ_spawncap_req s = { .dst = { .index = spawncap },
		.classes = 3,
		.profiles = 1 << WRIT_PROFILE_NATIVE,
		.procs = max.procs,
		.cores = 1000,
		.memory = (uint64_t)1 << 40 };

	snprintf(r.name, sizeof(r.name), "%s", name);
	return writ_retype_untyped(WRIT_BOOT_UNTYPED, account, max) == 0 &&
	    writ_realm_create(WRIT_BOOT_UNTYPED, &r) == 0 && writ_spawncap_derive(realm, &s) == 0;
}

bool used_again(uint32_t account, const struct writ_quota_rep *before, struct writ_quota_rep *now)
{
	for (unsigned i = 0; i < 100 * test_scale(); i++) {
		if (writ_quota_read(account, now) == 0 &&
		    memcmp(&before->used, &now->used, sizeof(now->used)) == 0)
			return true;
		nap_ms(20);
	}
	return false;
}

void nap_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
}

void plan(void)
{
	printf("1..%u\n", cases);
}

unsigned test_scale(void)
{
	uint32_t rights;
	const char *name;
	writ_cap_t slot;
	unsigned type;

	for (unsigned i = 0; writ_named_each(i, &type, &name, &slot, &rights); i++)
		if (type == WRIT_TYPE_IMAGE && strncmp(name, "scale-", 6) == 0)
			return (unsigned)strtoul(name + 6, NULL, 10);
	return 1;
}
