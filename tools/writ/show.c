/* SPDX-License-Identifier: MIT */
/* Text for people: see show.h. Pure but for show_clock() and the two that print. */
#include "tools/writ/show.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Length of the UTF-8 character at @s, of which @n bytes are there; 0: none, -1: cut short. */
static int char_length(const unsigned char *s, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = s[0];
	int len = c < 0x80          ? 1
	    : c >= 0xc2 && c < 0xe0 ? 2
	    : (c & 0xf0) == 0xe0    ? 3
	    : c >= 0xf0 && c < 0xf5 ? 4
				    : 0;

	if (len > 1)
		c &= 0x7f >> len;
	for (int i = 1; i < len; i++) {
		if ((size_t)i == n)
			return -1;
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (len == 0 || c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return len;
}

/* Would a terminal act on it, or could it make text look like other text? */
static bool char_acts(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x061c ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

size_t show_safe(const char *s, size_t n, char *buf, size_t size)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t in = 0, out = 0;
	uint32_t c;
	int len;

	while (in < n) {
		len = char_length(p + in, n - in, &c);
		if (len > 0 && !char_acts(c)) {
			if (out + (size_t)len >= size)
				break;
			memcpy(buf + out, s + in, (size_t)len);
			out += (size_t)len;
			in += (size_t)len;
			continue;
		}
		if (len <= 0)
			len = 1;
		if (out + 4 * (size_t)len >= size)
			break;
		for (int i = 0; i < len; i++)
			out += (size_t)snprintf(buf + out, 5, "\\x%02x", p[in++]);
	}
	buf[out] = '\0';
	return in;
}

size_t show_cut(const char *s, size_t n)
{
	uint32_t c;

	for (size_t back = 1; back <= 3 && back <= n; back++) {
		if (((unsigned char)s[n - back] & 0xc0) != 0x80)
			return char_length((const unsigned char *)s + n - back, back, &c) < 0 ? back
											      : 0;
	}
	return 0;
}

void show_put(FILE *f, const char *s)
{
	fputs(s, f);
}

void show_safe_put(FILE *f, const char *s)
{
	char buf[512];
	size_t n = strlen(s), used;

	while (n > 0) {
		used = show_safe(s, n, buf, sizeof(buf));
		fputs(buf, f);
		s += used;
		n -= used;
	}
}

size_t show_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

char *show_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "KMGTPE";
	double v = (double)bytes / 1024;
	const char *u = units;

	if (bytes < 1024) {
		snprintf(buf, size, "%u", (unsigned)bytes);
		return buf;
	}
	for (; v >= 1023.95 && u[1] != '\0'; u++)
		v /= 1024;
	snprintf(buf, size, "%.1f%c", v, *u);
	return buf;
}

char *show_time(uint64_t ns, char *buf, size_t size)
{
	uint64_t s = ns / 1000000000;

	if (s < 60)
		snprintf(buf, size, "%.2fs", (double)ns / 1e9);
	else
		show_age(ns, buf, size);
	return buf;
}

char *show_age(uint64_t ns, char *buf, size_t size)
{
	unsigned long s = ns / 1000000000, m = s / 60, h = m / 60;

	if (s < 60)
		snprintf(buf, size, "%lus", s);
	else if (m < 60)
		snprintf(buf, size, "%lum%02lus", m, s % 60);
	else if (h < 24)
		snprintf(buf, size, "%luh%02lum", h, m % 60);
	else
		snprintf(buf, size, "%lud%02luh", h / 24, h % 24);
	return buf;
}

uint64_t show_clock(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}
