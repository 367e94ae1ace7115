/* SPDX-License-Identifier: MIT */
/*
 * A document held against a libcyaml schema. libcyaml itself would refuse the
 * same, but says neither where nor what would be right; after this check its
 * own never fails. Only the types that schema.c uses are known here.
 */
#include "tools/manifest/schema.h"
#include <stdlib.h>
#include <string.h>
#include "tools/manifest/text.h"

typedef int check_fn(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path);
static check_fn check_value;

static const yaml_node_t *node_of(struct doc *d, int index)
{
	return yaml_document_get_node(&d->yaml, index);
}

static const char *text_of(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

static bool plain(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const yaml_node_t *n)
{
	return plain(n) &&
	    (n->data.scalar.length == 0 || strcmp(text_of(n), "~") == 0 ||
		strcmp(text_of(n), "null") == 0);
}

/* "a list" and so on: what @n is, for a sentence. */
static const char *what(const yaml_node_t *n)
{
	if (n->type == YAML_MAPPING_NODE)
		return "a mapping {...}";
	if (n->type == YAML_SEQUENCE_NODE)
		return "a list [...]";
	return is_null(n) ? "nothing" : "a single value";
}

/* Append "`a`, `b` or `c`" of @s's words to @buf. */
static void list_words(char buf[TEXT_LONG], const cyaml_schema_value_t *s)
{
	size_t n = 0;
	unsigned i, count = s->enumeration.count;

	buf[0] = '\0';
	for (i = 0; i < count && n < TEXT_LONG; i++)
		n += (size_t)snprintf(buf + n, TEXT_LONG - n, "%s%s",
		    i == 0               ? ""
			: i + 1 == count ? " or "
					 : ", ",
		    s->enumeration.strings[i].str);
}

static void list_keys(char buf[TEXT_LONG], const cyaml_schema_field_t *f)
{
	size_t n = 0;
	bool first = true;

	buf[0] = '\0';
	for (; f->key != NULL && n < TEXT_LONG; f++, first = false)
		n += (size_t)snprintf(buf + n, TEXT_LONG - n, "%s%s", first ? "" : ", ", f->key);
}

static int check_text(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	(void)s;
	if (n->type != YAML_SCALAR_NODE || is_null(n))
		return doc_bad_mark(d, n->start_mark, path, "wants a text, not %s%s", what(n),
		    is_null(n) ? " (an empty text is written \"\")" : "");
	if (strlen(text_of(n)) != n->data.scalar.length)
		return doc_bad_mark(d, n->start_mark, path, "contains a NUL character");
	return 0;
}

static int check_uint(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	const char *t = text_of(n);
	char buf[TEXT_SHORT];
	size_t len = strlen(t);

	(void)s;
	if (n->type != YAML_SCALAR_NODE || is_null(n))
		return doc_bad_mark(d, n->start_mark, path, "wants a number, not %s", what(n));
	if (!plain(n))
		return doc_bad_mark(d, n->start_mark, path, "wants a number, without quotes");
	if (strspn(t, "0123456789") != n->data.scalar.length || (len > 1 && t[0] == '0'))
		return doc_bad_mark(d, n->start_mark, path,
		    "wants a whole number such as 16, not `%s`", text_cut(buf, sizeof(buf), t));
	if (len > 9)
		return doc_bad_mark(d, n->start_mark, path, "%s is too large a number",
		    text_cut(buf, sizeof(buf), t));
	return 0;
}

static int check_bool(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	char buf[TEXT_SHORT];

	(void)s;
	if (n->type != YAML_SCALAR_NODE || is_null(n))
		return doc_bad_mark(d, n->start_mark, path, "wants true or false, not %s", what(n));
	if (!plain(n) || (strcmp(text_of(n), "true") != 0 && strcmp(text_of(n), "false") != 0))
		return doc_bad_mark(d, n->start_mark, path, "wants true or false, not `%s`",
		    text_cut(buf, sizeof(buf), text_of(n)));
	return 0;
}

/* One word of the schema's list. *ret is its value. */
static int check_word(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path, int64_t *ret)
{
	char words[TEXT_LONG], buf[TEXT_SHORT];
	struct text_near near;
	unsigned i;

	list_words(words, s);
	if (n->type != YAML_SCALAR_NODE || is_null(n))
		return doc_bad_mark(d, n->start_mark, path, "wants %s, not %s", words, what(n));
	text_near_init(&near, text_of(n));
	for (i = 0; i < s->enumeration.count; i++) {
		const cyaml_strval_t *w = &s->enumeration.strings[i];

		if (strlen(w->str) == n->data.scalar.length && strcmp(w->str, text_of(n)) == 0) {
			*ret = w->val;
			return 0;
		}
		text_near_try(&near, w->str);
	}
	text_cut(buf, sizeof(buf), text_of(n));
	if (near.best != NULL)
		return doc_bad_mark(d, n->start_mark, path,
		    "`%s` is not one of %s; did you mean `%s`?", buf, words, near.best);
	return doc_bad_mark(d, n->start_mark, path, "`%s` is not one of %s", buf, words);
}

static int check_enum(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	int64_t value;

	return check_word(d, s, n, path, &value);
}

static int check_flags(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	char words[TEXT_LONG], at[DOC_PATH_MAX];
	const yaml_node_item_t *i;
	int64_t value, seen = 0;

	if (n->type != YAML_SEQUENCE_NODE) {
		list_words(words, s);
		return doc_bad_mark(d, n->start_mark, path,
		    "wants a list such as [%s], of %s; not %s", s->enumeration.strings[0].str,
		    words, what(n));
	}
	if (n->data.sequence.items.start == n->data.sequence.items.top) {
		list_words(words, s);
		return doc_bad_mark(d, n->start_mark, path, "is an empty list: write some of %s",
		    words);
	}
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		const yaml_node_t *item = node_of(d, *i);

		snprintf(at, sizeof(at), "%s[%d]", path, (int)(i - n->data.sequence.items.start));
		if (check_word(d, s, item, at, &value) < 0)
			return -1;
		if ((seen & value) != 0)
			return doc_bad_mark(d, item->start_mark, at, "`%s` is in the list already",
			    text_of(item));
		seen |= value;
	}
	return 0;
}

