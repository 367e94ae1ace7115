/* SPDX-License-Identifier: MIT */
/* The bag of words: a uthash table, sorted when it is written out. */
#include "words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <writ/err.h>

struct word {
	UT_hash_handle hh;
	uint64_t count;
	char text[];
};
struct words {
	struct word *table;
};

struct words *words_new(void)
{
	return calloc(1, sizeof(struct words));
}

void words_free(struct words *w)
{
	struct word *e, *tmp;

	if (w == NULL)
		return;
	HASH_ITER(hh, w->table, e, tmp) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): e is no longer in it */
		HASH_DEL(w->table, e);
		free(e);
	}
	free(w);
}

int words_add(struct words *w, const char *word, size_t len, uint64_t count)
{
	struct word *e = NULL;

	HASH_FIND(hh, w->table, word, len, e);
	if (e == NULL) {
		e = calloc(1, sizeof(*e) + len + 1);
		if (e == NULL)
			return -WRIT_E_NOT_ENOUGH_MEMORY;
		memcpy(e->text, word, len);
		HASH_ADD_KEYPTR(hh, w->table, e->text, len, e);
	}
	e->count += count;
	return 0;
}

int words_parse(struct words *w, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *sp = memchr(text, ' ', (size_t)((nl != NULL ? nl : end) - text));
		int r;

		if (nl == NULL || sp == NULL)
			return -WRIT_E_INVALID_ARGUMENT;
		r = words_add(w, text, (size_t)(sp - text), strtoull(sp + 1, NULL, 10));
		if (r < 0)
			return r;
		text = nl + 1;
	}
	return 0;
}

static int by_text(const struct word *a, const struct word *b)
{
	return strcmp(a->text, b->text);
}

static int by_count(const struct word *a, const struct word *b)
{
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return by_text(a, b);
}

/* FNV-1a: the same in every proc, which the table's own hash need not be. */
static uint32_t spread(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

int64_t words_text(struct words *w, unsigned part, unsigned parts, char **ret)
{
	size_t len = 0;
	FILE *f = open_memstream(ret, &len);

	if (f == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	HASH_SORT(w->table, by_text);
	for (const struct word *e = w->table; e != NULL; e = e->hh.next)
		if (spread(e->text) % parts == part)
			fprintf(f, "%s %llu\n", e->text, (unsigned long long)e->count);
	if (fclose(f) != 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	return (int64_t)len;
}

void words_top(struct words *w, unsigned n, void (*fn)(const char *word, uint64_t count, void *arg),
    void *arg)
{
	HASH_SORT(w->table, by_count);
	for (const struct word *e = w->table; e != NULL && n > 0; e = e->hh.next, n--)
		fn(e->text, e->count, arg);
}
