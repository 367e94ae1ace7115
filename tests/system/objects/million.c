/* SPDX-License-Identifier: MIT */
/*
 * A realm revokes what a million capabilities were derived from; meanwhile a proc
 * of another realm asks the kernel for something small, again and again.
 */
#include "objects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	EP = AREA,
	STOP,
	OTHER,
	OTHER_ACCOUNT,
	OTHER_REALM,
	OTHER_SPAWN,
	UNTYPED,
	CNODES = AREA + 16,
	BITS = 16,
	COUNT = 16,
	AHEAD = 64,
	SAMPLES = 1 << 22
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* p50, p99 and the longest, us. */
static void summary(uint32_t *ns, unsigned n, unsigned v[3])
{
	qsort(ns, n, sizeof(*ns), by_size);
	v[0] = ns[n / 2] / 1000;
	v[1] = ns[(uint64_t)n * 99 / 100] / 1000;
	v[2] = ns[n - 1] / 1000;
}

/* Calls until @end, or until slot 1 is empty. Returns how many. */
static unsigned calls(uint32_t *ns, uint64_t end)
{
	struct writ_cap_info info = { .type = WRIT_TYPE_ENDPOINT };
	unsigned n = 0;

	while (n < SAMPLES && info.type != WRIT_TYPE_NULL && now_ns() < end) {
		uint64_t t = now_ns();

		if (writ_cap_inspect(1, &info) != 0)
			return 0;
		ns[n++] = (uint32_t)(now_ns() - t);
	}
	return n;
}

int million_child(void)
{
	uint32_t *ns = malloc(SAMPLES * sizeof(*ns)); /* until the end */
	unsigned quiet[3], busy[3], n = ns != NULL ? calls(ns, now_ns() + 500000000u) : 0;
	char text[120];

	if (n == 0)
		exit(1);
	summary(ns, n, quiet);
	writ_started();
	n = calls(ns, UINT64_MAX);
	if (n == 0)
		exit(2);
	summary(ns, n, busy);
	snprintf(text, sizeof(text), "%u %u %u %u %u %u %u", quiet[0], quiet[1], quiet[2], busy[0],
	    busy[1], busy[2], n);
	writ_exited(0, text, strlen(text));
}

/* Copies in all slots; many are asked for before the first answer is read. */
static bool derive_all(void)
{
	struct writ_hdr h;
	unsigned sent = 0, got = 0, all = COUNT << BITS;
	bool good = true;

	while (got < all && good) {
		struct writ_cap_req r = { .src = own(EP),
			.dst = at(CNODES + (sent >> BITS), sent & ((1u << BITS) - 1), BITS) };

		if (sent < all && sent - got < AHEAD) {
			h = (struct writ_hdr){ .op = WRIT_OP_COPY, .len = sizeof(r) };
			good = writ_gate_send(&h, &r, NULL) > 0;
			sent += good;
			continue;
		}
		while (got < sent && writ_gate_poll_reply(&h, NULL, 0) == 1) {
			good = good && h.status == 0;
			got++;
		}
	}
	return good;
}

void test_million(void)
{
	struct give g[] = { { STOP, 1, WRIT_R_READ } };
	struct writ_spawn_req r = { .image = image,
		.class = WRIT_CLASS_LC,
		.cores = 500,
		.memory = 64 << 20,
		.log_max = 4096 };
	unsigned v[7] = { 0 };
	struct writ_exit e = { 0 };
	uint64_t t, took;
	int64_t pid;

	check(realm_new(OTHER_ACCOUNT, OTHER_REALM, OTHER_SPAWN, "other",
		  (struct writ_quota){ 1 << 24, 4096, 4 }),
	    "another realm");
	t = now_ns();
	check(untyped(UNTYPED, (uint64_t)1 << 27, (COUNT << BITS) + 64, 0) &&
		writ_retype(UNTYPED, WRIT_TYPE_ENDPOINT, own(EP), 2, (struct writ_quota){ 0 }) ==
		    0 &&
		writ_retype(UNTYPED, WRIT_TYPE_CNODE, own(CNODES), COUNT,
		    (struct writ_quota){ 0, BITS, 0 }) == 0 &&
		derive_all(),
	    "%u capabilities derived from one", COUNT << BITS);
	printf("# in %llu ms\n", (unsigned long long)(now_ns() - t) / 1000000);
	pid = spawn_with(OTHER_SPAWN, OTHER, "million", g, 1, r);
	check(pid > 0 && call(WRIT_OP_START, WRIT_BOOT_SCHED, (uint64_t)pid, NULL, 0) == 0 &&
		wait_for(OTHER, WRIT_WAIT_START, &e) == 0 && e.state == WRIT_STATE_RUNNING,
	    "a proc of another realm calls the kernel");
	t = now_ns();
	check(writ_cap_revoke(EP) == 0 &&
		type_at(at(CNODES + COUNT - 1, (1 << BITS) - 1, BITS)) == WRIT_TYPE_NULL,
	    "all of them are revoked");
	took = now_ns() - t;
	writ_cap_revoke(STOP);
	wait_for(OTHER, WRIT_WAIT_EXIT, &e);
	sscanf(e.said, "%u %u %u %u %u %u %u", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]);
	printf("# revoke of %u: %llu ms; the other's calls p50/p99/max, us: quiet %u/%u/%u, "
	       "meanwhile %u/%u/%u (%u calls)\n",
	    (unsigned)COUNT << BITS, (unsigned long long)took / 1000000, v[0], v[1], v[2], v[3],
	    v[4], v[5], v[6]);
	check(v[6] > 100 && v[4] < 5000, "meanwhile the other's calls take less than 5 ms (p99)");
	writ_cap_revoke(OTHER_REALM);
	writ_cap_revoke(UNTYPED);
	for (writ_cap_t s = EP; s <= UNTYPED; s++)
		writ_cap_delete(s);
}
