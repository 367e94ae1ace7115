/* SPDX-License-Identifier: MIT */
/*
 * A server and its clients as they are in a node: the server skeleton, the
 * file-server glue and the file client, with a small kernel that knows no more
 * than sessions. What the kernel would do about rights is not tested here.
 */
#include "fixture.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include "libsys/pb.h"
#include "libsys/sys.h"
#include "memfs.h"
#include <writ/start.h>
#include <writ/writ.h>

#define PROCS    8
#define SESSIONS 128

/* procs[0] is the server. */
static struct node {
	struct {
		int gate;
		pid_t pid;
		bool alive;
		int status;
	} procs[PROCS];
	unsigned nprocs;
	struct {
		unsigned client;
		bool open;
	} sessions[SESSIONS];
	unsigned nsessions, notes, server_lives;
	char noted[WRIT_PREFIX_MAX];
	int (*server)(void *arg);
	bool ready;
} node;

/* --- the small kernel --------------------------------------------------------------- */

static pid_t start(int (*fn)(void *), unsigned i)
{
	int g[2];

	gate_pair(g);
	node.procs[i].pid = proc_fork(g[1], fn, NULL);
	node.procs[i].gate = g[0];
	node.procs[i].alive = true;
	return node.procs[i].pid;
}

static void server_start(void)
{
	struct start_buf s;

	start(node.server, 0);
	node.ready = false;
	node.server_lives++;
	start_init(&s);
	start_name(&s, WRIT_TYPE_ENDPOINT, "fs", 1, WRIT_R_READ);
	kernel_begin(node.procs[0].gate, &s);
}

/* A client with Paths: "/all" (slot 1) has all rights, "/new" (slot 2) may create only. */
static void client_start(int (*fn)(void *))
{
	unsigned i = node.nprocs++;
	struct start_buf s;

	start(fn, i);
	start_init(&s);
	start_name(&s, WRIT_TYPE_PATH, "/all", 1, 0x7f);
	start_name(&s, WRIT_TYPE_PATH, "/new/d", 2, WRIT_R_CREATE);
	kernel_begin(node.procs[i].gate, &s);
}

static void tell_closed(unsigned proc, unsigned session)
{
	struct writ_hdr h = {
		.op = WRIT_EV_CLOSED,
		.version = WRIT_ABI_VERSION,
		.reply = 2,
		.arg = session,
	};

	if (node.procs[proc].alive)
		kernel_say(node.procs[proc].gate, &h, NULL, NULL);
}

static void do_connect(unsigned client, const struct writ_hdr *q, struct writ_hdr *rep)
{
	uint32_t rights = q->cap == 1 ? 0x7f : WRIT_R_CREATE;
	struct writ_connect_rep body = { .session = ++node.nsessions, .rights = rights };
	struct writ_ev_connect ev = {
		.session = node.nsessions,
		.rights = rights,
		.pid = 100 + client,
		.realm = 1,
	};
	struct writ_hdr h = {
		.op = WRIT_EV_CONNECT,
		.version = WRIT_ABI_VERSION,
		.reply = 2,
		.len = sizeof(ev),
	};

	ck_assert_uint_lt(node.nsessions, SESSIONS);
	snprintf(ev.prefix, sizeof(ev.prefix), "%s", q->cap == 1 ? "/" : "/d");
	node.sessions[node.nsessions].client = client;
	node.sessions[node.nsessions].open = true;
	kernel_say(node.procs[0].gate, &h, &ev, NULL);
	rep->arg = node.nsessions;
	rep->len = sizeof(body);
	kernel_say(node.procs[client].gate, rep, &body, NULL);
}

