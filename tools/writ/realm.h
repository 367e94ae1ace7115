/* SPDX-License-Identifier: MIT */
/* Reading a realm's manifest for run and check. */
#pragma once
#include <writ/manifest.pb-c.h>

#include "tools/writ/cli.h"

enum realm_hosts { REALM_ALONE, REALM_HOSTS /* mounts must fit the node that runs */ };

/*
 * Read @file; free *ret with manifest_realm_free(). Errors: EX_NOINPUT, EX_NOPERM,
 * EX_DATAERR (file:line:column: text).
 */
int realm_load(struct cli *c, const char *file, enum realm_hosts hosts,
    Writ__Manifest__Realm **ret);
