/* SPDX-License-Identifier: MIT */
/*
 * The node behind the benchmarks of channels: two pairs of procs, a client and a
 * server each, and two more clients of the first server, as pairs 2 and 3. A client does what
 * it is ordered and gives the nanoseconds.
 *
 * orders: "pids": of client and server of each pair, as the host sees them;
 *         "PAIR WHAT TRANSPORT SIZE ROUNDS PAUSE_US SPIN_NS BULK COUNT"
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <writ/chan.h>
#include "tests/bench/chans.h"
#include "tests/bench/tick.h"
#include "tests/system/gate/gate.h"

enum { CTL = 1, EP, TO, SIZE_MAX_ = 4 << 20, KEPT = 12 };

static char *in, *out; /* SIZE_MAX_ bytes each */

static _Noreturn void die(const char *what, int64_t r)
{
	printf("%s: %lld\n", what, (long long)r);
	fflush(stdout);
	exit(3);
}

static int64_t must(int64_t r, const char *what)
{
	if (r < 0)
		die(what, r);
	return r;
}

/* --- the server ------------------------------------------------------------------ */

/* Look at each word of what lies there, once; a piece is a multiple of 32 bytes. */
static uint64_t sum(const void *data, size_t n)
{
	const uint64_t *word = data;
	uint64_t s[4] = { 0 };

	for (size_t i = 0; i < n / sizeof(*word); i += 4)
		for (unsigned k = 0; k < 4; k++)
			s[k] += word[i + k];
	return s[0] + s[1] + s[2] + s[3];
}

static uint64_t get_in_place(struct writ_chan *c)
{
	struct writ_chan_msg m;
	const void *data;
	uint64_t s = 0;
	int64_t n;

	do {
		n = must(writ_chan_begin_get(c, &m, &data, -1), "begin_get");
		s += sum(data, (size_t)n);
		writ_chan_end_get(c);
	} while (m.offset + (uint64_t)n < m.len);
	return s;
}

/* The other side of one round. */
static void serve_round(struct writ_chan *c, const struct chans_order *o)
{
	struct writ_chan_msg m;
	struct writ_msg empty = { 0 };

	if (o->what == CHANS_CALL) {
		int64_t n = must(writ_chan_recv(c, in, SIZE_MAX_, &m, 0, -1), "recv");
		struct writ_msg back = { .data = in, .len = (size_t)n };

		must(writ_chan_reply(c, m.id, 0, &back, -1), "reply");
		return;
	}
	for (unsigned i = 0; i < o->count; i++)
		if (o->what == CHANS_SEND)
			must(writ_chan_recv(c, in, SIZE_MAX_, &m, 0, -1), "recv");
		else
			out[0] = (char)get_in_place(c);
	must(writ_chan_send(c, 0, &empty, -1), "send");
}

static _Noreturn void server(void)
{
	struct writ_mbox *b;
	struct writ_chan *c;
	struct writ_chan_msg m;
	struct chans_order o;
	int64_t n;

	must(writ_mbox_new(EP, &b), "mailbox");
	for (;;) {
		n = must(writ_mbox_recv(b, &c, in, SIZE_MAX_, &m, 0, -1), "mbox_recv");
		if (m.event == WRIT_CHAN_CLOSED)
			writ_chan_close(c);
		if (m.event != WRIT_CHAN_MSG)
			continue;
		if (m.label == CHANS_ECHO) {
			struct writ_msg back = { .data = in, .len = (size_t)n };

			must(writ_chan_reply(c, m.id, 0, &back, -1), "reply");
			continue;
		}
		memcpy(&o, in, sizeof(o));
		for (unsigned i = 0; i < o.rounds + o.warm; i++)
			serve_round(c, &o);
	}
}

/* --- the client ------------------------------------------------------------------ */

struct kept {
	struct chans_order o;
	struct writ_chan **c;
};

static struct kept kept[KEPT];

/* The channels of an order like this one; opened the first time. */
static struct writ_chan **channels(const struct chans_order *o)
{
	struct writ_chan_attr attr = { .transport = o->transport,
		.bulk = o->bulk,
		.spin_ns = o->spin_ns };
	struct writ_msg hello = { .data = out, .len = 64 };
	unsigned i = 0;

	for (; i < KEPT && kept[i].c != NULL; i++)
		if (kept[i].o.transport == o->transport && kept[i].o.bulk == o->bulk &&
		    kept[i].o.spin_ns == o->spin_ns && kept[i].o.open == o->open)
			return kept[i].c;
	if (i == KEPT)
		die("too many kinds of channels", i);
	kept[i].o = *o;
	kept[i].c = calloc(o->open, sizeof(*kept[i].c));
	if (kept[i].c == NULL)
		die("no memory", i);
	for (unsigned k = 0; k < o->open; k++) {
		must(writ_chan_open(TO, &attr, &kept[i].c[k]), "open");
		must(writ_chan_call(kept[i].c[k], CHANS_ECHO, &hello, in, SIZE_MAX_, NULL, -1),
		    "call");
	}
	return kept[i].c;
}

