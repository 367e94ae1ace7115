/* SPDX-License-Identifier: MIT */
/* Puppets, and the strings: both ends of what they are told. */
#include "ipc.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CTL = 1, CTL_REPLY = 2, BITS = 6, SLOTS = 400, GOT = 160, EACH = 3 };
enum verb { POST, GET, EVENT };

struct order {
	uint32_t verb, bytes, ms, body; /* body: bytes of the request's struct */
	uint8_t tag;
	struct writ_hdr h;
	char data[64];
};
struct answer {
	int32_t status;
	struct result r;
};

struct puppet puppets[PUPPETS];

/* --- the puppet ------------------------------------------------------------------ */

static struct result results[GOT]; /* the newest; h.cookie 0: free */
static unsigned nresults;

static void keep(const struct writ_hdr *h, const char *body)
{
	struct result *r = &results[nresults++ % GOT];

	*r = (struct result){ .h = *h, .tag = -1 };
	if (h->len < sizeof(r->rep))
		return;
	memcpy(&r->rep, body, sizeof(r->rep));
	body += sizeof(r->rep);
	r->len = h->len - (uint32_t)sizeof(r->rep);
	if (r->len > 0)
		r->tag = (uint8_t)body[0];
	for (uint32_t i = 1; i < r->len; i++)
		if (body[i] != body[0])
			r->tag = -1;
}

static int collect(uint32_t cookie, unsigned ms, struct result *ret)
{
	static char body[WRIT_MSG_MAX];
	struct writ_hdr h;

	for (unsigned t = 0;; t++) {
		while (writ_gate_poll_reply(&h, body, sizeof(body)) == 1)
			keep(&h, body);
		for (unsigned i = 0; i < GOT; i++)
			if (results[i].h.cookie == cookie) {
				*ret = results[i];
				results[i].h.cookie = 0;
				return -ret->h.status;
			}
		if (t >= ms)
			return PENDING;
		nap_ms(1);
	}
}

static int64_t do_post(struct order *o)
{
	static char body[WRIT_MSG_MAX];

	memcpy(body, o->data, o->body);
	memset(body + o->body, o->tag, o->bytes);
	o->h.len = (uint16_t)(o->body + o->bytes);
	return writ_gate_send(&o->h, body, NULL);
}

static int do_event(unsigned ms, struct result *ret)
{
	struct writ_event ev;
	int r = writ_event_next(&ev, (int)ms);

	if (r != 1)
		return r == 0 ? PENDING : r;
	ret->h = ev.hdr;
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++)
		if (ev.fds[i] >= 0)
			close(ev.fds[i]);
	return 0;
}

int puppet_main(void)
{
	struct order o;
	struct answer a = { 0 };
	struct writ_take t = { .reply = CTL_REPLY, .buf = &o, .size = sizeof(o) };
	struct writ_msg m = { .data = &a, .len = sizeof(a) };
	struct writ_msg_rep rep;
	int r = writ_recv(CTL, &t, &rep);

	while (r == sizeof(o)) {
		a = (struct answer){ 0 };
		switch ((enum verb)o.verb) {
		case POST: a.status = (int32_t)do_post(&o); break;
		case GET: a.status = collect(o.h.cookie, o.ms, &a.r); break;
		case EVENT: a.status = do_event(o.ms, &a.r); break;
		}
		r = writ_reply_recv(CTL, CTL_REPLY, &m, &t, &rep);
	}
	return 1;
}

/* --- the strings ------------------------------------------------------------------- */

static int tell(struct puppet *p, const struct order *o, struct result *ret)
{
	struct answer a = { 0 };
	struct writ_take t = { .buf = &a, .size = sizeof(a) };
	struct writ_msg m = { .data = o, .len = sizeof(*o) };
	struct writ_msg_rep rep;
	int r = writ_call(p->ctl, &m, &t, &rep);

	if (r != sizeof(a))
		return r < 0 ? r : -WRIT_E_BAD_REQUEST;
	if (ret != NULL)
		*ret = a.r;
	return a.status;
}

static struct writ_addr own(uint32_t slot)
{
	return (struct writ_addr){ .index = slot };
}

static struct writ_addr at(const struct puppet *p, uint32_t slot)
{
	return (struct writ_addr){ .index = slot, .root = p->cs, .depth = BITS };
}

struct puppet *puppet(unsigned i)
{
	struct puppet *p = &puppets[i];
	bool b = i % 2 != 0;
	int64_t pid;

