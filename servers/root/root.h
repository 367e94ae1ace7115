/* SPDX-License-Identifier: MIT */
/*
 * What the files of root share: the node as root keeps it. root holds all
 * initial capabilities and gives each server and proc what the manifests say,
 * and nothing else; no server's name is known to this code. Single-threaded,
 * but for nng's threads, which never leave op.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/srv.h>
#include <writ/start.h>
#include <writ/manifest.pb-c.h>
#include <writ/op.pb-c.h>
#include "servers/root/check.h"
#include "servers/root/op.h"

#define ROOT_IMAGES_MAX  1024 /* uploaded images kept */
#define ROOT_MODULES_MAX 32
#define ROOT_ENDED_MAX   16 /* realms that have ended, of which refusals are still explained */
#define ROOT_SENTENCE    OP_SENTENCE
#define ROOT_LAYERS_MS   3000 /* for layers to be attached that a realm requires */

struct realm;

/* --- what a new proc gets (plan.c) -------------------------------------------- */

struct plan {
	struct writ_spawn_req q;
	struct writ_grant grants[WRIT_GRANTS_MAX];
	writ_cap_t temps[WRIT_GRANTS_MAX]; /* slots of root's, freed by plan_fini() */
	unsigned ntemps;
	struct start_buf start;
};

/* Begin. @args are @n. Returns 0 or an error (a name or the arguments are too long). */
int plan_init(struct plan *p, const char *name, writ_cap_t image, const Writ__Manifest__Limits *l,
    char *const *args, size_t n);
/* A slot of root's for this plan only; 0: none. */
writ_cap_t plan_temp(struct plan *p);
/* Give a copy of @src with @rights, under @name. */
int plan_give(struct plan *p, unsigned type, const char *name, writ_cap_t src, uint32_t rights);
/* Give a Path of @endpoint that shows at @as. */
int plan_give_path(struct plan *p, const char *as, writ_cap_t endpoint, const char *prefix,
    uint32_t rights);
/* Give a Spawn narrower than @spawn. */
int plan_give_spawn(struct plan *p, const char *name, writ_cap_t spawn,
    const Writ__Manifest__Grant *g, const Writ__Manifest__Limits *realm);
/* Spawn through @spawn; the Proc capability lies in *ret_proc, a new slot. */
int plan_spawn(struct plan *p, writ_cap_t spawn, writ_cap_t *ret_proc, uint32_t *ret_pid);
/* Safe on a zeroed one. */
void plan_fini(struct plan *p);

/* --- a realm of the kernel's (place.c) ----------------------------------------- */

/* The account that pays for it, the Realm, a Spawn on it. Everything of a realm descends from the
 * account. */
struct place {
	writ_cap_t account, realm, spawn;
	uint32_t uid;     /* of its procs, on the host; 0: not known (root's own) */
	uint32_t id;      /* the kernel's number of it, as rows and audit records say it */
	uint64_t made_ns; /* CLOCK_REALTIME: older records are not of this realm */
};

/* What it is to have besides limits. */
struct place_want {
	uint32_t procs,
	    slots;         /* procs: when there is no limit; slots: of each one's CSpace at most */
	writ_cap_t host;   /* slot of the Host folder that its user id is to own, or 0 */
	uint32_t profiles; /* bit of each enum writ_profile */
	uint32_t requires; /* and of each enum writ_layer */
};
/* Make one named @name. On failure nothing is left. */
int place_make(struct place *p, const char *name, const Writ__Manifest__Limits *l,
    const struct place_want *w);
/* End all that runs there and take back all that descends from it. Safe on a zeroed one. */
void place_drop(struct place *p);
/*
 * Rows of the kernel's list of the realm's procs, from *row on; *row is 0 when
 * there are no more. @max is PLACE_ROWS at least, the most that a reply has.
 * Returns the count or an error.
 */
#define PLACE_ROWS ((WRIT_MSG_MAX - sizeof(struct writ_hdr)) / sizeof(struct writ_proc_row))
int64_t place_procs(const struct place *p, uint64_t *row, struct writ_proc_row *ret, unsigned max);
/* --- servers (server.c) ---------------------------------------------------------- */

enum instance_state { INSTANCE_DOWN, INSTANCE_UP, INSTANCE_LATER, INSTANCE_GIVEN_UP };
#define INSTANCE_PROCS       2     /* one, and one that is still dying */
#define INSTANCE_DEATHS      5     /* so many within … */
#define INSTANCE_WINDOW      30000 /* … so many ms, and it is given up */
#define INSTANCE_BACKOFF_MIN 100
#define INSTANCE_BACKOFF_MAX 5000

/* One running copy of a server of the node's manifest. */
struct instance {
	struct instance *next;
	const Writ__Manifest__Server *m;
	const struct host *host;  /* per host: whose */
	struct realm *realm;      /* per realm: whose */
	char name[WRIT_NAME_MAX]; /* of its realm, and of its proc */
	struct place place;
	writ_cap_t endpoint; /* if it serves; outlives the proc */
	writ_cap_t proc;
	uint32_t pid, cookie; /* cookie of the WAIT under way; 0: none */
	enum instance_state state;
	uint64_t deaths[INSTANCE_DEATHS], restart_at;
	unsigned ndeaths, backoff;
	char fault[ROOT_SENTENCE]; /* why it is not up; "" when it is */
};

