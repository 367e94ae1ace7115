// SPDX-License-Identifier: MIT
/*
 * Links: two bells, and a hint for each ring between two procs, so that one
 * descriptor tells of a thousand rings. A hint only means "look there": what the peer
 * makes of these words may cost a look, and never more. Touches no ring's queues.
 */
#include "libsys/ring_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS (RING_HINTS / 64)

struct link_entry {
	struct tx *tx; /* NULL: free */
	void *owner;
};

struct link {
	unsigned refs;
	bool forget;
	int bell_in, bell_out;
	struct ring_ctl *ctl;
	_Atomic uint64_t *in, *out; /* hints from the peer, for the peer */
	dev_t dev;
	ino_t ino; /* of the memory */
	struct link_entry *entries;
	unsigned room; /* of entries */
	unsigned next; /* where link_number() begins to look */
};

struct link *link_new(int fd, int bell_in, int bell_out, int side)
{
	struct link *l = calloc(1, sizeof(*l));
	struct stat st;
	void *p = MAP_FAILED;

	if (l && fstat(fd, &st) == 0)
		p = mmap(NULL, RING_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		close(bell_in);
		close(bell_out);
		free(l);
		return NULL;
	}
	l->refs = 1;
	l->bell_in = bell_in;
	l->bell_out = bell_out;
	l->ctl = p;
	l->in = l->ctl->hints[!side];
	l->out = l->ctl->hints[side];
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return l;
}

struct link *link_get(struct link *l)
{
	l->refs++;
	return l;
}

void link_put(struct link *l)
{
	if (!l || --l->refs)
		return;
	if (l->forget)
		madvise(l->ctl, RING_PAGE, MADV_REMOVE);
	munmap(l->ctl, RING_PAGE);
	close(l->bell_in);
	close(l->bell_out);
	free(l->entries);
	free(l);
}

int link_fd(const struct link *l)
{
	return l->bell_in;
}

int link_number(struct link *l)
{
	/* The one that was free longest: the peer may not yet have closed its half of another. */
	for (unsigned i = 0; i < RING_HINTS; i++) {
		unsigned n = (l->next + i) % RING_HINTS;

		if (n >= l->room || !l->entries[n].tx) {
			l->next = n + 1;
			return (int)n;
		}
	}
	return -1;
}

bool link_enter(struct link *l, unsigned index, struct tx *t, void *owner)
{
	unsigned room = l->room ? l->room : 4;
	struct link_entry *e;

	if (index >= RING_HINTS || (index < l->room && l->entries[index].tx))
		return false;
	while (room <= index)
		room *= 2;
	if (room > l->room) {
		e = reallocarray(l->entries, room, sizeof(*e));
		if (!e)
			return false;
		memset(e + l->room, 0, (room - l->room) * sizeof(*e));
		l->entries = e;
		l->room = room;
	}
	l->entries[index] = (struct link_entry){ .tx = t, .owner = owner };
	return true;
}

void link_leave(struct link *l, unsigned index)
{
	l->entries[index] = (struct link_entry){ 0 };
}

bool link_lies_in(const struct link *l, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino;
}

void link_forget(struct link *l)
{
	l->forget = true;
}

void link_ring(struct link *l, unsigned index)
{
	uint64_t bit = UINT64_C(1) << index % 64, one = 1;

	/* Where a hint is set already, its bell has rung and was not yet answered. */
	if (atomic_fetch_or(&l->out[index / 64], bit))
		return;
	/* A bell that can't be rung is one that the peer filled itself. */
	while (write(l->bell_out, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void link_rang(struct link *l, bool clear, void (*fn)(void *arg, void *owner), void *arg)
{
	uint64_t bits, n;

	/* First the bell, then the hints: one that is set in between rings again. */
	while (clear && read(l->bell_in, &n, sizeof(n)) < 0 && errno == EINTR)
		;
	link_get(l);
	for (unsigned w = 0; w < WORDS; w++) {
		if (!atomic_load_explicit(&l->in[w], memory_order_relaxed))
			continue;
		for (bits = atomic_exchange(&l->in[w], 0); bits; bits &= bits - 1) {
			unsigned i = w * 64 + (unsigned)__builtin_ctzll(bits);

			if (i >= l->room || !l->entries[i].tx)
				continue;
			ring_rang(l->entries[i].tx);
			fn(arg, l->entries[i].owner);
		}
	}
	link_put(l);
}
