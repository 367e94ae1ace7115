/* SPDX-License-Identifier: MIT */
/*
 * What a new proc gets, gathered piece by piece and then spawned in one call.
 * Slots of root's that are needed for that only are given back afterwards.
 */
#include "servers/root/root.h"
#include <string.h>

#define MEMORY_DEFAULT (UINT64_C(64) << 20)
#define LOG_DEFAULT    (UINT64_C(16) << 20)

static uint8_t cspace_bits(uint32_t slots)
{
	uint8_t bits = CHECK_SLOTS_BITS_MIN;

	while (bits < CHECK_SLOTS_BITS_MAX && UINT32_C(1) << bits < slots)
		bits++;
	return bits;
}

int plan_init(struct plan *p, const char *name, writ_cap_t image, const Writ__Manifest__Limits *l,
    char *const *args, size_t n)
{
	memset(p, 0, sizeof(*p));
	if (strlen(name) >= sizeof(p->q.name))
		return -WRIT_E_NAME_TOO_LONG;
	memcpy(p->q.name, name, strlen(name));
	p->q.image = image;
	p->q.memory = l != NULL && l->memory != 0 ? l->memory : MEMORY_DEFAULT;
	p->q.log_max = l != NULL && l->log != 0 ? l->log : LOG_DEFAULT;
	p->q.cores = l != NULL ? l->cores : 0;
	p->q.cnode_bits = cspace_bits(l != NULL ? l->slots : 0);
	start_init(&p->start);
	for (size_t i = 0; i < n; i++)
		start_arg(&p->start, args[i]);
	start_name(&p->start, WRIT_TYPE_CNODE, "cspace", 0, p->q.cnode_bits);
	return p->start.full ? -WRIT_E_RANGE : 0;
}

int plan_give(struct plan *p, unsigned type, const char *name, writ_cap_t src, uint32_t rights)
{
	uint32_t dst = p->q.ngrants + 1u;

	if (p->q.ngrants == WRIT_GRANTS_MAX)
		return -WRIT_E_RANGE;
	p->grants[p->q.ngrants++] = (struct writ_grant){ src, dst, rights };
	start_name(&p->start, type, name, dst, rights);
	return p->start.full ? -WRIT_E_RANGE : 0;
}

writ_cap_t plan_temp(struct plan *p)
{
	writ_cap_t s = p->ntemps < WRIT_GRANTS_MAX ? writ_slot_new() : 0;

	if (s != 0)
		p->temps[p->ntemps++] = s;
	return s;
}

int plan_give_path(struct plan *p, const char *as, writ_cap_t endpoint, const char *prefix,
    uint32_t rights)
{
	writ_cap_t s = plan_temp(p);
	int r;

	if (s == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	r = writ_path_derive(endpoint, s, prefix, rights, 0);
	return r < 0 ? r : plan_give(p, WRIT_TYPE_PATH, as, s, rights);
}

int plan_give_spawn(struct plan *p, const char *name, writ_cap_t spawn,
    const Writ__Manifest__Grant *g, const Writ__Manifest__Limits *realm)
{
	const Writ__Manifest__Limits *l = g->limits;
	struct writ_spawncap_req q = {
		.dst.index = plan_temp(p),
		.classes = g->classes != 0 ? g->classes : 1u << WRIT_CLASS_BE,
		.profiles = g->profiles != 0 ? g->profiles : 1u << WRIT_PROFILE_NATIVE,
		.procs = UINT32_MAX,
		.memory = UINT64_MAX,
	};
	int r;

	if (q.dst.index == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	if (l != NULL && l->procs != 0)
		q.procs = l->procs;
	if (l != NULL && l->memory != 0)
		q.memory = l->memory;
	if (l != NULL && l->cores != 0)
		q.cores = l->cores;
	else if ((q.classes & 1u << WRIT_CLASS_LC) != 0)
		q.cores = realm != NULL && realm->cores != 0 ? realm->cores : UINT32_MAX;
	r = writ_spawncap_derive(spawn, &q);
	if (r < 0)
		return r;
	return plan_give(p, WRIT_TYPE_SPAWN, name, (writ_cap_t)q.dst.index, WRIT_R_WRITE);
}

int plan_spawn(struct plan *p, writ_cap_t spawn, writ_cap_t *ret_proc, uint32_t *ret_pid)
{
	uint8_t buf[sizeof(p->q) + sizeof(p->grants) + WRIT_BLOB_MAX];
	size_t n = sizeof(p->grants[0]) * p->q.ngrants;
	struct writ_hdr h = { .op = WRIT_OP_SPAWN, .cap = spawn };
	writ_cap_t slot = writ_slot_new();
	int r;

	if (slot == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	p->q.dst.index = slot;
	p->q.blob = (uint32_t)p->start.len;
	memcpy(buf, &p->q, sizeof(p->q));
	memcpy(buf + sizeof(p->q), p->grants, n);
	memcpy(buf + sizeof(p->q) + n, p->start.data, p->start.len);
	h.len = (uint16_t)(sizeof(p->q) + n + p->start.len);
	r = writ_gate_call(&h, buf, NULL, NULL, 0, NULL);
	if (r < 0) {
		writ_slot_free(slot);
		return r;
	}
	*ret_proc = slot;
	*ret_pid = (uint32_t)h.arg;
	return 0;
}

void plan_fini(struct plan *p)
{
	while (p->ntemps > 0)
		writ_slot_free(p->temps[--p->ntemps]);
}