static void do_ring(unsigned client, const struct writ_hdr *q, struct writ_hdr *rep)
{
	struct writ_ev_ring ev = { .session = (uint32_t)q->arg, .bells = 1, .bytes = CHAN_BYTES };
	struct writ_hdr h = {
		.op = WRIT_EV_RING,
		.version = WRIT_ABI_VERSION,
		.reply = 2,
		.len = sizeof(ev),
		.nfds = 3,
	};
	int fds[2][WRIT_FDS_MAX];

	if (!node.sessions[q->arg].open) {
		rep->status = WRIT_E_FAILED_LOOKUP;
		kernel_say(node.procs[client].gate, rep, NULL, NULL);
		return;
	}
	ring_make(fds);
	kernel_say(node.procs[0].gate, &h, &ev, fds[1]);
	rep->nfds = 3;
	kernel_say(node.procs[client].gate, rep, NULL, fds[0]);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < WRIT_FDS_MAX; j++)
			close(fds[i][j]);
}

static void do_close(unsigned by, unsigned session)
{
	if (session == 0 || session >= SESSIONS || !node.sessions[session].open)
		return;
	node.sessions[session].open = false;
	tell_closed(by == 0 ? node.sessions[session].client : 0, session);
}

static void proc_gone(unsigned i)
{
	node.procs[i].alive = false;
	node.procs[i].status = proc_join(node.procs[i].pid);
	close(node.procs[i].gate);
	if (node.procs[i].status != 0)
		printf("proc %u ended with %d\n", i, node.procs[i].status);
	for (unsigned s = 1; s <= node.nsessions; s++)
		if (i == 0 || node.sessions[s].client == i)
			do_close(i, s);
	if (i == 0 && node.server_lives < 3)
		server_start();
}

static void serve_gate(unsigned i)
{
	union {
		struct writ_note_req note;
		uint8_t raw[8192];
	} b;
	struct writ_hdr h, rep;
	int fd;

	if (!kernel_hear(node.procs[i].gate, &h, &b, sizeof(b), &fd)) {
		proc_gone(i);
		return;
	}
	rep = (struct writ_hdr){
		.op = h.op,
		.version = WRIT_ABI_VERSION,
		.cookie = h.cookie,
		.reply = 1,
	};
	switch (h.op) {
	case WRIT_OP_CONNECT: do_connect(i, &h, &rep); return;
	case WRIT_OP_RING: do_ring(i, &h, &rep); return;
	case WRIT_OP_CLOSE: do_close(i, (unsigned)h.arg); break;
	case WRIT_OP_STARTED: node.ready = node.ready || i == 0; break;
	case WRIT_OP_NOTE:
		node.notes++;
		memcpy(node.noted, b.note.what, sizeof(node.noted));
		break;
	}
	kernel_say(node.procs[i].gate, &rep, NULL, NULL);
}

/* Serve all gates until no client is left (or, with @ready, until the server has started). */
static void kernel_run(bool ready)
{
	for (;;) {
		struct pollfd p[PROCS];
		unsigned clients = 0;

		for (unsigned i = 0; i < node.nprocs; i++) {
			clients += i > 0 && node.procs[i].alive;
			p[i] = (struct pollfd){
				.fd = node.procs[i].alive ? node.procs[i].gate : -1,
				.events = POLLIN,
			};
		}
		if (ready ? node.ready : clients == 0)
			return;
		ck_assert_int_gt(poll(p, node.nprocs, 20000), 0);
		for (unsigned i = 0; i < node.nprocs; i++)
			if (p[i].revents != 0)
				serve_gate(i);
	}
}

static void node_start(int (*server)(void *))
{
	memset(&node, 0, sizeof(node));
	node.nprocs = 1;
	node.server = server;
	server_start();
	kernel_run(true);
}

static void node_stop(void)
{
	ck_assert(node.procs[0].alive);
	kill(node.procs[0].pid, SIGKILL);
	proc_join(node.procs[0].pid);
	close(node.procs[0].gate);
	for (unsigned i = 1; i < node.nprocs; i++)
		ck_assert_int_eq(node.procs[i].status, 0);
}

