/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include <stdlib.h>
#include <string.h>

struct world w;

static void on_finalise(void *arg, obj_t obj)
{
	ck_assert_ptr_eq(arg, &w);
	ck_assert_uint_lt(w.ndead, W_DEAD);
	w.dead[w.ndead++] = obj;
}

void world_setup(void)
{
	struct charge much = { .bytes = 1 << 20, .slots = 1024, .procs = 100 };

	memset(&w, 0, sizeof(w));
	w.size = captab_size(W_SLOTS, W_OBJS, W_ACCTS);
	w.mem = aligned_alloc(64, w.size);
	w.copy = aligned_alloc(64, w.size);
	ck_assert(w.mem != NULL && w.copy != NULL);
	memset(w.mem, 0, w.size);
	captab_make(&w.t, w.mem, W_SLOTS, W_OBJS, W_ACCTS, on_finalise, &w);
	DONE(captab_untyped_new(&w.t, 0, much, &w.untyped));
	captab_hold(&w.t, w.untyped);
	DONE(captab_cnode_new(&w.t, w.untyped, 6, &w.cnode));
	captab_hold(&w.t, w.cnode);
	w.ep = make(WRIT_TYPE_ENDPOINT);
	w.proc = make(WRIT_TYPE_PROC);
}

/* Every capability gone and every hold let go, nothing may be left. */
void world_teardown(void)
{
	VERIFY();
	if (captab_obj(&w.t, w.ep) != NULL && w.t.objs[w.ep].refs == 0 && !w.t.objs[w.ep].dying)
		captab_obj_drop(&w.t, w.ep);
	if (captab_obj(&w.t, w.proc) != NULL && w.t.objs[w.proc].refs == 0 &&
	    !w.t.objs[w.proc].dying)
		captab_obj_drop(&w.t, w.proc);
	captab_unhold(&w.t, w.cnode);
	captab_unhold(&w.t, w.untyped);
	reap();
	VERIFY();
	ck_assert_uint_eq(w.t.live_slots, 0);
	ck_assert_uint_eq(w.t.live_objs, 0);
	free(w.mem);
	free(w.copy);
}

slot_t at(unsigned i)
{
	return captab_cnode_slot(&w.t, w.cnode, i);
}

obj_t make(unsigned type)
{
	obj_t o = 0;

	DONE(captab_obj_new(&w.t, type, w.untyped, (struct charge){ .bytes = 10 }, 0, &o));
	return o;
}

void put(unsigned i, obj_t obj, uint16_t rights)
{
	DONE(captab_insert(&w.t, 0, at(i), obj, rights, 0));
}

void copy(unsigned src, unsigned dst)
{
	DONE(captab_copy(&w.t, at(src), at(dst), lies(src)->rights));
}

const struct cap *lies(unsigned i)
{
	return &captab_slot(&w.t, at(i))->cap;
}

bool is_empty(unsigned i)
{
	return lies(i)->type == WRIT_TYPE_NULL;
}

void revoke_all(unsigned i)
{
	bool more = true;

	DONE(captab_revoke(&w.t, at(i), W_SLOTS, &more));
	ck_assert(!more);
}

void drop(unsigned i)
{
	DONE(captab_delete(&w.t, at(i)));
}

void reap(void)
{
	ck_assert(!captab_reap(&w.t, 100000));
}

bool is_dead(obj_t obj)
{
	for (unsigned i = 0; i < w.ndead; i++) {
		if (w.dead[i] == obj)
			return true;
	}
	return false;
}

void snapshot(void)
{
	w.before = w.t;
	memcpy(w.copy, w.mem, w.size);
}

bool unchanged(void)
{
	return memcmp(&w.before, &w.t, sizeof(w.t)) == 0 && memcmp(w.copy, w.mem, w.size) == 0;
}

TCase *world_case(Suite *suite, const char *name)
{
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, world_setup, world_teardown);
	tcase_set_timeout(c, 30);
	suite_add_tcase(suite, c);
	return c;
}
