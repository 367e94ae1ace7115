/* SPDX-License-Identifier: MIT */
/* A proc that says a line and then waits to be ended. */
#include <stdio.h>
#include <time.h>
#include <writ/writ.h>

int writ_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("waiting");
	fflush(stdout);
	for (;;)
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
}
