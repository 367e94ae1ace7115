/* SPDX-License-Identifier: MIT */
/*
 * The node's servers: one realm, one account and, if it serves, one endpoint
 * for each instance, which outlive its proc, so that clients' capabilities stay
 * valid when it is started again. What a server is given is what the node's
 * manifest says; nothing here knows a server by name.
 */
#include "servers/root/root.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "servers/root/op.h"

static void say(char why[ROOT_SENTENCE], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void say(char why[ROOT_SENTENCE], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, ROOT_SENTENCE, fmt, ap);
	va_end(ap);
}

/* --- what it is given ---------------------------------------------------------------- */

static int give(struct plan *p, const struct instance *i, const Writ__Manifest__Grant *g)
{
	switch (g->kind) {
	case WRIT__MANIFEST__GRANT__KIND__KIND_SCHEDULER:
		return plan_give(p, WRIT_TYPE_SCHED_CONTROL, "scheduler", WRIT_BOOT_SCHED,
		    WRIT_R_READ | WRIT_R_WRITE);
	case WRIT__MANIFEST__GRANT__KIND__KIND_AUDIT:
		return plan_give(p, WRIT_TYPE_AUDIT, "audit", WRIT_BOOT_AUDIT, WRIT_R_READ);
	case WRIT__MANIFEST__GRANT__KIND__KIND_HOST:
		return plan_give(p, WRIT_TYPE_HOST, i->host->name, i->host->cap,
		    i->host->rights & (WRIT_R_READ | WRIT_R_WRITE));
	case WRIT__MANIFEST__GRANT__KIND__KIND_UNSPECIFIED:
	case WRIT__MANIFEST__GRANT__KIND__KIND_PATH:
	case WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN:
	case WRIT__MANIFEST__GRANT__KIND__KIND_IMAGE:
	case WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE:
	case WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT:
	case _WRIT__MANIFEST__GRANT__KIND_IS_INT_SIZE:
	default: return -WRIT_E_INVALID_ARGUMENT;
	}
}

static int spawn_plan(struct plan *p, struct instance *i)
{
	int r = plan_init(p, i->m->name, boot_module(i->m->image), i->m->limits, i->m->args,
	    i->m->n_args);

	p->q.class = WRIT_CLASS_LC;
	p->q.flags = WRIT_SPAWN_HOLD;
	p->q.profile = (uint8_t)i->m->profile;
	for (size_t k = 0; k < i->m->n_grants && r == 0; k++)
		r = give(p, i, i->m->grants[k]);
	if (r == 0 && i->endpoint != 0)
		r = plan_give(p, WRIT_TYPE_ENDPOINT, i->m->name, i->endpoint,
		    WRIT_R_READ | WRIT_R_GRANT);
	return r == 0 ? plan_spawn(p, i->place.spawn, &i->proc, &i->pid) : r;
}

/* --- life ------------------------------------------------------------------------------ */

static void watch(struct instance *i)
{
	struct writ_hdr h = { .op = WRIT_OP_WAIT, .cap = i->proc, .arg = WRIT_WAIT_EXIT };
	int64_t cookie = writ_gate_send(&h, NULL, NULL);

	i->cookie = cookie > 0 ? (uint32_t)cookie : 0;
}

/* Spawn it, and start it: the node's own servers don't wait for a scheduler. */
static int instance_start(struct instance *i)
{
	struct writ_hdr h = { .op = WRIT_OP_START, .cap = WRIT_BOOT_SCHED };
	struct plan p;
	int r;

	r = spawn_plan(&p, i);
	plan_fini(&p);
	if (r < 0) {
		say(i->fault, "server %s can't be spawned: %s", i->name, writ_strerror(r));
		return r;
	}
	i->state = INSTANCE_UP;
	h.arg = i->pid;
	r = writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);
	if (r < 0) {
		say(i->fault, "server %s can't be started: %s", i->name, writ_strerror(r));
		return r;
	}
	watch(i);
	return 0;
}

static bool too_many_deaths(struct instance *i, uint64_t now)
{
	i->deaths[i->ndeaths++ % INSTANCE_DEATHS] = now;
	if (i->ndeaths < INSTANCE_DEATHS)
		return false;
	/* The entry to be written next is the oldest. */
	return now - i->deaths[i->ndeaths % INSTANCE_DEATHS] <= INSTANCE_WINDOW;
}

/* It is down: start it again after a while, or give it up. i->fault says why it died. */
static void instance_down(struct instance *i)
{
	uint64_t now = now_ms();
	bool enough = too_many_deaths(i, now);
	char cause[ROOT_SENTENCE];

	writ_slot_free(i->proc);
	i->proc = 0;
	i->pid = i->cookie = 0;
	memcpy(cause, i->fault, sizeof(cause));
	if (enough) {
		i->state = INSTANCE_GIVEN_UP;
		say(i->fault, "%.400s; given up after %d deaths within %d s", cause,
		    INSTANCE_DEATHS, INSTANCE_WINDOW / 1000);
		srv_log(root.srv, "%s", i->fault);
		/* Its clients must not wait for what never comes. */
		if (i->endpoint != 0)
			writ_cap_revoke(i->endpoint);
		return;
	}
	i->state = INSTANCE_LATER;
	i->restart_at = now + i->backoff;
	srv_log(root.srv, "%s; again in %u ms", cause, i->backoff);
	i->backoff = i->backoff * 2 < INSTANCE_BACKOFF_MAX ? i->backoff * 2 : INSTANCE_BACKOFF_MAX;
	op_alarm(i->restart_at - now);
}

