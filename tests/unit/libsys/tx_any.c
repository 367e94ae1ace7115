/* SPDX-License-Identifier: MIT */
/* What every transport must do: order, sizes, room, waking, close. */
#include "tx_any.h"
#include "pattern.h"
#include <poll.h>
#include <string.h>

#define STR2(x) #x
#define STR(x)  STR2(x)
#define NEED(cond) \
	do { \
		if (!(cond)) \
			return __FILE__ ":" STR(__LINE__) ": not true: " #cond; \
	} while (0)
#define PASS(call) \
	do { \
		const char *wrong_ = (call); \
		if (wrong_ != NULL) \
			return wrong_; \
	} while (0)

enum { SOON_MS = 2000, SIZES = 7, MANY = 3000, STEPS = 30000, ROUNDS = 200 };

static const size_t sizes[SIZES] = { 0, 1, 40, 64, 65, 4096, 65536 };

static size_t size_at(const struct tx *t, size_t i)
{
	return sizes[i % SIZES] < t->frame_max ? sizes[i % SIZES] : t->frame_max;
}

static void hinted(void *owner)
{
	(void)owner;
}

/* Sleep, by the book; what was heard is forgotten. */
static bool rang(const struct tx_ends *e, int side, int ms)
{
	struct tx *t = e->t[side];
	struct pollfd p = { .fd = t->fd, .events = POLLIN };

	if (e->rang != NULL)
		return e->rang(t, ms);
	if (poll(&p, 1, ms) != 1)
		return false;
	if (t->ops->woken != NULL)
		t->ops->woken(t, hinted);
	return true;
}

/* Frame number @n of @len bytes: all that is in it depends on n. */
static struct frame header(size_t n, size_t len)
{
	return (struct frame){ .len = (uint32_t)len,
		.total = (uint32_t)(n * 3),
		.label = (uint32_t)(n * 5),
		.id = (uint32_t)n,
		.kind = (uint8_t)(n % FRAME_SWITCH) };
}

/* Send it: 1, 0 (no room), or an error. */
static int put(struct tx *t, size_t n, size_t len, bool cork)
{
	struct frame f = header(n, len);
	void *at = t->ops->reserve(t, len);
	int r;

	if (at == NULL)
		return 0;
	pat_fill(at, n, 0, len);
	r = t->ops->commit(t, &f, cork);
	return r < 0 ? r : 1;
}

static const char *is(const struct frame *f, const void *data, size_t n, size_t len)
{
	struct frame want = header(n, len);

	NEED(f->len == want.len);
	NEED(f->total == want.total && f->label == want.label && f->id == want.id);
	NEED(f->kind == want.kind && f->ncaps == 0);
	NEED(pat_is(data, n, 0, len));
	return NULL;
}

/* Wait for a frame, by the book. Returns what peek() does. */
static int await(struct tx_ends *e, int side, struct frame *f, const void **data)
{
	struct tx *t = e->t[side];
	int r = t->ops->peek(t, f, data);

	for (unsigned i = 0; r == 0 && i < 50; i++) {
		if (!t->ops->arm(t, TX_IN, 0))
			rang(e, side, SOON_MS / 50);
		t->ops->disarm(t, TX_IN);
		r = t->ops->peek(t, f, data);
	}
	return r;
}

static const char *got(struct tx_ends *e, int side, size_t n, size_t len)
{
	struct tx *t = e->t[side];
	const void *data;
	struct frame f;

	NEED(await(e, side, &f, &data) == 1);
	PASS(is(&f, data, n, len));
	NEED(t->ops->release(t) == 0);
	return NULL;
}

static const char *none(struct tx *t)
{
	const void *data;
	struct frame f;

	NEED(t->ops->peek(t, &f, &data) == 0);
	return NULL;
}

/* --- cases ------------------------------------------------------------------------ */

static const char *every_size(struct tx_ends *e, uint64_t seed)
{
	(void)seed;
	for (int side = 0; side < 2; side++) {
		struct tx *t = e->t[side];

		PASS(none(e->t[!side]));
		for (size_t n = 0; n < 20 * SIZES; n++) {
			NEED(put(t, n, size_at(t, n), false) == 1);
			PASS(got(e, !side, n, size_at(t, n)));
		}
		NEED(put(t, 1, t->frame_max, false) == 1);
		PASS(got(e, !side, 1, t->frame_max));
	}
	return NULL;
}

