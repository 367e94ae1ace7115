/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <writ/writ.h>
int writ_main(int argc, char **argv)
{
	char *text = NULL;
	long n = writ_get(argc > 1 ? argv[1] : "/in/BSD", &text);
	printf("%ld bytes: %.60s\n", n, n > 0 ? text : writ_strerror((int)n));
	return n < 0;
}
