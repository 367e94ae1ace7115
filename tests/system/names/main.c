/* SPDX-License-Identifier: MIT */
/* A proc of the tests of names: its arguments are what it does, step by step. */
#include "tests/system/names/names.h"
#include <sysexits.h>

static char **words;

const char *next_word(void)
{
	return *words != NULL ? *words++ : "";
}

void report(const char *what, int64_t r)
{
	printf("%s: %s\n", what, r < 0 ? writ_errname((int)r) : "ok");
	fflush(stdout);
}

int writ_main(int argc, char **argv)
{
	const char *word;

	words = argv + (argc > 0);
	while ((word = next_word())[0] != '\0') {
		if (strcmp(word, "serve") == 0)
			return serve();
		if (!client_step(word) && !hostile_step(word)) {
			printf("no step %s\n", word);
			return EX_USAGE;
		}
	}
	return EXIT_SUCCESS;
}
