/* SPDX-License-Identifier: MIT */
/* Small things that all subcommands share: see cli.h. */
#include "tools/writ/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_error(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
}

int cli_printed(struct cli *c, int r)
{
	if (ferror(stdout))
		return cli_fail(c, EX_IOERR, "cannot write the output: %s", strerror(errno));
	return r == 0 ? 0 : cli_fail(c, EX_OSERR, "out of memory");
}

int cli_number(struct cli *c, const char *what, const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || n > max)
		return cli_fail(c, EX_USAGE, "%s: \"%s\" is not a number up to %llu", what, text,
		    (unsigned long long)max);
	*ret = n;
	return 0;
}

int cli_ms(int ms)
{
	const char *scale = getenv("WRIT_TEST_SCALE");
	int n = scale != NULL ? atoi(scale) : 1;

	return n > 1 && n <= CLI_SCALE_MAX ? ms * n : ms;
}

bool cli_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 31 && name[0] != '-' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}
