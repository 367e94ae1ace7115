/* SPDX-License-Identifier: MIT */
/* A member of a fleet. Its clients tell it also to leave, to come again and to die. */
#include "tests/system/names/names.h"

static struct writ_mbox *box;
static const char *name;
static uint32_t rights;
static char me[32];

/* What is said to @text, into @ret. */
static void say(const struct writ_chan *c, const char *text, char *ret, size_t size)
{
	char have[128];

	if (strcmp(text, "die") == 0)
		abort();
	if (strcmp(text, "leave") == 0)
		report("left", writ_mbox_unregister(box, name));
	if (strcmp(text, "come") == 0)
		report("came", writ_mbox_register(box, name, rights, me));
	writ_rights_text(writ_chan_peer(c)->rights, have, sizeof(have));
	snprintf(ret, size, "member %s %s %s", me, have, text);
}

static void answer(struct writ_chan *c, const struct writ_chan_msg *m, char *text)
{
	struct writ_msg out = { 0 };
	char said[512];

	text[m->len] = '\0';
	say(c, text, said, sizeof(said));
	out.data = said;
	out.len = strlen(said);
	writ_chan_reply(c, m->id, 0, &out, SECOND);
}

int serve(void)
{
	struct writ_chan_msg m;
	struct writ_chan *c;
	const char *right;
	unsigned times = 1;
	char text[256];
	int64_t r;

	name = next_word();
	while ((right = next_word())[0] != '\0') {
		if (right[0] >= '0' && right[0] <= '9')
			times = (unsigned)strtoul(right, NULL, 10);
		rights |= writ_right_parse(right);
	}
	r = writ_mbox_new(writ_named_cap(WRIT_TYPE_ENDPOINT, NULL), &box);
	if (strncmp(name, "/svc/", 5) == 0) /* a service has its name of the manifest */
		times = 0;
	for (unsigned i = 0; i < times && r == 0; i++)
		r = writ_mbox_register(box, name, rights, me);
	report("registered", r);
	writ_started();
	while (r >= 0) {
		r = writ_mbox_recv(box, &c, text, sizeof(text) - 1, &m, 0, -1);
		if (r == -WRIT_E_RANGE || (r >= 0 && m.event == WRIT_CHAN_CLOSED)) {
			writ_chan_close(c);
			r = 0;
		} else if (r >= 0 && m.event == WRIT_CHAN_MSG && m.id != 0) {
			answer(c, &m, text);
		}
	}
	report("serve", r);
	return EXIT_FAILURE;
}
