/* SPDX-License-Identifier: MIT */
/*
 * Names of servers (docs/messages.md). A client's side: find who is meant, open
 * a channel, notice that it leads nowhere and look once more. A server's side: what
 * its mailbox has registered, and registering it again when the server of the
 * names was started anew. Owns the list of registrations.
 */
#include "libsys/name.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libsys/fs.h"
#include "libsys/mbox.h"
#include "libsys/name_cache.h"
#include "libsys/sys.h"

#define SERVICES "/svc/"            /* a Path of such a name is the server's own */
#define AGAIN_NS INT64_C(100000000) /* between tries to register anew */
#define NEEDS    (WRIT_R_MOUNT | WRIT_R_GRANT)

static struct name_stats stats;

struct name_stats name_stats(void)
{
	return stats;
}

/* --- clients ---------------------------------------------------------------------- */

/* The Path of a service, which the manifest grants by its name: there is nothing to look up. */
static writ_cap_t service_of(const char *name)
{
	uint32_t rights;
	const char *rest;
	writ_cap_t cap;

	if (strncmp(name, SERVICES, sizeof(SERVICES) - 1) != 0)
		return 0;
	cap = sys_path_find(name, &rights, &rest);
	if (cap == 0 ||
	    (rest[0] != '\0' && strcmp(rest, "/~any") != 0 && strcmp(rest, "/~local") != 0))
		return 0;
	return cap;
}

/* Keep what came with the reply to a lookup. */
static int keep(const char *name, const struct pb_rep *rep, struct name_entry **ret)
{
	if (rep->caps.n != 1)
		return -WRIT_E_IO;
	*ret = name_cache_add(name, rep->name, rep->caps.slot[0]);
	return *ret != NULL ? 0 : -WRIT_E_NOT_ENOUGH_MEMORY;
}

/* Room for what comes with a reply: of what is remembered, what isn't used makes some. */
static int make_room(void)
{
	writ_cap_t s;

	while ((s = sys_slots_new(WRIT_CAPS_MAX)) == 0)
		if (!name_cache_shed())
			return -WRIT_E_NOT_ENOUGH_MEMORY;
	for (unsigned i = 0; i < WRIT_CAPS_MAX; i++)
		sys_slot_back(s + i);
	return 0;
}

static int ask(const char *name, const char *avoid, struct name_entry **ret)
{
	struct pb_req q = { .op = FSSRV_LOOKUP, .to = avoid, .takes = true };
	struct pb_rep rep = { 0 };
	struct fs_target t;
	int r = fs_resolve(name, WRIT_R_READ, &t);

	if (r < 0 || (r = make_room()) < 0)
		return r;
	q.path = t.rest;
	stats.lookups++;
	r = fs_conn_call(t.conn, &q, true, &rep);
	r = r < 0 ? r : keep(name, &rep, ret);
	for (unsigned i = 0; r < 0 && i < rep.caps.n; i++)
		writ_slot_free(rep.caps.slot[i]);
	return r;
}

/* Is this how it ends when nobody is behind a Path any more? */
static bool nobody(int r)
{
	return r == -WRIT_E_BUSY || r == -WRIT_E_STALE || r == -WRIT_E_PEER_CLOSED ||
	    r == -WRIT_E_FAILED_LOOKUP;
}

int writ_chan_open_name(const char *name, const struct writ_chan_attr *attr, struct writ_chan **ret)
{
	struct writ_chan_attr a = attr != NULL ? *attr : (struct writ_chan_attr){ 0 };
	char avoid[FSSRV_MEMBER_MAX] = "";
	struct name_entry *e;
	writ_cap_t cap;
	int r = sys_path_check(name);

	if (r < 0)
		return r;
	if ((cap = service_of(name)) != 0)
		return writ_chan_open(cap, attr, ret);
	a.nowait = true;
	e = name_cache_find(name);
	stats.found += e != NULL;
	for (unsigned tries = 0; tries < 2; tries++) {
		if (e == NULL && (r = ask(name, avoid, &e)) < 0)
			return r;
		r = writ_chan_open(e->cap, &a, ret);
		if (r == 0) {
			(*ret)->named = e;
			return 0;
		}
		if (!nobody(r)) {
			name_cache_put(e);
			return r;
		}
		stats.stale++;
		memcpy(avoid, e->member, sizeof(avoid));
		name_cache_stale(e);
		e = NULL;
	}
	return r;
}

/* --- servers ------------------------------------------------------------------------ */

struct registration {
	struct registration *next;
	struct writ_mbox *box;
	uint32_t rights;
	struct fs_conn *conn;
	uint32_t epoch;   /* of the session that it lives as long as */
	int64_t again_ns; /* it is gone: try again then; 0: it is there */
	char name[WRIT_PREFIX_MAX], member[FSSRV_MEMBER_MAX];
};

