/* SPDX-License-Identifier: MIT */
/*
 * writ: the operator's command. Owns the list of subcommands, the reading of
 * the command line and the one place where errors are printed.
 */
#include "tools/writ/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/writ/show.h"

static const struct cmd *const cmds[] = {
	&cmd_up,
	&cmd_down,
	&cmd_run,
	&cmd_stop,
	&cmd_kill,
	&cmd_ps,
	&cmd_top,
	&cmd_logs,
	&cmd_caps,
	&cmd_why,
	&cmd_audit,
	&cmd_check,
	&cmd_realms,
	&cmd_doctor,
	&cmd_test_isolation,
	&cmd_guard,
};
#define CMDS_N (sizeof(cmds) / sizeof(cmds[0]))

static const struct argp_option opt_node = {
	"node",
	CLI_LONG('N'),
	"NAME",
	0,
	"Name of the node (default: $WRIT_NODE, else \"default\")",
	10,
};
static const struct argp_option opt_json = {
	"json",
	CLI_LONG('J'),
	NULL,
	0,
	"Print JSON for programs, not text for people",
	10,
};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct cli *c = state->input;

	switch (key) {
	case CLI_LONG('N'):
		c->node = arg;
		c->node_given = true;
		return 0;
	case CLI_LONG('J'): c->json = true; return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* Options and arguments of a subcommand. */
static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	struct cli *c = state->input;

	if (key == ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN; /* argp then gives the rest by ARGP_KEY_ARGS */
	if (key == ARGP_KEY_ARGS) {
		c->args = state->argv + state->next;
		c->nargs = state->argc - state->next;
		return 0;
	}
	if (parse_common(key, arg, state) == 0)
		return 0;
	if (key == CLI_LONG('H')) {
		if (c->nhosts == CLI_HOSTS_MAX)
			argp_error(state, "more than %d host folders", CLI_HOSTS_MAX);
		else
			c->hosts[c->nhosts++] = arg;
		return 0;
	}
	if ((key & ~0x17f) != 0 || (key & 0x7f) <= ' ')
		return ARGP_ERR_UNKNOWN;
	c->opt[key & 0x7f] = arg != NULL ? arg : "";
	return 0;
}

static void options_join(const struct cmd *cmd, struct argp_option *opts, size_t max)
{
	size_t n = 0;

	for (const struct argp_option *o = cmd->opts; o != NULL && o->name != NULL; o++) {
		if (n + 3 < max)
			opts[n++] = *o;
	}
	if (cmd->flags & CMD_NODE)
		opts[n++] = opt_node;
	if (cmd->flags & CMD_JSON)
		opts[n++] = opt_json;
	opts[n] = (struct argp_option){ 0 };
}

static int cmd_run_one(const struct cmd *cmd, struct cli *c, int argc, char **argv)
{
	struct argp_option opts[16];
	char name[64], doc[2048];
	struct argp argp = { opts, parse_own, cmd->args, doc, NULL, NULL, NULL };

	options_join(cmd, opts, sizeof(opts) / sizeof(opts[0]));
	snprintf(name, sizeof(name), "writ %s", cmd->name);
	snprintf(doc, sizeof(doc), "%s\v%s", cmd->doc, cmd->more);
	argv[0] = name;
	c->args = NULL;
	c->nargs = 0;
	argp_parse(&argp, argc, argv, 0, NULL, c);
	if (c->nargs < cmd->min)
		return cli_fail(c, EX_USAGE, "%s: %s is missing; see writ %s --help", cmd->name,
		    cmd->args, cmd->name);
	if (cmd->max >= 0 && c->nargs > cmd->max)
		return cli_fail(c, EX_USAGE, "%s: one argument too many: \"%s\"", cmd->name,
		    c->args[cmd->max]);
	if (!cli_name_ok(c->node))
		return cli_fail(c, EX_USAGE,
		    "\"%s\" is no name for a node: up to 31 of a-z 0-9 _ -", c->node);
	if ((cmd->flags & CMD_ROOT) && geteuid() != 0)
		return cli_fail(c, EX_NOPERM, "writ %s needs root", cmd->name);
	return cmd->run(c);
}

static const struct cmd *cmd_find(const char *name)
{
	for (size_t i = 0; i < CMDS_N; i++) {
		if (strcmp(cmds[i]->name, name) == 0)
			return cmds[i];
	}
	return NULL;
}

static char *help_commands(char *buf, size_t size)
{
	size_t used;

	snprintf(buf, size, "Operate a Writ node on this machine.\v Commands:\n\n");
	for (size_t i = 0; i < CMDS_N; i++) {
		used = strlen(buf);
		snprintf(buf + used, size - used, "  %-8s %s\n", cmds[i]->name, cmds[i]->doc);
	}
	used = strlen(buf);
	snprintf(buf + used, size - used,
	    "  version  Print the version\n"
	    "  help     Explain a command: writ help COMMAND\n\n"
	    "`writ COMMAND --help' explains one. The manual is writ(1).");
	return buf;
}

static error_t parse_top(int key, char *arg, struct argp_state *state)
{
	struct cli *c = state->input;

	if (key == ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (key == ARGP_KEY_ARGS) {
		c->args = state->argv + state->next;
		c->nargs = state->argc - state->next;
		state->next = state->argc;
		return 0;
	}
	return parse_common(key, arg, state);
}

static int dispatch(struct cli *c, int argc, char **argv)
{
	static char help_option[] = "--help";
	char *help_argv[] = { NULL, help_option, NULL };
	const struct cmd *cmd;
	const char *name = argv[0];

	if (strcmp(name, "version") == 0) {
		printf("writ %s\n", CLI_VERSION);
		return EX_OK;
	}
	if (strcmp(name, "help") == 0 && argc > 1) {
		name = argv[1];
		argc = 2;
		argv = help_argv;
	}
	cmd = cmd_find(name);
	if (cmd == NULL)
		return cli_fail(c, EX_USAGE, "there is no command \"%s\"; see writ --help", name);
	return cmd_run_one(cmd, c, argc, argv);
}

int main(int argc, char **argv)
{
	static struct cli c;
	static const struct argp_option none = { 0 };
	struct argp_option opts[] = { opt_node, opt_json, none };
	char doc[4096];
	struct argp top = { opts, parse_top, "COMMAND [ARGUMENT...]", NULL, NULL, NULL, NULL };
	int rc;

	c.node = getenv("WRIT_NODE");
	if (c.node == NULL || *c.node == '\0')
		c.node = "default";
	argp_err_exit_status = EX_USAGE;
	top.doc = help_commands(doc, sizeof(doc));
	argp_program_version = "writ " CLI_VERSION;
	argp_parse(&top, argc, argv, ARGP_IN_ORDER, NULL, &c);
	if (c.nargs == 0 || (c.nargs == 1 && strcmp(c.args[0], "help") == 0)) {
		argp_help(&top, c.nargs ? stdout : stderr, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK,
		    "writ");
		return c.nargs ? EX_OK : EX_USAGE;
	}
	rc = dispatch(&c, c.nargs, c.args);
	fflush(stdout);
	if (rc == 0)
		rc = cli_printed(&c, 0);
	if (c.error[0] != '\0') {
		show_put(stderr, "writ: ");
		show_safe_put(stderr, c.error);
		show_put(stderr, "\n");
	}
	return rc;
}
