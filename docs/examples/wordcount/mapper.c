/* SPDX-License-Identifier: MIT */
/*
 * Mapper: counts the words of its pieces of the input and writes one file a
 * reducer. Holds read on the files it maps and create on its own folder /out.
 *
 * mapper REDUCERS (FILE OFFSET LENGTH)...
 */
#include "words.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/writ.h>

static bool letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A reader of bytes that goes on past the end of its piece, to finish a word. */
struct piece {
	int h;
	uint64_t at, end;
	size_t i, n;
	unsigned char buf[WRIT_IO_MAX];
};

/* The next byte, -1 at the end of the file, or below -1 an error - 1. */
static int next(struct piece *p)
{
	if (p->i == p->n) {
		int64_t r = writ_pread(p->h, p->buf, sizeof(p->buf), p->at);

		if (r <= 0)
			return r == 0 ? -1 : (int)r - 1;
		p->i = 0;
		p->n = (size_t)r;
	}
	p->at++;
	return p->buf[p->i++];
}

/* A word belongs to the piece in which it begins. */
static int count(struct words *w, struct piece *p, uint64_t begin)
{
	char word[4096];
	size_t len = 0;
	int c, r = 0;

	p->at = begin > 0 ? begin - 1 : 0;
	if (begin > 0) /* skip what began in the piece before */
		do
			c = next(p);
		while (c >= 0 && letter(c));
	else
		c = ' ';
	while (r == 0 && c >= -1) {
		if (c >= 0 && letter(c)) {
			if (len == 0 && p->at > p->end)
				return 0;
			if (len == sizeof(word))
				return -WRIT_E_RANGE;
			word[len++] = (char)(c | 0x20);
		} else {
			if (len > 0)
				r = words_add(w, word, len, 1);
			len = 0;
			if (c < 0 || p->at >= p->end)
				return r;
		}
		c = next(p);
	}
	return r != 0 ? r : c + 1;
}

static int map(struct words *w, const char *file, const char *offset, const char *length)
{
	static struct piece p;
	uint64_t begin = strtoull(offset, NULL, 10);
	int r;

	p.i = p.n = 0;
	p.end = begin + strtoull(length, NULL, 10);
	p.h = writ_open(file, WRIT_O_READ);
	if (p.h < 0)
		return p.h;
	r = count(w, &p, begin);
	writ_close(p.h);
	return r;
}

static int put_part(struct words *w, unsigned part, unsigned parts)
{
	char path[32], *text;
	int64_t n = words_text(w, part, parts, &text);

	if (n < 0)
		return (int)n;
	snprintf(path, sizeof(path), "/out/part-%u", part);
	n = writ_put(path, text, (size_t)n);
	free(text);
	return n < 0 ? (int)n : 0;
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "mapper: %s: %s\n", what, writ_strerror(r));
	return 1;
}

int writ_main(int argc, char **argv)
{
	struct words *w = words_new();
	unsigned parts = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	int r;

	if (w == NULL || parts == 0 || (argc - 2) % 3 != 0)
		return fail("usage: mapper REDUCERS (FILE OFFSET LENGTH)...",
		    WRIT_E_INVALID_ARGUMENT);
	for (int i = 2; i < argc; i += 3)
		if ((r = map(w, argv[i], argv[i + 1], argv[i + 2])) < 0)
			return fail(argv[i], r);
	for (unsigned i = 0; i < parts; i++)
		if ((r = put_part(w, i, parts)) < 0)
			return fail("/out", r);
	words_free(w);
	return 0;
}
