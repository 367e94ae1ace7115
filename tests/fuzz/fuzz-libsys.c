/* SPDX-License-Identifier: MIT */
/*
 * Every decoder of libsys. The first byte of the input chooses: a request to a
 * file server, a server's reply, or a start record.
 */
#include <stdlib.h>
#include <string.h>
#include <writ/start.h>
#include "libsys/pb.h"
#include "tests/unit/libsys/memfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(const uint8_t *data, size_t size)
{
	static uint8_t rep[SRV_MSG_MAX];
	static const struct writ_chan_peer peer = { .rights = WRIT_R_ALL, .prefix = "/d" };
	struct writ_chan_msg nothing = { 0 };
	struct srv_session c = { .peer = &peer, .request = &nothing };

	memfs_reset();
	if (fssrv_session_open(&c) < 0)
		return;
	/* Twice: the second meets the handles of the first. */
	fssrv_request(&c, &memfs_ops, data, size, rep);
	fssrv_request(&c, &memfs_ops, data, size, rep);
	fssrv_session_close(&c, &memfs_ops);
	if (memfs_open_files() != 0)
		abort();
}

static void reply(const uint8_t *data, size_t size)
{
	struct writ_dirent e;
	struct pb_rep rep;

	if (pb_rep_unpack(data, size, &rep) < 0)
		return;
	for (unsigned i = 0; i < rep.nents; i++)
		if (pb_rep_ent(&rep, i, &e) == 0 && strchr(e.name, '/') != NULL)
			abort();
}

static void record(const uint8_t *data, size_t size)
{
	struct start_pos pos;
	struct start_name n;
	const char *s;
	size_t total = 0;

	if (start_open(&pos, data, size) < 0)
		return;
	while ((s = start_next_arg(&pos)) != NULL)
		total += strlen(s) + 1;
	while (start_next_name(&pos, &n, &s))
		total += strlen(s) + 1;
	if (total > size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const decoders[])(const uint8_t *, size_t) = { request, reply, record };

	if (size > 0)
		decoders[data[0] % 3](data + 1, size - 1);
	return 0;
}
