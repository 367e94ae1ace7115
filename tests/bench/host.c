/* SPDX-License-Identifier: MIT */
/* See host.h. */
#include "host.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <writ/guard.h>

int host_run(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	r = system(cmd); /* NOLINT(cert-env33-c): our own words */
	if (r != 0)
		fprintf(stderr, "bench: failed: %s\n", cmd);
	return r == 0 ? 0 : -1;
}

void host_bin(char *ret, size_t size)
{
	const char *build = getenv("WRIT_B");
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);

	ret[n > 0 ? n : 0] = '\0';
	if (build != NULL)
		snprintf(ret, size, "%s/bin", build);
	else if (strrchr(ret, '/') != NULL)
		*strrchr(ret, '/') = '\0';
}

bool host_has_node(void)
{
	return access(GUARD_PINS "/nodes", F_OK) == 0;
}
