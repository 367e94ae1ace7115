/* SPDX-License-Identifier: MIT */
/* Ties the file-server glue to the server skeleton. */
#include <writ/fssrv.h>

struct fssrv {
	struct srv_ops base; /* first: what the skeleton holds points to the whole */
	const struct fssrv_ops *ops;
};

static const struct fssrv_ops *ops_of(const struct srv_session *c)
{
	return ((const struct fssrv *)(const void *)c->srv->ops)->ops;
}

static void session_close(struct srv_session *c)
{
	fssrv_session_close(c, ops_of(c));
}

static int64_t session_handle(struct srv_session *c, uint32_t label, const void *req, size_t len,
    void *rep)
{
	(void)label;
	return fssrv_request(c, ops_of(c), req, len, rep);
}

int fssrv_main(int argc, char **argv, const struct fssrv_ops *ops)
{
	const struct fssrv f = {
		.base = {
			.name = ops->name, .init = ops->init, .tick = ops->tick,
			.tick_ms = ops->tick_ms, .open = fssrv_session_open,
			.close = session_close, .handle = session_handle,
		},
		.ops = ops,
	};

	return srv_main(argc, argv, &f.base);
}
