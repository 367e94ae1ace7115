/* SPDX-License-Identifier: MIT */
/*
 * Text for people. Names and paths come from tenants and from servers: what a
 * terminal would act upon is made visible and harmless before it is printed.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Copy @n bytes of @s to @buf, at most @size - 1 of result, and end it with a
 * NUL. Control characters (C0, C1, DEL), bytes that are no UTF-8, and marks
 * that reorder text become \xNN. Returns the bytes of @s that were used: fewer
 * than @n only when @buf is full.
 */
size_t show_safe(const char *s, size_t n, char *buf, size_t size);

/* How many bytes at the end of @s are the beginning of a UTF-8 character cut short. */
size_t show_cut(const char *s, size_t n);

/* Print @s as it is / made safe. Newlines of @s become \x0a. */
void show_put(FILE *f, const char *s);
void show_safe_put(FILE *f, const char *s);

/* Columns that UTF-8 text takes, one a character. */
size_t show_width(const char *s);

/* "812", "1.5K", "3.0M" of bytes; "0.02s", "41s", "3m07s", "2h05m", "4d01h" of time. Return @buf.
 */
char *show_bytes(uint64_t bytes, char *buf, size_t size);
char *show_time(uint64_t ns, char *buf, size_t size);
char *show_age(uint64_t ns, char *buf, size_t size);

/* Nanoseconds of the given clock. */
uint64_t show_clock(int clock);
