/* SPDX-License-Identifier: MIT */
/* Words of a dump's line: see parse.h. Reads nothing behind the line's end. */
#include "servers/loader/parse.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <writ/rights.h>

int bad(struct parse *p, const char *fmt, ...)
{
	int n = snprintf(p->why, DUMP_WHY_MAX, "%u: ", p->line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why + n, DUMP_WHY_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return -WRIT_E_INVALID_ARGUMENT;
}

static void blanks(struct parse *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
}

bool sign(struct parse *p, const char *s)
{
	size_t n = strlen(s);

	blanks(p);
	if ((size_t)(p->end - p->at) < n || memcmp(p->at, s, n) != 0)
		return false;
	p->at += n;
	return true;
}

int need(struct parse *p, const char *s)
{
	return sign(p, s) ? 0 : bad(p, "\"%s\" is missing", s);
}

int word(struct parse *p, char *buf, size_t size)
{
	size_t n = 0;

	blanks(p);
	while (p->at < p->end &&
	    ((*p->at >= 'a' && *p->at <= 'z') || (*p->at >= 'A' && *p->at <= 'Z') ||
		(*p->at >= '0' && *p->at <= '9') || (*p->at != '\0' && strchr("_.+-", *p->at)))) {
		if (n + 1 == size)
			return bad(p, "a word is too long");
		buf[n++] = *p->at++;
	}
	buf[n] = '\0';
	return n > 0 ? 0 : bad(p, "a word is missing");
}

int number(struct parse *p, uint64_t max, uint64_t *ret)
{
	char buf[32];
	uint64_t n = 0;
	int e = word(p, buf, sizeof(buf));

	if (e != 0)
		return e;
	for (const char *c = buf; *c != '\0'; c++) {
		unsigned digit = (unsigned)(*c - '0');

		if (digit > 9 || n > (max - digit % 10) / 10)
			return bad(p, "%s: a number up to %" PRIu64 " is wanted", buf, max);
		n = n * 10 + digit;
	}
	*ret = n;
	return 0;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

int text(struct parse *p, char *buf, size_t size)
{
	size_t n = 0;

	if (!sign(p, "\""))
		return bad(p, "a text in quotes is missing");
	while (p->at < p->end && *p->at != '"') {
		int c = (unsigned char)*p->at++;

		if (c == '\\') {
			if (p->end - p->at < 3 || *p->at != 'x' || hex(p->at[1]) < 0 ||
			    hex(p->at[2]) < 0)
				return bad(p, "\\xHH is the only escape");
			c = hex(p->at[1]) * 16 + hex(p->at[2]);
			p->at += 3;
		}
		if (n + 1 == size || c == '\0')
			return bad(p, "a text is too long, or holds a NUL");
		buf[n++] = (char)c;
	}
	memset(buf + n, 0, size - n);
	return p->at < p->end ? need(p, "\"") : bad(p, "the text does not end");
}

int choice(struct parse *p, const char *buf, unsigned n, const char *(*name)(unsigned x),
    uint64_t *ret)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(buf, name(i)) == 0) {
			*ret = i;
			return 0;
		}
	return bad(p, "%s is unknown here", buf);
}

int set(struct parse *p, unsigned n, const char *(*name)(unsigned x), uint64_t *ret)
{
	char buf[160], *save = NULL;
	uint64_t i = 0, bits = 0;
	int e = word(p, buf, sizeof(buf));

	for (char *w = e == 0 ? strtok_r(buf, "+", &save) : NULL; w != NULL && e == 0;
	     w = strtok_r(NULL, "+", &save)) {
		if (strcmp(w, "none") == 0)
			continue;
		if (name != NULL && (e = choice(p, w, n, name, &i)) == 0)
			bits |= UINT64_C(1) << i;
		if (name == NULL && writ_right_parse(w) == 0)
			e = bad(p, "there is no right %s", w);
		bits |= name == NULL ? writ_right_parse(w) : 0;
	}
	*ret = bits;
	return e;
}

int digest(struct parse *p, uint8_t ret[32])
{
	char buf[80];
	int e = word(p, buf, sizeof(buf));

	if (e != 0)
		return e;
	if (strlen(buf) != 64 || strspn(buf, "0123456789abcdef") != 64)
		return bad(p, "64 hexadecimal digits are wanted");
	for (int i = 0; i < 32; i++)
		ret[i] = (uint8_t)(hex(buf[2 * i]) * 16 + hex(buf[2 * i + 1]));
	return 0;
}