static void died(struct instance *i, const struct writ_wait_rep *rep)
{
	static const char *const how[] = {
		[WRIT_STATE_EXITED] = "has ended with code",
		[WRIT_STATE_KILLED] = "was killed by signal",
		[WRIT_STATE_FAILED] = "could not be executed, errno",
	};
	const char *text = rep->state < sizeof(how) / sizeof(how[0]) ? how[rep->state] : NULL;

	say(i->fault, "server %s[%" PRIu32 "] %s %" PRId32, i->name, i->pid,
	    text != NULL ? text : "is gone, code", rep->code);
	instance_down(i);
}

void instance_reply(const struct writ_hdr *h, const struct writ_wait_rep *rep)
{
	for (struct instance *i = root.instances; i != NULL; i = i->next) {
		if (i->cookie == 0 || i->cookie != h->cookie)
			continue;
		i->cookie = 0;
		if (h->status == 0 && h->len >= sizeof(*rep))
			died(i, rep);
		return;
	}
}

void instance_tick(uint64_t now)
{
	for (struct instance *i = root.instances; i != NULL; i = i->next) {
		if (i->state == INSTANCE_UP && i->cookie == 0)
			watch(i);
		if (i->state == INSTANCE_UP && i->fault[0] != '\0' &&
		    now - i->restart_at >= INSTANCE_WINDOW) {
			i->fault[0] = '\0';
			i->backoff = INSTANCE_BACKOFF_MIN;
		}
		if (i->state != INSTANCE_LATER)
			continue;
		if (now < i->restart_at)
			op_alarm(i->restart_at - now); /* this one was another's */
		else if (instance_start(i) < 0)
			instance_down(i);
	}
}

const struct instance *instance_of_pid(uint32_t pid)
{
	const struct instance *i = root.instances;

	while (i != NULL && (pid == 0 || i->pid != pid))
		i = i->next;
	return i;
}

/* --- making one ---------------------------------------------------------------------------- */

static int instance_make(struct instance *i)
{
	const Writ__Manifest__Limits *l = i->m->limits;
	int r = place_make(&i->place, i->name, l,
	    &(struct place_want){ .procs = INSTANCE_PROCS,
		.slots = l != NULL ? l->slots : 0,
		.host = i->host != NULL ? i->host->cap : 0,
		.profiles = 1u << i->m->profile });

	if (r < 0) {
		say(i->fault, "realm %s can't be made: %s", i->name, writ_strerror(r));
		return r;
	}
	if (!i->m->serves)
		return 0;
	i->endpoint = writ_slot_new();
	r = i->endpoint == 0 ? -WRIT_E_NOT_ENOUGH_MEMORY
			     : writ_retype_endpoint(i->place.account, i->endpoint);
	if (r < 0)
		say(i->fault, "the endpoint of %s can't be made: %s", i->name, writ_strerror(r));
	return r;
}

/* "schedd", "ux-texts", "named-demo": what it is one of, and for whom. */
static bool instance_name(struct instance *i)
{
	const char *whom = i->host != NULL ? i->host->name
	    : i->realm != NULL             ? i->realm->m->name
					   : NULL;
	int n = snprintf(i->name, sizeof(i->name), "%s%s%s", i->m->name, whom != NULL ? "-" : "",
	    whom != NULL ? whom : "");

	return n > 0 && (size_t)n < sizeof(i->name);
}

struct instance *instance_new(const Writ__Manifest__Server *m, const struct host *h,
    struct realm *r, char why[ROOT_SENTENCE])
{
	struct instance *i = calloc(1, sizeof(*i));

	if (i == NULL) {
		say(why, "no memory for server %s", m->name);
		return NULL;
	}
	*i = (struct instance){ .m = m, .host = h, .realm = r, .backoff = INSTANCE_BACKOFF_MIN };
	if (!instance_name(i))
		say(i->fault, "the name %.40s... is longer than %d bytes", i->name,
		    WRIT_NAME_MAX - 1);
	else if (boot_module(m->image) == 0)
		say(i->fault, "server %s: this node has no boot module %s", i->name, m->image);
	else if (instance_make(i) == 0 && instance_start(i) == 0) {
		i->next = root.instances;
		root.instances = i;
		return i;
	}
	say(why, "%s", i->fault);
	instance_free(i);
	return NULL;
}

void instance_free(struct instance *i)
{
	struct instance **at = &root.instances;

	if (i == NULL)
		return;
	while (*at != NULL && *at != i)
		at = &(*at)->next;
	if (*at == i)
		*at = i->next;
	writ_slot_free(i->proc);
	place_drop(&i->place);
	writ_slot_free(i->endpoint);
	free(i);
}
