/* SPDX-License-Identifier: MIT */
/* What realm.c and procs.c share while a realm's manifest is read. */
#pragma once
#include "tools/manifest/build.h"

struct load {
	struct doc d;
	const Writ__Manifest__Node *node; /* may be NULL */
	const struct y_realm *y;
	Writ__Manifest__Realm *r;
	struct names mounts, images, procs, services;
};

/* Check the procs with their grants and add them to l->r; mounts, images and limits are there. */
int realm_load_procs(struct load *l);

/* @part, said at @at.procs and so on, is within @whole (0: no limit), which @of names. */
int realm_within_procs(struct doc *d, const char *at, uint32_t part, uint32_t whole,
    const char *of);
int realm_within_memory(struct doc *d, const char *at, uint64_t part, uint64_t whole,
    const char *of);
int realm_within_cores(struct doc *d, const char *at, uint32_t part, uint32_t whole,
    const char *of);
