/* SPDX-License-Identifier: MIT */
/*
 * A bag of words with counts, and its text form: "word count\n" a line, words
 * in order. A word is a run of ASCII letters, in lower case: what
 * tr -cs A-Za-z '\n' | tr A-Z a-z makes of a text.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct words;

struct words *words_new(void);
void words_free(struct words *w);
/* 0, or -WRIT_E_NOT_ENOUGH_MEMORY. */
int words_add(struct words *w, const char *word, size_t len, uint64_t count);
/* Add the lines of a text form; malformed ones are an error. */
int words_parse(struct words *w, const char *text, size_t len);
/* The words whose hash falls to @part of @parts, as text; caller frees *ret. Returns the length or
 * an error. */
int64_t words_text(struct words *w, unsigned part, unsigned parts, char **ret);
/* The @n most frequent, ties in order of the word: fn(word, count, arg) for each. */
void words_top(struct words *w, unsigned n, void (*fn)(const char *word, uint64_t count, void *arg),
    void *arg);
