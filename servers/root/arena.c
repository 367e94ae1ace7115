/* SPDX-License-Identifier: MIT */
/*
 * Memory of one unpacked message: taken and given back as a whole, bounded, so
 * that a frame made to unpack into more than it should fails cleanly.
 */
#include "servers/root/op.h"
#include <string.h>
#include <sys/mman.h>

#define ALIGN 16

static void *arena_get(void *arg, size_t size)
{
	struct arena *a = arg;
	size_t at = (a->used + ALIGN - 1) / ALIGN * ALIGN;

	if (size > OP_ARENA - at)
		return NULL;
	a->used = at + size;
	return a->base + at;
}

static void arena_put(void *arg, void *p)
{
	(void)arg;
	(void)p;
}

void *arena_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, const void *data,
    size_t len)
{
	ProtobufCAllocator al = { arena_get, arena_put, a };
	void *m;

	*a = (struct arena){ .base = mmap(NULL, OP_ARENA, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
	if (a->base == MAP_FAILED) {
		a->base = NULL;
		return NULL;
	}
	m = protobuf_c_message_unpack(d, &al, len, data);
	if (m == NULL)
		arena_free(a);
	return m;
}

void arena_free(struct arena *a)
{
	if (a->base != NULL)
		munmap(a->base, OP_ARENA);
	*a = (struct arena){ 0 };
}
