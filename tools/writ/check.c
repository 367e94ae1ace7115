/* SPDX-License-Identifier: MIT */
/* writ check: reads a realm's manifest as run does and says what each proc may do. */
#include "tools/writ/realm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/manifest/manifest.h"
#include "tools/writ/message.h"
#include "tools/writ/node.h"
#include "tools/writ/table.h"

int realm_load(struct cli *c, const char *file, enum realm_hosts hosts, Writ__Manifest__Realm **ret)
{
	struct manifest_error e = { 0 };
	struct manifest_node on = { 0 };
	Writ__Manifest__Node *node = NULL;
	int r;

	if (access(file, R_OK) < 0)
		return cli_fail(c, errno == EACCES ? EX_NOPERM : EX_NOINPUT, "%s: %s", file,
		    strerror(errno));
	if (hosts == REALM_HOSTS && (r = node_manifest_load(c, &node)) != 0)
		return r;
	on.node = node;
	r = manifest_realm_load(file, node != NULL ? &on : NULL, ret, &e);
	if (node != NULL)
		writ__manifest__node__free_unpacked(node, NULL);
	if (r < 0)
		return cli_fail(c, EX_DATAERR, "%s:%u:%u: %s", e.file, e.line, e.column, e.text);
	return 0;
}

static int check_run(struct cli *c)
{
	Writ__Manifest__Realm *realm;
	int rc = realm_load(c, c->args[0], c->node_given ? REALM_HOSTS : REALM_ALONE, &realm);

	if (rc != 0)
		return rc;
	if (!c->json)
		manifest_realm_explain(stdout, realm);
	else
		rc = cli_printed(c, table_json(stdout, message_json(&realm->base), JSON_INDENT(2)));
	manifest_realm_free(realm);
	return rc;
}

const struct cmd cmd_check = {
	.name = "check",
	.args = "FILE",
	.doc = "Explain a realm's manifest without running it",
	.more = "What is wrong is said as FILE:LINE:COLUMN: TEXT, with exit code 65. With --node, "
		"the host folders that it mounts must be lent by that node. --json prints "
		"what root would receive.\n\n"
		"Example: writ check docs/examples/wordcount/wordcount.yaml",
	.run = check_run,
	.flags = CMD_NODE | CMD_JSON,
	.min = 1,
	.max = 1,
};
