/* SPDX-License-Identifier: MIT */
/*
 * All that calls can change, as one number. Left out: the audit, what counts
 * refusals, and the order of free lists.
 */
#include "tests/fuzz/kernel/world.h"

static uint64_t sum;

static void add(uint64_t x)
{
	sum = (sum ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	sum ^= sum >> 29;
}

static void add_list(const struct k_list *list)
{
	uint64_t n = 0;

	for (const struct k_list *at = list->next; at != NULL && at != list; at = at->next)
		n++;
	add(n);
}

static void add_caps(void)
{
	for (slot_t s = 64; s < k.caps.nslots; s++) {
		const struct slot *sl = &k.caps.slots[s];

		if (sl->cnode == 0 || sl->cap.type == WRIT_TYPE_NULL)
			continue;
		add(s | (uint64_t)sl->cap.type << 32 | (uint64_t)sl->cap.rights << 40);
		add(sl->cap.obj | (uint64_t)sl->cap.epoch << 32);
		add(sl->cap.guard | (uint64_t)sl->cap.flags << 32);
		add(sl->cap.badge);
		add(sl->first | (uint64_t)sl->last << 32);
		add(sl->prev | (uint64_t)sl->next << 32);
	}
	for (obj_t o = 1; o < k.caps.nobjs; o++) {
		const struct object *obj = captab_obj(&k.caps, o);
		const struct account *a = captab_account(&k.caps, o);

		if (obj == NULL)
			continue;
		add(o | (uint64_t)obj->refs << 32);
		add(obj->type | (uint64_t)obj->untyped << 8 | (uint64_t)obj->body << 32);
		if (a != NULL)
			add(a->used.bytes ^ (uint64_t)a->used.slots << 32 ^ a->used.procs);
	}
}

static void add_procs(void)
{
	for (uint32_t i = 0; i < k.nprocs; i++) {
		const struct k_proc *p = &k.procs[i];

		if (p->pid == 0)
			continue;
		add(p->pid | (uint64_t)p->state << 32 | (uint64_t)p->class << 40 |
		    (uint64_t)p->held << 48 | (uint64_t)p->killed << 49 |
		    (uint64_t)p->suspended << 50 | (uint64_t)p->started << 51);
		add(p->nwaits[0] | (uint64_t)p->nwaits[1] << 32);
		add(p->context | (uint64_t)p->revoking << 32);
		add(p->cores | (uint64_t)p->said << 32);
		add_list(&p->sessions);
		add_list(&p->clients);
		add_list(&p->calls);
		add_list(&p->waiters);
	}
	add((uint64_t)(k.scheduler != NULL ? k.scheduler->pid : 0));
}

uint64_t kernel_hash(void)
{
	sum = 1;
	add_caps();
	add_procs();
	for (uint32_t i = 1; i < k.notification_pool.used_to; i++)
		add(k.notifications[i].word << 1 | k.notifications[i].active);
	for (uint32_t i = 1; i < k.session_pool.used_to; i++)
		add(k.sessions[i].id | (uint64_t)k.sessions[i].closed << 32);
	for (uint32_t i = 1; i < k.context_pool.used_to; i++)
		add(k.contexts[i].set.weight | (uint64_t)k.contexts[i].set.period << 32);
	add(k.session_pool.shared | (uint64_t)k.file_pool.shared << 32);
	add(k.wait_pool.shared | (uint64_t)k.msg_pool.shared << 32);
	return sum;
}
