/* SPDX-License-Identifier: MIT */
/*
 * Private declarations of the kernel; only kernel/ may include this.
 *
 * All state is in one object, `k`; all tables are made at boot and never grow.
 * One thread, one loop: a call runs to its end before the next one begins, but
 * for revoke and for reaping, which go on in slices between calls.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>
#include <writ/abi.h>
#include <writ/cap.h>
#include "host.h"
#include "nest.h"

enum {
	K_SLOTS = 1 << 21,
	K_PROCS_MAX = 8192,
	K_REALMS = 1024,
	K_HOSTS = 32,
	K_MODULES = 32,
	K_SESSIONS = 16384,
	K_ENDPOINTS = 4096,
	K_PATHS = K_SLOTS / 2, /* each needs a slot of somebody's quota: none takes another's */
	K_SPAWNS = K_SLOTS / 2,
	K_FILES = 2048,
	K_AUDITS = 256, /* records kept of each realm */
	K_OBJS = K_SLOTS / 2 + (1 << 16),
	K_ACCOUNTS = 4096,
	K_WAITS_PROC = 64, /* outstanding waits of one proc */
	K_WAITS = K_PROCS_MAX * K_WAITS_PROC + 1,
	K_TURN = 16,   /* requests taken from one proc before the next */
	K_SLICE = 256, /* slots revoked or reaped between calls */
	K_KEEP = 64,   /* ended procs a realm may keep against others */
};

