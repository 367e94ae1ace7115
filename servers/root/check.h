/* SPDX-License-Identifier: MIT */
/*
 * The pure parts of root: a manifest checked again (whoever sent it, it is not
 * trusted), paths resolved, refusals explained. No kernel call, no state.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <writ/abi.h>
#include <writ/guard.h>
#include <writ/manifest.pb-c.h>

#define CHECK_HOSTS_MAX      64
#define CHECK_PROCS_MAX      256
#define CHECK_IMAGES_MAX     64
#define CHECK_MOUNTS_MAX     64
#define CHECK_GRANTS_MAX     60
#define CHECK_ARGS_MAX       256
#define CHECK_MISSING_MAX    160
#define CHECK_SLOTS_BITS_MIN 6 /* log2 of a CSpace's size, as the kernel takes it */
#define CHECK_SLOTS_BITS_MAX 12

/* What a node offers to realms. rights: of Paths into the folder. */
struct check_host {
	const char *name;
	uint32_t rights;
	unsigned line;
};
struct check_node {
	const char *file;    /* of the node's manifest */
	const char *named;   /* the server that gives each realm a tree of its own, or NULL */
	const char *missing; /* layers of the sandbox that can't be had here, as words */
	unsigned nhosts;
	struct check_host hosts[CHECK_HOSTS_MAX];
};

/* 1 to WRIT_NAME_MAX - 1 of [A-Za-z0-9._-], the first a letter or a digit. */
bool check_name(const char *name);
/* "/" or canonical, shorter than WRIT_PREFIX_MAX. */
bool check_path(const char *path);

/*
 * Everything that root relies on in a realm's manifest. Returns 0, or an error
 * with a sentence that begins with "FILE:LINE: " in @why.
 */
int check_realm(const Writ__Manifest__Realm *m, const struct check_node *n, char *why, size_t size);
/* The same for the node's own. */
int check_servers(const Writ__Manifest__Node *m, char *why, size_t size);

/* --- layers of the sandbox (layers.c) -------------------------------------------- */

/* enum guard_mode of that name; GUARD_MODE_N: there is none. */
unsigned guard_of(const char *name);
/* enum writ_layer of that name; WRIT_LAYER_N: there is none. */
unsigned layer_of(const char *name);
/* The word of @missing (may be NULL) that takes @layer away, or NULL. Static storage. */
const char *layer_lacking(const char *missing, unsigned layer);
/* Bit of each layer that no word of @missing takes away: realms may require it. */
uint32_t layers_had(const char *missing);
/* Bit of each layer that the realm requires. */
uint32_t layers_wanted(const Writ__Manifest__Realm *m);
/* The name of a layer that the realm requires and @missing takes away, or NULL. */
const char *layers_required(const Writ__Manifest__Realm *m, const char *missing);
/* Of the layers @changed let @missing name those that are not in @active. */
void layers_set(char missing[CHECK_MISSING_MAX], uint32_t changed, uint32_t active);

/* --- paths (resolve.c) --------------------------------------------------------- */

/* What of @path lies behind @prefix ("" or "/…"), or NULL when that doesn't cover it. */
const char *path_behind(const char *path, const char *prefix);
/* The mount that covers @path by the longest name, or NULL: it is in the realm's own tree.
 * *ret_rest: behind it. */
const Writ__Manifest__Mount *resolve_mount(const Writ__Manifest__Realm *m, const char *path,
    const char **ret_rest);
const Writ__Manifest__Proc *resolve_provider(const Writ__Manifest__Realm *m, const char *service);
const struct check_host *resolve_host(const struct check_node *n, const char *name);
const Writ__Manifest__Image *resolve_image(const Writ__Manifest__Realm *m, const char *name);

/* --- refusals (explain.c) --------------------------------------------------------- */

/* Who was refused, as far as root knows. */
struct explain {
	const struct check_node *node;
	const Writ__Manifest__Realm *realm;
	const Writ__Manifest__Proc *proc; /* its manifest entry, or the nearest ancestor's */
	bool child;                       /* proc is an ancestor's */
	bool reported;       /* a server reports it, by a path of its own tree; which: */
	const char *host;    /* one of a host folder; NULL: see service */
	const char *service; /* a proc that provides it; NULL: the realm's own tree */
};

/*
 * Say which line of the manifest would allow what was refused, and where it
 * goes; or that none can. @buf is "" when there is nothing to say.
 */
void explain_refusal(const struct explain *e, const struct writ_audit_rec *rec, char *buf,
    size_t size);
