/* SPDX-License-Identifier: MIT */
/*
 * Messages, notifications, and calls on other procs: one thin function each.
 * What they mean and refuse is the kernel's word (docs/abi.md).
 */
#include <writ/ipc.h>
#include <string.h>
#include "libsys/sys.h"

struct packet {
	struct writ_msg_req r;
	char data[WRIT_DATA_MAX];
};

static int pack(struct packet *p, const struct writ_msg *m, const struct writ_take *t)
{
	static const struct writ_msg nothing;

	if (m == NULL)
		m = &nothing;
	if (m->len > WRIT_DATA_MAX || m->ncaps > WRIT_CAPS_MAX)
		return -WRIT_E_BAD_REQUEST;
	p->r = (struct writ_msg_req){ .ncaps = (uint8_t)m->ncaps };
	memcpy(p->r.caps, m->caps, sizeof(p->r.caps));
	if (t != NULL) {
		p->r.take = t->first;
		p->r.ntake = (uint8_t)t->ncaps;
		p->r.reply = t->reply;
	}
	if (m->len != 0)
		memcpy(p->data, m->data, m->len);
	return (int)(sizeof(p->r) + m->len);
}

static int talk(unsigned op, writ_cap_t cap, uint64_t arg, const struct writ_msg *m,
    const struct writ_take *t, struct writ_msg_rep *ret)
{
	struct packet p, in;
	int len = pack(&p, m, t), r;
	struct writ_hdr h = sys_hdr(op, cap, arg, (size_t)len);
	size_t got;

	if (len < 0)
		return len;
	r = writ_gate_call(&h, &p, NULL, &in, sizeof(in), NULL);
	if (r < 0 || ret == NULL)
		return r;
	if (h.len < sizeof(*ret))
		return -WRIT_E_BAD_REQUEST;
	got = h.len - sizeof(*ret);
	memcpy(ret, &in, sizeof(*ret));
	if (t->size != 0)
		memcpy(t->buf, (char *)&in + sizeof(*ret), got < t->size ? got : t->size);
	return (int)got;
}

int writ_send(writ_cap_t endpoint, const struct writ_msg *m)
{
	return talk(WRIT_OP_SEND, endpoint, 0, m, NULL, NULL);
}

int writ_nbsend(writ_cap_t endpoint, const struct writ_msg *m)
{
	return talk(WRIT_OP_NBSEND, endpoint, 0, m, NULL, NULL);
}

int writ_call(writ_cap_t endpoint, const struct writ_msg *m, const struct writ_take *t,
    struct writ_msg_rep *ret)
{
	return talk(WRIT_OP_CALL, endpoint, 0, m, t, ret);
}

int writ_recv(writ_cap_t endpoint, const struct writ_take *t, struct writ_msg_rep *ret)
{
	return talk(WRIT_OP_RECV, endpoint, 0, NULL, t, ret);
}

int writ_nbrecv(writ_cap_t endpoint, const struct writ_take *t, struct writ_msg_rep *ret)
{
	return talk(WRIT_OP_NBRECV, endpoint, 0, NULL, t, ret);
}

int writ_reply(writ_cap_t reply, const struct writ_msg *m)
{
	return talk(WRIT_OP_REPLY, reply, 0, m, NULL, NULL);
}

int writ_reply_recv(writ_cap_t endpoint, writ_cap_t reply, const struct writ_msg *m,
    const struct writ_take *t, struct writ_msg_rep *ret)
{
	return talk(WRIT_OP_REPLY_RECV, endpoint, reply, m, t, ret);
}

/* A call without a body; *ret_arg is what it says, if that is wanted. */
static int plain(unsigned op, writ_cap_t cap, uint64_t arg, uint64_t *ret_arg)
{
	struct writ_hdr h = sys_hdr(op, cap, arg, 0);
	int r = writ_gate_call(&h, NULL, NULL, NULL, 0, NULL);

	if (r == 0 && ret_arg != NULL)
		*ret_arg = h.arg;
	return r;
}

