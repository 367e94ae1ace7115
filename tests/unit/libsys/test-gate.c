/* SPDX-License-Identifier: MIT */
/* The gate client, with a test that plays the kernel word for word. */
#include "fixture.h"
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "libsys/sys.h"
#include <writ/gate.h>
#include <writ/proc.h>
#include <writ/start.h>

static struct writ_hdr reply_to(const struct writ_hdr *q, int status, uint64_t arg, size_t len)
{
	return (struct writ_hdr){
		.op = q->op,
		.version = WRIT_ABI_VERSION,
		.cookie = q->cookie,
		.status = status,
		.arg = arg,
		.len = (uint16_t)len,
		.reply = 1,
	};
}

static struct writ_hdr event(unsigned op, uint64_t arg, size_t len, unsigned nfds)
{
	return (struct writ_hdr){
		.op = (uint16_t)op,
		.version = WRIT_ABI_VERSION,
		.arg = arg,
		.len = (uint16_t)len,
		.nfds = (uint8_t)nfds,
		.reply = 2,
	};
}

static struct run {
	int gate[2];
	pid_t pid;
} run_start(int (*fn)(void *))
{
	struct run r;

	gate_pair(r.gate);
	r.pid = proc_fork(r.gate[1], fn, NULL);
	return r;
}

static void run_end(struct run *r)
{
	ck_assert_int_eq(proc_join(r->pid), 0);
	close(r->gate[0]);
}

/* --- adopting --------------------------------------------------------------------- */

static int adopt_proc(void *arg)
{
	uint32_t rights;
	const char *name;
	writ_cap_t slot;
	unsigned type;
	char **argv;
	int argc;

	(void)arg;
	MUST(writ_adopt(&argc, &argv) == 0);
	MUST(argc == 3 && argv[3] == NULL);
	MUST(strcmp(argv[0], "tester") == 0 && strcmp(argv[1], "a") == 0 &&
	    strcmp(argv[2], "b c") == 0);
	MUST(writ_self()->pid == 42 && writ_self()->parent == 7);
	MUST(writ_named_cap(WRIT_TYPE_PATH, "/in") == 1);
	MUST(writ_named_cap(WRIT_TYPE_IMAGE, NULL) == 4);
	MUST(writ_named_cap(WRIT_TYPE_IMAGE, "/in") == 0);
	MUST(writ_named_each(1, &type, &name, &slot, &rights));
	MUST(type == WRIT_TYPE_IMAGE && strcmp(name, "mapper") == 0 && rights == WRIT_R_EXEC);
	MUST(!writ_named_each(3, &type, &name, &slot, &rights));
	/* Slots 0, 1 and 4 are taken; the CSpace has 128. */
	MUST(writ_slot_new() == 2);
	MUST(writ_slot_new() == 3);
	MUST(writ_slot_new() == 5);
	for (unsigned i = 6; i < 128; i++)
		MUST(writ_slot_new() == i);
	MUST(writ_slot_new() == 0);
	return 0;
}

static void begin_sample(int gate)
{
	struct start_buf s;

	start_init(&s);
	start_arg(&s, "a");
	start_arg(&s, "b c");
	start_name(&s, WRIT_TYPE_PATH, "/in", 1, WRIT_R_READ);
	start_name(&s, WRIT_TYPE_IMAGE, "mapper", 4, WRIT_R_EXEC);
	start_name(&s, WRIT_TYPE_CNODE, "cspace", 0, 7);
	kernel_begin(gate, &s);
}

START_TEST(test_adopt_gives_arguments_names_and_slots)
{
	struct run r = run_start(adopt_proc);

	begin_sample(r.gate[0]);
	run_end(&r);
}
END_TEST

static int adopt_refused(void *arg)
{
	char **argv;
	int argc;

	(void)arg;
	MUST(writ_adopt(&argc, &argv) == -WRIT_E_BAD_REQUEST);
	return 0;
}

START_TEST(test_adopt_refuses_what_is_no_beginning)
{
	static const struct {
		unsigned op, version, len, blob;
	} bad[] = {
		{ WRIT_EV_CONNECT, WRIT_ABI_VERSION, sizeof(struct writ_begin), 0 },
		{ WRIT_EV_BEGIN, WRIT_ABI_VERSION + 1, sizeof(struct writ_begin), 0 },
		{ WRIT_EV_BEGIN, WRIT_ABI_VERSION, sizeof(struct writ_begin) - 1, 0 },
		{ WRIT_EV_BEGIN, WRIT_ABI_VERSION, sizeof(struct writ_begin), 1 },
		{ WRIT_EV_BEGIN, WRIT_ABI_VERSION, sizeof(struct writ_begin) + 8, 8 },
	};
	struct {
		struct writ_begin b;
		char blob[8];
	} body = { .blob = "garbage" };

	for (unsigned i = 0; i < NITEMS(bad); i++) {
		struct run r = run_start(adopt_refused);
		struct writ_hdr h = event(bad[i].op, 0, bad[i].len, 0);

		h.version = (uint16_t)bad[i].version;
		body.b.blob = bad[i].blob;
		kernel_say(r.gate[0], &h, &body, NULL);
		run_end(&r);
	}
}
END_TEST

