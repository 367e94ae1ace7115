/* SPDX-License-Identifier: MIT */
/* Rows of a node's pinned maps: see pinned.h. */
#include "tools/writ/pinned.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/boot/switch.h"

enum { DENIALS_MAX = 1 << 16, SPARE = 128 };

static int by_proc(const void *x, const void *y)
{
	const struct guard_denial_key *a = &((const struct denial *)x)->k,
				      *b = &((const struct denial *)y)->k;
	const uint32_t va[] = { a->realm, a->pid, a->layer, a->what },
		       vb[] = { b->realm, b->pid, b->layer, b->what };

	for (size_t i = 0; i < 4; i++)
		if (va[i] != vb[i])
			return va[i] < vb[i] ? -1 : 1;
	return 0;
}

/* One that went while it was looked at sends the walk back: what was seen twice is left out. */
static size_t denials_sort(struct denial *v, size_t n)
{
	size_t m = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), by_proc);
	for (size_t i = 0; i < n; i++)
		if (m == 0 || by_proc(&v[m - 1], &v[i]) != 0)
			v[m++] = v[i];
	return m;
}

/* The layer of sockets knows the realm alone, and has its name in the row. */
static void realm_name(struct denial *d, int realms)
{
	struct guard_realm r = { .name = "?" };

	if (d->k.layer == GUARD_BY_SOCKETS)
		memcpy(r.name, d->d.name, sizeof(r.name));
	else
		(void)bpf_map_lookup_elem(realms, &d->k.realm, &r);
	memcpy(d->realm, r.name, sizeof(d->realm));
}

static long denials_read(int fd, int realms, struct denial **ret)
{
	struct guard_denial_key next, *from = NULL;
	struct denial *v = NULL, *more;
	size_t n = 0, room = 0;

	while (n < DENIALS_MAX && bpf_map_get_next_key(fd, from, &next) == 0) {
		if (n == room) {
			room = room == 0 ? 64 : room * 2;
			more = reallocarray(v, room, sizeof(*v));
			if (more == NULL) {
				free(v);
				return -ENOMEM;
			}
			v = more;
		}
		/* one that was pushed out meanwhile has no row */
		v[n].k = next;
		if (bpf_map_lookup_elem(fd, &next, &v[n].d) == 0)
			realm_name(&v[n++], realms);
		from = &next;
	}
	*ret = v;
	return (long)denials_sort(v, n);
}

/* Rows begin to go when none is left that no processor has set aside, SPARE each. */
static bool is_full(int fd, long n)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	long spare = (long)SPARE * libbpf_num_possible_cpus();

	if (n < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return false;
	spare = spare < info.max_entries / 2 ? spare : info.max_entries / 2;
	return n + spare >= info.max_entries;
}

long pinned_denials(const char *node, struct denial **ret, bool *ret_full)
{
	int fd = guard_pin_open(node, "maps", "denials");
	int realms = guard_pin_open(node, "maps", "realms");
	long n = fd < 0 ? fd : denials_read(fd, realms, ret);

	*ret_full = fd >= 0 && is_full(fd, n);
	if (fd >= 0)
		close(fd);
	if (realms >= 0)
		close(realms);
	return n;
}
