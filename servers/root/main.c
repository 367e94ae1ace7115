/* SPDX-License-Identifier: MIT */
/*
 * root, the first server: starts the node's other servers from the node's
 * manifest and keeps them running, runs tenants' realms for operators. When it
 * ends, the node ends.
 */
#include <writ/writ.h>
#include "servers/root/root.h"

#define TICK_MS 1000

static int root_init(struct srv *s, int argc, char **argv)
{
	int r;

	(void)argc;
	(void)argv;
	/* The socket last: who reaches it finds every server spawned. */
	r = boot_init(s);
	if (r < 0 || (r = op_folder(s)) < 0)
		return r;
	return op_init(s, &call_user);
}

/* Nobody has a session with root: it serves no endpoint. */
static int64_t root_handle(struct srv_session *c, uint32_t label, const void *req, size_t len,
    void *rep)
{
	(void)c;
	(void)label;
	(void)req;
	(void)len;
	(void)rep;
	return -WRIT_E_BAD_REQUEST;
}

static void root_turn(struct srv *s)
{
	struct writ_wait_rep rep;
	struct writ_hdr h;
	int r;

	while ((r = writ_gate_poll_reply(&h, &rep, sizeof(rep))) == 1)
		instance_reply(&h, &rep);
	if (r < 0)
		s->stopping = true;
}

static void root_tick(struct srv *s)
{
	uint64_t now = now_ms();

	(void)s;
	instance_tick(now);
	image_expire(now);
}

static const struct srv_ops ops = {
	.name = "root",
	.init = root_init,
	.handle = root_handle,
	.turn = root_turn,
	.tick = root_tick,
	.tick_ms = TICK_MS,
};

int writ_main(int argc, char **argv)
{
	int code = srv_main(argc, argv, &ops);

	if (op_ended())
		op_fini();
	return code;
}