/* --- calls and events ----------------------------------------------------------------- */

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int i = 0; i < 200; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static int interleaved_proc(void *arg)
{
	struct writ_cap_info info;
	unsigned fds = open_fds();
	struct writ_event ev;

	(void)arg;
	MUST(writ_cap_inspect(9, &info) == 0 && info.obj == 1234);
	MUST(writ_event_kept());
	MUST(open_fds() == fds + 3);
	MUST(writ_event_next(&ev, 0) == 1);
	MUST(ev.hdr.op == WRIT_EV_CONNECT && ev.connect.session == 77 && ev.connect.pid == 5);
	MUST(strcmp(ev.connect.prefix, "/x") == 0);
	for (unsigned i = 0; i < WRIT_FDS_MAX; i++) {
		MUST(ev.fds[i] >= 0 && (fcntl(ev.fds[i], F_GETFD) & FD_CLOEXEC) != 0);
		close(ev.fds[i]);
	}
	MUST(writ_event_next(&ev, 0) == 1 && ev.hdr.op == WRIT_EV_CLOSED && ev.hdr.arg == 77);
	MUST(ev.fds[0] == -1);
	MUST(!writ_event_kept() && writ_event_next(&ev, 0) == 0);
	MUST(writ_event_next(&ev, 30) == 0);
	return 0;
}

START_TEST(test_events_during_a_call_are_kept_with_their_descriptors)
{
	struct run r = run_start(interleaved_proc);
	struct writ_ev_connect c = { .session = 77, .pid = 5, .prefix = "/x" };
	struct writ_cap_info info = { .obj = 1234 };
	struct writ_cap_req q;
	struct writ_hdr h, say;
	int fds[3], fd;

	ck_assert(kernel_hear(r.gate[0], &h, &q, sizeof(q), &fd));
	ck_assert_uint_eq(h.op, WRIT_OP_INSPECT);
	ck_assert_uint_eq(h.version, WRIT_ABI_VERSION);
	ck_assert_uint_ne(h.cookie, 0);
	ck_assert_uint_eq(h.len, sizeof(q));
	ck_assert_uint_eq(q.src.index, 9);
	for (unsigned i = 0; i < 3; i++)
		fds[i] = eventfd(0, 0);
	say = event(WRIT_EV_CONNECT, 0, sizeof(c), 3);
	kernel_say(r.gate[0], &say, &c, fds);
	say = event(WRIT_EV_CLOSED, 77, 0, 0);
	kernel_say(r.gate[0], &say, NULL, NULL);
	say = reply_to(&h, 0, 0, sizeof(info));
	kernel_say(r.gate[0], &say, &info, NULL);
	run_end(&r);
}
END_TEST

static int forgets_proc(void *arg)
{
	struct writ_cap_info info;
	unsigned fds = open_fds();
	struct writ_event ev;

	(void)arg;
	MUST(writ_cap_inspect(9, &info) == 0 && open_fds() == fds + 6);
	sys_gate_forget(77);
	MUST(open_fds() == fds + 3);
	MUST(writ_event_next(&ev, 0) == 1 && ev.hdr.op == WRIT_EV_RING && ev.hdr.arg == 78);
	MUST(!writ_event_kept() && writ_event_next(&ev, 0) == 0);
	return 0;
}

START_TEST(test_what_is_said_of_a_session_that_one_closed_is_forgotten)
{
	struct run r = run_start(forgets_proc);
	struct writ_ev_ring ring = { .session = 77, .bells = 1 };
	struct writ_cap_info info = { 0 };
	struct writ_cap_req q;
	struct writ_hdr h, say;
	int fds[3], fd;

	ck_assert(kernel_hear(r.gate[0], &h, &q, sizeof(q), &fd));
	for (unsigned i = 0; i < 3; i++)
		fds[i] = eventfd(0, 0);
	say = event(WRIT_EV_RING, 77, sizeof(ring), 3);
	kernel_say(r.gate[0], &say, &ring, fds);
	say = event(WRIT_EV_RING, 78, sizeof(ring), 3);
	kernel_say(r.gate[0], &say, &ring, fds);
	say = event(WRIT_EV_CLOSED, 77, 0, 0);
	kernel_say(r.gate[0], &say, NULL, NULL);
	say = reply_to(&h, 0, 0, sizeof(info));
	kernel_say(r.gate[0], &say, &info, NULL);
	run_end(&r);
}
END_TEST