static int memfs_server(void *arg)
{
	char **argv;
	int argc;

	(void)arg;
	MUST(writ_adopt(&argc, &argv) == 0);
	memfs_reset();
	return fssrv_main(argc, argv, &memfs_ops);
}

static void adopt(void)
{
	char **argv;
	int argc;

	MUST(writ_adopt(&argc, &argv) == 0);
}

/* --- files ------------------------------------------------------------------------------ */

static int files_client(void *arg)
{
	static char big[150000];
	struct writ_dirent *ents;
	struct writ_stat st;
	char *text;
	int h;

	(void)arg;
	adopt();
	MUST(writ_get("/all/f", &text) == 4 && strcmp(text, "file") == 0);
	free(text);
	MUST(writ_stat("/all", &st) == 0 && st.kind == WRIT_DIR);
	MUST(writ_stat("/all/f", &st) == 0 && st.kind == WRIT_FILE && st.size == 4);
	MUST(writ_stat("/all/none", &st) == -WRIT_E_NOT_FOUND);
	MUST(writ_mkdir("/all/new") == 0);
	MUST(writ_mkdir("/all/new") == -WRIT_E_EXISTS);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31 + (i >> 9));
	MUST(writ_put("/all/new/big", big, sizeof(big)) == sizeof(big));
	MUST(writ_put("/all/new/big", big, sizeof(big)) == sizeof(big));
	MUST(writ_get("/all/new/big", &text) == sizeof(big) && memcmp(text, big, sizeof(big)) == 0);
	free(text);
	h = writ_open("/all/new/big", WRIT_O_READ | WRIT_O_WRITE);
	MUST(h >= 0 && writ_read(h, big, 10) == 10 && writ_pread(h, big, 100000, 100000) == 50000);
	MUST(writ_read(h, big, 1) == 1 && big[0] == (char)(10 * 31));
	MUST(writ_close(h) == 0);
	MUST(writ_close(h) == -WRIT_E_BAD_HANDLE);
	MUST(writ_rename("/all/new/big", "/all/small") == 0);
	MUST(writ_readdir("/all/new", &ents) == 0); /* nothing is left of the temporary file */
	free(ents);
	MUST(writ_readdir("/all", &ents) == 4);
	MUST(strcmp(ents[0].name, "d") == 0 && ents[0].kind == WRIT_DIR);
	MUST(strcmp(ents[3].name, "small") == 0 && ents[3].size == sizeof(big));
	free(ents);
	MUST(writ_remove("/all/small") == 0);
	MUST(writ_remove("/all/small") == -WRIT_E_NOT_FOUND);
	return 0;
}

START_TEST(test_files)
{
	node_start(memfs_server);
	client_start(files_client);
	kernel_run(false);
	node_stop();
}
END_TEST

static int namespace_client(void *arg)
{
	struct writ_dirent *ents;
	struct writ_stat st;
	char *text;

	(void)arg;
	adopt();
	MUST(writ_readdir("/", &ents) == 2);
	MUST(strcmp(ents[0].name, "all") == 0 && strcmp(ents[1].name, "new") == 0);
	free(ents);
	MUST(writ_readdir("/new", &ents) == 1 && strcmp(ents[0].name, "d") == 0);
	free(ents);
	MUST(writ_stat("/new", &st) == 0 && st.kind == WRIT_DIR);
	/* Noted once each: nothing covers these. */
	MUST(writ_get("/allx", &text) == -WRIT_E_NO_PATH);
	MUST(writ_readdir("/ne", &ents) == -WRIT_E_NO_PATH);
	/* Not noted: no paths at all. */
	MUST(writ_get("/all/../f", &text) == -WRIT_E_BAD_PATH);
	MUST(writ_get("all", &text) == -WRIT_E_BAD_PATH);
	/* Only create: its own, once; nothing else. The server notes one refusal for two in a row.
	 */
	MUST(writ_put("/new/d/mine", "x", 1) == 1);
	MUST(writ_put("/new/d/mine", "x", 1) == -WRIT_E_EXISTS);
	MUST(writ_get("/new/d/mine", &text) == -WRIT_E_NO_RIGHT);
	MUST(writ_get("/new/d/mine", &text) == -WRIT_E_NO_RIGHT);
	MUST(writ_rename("/all/f", "/new/d/f") == -WRIT_E_ILLEGAL_OPERATION);
	MUST(writ_get("/all/d/mine", &text) == 1 && text[0] == 'x');
	return 0;
}