#define k_container(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Intrusive ring; an unlinked node points to itself. */
struct k_list {
	struct k_list *prev, *next;
};
static inline void k_list_init(struct k_list *l)
{
	l->prev = l->next = l;
}
static inline bool k_list_empty(const struct k_list *l)
{
	return l->next == l;
}
static inline void k_list_del(struct k_list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	k_list_init(n);
}
static inline void k_list_add(struct k_list *head, struct k_list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

static inline void k_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A fixed table of bodies with a free list that grows on use; entry 0 is never given out. */
struct k_pool {
	uint32_t size, used_to, free;
	uint32_t *next;
};

/* Something the kernel has to tell a proc as soon as its gate has room. */
enum k_event_kind { K_EV_CONNECT, K_EV_CLOSED_SERVER, K_EV_CLOSED_CLIENT, K_EV_SCHED };
struct k_event {
	struct k_list link;
	enum k_event_kind kind;
};

struct k_proc {
	uint32_t pid, parent, realm;
	uint8_t state, class, profile, cnode_bits;
	bool started, held, killed, told_pending, want_out;
	obj_t obj;                   /* 0: no capability names it any more */
	obj_t cnode, spawn, image;   /* held while it lives (image: until ordered) */
	int gate, child, log, pidfd; /* -1: none */
	uint32_t cores;
	uint64_t memory, log_max;
	uint32_t nwaits, refused;
	int32_t code;
	uint64_t start_ns, end_ns, cpu_ns, rss_max;
	uint32_t revoke_gen, revoked; /* revoked: capabilities that went so far */
	slot_t revoking;              /* a revoke in slices; its cookie and op */
	uint32_t revoke_cookie;
	struct k_list revoke_link;
	struct k_list order; /* in its nest's queue */
	struct k_event ev_sched;
	struct k_list events;   /* what it must be told: struct k_event */
	struct k_list waiters;  /* struct k_wait.at: who waits for it */
	struct k_list waits;    /* struct k_wait.of: what it waits for */
	struct k_list clients;  /* struct k_session.of_server: sessions it serves */
	struct k_list sessions; /* struct k_session.of_client: sessions it opened */
	struct k_list listens;  /* struct k_endpoint.of_listener */
	uint16_t said;
	char name[WRIT_NAME_MAX];
	char said_text[WRIT_STATUS_MAX];
};

struct k_wait {
	struct k_list at, of;
	struct k_proc *waiter, *target;
	uint32_t cookie;
	uint8_t what;
};

struct k_endpoint {
	obj_t obj;
	uint32_t realm; /* whose proc was given the right to receive: for people */
	struct k_proc *listener;
	struct k_list of_listener, waiting; /* sessions nobody serves yet */
};

struct k_path {
	obj_t endpoint;
	char prefix[WRIT_PREFIX_MAX];
};

struct k_session {
	uint32_t id;
	obj_t obj, account, path; /* account and path are held */
	struct k_endpoint *ep;
	struct k_proc *client, *server;
	struct k_list of_client, of_server; /* of_server: server's list, or endpoint's waiting */
	struct k_event ev_server, ev_client;
	bool closed;
	int fds[3]; /* for the server, until delivered */
	uint32_t rights;
	uint64_t badge;
	uint32_t gen;
};

enum k_nest_state { K_NEST_NONE, K_NEST_BOOTING, K_NEST_UP };
struct k_nest {
	enum k_nest_state state;
	uint64_t retry_ns; /* after a failure: not before */
	struct nest n;
	bool want_out;
	struct k_list orders; /* struct k_proc.order */
};

struct k_realm {
	obj_t obj, account; /* account: its Untyped, held */
	uint32_t uid, procs, kept, sessions;
	uint64_t audits;            /* records made */
	bool used, dying, unsealed; /* unsealed: the newest record may still be counted up */
	struct k_nest nests[WRIT_PROFILE_N];
	char name[WRIT_NAME_MAX];
};

struct k_spawn {
	obj_t parent;   /* Spawn it was narrowed from (held), or 0 */
	uint32_t realm; /* its realm's object is held */
	uint32_t classes, profiles;
	uint32_t procs, cores, used_procs, used_cores;
	uint64_t memory, used_memory;
};

/* Image, Memory, Host: an open file. */
struct k_file {
	int fd;
	uint32_t host;
	char name[WRIT_NAME_MAX];
};

struct k_module {
	const char *name, *path;
};

struct k {
	const char *node, *run, *logs;
	int epfd, sigfd, lockfd, idfd, logdir, nullfd;
	bool stopping;
	char missing[80]; /* layers of the sandbox that this host has not */
	int exit_code;
	uint32_t uid_base, next_pid, nprocs, dying_realms, nsessions;
	uint64_t max_memory;
	obj_t own; /* CNode of the sessions' capabilities */
	obj_t sched, audit, untyped;
	struct k_proc *scheduler, *root;
	struct captab caps;
	struct k_list revokes;
	struct k_proc *procs; /* [nprocs] */
	struct k_realm *realms;
	struct k_pool realm_pool;
	struct k_session *sessions;
	struct k_pool session_pool;
	struct k_endpoint *endpoints;
	struct k_pool endpoint_pool;
	struct k_path *paths;
	struct k_pool path_pool;
	struct k_spawn *spawns;
	struct k_pool spawn_pool;
	struct k_file *files;
	struct k_pool file_pool;
	struct k_wait *waits;
	struct k_pool wait_pool;
	struct writ_audit_rec *audits;
	uint64_t audit_seq, up_since; /* next number, from 1; CLOCK_REALTIME of the first */
	struct host_folder hosts[K_HOSTS + 1]; /* the last in use is the operator's, for root */
	unsigned nhosts;
	struct k_module modules[K_MODULES];
	unsigned nmodules;
};
extern struct k k;
extern const char *const k_types[], *const k_classes[], *const k_profiles[], *const k_states[];

/* One request on its way through the gate. */
struct k_req {
	struct k_proc *p;
	struct writ_hdr h;     /* the request's; its status and arg become the reply's */
	const void *in;        /* h.len bytes */
	int fds[WRIT_FDS_MAX]; /* came along; closed afterwards unless set to -1 */
	slot_t slot;           /* invoked capability, checked against the call's row */
	const struct cap *cap;
	/* reply */
	uint32_t missing;
	uint16_t out_len;
	uint8_t out_nfds;
	int out_fds[WRIT_FDS_MAX]; /* borrowed */
	char why[WRIT_PREFIX_MAX]; /* for the audit when it is refused */
	_Alignas(8) char out[WRIT_MSG_MAX - sizeof(struct writ_hdr)];
};
/* A call's answer besides an error number: the reply comes later. */
enum { K_LATER = -1 };

/* --- pools (object.c) ---------------------------------------------------- */
void *k_table(size_t n,
    size_t size); /* zeroed, lazily backed; boot only, exits when there is none */
void k_pool_init(struct k_pool *p, uint32_t size);
uint32_t k_pool_get(struct k_pool *p); /* 0: full */
void k_pool_put(struct k_pool *p, uint32_t i);
/* captab's finaliser: release the body of an object. */
void k_object_finalise(void *arg, obj_t obj);
/* What a capability is of, for people. */
void k_object_name(const struct cap *c, char *buf, size_t size);

/* --- gate (gate.c) -------------------------------------------------------- */
/* Take up to K_TURN requests from @p. */
void k_gate_read(struct k_proc *p);
/* After @p has died: what it had still said about itself. */
void k_gate_drain(struct k_proc *p);
/* Send a packet; false when the gate has no room or is gone. */
bool k_gate_send(int gate, struct writ_hdr *h, const void *body, const int *fds);
/* Send the reply that @q holds, and audit it; for calls that go on after it. */
void k_gate_answer(struct k_req *q, int status);
/* Reply to @cookie of @op; ends a proc that doesn't read its replies. */
void k_gate_reply(struct k_proc *p, uint16_t op, uint32_t cookie, int status, const void *body,
    uint16_t len);
void k_event_post(struct k_proc *p, struct k_event *e);
void k_event_flush(struct k_proc *p);
#define X(id, fn, type, right, flags, doc) int k_call_##fn(struct k_req *q);
WRIT_CALLS(X)
#undef X

/*
 * Resolve an address of the caller's CSpace. Returns 0 and the slot, or an
 * error with q->why filled.
 */
int k_resolve(struct k_req *q, const struct writ_addr *a, slot_t *ret);
/* The same, and the slot must be empty: a destination. */
int k_resolve_empty(struct k_req *q, const struct writ_addr *a, slot_t *ret);
/* Check the capability at a plain slot number of the caller. */
int k_need(struct k_req *q, uint32_t index, unsigned type, uint16_t rights, slot_t *ret,
    const struct cap **ret_cap);
/* NUL-terminated, of printable ASCII, not empty. */
bool k_name_ok(const char *name, size_t size);
/* The Untyped that pays for what @p makes. */
obj_t k_account(const struct k_proc *p);

/* --- procs (proc.c) ------------------------------------------------------- */
struct k_proc *k_proc_find(uint32_t pid);  /* ended ones too; NULL */
struct k_proc *k_proc_new(uint32_t realm); /* NULL: table full */
bool k_proc_alive(const struct k_proc *p);
/* Give the pending proc to its nest. */
void k_proc_start(struct k_proc *p);
/* Ask for its end; it is over when the nest says so. */
void k_proc_kill(struct k_proc *p, const char *why);
/* It is over: free all that it held, tell who waits. */
void k_proc_end(struct k_proc *p, unsigned state, int code);
void k_proc_reached(struct k_proc *p, unsigned what); /* reply to those who wait for it */
void k_proc_free(struct k_proc *p);                   /* undo k_proc_new() for one that never was */
void k_wait_drop(struct k_wait *w);
pid_t k_proc_host_pid(const struct k_proc *p);

/* --- realms and nests (realm.c) -------------------------------------------- */
/* Make a realm; a body index, or 0 with errno. */
uint32_t k_realm_new(const char *name, obj_t account, uint32_t uid, uint64_t memory, uint32_t cores,
    uint32_t pids);
void k_realm_gone(uint32_t realm); /* no capability names it */
void k_realm_settle(void);         /* remove cgroups of realms whose processes have died */
/* Bring up the nest and send what is queued. Returns false when it can't be had. */
bool k_nest_ready(uint32_t realm, unsigned profile);
void k_nest_flush(uint32_t realm, unsigned profile);
void k_nest_read(uint32_t realm, unsigned profile);
void k_nest_reap(void); /* SIGCHLD: nests that died */

/* --- sessions (session.c) --------------------------------------------------- */
void k_session_close(struct k_session *s, const struct k_proc *by);
void k_session_gone(struct k_session *s);   /* finaliser */
void k_session_settle(struct k_session *s); /* free it when nothing refers to it any more */
void k_session_offer(struct k_session *s);  /* tell the listener, or wait for one */
void k_endpoint_gone(struct k_endpoint *ep);

/* --- spawn rights (spawn.c) -------------------------------------------------- */
void k_spawn_give_back(struct k_proc *p); /* what it took of its Spawn */
void k_spawn_gone(uint32_t body);

/* --- audit (audit.c) ------------------------------------------------------------ */
void k_audit(const struct k_proc *p, unsigned kind, unsigned op, int status, uint32_t missing,
    uint32_t other, const char *what);
void k_audit_refused(struct k_req *q, int status);

/* --- boot (boot.c) ------------------------------------------------------------------ */
int k_boot(void); /* tables, host folders, modules, root. 0 or exit code, said on stderr */
void k_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t k_now(void); /* CLOCK_BOOTTIME, ns */
void k_epoll(int op, int fd, unsigned events, unsigned what, uint32_t index);
enum k_epoll_what { K_POLL_SIGNAL, K_POLL_GATE, K_POLL_NEST };
