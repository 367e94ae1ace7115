// SPDX-License-Identifier: MIT
#include "tests/unit/libsys/ring_pair.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

struct ring_fds ring_fds_new(uint32_t bulk)
{
	struct ring_fds f = { .bulk = bulk };

	f.memory = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	must(f.memory >= 0 && ftruncate(f.memory, (off_t)ring_bytes(bulk)) == 0 &&
		fcntl(f.memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0,
	    "memfd");
	for (int i = 0; i < 2; i++) {
		f.bell[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		must(f.bell[i] >= 0, "eventfd");
	}
	return f;
}

void ring_fds_close(struct ring_fds *f)
{
	close(f->memory);
	close(f->bell[0]);
	close(f->bell[1]);
}

struct link *ring_pair_link(const struct ring_fds *f, int side)
{
	struct link *l = link_new(f->memory, dup(f->bell[!side]), dup(f->bell[side]), side);

	must(l, "link");
	return l;
}

struct tx *ring_pair_side(const struct ring_fds *f, int side, struct link **ret_link)
{
	struct link *l = ring_pair_link(f, side);
	struct tx *t = ring_new(f->memory, f->bulk, side, l, 0, NULL);

	must(t, "ring");
	if (ret_link)
		*ret_link = l;
	else
		link_put(l);
	return t;
}

void ring_fill(void *p, size_t len, uint64_t seed)
{
	unsigned char *b = p;

	for (size_t i = 0; i < len; i++)
		b[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

bool ring_filled(const void *p, size_t len, uint64_t seed)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < len; i++)
		if (b[i] != (unsigned char)(seed * 31 + i * 7 + (i >> 8)))
			return false;
	return true;
}

bool ring_put(struct tx *t, size_t len, uint64_t seed, bool cork)
{
	const struct frame f = { .len = (uint32_t)len,
		.total = (uint32_t)(2 * len),
		.label = (uint32_t)(3 * seed),
		.id = (uint32_t)(5 * seed),
		.kind = seed % FRAME_N };
	void *p = t->ops->reserve(t, len);

	if (!p)
		return false;
	ring_fill(p, len, seed);
	must(t->ops->commit(t, &f, cork) == 0, "commit");
	return true;
}

int64_t ring_get(struct tx *t, uint64_t seed)
{
	struct frame f;
	const void *data;
	int r = t->ops->peek(t, &f, &data);

	must(r >= 0, "peek");
	if (r == 0)
		return -1;
	must(f.total == 2 * f.len && f.label == (uint32_t)(3 * seed) &&
		f.id == (uint32_t)(5 * seed) && f.kind == seed % FRAME_N,
	    "header");
	must(ring_filled(data, f.len, seed), "data");
	must(t->ops->release(t) == 0, "release");
	return f.len;
}

static void ring_nothing(void *arg, void *owner)
{
	(void)arg;
	(void)owner;
}

bool ring_sleep(struct tx *t, struct link *l, unsigned want, size_t len, int ms)
{
	struct pollfd p = { .fd = link_fd(l), .events = POLLIN };
	int r = 1;

	if (!t->ops->arm(t, want, len)) {
		while ((r = poll(&p, 1, ms)) < 0 && errno == EINTR)
			;
		if (r > 0)
			link_rang(l, true, ring_nothing, NULL);
	}
	t->ops->disarm(t, want);
	return r > 0;
}
