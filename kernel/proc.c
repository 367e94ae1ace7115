/* SPDX-License-Identifier: MIT */
/*
 * The proc table: entries from spawn to the end and some while after, so that
 * `ps` and `logs` can still tell. Whatever a proc held is freed here, at once,
 * at whatever moment it dies (K3).
 */
#include "kernel.h"
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

bool k_proc_alive(const struct k_proc *p)
{
	return p->pid != 0 && p->state < WRIT_STATE_EXITED;
}

struct k_proc *k_proc_find(uint32_t pid)
{
	struct k_proc *p = &k.procs[pid % k.nprocs];

	return pid != 0 && p->pid == pid ? p : NULL;
}

/* Nothing refers to the entry any more but people who look at history; @kept: nor they much. */
static bool recyclable(const struct k_proc *p, uint32_t realm, bool kept)
{
	if (p->pid == 0)
		return true;
	return !k_proc_alive(p) && p->obj == 0 && k_list_empty(&p->ev_sched.link) &&
	    (!kept || p->realm == realm || k.realms[p->realm].kept > K_KEEP);
}

/*
 * Pids count up and pick the entry pid % nprocs, so the oldest ended ones go
 * first. A realm that has kept few is passed over while others have kept more.
 */
static uint32_t find_pid(uint32_t realm)
{
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0, pid = k.next_pid; i < k.nprocs; i++, pid++)
			if (pid != 0 && recyclable(&k.procs[pid % k.nprocs], realm, pass == 0))
				return pid;
	return 0;
}

struct k_proc *k_proc_new(uint32_t realm)
{
	uint32_t pid = find_pid(realm);
	struct k_proc *p;

	if (pid == 0)
		return NULL;
	p = &k.procs[pid % k.nprocs];
	if (p->pid != 0 && k.realms[p->realm].kept > 0)
		k.realms[p->realm].kept--;
	*p = (struct k_proc){ .pid = pid, .realm = realm, .start_ns = k_now() };
	p->gate = p->child = p->logfd = p->pidfd = -1;
	p->ev_sched.kind = K_EV_SCHED;
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
	int e = k_nest_ready(p);

	p->state = WRIT_STATE_STARTING;
	k_list_add(&k_nest_of(p)->orders, &p->order);
	if (e == 0)
		k_nest_flush(k_nest_of(p));
	else
		k_proc_end(p, WRIT_STATE_FAILED, -e);
}

static long signal_it(const struct k_proc *p, int sig)
{
	return syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0);
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
		signal_it(p, SIGKILL);
	else if (p->child >= 0) /* not ordered yet: nothing runs */
		k_proc_end(p, WRIT_STATE_KILLED, SIGKILL);
}

/* --- waiting ------------------------------------------------------------------- */

int k_wait_new(struct k_req *q, struct k_proc *p, slot_t slot, enum k_wait_what what,
    struct k_list *queue, struct k_wait **ret)
{
	uint32_t i, *n = &p->nwaits[what == K_WAIT_SENT];
	struct k_wait *w;
	int e;

	if (*n >= K_WAITS_PROC || (i = k_pool_get(&k.wait_pool, p->realm)) == 0)
		return k_why(q, WRIT_E_NOT_ENOUGH_MEMORY,
		    "more than %d waits and mappings, or messages", K_WAITS_PROC);
	w = &k.waits[i];
	*w = (struct k_wait){ .waiter = p, .cookie = q->h.cookie, .op = q->h.op };
	w->what = (uint8_t)what;
	w->ev.kind = K_EV_SIGNAL;
	e = k_hook_on(&w->hook, what == K_WAIT_SENT ? WRIT_TYPE_REPLY : WRIT_TYPE_HOLD, slot);
	if (e != 0) {
		k_pool_put(&k.wait_pool, p->realm, i);
		return e;
	}
	if (queue != NULL)
		k_list_add(queue, &w->at);
	k_list_add(&p->waits, &w->of);
	++*n;
	*ret = w;
	return 0;
}

static void let_go(obj_t *o)
{
	if (*o != 0)
		captab_unhold(&k.caps, *o);
	*o = 0;
}

