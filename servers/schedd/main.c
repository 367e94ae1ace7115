/* SPDX-License-Identifier: MIT */
/*
 * schedd: says when pending procs start on this machine. Feeds the kernel's
 * events to the policy and the policy's choice to the kernel. Holds nothing but
 * SchedControl: it can delay a proc, never make one or alter what it holds.
 * After a restart the kernel tells it again of all that waits and runs.
 */
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <writ/srv.h>
#include <writ/writ.h>
#include "servers/schedd/policy.h"

#define START_BATCH 64 /* calls before their replies are read */

struct schedd {
	struct policy *policy;
	writ_cap_t control;
};
static struct schedd sd;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The CPUs that one may run on: all of the machine's, or of its cpuset. */
static uint64_t cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;

	return n > 0 ? (uint64_t)n : 1;
}

static bool number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || v > max)
		return false;
	*ret = v;
	return true;
}

static int read_args(const struct srv *s, int argc, char **argv, struct policy_conf *ret)
{
	static const struct option opts[] = {
		{ "cores", required_argument, NULL, 'c' },
		{ "be-max", required_argument, NULL, 'b' },
		{ "memory", required_argument, NULL, 'm' },
		{ 0 },
	};
	uint64_t cores = cpus(), be = 256, memory = 0;
	bool ok = true;
	int c;

	while (ok && (c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 'c': ok = number(optarg, 4096, &cores) && cores > 0; break;
		case 'b': ok = number(optarg, 65536, &be) && be > 0; break;
		case 'm': ok = number(optarg, UINT64_MAX, &memory); break;
		default: ok = false;
		}
	}
	if (!ok || optind != argc) {
		srv_log(s, "usage: schedd [--cores N] [--be-max PROCS_PER_CORE] [--memory BYTES]");
		return -WRIT_E_INVALID_ARGUMENT;
	}
	*ret = (struct policy_conf){ .cores = (uint32_t)cores * 1000,
		.be_max = (uint32_t)(be * cores),
		.memory = memory };
	return 0;
}

static int schedd_init(struct srv *s, int argc, char **argv)
{
	struct writ_hdr h = { .op = WRIT_OP_SCHEDULER };
	struct policy_conf conf;
	int r = read_args(s, argc, argv, &conf);

	if (r < 0)
		return r;
	sd.policy = policy_new(&conf);
	sd.control = writ_named_cap(WRIT_TYPE_SCHED_CONTROL, NULL);
	if (sd.policy == NULL || sd.control == 0) {
		srv_log(s, "no %s", sd.control == 0 ? "SchedControl was given" : "memory");
		return -WRIT_E_NOT_ENOUGH_MEMORY;
	}
	h.cap = sd.control;
	r = writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
	if (r < 0)
		srv_log(s, "the kernel takes no scheduler: %s", writ_strerror(r));
	return r;
}

/*
 * A START is refused when its proc is gone: no error, so replies are only
 * drained; but often, since the kernel ends who lets them pile up.
 */
static void drain(void)
{
	struct writ_hdr h;

	while (writ_gate_poll_reply(&h, NULL, 0) == 1)
		;
}

/* Start what may start. Nobody waits for the replies. */
static void start_all(struct srv *s)
{
	struct writ_hdr h;
	struct writ_ev_proc next;
	unsigned sent = 0;

	while (policy_next(sd.policy, now_ms(), &next) == 1) {
		h = (struct writ_hdr){ .op = WRIT_OP_START, .cap = sd.control, .arg = next.pid };
		if (writ_gate_send(&h, NULL, NULL) < 0) {
			s->stopping = true;
			return;
		}
		if (++sent % START_BATCH == 0)
			drain();
	}
}

static void schedd_event(struct srv *s, struct writ_event *ev)
{
	int r = 0;

	switch (ev->hdr.op) {
	case WRIT_EV_PENDING:
	case WRIT_EV_RUNNING:
		policy_remove(sd.policy,
		    ev->proc.pid); /* told again: it is under another context */
		r = policy_add(sd.policy, &ev->proc, ev->hdr.op == WRIT_EV_RUNNING);
		break;
	case WRIT_EV_EXIT: policy_remove(sd.policy, ev->proc.pid); break;
	default: return;
	}
	if (r < 0)
		srv_log(s, "proc %" PRIu32 " can't be queued: %s", ev->proc.pid, writ_strerror(r));
}

/* All events of this turn are in. */
static void schedd_turn(struct srv *s)
{
	start_all(s);
	drain();
}

/* Waiting for one proc ends by the clock, not by an event. */
static void schedd_tick(struct srv *s)
{
	if (policy_waiting(sd.policy))
		start_all(s);
}

static const struct srv_ops ops = {
	.name = "schedd",
	.init = schedd_init,
	.event = schedd_event,
	.turn = schedd_turn,
	.tick = schedd_tick,
	.tick_ms = 1000,
};

int writ_main(int argc, char **argv)
{
	return srv_main(argc, argv, &ops);
}
