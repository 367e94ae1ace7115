/* SPDX-License-Identifier: MIT */
/*
 * The loader of Writ's eBPF programs: one object a layer, loaded and attached by
 * itself, so that one which Linux refuses costs that layer and no other. Maps of
 * one name are one map. All is pinned below GUARD_PINS/nodes/NODE: so it outlives
 * this process and the kernel until node_clear() finds the node's processes dead.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include <writ/boot.h>
#include <writ/guard.h>

struct bpf_link;
struct bpf_map;
struct bpf_object;
struct bpf_program;

enum { GUARD_OBJECTS_MAX = 6, GUARD_MAPS_MAX = 32, GUARD_PROGS_MAX = 64 };

/* What is loaded. Zeros are nothing. */
struct guard {
	unsigned layers;             /* bit of each enum writ_layer that is attached */
	char why[WRIT_LAYER_N][200]; /* not; "" when it is */
	struct bpf_object *objects[GUARD_OBJECTS_MAX];
	struct bpf_map *maps[GUARD_MAPS_MAX]; /* the first of each name */
	struct bpf_program *progs[GUARD_PROGS_MAX];
	struct bpf_link *links[GUARD_PROGS_MAX]; /* NULL: the program is not attached */
	unsigned nobjects, nmaps, nprogs;
};

/*
 * Load layers (@want: bit of each enum writ_layer) and attach them: programs of sockets to the
 * cgroup (v2) that @group is open at. Nothing is pinned. What can't be had is not in g->layers, and
 * g->why says why. Needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN. @mode OFF: what looks at each call is
 * loaded but not attached.
 */
void guard_load(struct guard *g, unsigned want, int group, enum guard_mode mode);

/* Try layers by use, which must ENFORCE: a child that is held by one must not get away with what it
 * tries. Who stops nobody is taken off g->layers. @group: as for guard_load(). */
void guard_try(struct guard *g, int group);

/* Detach what looks at each call; it stays loaded. */
void guard_detach(struct guard *g);

/* Pin what is loaded for node @node, readable by group @gid. bpffs is mounted if nobody has.
 * Returns 0 or -errno: then nothing is pinned. */
int guard_pin(struct guard *g, const char *node, gid_t gid);

/* The descriptor, borrowed, of the map @name; -1. */
int guard_map(const struct guard *g, const char *name);

/* Is rule @rule of kernel/syscalls.h one that the nest needs, and procs have no use for? */
bool guard_of_nest(unsigned rule);

/* Give back descriptors; what isn't pinned is detached. */
void guard_close(struct guard *g);

/* Remove the pins of node @node: what only they kept is detached. Returns 0 or -errno. */
int guard_unpin(const char *node);
