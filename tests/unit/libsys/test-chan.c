/* SPDX-License-Identifier: MIT */
/* Channels: order, sizes, wrap, full rings, sleep, and a peer that breaks everything. */
#include "fixture.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const size_t sizes[] = { 0, 1, 40, 41, 64, 4096, 65536 };

static struct ends {
	int fds[2][WRIT_FDS_MAX];
	unsigned count;
} ends;

static uint8_t buf[CHAN_MSG_MAX], rep[CHAN_MSG_MAX];

static void fill(uint8_t *p, size_t len, uint64_t k)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(k + i * 7 + (i >> 8));
}

static bool filled(const uint8_t *p, size_t len, uint64_t k)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != (uint8_t)(k + i * 7 + (i >> 8)))
			return false;
	return true;
}

/* Take one message, sleeping by the book as a server does. */
static int64_t take_sleeping(struct chan *c, uint64_t *id, uint32_t *label)
{
	int64_t n;

	while ((n = chan_take(c, id, label, buf, sizeof(buf))) == -WRIT_E_BUSY) {
		struct pollfd p = { .fd = c->bell_in, .events = POLLIN };

		if (chan_sleep(c))
			continue;
		MUST(poll(&p, 1, 20000) == 1);
		chan_wake(c);
	}
	return n;
}

static int echo_server(void *arg)
{
	const struct ends *e = arg;
	uint32_t label;
	struct chan c;
	uint64_t id;
	int64_t n;

	ring_side(&c, 1, e->fds[1]);
	for (unsigned i = 0; i < e->count; i++) {
		n = take_sleeping(&c, &id, &label);
		MUST(n >= 0 && label == i);
		MUST(chan_send(&c, id, label, buf, (size_t)n, -1) == 0);
	}
	return 0;
}

static int call_client(void *arg)
{
	const struct ends *e = arg;
	struct chan c;

	ring_side(&c, 0, e->fds[0]);
	for (unsigned i = 0; i < e->count; i++) {
		size_t len = sizes[i % NITEMS(sizes)];

		fill(buf, len, i);
		if (i % 50 == 49)
			usleep(2000); /* so that the server goes to sleep */
		MUST(chan_call(&c, i, buf, len, rep, sizeof(rep)) == (int64_t)len);
		MUST(filled(rep, len, i));
	}
	chan_close(&c);
	return 0;
}

/* Run @client and @server on one ring, each with a silent kernel behind. */
static void run_pair(int (*client)(void *), int (*server)(void *), unsigned count)
{
	int ga[2], gb[2];
	pid_t a, b;

	ring_make(ends.fds);
	ends.count = count;
	gate_pair(ga);
	gate_pair(gb);
	b = proc_fork(gb[1], server, &ends);
	a = proc_fork(ga[1], client, &ends);
	ck_assert_int_eq(proc_join(a), 0);
	ck_assert_int_eq(proc_join(b), 0);
	close(ga[0]);
	close(gb[0]);
}

START_TEST(test_calls_of_every_size)
{
	run_pair(call_client, echo_server, 2100);
}
END_TEST

static int stream_client(void *arg)
{
	const struct ends *e = arg;
	uint64_t seed = 1;
	struct chan c;

	ring_side(&c, 0, e->fds[0]);
	for (unsigned i = 0; i < e->count; i++) {
		size_t len = rnd(&seed) % (i % 8 == 0 ? 60000 : 100);

		fill(buf, len, i);
		MUST(chan_send(&c, i, i, buf, len, 20000) == 0);
	}
	return 0;
}

static int stream_server(void *arg)
{
	const struct ends *e = arg;
	uint64_t seed = 1, id;
	uint32_t label;
	struct chan c;

	ring_side(&c, 1, e->fds[1]);
	for (unsigned i = 0; i < e->count; i++) {
		size_t len = rnd(&seed) % (i % 8 == 0 ? 60000 : 100);

		if (i % 500 == 0)
			usleep(5000); /* the client fills the ring and has to wait */
		MUST(take_sleeping(&c, &id, &label) == (int64_t)len);
		MUST(id == i && label == i && filled(buf, len, i));
	}
	return 0;
}

