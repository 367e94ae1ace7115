/* SPDX-License-Identifier: MIT */
/*
 * Queues of pending procs, one for each realm and class, and what runs. Owns
 * both tables; entries name each other by index, 0 is none. Must never decide
 * by anything but what policy.h says.
 */
#include "servers/schedd/policy.h"
#include <stdlib.h>
#include <sys/mman.h>

#define HASH_SIZE (2 * POLICY_PROCS)

struct entry {
	uint32_t pid, realm; /* realm: index of its turn */
	uint32_t cores;
	uint8_t class;
	bool running;
	uint64_t memory;
	uint32_t prev, next; /* queue of its realm and class, or free list (next) */
	uint32_t hash_next;
};

/* A realm's queues, and its place in the round of each class. */
struct turn {
	uint32_t id, nprocs; /* nprocs 0: this entry is free */
	uint32_t head[WRIT_CLASS_N], tail[WRIT_CLASS_N];
	uint32_t prev[WRIT_CLASS_N], next[WRIT_CLASS_N]; /* circular; 0: not in the round */
	int skipped[WRIT_CLASS_N];                       /* starts that passed over the head */
};

struct policy {
	struct policy_conf conf;
	struct policy_use use;
	uint32_t round[WRIT_CLASS_N]; /* whose turn is next */
	uint32_t free_entry, used_entries, used_turns;
	uint32_t held; /* entry that all wait for; 0: none */
	uint64_t held_until;
	struct entry procs[POLICY_PROCS + 1];
	struct turn turns[POLICY_REALMS + 1];
	uint32_t hash[HASH_SIZE];
};

struct policy *policy_new(const struct policy_conf *conf)
{
	struct policy *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	p->conf = *conf;
	return p;
}

void policy_free(struct policy *p)
{
	if (p != NULL)
		munmap(p, sizeof(*p));
}

static uint32_t *hash_at(struct policy *p, uint32_t pid)
{
	uint32_t *at = &p->hash[pid * UINT32_C(2654435761) % HASH_SIZE];

	while (*at != 0 && p->procs[*at].pid != pid)
		at = &p->procs[*at].hash_next;
	return at;
}

static uint32_t entry_take(struct policy *p)
{
	uint32_t i = p->free_entry;

	if (i != 0)
		p->free_entry = p->procs[i].next;
	else if (p->used_entries < POLICY_PROCS)
		i = ++p->used_entries;
	return i;
}

static void entry_give(struct policy *p, uint32_t i)
{
	p->procs[i] = (struct entry){ .next = p->free_entry };
	p->free_entry = i;
}

/* The entry of realm @id, a new one if need be; 0: the table is full. */
static uint32_t turn_find(struct policy *p, uint32_t id)
{
	uint32_t i;

	for (i = 1; i <= p->used_turns; i++)
		if (p->turns[i].nprocs > 0 && p->turns[i].id == id)
			return i;
	for (i = 1; i <= p->used_turns; i++)
		if (p->turns[i].nprocs == 0)
			break;
	if (i > POLICY_REALMS)
		return 0;
	if (i > p->used_turns)
		p->used_turns = i;
	p->turns[i] = (struct turn){ .id = id };
	return i;
}

static void round_join(struct policy *p, uint32_t t, unsigned c)
{
	uint32_t at = p->round[c];

	if (at == 0) {
		p->turns[t].prev[c] = p->turns[t].next[c] = t;
		p->round[c] = t;
		return;
	}
	p->turns[t].next[c] = at;
	p->turns[t].prev[c] = p->turns[at].prev[c];
	p->turns[p->turns[at].prev[c]].next[c] = t;
	p->turns[at].prev[c] = t;
}

static void round_leave(struct policy *p, uint32_t t, unsigned c)
{
	uint32_t next = p->turns[t].next[c], prev = p->turns[t].prev[c];

	p->turns[prev].next[c] = next;
	p->turns[next].prev[c] = prev;
	if (p->round[c] == t)
		p->round[c] = next == t ? 0 : next;
	p->turns[t].prev[c] = p->turns[t].next[c] = 0;
}

static void queue_push(struct policy *p, uint32_t i)
{
	struct entry *e = &p->procs[i];
	struct turn *t = &p->turns[e->realm];

	e->prev = t->tail[e->class];
	e->next = 0;
	if (e->prev != 0) {
		p->procs[e->prev].next = i;
	} else {
		t->head[e->class] = i;
		t->skipped[e->class] = 0;
		round_join(p, e->realm, e->class);
	}
	t->tail[e->class] = i;
	p->use.waiting++;
}

static void queue_remove(struct policy *p, uint32_t i)
{
	struct entry *e = &p->procs[i];
	struct turn *t = &p->turns[e->realm];

	if (e->prev != 0) {
		p->procs[e->prev].next = e->next;
	} else {
		t->head[e->class] = e->next;
		t->skipped[e->class] = 0;
	}
	if (e->next != 0)
		p->procs[e->next].prev = e->prev;
	else
		t->tail[e->class] = e->prev;
	if (t->head[e->class] == 0)
		round_leave(p, e->realm, e->class);
	if (p->held == i)
		p->held = 0;
	p->use.waiting--;
}

static void use_take(struct policy *p, struct entry *e)
{
	e->running = true;
	p->use.memory += e->memory;
	if (e->class == WRIT_CLASS_LC) {
		p->use.lc_cores += e->cores;
		p->use.lc++;
	} else {
		p->use.be++;
	}
}

