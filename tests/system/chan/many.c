/* SPDX-License-Identifier: MIT */
/* Ten thousand channels of one server: what an idle one costs, and that each works. */
#include "kids.h"
#include "tests/unit/libsys/pattern.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIG = 4, EACH = 2490, SMALL = 40, CALLS = 2000, PAUSE = 98 };

/* many:COUNT:TRANSPORT:CALLS: open so many, use each, then some at random, then be idle. */
int play_many(int argc, char **argv)
{
	struct writ_chan_attr attr = { .bulk = 16 << 10 };
	struct writ_chan **c;
	uint64_t s = writ_self()->pid;
	unsigned n, calls, rep = 0;

	NEED(argc == 4);
	calls = (unsigned)atoi(argv[3]);
	n = (unsigned)atoi(argv[1]);
	attr.transport = (enum writ_transport)atoi(argv[2]);
	c = calloc(n, sizeof(struct writ_chan *));
	NEED(c != NULL);
	for (unsigned i = 0; i < n + calls; i++) {
		unsigned k = i < n ? i : (unsigned)(pat_rnd(&s) % n);
		struct writ_msg m = bytes(&i, sizeof(i));

		if (i < n)
			GIVES(writ_chan_open(K_WAY, &attr, &c[k]), 0);
		GIVES(ask(c[k], C_ECHO, &m, &rep, sizeof(rep), NULL), sizeof(rep));
		GIVES(rep, i);
	}
	GIVES(writ_started(), 0);
	GIVES(writ_chan_recv(c[0], &rep, sizeof(rep), NULL, 0, -1), -WRIT_E_PEER_CLOSED);
	for (unsigned i = 0; i < n; i++) {
		GIVES(writ_chan_recv(c[i], &rep, sizeof(rep), NULL, 0, WAIT), -WRIT_E_PEER_CLOSED);
		writ_chan_close(c[i]);
	}
	free(c);
	return 0;
}

int play_pause(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	GIVES(writ_started(), 0);
	for (;;)
		nap_ms(1000);
}

/* The script looks at these processes now, and ends the last when it has. */
static void look(const char *what, unsigned each)
{
	struct writ_exit e;

	kid(PAUSE, 'a', G_END2, "pause");
	check(kid_ready(PAUSE), "one that waits until they were looked at");
	printf("# %s: %d", what, kid_host_pid(0));
	for (unsigned i = 1; i <= BIG; i++)
		printf(" %d", kid_host_pid(i));
	printf(" pause %d %u\n", kid_host_pid(PAUSE), each * BIG);
	fflush(stdout);
	wait_for(KIDS + PAUSE, WRIT_WAIT_EXIT, &e);
	writ_cap_delete(KIDS + PAUSE);
}

static void many(unsigned t, const char *how)
{
	unsigned each = EACH / scale, ready = 0, well = 0;

	kid(0, 'b', G_END, "serve");
	kid_ready(0);
	for (unsigned i = 1; i <= BIG + SMALL; i++)
		kid(i, 'a', G_WAY, "many:%u:%u:%u", i <= BIG ? each : 1, t,
		    CALLS / (scale * scale));
	for (unsigned i = 1; i <= BIG + SMALL; i++)
		ready += kid_ready(i);
	check(ready == BIG + SMALL, "%u channels of one server, %s: all work", BIG * each + SMALL,
	    how);
	if (ready == BIG + SMALL)
		look(how, each);
	server_quit(0);
	for (unsigned i = 1; i <= BIG + SMALL; i++)
		well += kid_ends(i, NULL);
	check(well == BIG + SMALL, "and each is told when it ends");
}

void test_many(void)
{
	many(WRIT_TX_KERNEL, "kernel");
	many(WRIT_TX_USER, "user");
}