static const char *order(struct tx_ends *e, uint64_t seed)
{
	size_t sent[2] = { 0 }, taken[2] = { 0 };
	uint64_t s = seed;

	/* What a frame's size was is found again from its number. */
	while (taken[0] < MANY || taken[1] < MANY) {
		int side = (int)(pat_rnd(&s) % 2);
		struct tx *t = e->t[side];

		for (size_t n = pat_rnd(&s) % 100; n > 0 && sent[side] < MANY; n--) {
			int r = put(t, sent[side], size_at(t, sent[side] * 11 / 7), n > 1);

			NEED(r >= 0);
			if (r == 0)
				break;
			sent[side]++;
		}
		t->ops->flush(t);
		for (size_t n = pat_rnd(&s) % 100; n > 0 && taken[side] < sent[side]; n--) {
			PASS(got(e, !side, taken[side], size_at(t, taken[side] * 11 / 7)));
			taken[side]++;
		}
	}
	PASS(none(e->t[0]));
	return none(e->t[1]);
}

/* How many of @len fit; all are taken again. */
static const char *fill(struct tx_ends *e, int side, size_t len, size_t *ret)
{
	struct tx *t = e->t[side];
	size_t n = 0;
	int r;

	while ((r = put(t, n, len, false)) == 1 && n < MANY)
		n++;
	NEED(r == 0); /* there is an end */
	NEED(n > 0);
	*ret = n;
	NEED(t->ops->reserve(t, len) == NULL);
	NEED(!t->ops->arm(t, TX_OUT, len));
	t->ops->disarm(t, TX_OUT);
	/* Neither a full way out nor waiting for it says anything of the other direction. */
	NEED(put(e->t[!side], 7, 9, false) == 1);
	PASS(got(e, side, 7, 9));
	return NULL;
}

static const char *room(struct tx_ends *e, uint64_t seed)
{
	(void)seed;
	for (size_t i = 0; i < 2 * SIZES; i++) {
		int side = i % 2 != 0;
		struct tx *t = e->t[side];
		size_t len = size_at(t, i), n, k, more = 0;

		PASS(fill(e, side, len, &n));
		NEED(!t->ops->arm(t, TX_OUT, len));
		for (k = 0; k < n; k++)
			PASS(got(e, !side, k, len));
		PASS(none(e->t[!side])); /* whoever finds nothing has told of all it took */
		NEED(rang(e, side, SOON_MS));
		t->ops->disarm(t, TX_OUT);
		while (put(t, more, len, false) == 1)
			more++;
		NEED(more == n);
		for (k = 0; k < more; k++)
			PASS(got(e, !side, k, len));
		PASS(none(e->t[!side]));
	}
	return NULL;
}

static const char *wakes(struct tx_ends *e, uint64_t seed)
{
	(void)seed;
	for (int i = 0; i < ROUNDS; i++) {
		int side = i % 2;
		struct tx *t = e->t[side], *from = e->t[!side];

		NEED(!t->ops->arm(t, TX_IN, 0));
		NEED(put(from, 5, size_at(from, (size_t)i), false) == 1);
		NEED(rang(e, side, SOON_MS));
		t->ops->disarm(t, TX_IN);
		PASS(got(e, side, 5, size_at(from, (size_t)i)));
		/* What has rung once and was answered keeps nobody awake. */
		NEED(!t->ops->arm(t, TX_IN, 0));
		NEED(!rang(e, side, 0));
		t->ops->disarm(t, TX_IN);
	}
	return NULL;
}

