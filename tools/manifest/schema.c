/* SPDX-License-Identifier: MIT */
/*
 * The tables of the manifests' keys, and libcyaml's use of them. An optional
 * key that isn't there leaves 0, false or NULL. docs/manifest.md has a row for
 * each key; its test compares.
 */
#include "tools/manifest/schema.h"
#include <writ/rights.h>

#define MUST      CYAML_FLAG_DEFAULT
#define MAY       CYAML_FLAG_OPTIONAL
#define LIST      CYAML_FLAG_POINTER
#define WORD      CYAML_FLAG_STRICT
#define MANY      CYAML_UNLIMITED
#define NITEMS(a) ((unsigned)CYAML_ARRAY_LEN(a))

/* clang-format off */
#define TEXT(key, flags, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 0, MANY)
#define ENUM(key, flags, type, member, words) \
	CYAML_FIELD_ENUM(key, WORD | (flags), type, member, words, NITEMS(words))
#define SET(key, flags, type, member, words) \
	CYAML_FIELD_FLAGS(key, WORD | (flags), type, member, words, NITEMS(words))
#define SEQ(key, flags, type, member, entry, min, max) \
	CYAML_FIELD_SEQUENCE(key, LIST | (flags), type, member, entry, min, max)
#define MAP(key, flags, type, member, fields) \
	CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, fields)

const cyaml_strval_t schema_layers[] = {
#define X(id, name) { name, 1 << WRIT_LAYER_##id },
	WRIT_LAYERS(X)
#undef X
};
const cyaml_strval_t schema_guards[] = {
#define X(id, name) [GUARD_##id] = { name, GUARD_##id + 1 },
	GUARD_MODES(X)
#undef X
};
static const cyaml_strval_t classes[] = {
#define X(id, name) { name, WRIT_CLASS_##id },
	WRIT_CLASSES(X)
#undef X
};
static const cyaml_strval_t class_set[] = {
#define X(id, name) { name, 1 << WRIT_CLASS_##id },
	WRIT_CLASSES(X)
#undef X
};
static const cyaml_strval_t profiles[] = {
#define X(id, name) { name, WRIT_PROFILE_##id },
	WRIT_PROFILES(X)
#undef X
};
static const cyaml_strval_t pers[] = {
	{ "node", WRIT__MANIFEST__SERVER__PER__PER_NODE },
	{ "realm", WRIT__MANIFEST__SERVER__PER__PER_REALM },
	{ "host", WRIT__MANIFEST__SERVER__PER__PER_HOST },
};
/* Of a Path; grantreply is an Endpoint's. */
static const cyaml_strval_t path_rights[] = {
	{ "read", WRIT_R_READ }, { "write", WRIT_R_WRITE }, { "create", WRIT_R_CREATE },
	{ "remove", WRIT_R_REMOVE }, { "watch", WRIT_R_WATCH }, { "mount", WRIT_R_MOUNT },
	{ "exec", WRIT_R_EXEC }, { "grant", WRIT_R_GRANT },
};
static const cyaml_strval_t folder_rights[] = {
	{ "read", WRIT_R_READ }, { "write", WRIT_R_WRITE }, { "create", WRIT_R_CREATE },
	{ "remove", WRIT_R_REMOVE },
};

static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, MANY),
};

static const cyaml_schema_field_t total_fields[] = {
	CYAML_FIELD_UINT("procs", MAY, struct y_limits, procs),
	TEXT("memory", MAY, struct y_limits, memory),
	TEXT("cores",  MAY, struct y_limits, cores),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t proc_limit_fields[] = {
	TEXT("memory", MAY, struct y_limits, memory),
	TEXT("cores",  MAY, struct y_limits, cores),
	TEXT("log",    MAY, struct y_limits, log),
	CYAML_FIELD_UINT("slots", MAY, struct y_limits, slots),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t grant_fields[] = {
	TEXT("path",    MAY, struct y_grant, path),
	TEXT("as",      MAY, struct y_grant, as),
	SET("rights",   MAY, struct y_grant, rights, path_rights),
	TEXT("spawn",   MAY, struct y_grant, spawn),
	CYAML_FIELD_UINT("procs", MAY, struct y_grant, procs),
	TEXT("memory",  MAY, struct y_grant, memory),
	TEXT("cores",   MAY, struct y_grant, cores),
	SET("classes",  MAY, struct y_grant, classes, class_set),
	TEXT("image",   MAY, struct y_grant, image),
	TEXT("service", MAY, struct y_grant, service),
	TEXT("endpoint", MAY, struct y_grant, endpoint),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t grant_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_grant, grant_fields),
};

static const cyaml_schema_field_t mount_fields[] = {
	TEXT("at",    MUST, struct y_mount, at),
	TEXT("host",  MUST, struct y_mount, host),
	SET("rights", MUST, struct y_mount, rights, folder_rights),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t mount_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_mount, mount_fields),
};

