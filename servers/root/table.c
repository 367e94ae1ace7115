/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own tables as operators ask for them, page by page: capabilities
 * and objects. Also what all lists are made of. Knows nothing of what root keeps.
 */
#include "servers/root/op.h"
#include <stdlib.h>
#include <string.h>

#define PER_CALL(row) ((WRIT_MSG_MAX - sizeof(struct writ_hdr)) / sizeof(row))

struct cap_row {
	Writ__Op__Cap m;
	struct writ_cap_info k;
};
struct object_row {
	Writ__Op__Object m;
	struct writ_object k;
	uint64_t n[6];
};

void *rows_new(size_t n, size_t row, void *ret_rows)
{
	size_t head = (n * sizeof(void *) + 15) / 16 * 16;
	char *p = calloc(1, head + n * row + 1);
	void *rows;

	if (p == NULL)
		return NULL;
	rows = p + head;
	memcpy(ret_rows, &rows, sizeof(rows));
	return p;
}

void rows_free(Writ__Op__Rep *rep)
{
	free(rep->procs);
	free(rep->caps);
	free(rep->records);
	free(rep->realms);
	free(rep->objects);
	rep->procs = NULL;
	rep->caps = NULL;
	rep->records = NULL;
	rep->realms = NULL;
	rep->objects = NULL;
	rep->n_procs = rep->n_caps = rep->n_records = rep->n_realms = rep->n_objects = 0;
}

static void cap_fill(struct cap_row *r)
{
	const struct writ_cap_info *k = &r->k;

	writ__op__cap__init(&r->m);
	r->m.slot = k->slot;
	r->m.parent = k->parent;
	r->m.index = k->index;
	r->m.pid = k->pid;
	r->m.type = k->type;
	r->m.rights = k->rights;
	r->m.obj = k->obj;
	r->m.badge = k->badge;
	r->m.name = r->k.name;
	r->m.cnode = k->cnode;
	r->m.guard = k->guard;
	r->m.guard_bits = k->guard_bits;
}

int rows_caps(writ_cap_t audit, const Writ__Op__Req *q, Writ__Op__Rep *rep)
{
	/* No row is longer than its struct and its name, twice over. */
	const size_t max = PAGE_BYTES / (2 * sizeof(struct writ_cap_info));
	struct writ_cap_info got[PER_CALL(struct writ_cap_info)];
	struct cap_row *rows = NULL;
	uint64_t at = q->offset;

	rep->caps = rows_new(max, sizeof(*rows), &rows);
	if (rep->caps == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	do {
		struct writ_hdr h = { .op = WRIT_OP_CAPS, .cap = audit, .arg = at };
		int r = writ_gate_call(&h, NULL, NULL, got, sizeof(got), NULL);

		if (r < 0)
			return r;
		at = h.arg;
		for (size_t i = 0; i < h.len / sizeof(got[0]) && i < PER_CALL(got[0]); i++) {
			struct cap_row *x = &rows[rep->n_caps];

			x->k = got[i];
			cap_fill(x);
			rep->caps[rep->n_caps++] = &x->m;
		}
	} while (at != 0 && rep->n_caps + PER_CALL(got[0]) <= max);
	rep->next = at;
	return 0;
}

static uint64_t two(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

/* The numbers of an object, by its type, as operators have them. */
static void numbers(const struct writ_object *k, uint64_t *n)
{
	const struct writ_proc_row *p = &k->proc.row;
	const struct writ_sched_req *s = &k->context.set;

#define N(...) memcpy(n, (uint64_t[6]){ __VA_ARGS__ }, 6 * sizeof(*n))
	switch (k->type) {
	case WRIT_TYPE_UNTYPED: N(k->untyped.bytes, k->untyped.slots, k->untyped.procs); break;
	case WRIT_TYPE_CNODE: N(k->cnode.bits, k->cnode.pid); break;
	case WRIT_TYPE_IMAGE:
	case WRIT_TYPE_MEMORY:
	case WRIT_TYPE_HOST: N(k->file.size, k->file.uid); break;
	case WRIT_TYPE_PATH: N(k->endpoint); break;
	case WRIT_TYPE_PROC:
		N(p->pid,
		    two(p->class | p->profile << 8 | p->state << 16 | k->proc.held << 24,
			k->proc.cores),
		    p->memory, k->proc.log_max, two(k->proc.cnode, p->realm), k->proc.image);
		break;
	case WRIT_TYPE_REALM:
		N(k->realm.untyped, two(k->realm.number, k->realm.uid), k->realm.memory,
		    k->realm.cores);
		break;
	case WRIT_TYPE_SPAWN:
		N(two(k->spawn.max.classes, k->spawn.max.profiles), k->spawn.max.procs,
		    k->spawn.max.cores, k->spawn.max.memory, k->spawn.realm, k->spawn.parent);
		break;
	case WRIT_TYPE_SCHED_CONTEXT:
		N(two(s->class, s->cores), s->weight, s->period, s->budget, k->context.proc);
		break;
	default: break;
	}
#undef N
}

int rows_objects(writ_cap_t audit, const uint8_t *(*hash)(uint32_t obj), const Writ__Op__Req *q,
    Writ__Op__Rep *rep)
{
	const size_t max = PAGE_BYTES / (2 * sizeof(struct writ_object));
	struct writ_object got[PER_CALL(struct writ_object)];
	struct object_row *rows = NULL;
	uint64_t at = q->offset;

	rep->objects = rows_new(max, sizeof(*rows), &rows);
	if (rep->objects == NULL)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	do {
		struct writ_hdr h = { .op = WRIT_OP_OBJECTS, .cap = audit, .arg = at };
		int r = writ_gate_call(&h, NULL, NULL, got, sizeof(got), NULL);

		if (r < 0)
			return r;
		at = h.arg;
		for (size_t i = 0; i < h.len / sizeof(got[0]) && i < PER_CALL(got[0]); i++) {
			struct object_row *x = &rows[rep->n_objects];
			const uint8_t *sha256 = hash(got[i].obj);

			x->k = got[i];
			writ__op__object__init(&x->m);
			x->m.obj = x->k.obj;
			x->m.payer = x->k.payer;
			x->m.type = x->k.type;
			numbers(&x->k, x->n);
			x->m.n = x->n;
			x->m.n_n = sizeof(x->n) / sizeof(x->n[0]);
			x->m.name = x->k.name;
			if (sha256 != NULL)
				x->m.sha256 = (ProtobufCBinaryData){ 32,
					(uint8_t *)(uintptr_t)sha256 };
			rep->objects[rep->n_objects++] = &x->m;
		}
	} while (at != 0 && rep->n_objects + PER_CALL(got[0]) <= max);
	rep->next = at;
	return 0;
}
