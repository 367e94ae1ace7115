/* SPDX-License-Identifier: MIT */
/* What the tests of manifests share: a folder of their own, files in it, a good manifest. */
#pragma once
#include <check.h>
#include "tools/manifest/manifest.h"

/*
 * A folder that is removed again by fixture_end(); bin/a and bin/b in it are
 * tiny static programs. For unchecked fixtures: those end even if a test fails.
 */
void fixture_begin(void);
void fixture_end(void);
/* Its path, or that of @name in it. Static storage, overwritten by the fourth call after. */
const char *fixture_path(const char *name);
void fixture_write(const char *name, const void *data, size_t len, unsigned mode);
/* Zeroed memory; never NULL. */
void *fixture_alloc(size_t size);
/* A static program of 120 bytes at @name; folders on the way are made. */
void fixture_elf(const char *name);

/* Load @yaml as "m.yaml". Returns 0 or -1 and *e; what was loaded is freed. */
int fixture_realm(const char *yaml, const Writ__Manifest__Node *node, struct manifest_error *e);
int fixture_node(const char *yaml, struct manifest_error *e);

/* A row of "this is wrong": where the error must point to, and a part of its sentence. */
struct wrong {
	const char *yaml;
	unsigned line, column;
	const char *needle;
};
void fixture_wrong(const struct wrong *w, int (*load)(const char *, struct manifest_error *));

extern const char fixture_good[], fixture_good_node[];

Suite *suite_wrong(void);
Suite *suite_node(void);
Suite *suite_good(void);
Suite *suite_image(void);
Suite *suite_bytes(void);
Suite *suite_docs(void);
