/* SPDX-License-Identifier: MIT */
/* Tables of text or JSON: see table.h. Every string cell passes show_safe(). */
#include "tools/writ/table.h"

#include <stdlib.h>
#include <string.h>

#include "tools/writ/show.h"

struct table {
	const struct column *cols;
	unsigned ncols, cell; /* cell: the next one of the current row */
	char **shown;         /* nrows × ncols */
	size_t nrows, room;
	json_t *rows;
	bool failed; /* out of memory */
};

struct table *table_new(const struct column *cols, unsigned ncols)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->cols = cols;
	t->ncols = ncols;
	t->rows = json_array();
	t->failed = t->rows == NULL;
	return t;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->nrows * t->ncols; i++)
		free(t->shown[i]);
	free(t->shown);
	json_decref(t->rows);
	free(t);
}

void table_row(struct table *t)
{
	size_t room = t->room ? t->room * 2 : 32;
	char **shown;

	if (t->failed)
		return;
	if (t->nrows == t->room) {
		shown = reallocarray(t->shown, room * t->ncols, sizeof(*shown));
		if (shown == NULL) {
			t->failed = true;
			return;
		}
		t->shown = shown;
		t->room = room;
	}
	memset(t->shown + t->nrows * t->ncols, 0, t->ncols * sizeof(*t->shown));
	t->nrows++;
	t->cell = 0;
	t->failed = json_array_append_new(t->rows, json_object()) != 0;
}

void table_cell(struct table *t, const char *shown, json_t *value)
{
	size_t size = strlen(shown) * 4 + 1;
	char *safe;

	if (t->failed || t->nrows == 0 || t->cell == t->ncols) {
		json_decref(value);
		return;
	}
	safe = malloc(size);
	if (safe == NULL) {
		t->failed = true;
		json_decref(value);
		return;
	}
	show_safe(shown, strlen(shown), safe, size);
	t->shown[(t->nrows - 1) * t->ncols + t->cell] = safe;
	if (json_object_set_new(json_array_get(t->rows, t->nrows - 1), t->cols[t->cell].key,
		value != NULL ? value : json_null()) != 0)
		t->failed = true;
	t->cell++;
}

json_t *table_string(const char *s)
{
	size_t size = strlen(s) * 4 + 1;
	json_t *value = json_string(s);
	char *safe;

	if (value != NULL)
		return value;
	safe = malloc(size);
	if (safe == NULL)
		return NULL;
	show_safe(s, strlen(s), safe, size);
	value = json_string(safe);
	free(safe);
	return value;
}

void table_text(struct table *t, const char *s)
{
	table_cell(t, s, table_string(s));
}

void table_num(struct table *t, uint64_t n)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)n);
	table_cell(t, buf, json_integer((json_int_t)n));
}

void table_bytes(struct table *t, uint64_t n)
{
	char buf[24];

	table_cell(t, show_bytes(n, buf, sizeof(buf)), json_integer((json_int_t)n));
}

void table_time(struct table *t, uint64_t ns)
{
	char buf[32];

	table_cell(t, show_time(ns, buf, sizeof(buf)), json_integer((json_int_t)ns));
}

void table_age(struct table *t, uint64_t ns)
{
	char buf[32];

	table_cell(t, show_age(ns, buf, sizeof(buf)), json_integer((json_int_t)ns));
}

void table_bool(struct table *t, bool b)
{
	table_cell(t, b ? "yes" : "no", json_boolean(b));
}

int table_json(FILE *f, json_t *value, size_t flags)
{
	int r = value != NULL ? json_dumpf(value, f, flags) : -1;

	json_decref(value);
	fputc('\n', f);
	return r;
}

static const char *shown_at(const struct table *t, size_t row, unsigned col)
{
	const char *s = t->shown[row * t->ncols + col];

	return s != NULL ? s : "";
}

static size_t column_width(const struct table *t, unsigned col)
{
	size_t w = show_width(t->cols[col].title), n;

	for (size_t i = 0; i < t->nrows; i++) {
		n = show_width(shown_at(t, i, col));
		w = n > w ? n : w;
	}
	return w;
}

/* One line; the last column is not padded. */
static void line_print(const struct table *t, FILE *f, const size_t *width, unsigned last,
    size_t row)
{
	const char *s, *gap = "";
	size_t w;

	for (unsigned i = 0; i < t->ncols; i++) {
		if (t->cols[i].how == COLUMN_JSON)
			continue;
		s = row == SIZE_MAX ? t->cols[i].title : shown_at(t, row, i);
		w = width[i] - show_width(s);
		fputs(gap, f);
		if (t->cols[i].how == COLUMN_RIGHT)
			fprintf(f, "%*s%s", (int)w, "", s);
		else
			fprintf(f, "%s%*s", s, i == last ? 0 : (int)w, "");
		gap = "  ";
	}
	fputc('\n', f);
}

int table_print(const struct table *t, FILE *f, bool json)
{
	size_t *width;
	unsigned last = 0;

	if (t->failed)
		return -1;
	if (json)
		return table_json(f, json_incref(t->rows), JSON_INDENT(2));
	width = calloc(t->ncols, sizeof(*width));
	if (width == NULL)
		return -1;
	for (unsigned i = 0; i < t->ncols; i++) {
		if (t->cols[i].how == COLUMN_JSON)
			continue;
		width[i] = column_width(t, i);
		last = i;
	}
	line_print(t, f, width, last, SIZE_MAX);
	for (size_t i = 0; i < t->nrows; i++)
		line_print(t, f, width, last, i);
	free(width);
	return 0;
}