static const cyaml_schema_field_t image_fields[] = {
	TEXT("name",   MUST, struct y_image, name),
	TEXT("path",   MUST, struct y_image, path),
	TEXT("sha256", MAY,  struct y_image, sha256),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t image_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_image, image_fields),
};

static const cyaml_schema_field_t proc_fields[] = {
	TEXT("name",     MUST, struct y_proc, name),
	TEXT("image",    MUST, struct y_proc, image),
	SEQ("args",      MAY,  struct y_proc, args, &text_entry, 0, 64),
	ENUM("class",    MAY,  struct y_proc, class, classes),
	MAP("limits",    MAY,  struct y_proc, limits, proc_limit_fields),
	TEXT("provides", MAY,  struct y_proc, provides),
	SEQ("grants",    MAY,  struct y_proc, grants, &grant_entry, 0, 60),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t proc_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_proc, proc_fields),
};

static const cyaml_schema_field_t realm_fields[] = {
	TEXT("realm",  MUST, struct y_realm, realm),
	SET("require", MAY,  struct y_realm, require, schema_layers),
	MAP("limits",  MAY,  struct y_realm, limits, total_fields),
	SEQ("mounts",  MAY,  struct y_realm, mounts, &mount_entry, 0, 16),
	SEQ("images",  MUST, struct y_realm, images, &image_entry, 1, 64),
	SEQ("procs",   MUST, struct y_realm, procs, &proc_entry, 1, 256),
	CYAML_FIELD_END
};
const cyaml_schema_value_t schema_realm = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct y_realm, realm_fields),
};

static const cyaml_schema_field_t host_fields[] = {
	TEXT("name",  MUST, struct y_host, name),
	TEXT("path",  MUST, struct y_host, path),
	SET("rights", MUST, struct y_host, rights, folder_rights),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t host_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_host, host_fields),
};

static const cyaml_schema_field_t server_grant_fields[] = {
	CYAML_FIELD_BOOL("scheduler", MAY, struct y_grant, scheduler),
	CYAML_FIELD_BOOL("host",      MAY, struct y_grant, host),
	CYAML_FIELD_BOOL("audit",     MAY, struct y_grant, audit),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t server_grant_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_grant, server_grant_fields),
};

static const cyaml_schema_field_t server_fields[] = {
	TEXT("name",    MUST, struct y_server, name),
	TEXT("image",   MUST, struct y_server, image),
	SEQ("args",     MAY,  struct y_server, args, &text_entry, 0, 64),
	ENUM("profile", MAY,  struct y_server, profile, profiles),
	ENUM("per",     MAY,  struct y_server, per, pers),
	CYAML_FIELD_BOOL("serves", MAY, struct y_server, serves),
	MAP("limits",   MAY,  struct y_server, limits, proc_limit_fields),
	SEQ("grants",   MAY,  struct y_server, grants, &server_grant_entry, 0, 60),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t server_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_server, server_fields),
};

static const cyaml_schema_field_t node_fields[] = {
	TEXT("node",   MUST, struct y_node, node),
	ENUM("guard",  MAY,  struct y_node, guard, schema_guards),
	MAP("limits",  MAY,  struct y_node, limits, total_fields),
	SEQ("hosts",   MAY,  struct y_node, hosts, &host_entry, 0, 32),
	SEQ("servers", MUST, struct y_node, servers, &server_entry, 1, 32),
	CYAML_FIELD_END
};
const cyaml_schema_value_t schema_node = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct y_node, node_fields),
};
/* clang-format on */

static const cyaml_config_t config = {
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_NO_ALIAS,
};

int schema_load(struct doc *d, const cyaml_schema_value_t *schema, void **ret)
{
	cyaml_data_t *data = NULL;
	cyaml_err_t e;

	if (schema_check(d, schema) < 0)
		return -1;
	e = cyaml_load_data(d->bytes, d->len, &config, schema, &data, NULL);
	if (e == CYAML_ERR_OOM)
		return doc_oom(d);
	if (e != CYAML_OK)
		return doc_bad(d, "", NULL, "%s", cyaml_strerror(e));
	*ret = data;
	return 0;
}

void schema_free(const cyaml_schema_value_t *schema, void *data)
{
	if (data != NULL)
		cyaml_free(&config, schema, data, 0);
}
