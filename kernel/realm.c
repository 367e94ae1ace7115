/* SPDX-License-Identifier: MIT */
/*
 * Realms and their nests. A realm has a name, a user id of its own, an account
 * and a cgroup; its nests come up with the first proc of their profile. When no
 * capability names it, it goes with all that lives in it.
 */
#include "kernel.h"
#include <sys/epoll.h>
#include <sys/wait.h>

enum { PIDS_EXTRA = 2 * NEST_THREADS };

int k_realm_new(const struct writ_realm_req *q, obj_t account, uint32_t uid, uint32_t pids,
    uint32_t *ret)
{
	uint32_t i = k_pool_get(&k.realm_pool, 0);
	struct k_realm *r = &k.realms[i];
	int e = 0;

	if (i == 0)
		return WRIT_E_NOT_ENOUGH_MEMORY;
	*ret = i;
	*r = (struct k_realm){ .used = true,
		.audits = r->audits, /* what is known of who was here before stays */
		.unsealed = r->unsealed,
		.account = account,
		.memory = q->memory,
		.cores = q->cores,
		.requires = q->requires,
		.number = ++k.realms_made,
		.uid = uid != 0 ? uid : k.uid_base + i * BOOT_UID_REALM };
	snprintf(r->name, sizeof(r->name), "%s", q->name);
	captab_hold(&k.caps, account);
	for (unsigned c = 0; c < WRIT_CLASS_N; c++)
		if ((r->epfd[c] = epoll_create1(EPOLL_CLOEXEC)) < 0)
			e = -EMFILE;
		else
			k_epoll(c == WRIT_CLASS_LC ? k.urgent : k.epfd, EPOLL_CTL_ADD, r->epfd[c],
			    EPOLLIN, K_POLL_REALM, i << 1 | c);
	if (e == 0 && (e = cgroup_make(r->name, q->memory, q->cores, pids + PIDS_EXTRA)) == 0 &&
	    (e = k_guard_realm(r)) == 0)
		return 0;
	k_log("realm %s: %s", r->name, strerror(-e));
	k_realm_gone(i); /* what has no limits, or Linux is not told of, does not run */
	return e == -ENOSPC ? WRIT_E_NOT_ENOUGH_MEMORY : WRIT_E_IO;
}

static int realm_decode(struct k_req *q, obj_t *account, uint32_t *uid)
{
	const struct writ_realm_req *r = q->in;
	const struct cap *c;
	int e;

	if (!k_name_ok(r->name, sizeof(r->name)) || r->name[0] == '.')
		return WRIT_E_BAD_REQUEST;
	for (uint32_t i = 1; i < k.realm_pool.used_to; i++)
		if (k.realms[i].used && strcmp(k.realms[i].name, r->name) == 0)
			return k_why(q, WRIT_E_EXISTS, "realm %s is there already", r->name);
	k_why(q, 0, "realm %s", r->name);
	if ((e = k_need(q, r->account, WRIT_BY_WITH, &c)) != 0)
		return e;
	if (c->type != WRIT_TYPE_UNTYPED)
		return WRIT_E_INVALID_CAPABILITY;
	*account = c->obj;
	if (r->host != 0) {
		if ((e = k_need(q, r->host, WRIT_BY_WITH, &c)) != 0)
			return e;
		if (c->type != WRIT_TYPE_HOST)
			return WRIT_E_INVALID_CAPABILITY;
		*uid = k.files[captab_obj(&k.caps, c->obj)->body].uid;
	}
	return 0;
}

int k_call_realm(struct k_req *q)
{
	const struct writ_realm_req *r = q->in;
	uint32_t uid = 0, body;
	obj_t account = 0, obj;
	int e = realm_decode(q, &account, &uid);

	if (e != 0 ||
	    (e = k_realm_new(r, account, uid, captab_account(&k.caps, account)->max.procs,
		 &body)) != 0)
		return e;
	e = captab_obj_new(&k.caps, WRIT_TYPE_REALM, q->cap->obj,
	    (struct charge){ .bytes = sizeof(struct k_realm) }, body, &obj);
	if (e != 0) {
		k_realm_gone(body);
		return e;
	}
	k.realms[body].obj = obj;
	q->h.arg = body | (uint64_t)k.realms[body].uid << 32;
	return captab_insert(&k.caps, q->slot, q->at[0], obj, K_ALL, 0);
}

