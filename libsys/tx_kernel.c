/* SPDX-License-Identifier: MIT */
/*
 * The kernel transport, client's side: calls through a Path. Owns the calls
 * that are open, and the frames that came in answers.
 */
#include "libsys/tx_kernel.h"
#include <stdlib.h>
#include <string.h>
#include "libsys/spin.h"
#include "libsys/sys.h"
#include "libsys/tx_wire.h"

#define CALLS    3 /* open at once: two with frames, and one that waits for the server's */
#define FRAMES   2
#define LATER_NS INT64_C(5000000) /* till one asks again a server that had no slot for it */
#define GOT_MAX  64               /* frames that lie here while one waits to send */

struct got {
	struct got *next;
	struct frame f;
	uint8_t data[];
};

struct client {
	struct tx tx;
	writ_cap_t path;
	uint32_t session, ask; /* ask: the call that carries the last SWITCH */
	int verdict;
	unsigned ncalls;
	struct call {
		uint32_t cookie;
		writ_cap_t
		    take; /* the first of three slots for what comes with the answer; 0: none */
		bool get, waits; /* carries no frame; is answered with one */
	} calls[CALLS];
	unsigned ngot;
	bool broken, taken;
	struct got *head, **tail;
	struct wire_out out;
};

static struct client *of(struct tx *t)
{
	return (struct client *)t;
}

static void slots_back(writ_cap_t first, unsigned from)
{
	for (unsigned i = from; first != 0 && i < WRIT_CAPS_MAX; i++)
		sys_slot_back(first + i);
}

/* What an answer of @len bytes brought. False: it breaks the rules, or there is no memory. */
static bool got_add(struct client *k, const struct call *call, const struct wire_in *in, size_t len)
{
	struct got *g;
	struct frame f;

	if (call->cookie == k->ask)
		k->verdict = len == sizeof(in->head) && in->head.kind == WIRE_NO ? -1 : 1;
	if (len == 0 && in->rep.ncaps == 0)
		return true; /* just taken */
	if (call->cookie == k->ask && k->verdict < 0 && in->rep.ncaps == 0)
		return true;
	if (len == sizeof(in->head) && in->head.kind == WIRE_GET && in->rep.ncaps == 0) {
		k->tx.retry_ns = spin_now() + LATER_NS;
		return true;
	}
	if (!wire_read(&in->head, len, &f) || f.kind >= FRAME_N ||
	    (in->rep.ncaps > 0 && f.kind > FRAME_REPLY) || (g = malloc(sizeof(*g) + f.len)) == NULL)
		return false;
	f.ncaps = in->rep.ncaps;
	for (unsigned i = 0; i < f.ncaps; i++)
		f.caps[i] = call->take + i;
	g->f = f;
	g->next = NULL;
	memcpy(g->data, in->data, f.len);
	*k->tail = g;
	k->tail = &g->next;
	k->ngot++;
	return true;
}

/* Calls that have been answered. */
static void collect(struct client *k)
{
	static struct wire_in in;
	struct writ_hdr h;

	for (unsigned i = 0; i < k->ncalls;) {
		const struct call c = k->calls[i];
		unsigned used = 0;

		if (!sys_gate_answer(c.cookie, &h, &in, sizeof(in))) {
			i++;
			continue;
		}
		k->ncalls--;
		memmove(&k->calls[i], &k->calls[i + 1], (k->ncalls - i) * sizeof(c));
		if (h.status != 0) {
			k->broken = true;
			k->taken = k->taken || h.status == WRIT_E_PEER_CLOSED;
		} else if (h.len >= sizeof(in.rep)) {
			used = in.rep.ncaps;
			if (!got_add(k, &c, &in, h.len - sizeof(in.rep))) {
				k->broken = true;
				for (unsigned j = 0; j < used; j++)
					writ_slot_free(c.take + j);
			}
		}
		slots_back(c.take, used);
	}
}

/* One more call: k->out is filled. */
static int call(struct client *k, size_t len)
{
	struct writ_hdr h = sys_hdr(WRIT_OP_CALL, k->path, k->session, WIRE_LEN(len));
	struct call c = { .waits = k->out.head.wait != 0, .get = k->out.head.kind == WIRE_GET };
	int64_t cookie;

	if (c.waits)
		c.take = sys_slots_new(WRIT_CAPS_MAX);
	k->out.req.take = c.take;
	k->out.req.ntake = c.take != 0 ? WRIT_CAPS_MAX : 0;
	cookie = sys_gate_post(&h, &k->out);
	if (cookie < 0) {
		slots_back(c.take, 0);
		k->broken = true;
		return -WRIT_E_PEER_CLOSED;
	}
	c.cookie = (uint32_t)cookie;
	if (k->out.head.kind == FRAME_SWITCH) {
		k->ask = c.cookie;
		k->verdict = 0;
	}
	k->calls[k->ncalls++] = c;
	return 0;
}