static void put_in_place(struct writ_chan *c, uint32_t size, int value)
{
	void *place;

	for (uint32_t done = 0; done < size;) {
		int64_t n = must(writ_chan_begin_put(c, 0, 0, size, &place, -1), "begin_put");

		if (n > size - done)
			n = size - done;
		memset(place, value, (size_t)n);
		must(writ_chan_end_put(c, (size_t)n), "end_put");
		done += (uint32_t)n;
	}
}

static void echo(struct writ_chan *c, const struct chans_order *o)
{
	struct writ_msg m = { .data = out, .len = o->size };
	int64_t n = writ_chan_call(c, CHANS_ECHO, &m, in, SIZE_MAX_, NULL, -1);

	if (n != o->size)
		die("call", n);
}

/* One way, @o->count times, and a word when all have come. */
static void stream(struct writ_chan *c, const struct chans_order *o)
{
	struct writ_msg m = { .data = out, .len = o->size };

	if (o->what == CHANS_SEND) {
		writ_chan_cork(c);
		for (unsigned i = 0; i < o->count; i++)
			must(writ_chan_send(c, 0, &m, -1), "send");
		must(writ_chan_flush(c), "flush");
	} else {
		for (unsigned i = 0; i < o->count; i++)
			put_in_place(c, o->size, (int)i);
	}
	must(writ_chan_recv(c, in, SIZE_MAX_, NULL, 0, -1), "recv");
}

/* A call on each of @o->count channels at once. */
static void many(struct writ_chan **c, const struct chans_order *o)
{
	struct writ_msg m = { .data = out, .len = o->size };
	unsigned step = o->open / o->count;

	for (unsigned i = 0; i < o->count; i++)
		must(writ_chan_call_begin(c[i * step], CHANS_ECHO, &m, -1), "call_begin");
	for (unsigned i = 0; i < o->count; i++)
		must(writ_chan_recv(c[i * step], in, SIZE_MAX_, NULL, 0, -1), "recv");
}

static void round_of(struct writ_chan **c, const struct chans_order *o)
{
	switch (o->what) {
	case CHANS_CALL:
	case CHANS_ECHO: echo(*c, o); break;
	case CHANS_SEND:
	case CHANS_PUT: stream(*c, o); break;
	case CHANS_MANY: many(c, o); break;
	case CHANS_TRAP: syscall(SYS_getpid); break;
	default: die("what", o->what);
	}
}

static void obey(const struct chans_order *o, int64_t *ns)
{
	struct writ_chan **c = channels(o);
	struct writ_msg plan = { .data = o, .len = sizeof(*o) };
	struct tick_start start;

	if (o->what == CHANS_CALL || o->what == CHANS_SEND || o->what == CHANS_PUT)
		must(writ_chan_send(*c, o->what, &plan, -1), "plan");
	for (unsigned i = 0; i < o->warm; i++)
		round_of(c, o);
	start = tick_start();
	for (unsigned i = 0; i < o->rounds; i++) {
		uint64_t from;

		if (o->pause_us > 0)
			usleep(o->pause_us);
		from = tick();
		round_of(c, o);
		ns[i] = (int64_t)(tick() - from);
	}
	tick_scale(start, ns, o->rounds);
}

static int client(void)
{
	static int64_t ns[CHANS_ROUNDS];
	static uint32_t answer[CHANS_ROUNDS];
	struct chans_order o = { 0 };
	struct writ_take t = { .reply = writ_slot_new(), .buf = &o, .size = sizeof(o) };
	struct writ_msg_rep rep;

	while (writ_recv(CTL, &t, &rep) == sizeof(o) && o.rounds <= CHANS_ROUNDS) {
		struct writ_msg m = { .data = answer, .len = o.rounds * sizeof(answer[0]) };

		obey(&o, ns);
		for (unsigned i = 0; i < o.rounds; i++)
			answer[i] = (uint32_t)ns[i];
		if (writ_reply(t.reply, &m) != 0)
			return 2;
	}
	return 1;
}

/* --- the first server ------------------------------------------------------------ */

static uint32_t slot(unsigned pair, unsigned what)
{
	return SCRATCH + 10 * pair + what;
}

enum { PROC_CLIENT = 5, PROC_SERVER };

static unsigned server_of(unsigned pair)
{
	return pair < 2 ? pair : 0;
}

