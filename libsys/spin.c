// SPDX-License-Identifier: MIT
/*
 * Spinning before sleeping. Knows nothing of what is waited for.
 */
#include "libsys/spin.h"
#include <sched.h>
#include <string.h>
#include <time.h>

#define FIRST_NS  20000    /* budget and wake-up as long as they aren't known */
#define FLOOR_NS  1000     /* the least budget where spinning makes sense at all */
#define GAP_NS    20000    /* longer between two looks: this CPU was taken away */
#define WANTED_NS 10000000 /* no spinning for as long then */
#define PAUSES    8        /* between two looks at the clock */

int64_t spin_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint32_t spin_cpu(void)
{
	return (uint32_t)sched_getcpu();
}

static int64_t spin_clamp(const struct spin *s, int64_t budget)
{
	/* A quarter of what a sleep costs is never much too much. */
	int64_t least = s->wake_ns / 4 > FLOOR_NS ? s->wake_ns / 4 : FLOOR_NS;

	if (budget < least)
		budget = least;
	return budget < s->limit_ns ? budget : s->limit_ns;
}

void spin_init(struct spin *s, int64_t limit_ns)
{
	memset(s, 0, sizeof(*s));
	s->budget_ns = -1;
	s->limit_ns = limit_ns < 0 ? 0 : limit_ns > 0 ? limit_ns : SPIN_MAX_NS;
}

int64_t spin_budget(struct spin *s, uint32_t peer_cpu)
{
	if (!s->limit_ns || peer_cpu == spin_cpu())
		return 0;
	if (s->until_ns) {
		if (spin_now() < s->until_ns)
			return 0;
		s->until_ns = 0;
	}
	if (s->budget_ns < 0)
		s->budget_ns = spin_clamp(s, s->wake_ns ? s->wake_ns : FIRST_NS);
	return s->budget_ns;
}

int spin_wait(struct spin *s, uint32_t peer_cpu, int (*ready)(void *arg), void *arg)
{
	int64_t budget = spin_budget(s, peer_cpu), start, last, now;
	int r = ready(arg);

	if (r || !budget)
		return r;
	for (start = last = spin_now();; last = now) {
		for (unsigned i = 0; i < PAUSES; i++) {
			__builtin_ia32_pause();
			r = ready(arg);
			if (r) {
				s->hits++;
				s->budget_ns = spin_clamp(s, budget + budget / 4);
				return r;
			}
		}
		now = spin_now();
		if (now - last > GAP_NS) {
			s->until_ns = now + WANTED_NS;
			return ready(arg);
		}
		if (now - start > budget)
			break;
	}
	s->budget_ns = spin_clamp(s, budget - budget / 8);
	return 0;
}

void spin_slept(struct spin *s, int64_t slept_ns, int64_t wake_ns)
{
	s->sleeps++;
	if (wake_ns > 0)
		s->wake_ns = wake_ns;
	if (s->budget_ns >= 0 && slept_ns < 2 * (s->wake_ns ? s->wake_ns : FIRST_NS))
		s->budget_ns = spin_clamp(s, s->budget_ns + s->budget_ns / 2);
}
