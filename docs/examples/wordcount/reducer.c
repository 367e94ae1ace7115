/* SPDX-License-Identifier: MIT */
/*
 * Reducer: merges what all mappers wrote for it. Holds read on the mappers'
 * folders, which show under /map, and create on its own folder /out.
 *
 * reducer PART
 */
#include "words.h"
#include <stdio.h>
#include <stdlib.h>
#include <writ/writ.h>

static int merge(struct words *w, const char *dir, const char *part)
{
	char path[WRIT_PREFIX_MAX], *text;
	int64_t n;
	int r;

	snprintf(path, sizeof(path), "/map/%.200s/part-%.16s", dir, part);
	n = writ_get(path, &text);
	if (n < 0)
		return (int)n;
	r = words_parse(w, text, (size_t)n);
	free(text);
	return r;
}

static int reduce(struct words *w, const char *part)
{
	struct writ_dirent *maps;
	char *text;
	int n = writ_readdir("/map", &maps), r = 0;
	int64_t len;

	if (n < 0)
		return n;
	for (int i = 0; i < n && r == 0; i++)
		r = merge(w, maps[i].name, part);
	free(maps);
	if (r < 0)
		return r;
	len = words_text(w, 0, 1, &text);
	if (len < 0)
		return (int)len;
	len = writ_put("/out/counts", text, (size_t)len);
	free(text);
	return len < 0 ? (int)len : 0;
}

int writ_main(int argc, char **argv)
{
	struct words *w = words_new();
	int r = w != NULL && argc == 2 ? reduce(w, argv[1]) : -WRIT_E_INVALID_ARGUMENT;

	if (r < 0)
		fprintf(stderr, "reducer: %s\n", writ_strerror(r));
	words_free(w);
	return r < 0;
}
