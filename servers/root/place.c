/* SPDX-License-Identifier: MIT */
/*
 * Realms of the kernel's: the account split off, the Realm, a Spawn on it. All
 * of a realm descends from its account, so one revoke takes it down.
 */
#include "servers/root/root.h"
#include <string.h>
#include <time.h>

#define PROC_BYTES   (UINT64_C(2) << 20) /* rings of some sessions, and the kernel's tables */
#define PLACE_BYTES  (UINT64_C(8) << 20)
#define SLOTS_SPARE  1024
#define DYING_TRIES  200
#define DYING_NAP_NS 10000000
#define REALM_MEMORY (UINT64_C(1) << 30) /* of a realm that is given no limit */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What a realm may cost: as much as it asks for, at most half of what is left. */
static int account_size(uint64_t procs, uint32_t slots, struct writ_quota *ret)
{
	struct writ_quota_rep q;
	int r = writ_quota_read(WRIT_BOOT_UNTYPED, &q);

	if (r < 0)
		return r;
	if (slots < UINT32_C(1) << CHECK_SLOTS_BITS_MIN)
		slots = UINT32_C(1) << CHECK_SLOTS_BITS_MIN;
	ret->procs = (uint32_t)least(procs, (q.max.procs - q.used.procs) / 2);
	ret->slots = (uint32_t)least(procs * slots + SLOTS_SPARE, (q.max.slots - q.used.slots) / 2);
	ret->bytes = least(procs * (PROC_BYTES + slots * 64) + PLACE_BYTES,
	    (q.max.bytes - q.used.bytes) / 2);
	return ret->procs > 0 && ret->slots >= slots ? 0 : -WRIT_E_NOT_ENOUGH_MEMORY;
}

/*
 * A realm of that name that was just taken down may still be dying. Its procs
 * have been killed, so this is over in no time.
 */
static int realm_create(struct place *p, const struct writ_realm_req *rq)
{
	struct writ_hdr h;
	int r = 0;

	for (unsigned i = 0; i < DYING_TRIES; i++) {
		h = (struct writ_hdr){ .op = WRIT_OP_REALM, .cap = p->account, .len = sizeof(*rq) };
		r = writ_gate_call(&h, rq, NULL, NULL, 0, NULL);
		if (r != -WRIT_E_EXISTS)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = DYING_NAP_NS }, NULL);
	}
	p->id = r == 0 ? (uint32_t)h.arg : 0;
	p->uid = r == 0 ? (uint32_t)(h.arg >> 32) : 0;
	return r;
}

static int place_fill(struct place *p, const char *name, const Writ__Manifest__Limits *l,
    const struct place_want *w)
{
	struct writ_realm_req rq = { .host = w->host,
		.requires = w->requires,
		.memory = l != NULL && l->memory != 0 ? l->memory : REALM_MEMORY,
		.cores = l != NULL ? l->cores : 0 };
	struct writ_spawncap_req sq = {
		.classes = 1u << WRIT_CLASS_BE | 1u << WRIT_CLASS_LC,
		.profiles = w->profiles,
		.memory = rq.memory,
		.cores = rq.cores != 0 ? rq.cores : UINT32_MAX,
	};
	struct writ_quota max;
	int r = account_size(l != NULL && l->procs != 0 ? l->procs : w->procs, w->slots, &max);

	if (r < 0)
		return r;
	memcpy(rq.name, name, strlen(name));
	if ((p->account = writ_slot_new()) == 0 || (p->realm = writ_slot_new()) == 0 ||
	    (p->spawn = writ_slot_new()) == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	r = writ_retype_untyped(WRIT_BOOT_UNTYPED, p->account, max);
	if (r < 0)
		return r;
	rq.dst.index = p->realm;
	rq.account = p->account;
	sq.procs = max.procs;
	sq.dst.index = p->spawn;
	r = realm_create(p, &rq);
	return r < 0 ? r : writ_spawncap_derive(p->realm, &sq);
}

int place_make(struct place *p, const char *name, const Writ__Manifest__Limits *l,
    const struct place_want *w)
{
	struct timespec t;
	int r;

	clock_gettime(CLOCK_REALTIME, &t);
	*p = (struct place){ .made_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec };
	if (strlen(name) >= WRIT_NAME_MAX)
		return -WRIT_E_NAME_TOO_LONG;
	r = place_fill(p, name, l, w);
	if (r < 0)
		place_drop(p);
	return r;
}

void place_drop(struct place *p)
{
	if (p->account != 0)
		writ_cap_revoke(p->account);
	writ_slot_free(p->spawn);
	writ_slot_free(p->realm);
	writ_slot_free(p->account);
	*p = (struct place){ 0 };
}

int64_t place_procs(const struct place *p, uint64_t *row, struct writ_proc_row *ret, unsigned max)
{
	struct writ_hdr h = { .op = WRIT_OP_PROCS, .cap = p->realm, .arg = *row };
	int r = writ_gate_call(&h, NULL, NULL, ret, max * sizeof(*ret), NULL);

	if (r < 0)
		return r;
	*row = h.arg;
	return h.len / sizeof(*ret) < max ? h.len / sizeof(*ret) : max;
}
