/* SPDX-License-Identifier: MIT */
#include "servers/named/data.h"

#include <string.h>
#include <writ/err.h>

#define HEAD_MIN 64
#define REST_MIN 8

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* @size, doubled from @from until it holds @need. */
static size_t doubled(size_t from, size_t need)
{
	while (from < need)
		from *= 2;
	return from;
}

/* What a write of [@off, @end) needs; 0 where it is there already. */
struct need {
	size_t head, rest;    /* new sizes */
	size_t first, chunks; /* of rest: those that the write touches */
};

static struct need need_of(const struct data *d, uint64_t off, uint64_t end)
{
	uint64_t last = (end - 1) / DATA_CHUNK;
	struct need n = { 0 };

	if (off < DATA_CHUNK) {
		size_t upto = end < DATA_CHUNK ? end : DATA_CHUNK;

		if (upto > d->head_cap)
			n.head = doubled(HEAD_MIN, upto);
	}
	if (last == 0)
		return n;
	if (last > d->nrest)
		n.rest = doubled(REST_MIN, last);
	n.first = off < DATA_CHUNK ? 0 : off / DATA_CHUNK - 1;
	n.chunks = last - n.first;
	return n;
}

static uint64_t cost_of(const struct data *d, const struct need *n)
{
	uint64_t cost = 0;

	if (n->head > 0)
		cost += n->head - d->head_cap;
	if (n->rest > 0)
		cost += (n->rest - d->nrest) * sizeof(*d->rest);
	for (size_t i = n->first; i < n->first + n->chunks; i++)
		if (i >= d->nrest || d->rest[i] == NULL)
			cost += DATA_CHUNK;
	return cost;
}

/* Room for a write. On failure some may have been added: all of it holes. */
static int data_reserve(struct data *d, struct mem *m, uint64_t off, uint64_t end)
{
	struct need n = need_of(d, off, end);
	void *p;

	if (cost_of(d, &n) > m->max - m->used)
		return -WRIT_E_NO_SPACE;
	if (n.head > 0) {
		p = mem_resize(m, d->head, d->head_cap, n.head);
		if (p == NULL)
			return -WRIT_E_NO_SPACE;
		d->head = p;
		d->head_cap = n.head;
	}
	if (n.rest > 0) {
		p = mem_resize(m, d->rest, d->nrest * sizeof(*d->rest), n.rest * sizeof(*d->rest));
		if (p == NULL)
			return -WRIT_E_NO_SPACE;
		d->rest = p;
		d->nrest = n.rest;
	}
	for (size_t i = n.first; i < n.first + n.chunks; i++) {
		if (d->rest[i] == NULL)
			d->rest[i] = mem_alloc(m, DATA_CHUNK);
		if (d->rest[i] == NULL)
			return -WRIT_E_NO_SPACE;
	}
	return 0;
}

/* The bytes in memory from @off to the end of its chunk; *ret_len counts the hole behind, too. */
static uint8_t *data_span(const struct data *d, uint64_t off, size_t *ret_real, size_t *ret_len)
{
	size_t chunk = off / DATA_CHUNK, in = off % DATA_CHUNK;
	uint8_t *p = d->head;
	size_t cap = d->head_cap;

	if (chunk > 0) {
		p = chunk <= d->nrest ? d->rest[chunk - 1] : NULL;
		cap = p != NULL ? DATA_CHUNK : 0;
	}
	*ret_len = DATA_CHUNK - in;
	*ret_real = in < cap ? cap - in : 0;
	return *ret_real > 0 ? p + in : NULL;
}

int data_write(struct data *d, struct mem *m, uint64_t off, const void *buf, size_t len)
{
	const uint8_t *from = buf;
	uint64_t end = off + len;
	int r;

	if (len == 0)
		return 0;
	if (len > DATA_CHUNK || end < off || end > m->max)
		return -WRIT_E_NO_SPACE;
	r = data_reserve(d, m, off, end);
	if (r < 0)
		return r;
	while (off < end) {
		size_t real, span;
		uint8_t *p = data_span(d, off, &real, &span);

		span = min_size(span, end - off);
		memcpy(p, from, span);
		from += span;
		off += span;
	}
	if (end > d->size)
		d->size = end;
	return 0;
}

size_t data_read(const struct data *d, uint64_t off, void *buf, size_t len)
{
	uint8_t *to = buf;
	size_t done = 0;

	if (off >= d->size)
		return 0;
	if (len > d->size - off)
		len = d->size - off;
	while (done < len) {
		size_t real, span;
		const uint8_t *p = data_span(d, off + done, &real, &span);

		span = min_size(span, len - done);
		real = min_size(real, span);
		if (real > 0)
			memcpy(to + done, p, real);
		memset(to + done + real, 0, span - real);
		done += span;
	}
	return done;
}

void data_clear(struct data *d, struct mem *m)
{
	for (size_t i = 0; i < d->nrest; i++)
		if (d->rest[i] != NULL)
			mem_free(m, d->rest[i], DATA_CHUNK);
	mem_free(m, d->rest, d->nrest * sizeof(*d->rest));
	mem_free(m, d->head, d->head_cap);
	*d = (struct data){ 0 };
}
