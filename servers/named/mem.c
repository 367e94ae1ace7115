/* SPDX-License-Identifier: MIT */
#include "servers/named/mem.h"

#include <stdlib.h>
#include <string.h>

void *mem_alloc(struct mem *m, size_t size)
{
	void *p;

	if (size > m->max - m->used)
		return NULL;
	p = calloc(1, size);
	if (p != NULL)
		m->used += size;
	return p;
}

void *mem_resize(struct mem *m, void *p, size_t old, size_t size)
{
	char *q;

	if (size > old && size - old > m->max - m->used)
		return NULL;
	q = realloc(p, size);
	if (q == NULL)
		return NULL;
	if (size > old)
		memset(q + old, 0, size - old);
	m->used = m->used - old + size;
	return q;
}

void mem_free(struct mem *m, void *p, size_t size)
{
	free(p);
	m->used -= size;
}
