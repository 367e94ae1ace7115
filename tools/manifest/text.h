/* SPDX-License-Identifier: MIT */
/*
 * Words for people and words from people: names, sizes, cores, quoting,
 * suggestions. Pure functions; nothing here knows where a word was said.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TEXT_SHORT = 64, TEXT_LONG = 256 };

/* Bytes of the UTF-8 character at @p, 0 when there is none (NUL included) in @len bytes. */
size_t text_utf8(const unsigned char *p, size_t len);
/* No character that would act on a terminal. */
bool text_clean(const char *s);
/* Copy @s into @buf of @size bytes, cut short if need be, control characters as '?'. Returns @buf.
 */
const char *text_cut(char *buf, size_t size, const char *s);
/* Print @s within quotes, control characters escaped. */
void text_quote(FILE *out, const char *s);

/* A name: 1 to 31 of a-z, 0-9 and '-', not first '-'. NULL, or what is wrong. */
const char *text_name_fault(const char *s);
/* A path of a realm's namespace, or of the host: absolute, no "." nor "..". NULL, or what is wrong.
 */
const char *text_path_fault(const char *s, size_t max);
/* @path is @top or lies below it. */
bool text_below(const char *path, const char *top);

/* "64MiB" -> bytes, "0.5" -> 500 millicores. False: no such thing. */
bool text_size(const char *s, uint64_t *ret_bytes);
bool text_cores(const char *s, uint32_t *ret_millicores);
/* The reverse: "64 MiB", "0.5 cores". Return @buf. */
const char *text_of_size(char buf[TEXT_SHORT], uint64_t bytes);
const char *text_of_cores(char buf[TEXT_SHORT], uint32_t millicores);

/* Feed names one by one; the nearest to @word is kept when it is near enough. */
struct text_near {
	const char *word, *best;
	unsigned distance;
};
void text_near_init(struct text_near *n, const char *word);
void text_near_try(struct text_near *n, const char *name);
