/* SPDX-License-Identifier: MIT */
/*
 * A YAML file as a tree that remembers where everything was said. Owns the
 * refusal of files that are no sane YAML: too large, binary, aliases, tags,
 * deep nesting. Knows nothing of what a manifest means.
 *
 * Places are named by paths such as "procs[0].grants[2]"; "" is the whole file.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>
#include "tools/manifest/manifest.h"

enum {
	DOC_BYTES_MAX = 1 << 20,
	DOC_DEPTH_MAX = 12,
	DOC_NODES_MAX = 20000,
	DOC_PATH_MAX = 128,
};

struct doc {
	const char *file;
	unsigned char *bytes;
	size_t len;
	yaml_document_t yaml;
	bool loaded;                /* yaml is to be deleted */
	struct manifest_error *err; /* borrowed; where doc_bad() writes */
};

/* Read @file. Returns 0, or -1 and *err. @file and @err are borrowed until doc_fini(). */
int doc_load(struct doc *d, const char *file, struct manifest_error *err);
void doc_fini(struct doc *d);

/* The value at @base, or at key @key of it (unless NULL). NULL: there is none. */
const yaml_node_t *doc_find(const struct doc *d, const char *base, const char *key);
/* The line of that value or, where there is none, of what should contain it. */
unsigned doc_line(const struct doc *d, const char *base, const char *key);

/*
 * Write the error "file:line:column: base.key: TEXT" into d->err. The position
 * is that of the value; without one, that of what should contain it. Returns -1.
 */
int doc_bad(struct doc *d, const char *base, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same at the key itself: it is the key that doesn't belong there. */
int doc_bad_key(struct doc *d, const char *base, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same at @mark; @path may be "". */
int doc_bad_mark(struct doc *d, yaml_mark_t mark, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Returns -1: there is no memory left. */
int doc_oom(struct doc *d);

/* Join @base and @key into @buf ("a[0]" "b" -> "a[0].b"; @key may be NULL). Returns @buf. */
const char *doc_join(char buf[DOC_PATH_MAX], const char *base, const char *key);
