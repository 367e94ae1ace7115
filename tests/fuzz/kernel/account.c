/* SPDX-License-Identifier: MIT */
/*
 * What is counted: references, quotas, shares, Spawn limits, descriptors, all
 * added up from what there is; and who holds what of two realms that share
 * nothing but what they were given.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include "tests/fuzz/kernel/world.h"

struct tally {
	uint32_t refs;
	struct charge used;
};

static struct tally tally[W_OBJS];

static void ref(obj_t o)
{
	if (o != 0)
		tally[o].refs++;
}

static void charge(obj_t o, struct charge c)
{
	tally[o].used.bytes += c.bytes;
	tally[o].used.slots += c.slots;
	tally[o].used.procs += c.procs;
}

static void tally_caps(void)
{
	for (slot_t s = 64; s < k.caps.nslots; s++)
		if (k.caps.slots[s].cnode != 0 && k.caps.slots[s].cap.type != WRIT_TYPE_NULL)
			ref(k.caps.slots[s].cap.obj);
	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);

		if (obj == NULL)
			continue;
		if (obj->untyped != 0) {
			ref(obj->untyped);
			charge(obj->untyped, obj->paid);
			if (obj->type == WRIT_TYPE_UNTYPED)
				charge(obj->untyped, (struct charge){ .slots = 1 });
		}
		if (obj->type == WRIT_TYPE_PATH)
			ref(k.paths[obj->body].endpoint);
		if (obj->type == WRIT_TYPE_SPAWN) {
			ref(k.spawns[obj->body].parent);
			ref(k.realms[k.spawns[obj->body].realm].obj);
		}
	}
}

static void tally_holds(void)
{
	const struct k_wait *x;

	for (uint32_t i = 0; i < k.nprocs; i++)
		if (k.procs[i].pid != 0) {
			ref(k.procs[i].cnode);
			ref(k.procs[i].spawn);
			ref(k.procs[i].image);
		}
	for (uint32_t i = 1; i < k.session_pool.used_to; i++)
		if (k.sessions[i].id != 0) {
			ref(k.sessions[i].path);
			if (!k.sessions[i].closed)
				charge(k_account(k.sessions[i].client),
				    (struct charge){
					.bytes = sizeof(struct k_session) + k.sessions[i].bytes });
		}
	for (uint32_t i = 0; i < k.nprocs; i++)
		if (k.procs[i].pid != 0)
			k_each(x, &k.procs[i].waits, of) {
				ref(x->file);
				if (x->msg != NULL)
					charge(k_account(x->waiter),
					    (struct charge){ .bytes = sizeof(struct k_msg) });
			}
	for (uint32_t i = 1; i < k.realm_pool.used_to; i++)
		if (k.realms[i].used)
			ref(k.realms[i].account);
	for (size_t i = 0; i < sizeof(k.own) / sizeof(k.own[0]); i++)
		ref(k.own[i]);
	ref(k.untyped);
	if (!w.ending) /* the node's own realm stays */
		ref(k.realms[k.root->realm].obj);
}

static const char *verify_objects(void)
{
	static char why[120];

	memset(tally, 0, sizeof(tally));
	tally_caps();
	tally_holds();
	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);
		const struct account *a = captab_account(&k.caps, o);

		if (obj == NULL)
			continue;
		if (obj->refs != tally[o].refs) {
			snprintf(why, sizeof(why),
			    "accounts: object %u, of type %s, is referred to %u times, it counts %u",
			    o, k_types[obj->type], tally[o].refs, obj->refs);
			return why;
		}
		if (a != NULL &&
		    (a->used.bytes != tally[o].used.bytes || a->used.slots != tally[o].used.slots ||
			a->used.procs != tally[o].used.procs))
			return "accounts: what is charged is the sum of what there is";
	}
	return NULL;
}

/* --- shares and limits ------------------------------------------------------------------ */

static const char *verify_shares(void)
{
	enum { SESSIONS, MSGS, WAITS, FILES, ALL };
	const struct k_pool *pools[ALL] = { &k.session_pool, &k.msg_pool, &k.wait_pool,
		&k.file_pool };
	uint32_t is[W_REALMS][ALL] = { 0 }, all[ALL] = { 0 };

	for (uint32_t i = 1; i < k.session_pool.used_to; i++)
		if (k.sessions[i].id != 0)
			is[k.sessions[i].realm][SESSIONS]++;
	for (uint32_t i = 0; i < k.nprocs; i++) {
		struct k_proc *p = &k.procs[i];
		const struct k_wait *x;

		if (p->pid == 0)
			continue;
		k_each(x, &p->waits, of) {
			is[p->realm][WAITS]++;
			is[p->realm][MSGS] += x->msg != NULL;
		}
	}
	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);

		if (obj != NULL && (obj->type == WRIT_TYPE_IMAGE || obj->type == WRIT_TYPE_MEMORY))
			is[k.files[obj->body].realm][FILES]++;
	}
	for (unsigned r = 1; r < W_REALMS; r++)
		for (unsigned i = 0; i < ALL; i++) {
			all[i] += is[r][i];
			if (pools[i]->share[r] != is[r][i])
				return "shares: a realm's is what it has";
		}
	for (unsigned i = 0; i < ALL; i++)
		if (pools[i]->shared != all[i])
			return "shares: the sum is that of the realms";
	return NULL;
}