int kernel_client_verdict(struct tx *t)
{
	collect(of(t));
	return of(t)->verdict;
}

bool kernel_client_unread(const struct tx *t)
{
	const struct client *k = (const struct client *)t;
	bool any = false;

	for (unsigned i = 0; i < k->ncalls; i++)
		any = any || !k->calls[i].waits;
	return any && !k->broken;
}

static bool has_room(const struct client *k)
{
	unsigned frames = 0;

	for (unsigned i = 0; i < k->ncalls; i++)
		frames += !k->calls[i].get;
	return frames < FRAMES && k->ncalls < CALLS;
}

static void *client_reserve(struct tx *t, size_t len)
{
	struct client *k = of(t);

	(void)len;
	if (!has_room(k))
		collect(k);
	return has_room(k) || k->broken ? k->out.data : NULL;
}

/* Can these be sent? The kernel says so only when the server answers. */
static int check_caps(const struct client *k, const struct frame *f)
{
	struct writ_cap_info info;
	int r = 0;

	if (f->ncaps > 0 && (sys_rights(k->path) & WRIT_R_GRANT) == 0)
		return -WRIT_E_NO_RIGHT;
	for (unsigned i = 0; i < f->ncaps && r == 0; i++) {
		r = writ_cap_inspect(f->caps[i], &info);
		if (r == 0 && info.type == WRIT_TYPE_NULL)
			r = -WRIT_E_FAILED_LOOKUP;
		if (r == 0 && info.type == WRIT_TYPE_REPLY)
			r = -WRIT_E_ILLEGAL_OPERATION;
	}
	return r;
}

static int client_commit(struct tx *t, const struct frame *f, bool cork)
{
	struct client *k = of(t);
	int r = k->broken ? -WRIT_E_PEER_CLOSED : check_caps(k, f);

	(void)cork;
	if (r < 0)
		return r;
	wire_write(&k->out, f);
	return call(k, f->len);
}

static void client_flush(struct tx *t)
{
	(void)t;
}

static int client_peek(struct tx *t, struct frame *ret, const void **data)
{
	struct client *k = of(t);

	if (k->head == NULL)
		collect(k);
	if (k->head == NULL)
		return k->broken ? -WRIT_E_PEER_CLOSED : 0;
	*ret = k->head->f;
	*data = k->head->data;
	return 1;
}

static int client_release(struct tx *t)
{
	struct client *k = of(t);
	struct got *g = k->head;

	k->head = g->next;
	if (k->head == NULL)
		k->tail = &k->head;
	k->ngot--;
	free(g);
	return 0;
}

/*
 * Have a call open that the server can answer with a frame. Also while one waits for room: the
 * server may be waiting for the same, and neither would go on.
 */
static void listen_too(struct client *k)
{
	bool waits = false;

	for (unsigned i = 0; i < k->ncalls; i++)
		waits = waits || k->calls[i].waits;
	if (k->tx.retry_ns != 0 && spin_now() < k->tx.retry_ns)
		return;
	k->tx.retry_ns = 0;
	if (waits || k->broken || k->ncalls == CALLS || k->ngot >= GOT_MAX)
		return;
	wire_get(&k->out);
	call(k, 0);
	collect(k);
}

static bool client_arm(struct tx *t, unsigned want, size_t len)
{
	struct client *k = of(t);

	(void)len;
	collect(k);
	if (want == TX_IN ? k->head == NULL : want != TX_OUT || !has_room(k))
		listen_too(k);
	return k->broken || (want == TX_OUT ? has_room(k) : k->head != NULL);
}

static void client_disarm(struct tx *t, unsigned want)
{
	(void)t;
	(void)want;
}

static void client_close(struct tx *t)
{
	struct client *k = of(t);
	const void *data;
	struct frame f;

	/* The session is closed: all calls have been answered. */
	if (k->ncalls > 0 && sys_gate_pump() == 0)
		collect(k);
	while (client_peek(t, &f, &data) == 1) {
		for (unsigned i = 0; i < f.ncaps; i++)
			writ_slot_free(f.caps[i]);
		client_release(t);
	}
	for (unsigned i = 0; i < k->ncalls; i++)
		slots_back(k->calls[i].take, 0);
	free(k);
}

bool kernel_client_taken(const struct tx *t)
{
	const struct client *k = (const struct client *)t;

	return k->taken || k->ncalls > 0;
}

struct tx *kernel_client_new(writ_cap_t path, uint32_t session)
{
	static const struct tx_ops ops = { client_reserve, client_commit, client_flush, client_peek,
		client_release, client_arm, client_disarm, NULL, client_close };
	struct client *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->tx = (struct tx){ .ops = &ops,
		.frame_max = WIRE_DATA_MAX,
		.caps = true,
		.fd = -1,
		.peer_cpu = UINT32_MAX };
	k->path = path;
	k->session = session;
	k->tail = &k->head;
	return &k->tx;
}
