/* SPDX-License-Identifier: MIT */
/*
 * The table by which the kernel decides (<writ/calls.h>), by type; and the rights
 * of a Path, for which the server behind it asks.
 */
#include "tools/writ/rights.h"

#include <writ/calls.h>

#include "tools/writ/table.h"

static const struct column columns[] = {
	{ "type", "TYPE", COLUMN_LEFT },
	{ "call", "CALL", COLUMN_LEFT },
	{ "part", "PART", COLUMN_LEFT },
	{ "all_of", "ALL OF", COLUMN_LEFT },
	{ "one_of", "ONE OF", COLUMN_LEFT },
	{ "does", "DOES", COLUMN_LEFT },
};

#define X(id, name, fn, audit, body, addrs, doc) [WRIT_OP_##id] = { #name, doc },
static const struct {
	const char *name, *does;
} calls[WRIT_OP_N] = { WRIT_CALLS(X) };
#undef X

#define X(op, type, role, all, any) \
	{ WRIT_TYPE_##type, WRIT_OP_##op, WRIT_BY_##role, WRIT_R_##all, WRIT_R_##any },
static const struct {
	unsigned type, op, role;
	uint32_t all, any;
} needs[] = { WRIT_INVOCATIONS(X) };
#undef X

static const char *const parts[WRIT_BY_N] = { [WRIT_BY_CAP] = "cap",
	[WRIT_BY_GIVING] = "giving",
	[WRIT_BY_SRC] = "src",
	[WRIT_BY_DST] = "dst",
	[WRIT_BY_WITH] = "with" };

static const struct {
	uint32_t right;
	const char *does;
} files[] = {
	{ WRIT_R_READ, "open to read, stat, list folders" },
	{ WRIT_R_WRITE, "change what exists" },
	{ WRIT_R_CREATE, "make files and folders, and fill what one has made" },
	{ WRIT_R_REMOVE, "remove files and folders" },
	{ WRIT_R_WATCH, "be told of changes" },
	{ WRIT_R_MOUNT, "attach another server's tree" },
	{ WRIT_R_EXEC, "make an Image of a file" },
	{ WRIT_R_GRANT, "have the server hand out what lies behind it" },
};

static void row(struct table *t, unsigned type, const char *call, const char *part, uint32_t all,
    uint32_t any, const char *does)
{
	char text[128];

	table_row(t);
	table_text(t, writ_type_name(type));
	table_text(t, call);
	table_text(t, part);
	table_text(t, all != 0 ? writ_rights_text(all, text, sizeof(text)) : "");
	table_text(t, any != 0 ? writ_rights_text(any, text, sizeof(text)) : "");
	table_text(t, does);
}

int rights_print(struct cli *c)
{
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	int r = -1;

	for (unsigned type = 0; t != NULL && type < WRIT_TYPE_N; type++) {
		for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
			if (needs[i].type == type)
				row(t, type, calls[needs[i].op].name, parts[needs[i].role],
				    needs[i].all, needs[i].any, calls[needs[i].op].does);
		for (size_t i = 0; type == WRIT_TYPE_PATH && i < sizeof(files) / sizeof(files[0]);
		     i++)
			row(t, type, "files", "server", files[i].right, 0, files[i].does);
	}
	if (t != NULL)
		r = table_print(t, stdout, c->json);
	table_free(t);
	return cli_printed(c, r);
}