static int order_proc(void *arg)
{
	struct writ_hdr h = { .op = WRIT_OP_WAIT }, got;
	int64_t a = writ_gate_send(&h, NULL, NULL), b, c;
	char text[4];

	(void)arg;
	b = writ_gate_send(&h, NULL, NULL);
	c = writ_gate_send(&h, NULL, NULL);
	MUST(a > 0 && b > 0 && c > 0 && a != b && b != c);
	/* The kernel answers c, b, a. */
	MUST(writ_gate_reply((uint32_t)a, &got, text, sizeof(text), NULL) == 0 && got.arg == 1);
	MUST(memcmp(text, "long", 4) == 0 && got.len == 12); /* cut to what fits */
	MUST(writ_gate_reply((uint32_t)b, &got, NULL, 0, NULL) == -WRIT_E_NO_RIGHT);
	MUST(got.missing == WRIT_R_WRITE);
	MUST(writ_gate_poll_reply(&got, NULL, 0) == 1 && got.cookie == (uint32_t)c && got.arg == 3);
	MUST(writ_gate_poll_reply(&got, NULL, 0) == 0);
	return 0;
}

START_TEST(test_replies_in_any_order_find_their_calls)
{
	struct run r = run_start(order_proc);
	struct writ_hdr h[3], say;
	char none[8];
	int fd;

	for (unsigned i = 0; i < 3; i++)
		ck_assert(kernel_hear(r.gate[0], &h[i], none, sizeof(none), &fd));
	say = reply_to(&h[2], 0, 3, 0);
	kernel_say(r.gate[0], &say, NULL, NULL);
	say = reply_to(&h[1], WRIT_E_NO_RIGHT, 0, 0);
	say.missing = WRIT_R_WRITE;
	kernel_say(r.gate[0], &say, NULL, NULL);
	say = reply_to(&h[0], 0, 1, 12);
	kernel_say(r.gate[0], &say, "long message", NULL);
	run_end(&r);
}
END_TEST

static int fds_proc(void *arg)
{
	int mem = memfd_create("image", MFD_CLOEXEC), fd;
	unsigned fds = open_fds();

	(void)arg;
	MUST(writ_image_create(1, 2, "img", mem) == 0);
	fd = writ_cap_fd(3);
	MUST(fd >= 0 && write(fd, "hello", 5) == 5);
	close(fd);
	/* Descriptors that nobody asked for are closed. */
	MUST(writ_cap_delete(1) == 0);
	MUST(open_fds() == fds);
	MUST(writ_image_create(1, 2, "a name that is longer than thirty-two bytes", mem) ==
	    -WRIT_E_NAME_TOO_LONG);
	return 0;
}

START_TEST(test_descriptors_go_both_ways_and_none_leaks)
{
	struct run r = run_start(fds_proc);
	struct writ_image_req q;
	int fd, mem = memfd_create("file", 0);
	struct writ_hdr h, say;
	char text[5] = "";

	ck_assert(kernel_hear(r.gate[0], &h, &q, sizeof(q), &fd));
	ck_assert(h.op == WRIT_OP_IMAGE && h.nfds == 1 && fd >= 0);
	ck_assert_str_eq(q.name, "img");
	close(fd);
	say = reply_to(&h, 0, 0, 0);
	kernel_say(r.gate[0], &say, NULL, NULL);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(kernel_hear(r.gate[0], &h, &q, sizeof(q), &fd));
		say = reply_to(&h, 0, 0, 0);
		say.nfds = 1;
		kernel_say(r.gate[0], &say, NULL, &mem);
	}
	run_end(&r);
	ck_assert_int_eq(pread(mem, text, 5, 0), 5);
	ck_assert_int_eq(memcmp(text, "hello", 5), 0);
}
END_TEST

static int gone_proc(void *arg)
{
	struct writ_event ev;

	(void)arg;
	MUST(writ_cap_delete(1) == -WRIT_E_PEER_CLOSED);
	MUST(writ_cap_delete(1) == -WRIT_E_PEER_CLOSED);
	MUST(writ_event_next(&ev, -1) == -WRIT_E_PEER_CLOSED);
	return 0;
}

