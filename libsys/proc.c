/* SPDX-License-Identifier: MIT */
/*
 * Procs: the spawner's side and one's own. Builds the start record; what a
 * child may hold is the kernel's word, never this file's.
 */
#include <writ/proc.h>
#include <writ/start.h>
#include <stdlib.h>
#include <string.h>
#include "libsys/sys.h"

#define MEMORY_DEFAULT (64u << 20)
#define LOG_DEFAULT    (16u << 20)

/* The packet of SPAWN as it grows: request, grants, start record. */
struct plan {
	struct writ_spawn_req q;
	struct writ_grant grants[WRIT_GRANTS_MAX];
	writ_cap_t temps[WRIT_GRANTS_MAX]; /* narrower Paths, made for this spawn only */
	unsigned ntemps;
	struct start_buf start;
};

/* pids of the procs spawned, by slot */
static uint32_t pids[SYS_SLOTS_MAX];

/* Give capability @src to the child under @name, as it is or with fewer rights. */
static int plan_add(struct plan *p, unsigned type, const char *name, writ_cap_t src,
    uint32_t rights)
{
	uint32_t dst = p->q.ngrants + 1u;

	if (p->q.ngrants == WRIT_GRANTS_MAX)
		return -WRIT_E_RANGE;
	p->grants[p->q.ngrants++] = (struct writ_grant){ src, dst, rights };
	start_name(&p->start, type, name, dst, rights);
	return 0;
}

