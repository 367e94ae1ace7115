/* SPDX-License-Identifier: MIT */
/*
 * A small capability table for each test: a CNode of 64 slots that the test
 * holds, an Untyped to pay, and a list of what was finalised.
 */
#pragma once
#include <check.h>
#include <writ/cap.h>

enum { W_SLOTS = 512, W_OBJS = 64, W_ACCTS = 16, W_DEAD = 64 };

struct world {
	struct captab t, before;
	void *mem, *copy;
	size_t size;
	obj_t dead[W_DEAD];
	unsigned ndead;
	obj_t untyped, cnode;
	obj_t ep, proc; /* an Endpoint and a Proc, no capability yet */
};

extern struct world w;

/* Before and after each test. The latter verifies, takes all down and looks for leaks. */
void world_setup(void);
void world_teardown(void);

/* Slot @i of the test's CNode. */
slot_t at(unsigned i);
/* A new object of @type that the Untyped pays 10 bytes for. */
obj_t make(unsigned type);
/* A capability to @obj in slot @i, a root of the tree, with these rights. */
void put(unsigned i, obj_t obj, uint16_t rights);
/* A copy with all rights of what lies in @src. */
void copy(unsigned src, unsigned dst);
/* What lies in slot @i. */
const struct cap *lies(unsigned i);
bool is_empty(unsigned i);
/* Revoke to the end; delete; reap to the end. */
void revoke_all(unsigned i);
void drop(unsigned i);
void reap(void);
bool is_dead(obj_t obj);

void snapshot(void);
bool unchanged(void);

/* The call is refused with @err, and has changed nothing. */
#define REFUSED(err, call) \
	do { \
		snapshot(); \
		ck_assert_str_eq(writ_errname(call), writ_errname(WRIT_E_##err)); \
		ck_assert_msg(unchanged(), #call " was refused but changed something"); \
	} while (0)

#define DONE(call) ck_assert_str_eq(writ_errname(call), "OK")

#define VERIFY() \
	do { \
		const char *broken_ = captab_verify(&w.t); \
		ck_assert_msg(broken_ == NULL, "broken: %s", broken_); \
	} while (0)

/* Each suite adds its cases. */
Suite *suite_slot(void);
Suite *suite_tree(void);
Suite *suite_object(void);
Suite *suite_account(void);
Suite *suite_cnode(void);
Suite *suite_names(void);
Suite *suite_verify(void);
Suite *suite_sel4(void);
Suite *suite_sel4_cnode(void);
Suite *suite_revoke(void);
Suite *suite_big(void);

/* A case of @suite with the fixture above. */
TCase *world_case(Suite *suite, const char *name);
