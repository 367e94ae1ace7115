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
#include "libsys/mbox.h"
#include "libsys/pb.h"
#include "libsys/sys.h"
#include "libsys/tx_wire.h"
#include "memfs.h"
#include "node.h"
#include <writ/start.h>
#include <writ/writ.h>

static int memfs_server(void *arg)
{
	char **argv;
	int argc;

	(void)arg;
	MUST(writ_adopt(&argc, &argv) == 0);
	memfs_reset();
	return fssrv_main(argc, argv, &memfs_ops);
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

static int64_t say(struct writ_chan *c, const void *req, size_t len)
{
	const struct writ_msg m = { .data = req, .len = len };
	uint8_t rep[256];

	return writ_chan_call(c, 0, &m, rep, sizeof(rep), NULL, -1);
}

static int64_t stat_req(uint8_t *req, size_t size)
{
	return pb_req_pack(&(struct pb_req){ .op = FSSRV_STAT, .path = "/f" }, req, size);
}

/* What is no request, over either transport. */
static int garbage_client(void *arg)
{
	struct writ_chan_attr attr = { 0 };
	struct writ_chan *c;

	(void)arg;
	adopt();
	for (unsigned i = 0; i < 10; i++) {
		attr.transport = i % 2 == 0 ? WRIT_TX_KERNEL : WRIT_TX_USER;
		MUST(writ_chan_open(1, &attr, &c) == 0);
		MUST(say(c, "\xff\xff\xff", 3) == -WRIT_E_PEER_CLOSED);
		writ_chan_close(c);
	}
	return 0;
}

/* Sends and never takes a reply, until there is no room at all. */
static int deaf_client(void *arg)
{
	const struct writ_chan_attr attr = { .transport = WRIT_TX_USER };
	uint8_t req[64], rep[256];
	const struct writ_msg m = { .data = req, .len = (size_t)stat_req(req, sizeof(req)) };
	struct writ_chan_msg got;
	unsigned sent = 0, heard = 0;
	struct writ_chan *c;
	int64_t r;

	(void)arg;
	adopt();
	MUST(writ_chan_open(1, &attr, &c) == 0);
	while ((r = writ_chan_call_begin(c, 0, &m, 200000000)) > 0)
		sent++;
	MUST(r == -WRIT_E_TIMED_OUT && sent >= 32);
	/* Then listens: nothing was lost, in order. */
	for (; heard < sent; heard++) {
		MUST(writ_chan_recv(c, rep, sizeof(rep), &got, 0, -1) > 0);
		MUST(got.event == WRIT_CHAN_REPLY && got.id == heard + 1);
	}
	writ_chan_close(c);
	return 0;
}

/* A call to whose answer nobody listens. */
static void post(const struct writ_chan *c, const struct writ_msg *m)
{
	const struct frame f = { .id = 1, .len = (uint32_t)m->len, .total = (uint32_t)m->len };
	struct wire_out o = { 0 };
	struct writ_hdr h;

	wire_write(&o, &f);
	memcpy(o.data, m->data, m->len);
	h = sys_hdr(WRIT_OP_CALL, 1, c->peer.session, WIRE_LEN(m->len));
	MUST(sys_gate_post_quiet(&h, &o) == 0);
}

enum { STUCK = 30 };

/*
 * Has the server owe it a reply in each of its channels, takes none, and leaves what it says there
 * unread: together all the slots that a server has for Replies.
 */
static int stuck_client(void *arg)
{
	const struct writ_chan_attr attr = { .transport = WRIT_TX_KERNEL };
	uint8_t req[64], rep[256];
	const struct writ_msg m = { .data = req, .len = (size_t)stat_req(req, sizeof(req)) };
	struct writ_chan *c[STUCK], *other;

	(void)arg;
	adopt();
	for (unsigned i = 0; i < STUCK; i++) {
		MUST(writ_chan_open(1, &attr, &c[i]) == 0);
		post(c[i], &m);
	}
	usleep(100000);
	for (unsigned i = 0; i < 3 * STUCK; i++)
		post(c[i % STUCK], &m);
	usleep(100000);
	MUST(writ_chan_open(1, &attr, &other) == 0);
	MUST(writ_chan_call(other, 0, &m, rep, sizeof(rep), NULL, INT64_C(10000000000)) > 0);
	return 0;
}

enum { FEW = 8 };

/* Opens more sessions than it may have: a server with FEW places leaves a proc a quarter of them.
 */
static int greedy_client(void *arg)
{
	struct writ_chan *c[FEW];
	uint8_t req[64];
	size_t n = (size_t)stat_req(req, sizeof(req));
	unsigned served = 0;

	(void)arg;
	adopt();
	for (unsigned i = 0; i < FEW; i++) {
		MUST(writ_chan_open(1, NULL, &c[i]) == 0);
		served += say(c[i], req, n) > 0;
	}
	MUST(served == 2);
	return 0;
}

static int few_init(struct srv *s, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	s->box->max_chans = FEW;
	return 0;
}

/* A server that has no more than FEW places. */
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

START_TEST(test_slots_are_taken_back_from_who_stops_in_the_middle)
{
	node_start(memfs_server);
	client_start(stuck_client);
	kernel_run(false);
	ck_assert_uint_eq(node.server_lives, 1);
	node_stop();
}
END_TEST

static int poor_init(struct srv *s, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	s->box->ring_max = 0;
	return 0;
}

/* A server that has no memory for rings. */
static int poor_server(void *arg)
{
	struct fssrv_ops ops = memfs_ops;
	char **argv;
	int argc;

	(void)arg;
	MUST(writ_adopt(&argc, &argv) == 0);
	memfs_reset();
	ops.init = poor_init;
	return fssrv_main(argc, argv, &ops);
}

/* Wants a ring, and does without. */
static int modest_client(void *arg)
{
	const struct writ_chan_attr attr = { .transport = WRIT_TX_USER };
	struct writ_chan_stats st;
	struct writ_chan *c;
	uint8_t req[64];
	size_t n = (size_t)stat_req(req, sizeof(req));

	(void)arg;
	adopt();
	MUST(writ_chan_open(1, &attr, &c) == 0);
	for (unsigned i = 0; i < 20; i++)
		MUST(say(c, req, n) > 0);
	writ_chan_stat(c, &st);
	MUST(st.received[0] == 20 && st.received[1] == 0 && st.sent[1] == 0);
	writ_chan_close(c);
	return 0;
}

START_TEST(test_a_ring_may_be_refused)
{
	node_start(poor_server);
	client_start(modest_client);
	kernel_run(false);
	client_start(files_client);
	kernel_run(false);
	node_stop();
}
END_TEST

START_TEST(test_sessions_of_one_proc_are_bounded)
{
	node_start(few_server);
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
	tcase_add_test(t, test_slots_are_taken_back_from_who_stops_in_the_middle);
	tcase_add_test(t, test_sessions_of_one_proc_are_bounded);
	tcase_add_test(t, test_a_ring_may_be_refused);
	suite_add_tcase(s, t);
	return s;
}
