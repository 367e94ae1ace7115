/* SPDX-License-Identifier: MIT */
/*
 * One request of an operator's, unpacked, given to its handler, answered. Every
 * frame gets a reply; a malformed one gets an error.
 */
#include "servers/root/op.h"
#include <stdio.h>

static void dispatch(const struct op_user *u, struct call *c)
{
	unsigned op = (unsigned)c->q->op;
	int r;

	if (op >= u->n || u->handlers[op] == NULL) {
		snprintf(c->why, sizeof(c->why), "operation %u is unknown to this node", op);
		r = -WRIT_E_BAD_REQUEST;
	} else {
		r = u->handlers[op](c);
	}
	c->rep.status = (uint32_t)-r;
	if (r < 0 && c->why[0] == '\0')
		snprintf(c->why, sizeof(c->why), "%s", writ_strerror(r));
	c->rep.error = c->why;
}

size_t op_answer(const struct op_user *u, const void *req, size_t len, void **kept, uint8_t *rep,
    size_t size, bool *ret_down)
{
	struct call c = { .rep = WRIT__OP__REP__INIT, .kept = kept };
	size_t n;

	c.q = arena_unpack(&c.arena, &writ__op__req__descriptor, req, len);
	if (c.q == NULL) {
		c.rep.status = WRIT_E_BAD_REQUEST;
		c.rep.error = "malformed request";
	} else {
		dispatch(u, &c);
	}
	if (writ__op__rep__get_packed_size(&c.rep) > size) {
		rows_free(&c.rep);
		c.rep = (Writ__Op__Rep)WRIT__OP__REP__INIT;
		c.rep.status = WRIT_E_RANGE;
		c.rep.error = "the answer is too long for one message";
	}
	n = c.later ? OP_LATER : writ__op__rep__pack(&c.rep, rep);
	rows_free(&c.rep);
	arena_free(&c.arena);
	*ret_down = c.down;
	return n;
}
