/* SPDX-License-Identifier: MIT */
/* Results: TAP on stdout as they come, JUnit XML in the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

struct result {
	char *suite, *name, *text;
	double secs;
	bool ok;
};
static struct result *results;
static unsigned n, room, failed;

static char *copy(const char *s)
{
	char *c = strdup(s);

	if (c == NULL)
		abort();
	return c;
}

void report_case(const char *suite, const char *name, bool ok, double secs, const char *text)
{
	if (n == room) {
		room = room * 2 + 64;
		results = reallocarray(results, room, sizeof(*results));
		if (results == NULL)
			abort();
	}
	results[n++] = (struct result){ copy(suite), copy(name), copy(text), secs, ok };
	failed += !ok;
	printf("%s %u - %s: %s # %s\n", ok ? "ok" : "not ok", n, suite, name, text);
	fflush(stdout);
}

static void xml_text(FILE *f, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '&': fputs("&amp;", f); break;
		case '"': fputs("&quot;", f); break;
		default: fputc((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s, f);
		}
	}
}

static void xml_attr(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	xml_text(f, value);
	fputc('"', f);
}

static void xml_suite(FILE *f, unsigned from, unsigned to)
{
	unsigned bad = 0;
	double secs = 0;

	for (unsigned i = from; i < to; i++) {
		bad += !results[i].ok;
		secs += results[i].secs;
	}
	fputs("<testsuite", f);
	xml_attr(f, "name", results[from].suite);
	fprintf(f, " tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n",
	    to - from, bad, secs);
	for (unsigned i = from; i < to; i++) {
		const struct result *r = &results[i];

		fputs("<testcase", f);
		xml_attr(f, "classname", r->suite);
		xml_attr(f, "name", r->name);
		fprintf(f, " time=\"%.3f\">", r->secs);
		if (!r->ok) {
			fputs("<failure", f);
			xml_attr(f, "message", r->text);
			fputs("/>", f);
		} else {
			fputs("<system-out>", f);
			xml_text(f, r->text);
			fputs("</system-out>", f);
		}
		fputs("</testcase>\n", f);
	}
	fputs("</testsuite>\n", f);
}

static int xml_write(const char *path)
{
	FILE *f = fopen(path, "we");
	unsigned from = 0;
	bool bad;

	if (f == NULL)
		return -1;
	fprintf(f,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<testsuites name=\"writ-isolation\" tests=\"%u\" failures=\"%u\">\n",
	    n, failed);
	for (unsigned i = 1; i <= n; i++) {
		if (i == n || strcmp(results[i].suite, results[from].suite) != 0) {
			xml_suite(f, from, i);
			from = i;
		}
	}
	fputs("</testsuites>\n", f);
	bad = ferror(f) != 0;
	return fclose(f) != 0 || bad ? -1 : 0;
}

int report_begin(const char *junit)
{
	FILE *f = fopen(junit, "we");

	if (f != NULL && fclose(f) == 0)
		return 0;
	fprintf(stderr, "writ-isolation: %s: %s\n", junit, strerror(errno));
	return -1;
}

int report_end(const char *junit)
{
	printf("1..%u\n# %u cases, %u failed\n", n, n, failed);
	fflush(stdout);
	if (junit != NULL && xml_write(junit) != 0) {
		perror(junit);
		return -1;
	}
	return (int)failed;
}