START_TEST(test_stream_keeps_order_through_wrap_and_full_rings)
{
	run_pair(stream_client, stream_server, 20000);
}
END_TEST

/* Both sides in one process. */
static void both(struct chan *client, struct chan *server)
{
	int fds[2][WRIT_FDS_MAX];

	ring_make(fds);
	ring_side(client, 0, fds[0]);
	ring_side(server, 1, fds[1]);
}

START_TEST(test_full_ring_has_no_room_until_one_is_taken)
{
	struct chan a, b;
	uint32_t label;
	uint64_t id;

	both(&a, &b);
	for (unsigned i = 0; i < CHAN_SLOTS; i++)
		ck_assert_int_eq(chan_send(&a, i, 0, "x", 1, 0), 0);
	ck_assert_int_eq(chan_send(&a, 99, 0, "x", 1, 0), -WRIT_E_TIMED_OUT);
	ck_assert_int_eq(chan_room(&a, 1), 0);
	ck_assert_int_eq(chan_take(&b, &id, &label, buf, sizeof(buf)), 1);
	ck_assert_uint_eq(id, 0);
	/* and the bell was rung for it */
	ck_assert_int_eq((int)read(a.bell_in, &id, sizeof(id)), (int)sizeof(id));
	ck_assert_int_eq(chan_room(&a, 1), 1);
	ck_assert_int_eq(chan_send(&a, 99, 0, "x", 1, 0), 0);
	chan_close(&a);
	chan_close(&b);
}
END_TEST

START_TEST(test_full_bulk_area_has_no_room_for_bulk)
{
	struct chan a, b;

	both(&a, &b);
	ck_assert_int_eq(chan_send(&a, 1, 0, buf, 65536, 0), 0);
	ck_assert_int_eq(chan_send(&a, 2, 0, buf, 65536, 0), 0);
	ck_assert_int_eq(chan_send(&a, 3, 0, buf, CHAN_INLINE + 1, 0), -WRIT_E_TIMED_OUT);
	ck_assert_int_eq(chan_send(&a, 3, 0, buf, CHAN_INLINE, 0), 0);
	ck_assert_int_eq(chan_send(&a, 4, 0, buf, CHAN_MSG_MAX + 1, 0), -WRIT_E_RANGE);
	chan_close(&a);
	chan_close(&b);
}
END_TEST

START_TEST(test_long_message_for_a_short_buffer_is_dropped)
{
	struct chan a, b;
	uint32_t label;
	uint64_t id;

	both(&a, &b);
	fill(buf, 5000, 3);
	ck_assert_int_eq(chan_send(&a, 1, 0, buf, 5000, 0), 0);
	ck_assert_int_eq(chan_send(&a, 2, 0, buf, 300, 0), 0);
	ck_assert_int_eq(chan_take(&b, &id, &label, rep, 4999), -WRIT_E_RANGE);
	ck_assert_int_eq(chan_take(&b, &id, &label, rep, 300), 300);
	ck_assert(filled(rep, 300, 3));
	ck_assert(chan_all_taken(&a));
	chan_close(&a);
	chan_close(&b);
}
END_TEST

static int lonely_client(void *arg)
{
	const struct ends *e = arg;
	struct chan c;

	ring_side(&c, 0, e->fds[0]);
	c.session = 5;
	MUST(chan_call(&c, 0, "x", 1, rep, sizeof(rep)) == -WRIT_E_PEER_CLOSED);
	MUST(c.closed && !chan_all_taken(&c));
	/* The other event has been kept. */
	MUST(writ_event_kept());
	return 0;
}

START_TEST(test_death_of_the_server_ends_a_call)
{
	struct writ_hdr h = {
		.op = WRIT_EV_CLOSED,
		.version = WRIT_ABI_VERSION,
		.reply = 2,
		.arg = 6,
	};
	int g[2];
	pid_t a;

	ring_make(ends.fds);
	gate_pair(g);
	a = proc_fork(g[1], lonely_client, &ends);
	kernel_say(g[0], &h, NULL, NULL);
	usleep(20000);
	h.arg = 5;
	kernel_say(g[0], &h, NULL, NULL);
	ck_assert_int_eq(proc_join(a), 0);
	close(g[0]);
}
END_TEST

