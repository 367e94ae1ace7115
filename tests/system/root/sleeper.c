/* SPDX-License-Identifier: MIT */
/* A proc that says "up", tries one path, and then sleeps until it is ended. */
#include <stdio.h>
#include <unistd.h>
#include <writ/writ.h>

int writ_main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *data;
		int64_t r = writ_get(argv[i], &data);

		printf("%s: %s\n", argv[i], r < 0 ? writ_strerror((int)r) : "read");
	}
	printf("up\n");
	fflush(stdout);
	for (;;)
		sleep(1000);
}