static void use_give(struct policy *p, const struct entry *e)
{
	p->use.memory -= e->memory;
	if (e->class == WRIT_CLASS_LC) {
		p->use.lc_cores -= e->cores;
		p->use.lc--;
	} else {
		p->use.be--;
	}
}

int policy_add(struct policy *p, const struct writ_ev_proc *ev, bool running)
{
	uint32_t *at = hash_at(p, ev->pid), i, t;
	struct entry *e;

	if (ev->class >= WRIT_CLASS_N)
		return -WRIT_E_RANGE;
	if (*at != 0)
		return 0;
	t = turn_find(p, ev->realm);
	i = t != 0 ? entry_take(p) : 0;
	if (i == 0)
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	e = &p->procs[i];
	*e = (struct entry){ .pid = ev->pid,
		.realm = t,
		.class = (uint8_t)ev->class,
		.cores = ev->cores,
		.memory = ev->memory };
	if (p->conf.memory > 0 && e->memory > p->conf.memory / 2)
		e->memory = p->conf.memory / 2;
	if (e->cores > p->conf.cores)
		e->cores = p->conf.cores;
	*at = i;
	p->turns[t].nprocs++;
	if (running)
		use_take(p, e);
	else
		queue_push(p, i);
	return 0;
}

void policy_remove(struct policy *p, uint32_t pid)
{
	uint32_t *at = hash_at(p, pid), i = *at;
	struct entry *e = &p->procs[i];

	if (i == 0)
		return;
	if (e->running)
		use_give(p, e);
	else
		queue_remove(p, i);
	p->turns[e->realm].nprocs--;
	*at = e->hash_next;
	entry_give(p, i);
}

static bool lacks_memory(const struct policy *p, const struct entry *e)
{
	if (p->conf.memory == 0 || e->memory == 0)
		return false;
	return p->use.memory >= p->conf.memory || e->memory > p->conf.memory - p->use.memory;
}

static bool fits(const struct policy *p, const struct entry *e)
{
	if (lacks_memory(p, e))
		return false;
	if (e->class == WRIT_CLASS_BE)
		return p->use.be < p->conf.be_max;
	return e->cores == 0 ||
	    (p->use.lc_cores < p->conf.cores && e->cores <= p->conf.cores - p->use.lc_cores);
}

/* Must those of class @c wait because of the one that is held? */
static bool blocked(const struct policy *p, unsigned c)
{
	const struct entry *e = &p->procs[p->held];

	if (p->held == 0)
		return false;
	return e->class == c || (e->class == WRIT_CLASS_LC && lacks_memory(p, e));
}

/* Entry @i doesn't fit. If it was passed over often enough, the others wait for it. */
static void hold(struct policy *p, uint32_t i, uint64_t now_ms)
{
	const struct entry *e = &p->procs[i];
	int limit = e->class == WRIT_CLASS_LC ? 0 : POLICY_SKIPS;

	if (p->turns[e->realm].skipped[e->class] < limit)
		return;
	if (p->held != 0 && p->procs[p->held].class >= e->class)
		return; /* one at a time, LC first */
	p->held = i;
	p->held_until = now_ms + POLICY_HOLD_MS;
}

static void hold_expire(struct policy *p, uint64_t now_ms)
{
	const struct entry *e = &p->procs[p->held];

	if (p->held == 0 || now_ms < p->held_until)
		return;
	p->turns[e->realm].skipped[e->class] = -POLICY_SKIPS;
	p->held = 0;
}

/* Those of the round of class @c before @until (0: all) are passed over by a start. */
static void passed(struct policy *p, unsigned c, uint32_t until)
{
	uint32_t first = p->round[c], t = first;

	while (t != 0 && t != until) {
		if (p->turns[t].skipped[c] < POLICY_SKIPS)
			p->turns[t].skipped[c]++;
		t = p->turns[t].next[c] == first ? 0 : p->turns[t].next[c];
	}
}

/* The first of the round of class @c that may start, or 0. */
static uint32_t pick(struct policy *p, unsigned c, uint64_t now_ms)
{
	uint32_t first = p->round[c], t = first, i;

	if (c == WRIT_CLASS_BE && p->use.be >= p->conf.be_max)
		return 0;
	while (t != 0) {
		i = p->turns[t].head[c];
		if (fits(p, &p->procs[i])) {
			if (p->held == i || !blocked(p, c))
				return i;
		} else {
			hold(p, i, now_ms);
		}
		t = p->turns[t].next[c] == first ? 0 : p->turns[t].next[c];
	}
	return 0;
}

int policy_next(struct policy *p, uint64_t now_ms, struct writ_ev_proc *ret)
{
	struct entry *e;
	uint32_t i, t;

	hold_expire(p, now_ms);
	i = pick(p, WRIT_CLASS_LC, now_ms);
	if (i == 0)
		i = pick(p, WRIT_CLASS_BE, now_ms);
	if (i == 0)
		return 0;
	e = &p->procs[i];
	t = e->realm;
	passed(p, e->class, t);
	if (e->class == WRIT_CLASS_BE)
		passed(p, WRIT_CLASS_LC, 0);
	queue_remove(p, i);
	if (p->turns[t].head[e->class] != 0)
		p->round[e->class] = p->turns[t].next[e->class];
	use_take(p, e);
	*ret = (struct writ_ev_proc){ .pid = e->pid,
		.realm = p->turns[t].id,
		.class = e->class,
		.cores = e->cores,
		.memory = e->memory };
	return 1;
}

bool policy_waiting(const struct policy *p)
{
	return p->use.waiting > 0;
}

struct policy_use policy_used(const struct policy *p)
{
	return p->use;
}
