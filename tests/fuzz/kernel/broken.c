/* SPDX-License-Identifier: MIT */
/*
 * A kernel with one mistake, which WRIT_BROKEN names: what the invariants are
 * there to find. The linker puts these in the place of the kernel's functions.
 */
#include "tests/fuzz/kernel/world.h"
#include <stdlib.h>
#include <string.h>

static bool broken(const char *name)
{
	const char *which = getenv("WRIT_BROKEN");

	return which != NULL && strcmp(which, name) == 0;
}

/* X(mistake, function, type, arguments, passed on, what is done instead) */
/* clang-format off */
#define VOIDS(X) \
	X("share", k_pool_put, (struct k_pool * p, uint32_t realm, uint32_t i), (p, realm, i), \
	  __real_k_pool_put(p, 0, i)) \
	X("moved", k_hook_moved, (slot_t slot), (slot), (void)slot) \
	X("spawn", k_spawn_take, (const struct k_proc *p, int procs), (p, procs), (void)p, (void)procs) \
	X("told", k_session_told, (struct k_session *s), (s), (void)s) \
	X("settle", k_session_settle, (struct k_session *s), (s), (void)s) \
	X("charge", captab_uncharge, (struct captab *t, obj_t o, struct charge c), (t, o, c), \
	  c.bytes /= 2, __real_captab_uncharge(t, o, c)) \
	X("hold", captab_unhold, (struct captab *t, obj_t o), (t, o), \
	  captab_obj(t, o)->type == WRIT_TYPE_PATH ? (void)0 : __real_captab_unhold(t, o))
/* clang-format on */

#define X(name, fn, args, pass, ...) \
	void __real_##fn args; \
	void __wrap_##fn args; \
	void __wrap_##fn args \
	{ \
		if (broken(name)) \
			__VA_ARGS__; \
		else \
			__real_##fn pass; \
	}
VOIDS(X)
#undef X

slot_t __real_captab_cnode_slot(const struct captab *t, obj_t cnode, uint64_t index);
slot_t __wrap_captab_cnode_slot(const struct captab *t, obj_t cnode, uint64_t index);
int __real_captab_revoke_at(struct captab *t, slot_t s, uint32_t gen, unsigned budget, bool *more);
int __wrap_captab_revoke_at(struct captab *t, slot_t s, uint32_t gen, unsigned budget, bool *more);

/* What lies behind a CSpace is another's. */
slot_t __wrap_captab_cnode_slot(const struct captab *t, obj_t cnode, uint64_t index)
{
	slot_t s = __real_captab_cnode_slot(t, cnode, index);

	if (!broken("range") || s != 0 || captab_obj(t, cnode) == NULL || index > 512)
		return s;
	s = captab_obj(t, cnode)->base + (slot_t)index;
	return captab_slot(t, s) != NULL ? s : 0;
}

int __wrap_captab_revoke_at(struct captab *t, slot_t s, uint32_t gen, unsigned budget, bool *more)
{
	int e = __real_captab_revoke_at(t, s, gen, broken("revoke") ? 1 : budget, more);

	if (broken("revoke"))
		*more = false;
	return e;
}
