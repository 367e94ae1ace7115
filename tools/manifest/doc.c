/* SPDX-License-Identifier: MIT */
/*
 * Reading a YAML file within bounds, and finding places in it. Every refusal
 * comes before the tree is built, so that its size is bounded too.
 */
#include "tools/manifest/doc.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tools/manifest/text.h"

const char *doc_join(char buf[DOC_PATH_MAX], const char *base, const char *key)
{
	if (key == NULL)
		key = "";
	snprintf(buf, DOC_PATH_MAX, "%s%s%s", base, *base != '\0' && *key != '\0' ? "." : "", key);
	return buf;
}

__attribute__((format(printf, 5, 0))) static int vbad(struct doc *d, unsigned line, unsigned column,
    const char *path, const char *fmt, va_list ap)
{
	struct manifest_error *e = d->err;
	size_t n = 0;

	text_cut(e->file, sizeof(e->file), d->file);
	e->line = line;
	e->column = column;
	if (*path != '\0')
		n = (size_t)snprintf(e->text, sizeof(e->text), "%s: ", path);
	vsnprintf(e->text + n, sizeof(e->text) - n, fmt, ap);
	return -1;
}

__attribute__((format(printf, 4, 5))) static int bad_at(struct doc *d, unsigned line,
    unsigned column, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vbad(d, line, column, "", fmt, ap);
	va_end(ap);
	return r;
}

int doc_bad_mark(struct doc *d, yaml_mark_t mark, const char *path, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vbad(d, (unsigned)mark.line + 1, (unsigned)mark.column + 1, path, fmt, ap);
	va_end(ap);
	return r;
}

int doc_oom(struct doc *d)
{
	return bad_at(d, 1, 1, "out of memory");
}

/* --- finding places ------------------------------------------------------ */

static yaml_node_t *node_at(const struct doc *d, int index)
{
	return yaml_document_get_node((yaml_document_t *)&d->yaml, index);
}

static const yaml_node_pair_t *pair_find(const struct doc *d, const yaml_node_t *map,
    const char *key, size_t len)
{
	const yaml_node_pair_t *p;

	if (map->type != YAML_MAPPING_NODE)
		return NULL;
	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = node_at(d, p->key);

		if (k->type == YAML_SCALAR_NODE && k->data.scalar.length == len &&
		    memcmp(k->data.scalar.value, key, len) == 0)
			return p;
	}
	return NULL;
}

/* One step of a path: *s is behind the step afterwards. */
static const yaml_node_t *step(const struct doc *d, const yaml_node_t *n, const char **s,
    const yaml_node_t **ret_key)
{
	const yaml_node_pair_t *p;
	size_t len;

	if (**s == '[') {
		char *end;
		unsigned long i = strtoul(*s + 1, &end, 10);

		*s = end + 1;
		if (n->type != YAML_SEQUENCE_NODE)
			return NULL;
		if (i >= (size_t)(n->data.sequence.items.top - n->data.sequence.items.start))
			return NULL;
		return node_at(d, n->data.sequence.items.start[i]);
	}
	if (**s == '.')
		(*s)++;
	len = strcspn(*s, ".[");
	p = pair_find(d, n, *s, len);
	*s += len;
	if (p == NULL)
		return NULL;
	*ret_key = node_at(d, p->key);
	return node_at(d, p->value);
}

struct place {
	const yaml_node_t *value;   /* NULL: there is none */
	const yaml_node_t *key;     /* of the last mapping on the way */
	const yaml_node_t *nearest; /* the value, or the last one on the way to it */
};

static struct place locate(const struct doc *d, const char *base, const char *key)
{
	struct place p = { .value = node_at(d, 1) };
	char buf[DOC_PATH_MAX];
	const char *s = doc_join(buf, base, key);

	assert(p.value != NULL); /* doc_load() refuses a file without any */
	p.nearest = p.value;
	while (p.value != NULL && *s != '\0') {
		p.value = step(d, p.value, &s, &p.key);
		if (p.value != NULL)
			p.nearest = p.value;
	}
	return p;
}

const yaml_node_t *doc_find(const struct doc *d, const char *base, const char *key)
{
	return locate(d, base, key).value;
}

