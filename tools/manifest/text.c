/* SPDX-License-Identifier: MIT */
/* Words: the checks and spellings that text.h promises. */
#include "tools/manifest/text.h"
#include <string.h>
#include <writ/abi.h>

size_t text_utf8(const unsigned char *p, size_t len)
{
	static const uint32_t lowest[] = { 0, 1, 0x80, 0x800, 0x10000 };
	size_t n, i;
	uint32_t c;

	if (len == 0)
		return 0;
	n = p[0] < 0x80   ? 1
	    : p[0] < 0xc0 ? 0
	    : p[0] < 0xe0 ? 2
	    : p[0] < 0xf0 ? 3
	    : p[0] < 0xf8 ? 4
			  : 0;
	if (n == 0 || n > len)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

/* Bytes of the control character at @p (C0, DEL, C1, or no UTF-8), 0: it is none. */
static size_t control(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	if (u[0] < 0x20 || u[0] == 0x7f || text_utf8(u, strlen(p)) == 0)
		return 1;
	return u[0] == 0xc2 && u[1] < 0xa0 ? 2 : 0;
}

bool text_clean(const char *s)
{
	while (*s != '\0') {
		if (control(s) != 0)
			return false;
		s += text_utf8((const unsigned char *)s, strlen(s));
	}
	return true;
}

const char *text_cut(char *buf, size_t size, const char *s)
{
	size_t n = 0, len;

	while (*s != '\0' && n + 8 < size) {
		len = control(s);
		if (len != 0) {
			buf[n++] = '?';
		} else {
			len = text_utf8((const unsigned char *)s, strlen(s));
			memcpy(buf + n, s, len);
			n += len;
		}
		s += len;
	}
	snprintf(buf + n, size - n, "%s", *s == '\0' ? "" : "...");
	return buf;
}

void text_quote(FILE *out, const char *s)
{
	size_t len;

	fputc('"', out);
	while (*s != '\0') {
		len = control(s);
		if (len == 0 && *s != '"' && *s != '\\') {
			len = text_utf8((const unsigned char *)s, strlen(s));
			fwrite(s, 1, len, out);
			s += len;
			continue;
		}
		if (len == 0)
			fprintf(out, "\\%c", *s++);
		for (; len > 0; len--)
			fprintf(out, "\\x%02x", (unsigned char)*s++);
	}
	fputc('"', out);
}

const char *text_name_fault(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (*s == '\0')
		return "is empty";
	if (s[n] != '\0')
		return "has a character other than a-z, 0-9 and -";
	if (*s == '-')
		return "begins with -";
	if (n >= WRIT_NAME_MAX)
		return "is longer than 31 characters";
	return NULL;
}

const char *text_path_fault(const char *s, size_t max)
{
	const char *p = s;
	size_t n;

	if (*s != '/')
		return "is not absolute: begin it with /";
	if (strlen(s) >= max)
		return "is too long";
	if (!text_clean(s))
		return "contains a control character";
	if (s[1] == '\0')
		return NULL;
	while (*p == '/') {
		n = strcspn(++p, "/");
		if (n == 0)
			return p[0] == '\0' ? "ends in /: leave that out"
					    : "has // in it: write one /";
		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return "has a component . or ..: write the path without it";
		if (n > 255)
			return "has a component of more than 255 bytes";
		p += n;
	}
	return NULL;
}

bool text_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (strcmp(top, "/") == 0)
		return true;
	return strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Digits at *s, at most @max of them; moves *s behind them. */
static bool number(const char **s, unsigned max, uint64_t *ret)
{
	unsigned n;

	*ret = 0;
	for (n = 0; **s >= '0' && **s <= '9'; n++, (*s)++) {
		if (n == max)
			return false;
		*ret = *ret * 10 + (uint64_t)(**s - '0');
	}
	return n > 0;
}

static const struct {
	const char *name;
	unsigned shift;
} units[] = {
	{ "GiB", 30 },
	{ "MiB", 20 },
	{ "KiB", 10 },
};

bool text_size(const char *s, uint64_t *ret_bytes)
{
	uint64_t n;
	size_t i;

	if (!number(&s, 9, &n))
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(s, units[i].name) == 0) {
			*ret_bytes = n << units[i].shift;
			return true;
		}
	}
	return false;
}

bool text_cores(const char *s, uint32_t *ret_millicores)
{
	uint64_t whole, part = 0;
	const char *p;
	unsigned digits;

	if (!number(&s, 4, &whole))
		return false;
	if (*s == '.') {
		p = ++s;
		if (!number(&s, 3, &part))
			return false;
		for (digits = (unsigned)(s - p); digits < 3; digits++)
			part *= 10;
	}
	if (*s != '\0')
		return false;
	*ret_millicores = (uint32_t)(whole * 1000 + part);
	return true;
}

const char *text_of_size(char buf[TEXT_SHORT], uint64_t bytes)
{
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (bytes >> units[i].shift != 0 &&
		    (bytes & ((UINT64_C(1) << units[i].shift) - 1)) == 0) {
			snprintf(buf, TEXT_SHORT, "%llu %s",
			    (unsigned long long)(bytes >> units[i].shift), units[i].name);
			return buf;
		}
	}
	if (bytes >= 1024)
		snprintf(buf, TEXT_SHORT, "%llu KiB", (unsigned long long)((bytes + 1023) / 1024));
	else
		snprintf(buf, TEXT_SHORT, "%llu bytes", (unsigned long long)bytes);
	return buf;
}

const char *text_of_cores(char buf[TEXT_SHORT], uint32_t millicores)
{
	int n = snprintf(buf, TEXT_SHORT, "%u.%03u", millicores / 1000, millicores % 1000);

	while (n > 1 && buf[n - 1] == '0')
		n--;
	if (buf[n - 1] == '.')
		n--;
	snprintf(buf + n, TEXT_SHORT - (size_t)n, millicores == 1000 ? " core" : " cores");
	return buf;
}

/* --- suggestions --------------------------------------------------------- */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Levenshtein's distance of two words shorter than TEXT_SHORT. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[TEXT_SHORT + 1], i, j, diagonal, up;
	size_t n = strlen(b);

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (j = 0; j < n; j++) {
			up = row[j + 1];
			row[j + 1] = least(up + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = up;
		}
	}
	return row[n];
}

void text_near_init(struct text_near *n, const char *word)
{
	*n = (struct text_near){ .word = word, .distance = 1 + (unsigned)(strlen(word) + 2) / 3 };
}

void text_near_try(struct text_near *n, const char *name)
{
	unsigned d;

	if (strlen(n->word) >= TEXT_SHORT || strlen(name) >= TEXT_SHORT)
		return;
	d = distance(n->word, name);
	if (d < n->distance && d < strlen(name)) {
		n->distance = d;
		n->best = name;
	}
}
