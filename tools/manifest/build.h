/* SPDX-License-Identifier: MIT */
/*
 * The pieces that both kinds of manifest are made of: checked words from the
 * schema's structs, copied into messages that the caller frees as a whole. They
 * return 0, or -1 and d->err; what was made so far hangs in the message.
 */
#pragma once
#include "tools/manifest/schema.h"
#include "tools/manifest/text.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

enum { BUILD_NAMES_MAX = 256, BUILD_AT_MAX = DOC_PATH_MAX - 32 };

/* Zeroed memory that the message's free function will free. NULL: d->err says so. */
void *build_alloc(struct doc *d, size_t count, size_t size);
int build_text(struct doc *d, char **ret, const char *s);
/* A name as text_name_fault() wants it. */
int build_name(struct doc *d, const char *at, const char *key, const char *s, char **ret);
int build_args(struct doc *d, const char *at, char *const *args, unsigned n, char ***ret,
    size_t *ret_n);

/* A size or a number of cores that was written at @at.@key, or @s NULL: *ret stays. */
int build_size(struct doc *d, const char *at, const char *key, const char *s, uint64_t min,
    uint64_t *ret);
int build_cores(struct doc *d, const char *at, const char *key, const char *s, uint32_t *ret);
int build_procs(struct doc *d, const char *at, const char *key, uint32_t n, uint32_t *ret);

/* Limits at @at ("procs[0].limits"); @y may be NULL. *ret begins as *@defaults. */
int build_limits(struct doc *d, const char *at, const struct y_limits *y,
    const Writ__Manifest__Limits *defaults, Writ__Manifest__Limits **ret);
/* What a proc or a server gets that says nothing. */
extern const Writ__Manifest__Limits build_proc_limits;

/* Names that must be unique and can be referred to. @kind: "image". */
struct names {
	const char *kind;
	unsigned n;
	struct {
		const char *name;
		unsigned line;
	} v[BUILD_NAMES_MAX];
};
/* Take in the name @s, said at @at.@key; refuse it when it is taken. */
int names_add(struct doc *d, struct names *t, const char *at, const char *key, const char *s);
/* Refuse @s, said at @at.@key, unless it is in; suggest the nearest, or list them. */
int names_want(struct doc *d, const struct names *t, const char *at, const char *key,
    const char *s);

/* "read, write" for a sentence. */
const char *build_rights(char buf[TEXT_SHORT * 2], uint32_t rights);
