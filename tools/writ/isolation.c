/* SPDX-License-Identifier: MIT */
/* writ test-isolation: checks an image and becomes the suite, which lies beside the servers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/writ/cli.h"
#include "tools/writ/node.h"

#define SUITE "writ-isolation"

static int isolation_run(struct cli *c)
{
	char path[CLI_PATH_MAX + sizeof(SUITE) + 1];
	char *argv[8] = { path };
	struct node_files files;
	int n = 1, rc = node_files_find(c, &files);

	if (rc != 0)
		return rc;
	if (access(c->args[0], R_OK) < 0)
		return cli_fail(c, EX_NOINPUT, "%s: %s", c->args[0], strerror(errno));
	snprintf(path, sizeof(path), "%s/" SUITE, files.bin);
	if (c->opt['p'] != NULL) {
		argv[n++] = (char *)"--profile";
		argv[n++] = (char *)c->opt['p'];
	}
	if (c->opt['j'] != NULL) {
		argv[n++] = (char *)"--junit";
		argv[n++] = (char *)c->opt['j'];
	}
	argv[n++] = (char *)"--";
	argv[n] = c->args[0];
	execv(path, argv);
	return cli_fail(c, EX_OSERR, "%s: %s", path, strerror(errno));
}

static const struct argp_option isolation_options[] = {
	{ "profile", 'p', "PROFILE", 0, "Only this one: native, files or server", 0 },
	{ "junit", 'j', "FILE", 0, "Also write the results as JUnit XML", 0 },
	{ 0 },
};

const struct cmd cmd_test_isolation = {
	.name = "test-isolation",
	.args = "IMAGE",
	.doc = "Try to get out of the sandbox with an image",
	.more =
	    "Needs root. Starts a node of its own, runs IMAGE there as a realm's proc, has it and "
	    "every server try each way out, and a hostile realm beside it. One line a case in TAP; "
	    "each has a control that shows the case can fail. With --profile files or server IMAGE "
	    "runs behind that profile, with no kernel at its gate. Exit code 1 when a case has "
	    "failed, 65 when IMAGE is no static program. Takes about a minute.\n\n"
	    "Example: writ test-isolation --junit isolation.xml build/bin/hello",
	.run = isolation_run,
	.opts = isolation_options,
	.flags = CMD_ROOT,
	.min = 1,
	.max = 1,
};