static const char *armed_with_something_there(struct tx_ends *e, uint64_t seed)
{
	const void *data;
	struct frame f;

	(void)seed;
	for (int side = 0; side < 2; side++) {
		struct tx *t = e->t[side];

		NEED(t->ops->arm(t, TX_OUT, 1));
		t->ops->disarm(t, TX_OUT);
		NEED(put(e->t[!side], 1, 1, false) == 1);
		NEED(await(e, side, &f, &data) == 1);
		NEED(t->ops->arm(t, TX_IN, 0));
		t->ops->disarm(t, TX_IN);
		PASS(got(e, side, 1, 1));
		NEED(!t->ops->arm(t, TX_IN, 0));
		NEED(t->ops->arm(t, TX_IN | TX_OUT, 1));
		t->ops->disarm(t, TX_IN | TX_OUT);
	}
	return NULL;
}

/* Who holds a frame back and waits for room sleeps, and is not told of the frame again. */
static const char *held_frame_is_no_room(struct tx_ends *e, uint64_t seed)
{
	struct tx *t = e->t[0];
	const void *data;
	struct frame f;
	size_t n = 0;

	(void)seed;
	NEED(put(e->t[1], 1, 1, false) == 1);
	NEED(await(e, 0, &f, &data) == 1);
	while (put(t, n, t->frame_max, false) == 1)
		n++;
	NEED(!t->ops->arm(t, TX_OUT, t->frame_max));
	t->ops->disarm(t, TX_OUT);
	for (size_t k = 0; k < n; k++)
		PASS(got(e, 1, k, t->frame_max));
	return got(e, 0, 1, 1);
}

static const char *corked(struct tx_ends *e, uint64_t seed)
{
	(void)seed;
	for (int side = 0; side < 2; side++) {
		struct tx *t = e->t[side], *from = e->t[!side];

		NEED(!t->ops->arm(t, TX_IN, 0));
		for (size_t n = 0; n < 3; n++)
			NEED(put(from, n, 50, true) == 1);
		from->ops->flush(from);
		NEED(rang(e, side, SOON_MS));
		t->ops->disarm(t, TX_IN);
		for (size_t n = 0; n < 3; n++)
			PASS(got(e, side, n, 50));
		from->ops->flush(from); /* of nothing */
		PASS(none(t));
	}
	return NULL;
}

static const char *stays(struct tx_ends *e, uint64_t seed)
{
	const void *data[3];
	struct frame f[3];

	(void)seed;
	for (int side = 0; side < 2; side++) {
		struct tx *t = e->t[side], *from = e->t[!side];

		NEED(put(from, 4, size_at(t, 5), false) == 1);
		NEED(await(e, side, &f[0], &data[0]) == 1);
		NEED(put(from, 5, 3, false) == 1);
		NEED(put(t, 9, size_at(t, 5), false) == 1);
		t->ops->arm(t, TX_IN | TX_OUT, 8);
		t->ops->disarm(t, TX_IN | TX_OUT);
		t->ops->flush(t);
		for (int i = 1; i < 3; i++) {
			NEED(t->ops->peek(t, &f[i], &data[i]) == 1);
			NEED(data[i] == data[0]);
			PASS(is(&f[i], data[i], 4, size_at(t, 5)));
		}
		PASS(got(e, side, 4, size_at(t, 5)));
		PASS(got(e, side, 5, 3));
		PASS(got(e, !side, 9, size_at(t, 5)));
	}
	return NULL;
}

/* The same place till commit(), which may use less of it, or none for now. */
static const char *reserved(struct tx_ends *e, uint64_t seed)
{
	(void)seed;
	for (size_t i = 1; i < 2 * SIZES; i++) {
		struct tx *t = e->t[i % 2];
		size_t all = size_at(t, i), used = all - all / 3;
		struct frame f = header(6, used);
		uint8_t *at = t->ops->reserve(t, all);

		NEED(at != NULL);
		memset(at, 0xee, all);
		NEED(t->ops->reserve(t, all) == at);
		pat_fill(at, 6, 0, used);
		PASS(none(e->t[(i + 1) % 2]));
		NEED(t->ops->commit(t, &f, false) == 0);
		PASS(got(e, (i + 1) % 2, 6, used));
		NEED(t->ops->reserve(t, all) != NULL); /* given up for one of another size */
		NEED(put(t, 8, 2, false) == 1);
		PASS(got(e, (i + 1) % 2, 8, 2));
	}
	return NULL;
}

