/* SPDX-License-Identifier: MIT */
/*
 * A first server that holds what a dump can have: badges, guards, nested CNodes,
 * Paths of Paths, bound contexts, procs that wait, and places in the tree whose
 * capability was deleted since. Then it answers what operators may look at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/ipc.h>
#include <writ/proc.h>
#include <writ/srv.h>
#include <writ/writ.h>
#include "servers/root/op.h"

/* Slots of its own. */
enum {
	ACCOUNT = 100,
	COPY,
	ENDPOINT,
	BADGED,
	NTFN,
	NTFN_BADGED,
	CONTEXT,
	MEMORY,
	OUTER,
	GUARDED,
	INNER,
	PATH,
	PATH_BADGED,
	REALM,
	SPAWN,
	NARROW,
	HELD,
	WAITS,
	CSPACE,
	LOST,
	ORPHAN,
	LEFT,
	TEMP,
	TEMP2,
	GONE,
	LAST,
};

#define FULL (WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT)

static void must(int e, const char *what)
{
	if (e == 0)
		return;
	dprintf(2, "weaver: %s: %s\n", what, writ_strerror(e));
	exit(1);
}

static struct writ_addr at(uint64_t index, uint32_t root, uint32_t depth)
{
	return (struct writ_addr){ .index = index, .root = root, .depth = depth };
}

static void retype(writ_cap_t untyped, unsigned type, writ_cap_t dst, struct writ_quota max)
{
	must(writ_retype(untyped, type, at(dst, 0, 0), 1, max), "retype");
}

static void move(writ_cap_t src, struct writ_addr dst)
{
	must(writ_cap_at(WRIT_OP_MOVE, at(src, 0, 0), dst, 0, 0), "move");
}

static void accounts(void)
{
	retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_UNTYPED, ACCOUNT,
	    (struct writ_quota){ 64 << 20, 4096, 20 });
	must(writ_cap_copy(ACCOUNT, COPY, FULL), "copy of an Untyped");
	/* an account that nobody names, with an endpoint that it pays for */
	retype(ACCOUNT, WRIT_TYPE_UNTYPED, TEMP, (struct writ_quota){ 1 << 20, 128, 1 });
	retype(TEMP, WRIT_TYPE_ENDPOINT, ORPHAN, (struct writ_quota){ 0 });
	must(writ_cap_delete(TEMP), "delete");
}

static void endpoints(void)
{
	const struct writ_quota none = { 0 };

	retype(COPY, WRIT_TYPE_ENDPOINT, ENDPOINT, none);
	must(writ_cap_mint(ENDPOINT, BADGED, WRIT_R_WRITE | WRIT_R_GRANT, 77), "mint");
	must(writ_cap_copy(BADGED, TEMP, WRIT_R_WRITE), "copy");
	must(writ_cap_copy(TEMP, TEMP2, WRIT_R_WRITE), "copy");
	must(writ_cap_delete(TEMP), "delete"); /* TEMP2 is BADGED's now */
	must(writ_cap_move(TEMP2, LAST), "move");
	retype(ACCOUNT, WRIT_TYPE_NOTIFICATION, NTFN, none);
	must(writ_cap_mint(NTFN, NTFN_BADGED, WRIT_R_WRITE, 1 << 20), "mint");
	retype(ACCOUNT, WRIT_TYPE_MEMORY, MEMORY, (struct writ_quota){ .bytes = 8192 });
	/* its master gone: two capabilities side by side */
	retype(ACCOUNT, WRIT_TYPE_ENDPOINT, TEMP, none);
	must(writ_cap_mint(TEMP, LOST, WRIT_R_WRITE, 5), "mint");
	must(writ_cap_copy(TEMP, LEFT, WRIT_R_READ), "copy");
	must(writ_cap_delete(TEMP), "delete");
	must(writ_path_derive(ENDPOINT, PATH, "/a", WRIT_R_READ | WRIT_R_WRITE, 0), "path");
	must(writ_path_derive(PATH, TEMP, "/b", WRIT_R_READ, 0), "path");
	must(writ_path_derive(TEMP, PATH_BADGED, "/c \"d\"", WRIT_R_READ, 9), "path");
	must(writ_cap_delete(TEMP), "delete");
}

static void cnodes(void)
{
	retype(ACCOUNT, WRIT_TYPE_CNODE, OUTER, (struct writ_quota){ .slots = 8 });
	must(writ_cap_mint(OUTER, GUARDED, WRIT_R_READ, 5 << 6 | 4), "guard");
	retype(ACCOUNT, WRIT_TYPE_CNODE, INNER, (struct writ_quota){ .slots = 6 });
	must(writ_cap_copy(LAST, TEMP, WRIT_R_WRITE), "copy");
	move(TEMP, at(0, INNER, 6));
	must(writ_cap_copy(INNER, TEMP, WRIT_R_READ), "copy");
	move(TEMP, at(63, INNER, 6)); /* it holds itself */
	move(INNER, at(200, OUTER, 8));
	must(writ_path_derive(PATH, TEMP, "", WRIT_R_READ, 0), "path");
	move(TEMP, at(1, OUTER, 8));
	/* nothing leads here but the tree */
	retype(ACCOUNT, WRIT_TYPE_CNODE, TEMP, (struct writ_quota){ .slots = 6 });
	must(writ_cap_copy(TEMP, TEMP2, WRIT_R_WRITE), "copy");
	must(writ_cap_at(WRIT_OP_MOVE, at(TEMP2, 0, 0), at(7, TEMP, 6), 0, 0), "move");
	must(writ_cap_delete(TEMP), "delete");
}