void k_wait_drop(struct k_wait *w)
{
	let_go(&w->file);
	if (w->msg != NULL)
		k_msg_free(w);
	k_hook_off(&w->hook);
	k_list_del(&w->at);
	k_list_del(&w->of);
	k_list_del(&w->ev.link);
	w->waiter->nwaits[w->what == K_WAIT_SENT]--;
	k_pool_put(&k.wait_pool, w->waiter->realm, (uint32_t)(w - k.waits));
}

void k_wait_fail(struct k_wait *w, int status)
{
	k_gate_reply(w->waiter, w->op, w->cookie, status, NULL, 0);
	k_wait_drop(w);
}

void k_waits_fail(struct k_list *at, int status)
{
	struct k_wait *w;

	while ((w = k_first(at, struct k_wait, at)) != NULL)
		k_wait_fail(w, status);
}

void k_wait_lost(struct k_wait *w)
{
	struct k_proc *p = w->waiter;
	unsigned what = w->what;

	if (what < K_WAIT_LISTEN)
		k_wait_fail(w, w->to != NULL ? WRIT_E_PEER_CLOSED : WRIT_E_STALE);
	else
		k_wait_drop(w);
	if (what == K_WAIT_IMAGE)
		k_proc_kill(p, "its image was revoked");
	else if (what == K_WAIT_MAPPED)
		k_proc_kill(p, "memory that it had mapped was revoked");
}

/* Has @p come to what is waited for? */
static bool has_come(const struct k_proc *p, unsigned what)
{
	return !k_proc_alive(p) ||
	    (what == K_WAIT_START && p->started && p->state == WRIT_STATE_RUNNING);
}

static void tell(struct k_proc *to, uint16_t op, uint32_t cookie, const struct k_proc *p)
{
	struct {
		struct writ_wait_rep r;
		char said[WRIT_STATUS_MAX];
	} m = { .r = { p->pid, p->state, p->code, p->said, p->cpu_ns, p->rss_max } };

	memcpy(m.said, p->said_text, p->said);
	k_gate_reply(to, op, cookie, 0, &m, (uint16_t)(sizeof(m.r) + p->said));
}

static void tell_waiters(struct k_proc *p)
{
	struct k_wait *w;

	k_each(w, &p->waiters, at)
		if (has_come(p, w->what)) {
			tell(w->waiter, w->op, w->cookie, p);
			k_wait_drop(w);
		}
}

_Static_assert((int)WRIT_WAIT_EXIT == (int)K_WAIT_EXIT, "the wire's numbers are ours");

int k_call_wait(struct k_req *q)
{
	struct k_wait *w;
	struct k_proc *t = &k.procs[k_body(q->cap)];
	int e;

	if (q->cap->type == WRIT_TYPE_NOTIFICATION)
		return k_notification_wait(q);
	if (q->h.arg > WRIT_WAIT_EXIT)
		return WRIT_E_BAD_REQUEST;
	if (has_come(t, (unsigned)q->h.arg)) /* it costs nobody a wait */
		tell(q->p, q->h.op, q->h.cookie, t);
	else if ((e = k_wait_new(q, q->p, q->slot, (enum k_wait_what)q->h.arg, &t->waiters, &w)) !=
	    0)
		return e;
	return K_LATER;
}