START_TEST(test_namespace_and_notes)
{
	node_start(memfs_server);
	client_start(namespace_client);
	kernel_run(false);
	ck_assert_uint_eq(node.notes, 3);
	ck_assert_str_eq(node.noted, "/d/mine");
	node_stop();
}
END_TEST

/* --- a directory larger than a batch ----------------------------------------------------- */

static int many_client(void *arg)
{
	struct writ_dirent *ents;
	char path[64];

	(void)arg;
	adopt();
	for (unsigned i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/all/d/%03u", i);
		MUST(writ_put(path, "", 0) == 0);
	}
	MUST(writ_readdir("/all/d", &ents) == 301);
	for (unsigned i = 0; i < 300; i++)
		MUST((unsigned)atoi(ents[i].name) == i);
	free(ents);
	return 0;
}

START_TEST(test_listing_in_batches)
{
	node_start(memfs_server);
	client_start(many_client);
	kernel_run(false);
	node_stop();
}
END_TEST

/* --- death of the server ------------------------------------------------------------------- */

/* Dies when the file "/die" is opened or stat'ed. */
static int mortal_open(struct srv_session *c, const char *path, unsigned flags, void **file,
    struct writ_stat *st)
{
	if (strcmp(path, "/die") == 0)
		_exit(1);
	return memfs_ops.open(c, path, flags, file, st);
}

static int mortal_server(void *arg)
{
	struct fssrv_ops ops = memfs_ops;
	char **argv;
	int argc;

	(void)arg;
	ops.open = mortal_open;
	MUST(writ_adopt(&argc, &argv) == 0);
	memfs_reset();
	return fssrv_main(argc, argv, &ops);
}

static int survivor_client(void *arg)
{
	char text[8], *all;
	int h;

	(void)arg;
	adopt();
	h = writ_open("/all/f", WRIT_O_READ);
	MUST(h >= 0 && writ_pread(h, text, 4, 0) == 4);
	/* A change isn't sent twice: whether it was done isn't known. */
	MUST(writ_open("/all/die", WRIT_O_WRITE | WRIT_O_CREATE | WRIT_O_EXCL) ==
	    -WRIT_E_PEER_CLOSED);
	MUST(writ_pread(h, text, 4, 0) == -WRIT_E_PEER_CLOSED);
	MUST(writ_close(h) == 0);
	/* The next server answers. */
	MUST(writ_get("/all/f", &all) == 4);
	return 0;
}

START_TEST(test_death_of_the_server)
{
	node_start(mortal_server);
	client_start(survivor_client);
	kernel_run(false);
	ck_assert_uint_eq(node.server_lives, 2);
	node_stop();
}
END_TEST

/* --- bad clients beside good ones ------------------------------------------------------------ */

static int garbage_client(void *arg)
{
	uint8_t rep[64];
	struct chan c;

	(void)arg;
	adopt();
	for (unsigned i = 0; i < 10; i++) {
		MUST(chan_open(&c, 1) == 0);
		if (i % 2 == 0) {
			MUST(chan_call(&c, 0, "\xff\xff\xff", 3, rep, sizeof(rep)) ==
			    -WRIT_E_PEER_CLOSED);
		} else {
			c.ring->half[0].slot[0].len = 1u << 30;
			__atomic_store_n(&c.ring->half[0].slot[0].seq, 1, __ATOMIC_SEQ_CST);
			MUST(write(c.bell_out, &(uint64_t){ 1 }, 8) == 8);
			c.sent = 1;
			MUST(chan_call(&c, 0, "x", 1, rep, sizeof(rep)) == -WRIT_E_PEER_CLOSED);
		}
		chan_close(&c);
	}
	return 0;
}

