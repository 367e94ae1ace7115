/* SPDX-License-Identifier: MIT */
/* See rules.h. */
#include "rules.h"

#include <bpf/bpf.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned cases, failed;

void check(const char *what, bool ok)
{
	failed += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", ++cases, what);
}

void skip(const char *what)
{
	printf("ok %u - %s # SKIP this Linux has no such layer\n", ++cases, what);
}

int check_end(void)
{
	printf("1..%u\n", cases);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void update(struct guard *g, const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(guard_map(g, map), key, value, BPF_ANY) != 0)
		err(EXIT_FAILURE, "map %s", map);
}

void set_mode(struct guard *g, enum guard_mode mode)
{
	struct guard_config c;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(guard_map(g, "config"), &zero, &c) != 0)
		err(EXIT_FAILURE, "config");
	c.mode = mode;
	c.generation++;
	update(g, "config", &zero, &c);
}
