/* SPDX-License-Identifier: MIT */
/*
 * Calls on capabilities: one thin function each. What they mean and refuse is
 * the kernel's word (docs/abi.md).
 */
#include <writ/gate.h>
#include <string.h>
#include "libsys/sys.h"

struct writ_addr sys_addr(writ_cap_t cap)
{
	return (struct writ_addr){ .index = cap };
}

/* A call whose reply has no body. */
static int call(unsigned op, uint32_t cap, const void *req, size_t len)
{
	struct writ_hdr h = sys_hdr(op, cap, 0, len);

	return writ_gate_call(&h, req, NULL, NULL, 0, NULL);
}

static int cap_call(unsigned op, writ_cap_t src, writ_cap_t dst, uint32_t rights, uint64_t badge)
{
	struct writ_cap_req q = {
		.src = sys_addr(src),
		.dst = sys_addr(dst),
		.rights = rights,
		.badge = badge,
	};

	return call(op, 0, &q, sizeof(q));
}

int writ_cap_copy(writ_cap_t src, writ_cap_t dst, uint32_t rights)
{
	return cap_call(WRIT_OP_COPY, src, dst, rights, 0);
}

int writ_cap_mint(writ_cap_t src, writ_cap_t dst, uint32_t rights, uint64_t badge)
{
	return cap_call(WRIT_OP_MINT, src, dst, rights, badge);
}

int writ_cap_move(writ_cap_t src, writ_cap_t dst)
{
	return cap_call(WRIT_OP_MOVE, src, dst, 0, 0);
}

int writ_cap_delete(writ_cap_t slot)
{
	return cap_call(WRIT_OP_DELETE, slot, 0, 0, 0);
}

int writ_cap_revoke(writ_cap_t slot)
{
	return cap_call(WRIT_OP_REVOKE, slot, 0, 0, 0);
}

int writ_cap_inspect(writ_cap_t slot, struct writ_cap_info *ret)
{
	struct writ_cap_req q = { .src = sys_addr(slot) };
	struct writ_hdr h = sys_hdr(WRIT_OP_INSPECT, 0, 0, sizeof(q));
	struct writ_cap_info info = { 0 };
	int r = writ_gate_call(&h, &q, NULL, &info, sizeof(info), NULL);

	if (r == 0)
		*ret = info;
	return r;
}

int writ_retype_endpoint(writ_cap_t untyped, writ_cap_t dst)
{
	struct writ_retype_req q = { .type = WRIT_TYPE_ENDPOINT, .count = 1, .dst = sys_addr(dst) };

	return call(WRIT_OP_RETYPE, untyped, &q, sizeof(q));
}

int writ_retype_untyped(writ_cap_t untyped, writ_cap_t dst, struct writ_quota max)
{
	struct writ_retype_req q = {
		.type = WRIT_TYPE_UNTYPED,
		.count = 1,
		.dst = sys_addr(dst),
		.max = max,
	};

	return call(WRIT_OP_RETYPE, untyped, &q, sizeof(q));
}

int writ_quota_read(writ_cap_t untyped, struct writ_quota_rep *ret)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_QUOTA, untyped, 0, 0);
	struct writ_quota_rep rep = { 0 };
	int r = writ_gate_call(&h, NULL, NULL, &rep, sizeof(rep), NULL);

	if (r == 0)
		*ret = rep;
	return r;
}

/* Copy a string into a field of fixed size; the field must be zero. */
static int text_put(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (n >= size)
		return -WRIT_E_NAME_TOO_LONG;
	memcpy(dst, src, n);
	return 0;
}

int writ_path_derive(writ_cap_t src, writ_cap_t dst, const char *prefix, uint32_t rights,
    uint64_t badge)
{
	struct writ_path_req q = { .dst = sys_addr(dst), .rights = rights, .badge = badge };
	int r = text_put(q.prefix, sizeof(q.prefix), prefix);

	return r < 0 ? r : call(WRIT_OP_PATH, src, &q, sizeof(q));
}

int writ_image_create(writ_cap_t untyped, writ_cap_t dst, const char *name, int fd)
{
	struct writ_image_req q = { .dst = sys_addr(dst) };
	struct writ_hdr h = sys_hdr(WRIT_OP_IMAGE, untyped, 0, sizeof(q));
	int r = text_put(q.name, sizeof(q.name), name);

	h.nfds = 1;
	return r < 0 ? r : writ_gate_call(&h, &q, &fd, NULL, 0, NULL);
}

int writ_realm_create(writ_cap_t untyped, const struct writ_realm_req *r)
{
	return call(WRIT_OP_REALM, untyped, r, sizeof(*r));
}

int writ_spawncap_derive(writ_cap_t src, const struct writ_spawncap_req *r)
{
	return call(WRIT_OP_SPAWNCAP, src, r, sizeof(*r));
}

int writ_cap_fd(writ_cap_t cap)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_FD, cap, 0, 0);
	int fds[WRIT_FDS_MAX];
	int r = writ_gate_call(&h, NULL, NULL, NULL, 0, fds);

	if (r < 0)
		return r;
	return fds[0] >= 0 ? fds[0] : -WRIT_E_TOO_MANY_OPEN;
}

int writ_note(uint32_t session, uint32_t right, int status, const char *what)
{
	struct writ_note_req q = {
		.right = right,
		.status = (uint32_t)(status < 0 ? -status : status),
	};
	struct writ_hdr h = sys_hdr(WRIT_OP_NOTE, 0, session, sizeof(q));

	memcpy(q.what, what, strnlen(what, sizeof(q.what) - 1));
	return writ_gate_call(&h, &q, NULL, NULL, 0, NULL);
}