/* Both ways at once, at random, as many steps as it takes. */
static const char *any_way(struct tx_ends *e, uint64_t seed)
{
	size_t sent[2] = { 0 }, taken[2] = { 0 };
	const void *data;
	struct frame f;

	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t x = pat_rnd(&seed);
		int side = x & 1, r;
		struct tx *t = e->t[side];

		switch (x >> 1 & 7) {
		case 0:
		case 1:
		case 2: /* of an own number of bytes, by its number */
			r = put(t, sent[side], sent[side] * 37 % (t->frame_max + 1), x & 256);
			NEED(r >= 0);
			sent[side] += r == 1;
			break;
		case 3: t->ops->flush(t); break;
		case 4: /* nothing of this is seen from outside */
			t->ops->arm(t, x >> 9 & 3, x >> 11 & 127);
			t->ops->disarm(t, x >> 9 & 3);
			break;
		default:
			r = t->ops->peek(t, &f, &data);
			NEED(r >= 0);
			if (r == 0)
				break;
			NEED(taken[side] < sent[!side]);
			PASS(is(&f, data, taken[side], taken[side] * 37 % (t->frame_max + 1)));
			NEED(t->ops->release(t) == 0);
			taken[side]++;
			break;
		}
	}
	for (int side = 0; side < 2; side++) {
		e->t[side]->ops->flush(e->t[side]);
		for (; taken[!side] < sent[side]; taken[!side]++)
			PASS(got(e, !side, taken[!side],
			    taken[!side] * 37 % (e->t[side]->frame_max + 1)));
	}
	NEED(sent[0] > 100 && sent[1] > 100);
	return NULL;
}

/* What was sent before is still there. */
static const char *closes(struct tx_ends *e, uint64_t seed)
{
	struct tx *t = e->t[1];
	const void *data;
	struct frame f;
	size_t n = 0;

	(void)seed;
	NEED(put(t, 1, 1, false) == 1); /* which the other never takes */
	while (n < 20 && put(e->t[0], n, size_at(t, n), false) == 1)
		n++;
	e->t[0]->ops->close(e->t[0]);
	e->t[0] = NULL;
	put(t, 2, 2, false); /* whatever that gives, it loses nothing of what came */
	for (size_t k = 0; k < n; k++)
		PASS(got(e, 1, k, size_at(t, k)));
	if (!e->tells)
		return none(t);
	NEED(await(e, 1, &f, &data) == -WRIT_E_PEER_CLOSED);
	NEED(t->ops->peek(t, &f, &data) == -WRIT_E_PEER_CLOSED);
	NEED(t->ops->arm(t, TX_IN, 0)); /* nobody would ring */
	t->ops->disarm(t, TX_IN);
	NEED(put(t, 3, 1, false) <= 0);
	return NULL;
}

/* Close wakes whoever sleeps. */
static const char *close_wakes(struct tx_ends *e, uint64_t seed)
{
	struct tx *t = e->t[0];
	const void *data;
	struct frame f;

	(void)seed;
	if (!e->tells)
		return NULL;
	NEED(!t->ops->arm(t, TX_IN, 0));
	e->t[1]->ops->close(e->t[1]);
	e->t[1] = NULL;
	NEED(rang(e, 0, SOON_MS));
	t->ops->disarm(t, TX_IN);
	NEED(t->ops->peek(t, &f, &data) == -WRIT_E_PEER_CLOSED);
	return NULL;
}

const struct tx_case tx_cases[] = {
	{ "every size, both ways", every_size },
	{ "order", order },
	{ "room, and its end", room },
	{ "wakes who sleeps, once", wakes },
	{ "who would sleep for what is there is told", armed_with_something_there },
	{ "a frame that is held is no room", held_frame_is_no_room },
	{ "corked till flush", corked },
	{ "what was looked at stays", stays },
	{ "what was reserved stays", reserved },
	{ "any way", any_way },
	{ "close with data under way", closes },
	{ "close wakes", close_wakes },
};
const unsigned tx_ncases = sizeof(tx_cases) / sizeof(tx_cases[0]);

void tx_ends_close(struct tx_ends *e)
{
	for (int i = 0; i < 2; i++)
		if (e->t[i] != NULL)
			e->t[i]->ops->close(e->t[i]);
}
