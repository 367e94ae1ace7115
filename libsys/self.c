/* SPDX-License-Identifier: MIT */
/*
 * Who one is and what one holds: the first packet, the names in the start
 * record, and which slots of one's own CSpace are in use. Parsed when asked
 * for: a proc that asks nothing pays for one recvmsg.
 */
#include <writ/gate.h>
#include <writ/start.h>
#include <string.h>
#include "libsys/sys.h"

#define ARGS_MAX      (WRIT_BLOB_MAX + 2) /* each takes a byte at least; argv[0] and the NULL */
#define NAMES_MAX     (WRIT_BLOB_MAX / (sizeof(struct start_name) + 1))
#define SLOTS_DEFAULT 64

struct name {
	const char *name;
	struct start_name n;
};

static struct self {
	struct writ_begin begin;
	char blob[WRIT_BLOB_MAX];
	size_t blob_len;
	char *argv[ARGS_MAX];
	bool named, slotted; /* names and slots are filled in */
	unsigned nnames, nslots, hint;
	struct name names[NAMES_MAX];
	uint64_t used[SYS_SLOTS_MAX / 64];
} self;

const struct writ_begin *writ_self(void)
{
	return &self.begin;
}

int writ_adopt(int *ret_argc, char ***ret_argv)
{
	struct start_pos pos = { 0 };
	const char *arg;
	int64_t n;
	int argc = 0;

	n = sys_gate_begin(&self.begin, self.blob, sizeof(self.blob));
	if (n < 0)
		return (int)n;
	self.blob_len = (size_t)n;
	self.begin.name[WRIT_NAME_MAX - 1] = '\0';
	self.begin.realm_name[WRIT_NAME_MAX - 1] = '\0';
	if (n > 0 && start_open(&pos, self.blob, self.blob_len) < 0)
		return -WRIT_E_BAD_REQUEST;
	self.argv[argc++] = self.begin.name;
	while ((arg = start_next_arg(&pos)) != NULL)
		self.argv[argc++] = self.blob + (arg - self.blob);
	*ret_argc = argc;
	*ret_argv = self.argv;
	return 0;
}

static void names_read(void)
{
	struct start_pos pos;
	struct name *x = self.names;

	if (self.named)
		return;
	self.named = true;
	if (start_open(&pos, self.blob, self.blob_len) < 0)
		return;
	while (self.nnames < NAMES_MAX && start_next_name(&pos, &x->n, &x->name)) {
		self.nnames++;
		x++;
	}
}

bool writ_named_each(unsigned i, unsigned *ret_type, const char **ret_name, writ_cap_t *ret_slot,
    uint32_t *ret_rights)
{
	names_read();
	if (i >= self.nnames)
		return false;
	*ret_type = self.names[i].n.type;
	*ret_name = self.names[i].name;
	*ret_slot = self.names[i].n.slot;
	*ret_rights = self.names[i].n.rights;
	return true;
}

writ_cap_t writ_named_cap(unsigned type, const char *name)
{
	names_read();
	for (unsigned i = 0; i < self.nnames; i++) {
		const struct name *x = &self.names[i];

		if (x->n.type == type && (name == NULL || strcmp(x->name, name) == 0))
			return x->n.slot;
	}
	return 0;
}

uint32_t sys_rights(writ_cap_t cap)
{
	struct writ_cap_info info;

	names_read();
	for (unsigned i = 0; i < self.nnames; i++)
		if (self.names[i].n.slot == cap && self.names[i].n.type != WRIT_TYPE_CNODE)
			return self.names[i].n.rights;
	return writ_cap_inspect(cap, &info) == 0 ? info.rights : 0;
}

/* What of @path lies behind @name, if that covers it: component-wise. Else NULL. */
static const char *path_behind(const char *path, const char *name)
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '/')
		n--;
	if (strncmp(path, name, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return NULL;
	return path + n;
}

writ_cap_t sys_path_find(const char *path, uint32_t *ret_rights, const char **ret_rest)
{
	const struct name *best = NULL;
	const char *rest = NULL;

	names_read();
	for (unsigned i = 0; i < self.nnames; i++) {
		const struct name *x = &self.names[i];
		const char *r = x->n.type == WRIT_TYPE_PATH ? path_behind(path, x->name) : NULL;

		if (r != NULL && (rest == NULL || r > rest)) {
			best = x;
			rest = r;
		}
	}
	if (best == NULL)
		return 0;
	*ret_rights = best->n.rights;
	*ret_rest = rest;
	return best->n.slot;
}

static void slot_take(writ_cap_t s)
{
	if (s < self.nslots)
		self.used[s / 64] |= UINT64_C(1) << s % 64;
}

/* How many slots there are, and which are taken: slot 0, those named, the first ones of root. */
static void slots_init(void)
{
	self.slotted = true;
	self.nslots = SLOTS_DEFAULT;
	names_read();
	for (unsigned i = 0; i < self.nnames; i++) {
		const struct name *x = &self.names[i];

		if (x->n.type == WRIT_TYPE_CNODE && strcmp(x->name, "cspace") == 0 &&
		    x->n.rights <= 16)
			self.nslots = 1u << x->n.rights;
	}
	slot_take(0);
	for (unsigned i = 0; i < self.nnames; i++)
		slot_take(self.names[i].n.slot);
	if (self.begin.parent == 0)
		for (unsigned i = 0; i < WRIT_BOOT_FIRST; i++)
			slot_take(i);
}

unsigned sys_slots_left(void)
{
	unsigned n = 0;

	if (!self.slotted)
		slots_init();
	for (unsigned i = 0; i < self.nslots / 64; i++)
		n += 64 - (unsigned)__builtin_popcountll(self.used[i]);
	return n;
}

static bool slot_used(unsigned s)
{
	return (self.used[s / 64] >> s % 64 & 1) != 0;
}

writ_cap_t sys_slots_new(unsigned n)
{
	if (!self.slotted)
		slots_init();
	for (unsigned i = 0; i < self.nslots; i++) {
		unsigned s = (self.hint + i) % self.nslots, k = 0;

		while (k < n && s + k < self.nslots && !slot_used(s + k))
			k++;
		if (k < n)
			continue;
		for (k = 0; k < n; k++)
			slot_take(s + k);
		self.hint = s + n;
		return s;
	}
	return 0;
}

writ_cap_t writ_slot_new(void)
{
	return sys_slots_new(1);
}

void sys_slot_back(writ_cap_t slot)
{
	if (slot != 0 && slot < self.nslots)
		self.used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

void writ_slot_free(writ_cap_t slot)
{
	if (slot == 0)
		return;
	if (!self.slotted)
		slots_init();
	writ_cap_delete(slot);
	sys_slot_back(slot);
}