START_TEST(test_kernel_that_goes_ends_calls)
{
	struct run r = run_start(gone_proc);
	char none[64];
	struct writ_hdr h;
	int fd;

	ck_assert(kernel_hear(r.gate[0], &h, none, sizeof(none), &fd));
	shutdown(r.gate[0], SHUT_RDWR);
	run_end(&r);
}
END_TEST

START_TEST(test_packet_whose_length_lies_ends_the_gate)
{
	struct run r = run_start(gone_proc);
	struct writ_hdr h, say;
	char none[64];
	int fd;

	ck_assert(kernel_hear(r.gate[0], &h, none, sizeof(none), &fd));
	say = reply_to(&h, 0, 0, 8);
	ck_assert_int_eq(send(r.gate[0], &say, sizeof(say), 0), (int)sizeof(say));
	run_end(&r);
}
END_TEST

static int flood_proc(void *arg)
{
	struct writ_hdr h = { .op = WRIT_OP_WAIT, .len = 4096 }, got;
	static char body[4096];
	int64_t cookie = 0;

	(void)arg;
	/* The gate fills up; the kernel won't listen before its events have been taken. */
	for (unsigned i = 0; i < 2000; i++) {
		h.len = sizeof(body);
		cookie = writ_gate_send(&h, body, NULL);
		MUST(cookie > 0);
	}
	MUST(writ_gate_reply((uint32_t)cookie, &got, NULL, 0, NULL) == 0);
	return 0;
}

START_TEST(test_full_gate_is_read_while_it_is_written)
{
	struct run r = run_start(flood_proc);
	struct writ_hdr h = { 0 }, say = event(WRIT_EV_CLOSED, 1, 0, 0);
	static char body[8192];
	int fd;

	/* Blocks once the socket is full, until the proc reads. */
	for (unsigned i = 0; i < 3000; i++)
		kernel_say(r.gate[0], &say, NULL, NULL);
	for (unsigned i = 0; i < 2000; i++)
		ck_assert(kernel_hear(r.gate[0], &h, body, sizeof(body), &fd));
	say = reply_to(&h, 0, 0, 0);
	kernel_say(r.gate[0], &say, NULL, NULL);
	run_end(&r);
}
END_TEST

/* --- spawn ----------------------------------------------------------------------------- */

static int spawn_proc(void *arg)
{
	static const char *const args[] = { "x", "y", NULL };
	const struct writ_give give[] = {
		{ .path = "/in", .as = "/data", .rights = WRIT_R_READ },
		{ .path = "/in/part", .rights = WRIT_R_READ },
		{ .image = "mapper" },
	};
	const struct writ_give stray = { .path = "/nowhere" };
	struct writ_spawn s = {
		.image = "mapper",
		.name = "m1",
		.argv = args,
		.give = give,
		.ngive = 3,
		.slots = 100,
	};
	struct writ_exit e;
	char **argv;
	int argc;

	(void)arg;
	MUST(writ_adopt(&argc, &argv) == 0);
	MUST(writ_spawn(&s) == 3); /* 2 was the narrower path's */
	MUST(writ_pid(3) == 99);
	MUST(writ_wait_exit(3, &e) == 0);
	MUST(e.state == WRIT_STATE_EXITED && e.code == 4 && e.len == 3 &&
	    strcmp(e.said, "bye") == 0);
	s.give = &stray;
	s.ngive = 1;
	MUST(writ_spawn(&s) == -WRIT_E_NO_PATH);
	s.image = "nobody";
	MUST(writ_spawn(&s) == -WRIT_E_INVALID_ARGUMENT);
	writ_exited(0, "done", 4);
}

/* Hear one call, check its number, answer with @arg and @len bytes of @rep. */
static struct writ_hdr serve(int gate, unsigned op, void *body, size_t size, uint64_t arg,
    const void *rep, size_t len)
{
	struct writ_hdr h, say;
	int fd;

	ck_assert(kernel_hear(gate, &h, body, size, &fd));
	ck_assert_uint_eq(h.op, op);
	say = reply_to(&h, 0, arg, len);
	kernel_say(gate, &say, rep, NULL);
	return h;
}