static int bad_key(struct doc *d, const cyaml_schema_field_t *fields, const yaml_node_t *key,
    const char *path)
{
	char words[TEXT_LONG], at[DOC_PATH_MAX], name[TEXT_SHORT / 2];
	const cyaml_schema_field_t *f;
	struct text_near near;

	if (key->type != YAML_SCALAR_NODE)
		return doc_bad_mark(d, key->start_mark, path, "a key is a word, not %s", what(key));
	doc_join(at, path, text_cut(name, sizeof(name), text_of(key)));
	list_keys(words, fields);
	text_near_init(&near, text_of(key));
	for (f = fields; f->key != NULL; f++)
		text_near_try(&near, f->key);
	if (near.best != NULL)
		return doc_bad_mark(d, key->start_mark, at,
		    "unknown key; did you mean `%s`? (the keys here: %s)", near.best, words);
	return doc_bad_mark(d, key->start_mark, at, "unknown key; the keys here: %s", words);
}

static const cyaml_schema_field_t *field_of(const cyaml_schema_field_t *f, const yaml_node_t *key)
{
	if (key->type != YAML_SCALAR_NODE)
		return NULL;
	for (; f->key != NULL; f++)
		if (strlen(f->key) == key->data.scalar.length && strcmp(f->key, text_of(key)) == 0)
			return f;
	return NULL;
}

static int check_mapping(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	const cyaml_schema_field_t *f, *fields = s->mapping.fields;
	const yaml_node_pair_t *p;
	char words[TEXT_LONG], at[DOC_PATH_MAX];
	uint64_t seen = 0;

	if (n->type != YAML_MAPPING_NODE) {
		list_keys(words, fields);
		return doc_bad_mark(d, n->start_mark, path,
		    "wants a mapping with keys of: %s; not %s", words, what(n));
	}
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = node_of(d, p->key);

		f = field_of(fields, key);
		if (f == NULL)
			return bad_key(d, fields, key, path);
		doc_join(at, path, f->key);
		if ((seen & UINT64_C(1) << (f - fields)) != 0)
			return doc_bad_mark(d, key->start_mark, at,
			    "this key was given before, on line %u", doc_line(d, at, NULL));
		seen |= UINT64_C(1) << (f - fields);
		if (check_value(d, &f->value, node_of(d, p->value), at) < 0)
			return -1;
	}
	for (f = fields; f->key != NULL; f++)
		if ((seen & UINT64_C(1) << (f - fields)) == 0 &&
		    (f->value.flags & CYAML_FLAG_OPTIONAL) == 0)
			return doc_bad_mark(d, n->start_mark, path, "lacks the key `%s`", f->key);
	return 0;
}

static int check_sequence(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	const yaml_node_item_t *i;
	char at[DOC_PATH_MAX];
	unsigned k = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return doc_bad_mark(d, n->start_mark, path, "wants a list, not %s", what(n));
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++, k++) {
		snprintf(at, sizeof(at), "%s[%u]", path, k);
		if (k == s->sequence.max)
			return doc_bad_mark(d, node_of(d, *i)->start_mark, path,
			    "has too many items: at most %u", s->sequence.max);
		if (check_value(d, s->sequence.entry, node_of(d, *i), at) < 0)
			return -1;
	}
	if (k < s->sequence.min)
		return doc_bad_mark(d, n->start_mark, path, "is an empty list: wants at least %u",
		    s->sequence.min);
	return 0;
}

static int check_value(struct doc *d, const cyaml_schema_value_t *s, const yaml_node_t *n,
    const char *path)
{
	static check_fn *const by_type[CYAML__TYPE_COUNT] = {
		[CYAML_STRING] = check_text,
		[CYAML_UINT] = check_uint,
		[CYAML_BOOL] = check_bool,
		[CYAML_ENUM] = check_enum,
		[CYAML_FLAGS] = check_flags,
		[CYAML_MAPPING] = check_mapping,
		[CYAML_SEQUENCE] = check_sequence,
	};

	return by_type[s->type](d, s, n, path);
}

int schema_check(struct doc *d, const cyaml_schema_value_t *schema)
{
	const char *other = schema == &schema_realm ? "node" : "realm";
	const char *own = schema == &schema_realm ? "realm" : "node";

	if (doc_find(d, "", other) != NULL && doc_find(d, "", own) == NULL)
		return doc_bad_key(d, "", other, "this is a %s's manifest, where a %s's is wanted",
		    other, own);
	return check_value(d, schema, yaml_document_get_root_node(&d->yaml), "");
}
