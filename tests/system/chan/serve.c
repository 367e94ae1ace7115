/* SPDX-License-Identifier: MIT */
/* The server: does what it is asked, by label (enum cmd), for any number of clients. */
#include "kids.h"
#include "tests/unit/libsys/pattern.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one channel: where its sequence is, and the Path that it was opened through. */
struct seq {
	uint32_t next;
	writ_cap_t way;
};

static struct writ_mbox *box;
static uint32_t counts[2]; /* open, closed */
static uint8_t *buf;
static size_t size;

static bool trusted(const struct writ_chan *c)
{
	return (writ_chan_peer(c)->rights & WRIT_R_GRANT) != 0;
}

/* @m to whoever sent @got; its own fault if it doesn't take it. Nobody waits for the mean. */
static void answer(struct writ_chan *c, const struct writ_chan_msg *got, const struct writ_msg *m)
{
	int64_t timeout = trusted(c) ? WAIT : 0;

	if (got->id != 0)
		writ_chan_reply(c, got->id, got->label, m, timeout);
	else
		writ_chan_send(c, got->label, m, timeout);
}

static void echo(struct writ_chan *c, const struct writ_chan_msg *got)
{
	struct writ_msg m = bytes(buf, got->len);

	memcpy(m.caps, got->caps, sizeof(m.caps));
	m.ncaps = got->ncaps;
	answer(c, got, &m);
}

static void badges(struct writ_chan *c, const struct writ_chan_msg *got)
{
	uint64_t b[WRIT_CAPS_MAX];
	struct writ_msg m = bytes(b, got->ncaps * sizeof(b[0]));

	for (unsigned i = 0; i < got->ncaps; i++)
		b[i] = badge_of(got->caps[i]);
	answer(c, got, &m);
}

/* Every tenth brings a capability whose badge is its number + 1; of these every second goes
 * back, if it was a call. */
static bool sequence(struct writ_chan *c, const struct writ_chan_msg *got)
{
	struct seq *q = *writ_chan_state(c);
	uint32_t n = got->label >> 8;
	struct writ_msg m = bytes(&n, sizeof(n));
	int r;

	if (n != q->next++ || !pat_is(buf, n, 0, got->len) || got->ncaps != (n % 10 == 0) ||
	    (got->ncaps > 0 && badge_of(got->caps[0]) != n + 1)) {
		printf("number %u came before %u, %u bytes, %u capabilities\n", n, q->next - 1,
		    got->len, got->ncaps);
		return false;
	}
	if (n % 20 == 0) {
		m.caps[0] = got->caps[0];
		m.ncaps = 1;
	}
	r = got->id == 0 ? 0 : writ_chan_reply(c, got->id, got->label, &m, WAIT);
	if (r < 0)
		printf("number %u: reply: %d\n", n, r);
	return r == 0;
}

static void open_it(const struct writ_chan_msg *got)
{
	struct writ_chan *c = NULL;
	struct writ_msg m = bytes(buf, got->len);
	writ_cap_t way = writ_slot_new();

	/* The channel goes through that very Path, which stays as long. */
	if (got->ncaps == 1 && writ_cap_move(got->caps[0], way) == 0 &&
	    writ_chan_open(way, NULL, &c) == 0 && writ_mbox_add(box, c) == 0) {
		*writ_chan_state(c) = calloc(1, sizeof(struct seq));
		((struct seq *)*writ_chan_state(c))->way = way;
		counts[0]++;
		writ_chan_send(c, C_ECHO, &m, WAIT);
	}
}

static void flood(struct writ_chan *c, uint32_t n)
{
	static uint8_t data[1000];
	struct writ_msg m = bytes(data, sizeof(data));

	while (n-- > 0 && writ_chan_send(c, n, &m, WAIT) == 0)
		continue;
}

static void closed(struct writ_chan *c)
{
	struct seq *q = *writ_chan_state(c);

	writ_chan_close(c);
	writ_slot_free(q->way);
	free(q);
	counts[0]--;
	counts[1]++;
}

/* Returns whether the channel stays. */
static bool command(struct writ_chan *c, const struct writ_chan_msg *got)
{
	struct writ_msg m;

	switch ((enum cmd)(got->label & 0xff)) {
	case C_ECHO: echo(c, got); break;
	case C_CLOSE: return false;
	case C_BADGES: badges(c, got); break;
	case C_SEQ: return sequence(c, got);
	case C_OPEN: open_it(got); break;
	case C_NAP: nap_ms(got->label >> 8); break;
	case C_COUNT:
		m = bytes(counts, sizeof(counts));
		answer(c, got, &m);
		break;
	case C_FLOOD: flood(c, got->label >> 8); break;
	case C_DROP:
	case C_QUIT: break;
	}
	return true;
}

/* Who came by the mean way may write anything, and have it done only if that harms nobody. */
static bool may(const struct writ_chan *c, uint32_t label)
{
	unsigned cmd = label & 0xff;

	return trusted(c) || cmd == C_ECHO || cmd == C_BADGES || cmd == C_CLOSE || cmd == C_COUNT;
}

int play_serve(int argc, char **argv)
{
	struct writ_chan_msg got;
	struct writ_chan *c;

	(void)argc;
	(void)argv;
	size = 1 << 16;
	setlinebuf(stdout);
	buf = malloc(size);
	GIVES(writ_mbox_new(K_END, &box), 0);
	GIVES(writ_started(), 0);
	for (;;) {
		int64_t n = writ_mbox_recv(box, &c, buf, size, &got, 0, -1);

		if (n == -WRIT_E_RANGE && !trusted(c)) {
			closed(c);
			continue;
		}
		if (n == -WRIT_E_RANGE) {
			size = got.len;
			free(buf);
			buf = malloc(size);
			NEED(buf != NULL);
			continue;
		}
		NEED(n >= 0);
		if (got.event == WRIT_CHAN_OPENED) {
			*writ_chan_state(c) = calloc(1, sizeof(struct seq));
			counts[0]++;
		} else if (got.event == WRIT_CHAN_CLOSED) {
			closed(c);
		} else if (got.event == WRIT_CHAN_MSG) {
			if (!may(c, got.label))
				got.label = C_DROP;
			if ((got.label & 0xff) == C_QUIT)
				break;
			if (!command(c, &got))
				closed(c);
			for (unsigned i = 0; i < got.ncaps; i++)
				writ_slot_free(got.caps[i]);
		}
	}
	writ_mbox_free(box);
	NEED(slots_used() == 0);
	kid_says("%u channels in all", counts[0] + counts[1]);
}