/* Of class LC: one of class BE is SCHED_IDLE to Linux, the peer's processes aren't. */
static bool run_lc(uint32_t dst, const char *mode, const struct give *g, unsigned n)
{
	int64_t pid = spawn_with(SPAWN, dst, mode, g, n,
	    (struct writ_spawn_req){ .image = image,
		.class = WRIT_CLASS_LC,
		.cores = 100,
		.memory = 1 << 30,
		.log_max = 1 << 20 });

	return pid > 0 && call(WRIT_OP_START, WRIT_BOOT_SCHED, (uint64_t)pid, NULL, 0) == 0;
}

static bool server_new(unsigned pair)
{
	struct give srv[] = { { slot(pair, EP), EP, WRIT_R_READ } };

	return writ_retype_endpoint(WRIT_BOOT_UNTYPED, slot(pair, EP)) == 0 &&
	    run_lc(slot(pair, PROC_SERVER), "server", srv, 1);
}

static bool client_new(unsigned pair)
{
	struct give cl[] = { { slot(pair, CTL), CTL, WRIT_R_READ | WRIT_R_GRANT },
		{ slot(pair, TO), TO, WRIT_R_READ | WRIT_R_WRITE } };

	return writ_retype_endpoint(WRIT_BOOT_UNTYPED, slot(pair, CTL)) == 0 &&
	    writ_path_derive(slot(server_of(pair), EP), slot(pair, TO), "/",
		WRIT_R_READ | WRIT_R_WRITE, 0) == 0 &&
	    run_lc(slot(pair, PROC_CLIENT), "client", cl, 2);
}

static int say_pids(void)
{
	for (unsigned i = 0; i < 2 * CHANS_PAIRS; i++) {
		struct writ_proc_row row = { 0 };
		uint32_t proc = i % 2 == 0 ? slot(i / 2, PROC_CLIENT)
					   : slot(server_of(i / 2), PROC_SERVER);

		for (unsigned tries = 0; row.host_pid == 0; tries++) {
			if (tries > 1000 || writ_proc_stat(proc, &row) != 0)
				return -1;
			nap_ms(1);
		}
		printf("%d\n", row.host_pid);
	}
	return fflush(stdout);
}

static int carry_out(const char *words)
{
	static uint32_t ns[CHANS_ROUNDS];
	struct chans_order o;
	struct writ_take t = { .buf = ns, .size = sizeof(ns) };
	struct writ_msg m = { .data = &o, .len = sizeof(o) };
	struct writ_msg_rep rep;
	unsigned pair;

	if (strncmp(words, "pids", 4) == 0)
		return say_pids();
	if (sscanf(words, CHANS_FORMAT, &pair, &o.what, &o.transport, &o.size, &o.rounds, &o.warm,
		&o.pause_us, &o.spin_ns, &o.bulk, &o.count, &o.open) != 11 ||
	    pair >= CHANS_PAIRS || o.rounds > CHANS_ROUNDS || o.size > SIZE_MAX_ ||
	    writ_call(slot(pair, CTL), &m, &t, &rep) < 0)
		return -1;
	for (unsigned i = 0; i < o.rounds; i++)
		printf("%u\n", ns[i]);
	return fflush(stdout);
}

static int conduct(void)
{
	writ_cap_t host = writ_named_cap(WRIT_TYPE_HOST, "ctl");
	int dir = writ_cap_fd(host);
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	char order[160];
	unsigned last = 0;

	image = writ_named_cap(WRIT_TYPE_IMAGE, "root");
	if (dir < 0 ||
	    !realm_new(ACCOUNT, REALM, SPAWN, "bench",
		(struct writ_quota){ (uint64_t)2 << 30, 30000, 9 }))
		return 1;
	for (unsigned i = 0; i < CHANS_PAIRS; i++)
		if ((server_of(i) == i && !server_new(i)) || !client_new(i))
			return 1;
	for (;;) {
		int fd = (int)syscall(SYS_openat2, dir, "order", &how, sizeof(how));
		ssize_t n = fd < 0 ? 0 : read(fd, order, sizeof(order) - 1);
		char *words;
		unsigned number;

		if (fd >= 0)
			close(fd);
		order[n > 0 ? n : 0] = '\0';
		number = (unsigned)strtoul(order, &words, 10);
		if (number == last) {
			nap_ms(2);
			continue;
		}
		last = number;
		if (carry_out(words + strspn(words, " ")) < 0)
			return 2;
	}
}

int writ_main(int argc, char **argv)
{
	in = malloc(SIZE_MAX_);
	out = malloc(SIZE_MAX_);
	if (in == NULL || out == NULL)
		return 1;
	if (writ_self()->parent == 0)
		return conduct();
	while (writ_slot_new() < TO)
		; /* what it was given there has no names that would tell */
	memset(in, 1, SIZE_MAX_);
	memset(out, 1, SIZE_MAX_);
	if (argc > 1 && strcmp(argv[1], "server") == 0)
		server();
	return client();
}