	p->proc = SLOTS + i * EACH;
	p->cs = p->proc + 1;
	p->ctl = p->proc + 2;
	pid = spawn_with(b ? SPAWN_B : SPAWN, p->proc, "puppet", NULL, 0,
	    (struct writ_spawn_req){ .image = image,
		.memory = 4 << 20,
		.cnode_bits = BITS,
		.log_max = 1 << 16 });
	if (pid < 0 || writ_proc_cspace(p->proc, p->cs) != 0 ||
	    writ_retype_endpoint(WRIT_BOOT_UNTYPED, p->ctl) != 0 ||
	    give(p, CTL, p->ctl, R | G, 0) != 0 || start((uint32_t)pid) != 0) {
		printf("Bail out! no puppet %u (%d)\n", i, (int)pid);
		writ_exited(1, "no puppet", 9);
	}
	p->pid = (uint32_t)pid;
	return p;
}

void puppet_kill(struct puppet *p)
{
	struct writ_exit e;

	call(WRIT_OP_KILL, p->proc, 0, NULL, 0);
	wait_for(p->proc, WRIT_WAIT_EXIT, &e);
}

void puppet_end(struct puppet *p)
{
	if (p->pid == 0)
		return;
	puppet_kill(p);
	writ_cap_delete(p->cs);
	writ_cap_delete(p->proc);
	writ_cap_delete(p->ctl);
	p->pid = 0;
}

int give(struct puppet *p, uint32_t dst, writ_cap_t src, uint32_t rights, uint64_t badge)
{
	return writ_cap_at(badge != 0 ? WRIT_OP_MINT : WRIT_OP_COPY, own(src), at(p, dst), rights,
	    badge);
}

int take_away(struct puppet *p, uint32_t slot)
{
	return writ_cap_at(WRIT_OP_DELETE, at(p, slot), own(0), 0, 0);
}

int revoke_at(struct puppet *p, uint32_t slot)
{
	return writ_cap_at(WRIT_OP_REVOKE, at(p, slot), own(0), 0, 0);
}

static int inspect_at(const struct puppet *p, uint32_t slot, struct writ_cap_info *ret)
{
	struct writ_cap_req q = { .src = at(p, slot) };
	struct writ_hdr h = { .op = WRIT_OP_INSPECT, .len = sizeof(q) };

	return writ_gate_call(&h, &q, NULL, ret, sizeof(*ret), NULL);
}

int type_at(const struct puppet *p, uint32_t slot)
{
	struct writ_cap_info info;
	int e = inspect_at(p, slot, &info);

	return e != 0 ? e : info.type;
}

uint64_t badge_at(const struct puppet *p, uint32_t slot)
{
	struct writ_cap_info info;

	return inspect_at(p, slot, &info) != 0 ? UINT64_MAX : info.badge;
}

uint32_t post(struct puppet *p, unsigned op, uint32_t cap, uint64_t arg,
    const struct writ_msg_req *r, uint32_t bytes, uint8_t tag)
{
	struct order o = { .verb = POST,
		.bytes = bytes,
		.tag = tag,
		.h = { .op = (uint16_t)op, .cap = cap, .arg = arg } };
	int e;

	if (r != NULL)
		memcpy(o.data, r, o.body = sizeof(*r));
	e = tell(p, &o, NULL);
	return e > 0 ? (uint32_t)e : 0;
}

int got(struct puppet *p, uint32_t cookie, unsigned ms, struct result *ret)
{
	struct result r;
	struct order o = { .verb = GET, .ms = ms, .h = { .cookie = cookie } };

	return tell(p, &o, ret != NULL ? ret : &r);
}

int ask(struct puppet *p, unsigned op, uint32_t cap, uint64_t arg, const struct writ_msg_req *r,
    uint32_t bytes, uint8_t tag, struct result *ret)
{
	return got(p, post(p, op, cap, arg, r, bytes, tag), 1000, ret);
}

int event(struct puppet *p, unsigned ms, struct writ_hdr *ret)
{
	struct result r;
	int e = tell(p, &(struct order){ .verb = EVENT, .ms = ms }, &r);

	*ret = r.h;
	return e;
}

uint32_t sends(struct puppet *p, uint32_t ep, uint8_t tag)
{
	return post(p, WRIT_OP_SEND, ep, 0, &(struct writ_msg_req){ 0 }, 1, tag);
}

uint32_t calls(struct puppet *p, uint32_t ep, uint8_t tag)
{
	return post(p, WRIT_OP_CALL, ep, 0, &(struct writ_msg_req){ 0 }, 1, tag);
}

uint32_t recvs(struct puppet *p, uint32_t ep, uint32_t reply)
{
	return post(p, WRIT_OP_RECV, ep, 0, &(struct writ_msg_req){ .reply = reply }, 0, 0);
}

int replies(struct puppet *p, uint32_t reply, uint8_t tag)
{
	return ask(p, WRIT_OP_REPLY, reply, 0, &(struct writ_msg_req){ 0 }, 1, tag, NULL);
}

bool is(struct puppet *p, uint32_t cookie, int status)
{
	return got(p, cookie, 0, NULL) == status;
}

bool soon(struct puppet *p, uint32_t cookie, int status)
{
	return got(p, cookie, 1000, NULL) == status;
}
