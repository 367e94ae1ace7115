/* SPDX-License-Identifier: MIT */
/*
 * ipc.user.*: channels between two procs of a node, beside what two plain
 * processes reach on the same CPUs with the least that does the same; and
 * ipc.*.size.*, round trips by size over several transports, for the plot.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <writ/chan.h>
#include "bench.h"
#include "chans.h"
#include "node.h"
#include "raw.h"

enum { MIB = 1 << 20, IDLE = 100, LIST_MAX = 64 };

/* A benchmark: what the procs do, on which CPUs, and the peer. */
struct duel {
	const char *name, *peer_name, *note;
	struct chans_order o; /* rounds is the turn */
	struct raw_spec raw;  /* its CPUs are ours */
	unsigned rounds, ops; /* as in struct bench */
	int one_cpu;          /* else CPU 0 and CPU 1 */
	int half;             /* the figure is half of a round */
	unsigned peer_open;   /* no raw one: the other pair of procs, with so many channels */
	uint32_t peer_what;   /* which does that; 0: the same */
	unsigned more_open;   /* of the server of ours, by two more clients each */
	char text[160];       /* placement */
};

struct side {
	unsigned left;
	int64_t ns[CHANS_ROUNDS];
};

static struct {
	int up;
	int64_t pid[2 * CHANS_PAIRS]; /* client, server, client, server, ... */
	struct raw *raw;
	struct side ours, peer;
} b;

/* --- the node ------------------------------------------------------------------- */

static int order(unsigned pair, const struct chans_order *o, unsigned open, int64_t *ns)
{
	char words[160];

	snprintf(words, sizeof(words), CHANS_FORMAT, pair, o->what, o->transport, o->size,
	    o->rounds, o->warm, o->pause_us, o->spin_ns, o->bulk, o->count, open);
	if (node_order(words, o->rounds, ns) == 0)
		return 0;
	b.up = 0;
	return -1;
}

static int pin(const struct duel *d)
{
	for (unsigned i = 0; i < 2 * CHANS_PAIRS; i++)
		if (raw_pin((int)b.pid[i], i % 2 == 0 || d->one_cpu ? 0 : 1) < 0)
			return -1;
	return 0;
}

static int need_node(void)
{
	if (b.up)
		return 0;
	node_down();
	b.up = node_up("bench-chans") == 0 && node_order("pids", 2 * CHANS_PAIRS, b.pid) == 0;
	return b.up ? 0 : -1;
}

/* A proc can't have all the channels of a server: have others open some, too. */
static int open_more(const struct duel *d)
{
	struct chans_order o = d->o;
	int64_t ns;

	o.what = CHANS_ECHO;
	o.rounds = 1;
	return order(2, &o, d->more_open, &ns) < 0 ? -1 : order(3, &o, d->more_open, &ns);
}

/* --- duels ---------------------------------------------------------------------- */

static int set_up(void *arg)
{
	const struct duel *d = arg;
	struct raw_spec raw = d->raw;

	b.ours.left = b.peer.left = 0;
	raw.cpu[1] = !d->one_cpu;
	if (d->peer_open == 0)
		b.raw = raw_new(&raw);
	if ((d->peer_open == 0 && b.raw == NULL) || need_node() < 0)
		return -1;
	return pin(d) < 0 || (d->more_open > 0 && open_more(d) < 0) ? -1 : 0;
}

static void tear_down(void *arg)
{
	(void)arg;
	raw_free(b.raw);
	b.raw = NULL;
}

static int64_t ours(void *arg)
{
	const struct duel *d = arg;

	if (b.ours.left == 0) {
		if (order(0, &d->o, d->o.open, b.ours.ns) < 0)
			return -1;
		b.ours.left = d->o.rounds;
	}
	return b.ours.ns[--b.ours.left] / (d->half ? 2 : 1);
}

static int64_t peer(void *arg)
{
	const struct duel *d = arg;
	struct chans_order o = d->o;

	if (b.peer.left == 0) {
		o.what = d->peer_what > 0 ? d->peer_what : o.what;
		if ((d->peer_open > 0 ? order(1, &o, d->peer_open, b.peer.ns)
				      : raw_turn(b.raw, d->o.rounds, b.peer.ns)) < 0)
			return -1;
		b.peer.left = d->o.rounds;
	}
	return b.peer.ns[--b.peer.left];
}

/* --- idle ones ------------------------------------------------------------------ */

/* A number behind @key in the file of proc @pid (@key "": the first); -1: none. */
static int64_t proc_number(int64_t pid, const char *file, const char *key)
{
	char path[64], line[256];
	int64_t n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "re");
	while (f != NULL && n < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			n = strtoll(line + strlen(key), NULL, 10);
	if (f != NULL)
		fclose(f);
	return n;
}