static struct registration *registrations;

/* Register @g now. The Path is derived for this and not kept: what was sent is a copy. */
static int enroll(struct registration *g, const char *rest)
{
	struct pb_req q = { .op = FSSRV_REGISTER, .path = rest };
	writ_cap_t path = writ_slot_new();
	struct pb_rep rep;
	int r = -WRIT_E_NOT_ENOUGH_MEMORY;

	if (path != 0)
		r = writ_path_derive(g->box->ports[0].endpoint, path, "", g->rights, 0);
	q.caps = (struct pb_caps){ 1, { path } };
	if (r == 0)
		r = fs_conn_call(g->conn, &q, false, &rep);
	writ_slot_free(path);
	if (r < 0)
		return r;
	memcpy(g->member, rep.name, strlen(rep.name) + 1);
	fs_conn_hold(g->conn);
	g->epoch = fs_conn_epoch(g->conn);
	g->again_ns = 0;
	return 0;
}

static void forget(struct registration *g)
{
	struct registration **at = &registrations;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	free(g);
}

/* Take it back. That it is gone already, or its server, is no error. */
static void dismiss(struct registration *g)
{
	char path[WRIT_PREFIX_MAX + FSSRV_MEMBER_MAX];
	struct pb_req q = { .op = FSSRV_UNREGISTER, .path = path };
	struct fs_target t;
	struct pb_rep rep;

	if (g->again_ns == 0 && fs_resolve_quiet(g->name, &t) == 0) {
		snprintf(path, sizeof(path), "%s/%s", t.rest, g->member);
		fs_conn_call_handle(g->conn, g->epoch, &q, &rep);
		fs_conn_release(g->conn, g->epoch);
	}
	forget(g);
}

/* The mailbox is about to sleep: register anew what was lost. Returns when to come again, ns. */
static int64_t renew(struct writ_mbox *b)
{
	int64_t now = spin_now(), next = -1;

	for (struct registration *g = registrations; g != NULL; g = g->next) {
		struct fs_target t;

		if (g->box != b || (g->again_ns == 0 && fs_conn_lives(g->conn, g->epoch)))
			continue;
		if (g->again_ns <= now && fs_resolve_quiet(g->name, &t) == 0 &&
		    fs_conn_ready(t.conn) && enroll(g, t.rest) == 0)
			continue;
		if (g->again_ns <= now)
			g->again_ns = now + AGAIN_NS;
		if (next < 0 || g->again_ns < next)
			next = g->again_ns;
	}
	return next;
}

static void box_gone(struct writ_mbox *b)
{
	struct registration *g, *next;

	for (g = registrations; g != NULL; g = next) {
		next = g->next;
		if (g->box == b)
			dismiss(g);
	}
}

static const struct mbox_names names_ops = { renew, box_gone };

/* Where @name leads, for who may register there and send what is to be given out. */
static int place_of(const char *name, struct fs_target *ret)
{
	int r = fs_resolve(name, NEEDS, ret);

	if (r < 0)
		return r;
	if ((NEEDS & ~ret->rights) != 0) {
		writ_note(0, NEEDS & ~ret->rights, WRIT_E_NO_RIGHT, name);
		return -WRIT_E_NO_RIGHT;
	}
	return strlen(ret->rest) + FSSRV_MEMBER_MAX + 1 < WRIT_PREFIX_MAX ? 0
									  : -WRIT_E_NAME_TOO_LONG;
}

int writ_mbox_register(struct writ_mbox *b, const char *name, uint32_t rights, char *ret_member)
{
	struct registration *g;
	struct fs_target t;
	int r = place_of(name, &t);

	if (r < 0)
		return r;
	if (b->nports == 0)
		return -WRIT_E_ILLEGAL_OPERATION;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	*g = (struct registration){ .box = b, .rights = rights, .conn = t.conn };
	memcpy(g->name, name, strlen(name) + 1);
	r = enroll(g, t.rest);
	if (r < 0) {
		free(g);
		return r;
	}
	g->next = registrations;
	registrations = g;
	b->names = &names_ops;
	if (ret_member != NULL)
		memcpy(ret_member, g->member, sizeof(g->member));
	return 0;
}

int writ_mbox_unregister(struct writ_mbox *b, const char *name)
{
	struct registration *g, *next;
	int r = -WRIT_E_NOT_FOUND;

	for (g = registrations; g != NULL; g = next) {
		next = g->next;
		if (g->box != b || strcmp(g->name, name) != 0)
			continue;
		dismiss(g);
		r = 0;
	}
	return r;
}
