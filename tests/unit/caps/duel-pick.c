/* SPDX-License-Identifier: MIT */
/* What the operations of a duel are done with: mostly what makes sense, and now and then not. */
#include "duel.h"

uint32_t pick(struct duel *d, uint32_t n)
{
	return d->pick(d->arg, n);
}

slot_t pick_slot(struct duel *d, bool full)
{
	slot_t s = 0;

	if (pick(d, 24) == 0)
		return pick(d, M_SLOTS + 4);
	for (unsigned tries = 0; tries < 12; tries++) {
		s = pick(d, M_SLOTS);
		if (d->m.slots[s].cnode != 0 && d->m.slots[s].full == full)
			break;
	}
	return s;
}

obj_t pick_obj(struct duel *d, unsigned type)
{
	obj_t from = pick(d, M_OBJS);

	for (obj_t i = 0; i < M_OBJS; i++) {
		obj_t o = (from + i) % M_OBJS;

		if (d->m.objs[o].live && (type == 0 || d->m.objs[o].type == type))
			return o;
	}
	return 0;
}

uint16_t pick_rights(struct duel *d, slot_t s)
{
	uint16_t some = (uint16_t)(pick(d, 256) | pick(d, 2) << 8);

	if (s == 0 || s >= M_SLOTS || pick(d, 8) == 0)
		return some | (pick(d, 64) == 0 ? 0x8000 : 0);
	return pick(d, 2) ? d->m.slots[s].cap.rights : some & d->m.slots[s].cap.rights;
}

struct charge pick_charge(struct duel *d, uint32_t n)
{
	return (struct charge){ pick(d, 20 * n), pick(d, 4 * n), pick(d, n) };
}

uint64_t pick_guard(struct duel *d)
{
	unsigned size = pick(d, 8) ? pick(d, 5) : pick(d, 64);
	uint64_t value = pick(d, 8) ? pick(d, 1u << (size < 16 ? size : 16)) : pick(d, 256);

	return (pick(d, 16) ? value : value << pick(d, 58)) << 6 | size;
}

slot_t pick_cnode_slot(struct duel *d)
{
	slot_t from = pick_slot(d, true);

	for (slot_t i = 0; pick(d, 8) && i < M_SLOTS; i++) {
		slot_t s = (from + i) % M_SLOTS;

		if (d->m.slots[s].full && d->m.slots[s].cap.type == WRIT_TYPE_CNODE)
			return s;
	}
	return from;
}

slot_t slot_of(const struct duel *d, obj_t o)
{
	slot_t s = 1;

	while (s < M_SLOTS - 1 && !(d->m.slots[s].full && d->m.slots[s].cap.obj == o))
		s++;
	return s;
}
