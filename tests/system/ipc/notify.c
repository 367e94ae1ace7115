/* SPDX-License-Identifier: MIT */
/* Notifications: bits, waiters, and being bound (BIND0001 to 0006, as far as they mean something).
 */
#include "ipc.h"

static struct puppet *const a = &puppets[0], *const b = &puppets[1], *const c = &puppets[2];

static int polled(struct puppet *p, uint64_t *ret)
{
	struct result r;
	int e = ask(p, WRIT_OP_POLL, 8, 0, NULL, 0, 0, &r);

	*ret = r.h.arg;
	return e;
}

static void signal_by(uint64_t badge)
{
	writ_cap_mint(NTFN, TMP, W, badge);
	writ_signal(TMP);
	writ_cap_delete(TMP);
}

static uint32_t waits(struct puppet *p)
{
	return post(p, WRIT_OP_WAIT, 8, 0, NULL, 0, 0);
}

static bool woken(struct puppet *p, uint32_t cookie, uint64_t bits)
{
	struct result r;

	return got(p, cookie, 0, &r) == 0 && r.h.arg == bits;
}

static void test_bits(void)
{
	uint64_t bits;
	uint32_t w, v;

	check(polled(a, &bits) == 0 && bits == 0, "POLL of one that was not signalled gives 0");
	signal_by(1);
	signal_by(4);
	signal_by(1);
	check(polled(a, &bits) == 0 && bits == 5 && polled(a, &bits) == 0 && bits == 0,
	    "badges are ORed, and taken once");
	signal_by(8);
	check(woken(a, waits(a), 8), "WAIT after a signal does not block");
	w = waits(a);
	v = waits(b);
	signal_by(2);
	check(woken(a, w, 2) && is(b, v, PENDING), "a signal wakes the first waiter only");
	signal_by(16);
	check(woken(b, v, 16), "the next one the next");
	w = waits(a);
	check(writ_signal(NTFN) == 0 && woken(a, w, 0), "a signal without a badge wakes, too");
	check(ask(c, WRIT_OP_SIGNAL, 8, 0, NULL, 0, 0, NULL) == 0 &&
		ask(c, WRIT_OP_POLL, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_NO_RIGHT &&
		is(c, waits(c), -WRIT_E_NO_RIGHT) &&
		ask(c, WRIT_OP_BIND, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_NO_RIGHT &&
		ask(b, WRIT_OP_SIGNAL, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_NO_RIGHT,
	    "write signals, read waits, polls and binds, and neither does the other's");
	polled(a, &bits);
}

static void test_bind(void)
{
	struct writ_hdr h;
	uint64_t bits;
	uint32_t w = waits(b);

	check(ask(a, WRIT_OP_BIND, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_BUSY,
	    "BIND0005: while somebody waits it can't be bound");
	signal_by(1);
	check(woken(b, w, 1) && ask(a, WRIT_OP_BIND, 8, 0, NULL, 0, 0, NULL) == 0,
	    "BIND0001: else it can");
	signal_by(64);
	check(event(a, 1000, &h) == 0 && h.op == WRIT_EV_SIGNAL && h.arg == 64 && h.cap == 8,
	    "BIND0002: its signals come as events");
	check(ask(b, WRIT_OP_BIND, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_BUSY &&
		ask(a, WRIT_OP_BIND, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_BUSY,
	    "BIND0003: it is bound once");
	check(is(b, waits(b), -WRIT_E_BUSY) && polled(b, &bits) == -WRIT_E_BUSY,
	    "BIND0004: others can neither wait for it nor take its bits");
	w = waits(a);
	signal_by(3);
	check(woken(a, w, 3) && event(a, 20, &h) == PENDING, "who is bound to it can wait as well");
	check(ask(b, WRIT_OP_UNBIND, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_ILLEGAL_OPERATION &&
		ask(a, WRIT_OP_UNBIND, 8, 0, NULL, 0, 0, NULL) == 0 &&
		ask(a, WRIT_OP_UNBIND, 8, 0, NULL, 0, 0, NULL) == -WRIT_E_ILLEGAL_OPERATION,
	    "it is unbound by who is bound to it, once");
	signal_by(5);
	check(event(a, 20, &h) == PENDING && polled(b, &bits) == 0 && bits == 5,
	    "then its bits stay, for anybody");
	signal_by(9);
	check(ask(a, WRIT_OP_BIND, 8, 0, NULL, 0, 0, NULL) == 0 && event(a, 1000, &h) == 0 &&
		h.arg == 9,
	    "bits from before it was bound come as well");
	puppet_end(a);
	signal_by(7);
	check(polled(b, &bits) == 0 && bits == 7 &&
		ask(b, WRIT_OP_BIND, 8, 0, NULL, 0, 0, NULL) == 0,
	    "BIND0006: who dies is no longer bound");
	puppet(0);
	writ_cap_delete(NTFN);
	w = waits(b); /* its own capability keeps it */
	check(is(b, w, PENDING) && take_away(b, 8) == 0 && take_away(c, 8) == 0 &&
		soon(b, w, -WRIT_E_STALE),
	    "with the last capability it goes, and who waits is told");
}

void test_notifications(void)
{
	writ_retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_NOTIFICATION, (struct writ_addr){ .index = NTFN },
	    1, (struct writ_quota){ 0 });
	give(a, 8, NTFN, R, 0);
	give(b, 8, NTFN, R, 0);
	give(c, 8, NTFN, W, 32);
	test_bits();
	test_bind();
}
