/* SPDX-License-Identifier: MIT */
/* A node's pins: see pinned.h. */
#include "tools/writ/pinned.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIN_MAX = 512, DENIALS_MAX = 1 << 16 };

/* Something of each layer: all of a layer's is there, or nothing. */
static const struct {
	enum writ_layer layer;
	const char *kind, *name;
} marks[] = {
	{ WRIT_LAYER_EBPF_CALLS, "progs", "guard_enter" },
	{ WRIT_LAYER_EBPF_SOCKETS, "progs", "guard_create" },
	{ WRIT_LAYER_EBPF_UNIX, "progs", "guard_connect_unix" },
	{ WRIT_LAYER_EBPF_LSM, "progs", "guard_lsm_exec" },
	{ WRIT_LAYER_TELEMETRY, "maps", "procs" },
};

bool guard_mode_parse(const char *word, enum guard_mode *ret)
{
	for (unsigned i = 0; i <= GUARD_ENFORCE; i++)
		if (strcmp(writ_guard_name(i), word) == 0) {
			*ret = (enum guard_mode)i;
			return true;
		}
	return false;
}

static const char *pin_path(char path[PIN_MAX], const char *node, const char *kind,
    const char *name)
{
	snprintf(path, PIN_MAX, GUARD_PINS "/nodes/%s/%s%s%s", node, kind, *name != '\0' ? "/" : "",
	    name);
	return path;
}

static int pin_open(const char *node, const char *kind, const char *name)
{
	char path[PIN_MAX];
	int fd = bpf_obj_get(pin_path(path, node, kind, name));

	return fd < 0 ? -errno : fd;
}

int pinned_read(const char *node, uint32_t *ret_loaded, enum guard_mode *ret_mode)
{
	int fd = pin_open(node, "maps", "config"), r = 0;
	struct guard_config c;
	char path[PIN_MAX];

	if (fd < 0)
		return fd;
	if (bpf_map_lookup_elem(fd, &(uint32_t){ 0 }, &c) < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		return r;
	*ret_mode = c.mode;
	*ret_loaded = 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (access(pin_path(path, node, marks[i].kind, marks[i].name), F_OK) == 0)
			*ret_loaded |= 1u << marks[i].layer;
	return 0;
}

/* --- the change of mode --------------------------------------------------------------------- */

/* The rows of the next generation: those of this one. */
static int calls_copy(const char *node, uint32_t generation)
{
	int fd = pin_open(node, "maps", "calls"), r = 0;
	struct guard_calls row;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd; /* the layer isn't there */
	for (unsigned i = 0; i < WRIT_PROFILE_N * 2 && r == 0; i++) {
		uint32_t from = guard_calls_row(generation, i / 2, i & 1),
			 to = guard_calls_row(generation + 1, i / 2, i & 1);

		if (bpf_map_lookup_elem(fd, &from, &row) < 0 ||
		    bpf_map_update_elem(fd, &to, &row, BPF_ANY) < 0)
			r = -errno;
	}
	close(fd);
	return r;
}

static int config_set(const char *node, enum guard_mode mode)
{
	int fd = pin_open(node, "maps", "config"), r = fd < 0 ? fd : 0;
	struct guard_config c = { 0 };

	if (r == 0 && bpf_map_lookup_elem(fd, &(uint32_t){ 0 }, &c) < 0)
		r = -errno;
	if (r == 0)
		r = calls_copy(node, c.generation);
	if (r == 0) {
		c.mode = mode;
		c.generation = c.generation + 1 != GUARD_UNKNOWN ? c.generation + 1 : 0;
		r = bpf_map_update_elem(fd, &(uint32_t){ 0 }, &c, BPF_ANY) < 0 ? -errno : 0;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* Is program @fd called at each system call of every process? */
static bool each_call(int fd, const struct btf *btf)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	const struct btf_type *t;
	const char *name;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.type != BPF_PROG_TYPE_TRACING)
		return false;
	t = btf__type_by_id(btf, info.attach_btf_id);
	name = t != NULL ? btf__name_by_offset(btf, t->name_off) : NULL;
	return name != NULL &&
	    (strcmp(name, "btf_trace_sys_enter") == 0 || strcmp(name, "btf_trace_sys_exit") == 0);
}

/* Pinned as @like is: for the same to read. */
static int link_pin(int link, const char *path, const char *like)
{
	struct stat st;

	if (stat(like, &st) < 0 || bpf_obj_pin(link, path) < 0)
		return -errno;
	return chown(path, st.st_uid, st.st_gid) < 0 || chmod(path, st.st_mode & 0777) < 0 ? -errno
											   : 0;
}

/* Attach program @name, which is open at @prog, unless it is; or detach it. */
static int link_switch(const char *node, const char *name, int prog, bool on)
{
	char path[PIN_MAX], like[PIN_MAX];
	int link, r;

	pin_path(path, node, "links", name);
	if (!on)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if (access(path, F_OK) == 0)
		return 0;
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		return -errno;
	r = link_pin(link, path, pin_path(like, node, "progs", name));
	close(link);
	return r;
}

/* All that are called at each call, of those that lie in @d. */
static int progs_switch(const char *node, DIR *d, const struct btf *btf, bool on)
{
	struct dirent *e;
	int r = 0;

	while (r == 0 && (e = readdir(d)) != NULL) {
		int prog = e->d_name[0] != '.' ? pin_open(node, "progs", e->d_name) : -1;

		if (prog < 0)
			continue;
		if (each_call(prog, btf))
			r = link_switch(node, e->d_name, prog, on);
		close(prog);
	}
	return r;
}

static int calls_switch(const char *node, bool on)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char path[PIN_MAX];
	DIR *d;
	int r;

	if (btf == NULL)
		return -errno;
	d = opendir(pin_path(path, node, "progs", ""));
	r = d != NULL ? progs_switch(node, d, btf, on) : -errno;
	if (d != NULL)
		closedir(d);
	btf__free(btf);
	return r;
}

int pinned_switch(const char *node, enum guard_mode mode, const char **ret_doing)
{
	int r = 0;

	*ret_doing = "attaching the programs";
	if (mode != GUARD_OFF)
		r = calls_switch(node, true);
	if (r == 0) {
		*ret_doing = "writing the map of settings";
		r = config_set(node, mode);
	}
	if (r == 0 && mode == GUARD_OFF) {
		*ret_doing = "detaching the programs";
		r = calls_switch(node, false);
	}
	return r;
}

/* --- denials -----------------------------------------------------------------------------------
 */

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

long pinned_denials(const char *node, struct denial **ret)
{
	int fd = pin_open(node, "maps", "denials");
	struct guard_denial_key next, *from = NULL;
	struct denial *v = NULL, *more;
	size_t n = 0, room = 0;

	if (fd < 0)
		return fd;
	while (n < DENIALS_MAX && bpf_map_get_next_key(fd, from, &next) == 0) {
		if (n == room) {
			room = room == 0 ? 64 : room * 2;
			more = reallocarray(v, room, sizeof(*v));
			if (more == NULL) {
				free(v);
				close(fd);
				return -ENOMEM;
			}
			v = more;
		}
		/* one that was pushed out meanwhile has no row */
		v[n].k = next;
		if (bpf_map_lookup_elem(fd, &next, &v[n].d) == 0)
			n++;
		from = &next;
	}
	close(fd);
	*ret = v;
	return (long)denials_sort(v, n);
}
