/* SPDX-License-Identifier: MIT */
/*
 * What Linux's eBPF programs know of procs, realms and capabilities: rows of maps
 * (<writ/guard.h>) that writ-boot made. The kernel writes them by descriptor, without
 * privilege, and reads none. Capabilities are written after each turn of the loop,
 * from a list of slots that have changed, so that a call pays for none of it.
 */
#include "guard.h"
#include <linux/bpf.h>
#include <sys/syscall.h>

enum {
	MIRROR_SLICE = 32,       /* slots written or looked at in a turn */
	MIRROR_FAMILY = 256,     /* siblings a parent is looked for behind */
	MIRROR_FAR = UINT32_MAX, /* a parent that was not found */
};

static struct {
	uint32_t *changed;                /* a ring of slots, each once, from first */
	uint32_t first, nchanged, rescan; /* rescan: the slot to go on with; 0: none goes on */
	bool again, full;                 /* once more when it is over; rows did not fit */
	uint64_t *listed, *shown;         /* a bit for each slot: is in changed; has a row */
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
		.realm = realm,
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
	struct guard_label l = { .pid = p->pid,
		.realm = p->realm,
		.class = p->class,
		.profile = p->profile };
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
	map_set(BOOT_PROCS, &p->pid, &row);
}

/* --- realms ------------------------------------------------------------------------------ */

int k_guard_realm(uint32_t realm)
{
	struct k_realm *r = &k.realms[realm];
	/* no IP sockets: none is granted them yet */
	struct guard_policy p = { .realm = realm };
	struct guard_realm row = { .memory = r->memory, .uid = r->uid, .cores = r->cores };
	int e;

	if ((r->cgroup = cgroup_id(r->name)) == 0)
		return -ENOENT;
	row.cgroup = r->cgroup;
	memcpy(p.name, r->name, sizeof(p.name));
	memcpy(row.name, r->name, sizeof(row.name));
	if ((e = map_set(BOOT_POLICY, &r->cgroup, &p)) == 0)
		e = map_set(BOOT_REALMS, &realm, &row);
	return e;
}

void k_guard_realm_gone(uint32_t realm)
{
	map_drop(BOOT_POLICY, &k.realms[realm].cgroup);
	map_drop(BOOT_REALMS, &realm);
}

/* --- capabilities -------------------------------------------------------------------------- */

static bool bit(const uint64_t *bits, slot_t s)
{
	return (bits[s / 64] >> s % 64 & 1) != 0;
}

/* What lies in the kernel's own CNodes is not shown. */
static bool of_a_proc(slot_t s)
{
	const struct slot *sl = captab_slot(&k.caps, s);

	return sl != NULL && sl->cap.type != WRIT_TYPE_NULL &&
	    captab_obj(&k.caps, sl->cnode)->body != (uint32_t)K_OWN_BODY;
}

/* Each is listed once, so the ring never fills. */
static void list(slot_t s)
{
	if (bit(mirror.listed, s) || (!bit(mirror.shown, s) && !of_a_proc(s)))
		return;
	mirror.listed[s / 64] |= UINT64_C(1) << s % 64;
	mirror.changed[(mirror.first + mirror.nchanged++) % K_SLOTS] = s;
}

/* Its children have, or will have, another parent: a few are listed, for more all is looked
 * through. */
static void changed(void *arg, slot_t s)
{
	slot_t c = k.caps.slots[s].first;

	(void)arg;
	for (unsigned n = 0; n < MIRROR_SLICE && c != 0 && c < SLOT_UP; n++) {
		list(c);
		c = k.caps.slots[c].next;
	}
	mirror.again |= c != 0 && c < SLOT_UP;
	list(s);
}

/* MIRROR_FAR: it would take too long to find. */
static uint32_t parent_of(slot_t s)
{
	for (unsigned n = 0; n < MIRROR_FAMILY; n++) {
		s = k.caps.slots[s].next;
		if (s == 0 || s >= SLOT_UP)
			return s & ~SLOT_UP;
	}
	return MIRROR_FAR;
}

static void show(slot_t s)
{
	struct writ_cap_info row;

	if (of_a_proc(s)) {
		k_cap_row(s, &row);
		row.slot = s;
		row.parent = parent_of(s);
		if (map_set(BOOT_CAPS, &s, &row) == 0)
			mirror.shown[s / 64] |= UINT64_C(1) << s % 64;
		else
			mirror.full = true;
	} else if (bit(mirror.shown, s)) {
		map_drop(BOOT_CAPS, &s);
		mirror.shown[s / 64] &= ~(UINT64_C(1) << s % 64);
		mirror.again |= mirror.full; /* there is room for what did not fit */
		mirror.full = false;
	}
}

/* Some of all slots, in turn. */
static void rescan(void)
{
	if (mirror.rescan == 0 && mirror.again) {
		mirror.again = false;
		mirror.rescan = 1;
	}
	for (unsigned n = 0; n < MIRROR_SLICE && mirror.rescan != 0; n++) {
		if (captab_slot(&k.caps, mirror.rescan) == NULL)
			mirror.rescan |= 63; /* CNodes are made of blocks of 64 */
		else
			show(mirror.rescan);
		if (++mirror.rescan >= k.caps.nslots)
			mirror.rescan = 0;
	}
}

bool k_mirror(bool idle)
{
	for (unsigned n = 0; n < MIRROR_SLICE && mirror.nchanged > 0; n++) {
		slot_t s = mirror.changed[mirror.first];

		mirror.first = (mirror.first + 1) % K_SLOTS;
		mirror.nchanged--;
		mirror.listed[s / 64] &= ~(UINT64_C(1) << s % 64);
		show(s);
	}
	if (idle)
		rescan();
	return mirror.nchanged > 0 || mirror.rescan != 0 || mirror.again;
}

void k_mirror_init(void)
{
	if (k.maps[BOOT_CAPS] == 0)
		return;
	mirror.changed = k_table(K_SLOTS, sizeof(*mirror.changed));
	mirror.listed = k_table(K_SLOTS / 64, sizeof(uint64_t));
	mirror.shown = k_table(K_SLOTS / 64, sizeof(uint64_t));
	k.caps.changed = changed;
}
