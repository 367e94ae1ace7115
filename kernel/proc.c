/* SPDX-License-Identifier: MIT */
/*
 * The proc table: entries from spawn to the end and some while after, so that
 * `ps` and `logs` can still tell. Whatever a proc held is freed here, at once,
 * at whatever moment it dies (K3).
 */
#include "kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

bool k_proc_alive(const struct k_proc *p)
{
	return p->pid != 0 && p->state < WRIT_STATE_EXITED;
}

struct k_proc *k_proc_find(uint32_t pid)
{
	struct k_proc *p = &k.procs[pid % k.nprocs];

	return pid != 0 && p->pid == pid ? p : NULL;
}

/* Nothing refers to the entry any more but people who look at history. */
static bool recyclable(const struct k_proc *p)
{
	return p->pid == 0 || (!k_proc_alive(p) && p->obj == 0 && k_list_empty(&p->ev_sched.link));
}

/*
 * Pids count up and pick the entry pid % nprocs, so the oldest ended ones go
 * first. A realm that has kept few is passed over while others have kept more.
 */
static uint32_t find_pid(uint32_t realm)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < k.nprocs; i++) {
			uint32_t pid = k.next_pid + i;
			const struct k_proc *p = &k.procs[pid % k.nprocs];

			if (pid == 0 || !recyclable(p))
				continue;
			if (pass == 0 && p->pid != 0 && p->realm != realm &&
			    k.realms[p->realm].kept <= K_KEEP)
				continue;
			return pid;
		}
	}
	return 0;
}

struct k_proc *k_proc_new(uint32_t realm)
{
	uint32_t pid = find_pid(realm);
	struct k_proc *p = &k.procs[pid % k.nprocs];

	if (pid == 0)
		return NULL;
	if (p->pid != 0 && k.realms[p->realm].kept > 0)
		k.realms[p->realm].kept--;
	*p = (struct k_proc){ .pid = pid,
		.realm = realm,
		.gate = -1,
		.child = -1,
		.log = -1,
		.pidfd = -1,
		.start_ns = k_now(),
		.ev_sched.kind = K_EV_SCHED };
	k_list_init(&p->revoke_link);
	k_list_init(&p->order);
	k_list_init(&p->ev_sched.link);
	k_list_init(&p->events);
	k_list_init(&p->waiters);
	k_list_init(&p->waits);
	k_list_init(&p->clients);
	k_list_init(&p->sessions);
	k_list_init(&p->listens);
	k.next_pid = pid + 1;
	k.realms[realm].procs++;
	return p;
}

void k_proc_free(struct k_proc *p)
{
	k_close(&p->gate);
	k_close(&p->child);
	k.realms[p->realm].procs--;
	p->pid = 0;
}

void k_proc_start(struct k_proc *p)
{
	p->state = WRIT_STATE_STARTING;
	k_list_add(&k.realms[p->realm].nests[p->profile].orders, &p->order);
	if (k_nest_ready(p->realm, p->profile))
		k_nest_flush(p->realm, p->profile);
	else
		k_proc_end(p, WRIT_STATE_FAILED, errno);
}

