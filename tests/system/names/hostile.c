/* SPDX-License-Identifier: MIT */
/* A registrant that wants more than it may have. Speaks the protocol itself. */
#include "tests/system/names/names.h"
#include "libsys/chan.h"
#include "libsys/fs.h"
#include "libsys/sys.h"
#include "libsys/tx_wire.h"

static writ_cap_t endpoint(void)
{
	return writ_named_cap(WRIT_TYPE_ENDPOINT, "own");
}

/* A Path to one's own endpoint, in a new slot. */
static writ_cap_t path(uint32_t rights)
{
	writ_cap_t s = writ_slot_new();

	if (s != 0 && writ_path_derive(endpoint(), s, "", rights, 0) < 0) {
		writ_slot_free(s);
		return 0;
	}
	return s;
}

/* One request about @name with @n capabilities @cap. */
static int request(unsigned op, const char *name, unsigned n, writ_cap_t cap)
{
	struct pb_req q = { .op = op, .takes = op == FSSRV_LOOKUP };
	struct pb_rep rep = { 0 };
	struct fs_target t;
	int r = fs_resolve_quiet(name, &t);

	if (r < 0)
		return r;
	q.path = t.rest;
	q.caps = (struct pb_caps){ n, { cap, cap, cap } };
	r = fs_conn_call(t.conn, &q, false, &rep);
	for (unsigned i = 0; i < rep.caps.n; i++)
		writ_slot_free(rep.caps.slot[i]);
	if (r == 0)
		fs_conn_hold(t.conn);
	return r;
}

static int enroll(const char *name)
{
	writ_cap_t cap = path(WRIT_R_READ);
	int r = request(FSSRV_REGISTER, name, 1, cap);

	writ_slot_free(cap);
	return r;
}

/* flood NAME N: as many registrations, all under one name or (NAME ends in "%") under many. */
static void step_flood(void)
{
	const char *name = next_word();
	unsigned n = (unsigned)strtoul(next_word(), NULL, 10), good = 0, full = 0, other = 0;
	size_t len = strlen(name);
	bool many = len > 0 && name[len - 1] == '%';
	char each[128];
	int r = 0;

	for (unsigned i = 0; i < n; i++) {
		snprintf(each, sizeof(each), many ? "%.*s%u" : "%.*s", (int)(len - many), name, i);
		r = enroll(each);
		good += r == 0;
		full += r == -WRIT_E_NO_SPACE;
		other += r != 0 && r != -WRIT_E_NO_SPACE;
		if (r < 0 && r != -WRIT_E_NO_SPACE)
			report(each, r);
	}
	printf("flood: %u registered, %u refused, %u failed\n", good, full, other);
}

/* wrong NAME: what a registration must not bring. */
static void step_wrong(void)
{
	const char *name = next_word();
	writ_cap_t p = path(WRIT_R_READ), root = writ_slot_new();

	report("none", request(FSSRV_REGISTER, name, 0, 0));
	report("two", request(FSSRV_REGISTER, name, 2, p));
	report("three", request(FSSRV_REGISTER, name, 3, p));
	report("endpoint", request(FSSRV_REGISTER, name, 1, endpoint()));
	report("empty slot", request(FSSRV_REGISTER, name, 1, root));
	report("too many for a lookup", request(FSSRV_LOOKUP, name, 3, p));
	report("path", request(FSSRV_REGISTER, name, 1, p)); /* the control */
	writ_slot_free(p);
	writ_slot_free(root);
}

/* names NAME: below it, names that no name may be. */
static void step_names(void)
{
	static const char *const bad[] = { "/\x01", "/a\nb", "/..", "/a/../b", "//", "/a/",
		"/\x7f" };
	const char *name = next_word();
	unsigned refused = 0, all = sizeof(bad) / sizeof(bad[0]);
	writ_cap_t p = path(WRIT_R_READ);
	struct fs_target t;
	struct pb_rep rep;

	for (unsigned i = 0; i < all; i++) {
		struct pb_req q = { .op = FSSRV_REGISTER, .path = bad[i] };

		q.caps = (struct pb_caps){ 1, { p } };
		if (fs_resolve_quiet(name, &t) == 0)
			refused += fs_conn_call(t.conn, &q, false, &rep) < 0;
	}
	printf("names: %u of %u refused\n", refused, all);
	writ_slot_free(p);
}

