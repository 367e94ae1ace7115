// SPDX-License-Identifier: MIT
/*
 * ebpf.switch: two processes that hand a byte to and fro through pipes and do nothing
 * else, with telemetry's programs attached and without. Managed as procs are, or not.
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/unit/boot/telemetry.h"

enum { ROUNDS = 10000, TURN = 500, TRIPS = 4 };

struct pair {
	bool managed, apart;
	struct telemetry *t;
	bool on;
	int to[2], from[2];
	pid_t echo, asker;
	int ask[2], told[2];
};

static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void echo(const struct pair *p)
{
	char c;

	on_cpu(p->apart);
	while (read(p->to[0], &c, 1) == 1 && write(p->from[1], &c, 1) == 1)
		;
	_exit(0);
}

/* Both sides are managed, so the one that asks is a process of its own. */
static void asker(const struct pair *p)
{
	char c;

	on_cpu(0);
	while (read(p->ask[0], &c, 1) == 1) {
		int64_t start = bench_now(), ns;

		for (int i = 0; i < TRIPS; i++) {
			if (write(p->to[1], &c, 1) != 1 || read(p->from[0], &c, 1) != 1)
				_exit(1);
		}
		ns = (bench_now() - start) / TRIPS;
		if (write(p->told[1], &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

static pid_t child(const struct pair *p, void (*run)(const struct pair *p), uint32_t pid)
{
	pid_t host = fork();

	if (host == 0)
		run(p);
	if (host > 0 && p->managed && telemetry_manage(p->t, host, pid, 1, WRIT_CLASS_LC) < 0)
		return -1;
	return host;
}

static int setup(void *arg)
{
	struct pair *p = arg;

	p->t = telemetry_new();
	if (p->t == NULL || pipe(p->to) < 0 || pipe(p->from) < 0 || pipe(p->ask) < 0 ||
	    pipe(p->told) < 0)
		return -1;
	p->echo = child(p, echo, 1);
	p->asker = child(p, asker, 2);
	return p->echo > 0 && p->asker > 0 ? 0 : -1;
}

static void end(pid_t host)
{
	if (host > 0) {
		kill(host, SIGKILL);
		waitpid(host, NULL, 0);
	}
}

static void shut(const int *ends)
{
	if (ends[1] > 0) {
		close(ends[0]);
		close(ends[1]);
	}
}

static void teardown(void *arg)
{
	struct pair *p = arg;

	end(p->asker);
	end(p->echo);
	shut(p->to);
	shut(p->from);
	shut(p->ask);
	shut(p->told);
	telemetry_free(p->t);
}

static int64_t trip(struct pair *p, bool on)
{
	int64_t ns;

	if (on && !p->on && telemetry_on(p->t) < 0)
		return -1;
	if (!on && p->on)
		telemetry_off(p->t);
	p->on = on;
	if (write(p->ask[1], "x", 1) != 1 || read(p->told[0], &ns, sizeof(ns)) != sizeof(ns))
		return -1;
	return ns;
}

static int64_t with(void *arg)
{
	return trip(arg, true);
}

static int64_t without(void *arg)
{
	return trip(arg, false);
}

static struct pair one = { .managed = true }, apart = { .managed = true, .apart = true }, others;

#define SWITCH(what, where, pair) \
	{ \
		.name = what, .peer_name = "the same, telemetry off", .setup = setup, \
		.teardown = teardown, .ours = with, .peer = without, .arg = pair, \
		.rounds = ROUNDS, .turn = TURN, .placement = where \
	}

static const struct bench list[] = {
	SWITCH("ebpf.switch.same", "one CPU", &one),
	SWITCH("ebpf.switch.apart", "two CPUs", &apart),
	SWITCH("ebpf.switch.unmanaged", "one CPU", &others),
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, list, sizeof(list) / sizeof(list[0]));
}