/* --- nests ------------------------------------------------------------------------ */

int k_nest_ready(const struct k_proc *p)
{
	struct k_realm *r = &k.realms[p->realm];
	struct k_nest *n = k_nest_of(p);
	struct nest_conf c = { .realm = r->name,
		.uid = r->uid,
		.profile = p->profile,
		.cgroup = r->name,
		.number = p->realm,
		.admit = k_guard_nest };
	int e;

	if (n->state != K_NEST_NONE)
		return 0;
	if (k_now() < n->retry_ns)
		return -EAGAIN;
	/* one that dies meanwhile keeps its number: what is written by that reaches no other */
	signal(SIGCHLD, SIG_DFL);
	e = nest_start(&c, &n->n);
	signal(SIGCHLD, SIG_IGN);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (e < 0) {
		k_log("realm %s: nest: %s", r->name, strerror(-e));
		return e;
	}
	n->state = K_NEST_BOOTING;
	n->want_out = false;
	n->index = p->realm << 4 | p->profile;
	k_epoll(k.epfd, EPOLL_CTL_ADD, n->n.sock, EPOLLIN, K_POLL_NEST, n->index);
	return 0;
}

/* For what the proc writes; it runs without as well. What lies there before is somebody else's. */
static int open_log(struct k_proc *p)
{
	uint32_t n = (p->pid - 1) % k.nprocs + 1; /* 0: there is none */
	int fd;

	if (p->log_max == 0)
		return -1;
	fd = openat(k.logdir, text("%u.log", n).s,
	    O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		k_audit(p, WRIT_AUDIT_NODE, WRIT_OP_SPAWN, WRIT_E_NO_SPACE, 0, p->pid,
		    text("no log: %s", strerror(errno)).s);
	p->log = fd < 0 ? 0 : n;
	return fd;
}

static int order(struct k_nest *n, struct k_proc *p)
{
	struct nest_order o = { .id = p->pid, .class = p->class, .memory = p->memory };
	int fds[3] = { p->child, k.files[captab_obj(&k.caps, p->image)->body].fd, p->logfd };

	/* servers of files write more than their log: RLIMIT_FSIZE would bound that, too */
	o.log_max = p->profile == WRIT_PROFILE_NATIVE ? p->log_max : 0;
	memcpy(o.name, p->name, sizeof(o.name));
	if (p->logfd < 0)
		p->logfd = fds[2] = open_log(p);
	o.nfds = fds[2] >= 0 ? 3 : 2;
	return nest_order(&n->n, &o, fds);
}

void k_nest_flush(struct k_nest *n)
{
	struct k_realm *r = &k.realms[n->index >> 4];
	struct k_proc *p;
	int e = 0;

	while (n->state == K_NEST_UP && (p = k_first(&n->orders, struct k_proc, order)) != NULL &&
	    (e = order(n, p)) != -EAGAIN) {
		if (e < 0) {
			k_proc_end(p, WRIT_STATE_FAILED, -e);
			continue;
		}
		k_list_del(&p->order);
		k_close(&p->child);
		k_close(&p->logfd);
		k_proc_image_done(p);
		p->turn = p->class;
		p->direct = r->direct < K_TURN;
		r->direct += p->direct;
		k_gate_watch(p, EPOLL_CTL_ADD, EPOLLIN);
	}
	if (n->state == K_NEST_UP && n->want_out != (e == -EAGAIN)) {
		n->want_out = e == -EAGAIN;
		k_epoll(k.epfd, EPOLL_CTL_MOD, n->n.sock, EPOLLIN | (n->want_out ? EPOLLOUT : 0),
		    K_POLL_NEST, n->index);
	}
}

/* @p could not be started: @what, the step, and why. */
static void proc_failed(struct k_proc *p, const char *what, const struct nest_event *ev)
{
	p->said = (uint16_t)snprintf(p->said_text, sizeof(p->said_text), "%s: %.32s: %s", what,
	    ev->step, strerror(ev->code));
	k_proc_end(p, WRIT_STATE_FAILED, ev->code);
}

static void nest_event(const struct k_nest *n, const struct nest_event *ev, int pidfd)
{
	struct k_proc *p = k_proc_find(ev->id);

	if (p == NULL || k_nest_of(p) != n || !k_proc_alive(p)) {
		k_close(&pidfd);
		return;
	}
	if (ev->what == NEST_STARTED) {
		k_proc_process(p, pidfd);
		k_context_apply(p);
		k_guard_proc(p);
		if (p->killed)
			k_proc_kill(p, NULL);
	} else if (ev->what == NEST_EXITED) {
		p->cpu_ns = ev->cpu_ns;
		p->rss_max = ev->rss_max;
		k_gate_drain(p);
		if (WIFEXITED(ev->code))
			k_proc_end(p, WRIT_STATE_EXITED, WEXITSTATUS(ev->code));
		else
			k_proc_end(p, WRIT_STATE_KILLED, WTERMSIG(ev->code));
	} else if (ev->what == NEST_FAILED) {
		proc_failed(p, "image could not be executed", ev);
	}
}

/* The nest is gone or is to go; the procs it forked are dead with it. Or it didn't come up, as @ev
 * says: then whoever waits for it fails with its reason. */
static void nest_down(struct k_nest *n, const struct nest_event *ev)
{
	if (n->state == K_NEST_NONE)
		return;
	n->state = K_NEST_NONE;
	epoll_ctl(k.epfd, EPOLL_CTL_DEL, n->n.sock, NULL);
	nest_kill(&n->n);
	for (uint32_t i = 0; i < k.nprocs; i++) {
		struct k_proc *p = &k.procs[i];

		if (!k_proc_alive(p) || k_nest_of(p) != n || p->state == WRIT_STATE_PENDING)
			continue;
		if (ev != NULL)
			proc_failed(p, "sandbox step failed", ev);
		else
			k_proc_end(p, WRIT_STATE_KILLED, SIGKILL);
	}
}

void k_nest_read(struct k_nest *n)
{
	uint32_t realm = n->index >> 4, profile = n->index & 15;
	struct nest_event ev;
	int pidfd, r = 0;

	while (n->state != K_NEST_NONE && (r = nest_next(&n->n, &ev, &pidfd)) > 0) {
		if (ev.what != NEST_READY) {
			nest_event(n, &ev, pidfd);
			continue;
		}
		if (ev.code == 0)
			ev.code = -k_guard_nest(realm, profile, n->n.pidfd, GUARD_NEST);
		if (ev.code != 0) {
			k_log("realm %s, profile %s: sandbox step failed: %.32s: %s",
			    k.realms[realm].name, k_profiles[profile], ev.step, strerror(ev.code));
			n->retry_ns = k_now() + 1000000000u; /* each try costs a fork */
			nest_down(n, &ev);
			return;
		}
		n->state = K_NEST_UP;
	}
	if (r < 0)
		nest_down(n, NULL);
	k_nest_flush(n);
}

/* --- the end of a realm ------------------------------------------------------------- */

void k_realm_gone(uint32_t realm)
{
	struct k_realm *r = &k.realms[realm];

	r->obj = 0;
	r->dying = true;
	k.dying_realms++;
	for (uint32_t i = 0; i < k.nprocs; i++)
		if (k_proc_alive(&k.procs[i]) && k.procs[i].realm == realm)
			k_proc_kill(&k.procs[i], "its realm has ended");
	for (unsigned p = 0; p < WRIT_PROFILE_N; p++)
		nest_down(&r->nests[p], NULL);
}

void k_realm_settle(void)
{
	for (uint32_t i = 1; i < k.realm_pool.used_to && k.dying_realms > 0; i++) {
		struct k_realm *r = &k.realms[i];

		if (!r->dying || r->procs != 0 || cgroup_remove(r->name) == -EBUSY)
			continue;
		for (uint32_t p = 0; p < k.nprocs; p++)
			if (k.procs[p].pid != 0 && k.procs[p].realm == i &&
			    !k_proc_alive(&k.procs[p]))
				k.procs[p].realm = 0;
		k_guard_realm_gone(r);
		captab_unhold(&k.caps, r->account);
		k_close(&r->epfd[0]);
		k_close(&r->epfd[1]);
		r->used = r->dying = false;
		k.dying_realms--;
		k_pool_put(&k.realm_pool, 0, i);
	}
}
