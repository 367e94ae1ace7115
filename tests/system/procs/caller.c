/* SPDX-License-Identifier: MIT */
/* A proc that makes the system calls whose numbers are its arguments, without arguments of their
 * own, and says what came of each; again every 50 ms, until it is ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <writ/writ.h>

int writ_main(int argc, char **argv)
{
	for (;;) {
		for (int i = 1; i < argc; i++) {
			long r = syscall(strtol(argv[i], NULL, 10), 0, 0, 0, 0, 0, 0);

			printf("%s: %s\n", argv[i], r < 0 ? strerrorname_np(errno) : "made");
		}
		printf("round\n");
		fflush(stdout);
		usleep(50000);
	}
}
