/* SPDX-License-Identifier: MIT */
/*
 * A member of a fleet: receives at its own endpoint, registers that under
 * /run/echo and answers what it is sent with its name in front. With a number as
 * its argument it breaks down after so many answers, as servers do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/chan.h>
#include <writ/writ.h>

#define TEXT_MAX 256

static char me[32]; /* one's name in the fleet */

static int answer(struct writ_chan *c, const struct writ_chan_msg *m, const char *text)
{
	char out[TEXT_MAX + sizeof(me) + 8];
	int n = snprintf(out, sizeof(out), "echo %s: %.*s", me, (int)m->len, text);

	return writ_chan_reply(c, m->id, 0, &(struct writ_msg){ .data = out, .len = (size_t)n }, 0);
}

static int serve(struct writ_mbox *b, unsigned limit)
{
	struct writ_chan_msg m;
	struct writ_chan *c;
	char text[TEXT_MAX];
	unsigned answers = 0;

	for (;;) {
		int64_t n = writ_mbox_recv(b, &c, text, sizeof(text), &m, WRIT_CHAN_MAY_DISCARD,
		    -1);

		if (n < 0 && n != -WRIT_E_RANGE)
			return (int)n;
		if (n < 0 || m.event == WRIT_CHAN_CLOSED)
			writ_chan_close(c);
		if (n < 0 || m.event != WRIT_CHAN_MSG || m.id == 0)
			continue;
		if (limit != 0 && answers++ == limit)
			abort();
		answer(c, &m, text); /* who is gone before gets none */
	}
}

int writ_main(int argc, char **argv)
{
	struct writ_mbox *b;
	int r = writ_mbox_new(writ_named_cap(WRIT_TYPE_ENDPOINT, "echo"), &b);

	if (r == 0)
		r = writ_mbox_register(b, "/run/echo", WRIT_R_READ | WRIT_R_WRITE, me);
	if (r == 0) {
		writ_started();
		r = serve(b, argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0);
	}
	fprintf(stderr, "echo: %s\n", writ_strerror(r));
	return EXIT_FAILURE;
}