static int give_path(struct plan *p, const struct writ_give *g)
{
	const char *as = g->as != NULL ? g->as : g->path, *rest;
	uint32_t own, rights;
	writ_cap_t src, temp;
	int r = sys_path_check(g->path);

	if (r == 0)
		r = sys_path_check(as);
	if (r < 0)
		return r;
	src = sys_path_find(g->path, &own, &rest);
	if (src == 0) {
		writ_note(0, g->rights, WRIT_E_NO_PATH, g->path);
		return -WRIT_E_NO_PATH;
	}
	rights = g->rights != 0 ? g->rights : own;
	if (rest[0] == '\0' || rest[1] == '\0')
		return plan_add(p, WRIT_TYPE_PATH, as, src, rights);
	if (p->q.ngrants == WRIT_GRANTS_MAX)
		return -WRIT_E_RANGE;
	temp = writ_slot_new();
	if (temp == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	p->temps[p->ntemps++] = temp;
	r = writ_path_derive(src, temp, rest, rights, 0);
	return r < 0 ? r : plan_add(p, WRIT_TYPE_PATH, as, temp, rights);
}

static int give_named(struct plan *p, unsigned type, const char *name, const struct writ_give *g)
{
	writ_cap_t src = writ_named_cap(type, name);

	if (src == 0)
		return -WRIT_E_INVALID_ARGUMENT;
	return plan_add(p, type, g->as != NULL ? g->as : name, src,
	    g->rights != 0 ? g->rights : sys_rights(src));
}

static int give_cap(struct plan *p, const struct writ_give *g)
{
	struct writ_cap_info info;
	int r = g->as == NULL ? -WRIT_E_INVALID_ARGUMENT : writ_cap_inspect(g->cap, &info);

	if (r < 0)
		return r;
	return plan_add(p, info.type, g->as, g->cap, g->rights != 0 ? g->rights : info.rights);
}

static int plan_give(struct plan *p, const struct writ_give *g)
{
	int set = (g->path != NULL) + (g->image != NULL) + (g->spawn != NULL) + (g->cap != 0);

	if (set != 1)
		return -WRIT_E_INVALID_ARGUMENT;
	if (g->path != NULL)
		return give_path(p, g);
	if (g->image != NULL)
		return give_named(p, WRIT_TYPE_IMAGE, g->image, g);
	if (g->spawn != NULL)
		return give_named(p, WRIT_TYPE_SPAWN, g->spawn, g);
	return give_cap(p, g);
}

/* log2 of the CSpace's size: the smallest that has @slots, and room for @ngive from slot 1 on. */
static int plan_bits(unsigned slots, unsigned ngive, uint8_t *ret)
{
	uint8_t bits = 6;

	if (slots > SYS_SLOTS_MAX || ngive > WRIT_GRANTS_MAX)
		return -WRIT_E_RANGE;
	if (slots <= ngive)
		slots = ngive + 1;
	while (1u << bits < slots)
		bits++;
	*ret = bits;
	return 0;
}

/* Everything but the proc's own slot. */
static int plan_fill(struct plan *p, const struct writ_spawn *s)
{
	const char *name = s->name != NULL ? s->name : s->image;
	int r = plan_bits(s->slots, s->ngive, &p->q.cnode_bits);

	if (r < 0)
		return r;
	if (s->image == NULL || (p->q.image = writ_named_cap(WRIT_TYPE_IMAGE, s->image)) == 0)
		return -WRIT_E_INVALID_ARGUMENT;
	if (strlen(name) >= sizeof(p->q.name))
		return -WRIT_E_NAME_TOO_LONG;
	memcpy(p->q.name, name, strlen(name));
	p->q.class = (uint8_t)s->class;
	p->q.profile = (uint8_t)s->profile;
	p->q.cores = s->cores;
	p->q.flags = s->flags;
	p->q.memory = s->memory != 0 ? s->memory : MEMORY_DEFAULT;
	p->q.log_max = s->log_max != 0 ? s->log_max : LOG_DEFAULT;
	start_init(&p->start);
	for (const char *const *a = s->argv; a != NULL && *a != NULL; a++)
		start_arg(&p->start, *a);
	start_name(&p->start, WRIT_TYPE_CNODE, "cspace", 0, p->q.cnode_bits);
	for (unsigned i = 0; i < s->ngive && r == 0; i++)
		r = plan_give(p, &s->give[i]);
	if (r == 0 && p->start.full)
		r = -WRIT_E_RANGE;
	p->q.blob = (uint32_t)p->start.len;
	return r;
}

static int64_t plan_send(struct plan *p, writ_cap_t spawn)
{
	uint8_t buf[sizeof(p->q) + sizeof(p->grants) + WRIT_BLOB_MAX];
	size_t n = sizeof(p->grants[0]) * p->q.ngrants;
	struct writ_hdr h = sys_hdr(WRIT_OP_SPAWN, spawn, 0, sizeof(p->q) + n + p->start.len);
	writ_cap_t slot = writ_slot_new();
	int r;

	if (slot == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	p->q.dst = sys_addr(slot);
	memcpy(buf, &p->q, sizeof(p->q));
	memcpy(buf + sizeof(p->q), p->grants, n);
	memcpy(buf + sizeof(p->q) + n, p->start.data, p->start.len);
	r = writ_gate_call(&h, buf, NULL, NULL, 0, NULL);
	if (r < 0) {
		writ_slot_free(slot);
		return r;
	}
	pids[slot] = (uint32_t)h.arg;
	return slot;
}

int64_t writ_spawn(const struct writ_spawn *s)
{
	writ_cap_t spawn = writ_named_cap(WRIT_TYPE_SPAWN, s->from);
	struct plan p;
	int64_t r;

	memset(&p, 0, offsetof(struct plan, start));
	if (spawn == 0) {
		writ_note(0, WRIT_R_WRITE, WRIT_E_INVALID_CAPABILITY, "spawn");
		return -WRIT_E_INVALID_ARGUMENT;
	}
	r = plan_fill(&p, s);
	if (r == 0)
		r = plan_send(&p, spawn);
	while (p.ntemps > 0)
		writ_slot_free(p.temps[--p.ntemps]);
	return r;
}

uint32_t writ_pid(uint32_t proc)
{
	return proc < SYS_SLOTS_MAX ? pids[proc] : 0;
}

static int proc_wait(uint32_t proc, enum writ_wait what, struct writ_exit *ret)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_WAIT, proc, what, 0);
	struct {
		struct writ_wait_rep rep;
		char said[WRIT_STATUS_MAX];
	} b = { 0 };
	size_t n;
	int r = writ_gate_call(&h, NULL, NULL, &b, sizeof(b), NULL);

	if (r < 0)
		return r;
	n = h.len < sizeof(b.rep) ? 0 : h.len - sizeof(b.rep);
	if (n > b.rep.said)
		n = b.rep.said;
	if (n > sizeof(b.said))
		n = sizeof(b.said);
	ret->state = b.rep.state;
	ret->code = b.rep.code;
	ret->cpu_ns = b.rep.cpu_ns;
	ret->rss_max = b.rep.rss_max;
	ret->len = n;
	memcpy(ret->said, b.said, n);
	ret->said[n] = '\0';
	return 0;
}

int writ_wait_start(uint32_t proc)
{
	struct writ_exit e;
	int r = proc_wait(proc, WRIT_WAIT_START, &e);

	if (r < 0)
		return r;
	switch (e.state) {
	case WRIT_STATE_KILLED: return -WRIT_E_KILLED;
	case WRIT_STATE_FAILED: return -WRIT_E_EXEC_FAILED;
	default: return 0;
	}
}

int writ_wait_exit(uint32_t proc, struct writ_exit *ret)
{
	return proc_wait(proc, WRIT_WAIT_EXIT, ret);
}

int writ_kill(uint32_t proc)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_KILL, proc, 0, 0);

	return writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
}

int writ_started(void)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_STARTED, 0, 0, 0);

	return writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
}

_Noreturn void writ_exited(int code, const void *said, size_t len)
{
	size_t n = said == NULL ? 0 : len < WRIT_STATUS_MAX ? len : WRIT_STATUS_MAX;
	struct writ_hdr h = sys_hdr(WRIT_OP_EXITED, 0, (uint64_t)(code & 0xff), n);

	/* A bare code travels by the exit status; so it does if this fails. */
	if (n > 0)
		writ_gate_call(&h, said, NULL, NULL, 0, NULL);
	exit(code & 0xff);
}