/* revoked NAME: registered, and then the Path is taken back from all who have it. */
static void step_revoked(void)
{
	const char *name = next_word();
	writ_cap_t p = path(WRIT_R_READ);

	report("registered", request(FSSRV_REGISTER, name, 1, p));
	report("found", request(FSSRV_LOOKUP, name, 0, 0));
	report("revoke", writ_cap_revoke(p));
	report("found", request(FSSRV_LOOKUP, name, 0, 0));
	writ_slot_free(p);
}

/*
 * stuff N: so many frames with three capabilities each, of a kind that carries none. Who reads
 * them must not keep the slots.
 */
static void step_stuff(void)
{
	unsigned n = (unsigned)strtoul(next_word(), NULL, 10), sent = 0;
	writ_cap_t to = writ_named_cap(WRIT_TYPE_PATH, NULL), p = path(WRIT_R_READ);
	struct frame f = { .kind = FRAME_CANCEL, .ncaps = 3, .caps = { p, p, p } };
	struct writ_chan *c;
	int r = writ_chan_open(to, NULL, &c);

	for (; r == 0 && sent < n; sent++) {
		struct tx *t = c->tx[CHAN_TX_KERNEL];

		while (
		    t->ops->reserve(t, 0) == NULL && sys_gate_block() == 0 && !chan_was_closed(c))
			;
		r = chan_was_closed(c) ? -WRIT_E_PEER_CLOSED : t->ops->commit(t, &f, false);
	}
	report("stuff", r);
	writ_slot_free(p);
}

/* deaf NAME N: so many lookups, with no slot for what is found. */
static void step_deaf(void)
{
	const char *name = next_word();
	unsigned n = (unsigned)strtoul(next_word(), NULL, 10), refused = 0;
	static struct wire_out o;
	struct fs_target t;

	for (unsigned i = 0; i < n && fs_resolve_quiet(name, &t) == 0; i++) {
		struct pb_req q = { .op = FSSRV_LOOKUP, .path = t.rest };
		struct frame f = { .id = 1, .wait = 1 };
		struct writ_hdr h;
		struct writ_chan *c;

		if (writ_chan_open(writ_named_cap(WRIT_TYPE_PATH, NULL), NULL, &c) < 0)
			continue;
		f.len = f.total = (uint32_t)pb_req_pack(&q, o.data, sizeof(o.data));
		wire_write(&o, &f);
		h = sys_hdr(WRIT_OP_CALL, writ_named_cap(WRIT_TYPE_PATH, NULL),
		    writ_chan_peer(c)->session, WIRE_LEN(f.len));
		refused += writ_gate_call(&h, &o, NULL, NULL, 0, NULL) < 0;
		writ_chan_close(c);
	}
	printf("deaf: %u of %u refused\n", refused, n);
}

/* churn NAME: register and leave, for ever: somebody kills this in the middle. */
static void step_churn(void)
{
	const char *name = next_word();
	struct writ_mbox *b;

	if (writ_mbox_new(endpoint(), &b) < 0)
		return;
	report("churn", 0);
	for (;;) {
		writ_mbox_register(b, name, WRIT_R_READ, NULL);
		writ_mbox_unregister(b, name);
	}
}

static void step_register(void)
{
	report("register", enroll(next_word()));
}

static void step_lookup(void)
{
	report("lookup", request(FSSRV_LOOKUP, next_word(), 0, 0));
}

static void step_unregister(void)
{
	report("unregister", request(FSSRV_UNREGISTER, next_word(), 0, 0));
}

bool hostile_step(const char *word)
{
	static const struct {
		const char *word;
		void (*fn)(void);
	} steps[] = { { "flood", step_flood }, { "wrong", step_wrong }, { "names", step_names },
		{ "revoked", step_revoked }, { "churn", step_churn }, { "stuff", step_stuff },
		{ "deaf", step_deaf }, { "register", step_register }, { "lookup", step_lookup },
		{ "unregister", step_unregister } };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i].word, word) == 0) {
			steps[i].fn();
			fflush(stdout);
			return true;
		}
	return false;
}