int writ_cancel_badged_sends(writ_cap_t endpoint)
{
	uint64_t n = 1;
	int all = 0, r = 0;

	while (n > 0 && (r = plain(WRIT_OP_CANCEL_SENDS, endpoint, 0, &n)) == 0)
		all += (int)n;
	return r < 0 ? r : all;
}

int writ_cancel(uint32_t cookie)
{
	return plain(WRIT_OP_CANCEL, 0, cookie, NULL);
}

int writ_signal(writ_cap_t ntfn)
{
	return plain(WRIT_OP_SIGNAL, ntfn, 0, NULL);
}

int writ_wait(writ_cap_t ntfn, uint64_t *ret)
{
	return plain(WRIT_OP_WAIT, ntfn, 0, ret);
}

int writ_poll(writ_cap_t ntfn, uint64_t *ret)
{
	return plain(WRIT_OP_POLL, ntfn, 0, ret);
}

int writ_bind(writ_cap_t ntfn)
{
	return plain(WRIT_OP_BIND, ntfn, 0, NULL);
}

int writ_unbind(writ_cap_t ntfn)
{
	return plain(WRIT_OP_UNBIND, ntfn, 0, NULL);
}

static int with_body(unsigned op, writ_cap_t cap, uint64_t arg, const void *req, size_t len)
{
	struct writ_hdr h = sys_hdr(op, cap, arg, len);

	return writ_gate_call(&h, req, NULL, NULL, 0, NULL);
}

int writ_cap_at(unsigned op, struct writ_addr src, struct writ_addr dst, uint32_t rights,
    uint64_t badge)
{
	struct writ_cap_req q = { .src = src, .dst = dst, .rights = rights, .badge = badge };

	return with_body(op, 0, 0, &q, sizeof(q));
}

int writ_rotate(writ_cap_t src, writ_cap_t pivot, writ_cap_t dst)
{
	struct writ_rotate_req q = { sys_addr(src), sys_addr(pivot), sys_addr(dst) };

	return with_body(WRIT_OP_ROTATE, 0, 0, &q, sizeof(q));
}

int writ_retype(writ_cap_t untyped, unsigned type, struct writ_addr dst, uint32_t count,
    struct writ_quota max)
{
	struct writ_retype_req q = { .type = type, .count = count, .dst = dst, .max = max };

	return with_body(WRIT_OP_RETYPE, untyped, 0, &q, sizeof(q));
}

int writ_path_grant(uint32_t session, writ_cap_t dst, const char *prefix, uint32_t rights)
{
	struct writ_path_req q = { .dst = sys_addr(dst), .rights = rights };
	size_t n = strlen(prefix);

	if (n >= sizeof(q.prefix))
		return -WRIT_E_NAME_TOO_LONG;
	memcpy(q.prefix, prefix, n);
	return with_body(WRIT_OP_GRANT, 0, session, &q, sizeof(q));
}

int writ_proc_cspace(writ_cap_t proc, writ_cap_t dst)
{
	struct writ_addr a = sys_addr(dst);

	return with_body(WRIT_OP_CSPACE, proc, 0, &a, sizeof(a));
}

int writ_proc_suspend(writ_cap_t proc)
{
	return plain(WRIT_OP_SUSPEND, proc, 0, NULL);
}

int writ_proc_resume(writ_cap_t proc)
{
	return plain(WRIT_OP_RESUME, proc, 0, NULL);
}

int writ_proc_stat(writ_cap_t proc, struct writ_proc_row *ret)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_STAT, proc, 0, 0);

	return writ_gate_call(&h, NULL, NULL, ret, sizeof(*ret), NULL);
}

int writ_proc_sched(writ_cap_t proc, writ_cap_t context)
{
	return plain(WRIT_OP_SCHED, proc, context, NULL);
}

int writ_sched_configure(writ_cap_t control, const struct writ_sched_req *r)
{
	return with_body(WRIT_OP_CONFIGURE, control, 0, r, sizeof(*r));
}

int writ_sched_consumed(writ_cap_t context, uint64_t *ret)
{
	return plain(WRIT_OP_CONSUMED, context, 0, ret);
}
