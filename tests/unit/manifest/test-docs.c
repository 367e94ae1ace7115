/* SPDX-License-Identifier: MIT */
/*
 * Every whole manifest that the documents and the examples show is a good one:
 * each block of YAML that begins with `realm:` or `node:`. Images that a text
 * names are put there; host folders must be on every machine.
 */
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/manifest/fixture.h"
#include "tools/manifest/schema.h"

static char where[128]; /* of the block that is tried */

/* Where blocks are written: deep, so that ../ in an image's path stays inside. */
#define DEEP "d/d/d/d/d"

static void fail_at(const struct manifest_error *e, const char *text)
{
	ck_abort_msg("%s: %u:%u: %s\n%s", where, e->line, e->column, e->text, text);
}

/* Put an image where the sentence says there is none. False: it says something else. */
static bool give_image(const struct manifest_error *e)
{
	const char *start = strstr(e->text, "/" DEEP), *end = strstr(e->text, " doesn't exist");
	char name[256];

	if (start == NULL || end == NULL || end < start)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(end - start - 1), start + 1);
	fixture_elf(name);
	return true;
}

static void try_manifest(const char *text)
{
	Writ__Manifest__Realm *r;
	Writ__Manifest__Node *n;
	struct manifest_error e;
	char name[] = DEEP "/m.yaml";

	printf("%s\n", where);
	fflush(stdout);
	fixture_write(name, text, strlen(text), 0644);
	if (strncmp(text, "node:", 5) == 0) {
		if (manifest_node_load(fixture_path(name), &n, &e) < 0)
			fail_at(&e, text);
		manifest_node_free(n);
		return;
	}
	while (manifest_realm_load(fixture_path(name), NULL, &r, &e) < 0)
		if (!give_image(&e))
			fail_at(&e, text);
	manifest_realm_free(r);
}

static char *slurp(const char *path)
{
	char *text = fixture_alloc(1 << 20);
	FILE *f = fopen(path, "r");

	ck_assert_msg(f != NULL, "%s: run in the top folder", path);
	ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
	fclose(f);
	return text;
}

/* Skip comments and empty lines in front of the first key. */
static const char *first_key(const char *text)
{
	while (*text == '#' || *text == '\n') {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

static unsigned try_blocks(const char *path)
{
	char *text = slurp(path), *p = text, *end;
	unsigned n = 0;

	while ((p = strstr(p, "\n```yaml\n")) != NULL) {
		p += strlen("\n```yaml\n");
		end = strstr(p, "\n```");
		ck_assert_ptr_nonnull(end);
		end[1] = '\0';
		snprintf(where, sizeof(where), "%s, block %u", path, ++n);
		if (strncmp(first_key(p), "realm:", 6) == 0 ||
		    strncmp(first_key(p), "node:", 5) == 0)
			try_manifest(first_key(p));
		end[1] = '`';
		p = end;
	}
	free(text);
	return n;
}

START_TEST(documents_show_good_manifests)
{
	unsigned n = 0;
	glob_t g;
	size_t i;

	fixture_elf(DEEP "/x");
	ck_assert_int_eq(glob("docs/*.md", 0, NULL, &g), 0);
	glob("README.md", GLOB_APPEND, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++)
		n += try_blocks(g.gl_pathv[i]);
	globfree(&g);
	ck_assert_msg(n > 0, "no block was found");
}
END_TEST

START_TEST(examples_are_good_manifests)
{
	glob_t g;
	size_t i;

	fixture_elf(DEEP "/x");
	ck_assert_int_eq(glob("docs/examples/*.yaml", 0, NULL, &g), 0);
	ck_assert_int_eq(glob("docs/examples/*/*.yaml", GLOB_APPEND, NULL, &g), 0);
	for (i = 0; i < g.gl_pathc; i++) {
		char *text = slurp(g.gl_pathv[i]);

		snprintf(where, sizeof(where), "%s", g.gl_pathv[i]);
		try_manifest(first_key(text));
		free(text);
	}
	globfree(&g);
}
END_TEST

/* What README.md shows first is what docs/examples/hello has, but for the licence's line. */
START_TEST(readme_shows_the_example)
{
	static const char *const files[] = { "docs/examples/hello/hello.c",
		"docs/examples/hello/hello.yaml" };
	char *readme = slurp("README.md"), *text = slurp(files[_i]);
	const char *body = strncmp(text, "/*", 2) == 0 ? strchr(text, '\n') + 1 : text;

	ck_assert_msg(strstr(readme, body) != NULL, "README.md does not show %s", files[_i]);
	free(text);
	free(readme);
}
END_TEST

/* Every key of @fields, and of what is below, stands in @text as code. */
static void want_keys(const cyaml_schema_field_t *f, const char *text)
{
	char alone[64], item[64];

	for (; f->key != NULL; f++) {
		const cyaml_schema_value_t *v = &f->value;

		snprintf(alone, sizeof(alone), "`%s`", f->key);
		snprintf(item, sizeof(item), "%s: ", f->key);
		ck_assert_msg(strstr(text, alone) != NULL || strstr(text, item) != NULL,
		    "docs/manifest.md does not describe the key %s", f->key);
		if (v->type == CYAML_SEQUENCE)
			v = v->sequence.entry;
		if (v->type == CYAML_MAPPING)
			want_keys(v->mapping.fields, text);
	}
}

START_TEST(every_key_is_described)
{
	char *text = slurp("docs/manifest.md");

	want_keys(schema_realm.mapping.fields, text);
	want_keys(schema_node.mapping.fields, text);
	free(text);
}
END_TEST

Suite *suite_docs(void)
{
	Suite *s = suite_create("documents");
	TCase *t = tcase_create("docs");

	tcase_add_unchecked_fixture(t, fixture_begin, fixture_end);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, documents_show_good_manifests);
	tcase_add_test(t, examples_are_good_manifests);
	tcase_add_test(t, every_key_is_described);
	tcase_add_loop_test(t, readme_shows_the_example, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