unsigned doc_line(const struct doc *d, const char *base, const char *key)
{
	return (unsigned)locate(d, base, key).nearest->start_mark.line + 1;
}

int doc_bad(struct doc *d, const char *base, const char *key, const char *fmt, ...)
{
	struct place p = locate(d, base, key);
	char buf[DOC_PATH_MAX];
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vbad(d, (unsigned)p.nearest->start_mark.line + 1,
	    (unsigned)p.nearest->start_mark.column + 1, doc_join(buf, base, key), fmt, ap);
	va_end(ap);
	return r;
}

int doc_bad_key(struct doc *d, const char *base, const char *key, const char *fmt, ...)
{
	struct place p = locate(d, base, key);
	const yaml_node_t *n = p.value != NULL && p.key != NULL ? p.key : p.nearest;
	char buf[DOC_PATH_MAX];
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vbad(d, (unsigned)n->start_mark.line + 1, (unsigned)n->start_mark.column + 1,
	    doc_join(buf, base, key), fmt, ap);
	va_end(ap);
	return r;
}

/* --- reading ------------------------------------------------------------- */

static int read_all(struct doc *d, int fd)
{
	ssize_t n;

	d->bytes = malloc(DOC_BYTES_MAX + 1);
	if (d->bytes == NULL)
		return doc_oom(d);
	while (d->len <= DOC_BYTES_MAX) {
		n = read(fd, d->bytes + d->len, DOC_BYTES_MAX + 1 - d->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return bad_at(d, 1, 1, "can't be read: %s", strerror(errno));
		if (n == 0)
			return 0;
		d->len += (size_t)n;
	}
	return bad_at(d, 1, 1, "is larger than 1 MiB: no manifest is");
}

static int read_file(struct doc *d)
{
	int fd = open(d->file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return bad_at(d, 1, 1, "can't be opened: %s", strerror(errno));
	if (fstat(fd, &st) < 0)
		r = bad_at(d, 1, 1, "can't be read: %s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		r = bad_at(d, 1, 1, "is a folder, not a manifest");
	else if (!S_ISREG(st.st_mode))
		r = bad_at(d, 1, 1, "is not a regular file");
	else
		r = read_all(d, fd);
	close(fd);
	return r;
}

/* Text only: UTF-8 without NUL. */
static int check_text(struct doc *d)
{
	unsigned line = 1, column = 1;
	size_t i = 0, n;

	while (i < d->len) {
		n = text_utf8(d->bytes + i, d->len - i);
		if (n == 0)
			return bad_at(d, line, column,
			    "byte 0x%02x is not UTF-8 text: a manifest is YAML in UTF-8",
			    d->bytes[i]);
		column++;
		if (d->bytes[i] == '\n') {
			line++;
			column = 1;
		}
		i += n;
	}
	return 0;
}

/* libyaml counts a line more where the last one has no end: point at that last one. */
static yaml_mark_t within(const struct doc *d, yaml_mark_t m)
{
	size_t i, line = 0, begin = 0;

	if (d->len == 0 || d->bytes[d->len - 1] == '\n')
		return m;
	for (i = 0; i < d->len; i++) {
		if (d->bytes[i] == '\n') {
			line++;
			begin = i + 1;
		}
	}
	if (m.line > line) {
		m.line = line;
		m.column = d->len - begin;
	}
	return m;
}

static bool tab_at(const struct doc *d, yaml_mark_t m)
{
	const unsigned char *p = d->bytes, *end = p + d->len;
	size_t line;

	for (line = 0; line < m.line && p != NULL; line++) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p == NULL ? NULL : p + 1;
	}
	return p != NULL && m.column < (size_t)(end - p) && p[m.column] == '\t';
}

static int bad_yaml(struct doc *d, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return doc_oom(d);
	return doc_bad_mark(d, within(d, p->problem_mark), "", "not YAML: %s%s%s%s",
	    p->context != NULL ? p->context : "", p->context != NULL ? ", " : "",
	    p->problem != NULL ? p->problem : "syntax error",
	    tab_at(d, p->problem_mark) ? " (a tab: indent with spaces)" : "");
}

struct scan {
	unsigned depth, nodes, documents;
};

static int check_plain(struct doc *d, const yaml_event_t *e, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
	if (anchor != NULL)
		return doc_bad_mark(d, e->start_mark, "",
		    "anchors (&name) are not allowed: write the value where it is wanted");
	if (tag != NULL)
		return doc_bad_mark(d, e->start_mark, "", "tags (!name) are not allowed");
	return 0;
}

static int check_count(struct doc *d, const yaml_event_t *e, struct scan *s, unsigned deeper)
{
	s->depth += deeper;
	if (s->depth > DOC_DEPTH_MAX)
		return doc_bad_mark(d, e->start_mark, "", "nested deeper than %d levels",
		    DOC_DEPTH_MAX);
	if (++s->nodes > DOC_NODES_MAX)
		return doc_bad_mark(d, e->start_mark, "", "more than %d values", DOC_NODES_MAX);
	return 0;
}

static int check_event(struct doc *d, const yaml_event_t *e, struct scan *s)
{
	const yaml_char_t *tag = NULL;

	if (e->type == YAML_ALIAS_EVENT)
		return doc_bad_mark(d, e->start_mark, "",
		    "aliases (*name) are not allowed: write the value where it is wanted");
	if (e->type == YAML_DOCUMENT_START_EVENT && ++s->documents > 1)
		return doc_bad_mark(d, e->start_mark, "",
		    "a second document: a file is one manifest");
	if (e->type == YAML_SCALAR_EVENT) {
		tag = e->data.scalar.tag;
		if (check_plain(d, e, e->data.scalar.anchor, tag) < 0)
			return -1;
		return check_count(d, e, s, 0);
	}
	if (e->type == YAML_SEQUENCE_START_EVENT) {
		tag = e->data.sequence_start.tag;
		if (check_plain(d, e, e->data.sequence_start.anchor, tag) < 0)
			return -1;
		return check_count(d, e, s, 1);
	}
	if (e->type == YAML_MAPPING_START_EVENT) {
		tag = e->data.mapping_start.tag;
		if (check_plain(d, e, e->data.mapping_start.anchor, tag) < 0)
			return -1;
		return check_count(d, e, s, 1);
	}
	if (e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT)
		s->depth--;
	return 0;
}

/* Look at every event before a tree is built of them. */
static int check_events(struct doc *d)
{
	struct scan s = { 0 };
	yaml_parser_t p;
	yaml_event_t e;
	bool done = false;
	int r = 0;

	if (!yaml_parser_initialize(&p))
		return doc_oom(d);
	yaml_parser_set_input_string(&p, d->bytes, d->len);
	while (r == 0 && !done) {
		if (!yaml_parser_parse(&p, &e)) {
			r = bad_yaml(d, &p);
			break;
		}
		done = e.type == YAML_STREAM_END_EVENT;
		r = check_event(d, &e, &s);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return r;
}

static int build_tree(struct doc *d)
{
	yaml_parser_t p;
	int r = 0;

	if (!yaml_parser_initialize(&p))
		return doc_oom(d);
	yaml_parser_set_input_string(&p, d->bytes, d->len);
	if (!yaml_parser_load(&p, &d->yaml))
		r = bad_yaml(d, &p);
	else
		d->loaded = true;
	yaml_parser_delete(&p);
	if (r == 0 && yaml_document_get_root_node(&d->yaml) == NULL)
		r = bad_at(d, 1, 1,
		    "is empty: a manifest begins with `realm: NAME` or `node: NAME`");
	return r;
}

int doc_load(struct doc *d, const char *file, struct manifest_error *err)
{
	*d = (struct doc){ .file = file, .err = err };
	memset(err, 0, sizeof(*err));
	if (read_file(d) < 0 || check_text(d) < 0 || check_events(d) < 0 || build_tree(d) < 0) {
		doc_fini(d);
		return -1;
	}
	return 0;
}

void doc_fini(struct doc *d)
{
	if (d->loaded)
		yaml_document_delete(&d->yaml);
	d->loaded = false;
	free(d->bytes);
	d->bytes = NULL;
}