START_TEST(test_death_of_the_kernel_ends_a_call)
{
	int g[2];
	pid_t a;

	ring_make(ends.fds);
	ends.count = 1;
	gate_pair(g);
	a = proc_fork(g[1], call_client, &ends);
	shutdown(g[0], SHUT_RDWR);
	ck_assert_int_eq(proc_join(a), 99); /* its call failed, it did not hang */
}
END_TEST

/* --- hostile peers ------------------------------------------------------------- */

/* Write something anywhere in the ring, mostly where it hurts: near slot @at. */
static void mutate(struct chan_ring *r, uint32_t at, uint64_t *seed)
{
	static const uint32_t odd[] = { 0, 1, 2, 40, 41, 63, 64, 65536, 65537, 131072, 0x7fffffff,
		0xffffffff };
	uint32_t v = rnd(seed) % 2 != 0 ? odd[rnd(seed) % NITEMS(odd)] : (uint32_t)rnd(seed);
	struct chan_half *h = &r->half[rnd(seed) % 2];
	struct chan_slot *s = &h->slot[(at + rnd(seed) % 2) % CHAN_SLOTS];

	switch (rnd(seed) % 10) {
	case 0: __atomic_store_n(&h->tail, v, __ATOMIC_RELAXED); break;
	case 1: __atomic_store_n(&h->bulk_tail, v, __ATOMIC_RELAXED); break;
	case 2: __atomic_store_n(&h->starved, v, __ATOMIC_RELAXED); break;
	case 3: __atomic_store_n(&h->asleep, v, __ATOMIC_RELAXED); break;
	case 4: __atomic_store_n(&s->seq, v, __ATOMIC_RELAXED); break;
	case 5: __atomic_store_n(&s->len, v, __ATOMIC_RELAXED); break;
	case 6: __atomic_store_n(&s->off, v, __ATOMIC_RELAXED); break;
	case 7: s->data[v % CHAN_INLINE] = (uint8_t)v; break;
	case 8: h->bulk[v % CHAN_BULK] = (uint8_t)v; break;
	default: __atomic_fetch_add(&s->len, 1, __ATOMIC_RELAXED); break;
	}
}

struct tally {
	unsigned taken, broken;
};

/* Whatever the ring says: results in range, the buffer's end untouched, no private index out of
 * step. */
static void victim_step(struct chan *c, uint8_t *out, size_t size, struct tally *t)
{
	uint32_t label;
	uint64_t id;
	int64_t n;

	memset(out + size, 0xa5, 16);
	n = chan_take(c, &id, &label, out, size);
	ck_assert(n >= -WRIT_E_TOO_MANY_OPEN && n <= (int64_t)size);
	ck_assert(n >= 0 || n == -WRIT_E_BUSY || n == -WRIT_E_PEER_CLOSED || n == -WRIT_E_RANGE);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(out[size + i], 0xa5);
	t->taken += n >= 0;
	t->broken += c->closed;
	if (chan_room(c, 2000) == 1)
		chan_send(c, 1, 2, out, size < 2000 ? size : 2000, 0);
	chan_sleep(c);
	chan_wake(c);
}

START_TEST(test_a_peer_that_mutates_everything_costs_its_channel_only)
{
	uint64_t seed = seed_new("hostile ring");
	struct tally t = { 0 };
	uint8_t *out = malloc(CHAN_MSG_MAX + 16);
	struct chan a, b;

	both(&a, &b);
	for (unsigned i = 0; i < 100000; i++) {
		size_t len = rnd(&seed) % 3 == 0 ? rnd(&seed) % 70000 : rnd(&seed) % 64;

		if (chan_send(&a, i, 0, buf, len, 0) < 0)
			mutate(b.ring, b.taken, &seed);
		if (rnd(&seed) % 2 == 0)
			mutate(b.ring, b.taken, &seed);
		victim_step(&b, out, rnd(&seed) % (CHAN_MSG_MAX + 1), &t);
		if (a.closed || b.closed || i % 64 == 63) {
			chan_close(&a);
			chan_close(&b);
			both(&a, &b);
		}
	}
	chan_close(&a);
	chan_close(&b);
	free(out);
	printf("hostile ring: %u messages taken, %u channels broken\n", t.taken, t.broken);
	ck_assert_uint_gt(t.taken, 1000);
	ck_assert_uint_gt(t.broken, 1000);
}
END_TEST

