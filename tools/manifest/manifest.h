/* SPDX-License-Identifier: MIT */
/*
 * Manifests: YAML in, the checked message of manifest.proto out. Runs in the
 * operator's process (the writ command), with the operator's own rights; root
 * and the kernel never see YAML. docs/manifest.md describes every key.
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <writ/manifest.pb-c.h>

/*
 * Where and what is wrong, and what would be right, to be printed as
 * "f.yaml:12:5: procs[0].clas: unknown key; did you mean `class`?". Of a file
 * as a whole 1:1. No control characters.
 */
struct manifest_error {
	char file[256];
	unsigned line, column;
	char text[512];
};

/* Who is asked of the node it will run on: host folders by name; NULL: unknown, not checked. */
struct manifest_node {
	const Writ__Manifest__Node *node;
};

/*
 * Read a realm's manifest, its images included (paths are relative to the
 * manifest; each must be a static x86-64 ELF executable, and match its pin).
 * Returns 0 and *ret (free with manifest_realm_free()), or -1 and *err.
 */
int manifest_realm_load(const char *file, const struct manifest_node *n,
    Writ__Manifest__Realm **ret, struct manifest_error *err);
void manifest_realm_free(Writ__Manifest__Realm *r);

/* The same for a node's manifest. */
int manifest_node_load(const char *file, Writ__Manifest__Node **ret, struct manifest_error *err);
void manifest_node_free(Writ__Manifest__Node *n);

/* `writ check`: say in plain words what each proc may do. */
void manifest_realm_explain(FILE *out, const Writ__Manifest__Realm *r);

/*
 * SHA-256 of a file and its size; also says whether it is a static executable.
 * Returns 0, or -1 and *err (file, text; line and column 0).
 */
int manifest_image_probe(const char *path, uint8_t sha256[32], uint64_t *ret_size,
    struct manifest_error *err);
