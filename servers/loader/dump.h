/* SPDX-License-Identifier: MIT */
/*
 * A distribution of capabilities as text (docs/dump.md), in memory: what `writ
 * caps --dump` writes and the loader reads. Numbers in here are positions in the
 * arrays plus one; 0 is none. Trusts nothing of a text; makes no kernel call.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <writ/abi.h>

#define DUMP_FIRST    "writ-dump 1" /* the first line */
#define DUMP_NAME_MAX 96            /* of an object in the text, with its NUL */
#define DUMP_WHY_MAX  320
#define DUMP_OBJS_MAX (1u << 18)
#define DUMP_CAPS_MAX (1u << 20)

struct dump_obj {
	char name[DUMP_NAME_MAX];
	uint16_t type;
	bool boot; /* made by the kernel at boot: told by its type and text */
	bool held, hashed;
	unsigned line;
	uint32_t from;   /* the Untyped that pays for it, where that is part of the distribution */
	uint32_t ref[3]; /* other objects, as the table says */
	uint64_t n[5];
	char text[WRIT_PREFIX_MAX];
	uint8_t sha256[32];
};

struct dump_cap {
	uint32_t cnode, obj, parent; /* the last is a capability */
	uint32_t rights, index;
	uint64_t badge;
	uint32_t guard, guard_bits;
	unsigned line;
};

struct dump {
	struct dump_obj *objs;
	struct dump_cap *caps;
	uint32_t nobjs, ncaps;
	uint32_t *by_name;         /* objects by name */
	struct dump_cap **by_slot; /* capabilities by CNode and index */
};

/* How an attribute of an object is written and where it lies. */
enum dump_kind {
	DUMP_NUMBER,
	DUMP_REF,
	DUMP_TEXT,
	DUMP_FLAG,
	DUMP_CLASS,
	DUMP_PROFILE,
	DUMP_CLASSES,
	DUMP_PROFILES,
	DUMP_HASH,
};
struct dump_attr {
	uint16_t type; /* enum writ_type */
	uint16_t to;   /* DUMP_REF: the type that it leads to */
	enum dump_kind kind;
	const char *key;
	size_t at;     /* in struct dump_obj */
	bool optional; /* absent: 0 */
	uint64_t max;  /* DUMP_NUMBER */
};
/* All attributes, in the order in which they are written; ends with key NULL. */
extern const struct dump_attr dump_attrs[];

/* Which fields hold what, by type. */
enum {
	DUMP_OF = 0,       /* ref: a CNode's Proc, a SchedContext's Proc */
	DUMP_ENDPOINT = 0, /* a Path's */
	DUMP_REALM = 0,    /* a Proc's, a Spawn's */
	DUMP_IMAGE = 1,    /* a Proc's */
	DUMP_WITHIN = 1,   /* a Spawn's */
	DUMP_ACCOUNT = 0,  /* a Realm's */
	DUMP_HOST = 1,     /* a Realm's */
};

/* Read @len bytes at @text. Returns 0, or a negated error with "LINE: reason" in @why. */
int dump_parse(struct dump *d, const char *text, size_t len, char why[DUMP_WHY_MAX]);
void dump_free(struct dump *d);
/* Write it. Returns 0, or -1 when @out doesn't take it. */
int dump_print(const struct dump *d, FILE *out);
/* The object @name; 0: none. */
uint32_t dump_find(const struct dump *d, const char *name);
/* Images that the node is to be given as files, in their order: a Memory of its own holds them. */
bool dump_uploaded(const struct dump_obj *o);
#define DUMP_MODULE ".dump" /* boot module: the text */
#define DUMP_IMAGES_MODULE \
	".images" /* DUMP_IMAGES_HEAD, then the bytes of each of these images \
		   */
#define DUMP_IMAGES_HEAD "writ-images 1\n\n" /* 16 bytes with its NUL */
