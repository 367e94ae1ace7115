/* SPDX-License-Identifier: MIT */
/*
 * Private declarations of the kernel; only kernel/ may include this.
 *
 * All state is in one object, `k`; all tables are made at boot and never grow.
 * One thread, one loop: a call runs to its end before the next one begins, but
 * for revoke and for reaping, which go on in slices between calls.
 */
#pragma once
#include <err.h>
#include <stdio.h>
#include <writ/cap.h>
#include <writ/guard.h>
#include "nest.h"

enum {
	K_SLOTS = 9 << 18,
	K_PROCS_MAX = BOOT_PROCS_MAX,
	K_REALMS = BOOT_UID_NODE / BOOT_UID_REALM,
	K_SESSIONS = 32768,
	K_BODIES = K_SLOTS / 2, /* each needs a slot of somebody's quota: none takes another's */
	K_OWNS = 1 << 17,       /* slots of the kernel's own, in CNodes of 2^K_OWN_BITS */
	K_OWN_BITS = 10,
	K_OWN_BODY = -1, /* body of those; another CNode's is the proc whose CSpace it is, or 0 */
	K_AUDITS = 256,  /* records kept of each realm */
	K_OBJS = K_SLOTS / 2 + (1 << 16),
	K_ACCOUNTS = K_SLOTS / 2,
	K_WAITS_PROC = 64, /* outstanding waits of one proc, and messages */
	K_TURN = 2,        /* procs of a realm served in its turn, beside as many direct ones */
	K_SLICE = 100,     /* slots revoked or reaped between calls: seL4's unit of work */
	K_KEEP = 64,       /* ended procs a realm may keep against others */
	K_ALL = WRIT_R_READ | WRIT_R_WRITE | WRIT_R_GRANT, /* rights to most types */
	K_SEALED = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

/* Tables of bodies, k.NAMEs, each with a pool, k.NAME_pool; and how many they hold. */
/* clang-format off */
#define K_TABLES(X) \
	X(realm, K_REALMS - BOOT_HOSTS_MAX) X(session, K_SESSIONS) X(file, 8192) \
	X(wait, 1 << 16) X(msg, 4096) \
	X(endpoint, K_BODIES) X(notification, K_BODIES) X(path, K_BODIES) X(spawn, K_BODIES) \
	X(context, K_BODIES)
/* clang-format on */

#define k_container(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Intrusive ring. Zeros are an empty list, or a node that is in none. */
struct k_list {
	struct k_list *prev, *next;
};
static inline bool k_list_empty(const struct k_list *l)
{
	return l->next == NULL || l->next == l;
}
/* What lies first in @list by its @member; NULL: it is empty. */
#define k_first(list, type, member) \
	(k_list_empty(list) ? NULL : k_container((list)->next, type, member))
/* Each @v that lies in @list by its @member; the loop may take it out. */
#define k_each(v, list, member) \
	for (struct k_list *n_ = (list)->next != NULL ? (list)->next : (list), *next_; \
	     v = k_container(n_, __typeof__(*v), member), next_ = n_->next, n_ != (list); \
	     n_ = next_)
static inline void k_list_del(struct k_list *n)
{
	if (n->next == NULL)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
}
static inline void k_list_add(struct k_list *head, struct k_list *n)
{
	if (head->next == NULL)
		head->prev = head->next = head;
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

static inline void k_close_fds(int *fds)
{
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		k_close(&fds[i]);
}

/*
 * A fixed table of bodies with a free list that grows on use; entry 0 is never given
 * out. What realms share of it is counted: none may hold more than it leaves to others.
 */
struct k_pool {
	uint32_t size, used_to, free, shared;
	uint32_t *next, *share; /* share: by realm; 0 is nobody */
};

/*
 * What hangs on a capability without being one that a proc holds: a session, a
 * message on its way, a wait, a mapping. It has a capability in a CNode of the
 * kernel's own, a child of the one it hangs on, so that revoke reaches it like
 * all else (K5). A call's becomes the Reply that its receiver holds.
 */
struct k_hook {
	uint32_t entry; /* in k.hooks; 0: it is off */
	obj_t obj;
	slot_t slot; /* where that capability lies */
};

/* Something the kernel has to tell a proc as soon as its gate has room. */
enum k_event_kind { K_EV_SERVER, K_EV_CLIENT, K_EV_SCHED, K_EV_SIGNAL }; /* of a session: to its */
struct k_event {
	struct k_list link;
	enum k_event_kind kind;
};

struct k_proc {
	union {
		struct writ_proc_row row; /* the same, as it is sent */
		struct {
			WRIT_PROC_ROW
		};
	};
	uint8_t turn; /* its class as it started */
	bool direct, started, held, killed, told_pending, want_out;
	obj_t obj;                     /* 0: no capability names it any more */
	obj_t cnode, spawn, image;     /* held: the image until ordered; root has no spawn */
	int gate, child, logfd, pidfd; /* -1: none */
	uint32_t cores, reserved;      /* millicores; reserved: taken of its Spawn */
	uint32_t own_class, own_cores; /* without a SchedContext */
	uint64_t log_max;
	uint32_t nwaits[2], context;  /* nwaits[1]: SENT; context: its SchedContext's body */
	uint32_t revoke_gen, revoked; /* revoked: capabilities that went so far */
	obj_t revoke_last;            /* the last that began to die by it, and its epoch */
	uint32_t revoke_epoch;
	slot_t revoking; /* a revoke in slices; its cookie and op */
	uint32_t revoke_cookie;
	struct k_list revoke_link;
	struct k_list order; /* in its nest's queue */
	struct k_event ev_sched;
	struct k_list events;   /* what it must be told: struct k_event */
	struct k_list waiters;  /* struct k_wait.at: who waits for it */
	struct k_list waits;    /* struct k_wait.of: what it waits for */
	struct k_list calls;    /* struct k_wait.at: calls it has taken and not answered */
	struct k_list clients;  /* struct k_session.of_server: sessions it serves */
	struct k_list sessions; /* struct k_session.of_client: sessions it opened */
	uint16_t said;
	char said_text[WRIT_STATUS_MAX];
};

/* What a proc waits for, or what else of it hangs on a capability. */
enum k_wait_what {
	K_WAIT_START, /* another proc */
	K_WAIT_EXIT,
	K_WAIT_MSG,
	K_WAIT_SIGNAL,
	K_WAIT_SENT,   /* what it has sent: to be taken, and a call to be answered */
	K_WAIT_LISTEN, /* at an Endpoint */
	K_WAIT_BOUND,  /* a Notification's signals come as events */
	K_WAIT_MAPPED, /* it holds a descriptor, which revoke can't take: then it is ended */
	K_WAIT_IMAGE,  /* so it is without its Image, until it runs */
};
struct k_wait {
	struct k_hook hook;
	struct k_list at, of;       /* at: the queue of what it waits for. SENT: its session's held
				       ones, the endpoint's senders, then the receiver's calls */
	struct k_proc *waiter, *to; /* to: SENT: who has taken the call */
	uint32_t cookie, take, reply;
	uint16_t op, rights; /* rights: of the Endpoint capability */
	uint8_t what, ntake;
	obj_t file; /* MAPPED: held, so that it is paid for as long as the proc has it; or 0 */
	struct k_notification *bound; /* BOUND, by the slot in @take */
	struct k_msg *msg;            /* SENT */
	struct k_event ev;
};

struct k_endpoint {
	obj_t obj;
	uint32_t realm;        /* whose proc was given the right to receive: for people */
	struct k_list waiting; /* sessions nobody serves yet */
	struct k_list senders, receivers,
	    listening; /* struct k_wait.at; who listens is the first */
};

/* A message from when it is sent until it is taken; a call until it is answered. */
struct k_msg {
	uint32_t own[WRIT_CAPS_MAX]; /* slots of the kernel's own, where its capabilities lie */
	uint32_t session;            /* through which it was sent, or 0 */
	uint16_t len;
	struct writ_msg_rep rep;
	char data[WRIT_DATA_MAX]; /* follows rep on its way out */
};
_Static_assert(offsetof(struct k_msg, data) ==
	offsetof(struct k_msg, rep) + sizeof(struct writ_msg_rep),
    "one piece");

struct k_notification {
	bool active;
	uint64_t word;
	struct k_list waiters, bound; /* struct k_wait.at; bound: at most one */
};

/* What a proc may have of the processors. */
struct k_context {
	struct writ_sched_req set;
	uint64_t consumed; /* by procs that are no longer under it */
	struct k_proc *proc;
};

struct k_path {
	obj_t endpoint;
	char prefix[WRIT_PREFIX_MAX];
};

struct k_session {
	struct k_hook hook; /* on the Path */
	uint32_t id, realm; /* realm: the client's, in whose share it is */
	obj_t path;         /* held */
	struct k_endpoint *ep;
	struct k_proc *client, *server;
	struct k_list of_client, of_server; /* of_server: server's list, or endpoint's waiting */
	struct k_list held; /* struct k_wait.at: until the server knows the session and its ring */
	struct k_event ev_server, ev_client; /* to the server: CONNECT, RING, CLOSED */
	bool known, closed;                  /* known: to the server */
	int fds[WRIT_FDS_MAX];               /* of its ring, for the server, until delivered */
	uint64_t bytes, tag;                 /* of its ring */
	uint32_t rights;
	uint64_t badge;
	uint32_t gen;
};

enum k_nest_state { K_NEST_NONE, K_NEST_BOOTING, K_NEST_UP };
struct k_nest {
	enum k_nest_state state;
	uint32_t index;    /* realm << 4 | profile */
	uint64_t retry_ns; /* after a failure: not before */
	struct nest n;
	bool want_out;
	struct k_list orders; /* struct k_proc.order */
};

struct k_realm {
	obj_t obj, account;      /* account: its Untyped, held */
	int epfd[WRIT_CLASS_N];  /* its procs' gates, but those that are direct */
	uint64_t memory, cgroup; /* cgroup: the id of its group */
	uint32_t uid, cores, procs, kept, direct;
	uint32_t number, requires;  /* number: to eBPF, of no other that was or will be */
	uint64_t audits;            /* records made */
	bool used, dying, unsealed; /* unsealed: the newest record may still be counted up */
	struct k_nest nests[WRIT_PROFILE_N];
	char name[WRIT_NAME_MAX];
};

struct k_spawn {
	obj_t parent;   /* Spawn it was narrowed from (held), or 0 */
	uint32_t realm; /* its realm's object is held */
	uint32_t depth; /* Spawns above it, and itself */
	uint32_t used_procs, used_cores;
	uint64_t used_memory;
	struct writ_spawncap_req max;
};

/* Image, Memory, Host: an open file. */
struct k_file {
	int fd;
	uint32_t uid;   /* Host: of the realm that may serve it */
	uint32_t realm; /* in whose share it is; 0: the node's */
	bool writable;  /* Host */
	uint64_t size;
	char name[WRIT_NAME_MAX];
};

struct k {
	const char *node;
	int epfd, urgent, sigfd, logdir; /* urgent: the realms' epfd of class LC */
	bool stopping;
	int exit_code;
	uint32_t uid_base, next_pid, nprocs, dying_realms, realms_made;
	obj_t own[K_OWNS >> K_OWN_BITS]; /* CNodes of the kernel's own, made when first needed */
	struct k_hook **hooks;           /* [K_OWNS], by the body of their objects */
	struct k_pool own_pool;
	int maps[BOOT_MAP_N]; /* of eBPF; 0: none */
	const struct guard_config *config;
	obj_t untyped;
	struct k_proc *scheduler, *root;
	struct captab caps;
	struct k_list revokes;
	struct k_proc *procs; /* [nprocs] */
#define X(name, n) \
	struct k_##name *name##s; \
	struct k_pool name##_pool;
	K_TABLES(X)
#undef X
	struct writ_audit_rec *audits;
	uint64_t audit_seq, up_since; /* next number, from 1; CLOCK_REALTIME of the first */
};
extern struct k k;
extern const char *const k_types[], *const k_classes[], *const k_profiles[], *const k_states[];

/* One request on its way through the gate. */
struct k_req {
	struct k_proc *p;
	struct writ_hdr h;     /* the request's; its status and arg become the reply's */
	const void *in;        /* h.len bytes */
	int fds[WRIT_FDS_MAX]; /* came along; closed afterwards unless set to -1 */
	const struct cap *cap; /* invoked capability, checked against the call's row */
	slot_t slot;           /* where it lies */
	slot_t at[3];          /* what the addresses resolve to that the body begins with */
	/* reply */
	uint32_t missing;
	uint16_t out_len;
	uint8_t out_nfds;
	int out_fds[WRIT_FDS_MAX]; /* borrowed */
	char why[WRIT_PREFIX_MAX]; /* for the audit when it is refused */
	_Alignas(8) char out[WRIT_MSG_MAX - sizeof(struct writ_hdr)];
};
enum { K_LATER = -1 }; /* a call's answer besides an error number: the reply comes later */

/* --- pools and objects (object.c) ------------------------------------------ */
void *k_table(size_t n, size_t size); /* zeroed, lazily backed; boot only, exits without */
void k_pool_init(struct k_pool *p, uint32_t size);
/* 0: it is full, or @realm (0: nobody) would have more of it than it leaves to others. */
uint32_t k_pool_get(struct k_pool *p, uint32_t realm);
void k_pool_put(struct k_pool *p, uint32_t realm, uint32_t i);
int k_memory_new(const char *name, uint64_t bytes); /* a memfd, sealed to that size; or -1 */
/* Make an object that @payer pays @bytes for (0: its body's), its capability in @dst below @parent.
 * Returns 0 and its body, which the caller fills at once, or an error. A file is of the caller's
 * share. */
int k_make(const struct k_req *q, unsigned type, obj_t payer, uint64_t bytes, slot_t parent,
    slot_t dst, uint16_t rights, uint64_t badge, uint32_t *ret_body);
void k_object_finalise(void *arg, obj_t obj);          /* captab's: release the body of an object */
void k_object_row(obj_t obj, struct writ_object *out); /* OBJECTS */
/* What lies in @s, and in whose CSpace that is. */
void k_cap_row(slot_t s, struct writ_cap_info *out);
/* What a capability is of, for people. */
void k_object_name(const struct cap *c, char *buf, size_t size);
static inline uint32_t k_body(const struct cap *c)
{
	return captab_obj(&k.caps, c->obj)->body;
}
/* Where a capability lies. */
static inline slot_t k_slot(const struct cap *c)
{
	return (slot_t)(k_container(c, const struct slot, cap) - k.caps.slots);
}

/* --- what hangs on capabilities (object.c) ----------------------------------- */
/* A slot of the kernel's own. Returns its entry, or 0: there is none left. */
uint32_t k_own_get(slot_t *ret);
slot_t k_own_slot(uint32_t entry);
void k_own_put(uint32_t entry); /* empty it and give the entry back */
/* Hang @h on the capability in @parent by one of @type, which has its rights and badge. */
int k_hook_on(struct k_hook *h, unsigned type, slot_t parent);
bool k_hook_holds(const struct k_hook *h); /* false: it is off, or revoked and not yet told */
void k_hook_off(struct k_hook *h);         /* nothing if it is off */
/* The hook whose capability @c is; NULL when it is off. */
static inline struct k_hook *k_hook_of(const struct cap *c)
{
	return k.hooks[k_body(c)];
}
/* @slot has come to hold what was moved: if that is a Reply, its call must know. */
void k_hook_moved(slot_t slot);

/* --- gate (gate.c) -------------------------------------------------------- */
/* Add, change or remove (@op) its gate in the set that it is announced by: with the realms' sets if
 * it is direct, which saves a call of Linux; else in its realm's. */
void k_gate_watch(const struct k_proc *p, int op, unsigned events);
void k_gate_read(struct k_proc *p);  /* take one request, if it may be served */
void k_gate_drain(struct k_proc *p); /* after it has died: what it had still said about itself */
/* Send an event; false when the gate has no room or is gone. */
bool k_gate_tell(const struct k_proc *p, struct writ_hdr h, const void *body, const int *fds);
/* Send the reply that @q holds, and audit it; for calls that go on after it. */
void k_gate_answer(struct k_req *q, int status);
/* Reply to @cookie of @op; ends a proc that doesn't read its replies. */
void k_gate_reply(struct k_proc *p, uint16_t op, uint32_t cookie, int status, const void *body,
    uint16_t len);
/* The same with a header of the caller's, which has op, cookie, status, arg. */
void k_gate_say(struct k_proc *p, struct writ_hdr *h, const void *body, const int *fds);
void k_gate_init(void); /* the table of rights */
void k_event_post(struct k_proc *p, struct k_event *e);
void k_event_flush(struct k_proc *p);
void k_event_done(struct k_event *e); /* it has been said, or will never be */
#define X(id, name, fn, audit, body, addrs, doc) int k_call_##fn(struct k_req *q);
WRIT_CALLS(X)
#undef X
int k_notification_wait(struct k_req *q); /* WAIT, of a notification */

/* The slot of the caller's with that plain number, which must be empty. Returns 0 and the slot, or
 * an error with q->why filled. */
int k_empty(struct k_req *q, uint32_t index, slot_t *ret);
/* Check the capability at a plain slot number of the caller against the call's rows (@role). */
int k_need(struct k_req *q, uint32_t index, enum writ_role role, const struct cap **ret);
bool k_name_ok(const char *name, size_t size); /* printable ASCII, not empty, NUL-terminated */
/* The Untyped that pays for what @p makes. */
static inline obj_t k_account(const struct k_proc *p)
{
	return k.realms[p->realm].account;
}

/* --- procs (proc.c) ------------------------------------------------------- */
struct k_proc *k_proc_find(uint32_t pid);  /* ended ones too; NULL */
struct k_proc *k_proc_new(uint32_t realm); /* NULL: table full */
bool k_proc_alive(const struct k_proc *p);
void k_proc_start(struct k_proc *p); /* give the pending proc to its nest */
/* Ask for its end; it is over when the nest says so. */
void k_proc_kill(struct k_proc *p, const char *why);
/* It is over: free all that it held, tell who waits. */
void k_proc_end(struct k_proc *p, unsigned state, int code);
void k_proc_free(struct k_proc *p); /* undo k_proc_new() for one that never was */
/* Have @p wait at @queue (NULL: none) by the capability in @slot. Returns 0 or an error with q->why
 * filled. */
int k_wait_new(struct k_req *q, struct k_proc *p, slot_t slot, enum k_wait_what what,
    struct k_list *queue, struct k_wait **ret);
void k_wait_drop(struct k_wait *w);
void k_wait_fail(struct k_wait *w, int status); /* reply to it, and drop it */
void k_waits_fail(struct k_list *at, int status);
void k_wait_lost(struct k_wait *w);               /* what it hung on was revoked */
void k_proc_image_done(struct k_proc *p);         /* its nest has it: it may be revoked */
void k_proc_process(struct k_proc *p, int pidfd); /* it runs, its nest says; takes @pidfd */
pid_t k_proc_host_pid(const struct k_proc *p);    /* as the host sees it; 0 when it has none */
uint64_t k_proc_cpu(const struct k_proc *p);      /* CPU time it has used, ns */

/* --- realms and nests (realm.c) -------------------------------------------- */
/* Make a realm. Returns 0 and its body, or an error. */
int k_realm_new(const struct writ_realm_req *q, obj_t account, uint32_t uid, uint32_t pids,
    uint32_t *ret);
void k_realm_gone(uint32_t realm); /* no capability names it */
void k_realm_settle(void);         /* remove cgroups of realms whose processes have died */
static inline struct k_nest *k_nest_of(const struct k_proc *p)
{
	return &k.realms[p->realm].nests[p->profile];
}
/* Bring up its nest. Returns -errno when it can't be had. */
int k_nest_ready(const struct k_proc *p);
void k_nest_flush(struct k_nest *n); /* give it its orders */
void k_nest_read(struct k_nest *n);  /* take what it says; and give it its orders */

/* --- sessions (session.c) --------------------------------------------------- */
enum { K_CLIENT = 1, K_SERVER = 2 };
/* The open session q->h.arg, if the caller is on one of @sides; or NULL, q->why filled. */
struct k_session *k_session_named(struct k_req *q, unsigned sides);
/* Its server knows all that there is to know now; or else is told next. */
static inline bool k_session_known(const struct k_session *s)
{
	return s->server != NULL && k_list_empty(&s->ev_server.link);
}
void k_session_told(struct k_session *s); /* its server has got what was for it */
void k_session_close(struct k_session *s, const struct k_proc *by);
void k_session_settle(struct k_session *s); /* free it when nothing refers to it any more */

/* --- messages and notifications (ipc.c), processors (sched.c) ------------------ */
void k_endpoint_gone(uint32_t body);          /* finaliser: end what waits there */
void k_endpoint_match(struct k_endpoint *ep); /* let senders and receivers meet */
void k_msg_free(struct k_wait *w);            /* what it has sent */
void k_notification_gone(uint32_t body);      /* finaliser */
bool k_notification_send(struct k_wait *w);
void k_context_gone(uint32_t body);     /* finaliser */
void k_context_apply(struct k_proc *p); /* to a proc that has just started */
void k_context_leave(struct k_proc *p);
void k_proc_row(const struct k_proc *p, struct writ_proc_row *out);

/* --- spawn rights (spawn.c) -------------------------------------------------- */
/* The gate of @p, with EV_BEGIN and the start record @blob waiting in it. */
int k_spawn_gate(struct k_proc *p, const void *blob, uint32_t len);
void k_spawn_take(const struct k_proc *p, int procs); /* of its Spawn: 1; -1: give it back */
void k_spawn_gone(uint32_t body);

/* --- audit (audit.c) ------------------------------------------------------------ */
void k_audit(struct k_proc *p, unsigned kind, unsigned op, int status, uint32_t missing,
    uint32_t other, const char *what);
/* @c was given by @about, or to it (in spawn.c). */
void k_audit_granted(struct k_proc *about, const struct cap *c, unsigned op, uint32_t other);
/* What the audit is to say of @q. Returns @e. */
int k_why(struct k_req *q, int e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* --- what eBPF is told, and operators by it (guard.c): nothing where there are no maps ------- */
/* Say who the nest is, or the proc that has started or whose class has changed; and what a realm
 * may reach and requires. 0 or -errno: it is not held, and must not run. */
int k_guard_nest(uint32_t realm, unsigned profile, int pidfd, enum guard_phase phase);
int k_guard_realm(struct k_realm *r);
void k_guard_proc(const struct k_proc *p); /* also when its row has changed, or it has ended */
void k_guard_realm_gone(const struct k_realm *r);
/* Show some of the capabilities that have changed; more of them when the kernel is @idle. Returns
 * in how many ms there is more to show, -1 for nothing. */
int k_mirror(bool idle);
void k_mirror_init(void);

#define k_log warnx /* for people */

/* --- boot (boot.c) ------------------------------------------------------------------ */
int k_boot(void);     /* the record, tables, root. 0, or an exit code and why on stderr */
uint64_t k_now(void); /* CLOCK_BOOTTIME, ns */
void k_epoll(int ep, int op, int fd, unsigned events, unsigned what, uint32_t index);
enum k_epoll_what { K_POLL_SIGNAL, K_POLL_GATE, K_POLL_REALM, K_POLL_NEST, K_POLL_URGENT };
