/* SPDX-License-Identifier: MIT */
/*
 * What Linux's eBPF programs know of procs, realms and capabilities: rows of maps
 * (<writ/guard.h>) that writ-boot made. The kernel writes them by descriptor, without
 * privilege, and reads none. Capabilities are written some milliseconds after slots
 * have changed, so that a call pays for none of it.
 */
#include "kernel.h"
#include <linux/bpf.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

enum {
	MIRROR_MS = 5,           /* after a change, so that one that lasts shorter costs nothing */
	MIRROR_SLICE = 32,       /* slots written in a turn */
	MIRROR_TURN = 8192,      /* passed over in one, while all are gone through */
	MIRROR_FAMILY = 256,     /* siblings a parent is looked for behind */
	MIRROR_FAR = UINT32_MAX, /* a parent that was not found */
};

/* Slots are shown in the order of their changes: none waits for those that change more often. */
static struct {
	slot_t *queue;      /* to be looked at, K_SLOTS at most: each is in it once */
	uint64_t *queued;   /* a bit for each slot: it is in the queue */
	uint32_t head, len; /* of the queue */
	uint64_t due_ns;    /* when it is to be looked at, unless it grows to a slice before */
	uint32_t top;       /* slots that were ever used lie below */
	uint32_t at, all;   /* come to; left: while all below the top are gone through */
	bool full;          /* rows did not fit */
} mirror;

static int map_call(int cmd, enum boot_map map, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr a = { .map_fd = (uint32_t)k.maps[map],
		.key = (uintptr_t)key,
		.value = (uintptr_t)value,
		.flags = flags };

	return k.maps[map] == 0 || syscall(SYS_bpf, cmd, &a, sizeof(a)) == 0 ? 0 : -errno;
}

static int map_set(enum boot_map map, const void *key, const void *value)
{
	return map_call(BPF_MAP_UPDATE_ELEM, map, key, value, BPF_ANY);
}

static void map_drop(enum boot_map map, const void *key)
{
	map_call(BPF_MAP_DELETE_ELEM, map, key, NULL, 0);
}

/* --- who a process is ------------------------------------------------------------------- */

static struct guard_task task(uint32_t realm, unsigned profile, enum guard_phase phase)
{
	return (struct guard_task){ .generation = GUARD_UNKNOWN,
		.realm = k.realms[realm].number,
		.phase = phase,
		.profile = (uint8_t)profile };
}

int k_guard_nest(uint32_t realm, unsigned profile, int pidfd, enum guard_phase phase)
{
	struct guard_task t = task(realm, profile, phase);

	return map_set(BOOT_TASKS, &pidfd, &t);
}

void k_guard_proc(const struct k_proc *p)
{
	struct guard_label l = { p->pid, k.realms[p->realm].number, p->class, p->profile, "", "" };
	struct guard_task t = task(p->realm, p->profile, GUARD_LAUNCH);
	struct writ_proc_row row;

	if (!k_proc_alive(p))
		map_drop(BOOT_PROCS, &p->pid);
	if (!k_proc_alive(p) || (k.maps[BOOT_PROCS] == 0 && k.maps[BOOT_LABELS] == 0))
		return;
	memcpy(l.name, p->name, sizeof(l.name));
	if (p->pidfd >= 0) {
		map_set(BOOT_LABELS, &p->pidfd, &l);
		/* held it is since it was forked, unless Linux had no memory for it then */
		map_call(BPF_MAP_UPDATE_ELEM, BOOT_TASKS, &p->pidfd, &t, BPF_NOEXIST);
	}
	k_proc_row(p, &row);
	row.realm = l.realm;
	row.layers = 0; /* they change without the kernel: the map of settings says it */
	map_set(BOOT_PROCS, &p->pid, &row);
}

/* --- realms ------------------------------------------------------------------------------ */

static void ring(const struct k_realm *r)
{
	if (r->requires != 0 && k.maps[BOOT_NEED] != 0)
		eventfd_write(k.maps[BOOT_NEED], 1);
}

int k_guard_realm(struct k_realm *r)
{
	/* no IP sockets: none is granted them yet */
	struct guard_policy p = { .who.realm = r->number };
	struct guard_realm row = { .memory = r->memory, .uid = r->uid, .cores = r->cores };
	int e;

	if ((r->cgroup = cgroup_id(r->name)) == 0)
		return -ENOENT;
	row.cgroup = r->cgroup;
	row.requires.bits = r->requires;
	memcpy(p.who.name, r->name, sizeof(p.who.name));
	memcpy(row.name, r->name, sizeof(row.name));
	if ((e = map_set(BOOT_POLICY, &r->cgroup, &p)) == 0)
		e = map_set(BOOT_REALMS, &r->number, &row);
	ring(r);
	return e;
}