void k_proc_kill(struct k_proc *p, const char *why)
{
	if (!k_proc_alive(p))
		return;
	if (why != NULL && !p->killed) {
		p->said = (uint16_t)snprintf(p->said_text, sizeof(p->said_text), "%s", why);
		k_audit(p, WRIT_AUDIT_ENDED, WRIT_OP_KILL, 0, 0, p->pid, why);
	}
	p->killed = true;
	if (p->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
	else if (p->child >= 0) /* not ordered yet: nothing runs */
		k_proc_end(p, WRIT_STATE_KILLED, SIGKILL);
}

/* --- waiting ------------------------------------------------------------------- */

void k_wait_drop(struct k_wait *w)
{
	k_list_del(&w->at);
	k_list_del(&w->of);
	w->waiter->nwaits--;
	k_pool_put(&k.wait_pool, (uint32_t)(w - k.waits));
}

static bool reached(const struct k_proc *p, unsigned what)
{
	return !k_proc_alive(p) || (what == WRIT_WAIT_START && p->started);
}

static void tell_waiter(struct k_proc *waiter, uint32_t cookie, const struct k_proc *p)
{
	struct {
		struct writ_wait_rep r;
		char said[WRIT_STATUS_MAX];
	} m = { .r = { .pid = p->pid,
		    .state = p->state,
		    .code = p->code,
		    .said = p->said,
		    .cpu_ns = p->cpu_ns,
		    .rss_max = p->rss_max } };

	memcpy(m.said, p->said_text, p->said);
	k_gate_reply(waiter, WRIT_OP_WAIT, cookie, 0, &m, (uint16_t)(sizeof(m.r) + p->said));
}

void k_proc_reached(struct k_proc *p, unsigned what)
{
	struct k_list *n, *next;

	for (n = p->waiters.next; n != &p->waiters; n = next) {
		struct k_wait *w = k_container(n, struct k_wait, at);

		next = n->next;
		if (w->what == what || !k_proc_alive(p)) {
			tell_waiter(w->waiter, w->cookie, p);
			k_wait_drop(w);
		}
	}
}

int k_call_wait(struct k_req *q)
{
	struct k_proc *t = &k.procs[captab_obj(&k.caps, q->cap->obj)->body];
	uint32_t i;

	if (q->h.len != 0 || q->h.arg > WRIT_WAIT_EXIT)
		return WRIT_E_BAD_REQUEST;
	if (reached(t, (unsigned)q->h.arg)) {
		tell_waiter(q->p, q->h.cookie, t);
		return K_LATER;
	}
	if (q->p->nwaits >= K_WAITS_PROC || (i = k_pool_get(&k.wait_pool)) == 0) {
		snprintf(q->why, sizeof(q->why), "more than %d waits at once", K_WAITS_PROC);
		return WRIT_E_NOT_ENOUGH_MEMORY;
	}
	k.waits[i] = (struct k_wait){ .waiter = q->p,
		.target = t,
		.cookie = q->h.cookie,
		.what = (uint8_t)q->h.arg };
	k_list_add(&t->waiters, &k.waits[i].at);
	k_list_add(&q->p->waits, &k.waits[i].of);
	q->p->nwaits++;
	return K_LATER;
}

int k_call_started(struct k_req *q)
{
	if (q->h.len != 0)
		return WRIT_E_BAD_REQUEST;
	q->p->started = true;
	k_proc_reached(q->p, WRIT_WAIT_START);
	return 0;
}

int k_call_exited(struct k_req *q)
{
	if (q->h.len > WRIT_STATUS_MAX)
		return WRIT_E_RANGE;
	if (q->p->killed) /* why it was ended stands already */
		return 0;
	q->p->said = q->h.len;
	memcpy(q->p->said_text, q->in, q->h.len);
	return 0;
}

/* --- the end ------------------------------------------------------------------------ */

/* Sessions on both sides, endpoints it served, what it waited for, what it was still to be told. */
static void leave_others(struct k_proc *p)
{
	while (!k_list_empty(&p->waits))
		k_wait_drop(k_container(p->waits.next, struct k_wait, of));
	while (!k_list_empty(&p->sessions))
		k_session_close(k_container(p->sessions.next, struct k_session, of_client), p);
	while (!k_list_empty(&p->clients))
		k_session_close(k_container(p->clients.next, struct k_session, of_server), p);
	while (!k_list_empty(&p->listens)) {
		struct k_endpoint *ep = k_container(p->listens.next, struct k_endpoint,
		    of_listener);

		k_list_del(&ep->of_listener);
		ep->listener = NULL;
	}
	while (!k_list_empty(&p->events)) {
		struct k_event *e = k_container(p->events.next, struct k_event, link);

		k_list_del(&e->link);
		if (e->kind == K_EV_CLOSED_CLIENT)
			k_session_settle(k_container(e, struct k_session, ev_client));
		else if (e->kind != K_EV_SCHED)
			k_session_settle(k_container(e, struct k_session, ev_server));
	}
	k_list_del(&p->revoke_link);
	p->revoking = 0;
}

static void let_go(obj_t *o)
{
	if (*o != 0)
		captab_unhold(&k.caps, *o);
	*o = 0;
}

void k_proc_end(struct k_proc *p, unsigned state, int code)
{
	p->state = (uint8_t)state;
	p->code = code;
	p->end_ns = k_now();
	k_list_del(&p->order);
	leave_others(p);
	k_close(&p->gate);
	k_close(&p->child);
	k_close(&p->log);
	k_close(&p->pidfd);
	k_spawn_give_back(p);
	let_go(&p->image);
	let_go(&p->cnode);
	let_go(&p->spawn);
	k.realms[p->realm].procs--;
	k.realms[p->realm].kept++;
	k_proc_reached(p, WRIT_WAIT_EXIT);
	k_audit(p, WRIT_AUDIT_ENDED, WRIT_OP_EXITED, 0, 0, (uint32_t)code, k_states[state]);
	if (p == k.scheduler)
		k.scheduler = NULL;
	else if (k.scheduler != NULL)
		k_event_post(k.scheduler, &p->ev_sched);
	if (p == k.root) {
		k_log("root has ended (%s, code %d): the node goes down", k_states[state], code);
		k.exit_code = state == WRIT_STATE_EXITED ? code : 70;
		k.stopping = true;
	}
}

/* From the pidfd's fdinfo, which follows the proc and not the number. */
pid_t k_proc_host_pid(const struct k_proc *p)
{
	char path[64], buf[512];
	const char *at;
	ssize_t n;
	int fd;

	if (p->pidfd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", p->pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	at = strstr(buf, "\nPid:");
	return at != NULL ? atoi(at + 5) : 0;
}
