/* SPDX-License-Identifier: MIT */
/* Loads and attaches: see guard.h. */
#include "tools/boot/guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "kernel/syscalls.h"
#include "tools/boot/reason.h"
#include "tools/boot/switch.h"

#include "bpf/calls.skel.h"
#include "bpf/lsm.skel.h"
#include "bpf/sched.skel.h"
#include "bpf/sockets.skel.h"
#include "bpf/tables.skel.h"
#include "tools/boot/names.h"

/* Not in the headers of libbpf 1.1. */
enum { UNIX_CONNECT = 49, UNIX_SENDMSG = 50 };
static const struct {
	const char *program;
	int attach;
} unix_hooks[] = { { "guard_connect_unix", UNIX_CONNECT }, { "guard_sendmsg_unix", UNIX_SENDMSG } };

static const struct object {
	enum writ_layer layer;
	const void *(*bytes)(size_t *size);
} objects[] = {
	{ WRIT_LAYER_EBPF_CALLS, calls_bpf__elf_bytes },
	{ WRIT_LAYER_EBPF_SOCKETS, sockets_bpf__elf_bytes },
	{ WRIT_LAYER_EBPF_LSM, lsm_bpf__elf_bytes },
	{ WRIT_LAYER_TELEMETRY, tables_bpf__elf_bytes },
	{ WRIT_LAYER_TELEMETRY, sched_bpf__elf_bytes },
};
_Static_assert(sizeof(objects) / sizeof(objects[0]) <= GUARD_OBJECTS_MAX, "");

/* --- why not ----------------------------------------------------------------------------- */

static char said[160]; /* libbpf's first warning */

__attribute__((format(printf, 2, 0))) static int listen_to(enum libbpf_print_level level,
    const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && *said == '\0' && strstr(fmt, "ulimit") == NULL)
		vsnprintf(said, sizeof(said), fmt, ap);
	return 0;
}

static int refuse(struct guard *g, enum writ_layer layer, const char *doing, int err)
{
	char reason[128];

	said[strcspn(said, "\n")] = '\0';
	reason_find(layer, err, said, reason, sizeof(reason));
	snprintf(g->why[layer], sizeof(g->why[layer]), "%s: %s: %s", doing, strerror(-err), reason);
	return err;
}

/* --- maps ---------------------------------------------------------------------------------- */

static struct bpf_map *map_named(const struct guard *g, const char *name)
{
	for (unsigned i = 0; i < g->nmaps; i++)
		if (strcmp(bpf_map__name(g->maps[i]), name) == 0)
			return g->maps[i];
	return NULL;
}

int guard_map(const struct guard *g, const char *name)
{
	const struct bpf_map *m = map_named(g, name);

	return m != NULL ? bpf_map__fd(m) : -1;
}

static int maps_share(const struct guard *g, struct bpf_object *o)
{
	struct bpf_map *m;
	int r = 0;

	bpf_object__for_each_map(m, o)
	{
		const struct bpf_map *first = map_named(g, bpf_map__name(m));

		if (r == 0 && first != NULL)
			r = bpf_map__reuse_fd(m, bpf_map__fd(first));
	}
	return r;
}

static void maps_note(struct guard *g, struct bpf_object *o)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, o) if (map_named(g, bpf_map__name(m)) == NULL &&
	    g->nmaps < GUARD_MAPS_MAX) g->maps[g->nmaps++] = m;
}

/* --- what processes may call: from the table that makes the filters, too ---------------------- */

bool guard_of_nest(unsigned rule)
{
	return rule == SYSCALL_VFORK || rule == SYSCALL_EXEC_IMAGE ||
	    rule == SYSCALL_EXEC_IMAGE_S || rule == SYSCALL_NARROW;
}

static void calls_fill(const struct guard *g)
{
	static const struct row {
		unsigned nr, rule, profiles;
	} rows[] = {
#define X(name, rule, profiles, reason) { SYS_##name, SYSCALL_##rule, profiles },
		SYSCALLS(X)
#undef X
	};
	struct guard_calls calls[GUARD_CALLS_ROWS] = { 0 };
	int map = guard_map(g, "calls");

	for (const struct row *r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++)
		for (uint32_t i = 0; i < GUARD_CALLS_ROWS && r->rule != SYSCALL_ABSENT; i++)
			if ((r->profiles >> (i / 2 % WRIT_PROFILE_N) & 1) != 0 &&
			    ((i & 1) != 0 || !guard_of_nest(r->rule)))
				calls[i].bits[r->nr / 64] |= UINT64_C(1) << r->nr % 64;
	for (uint32_t i = 0; i < GUARD_CALLS_ROWS; i++)
		bpf_map_update_elem(map, &i, &calls[i], BPF_ANY);
}

/* --- loading -------------------------------------------------------------------------------- */

static struct bpf_object *object_open(const struct guard *g, const struct object *o, bool with_unix)
{
	size_t size;
	const void *bytes = o->bytes(&size);
	struct bpf_object *b = bpf_object__open_mem(bytes, size, NULL);

	for (unsigned i = 0; b != NULL && i < sizeof(unix_hooks) / sizeof(unix_hooks[0]); i++) {
		struct bpf_program *p = bpf_object__find_program_by_name(b, unix_hooks[i].program);

		if (p == NULL)
			continue;
		bpf_program__set_type(p, BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
		bpf_program__set_expected_attach_type(p,
		    (enum bpf_attach_type)unix_hooks[i].attach);
		bpf_program__set_autoload(p, with_unix);
	}
	if (b != NULL && maps_share(g, b) != 0) {
		bpf_object__close(b);
		return NULL;
	}
	return b;
}

static struct bpf_object *object_load(const struct guard *g, const struct object *o, bool with_unix)
{
	struct bpf_object *b = object_open(g, o, with_unix);
	int r;

