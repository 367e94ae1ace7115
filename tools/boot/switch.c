/* SPDX-License-Identifier: MIT */
/* The guard's mode, and what it attaches: see switch.h. */
#include "tools/boot/switch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIN_MAX = 512, CALLS = 1u << WRIT_LAYER_EBPF_CALLS };

bool guard_mode_parse(const char *word, enum guard_mode *ret)
{
	for (unsigned i = 0; i < GUARD_MODE_N; i++)
		if (strcmp(writ_guard_name(i), word) == 0) {
			*ret = (enum guard_mode)i;
			return true;
		}
	return false;
}

void guard_config_fill(struct guard_config *c, enum guard_mode mode, uint32_t loaded, bool attached)
{
	uint32_t active = loaded;

	if (mode == GUARD_OFF || mode == GUARD_AUDIT)
		active &= ~GUARD_LAYERS;
	else if (mode == GUARD_ON_DEMAND && !attached)
		active &= ~CALLS;
	c->mode = mode == GUARD_ON_DEMAND ? GUARD_ENFORCE : mode;
	c->on_demand = mode == GUARD_ON_DEMAND;
	c->layers.bits = (c->layers.bits & ~(GUARD_LAYERS | 1u << WRIT_LAYER_TELEMETRY)) | active;
	c->loaded.bits = loaded;
}

/* --- pins ----------------------------------------------------------------------------------- */

static const char *pin_path(char path[PIN_MAX], const char *node, const char *kind,
    const char *name)
{
	snprintf(path, PIN_MAX, GUARD_PINS "/nodes/%s/%s/%s", node, kind, name);
	return path;
}

int guard_pin_open(const char *node, const char *kind, const char *name)
{
	char path[PIN_MAX];
	int fd = bpf_obj_get(pin_path(path, node, kind, name));

	return fd < 0 ? -errno : fd;
}

/* Of the row, either way. */
static int config_pass(const char *node, struct guard_config *c, bool write)
{
	int fd = guard_pin_open(node, "maps", "config"), r = fd < 0 ? fd : 0;
	uint32_t zero = 0;

	if (r == 0 &&
	    (write ? bpf_map_update_elem(fd, &zero, c, BPF_ANY)
		   : bpf_map_lookup_elem(fd, &zero, c)) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

int guard_config_read(const char *node, struct guard_config *ret)
{
	return config_pass(node, ret, false);
}

int guard_lock(const char *node)
{
	char path[PIN_MAX];
	int fd = open(pin_path(path, node, ".", ""),
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -EAGAIN;
	}
	return fd;
}

/* --- programs --------------------------------------------------------------------------------- */

/* Pinned as @like is: for the same to read. */
static int link_pin(int link, const char *path, const char *like)
{
	struct stat st;

	if (stat(like, &st) < 0 || bpf_obj_pin(link, path) < 0)
		return -errno;
	return chown(path, st.st_uid, st.st_gid) < 0 || chmod(path, st.st_mode & 0777) < 0 ? -errno
											   : 0;
}

/* Attach program @name, unless it is; or detach it. */
static int link_switch(const char *node, const char *name, bool on)
{
	char path[PIN_MAX], like[PIN_MAX];
	int prog, link, r;

	pin_path(path, node, "links", name);
	if (!on)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if (access(path, F_OK) == 0)
		return 0;
	if ((prog = guard_pin_open(node, "progs", name)) < 0)
		return prog;
	link = bpf_raw_tracepoint_open(NULL, prog);
	r = link < 0 ? -errno : link_pin(link, path, pin_path(like, node, "progs", name));
	if (link >= 0)
		close(link);
	close(prog);
	return r;
}

static int calls_switch(const char *node, bool on, const char **ret_doing)
{
	int r = 0;

	*ret_doing = on ? "attaching the programs" : "detaching the programs";
#define X(name) r = r < 0 ? r : link_switch(node, #name, on);
	GUARD_EACH_CALL(X)
#undef X
	return r;
}

/* --- the mode --------------------------------------------------------------------------------- */

/* The rows of the next generation: those of this one. */
static int calls_copy(const char *node, uint32_t generation)
{
	int fd = guard_pin_open(node, "maps", "calls"), r = 0;
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

static int config_set(const char *node, struct guard_config *c, enum guard_mode mode,
    const char **ret_doing)
{
	int r = calls_copy(node, c->generation);

	*ret_doing = "writing the map of settings";
	if (r < 0)
		return r;
	guard_config_fill(c, mode, c->loaded.bits, (c->layers.bits & CALLS) != 0);
	c->generation = c->generation + 1 != GUARD_UNKNOWN ? c->generation + 1 : 0;
	return config_pass(node, c, true);
}

/* Does a realm require what looks at each call? Yes, where there is no map that would tell. */
static int needed(const char *node)
{
	int fd = guard_pin_open(node, "maps", "realms"), is = fd == -ENOENT ? 1 : fd < 0 ? fd : 0;
	uint32_t next, *from = NULL;
	struct guard_realm r;

	while (is == 0 && bpf_map_get_next_key(fd, from, &next) == 0) {
		is = bpf_map_lookup_elem(fd, &next, &r) == 0 && (r.requires.bits & CALLS) != 0;
		from = &next;
	}
	if (fd >= 0)
		close(fd);
	return is;
}

static int settle(const char *node, struct guard_config *c, const char **ret_doing)
{
	int need = needed(node), r;

	*ret_doing = "looking for who requires them";
	if (need == 0 && (c->layers.bits & CALLS) != 0) {
		/* who asks from now on waits; who was told that it is there has its row in the map
		 */
		c->layers.bits &= ~CALLS;
		if ((r = config_pass(node, c, true)) < 0)
			return r;
		__sync_synchronize();
		need = needed(node);
	}
	if (need < 0)
		return need;
	need = need > 0 && (c->loaded.bits & CALLS) != 0;
	if ((r = calls_switch(node, need != 0, ret_doing)) < 0 || need == 0)
		return r;
	c->layers.bits |= CALLS;
	return config_pass(node, c, true);
}

int guard_switch(const char *node, enum guard_mode mode, const char **ret_doing)
{
	struct guard_config c;
	int r = guard_config_read(node, &c);
	bool calls = r == 0 && (c.loaded.bits & CALLS) != 0;

	*ret_doing = "reading the map of settings";
	if (calls && (mode == GUARD_ENFORCE || mode == GUARD_AUDIT))
		r = calls_switch(node, true, ret_doing);
	if (r == 0)
		r = config_set(node, &c, mode, ret_doing);
	if (r == 0 && mode == GUARD_OFF)
		r = calls_switch(node, false, ret_doing);
	return r == 0 && mode == GUARD_ON_DEMAND ? settle(node, &c, ret_doing) : r;
}

int guard_settle(const char *node, const char **ret_doing)
{
	int fd = guard_lock(node), r;
	struct guard_config c;

	*ret_doing = "locking the pins";
	if (fd < 0)
		return fd;
	r = guard_config_read(node, &c);
	if (r == 0 && c.on_demand && (c.loaded.bits & CALLS) != 0)
		r = settle(node, &c, ret_doing);
	close(fd);
	return r;
}
