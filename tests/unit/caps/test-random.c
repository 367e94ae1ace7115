/* SPDX-License-Identifier: MIT */
/*
 * Random operations on the library and on the model (duel.h), on two cores.
 * Every choice is recorded; when the two differ, or the library traps, steps
 * are taken away from the sequence as long as it still fails, and the shortest
 * is printed. Before that it shows on a planted fault that shrinking works.
 *
 * usage: unit-caps-random [OPERATIONS]   200,000 without; WRIT_SEED sets the seed
 */
#include "duel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2, STEPS = 10000, PICKS = 1 << 21 };

/* Shared with the child that runs it, so that it is there when the child is not. */
struct record {
	unsigned long table; /* which of the run; its seed follows from that */
	unsigned nsteps, npicks;
	unsigned start[STEPS + 1]; /* a step's first pick; the one behind the last, too */
	uint32_t pick[PICKS];
	bool keep[STEPS];
	char why[300];
};

struct player {
	struct record *r;
	uint64_t x;
	unsigned at, end; /* replay: what is left of the step's picks */
};

static unsigned long seed;
static struct duel duel;

static uint32_t pick_new(void *arg, uint32_t n)
{
	struct player *p = arg;
	uint32_t raw;

	p->x ^= p->x >> 12;
	p->x ^= p->x << 25;
	p->x ^= p->x >> 27;
	raw = (uint32_t)((p->x * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
	if (p->r->npicks < PICKS)
		p->r->pick[p->r->npicks++] = raw;
	return raw % n;
}

static uint32_t pick_again(void *arg, uint32_t n)
{
	struct player *p = arg;

	return p->at < p->end ? p->r->pick[p->at++] % n : 0;
}

/* The planted fault: a revoke that comes after a rotation counts one slot too many. */
static void plant(const char *op, bool *armed)
{
	if (strcmp(op, "rotate") == 0)
		*armed = true;
	if (*armed && strcmp(op, "revoke") == 0)
		duel.t.live_slots++;
}

static void fresh(uint32_t (*fn)(void *, uint32_t), struct player *p)
{
	static void *mem;

	if (mem == NULL)
		mem = aligned_alloc(64, duel_size());
	if (mem == NULL)
		abort();
	memset(mem, 0, duel_size());
	duel_open(&duel, mem, fn, p);
}

static bool failed(struct record *r, bool ok)
{
	if (!ok)
		(void)snprintf(r->why, sizeof(r->why), "%s: %s", duel.op, duel.why);
	return !ok;
}

/* A table's operations, recorded. False when it failed. */
static bool play(struct record *r, unsigned steps, bool planted)
{
	struct player p = { .r = r, .x = (seed + r->table) * UINT64_C(0x9e3779b97f4a7c15) | 1 };
	bool armed = false;

	r->nsteps = r->npicks = 0;
	fresh(pick_new, &p);
	while (r->nsteps < steps) {
		bool ok;

		r->keep[r->nsteps] = true;
		r->start[r->nsteps++] = r->npicks;
		r->start[r->nsteps] = PICKS;
		ok = duel_step(&duel);
		r->start[r->nsteps] = r->npicks;
		if (planted) {
			plant(duel.op, &armed);
			duel_compare(&duel);
			ok = duel.why[0] == '\0';
		}
		if (failed(r, ok))
			return false;
	}
	if (duel.done < steps / 4) /* a run of refusals would show nothing */
		duel_differ(&duel, "only %lu of %u operations were not refused", duel.done, steps);
	return !failed(r, duel_close(&duel));
}

/* The steps that are kept, once more. False when it failed. */
static bool replay(struct record *r, bool planted, bool print)
{
	struct player p = { .r = r };
	bool armed = false;

	fresh(pick_again, &p);
	for (unsigned i = 0; i < r->nsteps; i++) {
		bool ok;

		if (!r->keep[i])
			continue;
		p.at = r->start[i];
		p.end = r->start[i + 1] < r->npicks ? r->start[i + 1] : r->npicks;
		ok = duel_step(&duel);
		if (planted)
			plant(duel.op, &armed);
		duel_compare(&duel);
		ok = ok && duel.why[0] == '\0';
		if (print)
			printf("#   %-8s %s%s%s\n", duel.op, duel.said, ok ? "" : "   <-- ",
			    ok ? "" : duel.why);
		if (failed(r, ok))
			return false;
	}
	p.at = p.end = 0;
	return !failed(r, duel_close(&duel));
}

/* In a child, for it may trap. */
static bool still_fails(struct record *r, bool planted)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		_exit(replay(r, planted, false) ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status != 0;
}

/* Take away runs of steps, half of them first and single ones last. Returns how many stay. */
static unsigned shrink(struct record *r, bool planted)
{
	unsigned len = r->nsteps / 2 + 1, stay = 0;
	bool again = true;

	while (again || len > 1) {
		again = false;
		for (unsigned i = 0; i < r->nsteps; i += len) {
			bool was[STEPS];
			unsigned n = r->nsteps - i < len ? r->nsteps - i : len;

			if (memchr(&r->keep[i], 1, n) == NULL)
				continue;
			memcpy(was, &r->keep[i], n);
			memset(&r->keep[i], false, n);
			if (still_fails(r, planted))
				again = len == 1;
			else
				memcpy(&r->keep[i], was, n);
		}
		len = len > 1 ? len / 2 : 1;
	}
	for (unsigned i = 0; i < r->nsteps; i++)
		stay += r->keep[i];
	return stay;
}

/* The table that failed: make it short and say it. */
static unsigned explain(struct record *r, bool planted)
{
	unsigned was = r->nsteps, n = shrink(r, planted);

	printf("# WRIT_SEED=%lu, table %lu: %s\n", seed, r->table, r->why[0] ? r->why : "trapped");
	printf("# %u operations, the shortest that fails has %u:\n", was, n);
	fflush(stdout);
	if (fork() == 0) {
		(void)replay(r, planted, true);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	return n;
}

static struct record *record_new(void)
{
	void *m = mmap(NULL, sizeof(struct record), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		abort();
	return m;
}

static bool shrinking_works(void)
{
	struct record *r = record_new();
	unsigned n = play(r, 2000, true) ? 0 : explain(r, true);

	/* two, and a few more that make what those need: nothing can be left out */
	printf("%s 1 - a planted fault is found and made short\n",
	    n >= 2 && n <= 8 ? "ok" : "not ok");
	(void)munmap(r, sizeof(*r));
	return n >= 2 && n <= 8;
}

static void work(struct record *r, unsigned w, unsigned long ops)
{
	for (r->table = w; r->table * STEPS < ops; r->table += WORKERS) {
		if (!play(r, STEPS, false))
			_exit(1);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned long ops = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	const char *text = getenv("WRIT_SEED");
	struct record *r[WORKERS];
	pid_t pid[WORKERS];
	int rc = 0;

	seed = text != NULL ? strtoul(text, NULL, 10) : (unsigned long)time(NULL);
	printf("1..2\n# WRIT_SEED=%lu, %lu operations\n", seed, ops);
	if (!shrinking_works())
		rc = 1;
	fflush(stdout);
	for (unsigned w = 0; w < WORKERS; w++) {
		r[w] = record_new();
		pid[w] = fork();
		if (pid[w] == 0)
			work(r[w], w, ops);
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		int status = 1;

		if (pid[w] < 0 || waitpid(pid[w], &status, 0) < 0 || status != 0) {
			(void)explain(r[w], false);
			rc |= 2;
		}
	}
	printf("%s 2 - library and model agree after every operation\n", rc & 2 ? "not ok" : "ok");
	return rc != 0;
}