static int64_t both(const char *file, const char *key)
{
	int64_t client = proc_number(b.pid[0], file, key);
	int64_t server = proc_number(b.pid[1], file, key);

	return client < 0 || server < 0 ? -1 : client + server;
}

/* One call on each of IDLE new channels. */
static int open_idle(uint32_t transport)
{
	struct chans_order o = { CHANS_ECHO, transport, 64, 1, 0, .count = 1 };
	int64_t ns;

	return order(0, &o, IDLE, &ns);
}

/* CPU time of client and server together in two seconds, all channels open and none used. */
static int64_t idle_cpu(void *arg)
{
	int64_t before, after;

	if (open_idle(*(const uint32_t *)arg) < 0)
		return -1;
	usleep(1500000); /* until what is given back when idle is */
	before = both("schedstat", "");
	usleep(2000000);
	after = both("schedstat", "");
	return before < 0 || after < 0 ? -1 : after - before;
}

/* Bytes resident for one more channel, in client and server together. */
static int64_t idle_memory(void *arg)
{
	int64_t before, after;

	before = both("smaps_rollup", "Pss:");
	if (open_idle(*(const uint32_t *)arg) < 0)
		return -1;
	after = both("smaps_rollup", "Pss:");
	return before < 0 || after < 0 ? -1 : (after - before) * 1024 / IDLE;
}

static int set_up_idle(void *arg)
{
	struct chans_order o = { CHANS_ECHO, *(const uint32_t *)arg, 64, 1, 0, .count = 1 };
	int64_t ns;

	b.up = 0; /* a fresh one */
	return need_node() < 0 ? -1 : order(0, &o, 1, &ns);
}

/* --- the list ------------------------------------------------------------------- */

#define RING .transport = WRIT_TX_USER
#define FAR  "memcpy of 1 MiB between 64 pairs of buffers, out of its caches"
#define HOT  "memcpy of 1 MiB between the same two buffers, in its caches"

/* clang-format off */
#define CALLS(what_, turn_)                                                                        \
	{ .what = (what_), RING, .size = 64, .rounds = (turn_), .warm = 100, .open = 1 }
#define COLD(spin)                                                                                 \
	{ .what = CHANS_ECHO, RING, .size = 64, .rounds = 25, .pause_us = 300, .spin_ns = (spin),  \
	  .open = 1 }
#define STREAM(what_, size_, count_)                                                               \
	{ .what = (what_), RING, .size = (size_), .rounds = 10, .warm = 1, .count = (count_),      \
	  .open = 1 }
#define RAW(kind_)       { .kind = (kind_), .size = 64 }
#define RAW_COLD(kind_)  { .kind = (kind_), .size = 64, .pause_us = 300 }
#define RAW_COPY(pairs_) { .kind = RAW_MEMCPY, .size = MIB, .batch = 8, .spread = (pairs_) }

static struct duel duels[] = {
	{ "ipc.user.rtt", "raw shared-memory spin loop", NULL,
	    CALLS(CHANS_CALL, 1000), RAW(RAW_SPIN), .rounds = 20000 },
	{ "ipc.user.rtt.mbox", "raw shared-memory spin loop", "the server takes it out of a mailbox",
	    CALLS(CHANS_ECHO, 1000), RAW(RAW_SPIN), .rounds = 20000 },
	{ "ipc.user.rtt.nng", "nng req/rep over ipc", NULL,
	    CALLS(CHANS_CALL, 200), RAW(RAW_NNG), .rounds = 2000 },
	{ "ipc.user.oneway", "getppid()", "half of a round trip",
	    CALLS(CHANS_CALL, 1000), RAW(RAW_GETPPID), .rounds = 20000, .half = 1 },
	{ "ipc.user.oneway.proc", "getpid() in a proc, behind its filter", "half of a round trip",
	    CALLS(CHANS_CALL, 1000), RAW(RAW_GETPPID), .rounds = 20000, .half = 1, .peer_open = 1,
	    .peer_what = CHANS_TRAP },
	{ "ipc.user.cold", "eventfd round trip", "both asleep each time, no spinning",
	    COLD(-1), RAW_COLD(RAW_EVENTFD), .rounds = 500 },
	{ "ipc.user.cold.futex", "futex round trip", "both asleep each time, no spinning",
	    COLD(-1), RAW_COLD(RAW_FUTEX), .rounds = 500 },
	{ "ipc.user.cold.auto", "eventfd round trip", "the server asleep, the client spins as usual",
	    COLD(0), RAW_COLD(RAW_EVENTFD), .rounds = 500 },
	{ "ipc.user.samecpu", "one SOCK_SEQPACKET round trip", NULL,
	    CALLS(CHANS_CALL, 500), RAW(RAW_SEQPACKET), .rounds = 10000, .one_cpu = 1 },
	{ "ipc.user.rate", "raw single-producer ring", NULL, STREAM(CHANS_SEND, 64, 10000),
	    { .kind = RAW_RING, .size = 64, .batch = 10000 }, .rounds = 200, .ops = 10000 },
	{ "ipc.user.bw", FAR, NULL,
	    STREAM(CHANS_SEND, MIB, 8), RAW_COPY(64), .rounds = 100, .ops = 8 * MIB },
	{ "ipc.user.bw.hot", HOT, NULL,
	    STREAM(CHANS_SEND, MIB, 8), RAW_COPY(1), .rounds = 100, .ops = 8 * MIB },
	{ "ipc.user.bw.put", FAR, "filled once in place, read in place",
	    STREAM(CHANS_PUT, MIB, 8), RAW_COPY(64), .rounds = 100, .ops = 8 * MIB },
	{ "ipc.user.bw.put.hot", HOT, "filled once in place, read in place",
	    STREAM(CHANS_PUT, MIB, 8), RAW_COPY(1), .rounds = 100, .ops = 8 * MIB },
	{ "ipc.user.many", "the same 100 alone", "100 of 10,000 rings of one server are used",
	    { CHANS_MANY, RING, .size = 64, .rounds = 50, .warm = 5, .bulk = 16384, .count = 100,
	      .open = 4000 }, RAW(RAW_SPIN), .rounds = 1000, .ops = 100, .peer_open = 100,
	    .more_open = 3000 },
};

