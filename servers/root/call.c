/* SPDX-License-Identifier: MIT */
/*
 * The operator's calls: one row each. Who may call at all was decided by the
 * socket's folder.
 */
#include "servers/root/root.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/proc.h>

/* --- handlers: return 0 or an error, with a sentence in why if they have one ---------------- */

static int op_ping(struct call *c)
{
	size_t n = 0;

	c->rep.node = root.node->name;
	for (const struct instance *i = root.instances; i != NULL && n < sizeof(c->why);
	     i = i->next)
		if (i->fault[0] != '\0')
			n += (size_t)snprintf(c->why + n, sizeof(c->why) - n, "%s%s",
			    n > 0 ? "; " : "", i->fault);
	return 0;
}

static int op_image(struct call *c)
{
	return image_upload(c->q, now_ms(), c->why);
}

static int op_have(struct call *c)
{
	const Writ__Manifest__Image *m = c->q->image;

	if (m == NULL || m->sha256.len != 32)
		return -WRIT_E_BAD_REQUEST;
	return image_find(m->sha256.data, m->size) != NULL ? 0 : -WRIT_E_NOT_FOUND;
}

/* How many of a realm's procs are alive; < 0 when the kernel doesn't say. */
static int64_t alive(const struct place *p)
{
	struct writ_proc_row *rows;
	int64_t n = rows_of(p, &rows), count = 0;

	for (int64_t i = 0; i < n; i++)
		count += rows[i].state < WRIT_STATE_EXITED;
	free(rows);
	return n < 0 ? n : count;
}

/* Who waits for its layers is still looked after by the request that made it. */
static int starting(struct call *c, const struct realm *r)
{
	snprintf(c->why, sizeof(c->why), "realm %s is just being started", r->m->name);
	return -WRIT_E_BUSY;
}