static const char *verify_spawns(void)
{
	struct k_spawn is[24] = { 0 };

	for (uint32_t i = 0; i < k.nprocs; i++) {
		const struct k_proc *p = &k.procs[i];

		for (obj_t o = p->pid != 0 ? p->spawn : 0; o != 0;
		     o = k.spawns[captab_obj(&k.caps, o)->body].parent) {
			struct k_spawn *s = &is[captab_obj(&k.caps, o)->body];

			s->used_procs++;
			s->used_cores += p->reserved;
			s->used_memory += p->memory;
		}
	}
	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);
		const struct k_spawn *s;

		if (obj == NULL || obj->type != WRIT_TYPE_SPAWN)
			continue;
		s = &k.spawns[obj->body];
		if (s->used_procs != is[obj->body].used_procs ||
		    s->used_cores != is[obj->body].used_cores ||
		    s->used_memory != is[obj->body].used_memory)
			return "spawns: what is used is the sum of its procs";
		if (s->used_procs > s->max.procs || s->used_cores > s->max.cores ||
		    s->used_memory > s->max.memory)
			return "spawns: no more is used than allowed";
	}
	return NULL;
}

/* --- isolation ----------------------------------------------------------------------------- */

/* Which of the two realms @o was given to, or made by. */
static unsigned owner(obj_t o)
{
	const struct object *obj = captab_obj(&k.caps, o);

	if (obj == NULL)
		return 0;
	if (w.owner[o] != 0 && w.epoch[o] == obj->epoch)
		return w.owner[o];
	if (obj->type == WRIT_TYPE_REPLY && k.hooks[obj->body] != NULL)
		return owner(
		    k_account(k_container(k.hooks[obj->body], struct k_wait, hook)->waiter));
	return obj->untyped != 0 ? owner(obj->untyped) : 0;
}

static const char *verify_isolation(void)
{
	uint8_t of[W_OBJS];

	if (!w.isolated)
		return NULL;
	for (obj_t o = 1; o < k.caps.nobjs; o++)
		of[o] = (uint8_t)owner(o);
	for (slot_t s = 64; s < k.caps.nslots; s++) {
		const struct slot *sl = &k.caps.slots[s];

		if (sl->cnode != 0 && sl->cap.type != WRIT_TYPE_NULL && of[sl->cnode] != 0 &&
		    (of[sl->cnode] & ~of[sl->cap.obj]) != 0)
			return "isolation: a realm has what it was not given";
	}
	return NULL;
}

const char *kernel_verify_accounts(void)
{
	const char *broken = verify_objects();

	if (broken == NULL)
		broken = verify_shares();
	if (broken == NULL)
		broken = verify_spawns();
	return broken != NULL ? broken : verify_isolation();
}

/* --- descriptors ------------------------------------------------------------------------------ */

static int open_now(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3; /* ".", ".." and the folder itself */

	if (d == NULL)
		world_fail("/proc/self/fd can't be read");
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static int open_should(void)
{
	int n = (int)nests_up();

	for (uint32_t i = 0; i < k.nprocs; i++) {
		const struct k_proc *p = &k.procs[i];

		n += w.clients[i].fd >= 0;
		if (p->pid != 0)
			n += (p->gate >= 0) + (p->child >= 0) + (p->logfd >= 0) + (p->pidfd >= 0);
	}
	for (uint32_t i = 1; i < k.realm_pool.used_to; i++)
		n += k.realms[i].used ? WRIT_CLASS_N : 0;
	for (uint32_t i = 1; i < k.session_pool.used_to; i++)
		for (unsigned j = 0; j < 3 && k.sessions[i].id != 0; j++)
			n += k.sessions[i].fds[j] >= 0;
	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);

		n += obj != NULL && (obj->type == WRIT_TYPE_IMAGE || obj->type == WRIT_TYPE_MEMORY);
	}
	return n;
}

const char *kernel_verify_fds(void)
{
	int is = open_now() - open_should();

	if (w.fds == 0)
		w.fds = is;
	return is == w.fds ? NULL : "descriptors: as many are open as there should be";
}
