/* SPDX-License-Identifier: MIT */
/*
 * The kernel's loop, one turn at a time: its main() keeps out of the way.
 */
int kernel_main(void);
#define main kernel_main
#include "kernel/main.c" /* NOLINT(bugprone-suspicious-include) */
#undef main
#include "tests/fuzz/kernel/world.h"

/* No step may wait: what would be slept through is asked for again. Goes on when root has ended. */
bool kernel_turn(void)
{
	bool stopping = k.stopping;
	int n;

	k.stopping = false;
	n = turn(k.epfd, EVENTS, 0, false);
	k.stopping |= stopping;
	return n > 0;
}

/* After a revoke that was answered, nothing is below what it was of. */
void kernel_work(void)
{
	const struct k_proc *p = NULL;
	slot_t s = 0;
	uint32_t gen = 0;

	if (!k_list_empty(&k.revokes)) {
		p = k_container(k.revokes.next, struct k_proc, revoke_link);
		s = p->revoking;
		gen = p->revoke_gen;
	}
	work(false);
	if (s != 0 && p->revoking == 0 && captab_slot(&k.caps, s) != NULL &&
	    captab_slot(&k.caps, s)->gen == gen && captab_first(&k.caps, s) != 0)
		world_fail("K5: a revoke that is answered has left something");
}