/* A host folder that the node lends, from root's start record. */
struct host {
	const char *name;
	writ_cap_t cap;
	uint32_t rights;               /* Host rights of the capability */
	const Writ__Manifest__Host *m; /* of the node's manifest; NULL: not there */
	struct instance *server;       /* the one per host that serves; NULL: none */
};

/*
 * Make an instance of @m and start it. Returns it, or NULL with a sentence in
 * @why; then nothing is left of it.
 */
struct instance *instance_new(const Writ__Manifest__Server *m, const struct host *h,
    struct realm *r, char why[ROOT_SENTENCE]);
void instance_free(struct instance *i);
/* The reply to a WAIT has come. */
void instance_reply(const struct writ_hdr *h, const struct writ_wait_rep *rep);
/* Restart those whose time has come; wait again for those that nobody waits for. */
void instance_tick(uint64_t now_ms);
/* The instance that runs as proc @pid, or NULL. */
const struct instance *instance_of_pid(uint32_t pid);

/* --- images (image.c) --------------------------------------------------------------- */

struct image;
/* One piece of an upload. Returns 0, or an error with a sentence in @why. */
int image_upload(const Writ__Op__Req *q, uint64_t now_ms, char why[ROOT_SENTENCE]);
/* The image with this hash, or NULL. get: it stays until put. */
struct image *image_find(const uint8_t sha256[32], uint64_t size);
writ_cap_t image_get(struct image *i);
/* The SHA-256 of the image that is object @obj; NULL: none that was uploaded. */
const uint8_t *image_hash(uint32_t obj);
void image_put(struct image *i);
/* Drop uploads that nobody goes on with. */
void image_expire(uint64_t now_ms);

/* --- realms of tenants (realm.c) ------------------------------------------------------- */

/* A proc that the manifest names. */
struct entry {
	const Writ__Manifest__Proc *m;
	writ_cap_t proc, service;
	uint32_t pid;
};

struct realm {
	struct realm *next;
	struct arena arena; /* of the request that m is a part of */
	const Writ__Manifest__Realm *m;
	struct place place;
	struct instance *named; /* its server that the namespace is; NULL: none */
	uint32_t named_pid;     /* what its pid was, of a realm that has ended */
	uint64_t until;         /* ms: until then it may wait for its layers; 0: it doesn't wait */
	struct entry *entries;  /* [m->n_procs] */
	struct image **images;  /* [m->n_images] */
	writ_cap_t *caps;       /* of the images */
};

struct realm *realm_find(const char *name);
/* Take @a (emptied) and make a realm for @m, which lies in it, with nothing that runs. Returns 0
 * and *ret, or an error with a sentence in @why. */
int realm_make(struct arena *a, const Writ__Manifest__Realm *m, struct realm **ret,
    char why[ROOT_SENTENCE]);
/* Start its servers and procs, when the layers that it requires hold them. Returns 0; REALM_WAITS,
 * they do not yet; or an error with a sentence in @why, and the realm is gone. */
enum { REALM_WAITS = 1 };
int realm_start(struct realm *r, char why[ROOT_SENTENCE]);
/* End all its procs. What its manifest says is kept for a while, to explain refusals by. */
void realm_stop(struct realm *r);

/* --- the operator's calls --------------------------------------------------------------- */

/* call.c */
extern const struct op_user call_user;

/* Lists of the kernel's with what root knows of them, page by page (rows.c). */
/* All procs that the kernel lists of a place; *ret is the caller's to free. Returns the count or an
 * error. */
int64_t rows_of(const struct place *p, struct writ_proc_row **ret);
/* Layers that hold all that runs now: as the kernel says it of root. */
uint32_t layers_now(void);
int rows_procs(const Writ__Op__Req *q, Writ__Op__Rep *rep);
int rows_audit(const Writ__Op__Req *q, Writ__Op__Rep *rep);
int rows_realms(const Writ__Op__Req *q, Writ__Op__Rep *rep);

/* --- the node (boot.c) --------------------------------------------------------------------- */

struct root {
	struct srv *srv;
	struct arena arena;
	const Writ__Manifest__Node *node;
	struct {
		const char *name;
		writ_cap_t cap;
	} modules[ROOT_MODULES_MAX];
	unsigned nmodules;
	char missing[CHECK_MISSING_MAX]; /* layers of the sandbox that can't be had: as writ-boot
					    said, then the operator */
	unsigned guard;                  /* enum guard_mode, likewise */
	struct host hosts[CHECK_HOSTS_MAX];
	unsigned nhosts;
	struct instance *instances;
	struct realm *realms;
	struct realm *ended; /* the last ROOT_ENDED_MAX, the newest first; nothing of them is left
				in the kernel, their places have id and time alone */
};
extern struct root root;

/* Read the start record and the node's manifest, start the servers. 0 or an error, logged. */
int boot_init(struct srv *s);
/* What realms may ask of this node. */
struct check_node boot_view(void);
/* The boot module @name; 0: none. */
writ_cap_t boot_module(const char *name);
/* CLOCK_MONOTONIC */
uint64_t now_ms(void);