/* clang-format on */

static struct bench list[LIST_MAX];
static unsigned listed;

static void add_duel(struct duel *d)
{
	snprintf(d->text, sizeof(d->text), "%s%s%s",
	    d->one_cpu ? "client, server and the peer's two processes on CPU 0"
		       : "client on CPU 0, server on CPU 1; the peer's two processes the same",
	    d->note != NULL ? "; " : "", d->note != NULL ? d->note : "");
	list[listed++] = (struct bench){
		.name = d->name,
		.peer_name = d->peer_name,
		.setup = set_up,
		.teardown = tear_down,
		.ours = ours,
		.peer = peer,
		.arg = d,
		.rounds = d->rounds,
		.turn = d->o.rounds,
		.ops = d->ops,
		.placement = d->text,
		.unit = d->ops >= MIB ? "B/s" : NULL,
	};
}

static void add_idle(const char *name, uint32_t transport, bench_round *round, const char *unit,
    const char *what)
{
	static uint32_t transports[LIST_MAX];

	transports[listed] = transport;
	list[listed] = (struct bench){ .name = name,
		.setup = set_up_idle,
		.ours = round,
		.arg = &transports[listed],
		.rounds = 1,
		.turn = 1,
		.placement = what,
		.unit = unit };
	listed++;
}

/* Round trips of that size, through @transport and between plain processes. */
static void add_size(const char *by, uint32_t transport, enum raw_kind kind, const char *peer_name,
    uint32_t size)
{
	struct duel *d = calloc(1, sizeof(*d));
	char *name = malloc(64);
	unsigned turn = size < 65536 ? 100 : 20;

	if (d == NULL || name == NULL)
		exit(1);
	snprintf(name, 64, "ipc.%s.size.%u", by, size);
	*d = (struct duel){ name, peer_name, NULL,
		{ CHANS_CALL, transport, .size = size, .rounds = turn, .warm = 20, .open = 1 },
		{ .kind = kind, .size = size }, .rounds = 4 * turn };
	add_duel(d);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 8, 64, 512, 4096, 32768, 262144, MIB };
	int rc;

	for (unsigned i = 0; i < sizeof(duels) / sizeof(duels[0]); i++)
		add_duel(&duels[i]);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add_size("user", WRIT_TX_USER, RAW_STREAM, "unix stream socket", sizes[i]);
		add_size("kernel", WRIT_TX_KERNEL, RAW_NNG, "nng req/rep over ipc", sizes[i]);
	}
	add_idle("ipc.user.idle.cpu", WRIT_TX_USER, idle_cpu, "ns",
	    "CPU time of client and server in 2 s, 100 rings between them");
	add_idle("ipc.user.idle.memory", WRIT_TX_USER, idle_memory, "B",
	    "resident for one channel with a ring, client and server together");
	add_idle("ipc.auto.idle.cpu", WRIT_TX_AUTO, idle_cpu, "ns",
	    "the same of channels as they usually are");
	add_idle("ipc.auto.idle.memory", WRIT_TX_AUTO, idle_memory, "B",
	    "the same of channels as they usually are");
	rc = bench_main(argc, argv, list, listed);
	node_down();
	return rc;
}
