/* SPDX-License-Identifier: MIT */
/*
 * matrix [--table]: makes every attempt under every layer alone, a case each; with
 * --table prints what is expected as it stands in docs/security.md. Needs root.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "matrix.h"

const char *const outcome_names[OUTCOMES] = { "works", "refused", "dies before", "dies after" };
static const char letters[OUTCOMES + 1] = "WRDA";

static int table(void)
{
	static const char *const words[OUTCOMES] = { "works", "**refused**", "**ends it**",
		"ends it *afterwards*" };

	printf("| attempt |");
	for (int c = 0; c < COLUMNS; c++)
		printf(" %s |", column_names[c]);
	printf("\n|---|");
	for (int c = 0; c < COLUMNS; c++)
		printf("---|");
	for (unsigned i = 0; i < nattempts; i++) {
		printf("\n| %s |", attempts[i].name);
		for (int c = 0; c < COLUMNS; c++)
			printf(" %s |", words[strchr(letters, attempts[i].expect[c]) - letters]);
	}
	putchar('\n');
	return EXIT_SUCCESS;
}

static unsigned n, failed;

static void skip(enum column c, const char *what)
{
	printf("ok %u - %s%s # SKIP this Linux has no such layer\n# %s\n", ++n, column_names[c],
	    what, column_why());
}

static void try(enum column c, const struct attempt *a)
{
	struct stage s;
	enum outcome o;
	bool ok;

	stage_open(&s);
	o = column_try(c, a, &s);
	ok = letters[o] == a->expect[c];
	failed += !ok;
	printf("%sok %u - %s: %s: %s\n", ok ? "" : "not ", ++n, column_names[c], a->name,
	    outcome_names[o]);
	if (!ok)
		printf("# expected %c; it got %ld\n", a->expect[c], s.shared->result);
	stage_close(&s);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--table") == 0)
		return table();
	setbuf(stdout, NULL);
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	for (enum column c = NONE; c < COLUMNS; c++) {
		if (!column_open(c)) {
			skip(c, "");
			continue;
		}
		for (unsigned i = 0; i < nattempts; i++) {
			if (column_has(c, &attempts[i]))
				try(c, &attempts[i]);
			else
				skip(c, ": unix sockets");
		}
		column_close();
	}
	printf("1..%u\n", n);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