static struct mutator {
	struct chan c;
	uint64_t seed;
} mutator;

static int mutate_for_ever(void *arg)
{
	struct mutator *m = arg;

	do {
		/* Sometimes as a client that has just connected: the victim begins anew as well. */
		if (rnd(&m->seed) % 4 == 0) {
			m->c.sent = m->c.bulk_sent = 0;
			__atomic_store_n(&m->c.ring->half[0].tail, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&m->c.ring->half[0].bulk_tail, 0, __ATOMIC_RELAXED);
		}
		chan_send(&m->c, 1, 1, buf, rnd(&m->seed) % 5000, 0);
		mutate(m->c.ring, 0, &m->seed);
		m->c.closed = false;
	} while (getppid() != 1);
	return 0;
}

START_TEST(test_a_peer_that_mutates_while_it_is_read)
{
	uint64_t seed = seed_new("hostile ring, at once");
	uint8_t *out = malloc(CHAN_MSG_MAX + 16);
	struct tally t = { 0 };
	struct chan b;
	int g[2];
	pid_t pid;

	mutator.seed = seed;
	both(&mutator.c, &b);
	gate_pair(g);
	pid = proc_fork(g[1], mutate_for_ever, &mutator);
	for (unsigned i = 0; i < 100000; i++) {
		victim_step(&b, out, rnd(&seed) % (CHAN_MSG_MAX + 1), &t);
		if (b.closed) {
			/* As if it had just connected, with what is in the ring. */
			memset(b.ring, 0, sizeof(*b.ring));
			b.closed = false;
			b.sent = b.bulk_sent = b.taken = b.bulk_taken = 0;
		}
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(proc_join(pid), 1000 + SIGKILL);
	close(g[0]);
	chan_close(&mutator.c);
	chan_close(&b);
	free(out);
	printf("hostile ring, at once: %u messages taken, %u times broken\n", t.taken, t.broken);
	ck_assert_uint_gt(t.taken, 10);
	ck_assert_uint_gt(t.broken, 10);
}
END_TEST

START_TEST(test_a_forgotten_ring_holds_no_memory)
{
	struct chan a, b;
	uint32_t label;
	struct stat st;
	uint64_t id;
	int64_t n;
	int fds[2][WRIT_FDS_MAX], fd;

	ring_make(fds);
	fd = dup(fds[0][0]);
	ring_side(&a, 0, fds[0]);
	ring_side(&b, 1, fds[1]);
	ck_assert_int_eq(chan_send(&b, 1, 1, buf, sizeof(buf), 0), 0);
	ck_assert_int_eq(chan_send(&b, 2, 1, buf, 8, 0), 0);
	n = chan_take(&a, &id, &label, rep, sizeof(rep));
	ck_assert_int_eq(n, sizeof(buf));
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_gt(st.st_blocks, 0);
	chan_forget(&b);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_blocks, 0);
	/* what was not taken is not taken for zeros */
	ck_assert_int_lt(chan_take(&a, &id, &label, rep, sizeof(rep)), 0);
	close(fd);
	chan_close(&a);
	chan_close(&b);
}
END_TEST

Suite *chan_suite(void)
{
	Suite *s = suite_create("chan");
	TCase *t = tcase_create("chan");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_calls_of_every_size);
	tcase_add_test(t, test_stream_keeps_order_through_wrap_and_full_rings);
	tcase_add_test(t, test_full_ring_has_no_room_until_one_is_taken);
	tcase_add_test(t, test_full_bulk_area_has_no_room_for_bulk);
	tcase_add_test(t, test_long_message_for_a_short_buffer_is_dropped);
	tcase_add_test(t, test_death_of_the_server_ends_a_call);
	tcase_add_test(t, test_death_of_the_kernel_ends_a_call);
	tcase_add_test(t, test_a_forgotten_ring_holds_no_memory);
	tcase_add_test(t, test_a_peer_that_mutates_everything_costs_its_channel_only);
	tcase_add_test(t, test_a_peer_that_mutates_while_it_is_read);
	suite_add_tcase(s, t);
	return s;
}