void k_guard_realm_gone(const struct k_realm *r)
{
	map_drop(BOOT_POLICY, &r->cgroup);
	map_drop(BOOT_REALMS, &r->number);
	ring(r);
}

/* --- capabilities -------------------------------------------------------------------------- */

/* What lies in the kernel's own CNodes is not shown. */
static bool is_own(const struct slot *sl)
{
	return captab_obj(&k.caps, sl->cnode)->body == (uint32_t)K_OWN_BODY;
}

static void look_at(slot_t s)
{
	uint64_t *queued = &mirror.queued[s / 64], bit = UINT64_C(1) << s % 64;

	if (mirror.len == 0)
		mirror.due_ns = k_now() + MIRROR_MS * 1000000u;
	if ((*queued & bit) == 0)
		mirror.queue[(mirror.head + mirror.len++) % K_SLOTS] = s;
	*queued |= bit;
}

static slot_t next_to_show(void)
{
	slot_t s = mirror.queue[mirror.head];

	mirror.head = --mirror.len > 0 ? (mirror.head + 1) % K_SLOTS : 0;
	mirror.queued[s / 64] &= ~(UINT64_C(1) << s % 64);
	return s;
}

/* Its children have, or will have, another parent: a few are looked at, for more all is. */
static void changed(void *arg, slot_t s)
{
	slot_t c = k.caps.slots[s].first;

	(void)arg;
	if (s >= mirror.top) {
		mirror.all += mirror.all > 0 ? s + 1 - mirror.top : 0;
		mirror.top = s + 1;
	}
	for (unsigned n = 0; n < MIRROR_SLICE && c != 0 && c < SLOT_UP; n++) {
		look_at(c);
		c = k.caps.slots[c].next;
	}
	if (c != 0 && c < SLOT_UP)
		mirror.all = mirror.top;
	if (!is_own(&k.caps.slots[s]))
		look_at(s);
}

/* MIRROR_FAR: it would take too long to find. */
static uint32_t parent_of(slot_t s)
{
	for (unsigned n = 0; n < MIRROR_FAMILY; n++)
		if ((s = k.caps.slots[s].next) == 0 || s >= SLOT_UP)
			return s & ~SLOT_UP;
	return MIRROR_FAR;
}

static void show(slot_t s)
{
	const struct slot *sl = captab_slot(&k.caps, s);
	struct writ_cap_info row;

	if (sl != NULL && sl->cap.type != WRIT_TYPE_NULL && !is_own(sl)) {
		k_cap_row(s, &row);
		row.slot = s;
		row.parent = parent_of(s);
		mirror.full |= map_set(BOOT_CAPS, &s, &row) != 0;
	} else if (map_call(BPF_MAP_DELETE_ELEM, BOOT_CAPS, &s, NULL, 0) == 0 && mirror.full) {
		mirror.all = mirror.top; /* there is room for what did not fit */
		mirror.full = false;
	}
}

int k_mirror(bool idle)
{
	if (mirror.all == 0 && mirror.len < MIRROR_SLICE &&
	    (mirror.len == 0 || k_now() < mirror.due_ns))
		return mirror.len == 0 ? -1 : MIRROR_MS;
	for (unsigned n = 0; n < MIRROR_SLICE && mirror.len > 0; n++)
		show(next_to_show());
	for (unsigned n = 0; idle && n < MIRROR_TURN && mirror.all > 0; n++, mirror.all--) {
		mirror.at = (mirror.at + 1) % mirror.top;
		if (captab_slot(&k.caps, mirror.at) != NULL &&
		    k.caps.slots[mirror.at].cap.type != WRIT_TYPE_NULL)
			look_at(mirror.at);
	}
	return mirror.len > 0 || mirror.all > 0 ? 0 : -1;
}

void k_mirror_init(void)
{
	if (k.maps[BOOT_CAPS] == 0)
		return;
	mirror.queue = k_table(K_SLOTS, sizeof(slot_t));
	mirror.queued = k_table(K_SLOTS / 64, sizeof(uint64_t));
	k.caps.changed = changed;
}
