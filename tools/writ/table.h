/* SPDX-License-Identifier: MIT */
/*
 * Tables: aligned text for people or a JSON array of objects for programs, from
 * the same cells. Text is made safe for a terminal; JSON carries it escaped.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

enum column_how { COLUMN_LEFT, COLUMN_RIGHT, COLUMN_JSON /* not shown to people */ };
struct column {
	const char *key, *title;
	enum column_how how;
};

struct table;

/* @cols is borrowed for the table's life. Returns NULL when out of memory. */
struct table *table_new(const struct column *cols, unsigned ncols);
void table_free(struct table *t);

/* Begin a row; its cells follow from left to right. Cells that never come are empty. */
void table_row(struct table *t);

/* A cell: @shown for people (copied), @value for programs (taken; NULL makes it null). */
void table_cell(struct table *t, const char *shown, json_t *value);
void table_text(struct table *t, const char *s);
void table_num(struct table *t, uint64_t n);
/* The same, shown as show_bytes(), show_time(), show_age(); the value is bytes or nanoseconds. */
void table_bytes(struct table *t, uint64_t n);
void table_time(struct table *t, uint64_t ns);
void table_age(struct table *t, uint64_t ns);
void table_bool(struct table *t, bool b);

/* Print it. Returns 0, or -1 when memory ran out on the way (and prints nothing). */
int table_print(const struct table *t, FILE *f, bool json);

/* JSON of text that may be no UTF-8 (made safe then). NULL when out of memory. */
json_t *table_string(const char *s);

/* Print @value, which is taken, and a newline; flags as json_dumpf(). Returns 0 or -1. */
int table_json(FILE *f, json_t *value, size_t flags);