/* The procs started, in the manifest's order. */
static int list_entries(struct call *c, const struct realm *r)
{
	Writ__Op__Proc *rows = NULL;

	c->rep.procs = rows_new(r->m->n_procs, sizeof(*rows), &rows);
	if (c->rep.procs == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	for (size_t i = 0; i < r->m->n_procs; i++) {
		writ__op__proc__init(&rows[i]);
		rows[i].pid = r->entries[i].pid;
		rows[i].realm = r->place.id;
		rows[i].realm_name = r->m->name;
		rows[i].name = r->m->procs[i]->name;
		rows[i].class_ = r->m->procs[i]->class_;
		rows[i].line = r->m->procs[i]->line;
		c->rep.procs[c->rep.n_procs++] = &rows[i];
	}
	return 0;
}

static int run_new(struct call *c, struct realm **ret)
{
	const Writ__Manifest__Realm *m = c->q->realm;
	struct check_node view = boot_view();
	struct realm *old;
	int64_t n;
	int e;

	if (m == NULL)
		return -WRIT_E_BAD_REQUEST;
	e = check_realm(m, &view, c->why, sizeof(c->why));
	if (e < 0)
		return e;
	old = realm_find(m->name);
	if (old != NULL && old->until != 0)
		return starting(c, old);
	n = old != NULL ? alive(&old->place) : 0;
	if (n != 0) {
		snprintf(c->why, sizeof(c->why),
		    "realm %s runs already: %lld of its procs are alive", m->name, (long long)n);
		return -WRIT_E_EXISTS;
	}
	if (old != NULL)
		realm_stop(old);
	return realm_make(&c->arena, m, ret, c->why);
}

static int op_run(struct call *c)
{
	struct realm *r = *c->kept;
	int e = r == NULL ? run_new(c, &r) : 0;

	if (e == 0)
		e = realm_start(r, c->why);
	c->later = e == REALM_WAITS;
	*c->kept = c->later ? r : NULL;
	return e == 0 ? list_entries(c, r) : e;
}

static struct realm *named_realm(struct call *c)
{
	struct realm *r = realm_find(c->q->name);

	if (r == NULL)
		snprintf(c->why, sizeof(c->why), "there is no realm %.40s",
		    check_name(c->q->name) ? c->q->name : "of that name");
	return r;
}

static int op_stop(struct call *c)
{
	struct realm *r = named_realm(c);

	if (r == NULL)
		return -WRIT_E_NOT_FOUND;
	if (r->until != 0)
		return starting(c, r);
	realm_stop(r);
	return 0;
}

static int op_manifest(struct call *c)
{
	struct realm *r = named_realm(c);

	if (r == NULL)
		return -WRIT_E_NOT_FOUND;
	c->rep.realm = (Writ__Manifest__Realm *)(uintptr_t)r->m;
	return 0;
}

/* Only procs that root spawned itself: the others' capabilities are their parents'. */
static int op_kill(struct call *c)
{
	for (const struct realm *r = root.realms; r != NULL; r = r->next)
		for (size_t i = 0; i < r->m->n_procs; i++)
			if (r->entries[i].pid == c->q->pid)
				return writ_kill(r->entries[i].proc);
	for (const struct instance *i = root.instances; i != NULL; i = i->next)
		if (i->proc != 0 && i->pid == c->q->pid)
			return writ_kill(i->proc);
	snprintf(c->why, sizeof(c->why),
	    "proc %u is none that the manifest names: its parent holds its capability; "
	    "kill the parent, or stop the realm",
	    c->q->pid);
	return -WRIT_E_NOT_FOUND;
}

static int op_down(struct call *c)
{
	c->down = true;
	return 0;
}

static int op_procs(struct call *c)
{
	int r = rows_procs(c->q, &c->rep);

	if (r == -WRIT_E_NOT_FOUND)
		snprintf(c->why, sizeof(c->why), "there is no realm of that name");
	return r;
}

static int op_caps(struct call *c)
{
	return rows_caps(WRIT_BOOT_AUDIT, c->q, &c->rep);
}
static int op_objects(struct call *c)
{
	return rows_objects(WRIT_BOOT_AUDIT, image_hash, c->q, &c->rep);
}
static int op_audit(struct call *c)
{
	return rows_audit(c->q, &c->rep);
}
static int op_realms(struct call *c)
{
	return rows_realms(c->q, &c->rep);
}

/* Does a realm that runs require more than would be left? */
static bool guard_needed(struct call *c, const char missing[CHECK_MISSING_MAX])
{
	for (const struct realm *r = root.realms; r != NULL; r = r->next) {
		const char *word = layers_required(r->m, missing);

		if (word == NULL || (r->until == 0 && alive(&r->place) == 0))
			continue;
		snprintf(c->why, sizeof(c->why),
		    "realm %s runs and requires layer %s (%s:%u): stop it first, or use --force",
		    r->m->name, word, r->m->file, r->m->require_line);
		return true;
	}
	return false;
}

static int op_guard(struct call *c)
{
	unsigned mode = c->q->guard[0] != '\0' ? guard_of(c->q->guard) : root.guard;
	char missing[CHECK_MISSING_MAX];

	if (mode == GUARD_MODE_N)
		return -WRIT_E_INVALID_ARGUMENT;
	if (c->q->guard[0] != '\0') {
		memcpy(missing, root.missing, sizeof(missing));
		layers_set(missing, GUARD_LAYERS, mode >= GUARD_ENFORCE ? c->q->layers : 0);
		if (!c->q->force && guard_needed(c, missing))
			return -WRIT_E_BUSY;
		memcpy(root.missing, missing, sizeof(missing));
		root.guard = mode;
	}
	c->rep.guard = (char *)(uintptr_t)writ_guard_name(root.guard);
	c->rep.layers = layers_now();
	c->rep.had = layers_had(root.missing);
	return 0;
}

static int (*const handlers[])(struct call *c) = {
	[WRIT__OP__OP__OP_PING] = op_ping,
	[WRIT__OP__OP__OP_IMAGE] = op_image,
	[WRIT__OP__OP__OP_RUN] = op_run,
	[WRIT__OP__OP__OP_STOP] = op_stop,
	[WRIT__OP__OP__OP_DOWN] = op_down,
	[WRIT__OP__OP__OP_PROCS] = op_procs,
	[WRIT__OP__OP__OP_CAPS] = op_caps,
	[WRIT__OP__OP__OP_AUDIT] = op_audit,
	[WRIT__OP__OP__OP_REALMS] = op_realms,
	[WRIT__OP__OP__OP_KILL] = op_kill,
	[WRIT__OP__OP__OP_MANIFEST] = op_manifest,
	[WRIT__OP__OP__OP_HAVE] = op_have,
	[WRIT__OP__OP__OP_OBJECTS] = op_objects,
	[WRIT__OP__OP__OP_GUARD] = op_guard,
};

static void turn(void)
{
	instance_tick(now_ms());
}

const struct op_user call_user = { .handlers = handlers,
	.n = sizeof(handlers) / sizeof(handlers[0]),
	.turn = turn };