static void check_spawn(const uint8_t *body, const struct writ_hdr *h)
{
	const struct writ_grant want[] = {
		{ 1, 1, WRIT_R_READ },
		{ 2, 2, WRIT_R_READ },
		{ 4, 3, WRIT_R_EXEC },
	};
	struct writ_spawn_req q;
	struct start_pos pos;
	struct start_name n;
	const char *name;

	memcpy(&q, body, sizeof(q));
	ck_assert_uint_eq(h->cap, 5);
	ck_assert_uint_eq(q.image, 4);
	ck_assert_uint_eq(q.cnode_bits, 7);
	ck_assert_uint_eq(q.ngrants, 3);
	ck_assert_str_eq(q.name, "m1");
	ck_assert_int_eq(memcmp(body + sizeof(q), want, sizeof(want)), 0);
	ck_assert_uint_eq(h->len, sizeof(q) + sizeof(want) + q.blob);
	ck_assert_int_eq(start_open(&pos, body + sizeof(q) + sizeof(want), q.blob), 0);
	ck_assert_str_eq(start_next_arg(&pos), "x");
	ck_assert_str_eq(start_next_arg(&pos), "y");
	ck_assert(start_next_name(&pos, &n, &name) && n.type == WRIT_TYPE_CNODE && n.rights == 7);
	ck_assert(start_next_name(&pos, &n, &name) && n.slot == 1);
	ck_assert_str_eq(name, "/data");
	ck_assert(start_next_name(&pos, &n, &name) && n.slot == 2);
	ck_assert_str_eq(name, "/in/part");
	ck_assert(start_next_name(&pos, &n, &name) && n.slot == 3);
}

START_TEST(test_spawn_says_what_the_child_gets)
{
	struct {
		struct writ_wait_rep r;
		char said[3];
	} w = {
		.r = { .pid = 99, .state = WRIT_STATE_EXITED, .code = 4, .said = 3 },
		.said = "bye",
	};
	struct run r = run_start(spawn_proc);
	union {
		struct writ_path_req path;
		struct writ_cap_req cap;
		struct writ_note_req note;
		uint8_t raw[8192];
	} b;
	struct start_buf s;
	struct writ_hdr h;

	start_init(&s);
	start_name(&s, WRIT_TYPE_PATH, "/in", 1, WRIT_R_READ | WRIT_R_WRITE);
	start_name(&s, WRIT_TYPE_IMAGE, "mapper", 4, WRIT_R_EXEC);
	start_name(&s, WRIT_TYPE_SPAWN, "spawn", 5, WRIT_R_WRITE);
	kernel_begin(r.gate[0], &s);
	h = serve(r.gate[0], WRIT_OP_PATH, &b, sizeof(b), 0, NULL, 0);
	ck_assert(h.cap == 1 && b.path.dst.index == 2 && b.path.rights == WRIT_R_READ);
	ck_assert_str_eq(b.path.prefix, "/part");
	h = serve(r.gate[0], WRIT_OP_SPAWN, &b, sizeof(b), 99, NULL, 0);
	check_spawn(b.raw, &h);
	h = serve(r.gate[0], WRIT_OP_DELETE, &b, sizeof(b), 0, NULL, 0);
	ck_assert(h.len == sizeof(b.cap) && b.cap.src.index == 2);
	h = serve(r.gate[0], WRIT_OP_WAIT, &b, sizeof(b), 0, &w, sizeof(w.r) + 3);
	ck_assert(h.cap == 3 && h.arg == WRIT_WAIT_EXIT);
	serve(r.gate[0], WRIT_OP_NOTE, &b, sizeof(b), 0, NULL, 0);
	ck_assert_uint_eq(b.note.status, WRIT_E_NO_PATH);
	ck_assert_str_eq(b.note.what, "/nowhere");
	h = serve(r.gate[0], WRIT_OP_EXITED, &b, sizeof(b), 0, NULL, 0);
	ck_assert(h.len == 4 && memcmp(b.raw, "done", 4) == 0);
	run_end(&r);
}
END_TEST

Suite *gate_suite(void)
{
	Suite *s = suite_create("gate");
	TCase *t = tcase_create("gate");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, test_adopt_gives_arguments_names_and_slots);
	tcase_add_test(t, test_adopt_refuses_what_is_no_beginning);
	tcase_add_test(t, test_events_during_a_call_are_kept_with_their_descriptors);
	tcase_add_test(t, test_what_is_said_of_a_session_that_one_closed_is_forgotten);
	tcase_add_test(t, test_replies_in_any_order_find_their_calls);
	tcase_add_test(t, test_descriptors_go_both_ways_and_none_leaks);
	tcase_add_test(t, test_kernel_that_goes_ends_calls);
	tcase_add_test(t, test_packet_whose_length_lies_ends_the_gate);
	tcase_add_test(t, test_full_gate_is_read_while_it_is_written);
	tcase_add_test(t, test_spawn_says_what_the_child_gets);
	suite_add_tcase(s, t);
	return s;
}