int k_call_started(struct k_req *q)
{
	q->p->started = true; /* its nest may not yet have said so */
	tell_waiters(q->p);
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

/* --- what its holder does with it ----------------------------------------------------- */

/* Stop it, or keep it from starting; let it go on. A proc that was held is the scheduler's then. */
int k_call_suspend(struct k_req *q)
{
	struct k_proc *t = &k.procs[k_body(q->cap)];
	bool on = q->h.op == WRIT_OP_SUSPEND;

	if (!k_proc_alive(t) || t->state == WRIT_STATE_STARTING)
		return WRIT_E_ILLEGAL_OPERATION;
	t->suspended = on;
	if (t->state == WRIT_STATE_PENDING) {
		t->held = on;
		if (!on && k.scheduler != NULL)
			k_event_post(k.scheduler, &t->ev_sched);
	} else if (signal_it(t, on ? SIGSTOP : SIGCONT) != 0) {
		return WRIT_E_ILLEGAL_OPERATION; /* it has ended just now */
	}
	return 0;
}

int k_call_cspace(struct k_req *q)
{
	const struct k_proc *t = &k.procs[k_body(q->cap)];

	if (t->state != WRIT_STATE_PENDING)
		return k_why(q, WRIT_E_ILLEGAL_OPERATION, "%s[%u] is not pending", t->name, t->pid);
	return captab_insert(&k.caps, q->slot, q->at[0], t->cnode, K_ALL, 0);
}

void k_proc_row(const struct k_proc *p, struct writ_proc_row *out)
{
	*out = p->row;
	out->host_pid = k_proc_host_pid(p);
	out->cpu_ns = k_proc_cpu(p);
	out->layers = p->state == WRIT_STATE_RUNNING ? k.config->layers.bits : 0;
}

int k_call_stat(struct k_req *q)
{
	k_proc_row(&k.procs[k_body(q->cap)], (void *)q->out);
	q->out_len = sizeof(struct writ_proc_row);
	return 0;
}

/* --- the end ------------------------------------------------------------------------ */

/* Sessions on both sides, endpoints it served, what it waited for, what it was still to be told. */
static void leave_others(struct k_proc *p)
{
	while (!k_list_empty(&p->waits))
		k_wait_drop(k_container(p->waits.next, struct k_wait, of));
	k_waits_fail(&p->calls, WRIT_E_PEER_CLOSED);
	while (!k_list_empty(&p->sessions))
		k_session_close(k_container(p->sessions.next, struct k_session, of_client), p);
	while (!k_list_empty(&p->clients))
		k_session_close(k_container(p->clients.next, struct k_session, of_server), p);
	while (!k_list_empty(&p->events))
		k_event_done(k_container(p->events.next, struct k_event, link));
	k_context_leave(p);
	k_list_del(&p->revoke_link);
	p->revoking = 0;
}

void k_proc_image_done(struct k_proc *p)
{
	struct k_wait *w;

	let_go(&p->image);
	k_each(w, &p->waits, of)
		if (w->what == K_WAIT_IMAGE)
			k_wait_drop(w);
}

void k_proc_end(struct k_proc *p, unsigned state, int code)
{
	p->state = (uint8_t)state;
	p->code = code;
	p->end_ns = k_now();
	k_guard_proc(p);
	k.realms[p->realm].direct -= p->direct;
	k_list_del(&p->order);
	leave_others(p);
	k_close(&p->gate);
	k_close(&p->child);
	k_close(&p->logfd);
	k_close(&p->pidfd);
	p->host_pid = 0;
	k_spawn_take(p, -1);
	let_go(&p->image);
	captab_obj(&k.caps, p->cnode)->body = 0; /* who holds it has a CNode of nobody's */
	let_go(&p->cnode);
	let_go(&p->spawn);
	k.realms[p->realm].procs--;
	k.realms[p->realm].kept++;
	tell_waiters(p);
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

void k_proc_process(struct k_proc *p, int pidfd)
{
	int fd = open(text("/proc/self/fdinfo/%d", pidfd).s, O_RDONLY | O_CLOEXEC);
	char buf[512];
	const char *at;
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	k_close(&fd);
	buf[n > 0 ? n : 0] = '\0';
	at = strstr(buf, "\nPid:");
	p->pidfd = pidfd;
	p->host_pid = at != NULL ? atoi(at + 5) : 0;
	p->state = WRIT_STATE_RUNNING;
	tell_waiters(p);
}

/* Whose the number was is asked of the pidfd, which follows the process. */
pid_t k_proc_host_pid(const struct k_proc *p)
{
	return p->pidfd >= 0 && signal_it(p, 0) == 0 ? p->host_pid : 0;
}

uint64_t k_proc_cpu(const struct k_proc *p)
{
	struct timespec ts;
	clockid_t clock;
	pid_t pid = k_proc_host_pid(p);

	if (!k_proc_alive(p))
		return p->cpu_ns;
	if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
