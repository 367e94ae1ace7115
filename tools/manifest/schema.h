/* SPDX-License-Identifier: MIT */
/*
 * What the two kinds of manifest look like: libcyaml schemas and the structs
 * that they fill. Sizes and cores stay text here, and grants of every kind
 * share one struct; what the words mean is decided in realm.c and node.c.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <cyaml/cyaml.h>
#include <writ/guard.h>
#include "tools/manifest/doc.h"

struct y_limits {
	uint32_t procs, slots;
	char *memory, *cores, *log;
};

struct y_grant {
	char *path, *as, *spawn, *image, *service, *endpoint;
	bool scheduler, host, audit;
	uint32_t rights, procs, classes;
	char *memory, *cores;
};

struct y_mount {
	char *at, *host;
	uint32_t rights;
};
struct y_image {
	char *name, *path, *sha256;
};

struct y_proc {
	char *name, *image, *provides;
	char **args;
	unsigned args_count;
	uint32_t class;
	struct y_limits *limits;
	struct y_grant *grants;
	unsigned grants_count;
};

struct y_realm {
	char *realm;
	uint32_t require; /* bit of each enum writ_layer */
	struct y_limits *limits;
	struct y_mount *mounts;
	unsigned mounts_count;
	struct y_image *images;
	unsigned images_count;
	struct y_proc *procs;
	unsigned procs_count;
};

struct y_host {
	char *name, *path;
	uint32_t rights;
};

struct y_server {
	char *name, *image;
	char **args;
	unsigned args_count;
	uint32_t profile, per;
	bool serves;
	struct y_limits *limits;
	struct y_grant *grants;
	unsigned grants_count;
};

struct y_node {
	char *node;
	uint32_t guard; /* 1 + enum guard_mode; 0: not said */
	struct y_limits *limits;
	struct y_host *hosts;
	unsigned hosts_count;
	struct y_server *servers;
	unsigned servers_count;
};

extern const cyaml_strval_t schema_layers[WRIT_LAYER_N];
extern const cyaml_strval_t schema_guards[GUARD_MODE_N];
extern const cyaml_schema_value_t schema_realm, schema_node;

/*
 * Hold @d against @schema: unknown, doubled and missing keys, types, words.
 * Returns 0, or -1 and d->err.
 */
int schema_check(struct doc *d, const cyaml_schema_value_t *schema);

/* Check, then fill *ret (free with schema_free()). Returns 0, or -1 and d->err. */
int schema_load(struct doc *d, const cyaml_schema_value_t *schema, void **ret);
void schema_free(const cyaml_schema_value_t *schema, void *data);