/* Sends and never takes a reply, until there is no room at all. */
static int deaf_client(void *arg)
{
	uint8_t req[64], rep[256];
	int64_t n = pb_req_pack(&(struct pb_req){ .op = FSSRV_STAT, .path = "/f" }, req,
	    sizeof(req));
	uint64_t id;
	uint32_t label;
	unsigned sent = 0, got = 0;
	struct chan c;

	(void)arg;
	adopt();
	MUST(chan_open(&c, 1) == 0);
	while (chan_send(&c, sent, 0, req, (size_t)n, 200) == 0)
		sent++;
	MUST(sent >= CHAN_SLOTS);
	/* Then listens: nothing was lost, in order. */
	while (got < sent) {
		int64_t r = chan_take(&c, &id, &label, rep, sizeof(rep));

		if (r == -WRIT_E_BUSY) {
			usleep(1000);
			continue;
		}
		MUST(r > 0 && id == got);
		got++;
	}
	return 0;
}

/* Opens more sessions than it may have: @may of them are served. */
static int open_many(unsigned may)
{
	struct chan c[SRV_PID_SESSIONS + 1];
	uint8_t req[64], rep[256];
	int64_t n = pb_req_pack(&(struct pb_req){ .op = FSSRV_STAT, .path = "/f" }, req,
	    sizeof(req));

	adopt();
	for (unsigned i = 0; i <= may; i++) {
		int64_t r;

		MUST(chan_open(&c[i], 1) == 0);
		r = chan_call(&c[i], 0, req, (size_t)n, rep, sizeof(rep));
		MUST(i < may ? r > 0 : r == -WRIT_E_PEER_CLOSED);
	}
	return 0;
}

static int greedy_client(void *arg)
{
	(void)arg;
	return open_many(SRV_PID_SESSIONS);
}

enum { FEW = 8 };

static int few_init(struct srv *s, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	s->max_sessions = FEW;
	return 0;
}

/* A server that has no more than FEW sessions. */
static int few_server(void *arg)
{
	struct fssrv_ops ops = memfs_ops;
	char **argv;
	int argc;

	(void)arg;
	MUST(writ_adopt(&argc, &argv) == 0);
	memfs_reset();
	ops.init = few_init;
	return fssrv_main(argc, argv, &ops);
}

static int half_client(void *arg)
{
	(void)arg;
	return open_many(FEW / 2);
}

START_TEST(test_a_realm_leaves_sessions_to_others)
{
	node_start(few_server);
	client_start(half_client);
	kernel_run(false);
	node_stop();
}
END_TEST

START_TEST(test_bad_clients_disturb_nobody)
{
	node_start(memfs_server);
	client_start(garbage_client);
	client_start(deaf_client);
	client_start(files_client);
	kernel_run(false);
	ck_assert_uint_eq(node.server_lives, 1);
	node_stop();
}
END_TEST

START_TEST(test_sessions_of_one_proc_are_bounded)
{
	node_start(memfs_server);
	client_start(greedy_client);
	kernel_run(false);
	client_start(files_client); /* another's are not */
	kernel_run(false);
	node_stop();
}
END_TEST

Suite *session_suite(void)
{
	Suite *s = suite_create("session");
	TCase *t = tcase_create("session");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, test_files);
	tcase_add_test(t, test_namespace_and_notes);
	tcase_add_test(t, test_listing_in_batches);
	tcase_add_test(t, test_death_of_the_server);
	tcase_add_test(t, test_bad_clients_disturb_nobody);
	tcase_add_test(t, test_sessions_of_one_proc_are_bounded);
	tcase_add_test(t, test_a_realm_leaves_sessions_to_others);
	suite_add_tcase(s, t);
	return s;
}
