/* SPDX-License-Identifier: MIT */
/*
 * The writ command: what its subcommands share. One struct cmd per subcommand,
 * one struct cli per run. Nothing here is trusted by the kernel: the command
 * holds no authority beyond the operator's own.
 *
 * A function that can fail returns 0 or an exit code (EX_...) after it has put
 * a sentence into cli->error; only main() prints it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <argp.h>
#include <sysexits.h>

#define CLI_VERSION   "0.1.0"
#define CLI_HOSTS_MAX 64
#define CLI_PATH_MAX  4096
#define CLI_SCALE_MAX 1000
#define CLI_RUN_DIR   "/run/writ"
#define CLI_LOG_DIR   "/var/log/writ"

/* Options without a letter: their value lies in cli->opt[] under this letter all the same. */
#define CLI_LONG(letter) (0x100 | (letter))

struct cli {
	const char *node;
	bool node_given; /* --node was said, not taken from the environment or the default */
	bool json;
	const char *opt[128];             /* by letter: NULL not given, "" given, else its value */
	const char *hosts[CLI_HOSTS_MAX]; /* up --host, in order */
	unsigned nhosts;
	char **args; /* what is left, args[nargs] is NULL */
	int nargs;
	char error[1024];
};

enum { CMD_NODE = 1 /* takes --node */, CMD_JSON = 2 /* takes --json */, CMD_ROOT = 4 };

struct cmd {
	const char *name;
	const char *args;               /* for the usage line */
	const char *doc;                /* one line */
	const char *more;               /* the rest of --help: details, then an example */
	int (*run)(struct cli *c);      /* returns the exit code */
	const struct argp_option *opts; /* its own; NULL: none */
	unsigned flags;
	int min, max; /* how many arguments; max -1: any number */
};

extern const struct cmd cmd_up, cmd_down, cmd_run, cmd_stop, cmd_kill, cmd_ps, cmd_logs, cmd_caps,
    cmd_why, cmd_audit, cmd_check, cmd_realms, cmd_doctor, cmd_guard, cmd_test_isolation, cmd_top;

/* Note an error for main() to print. */
void cli_error(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, with the exit code as its value: return cli_fail(c, EX_USAGE, "..."); */
#define cli_fail(c, code, ...) (cli_error((c), __VA_ARGS__), (code))

/* What it came to that table_print() or table_json() returned @r: 0, or the exit code with the
 * error said: not written, or out of memory. */
int cli_printed(struct cli *c, int r);

/* Read a decimal number up to @max. Returns 0, or EX_USAGE with the error naming @what. */
int cli_number(struct cli *c, const char *what, const char *text, uint64_t max, uint64_t *ret);

/* How long to wait for what should take @ms at most: WRIT_TEST_SCALE times as long, for tests on a
 * machine that is so many times slower than others. The one place that reads it. */
int cli_ms(int ms);

/* Is @name fit to be a node's or host folder's name: 1 to 31 of [a-z0-9_-], no '-' in front? */
bool cli_name_ok(const char *name);