	if (b == NULL || (r = bpf_object__load(b)) == 0)
		return b;
	bpf_object__close(b);
	errno = -r;
	return NULL;
}

/* --- attaching -----------------------------------------------------------------------------------
 */

static bool each_call(const struct bpf_program *p)
{
	static const char *const names[] = {
#define X(name) #name,
		GUARD_EACH_CALL(X)
#undef X
	};
	bool is = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		is |= strcmp(bpf_program__name(p), names[i]) == 0;
	return is;
}

/* It is attached while somebody asks for it, by who does. */
static bool on_demand(const struct bpf_program *p)
{
	return strncmp(bpf_program__name(p), "trace_", strlen("trace_")) == 0;
}

/* An iterator over the map that it is named after, or else over what there is of Linux's. */
static struct bpf_link *attach_iter(const struct bpf_object *b, const struct bpf_program *p)
{
	int map = bpf_object__find_map_fd_by_name(b, bpf_program__name(p) + strlen("iter_"));
	union bpf_iter_link_info info = { .map.map_fd = (uint32_t)map };
	struct bpf_iter_attach_opts opts;

	memset(&opts, 0, sizeof(opts)); /* libbpf looks at what is between and behind the fields */
	opts.sz = sizeof(opts);
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	return bpf_program__attach_iter(p, map >= 0 ? &opts : NULL);
}

static struct bpf_link *attach(const struct bpf_object *b, const struct bpf_program *p, int group)
{
	enum bpf_prog_type type = bpf_program__type(p);

	if (type == BPF_PROG_TYPE_CGROUP_SOCK || type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
		return bpf_program__attach_cgroup(p, group);
	return bpf_program__expected_attach_type(p) == BPF_TRACE_ITER ? attach_iter(b, p)
								      : bpf_program__attach(p);
}

/* All programs of @b that were loaded. Those of a layer are attached all or none. */
static int object_attach(struct guard *g, struct bpf_object *b, int group, enum guard_mode mode)
{
	unsigned first = g->nprogs;
	struct bpf_program *p;
	int r = 0;

	bpf_object__for_each_program(p, b)
	{
		if (r < 0 || bpf_program__fd(p) < 0)
			continue;
		if (g->nprogs == GUARD_PROGS_MAX)
			return -E2BIG;
		g->progs[g->nprogs] = p;
		if ((mode != GUARD_OFF || !each_call(p)) && !on_demand(p)) {
			g->links[g->nprogs] = attach(b, p, group);
			r = g->links[g->nprogs] == NULL ? -errno : 0;
		}
		g->nprogs++;
	}
	while (r < 0 && g->nprogs > first) {
		bpf_link__destroy(g->links[--g->nprogs]);
		g->links[g->nprogs] = NULL;
	}
	return r;
}

/* Also says of ebpf_unix, which comes with the sockets where Linux has it. */
static int layer_load(struct guard *g, const struct object *o, int group, enum guard_mode mode)
{
	bool sockets = o->layer == WRIT_LAYER_EBPF_SOCKETS;
	struct bpf_object *b;
	int r;

	*said = '\0';
	b = object_load(g, o, sockets);
	if (b == NULL && sockets) {
		refuse(g, WRIT_LAYER_EBPF_UNIX, "loading", -errno);
		*said = '\0';
		b = object_load(g, o, false);
	} else if (sockets) {
		g->layers |= 1u << WRIT_LAYER_EBPF_UNIX;
	}
	if (b == NULL)
		return refuse(g, o->layer, "loading", -errno);
	if ((r = object_attach(g, b, group, mode)) < 0) {
		bpf_object__close(b);
		g->layers &= ~(sockets ? 1u << WRIT_LAYER_EBPF_UNIX : 0u);
		return refuse(g, o->layer, "attaching", r);
	}
	g->objects[g->nobjects++] = b;
	maps_note(g, b);
	return 0;
}

void guard_load(struct guard *g, unsigned want, int group, enum guard_mode mode)
{
	struct guard_config c = { .generation = 1, .mode = mode };
	unsigned failed = 0;

	*g = (struct guard){ 0 };
	libbpf_set_print(listen_to);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	for (const struct object *o = objects; o < objects + sizeof(objects) / sizeof(objects[0]);
	     o++) {
		if ((want >> o->layer & 1) == 0)
			continue;
		*(layer_load(g, o, group, mode) == 0 ? &g->layers : &failed) |= 1u << o->layer;
	}
	g->layers &= ~failed; /* of telemetry both or none */
	if (guard_map(g, "calls") >= 0)
		calls_fill(g);
	if (guard_map(g, "names") >= 0)
		names_fill(guard_map(g, "names"));
	if (guard_map(g, "config") >= 0)
		bpf_map_update_elem(guard_map(g, "config"), &(uint32_t){ 0 }, &c, BPF_ANY);
}

void guard_detach(struct guard *g)
{
	for (unsigned i = 0; i < g->nprogs; i++)
		if (each_call(g->progs[i])) {
			bpf_link__destroy(g->links[i]);
			g->links[i] = NULL;
		}
}

void guard_close(struct guard *g)
{
	for (unsigned i = 0; i < g->nprogs; i++)
		bpf_link__destroy(g->links[i]);
	for (unsigned i = 0; i < g->nobjects; i++)
		bpf_object__close(g->objects[i]);
	*g = (struct guard){ 0 };
}