static void spawn(writ_cap_t cap, writ_cap_t dst, const char *name, uint8_t class)
{
	struct writ_spawn_req r = { .dst = at(dst, 0, 0),
		.image = writ_named_cap(WRIT_TYPE_IMAGE, "root"),
		.class = class,
		.cores = 300,
		.flags = WRIT_SPAWN_HOLD,
		.memory = 16 << 20,
		.log_max = 1 << 20 };
	struct writ_hdr h = { .op = WRIT_OP_SPAWN, .cap = cap, .len = sizeof(r) };

	memcpy(r.name, name, strlen(name));
	must(writ_gate_call(&h, &r, NULL, NULL, 0, NULL), name);
}

static void procs(void)
{
	struct writ_realm_req rq = { .dst = at(REALM, 0, 0),
		.account = ACCOUNT,
		.memory = 256 << 20,
		.cores = 1500,
		.name = "woven" };
	struct writ_spawncap_req sq = { .dst = at(SPAWN, 0, 0),
		.classes = 3,
		.profiles = 1,
		.procs = 10,
		.cores = 1000,
		.memory = 128 << 20 };
	struct writ_sched_req cq = { .context = CONTEXT,
		.class = WRIT_CLASS_LC,
		.cores = 250,
		.weight = 70,
		.period = 100000,
		.budget = 20000 };

	must(writ_realm_create(COPY, &rq), "realm");
	must(writ_spawncap_derive(REALM, &sq), "spawn");
	sq.dst = at(NARROW, 0, 0);
	sq.classes = 1 << WRIT_CLASS_BE;
	sq.procs = 4;
	must(writ_spawncap_derive(SPAWN, &sq), "narrower spawn");
	spawn(NARROW, HELD, "held", WRIT_CLASS_BE);
	spawn(NARROW, WAITS, "waits", WRIT_CLASS_BE);
	must(writ_proc_resume(WAITS), "resume");
	retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_SCHED_CONTEXT, CONTEXT, (struct writ_quota){ 0 });
	must(writ_sched_configure(WRIT_BOOT_SCHED, &cq), "configure");
	must(writ_proc_sched(WAITS, CONTEXT), "sched"); /* LC, which its Spawn doesn't allow */
	must(writ_proc_cspace(HELD, CSPACE), "cspace");
	must(writ_cap_copy(NARROW, TEMP, WRIT_R_WRITE), "copy");
	move(TEMP, at(1, CSPACE, 6));
	must(writ_cap_copy(WAITS, TEMP, WRIT_R_READ), "copy");
	move(TEMP, at(2, CSPACE, 6));
	/* a Path derived from one that lies elsewhere by now */
	must(writ_path_derive(PATH, TEMP, "/x", WRIT_R_READ, 0), "path");
	must(writ_path_derive(TEMP, TEMP2, "/y", WRIT_R_READ, 0), "path");
	move(TEMP, at(3, CSPACE, 6));
	move(TEMP2, at(4, OUTER, 8));
	/* a proc whose Spawn is gone */
	sq.dst = at(TEMP, 0, 0);
	must(writ_spawncap_derive(REALM, &sq), "spawn");
	spawn(TEMP, GONE, "gone", WRIT_CLASS_BE);
	must(writ_cap_delete(TEMP), "delete");
}

/* --- what operators ask ---------------------------------------------------------------------- */

static const uint8_t *hash_of(uint32_t obj)
{
	(void)obj;
	return NULL;
}

static int op_caps(struct call *c)
{
	return rows_caps(WRIT_BOOT_AUDIT, c->q, &c->rep);
}

static int op_objects(struct call *c)
{
	return rows_objects(WRIT_BOOT_AUDIT, hash_of, c->q, &c->rep);
}

static int (*const handlers[])(struct call *c) = {
	[WRIT__OP__OP__OP_CAPS] = op_caps,
	[WRIT__OP__OP__OP_OBJECTS] = op_objects,
};
static const struct op_user user = { .handlers = handlers,
	.n = sizeof(handlers) / sizeof(handlers[0]) };

static int init(struct srv *s, int argc, char **argv)
{
	int e = op_folder(s);

	(void)argc;
	(void)argv;
	if (e < 0)
		return e;
	accounts();
	endpoints();
	cnodes();
	procs();
	return op_init(s, &user);
}

static int64_t handle(struct srv_session *c, uint32_t label, const void *req, size_t len, void *rep)
{
	(void)c;
	(void)label;
	(void)req;
	(void)len;
	(void)rep;
	return -WRIT_E_BAD_REQUEST;
}

int writ_main(int argc, char **argv)
{
	static const struct srv_ops ops = { .name = "weaver", .init = init, .handle = handle };

	return srv_main(argc, argv, &ops);
}
