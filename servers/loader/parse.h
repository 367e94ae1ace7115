/* SPDX-License-Identifier: MIT */
/* Words and signs of one line of a dump: what parse.c is made of. Private to servers/loader/. */
#pragma once
#include "servers/loader/dump.h"

enum section { S_NONE, S_OBJECTS, S_CAPS, S_CNODE, S_TREE };

struct parse {
	struct dump *d;
	const char *at, *end; /* what is left of the line */
	unsigned line;
	bool names; /* the first time: only the objects' names and types */
	enum section section, last;
	uint32_t cnode;
	char *why;
};

/* Note why the line is refused. The error. */
int bad(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All but sign() return 0 or bad()'s; they pass blanks first. */
bool sign(struct parse *p, const char *s);
int need(struct parse *p, const char *s);
/* Letters, digits and "_.+-", as names and numbers are made of. */
int word(struct parse *p, char *buf, size_t size);
int number(struct parse *p, uint64_t max, uint64_t *ret);
/* In quotes; the rest of @buf is zeroed. */
int text(struct parse *p, char *buf, size_t size);
/* SHA-256, in hexadecimal digits. */
int digest(struct parse *p, uint8_t ret[32]);
/* @buf as one of @n words: its position in @ret. */
int choice(struct parse *p, const char *buf, unsigned n, const char *(*name)(unsigned x),
    uint64_t *ret);
/* "a+b", or "none", as bits; with @name NULL they are rights. */
int set(struct parse *p, unsigned n, const char *(*name)(unsigned x), uint64_t *ret);
