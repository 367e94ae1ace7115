/* SPDX-License-Identifier: MIT */
/*
 * Calls any member of /run/echo as often as its argument says. When the member it
 * talks to is gone, it opens the name again: the library notices that what it
 * remembers is stale, looks the name up once more and finds another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <writ/chan.h>
#include <writ/writ.h>

#define NAME   "/run/echo"
#define TRIES  100
#define NAP_NS 50000000
#define SECOND INT64_C(1000000000)

static struct writ_chan *echo;

/* Open a channel to any member. There may be none yet: wait for one for a while. */
static int find(void)
{
	int r = -WRIT_E_NOT_FOUND;

	for (unsigned i = 0; i < TRIES && echo == NULL; i++) {
		r = writ_chan_open_name(NAME, NULL, &echo);
		if (r != -WRIT_E_NOT_FOUND)
			return r;
		nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	}
	return echo != NULL ? 0 : r;
}

/* An echo may be asked for twice, so a call that failed half-way can simply be repeated. */
static int64_t call(const char *text, size_t len, char *ret, size_t size)
{
	struct writ_msg m = { .data = text, .len = len };
	int64_t n = -WRIT_E_NOT_FOUND;

	for (unsigned i = 0; i < 3; i++) {
		n = find();
		if (n == 0)
			n = writ_chan_call(echo, 0, &m, ret, size, NULL, 10 * SECOND);
		if (n >= 0)
			return n;
		writ_chan_close(echo);
		echo = NULL;
	}
	return n;
}

int writ_main(int argc, char **argv)
{
	unsigned times = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;

	for (unsigned i = 1; i <= times; i++) {
		char text[32], reply[128];
		int len = snprintf(text, sizeof(text), "hello %u", i);
		int64_t n = call(text, (size_t)len, reply, sizeof(reply));

		if (n < 0) {
			fprintf(stderr, "call %u: %s\n", i, writ_strerror((int)n));
			return EXIT_FAILURE;
		}
		printf("%.*s\n", (int)n, reply);
	}
	writ_chan_close(echo);
	return EXIT_SUCCESS;
}
