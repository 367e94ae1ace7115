/* SPDX-License-Identifier: MIT */
/* The test of the kernel's objects: what its cases share, and their order. */
#include "objects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct answer ask(unsigned op, uint32_t cap, uint64_t arg, const void *req, size_t len)
{
	struct writ_hdr h = { .op = (uint16_t)op, .cap = cap, .arg = arg, .len = (uint16_t)len };
	int status = writ_gate_call(&h, req, NULL, NULL, 0, NULL);

	return (struct answer){ status, h.missing, h.arg, h.len };
}

struct writ_addr at(uint32_t root, uint64_t index, uint32_t bits)
{
	return (struct writ_addr){ .index = index, .root = root, .depth = bits };
}

struct writ_addr own(uint64_t index)
{
	return (struct writ_addr){ .index = index };
}

int type_at(struct writ_addr a)
{
	struct writ_cap_req r = { .src = a };
	struct writ_hdr h = { .op = WRIT_OP_INSPECT, .len = sizeof(r) };
	struct writ_cap_info info;

	return writ_gate_call(&h, &r, NULL, &info, sizeof(info), NULL) == 0 ? info.type : -1;
}

struct writ_proc_row stat_of(writ_cap_t proc)
{
	struct writ_proc_row row = { 0 };

	if (writ_proc_stat(proc, &row) != 0)
		row.state = WRIT_STATE_N;
	return row;
}

bool gets_to(writ_cap_t proc, unsigned state)
{
	for (unsigned i = 0; i < 250 && stat_of(proc).state != state; i++)
		nap_ms(20);
	return stat_of(proc).state == state;
}

bool untyped(uint32_t dst, uint64_t bytes, uint32_t slots, uint32_t procs)
{
	return writ_retype_untyped(WRIT_BOOT_UNTYPED, dst,
		   (struct writ_quota){ bytes, slots, procs }) == 0;
}

static int child_mode(const char *mode)
{
	if (strncmp(mode, "mem", 3) == 0)
		return memory_child(mode);
	if (strncmp(mode, "dep", 3) == 0)
		return deputy_child(mode);
	if (strcmp(mode, "million") == 0)
		return million_child();
	return objects_child(mode);
}

int writ_main(int argc, char **argv)
{
	struct writ_quota_rep before, after;

	if (writ_self()->parent != 0)
		return child_mode(argc > 1 ? argv[1] : "nap");
	image = writ_named_cap(WRIT_TYPE_IMAGE, "root");
	check(realm_new(ACCOUNT, REALM, SPAWN, "objects",
		  (struct writ_quota){ 1 << 28, 20000, 64 }) &&
		untyped(UT, 1 << 28, 40000, 64) && writ_quota_read(UT, &before) == 0,
	    "a realm, and an Untyped");
	test_cnodes();
	test_retype();
	test_random();
	test_memory();
	test_procs();
	test_contexts();
	test_deputy();
	if (writ_named_cap(WRIT_TYPE_IMAGE, "million") != 0)
		test_million();
	test_rights();
	check(used_again(UT, &before, &after) && after.used.bytes == 0 && after.used.slots == 0,
	    "quota in = quota out");
	plan();
	return 0;
}
