/* SPDX-License-Identifier: MIT */
/* IPCRIGHTS0001 to 0005: each of the 16 masks of an endpoint's rights. */
#include "ipc.h"

static uint32_t mask(unsigned i)
{
	return ((i & 1) != 0 ? R : 0u) | ((i & 2) != 0 ? W : 0u) | ((i & 4) != 0 ? G : 0u) |
	    ((i & 8) != 0 ? GR : 0u);
}

/* Does @one, with a capability of each mask, succeed just when @may says? */
static unsigned each(bool (*one)(uint32_t rights), bool (*may)(uint32_t rights))
{
	unsigned right = 0;

	for (unsigned i = 0; i < 16; i++) {
		writ_retype_endpoint(WRIT_BOOT_UNTYPED, EP);
		right += one(mask(i)) == may(mask(i));
		for (unsigned p = 0; p < 2; p++)
			for (unsigned s = 8; s < 16; s++)
				take_away(&puppets[p], s);
		writ_cap_delete(EP); /* with what still waits there */
	}
	return right;
}

/* The missing right is told, too. */
static bool refused(struct puppet *p, uint32_t cookie, uint32_t missing)
{
	struct result r;

	return got(p, cookie, 0, &r) == -WRIT_E_NO_RIGHT && (r.h.missing & missing) != 0 &&
	    (r.h.missing & ~missing) == 0;
}

static bool odd; /* a refusal that is not NO_RIGHT with the right's name */

static bool send_one(uint32_t rights)
{
	uint32_t s;

	give(&puppets[0], 8, EP, rights, 0);
	s = sends(&puppets[0], 8, 1);
	if (is(&puppets[0], s, PENDING))
		return true;
	odd |= !refused(&puppets[0], sends(&puppets[0], 8, 1), W);
	return false;
}

static bool recv_one(uint32_t rights)
{
	uint32_t w;

	give(&puppets[0], 8, EP, rights, 0);
	w = recvs(&puppets[0], 8, 0);
	if (is(&puppets[0], w, PENDING))
		return true;
	odd |= !refused(&puppets[0], recvs(&puppets[0], 8, 0), R);
	return false;
}

static bool caps_one(uint32_t rights)
{
	struct writ_msg_req r = { .caps = { 9 }, .ncaps = 1 }, t = { .take = 10, .ntake = 1 };
	uint32_t w, s;

	give(&puppets[0], 8, EP, rights | W, 0);
	give(&puppets[0], 9, NTFN, R | W, 0);
	give(&puppets[1], 8, EP, R, 0);
	w = post(&puppets[1], WRIT_OP_RECV, 8, 0, &t, 0, 0);
	s = post(&puppets[0], WRIT_OP_SEND, 8, 0, &r, 0, 0);
	if (is(&puppets[1], w, 0))
		return type_at(&puppets[1], 10) == WRIT_TYPE_NOTIFICATION;
	odd |= !refused(&puppets[0], s, G);
	return false;
}

static bool call_one(uint32_t rights)
{
	uint32_t c;

	give(&puppets[0], 8, EP, rights | W, 0);
	c = calls(&puppets[0], 8, 1);
	if (is(&puppets[0], c, PENDING))
		return true;
	odd |= !refused(&puppets[0], calls(&puppets[0], 8, 1), G | GR);
	return false;
}

static bool reply_one(uint32_t rights)
{
	struct writ_msg_req r = { .caps = { 10 }, .ncaps = 1 }, t = { .take = 10, .ntake = 1 };
	uint32_t c, w;
	int e;

	give(&puppets[0], 8, EP, W | GR, 0); /* the caller lets capabilities come back */
	give(&puppets[1], 8, EP, rights | R, 0);
	give(&puppets[1], 10, NTFN, R | W, 0);
	c = post(&puppets[0], WRIT_OP_CALL, 8, 0, &t, 0, 0);
	w = recvs(&puppets[1], 8, 9);
	e = ask(&puppets[1], WRIT_OP_REPLY, 9, 0, &r, 0, 0, NULL);
	if (e == 0)
		return is(&puppets[0], c, 0) && is(&puppets[1], w, 0) &&
		    type_at(&puppets[0], 10) == WRIT_TYPE_NOTIFICATION;
	odd |= e != -WRIT_E_NO_RIGHT || !is(&puppets[0], c, PENDING) ||
	    replies(&puppets[1], 9, 1) != 0; /* without it the same Reply answers */
	return false;
}

static bool may_send(uint32_t r)
{
	return (r & W) != 0;
}

static bool may_recv(uint32_t r)
{
	return (r & R) != 0;
}

static bool may_grant(uint32_t r)
{
	return (r & G) != 0;
}

static bool may_call(uint32_t r)
{
	return (r & (G | GR)) != 0;
}

void test_rights(void)
{
	writ_retype(WRIT_BOOT_UNTYPED, WRIT_TYPE_NOTIFICATION, (struct writ_addr){ .index = NTFN },
	    1, (struct writ_quota){ 0 });
	check(each(send_one, may_send) == 16,
	    "IPCRIGHTS0001: to send needs write, in all 16 masks");
	check(each(recv_one, may_recv) == 16, "IPCRIGHTS0002: to receive needs read");
	check(each(caps_one, may_grant) == 16, "IPCRIGHTS0003: to send capabilities needs grant");
	check(each(call_one, may_call) == 16, "IPCRIGHTS0004: to call needs grant or grantreply");
	check(each(reply_one, may_grant) == 16,
	    "IPCRIGHTS0005: a Reply has grant if its receiver has");
	check(!odd, "each refusal is NO_RIGHT, names the right, and changes nothing");
	writ_cap_delete(NTFN);
}
