/* SPDX-License-Identifier: MIT */
/* The file-server glue: paths, the rights table, handles, hostile requests. */
#include "fixture.h"
#include <string.h>
#include "libsys/pb.h"
#include "memfs.h"

static struct writ_chan_peer who;
static struct srv_session ses;
static struct writ_chan_msg msg;
static uint8_t in[SRV_MSG_MAX], out[SRV_MSG_MAX];

static void setup(void)
{
	memset(&who, 0, sizeof(who));
	ses = (struct srv_session){ .peer = &who, .request = &msg };
	who.rights = WRIT_R_ALL;
	memfs_reset();
	ck_assert_int_eq(fssrv_session_open(&ses), 0);
}

static void teardown(void)
{
	fssrv_session_close(&ses, &memfs_ops);
	ck_assert_int_eq(memfs_open_files(), 0);
}

/* One request. Returns the reply's status, negated. */
static int ask(const struct pb_req *q, struct pb_rep *rep)
{
	int64_t n = pb_req_pack(q, in, sizeof(in));

	msg = (struct writ_chan_msg){ .ncaps = q->caps.n };
	memcpy(msg.caps, q->caps.slot, sizeof(msg.caps));
	ses.ngive = 0;
	ck_assert_int_gt(n, 0);
	n = fssrv_request(&ses, &memfs_ops, in, (size_t)n, out);
	ck_assert_int_ge(n, 0);
	ck_assert_int_eq(pb_rep_unpack(out, (size_t)n, rep), 0);
	return -(int)rep->status;
}

static int ask_path(unsigned op, const char *path, unsigned flags, struct pb_rep *rep)
{
	return ask(&(struct pb_req){ .op = op, .path = path, .flags = flags }, rep);
}

/* --- paths ------------------------------------------------------------------------ */

START_TEST(test_join)
{
	static const struct {
		const char *prefix, *path, *want;
	} good[] = {
		{ "", "", "/" },
		{ "/", "", "/" },
		{ "", "/", "/" },
		{ "/", "/", "/" },
		{ "/a", "", "/a" },
		{ "/a", "/", "/a" },
		{ "/", "/x", "/x" },
		{ "", "/x/y", "/x/y" },
		{ "/a/b", "/c", "/a/b/c" },
		{ "/a", "/...", "/a/..." },
		{ "/a", "/.x", "/a/.x" },
		{ "/a", "/..x", "/a/..x" },
		{ "/a", "/\xc3\xa4", "/a/\xc3\xa4" },
		{ "/a", "/ ", "/a/ " },
	};
	static const char *const bad[] = {
		"x",
		"..",
		"/..",
		"/.",
		"/a/..",
		"/../a",
		"/a/./b",
		"//",
		"//a",
		"/a//b",
		"/a/",
		"/a\n",
		"/\x01",
		"/a\x7f",
		"/a/../../b",
		" /a",
	};
	char ret[FSSRV_PATH_MAX];

	for (unsigned i = 0; i < NITEMS(good); i++) {
		ck_assert_int_eq(fssrv_join(good[i].prefix, good[i].path, ret), 0);
		ck_assert_str_eq(ret, good[i].want);
	}
	for (unsigned i = 0; i < NITEMS(bad); i++)
		ck_assert_msg(fssrv_join("/p", bad[i], ret) == -WRIT_E_BAD_PATH, "'%s' passed",
		    bad[i]);
	ck_assert_int_eq(fssrv_join("p", "/a", ret), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(fssrv_join("/p/..", "/a", ret), -WRIT_E_BAD_PATH);
}
END_TEST

START_TEST(test_join_of_long_paths)
{
	char a[WRIT_PREFIX_MAX + 8], ret[FSSRV_PATH_MAX];

	memset(a, 'x', sizeof(a));
	a[0] = '/';
	a[WRIT_PREFIX_MAX - 1] = '\0'; /* the longest there is */
	ck_assert_int_eq(fssrv_join(a, a, ret), 0);
	ck_assert_uint_eq(strlen(ret), 2 * (WRIT_PREFIX_MAX - 1));
	a[WRIT_PREFIX_MAX - 1] = 'x';
	a[WRIT_PREFIX_MAX] = '\0';
	ck_assert_int_eq(fssrv_join("", a, ret), -WRIT_E_NAME_TOO_LONG);
}
END_TEST

START_TEST(test_random_paths_never_leave_the_prefix)
{
	static const char *const parts[] = { "/", "..", ".", "a", "/..", "//", "\n", "b/c", "..." };
	uint64_t seed = seed_new("paths");
	char path[64], ret[FSSRV_PATH_MAX];
	unsigned good = 0;

	for (unsigned i = 0; i < 50000; i++) {
		path[0] = '\0';
		for (unsigned n = (unsigned)(rnd(&seed) % 7); n > 0; n--)
			snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s",
			    parts[rnd(&seed) % NITEMS(parts)]);
		if (fssrv_join("/p", path, ret) < 0)
			continue;
		good++;
		ck_assert(strcmp(ret, "/p") == 0 || strncmp(ret, "/p/", 3) == 0);
		ck_assert_ptr_null(strstr(ret, "//"));
		memcpy(ret + strlen(ret), "/", 2);
		ck_assert_ptr_null(strstr(ret, "/../"));
		ck_assert_ptr_null(strstr(ret, "/./"));
	}
	ck_assert_uint_gt(good, 1000);
}
END_TEST

/* --- rights -------------------------------------------------------------------------- */

/* The oracle, written from the words of fs.h and fs.proto: is it allowed? */
static bool may(unsigned op, unsigned flags, bool exists, uint32_t rights)
{
	bool r = (rights & WRIT_R_READ) != 0, w = (rights & WRIT_R_WRITE) != 0;
	bool c = (rights & WRIT_R_CREATE) != 0, d = (rights & WRIT_R_REMOVE) != 0;

	switch (op) {
	case FSSRV_OPEN:
		if ((flags & WRIT_O_READ) != 0 && !r)
			return false;
		if (!exists)
			return (flags & WRIT_O_CREATE) == 0 || c;
		return (flags & (WRIT_O_WRITE | WRIT_O_TRUNC | WRIT_O_APPEND)) == 0 || w;
	case FSSRV_STAT:
	case FSSRV_LOOKUP:
	case FSSRV_READDIR: return r;
	case FSSRV_MKDIR: return c;
	case FSSRV_REMOVE: return d;
	case FSSRV_REGISTER:
	case FSSRV_UNREGISTER: return (rights & WRIT_R_MOUNT) != 0;
	case FSSRV_RENAME: return c && (w || d);
	default: return true; /* by handle */
	}
}

START_TEST(test_rights_table_for_every_operation_flag_and_mask)
{
	unsigned yes = 0, no = 0;

	for (unsigned op = 1; op < FSSRV_OP_N; op++)
		for (unsigned flags = 0; flags < 64; flags++)
			for (uint32_t rights = 0; rights <= WRIT_R_ALL; rights++)
				for (unsigned exists = 0; exists < 2; exists++) {
					uint32_t miss = fssrv_missing(op, flags, exists, rights);
					bool ok = may(op, flags, exists, rights);

					ck_assert_msg((miss == 0) == ok,
					    "op %u flags %u exists %u rights %x: missing %x", op,
					    flags, exists, rights, miss);
					ck_assert_uint_eq(miss & rights, 0);
					yes += ok;
					no += !ok;
				}
	ck_assert_uint_gt(yes, 10000);
	ck_assert_uint_gt(no, 10000);
}
END_TEST

/* Every operation as a request: refused ones reach no callback but stat (to see what is there). */
START_TEST(test_requests_without_the_right_reach_no_callback)
{
	static const struct {
		unsigned op;
		const char *path, *to;
		unsigned flags;
		bool exists;
	} reqs[] = {
		{ FSSRV_OPEN, "/f", "", WRIT_O_READ, true },
		{ FSSRV_OPEN, "/f", "", WRIT_O_WRITE, true },
		{ FSSRV_OPEN, "/f", "", WRIT_O_READ | WRIT_O_WRITE, true },
		{ FSSRV_OPEN, "/f", "", WRIT_O_WRITE | WRIT_O_CREATE, true },
		{ FSSRV_OPEN, "/f", "", WRIT_O_WRITE | WRIT_O_CREATE | WRIT_O_TRUNC, true },
		{ FSSRV_OPEN, "/n", "", WRIT_O_WRITE | WRIT_O_CREATE, false },
		{ FSSRV_OPEN, "/n", "", WRIT_O_WRITE | WRIT_O_CREATE | WRIT_O_EXCL, false },
		{ FSSRV_OPEN, "/n", "", WRIT_O_READ | WRIT_O_WRITE | WRIT_O_CREATE, false },
		{ FSSRV_STAT, "/f", "", 0, true },
		{ FSSRV_READDIR, "/", "", 0, true },
		{ FSSRV_MKDIR, "/n", "", 0, false },
		{ FSSRV_REMOVE, "/f", "", 0, true },
		{ FSSRV_RENAME, "/f", "/n", 0, true },
	};
	struct pb_rep rep;

	for (unsigned i = 0; i < NITEMS(reqs); i++)
		for (uint32_t rights = 0; rights <= WRIT_R_ALL; rights++) {
			struct pb_req q = {
				.op = reqs[i].op,
				.path = reqs[i].path,
				.to = reqs[i].to,
				.flags = reqs[i].flags,
			};
			bool ok = may(q.op, q.flags, reqs[i].exists, rights);
			unsigned looks = q.op == FSSRV_OPEN && (q.flags & WRIT_O_CREATE) != 0 &&
			    (q.flags & WRIT_O_EXCL) == 0;
			int r;

			memfs_reset();
			who.rights = rights;
			r = ask(&q, &rep);
			ck_assert_msg(r == (ok ? 0 : -WRIT_E_NO_RIGHT), "row %u rights %x: %d", i,
			    rights, r);
			if (ok && q.op == FSSRV_OPEN)
				ck_assert_int_eq(ask(&(struct pb_req){ .op = FSSRV_CLOSE,
							 .handle = rep.handle },
						     &rep),
				    0);
			if (!ok) {
				ck_assert_uint_eq(memfs_calls(), looks);
				ck_assert_uint_ne(rep.missing, 0);
				ck_assert_uint_eq(rep.missing & rights, 0);
			}
		}
}
END_TEST

START_TEST(test_who_may_only_create_fills_what_it_made_and_nothing_else)
{
	struct pb_req w = { .op = FSSRV_WRITE, .data = "abc", .len = 3 };
	struct pb_rep rep;

	who.rights = WRIT_R_CREATE;
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/n", WRIT_O_WRITE | WRIT_O_CREATE, &rep), 0);
	w.handle = rep.handle;
	ck_assert_int_eq(ask(&w, &rep), 0);
	ck_assert_uint_eq(rep.count, 3);
	ck_assert_int_eq(ask(&(struct pb_req){ .op = FSSRV_READ, .handle = w.handle, .count = 3 },
			     &rep),
	    -WRIT_E_BAD_HANDLE);
	ck_assert_int_eq(ask(&(struct pb_req){ .op = FSSRV_CLOSE, .handle = w.handle }, &rep), 0);
	/* Once closed it is as any other. */
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/n", WRIT_O_WRITE, &rep), -WRIT_E_NO_RIGHT);
	ck_assert_uint_eq(rep.missing, WRIT_R_WRITE);
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/n", WRIT_O_WRITE | WRIT_O_CREATE, &rep),
	    -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/n", WRIT_O_WRITE | WRIT_O_CREATE | WRIT_O_EXCL,
			     &rep),
	    -WRIT_E_EXISTS);
}
END_TEST

START_TEST(test_who_may_not_read_learns_no_size)
{
	struct pb_rep rep;

	who.rights = WRIT_R_WRITE;
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", WRIT_O_WRITE, &rep), 0);
	ck_assert(rep.has_stat && rep.stat.kind == WRIT_FILE && rep.stat.size == 0);
	who.rights = WRIT_R_READ; /* negative control */
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", WRIT_O_READ, &rep), 0);
	ck_assert_uint_eq(rep.stat.size, 4);
}
END_TEST

START_TEST(test_prefix_holds)
{
	struct pb_rep rep;

	memcpy(who.prefix, "/d", 3);
	ck_assert_int_eq(ask_path(FSSRV_STAT, "/g", 0, &rep), 0);
	ck_assert_int_eq(ask_path(FSSRV_STAT, "/f", 0, &rep), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ask_path(FSSRV_STAT, "/../f", 0, &rep), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(ask_path(FSSRV_STAT, "", 0, &rep), 0);
	ck_assert_uint_eq(rep.stat.kind, WRIT_DIR);
}
END_TEST

/* --- handles and bad requests ------------------------------------------------------------ */

START_TEST(test_handles_are_bounded_and_reused)
{
	struct pb_rep rep;

	for (unsigned i = 0; i < FSSRV_HANDLES; i++) {
		ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", WRIT_O_READ, &rep), 0);
		ck_assert_uint_eq(rep.handle, i);
	}
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", WRIT_O_READ, &rep), -WRIT_E_TOO_MANY_OPEN);
	ck_assert_int_eq(ask(&(struct pb_req){ .op = FSSRV_CLOSE, .handle = 100 }, &rep), 0);
	ck_assert_int_eq(ask(&(struct pb_req){ .op = FSSRV_CLOSE, .handle = 100 }, &rep),
	    -WRIT_E_BAD_HANDLE);
	ck_assert_int_eq(ask(&(struct pb_req){ .op = FSSRV_READ, .handle = 100 }, &rep),
	    -WRIT_E_BAD_HANDLE);
	ck_assert_int_eq(ask(&(struct pb_req){ .op = FSSRV_CLOSE, .handle = UINT32_MAX }, &rep),
	    -WRIT_E_BAD_HANDLE);
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", WRIT_O_READ, &rep), 0);
	ck_assert_uint_eq(rep.handle, 100);
	/* The rest is closed with the session: teardown looks. */
}
END_TEST

START_TEST(test_flags_that_make_no_sense_are_refused)
{
	static const unsigned bad[] = {
		0,
		WRIT_O_CREATE,
		WRIT_O_READ | WRIT_O_CREATE,
		WRIT_O_READ | WRIT_O_TRUNC,
		WRIT_O_READ | WRIT_O_APPEND,
		WRIT_O_WRITE | WRIT_O_EXCL,
		WRIT_O_READ | 64,
		~0u,
	};
	struct pb_rep rep;

	for (unsigned i = 0; i < NITEMS(bad); i++)
		ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", bad[i], &rep),
		    -WRIT_E_INVALID_ARGUMENT);
}
END_TEST

START_TEST(test_append_ignores_the_offset_and_others_are_bounded)
{
	struct pb_req w = { .op = FSSRV_WRITE, .data = "xy", .len = 2, .offset = 0 };
	struct pb_rep rep;

	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", WRIT_O_WRITE | WRIT_O_APPEND, &rep), 0);
	w.handle = rep.handle;
	ck_assert_int_eq(ask(&w, &rep), 0);
	ck_assert_int_eq(ask_path(FSSRV_STAT, "/f", 0, &rep), 0);
	ck_assert_uint_eq(rep.stat.size, 6);
	ck_assert_int_eq(ask_path(FSSRV_OPEN, "/f", WRIT_O_WRITE, &rep), 0);
	w.handle = rep.handle;
	w.offset = UINT64_MAX;
	ck_assert_int_eq(ask(&w, &rep), -WRIT_E_RANGE);
}
END_TEST

START_TEST(test_rename_and_remove_of_the_root_or_into_itself)
{
	struct pb_req q = { .op = FSSRV_RENAME, .path = "/d", .to = "/d/x" };
	struct pb_rep rep;

	ck_assert_int_eq(ask(&q, &rep), -WRIT_E_INVALID_ARGUMENT);
	q.to = "/";
	ck_assert_int_eq(ask(&q, &rep), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(ask_path(FSSRV_REMOVE, "/", 0, &rep), -WRIT_E_ILLEGAL_OPERATION);
	q.to = "/dx"; /* negative control: begins alike, isn't inside */
	ck_assert_int_eq(ask(&q, &rep), 0);
}
END_TEST

/* --- names ------------------------------------------------------------------------- */

static int ask_name(unsigned op, const char *path, const char *to, unsigned ncaps,
    struct pb_rep *rep)
{
	struct pb_req q = { .op = op, .path = path, .to = to };

	q.caps = (struct pb_caps){ ncaps, { 7, 8, 9 } };
	return ask(&q, rep);
}

START_TEST(test_names_need_their_rights_and_one_capability)
{
	static const unsigned ops[] = { FSSRV_REGISTER, FSSRV_LOOKUP, FSSRV_UNREGISTER };
	struct pb_rep rep;

	for (unsigned i = 0; i < NITEMS(ops); i++)
		for (uint32_t rights = 0; rights <= WRIT_R_ALL; rights++) {
			memfs_reset();
			who.rights = WRIT_R_ALL;
			if (i > 0)
				ck_assert_int_eq(ask_name(FSSRV_REGISTER, "/e", "", 1, &rep), 0);
			who.rights = rights;
			if (may(ops[i], 0, true, rights)) {
				ck_assert_int_eq(ask_name(ops[i], "/e", "", i == 0, &rep), 0);
				continue;
			}
			ck_assert_int_eq(ask_name(ops[i], "/e", "", 1, &rep), -WRIT_E_NO_RIGHT);
			ck_assert_uint_eq(rep.missing,
			    ops[i] == FSSRV_LOOKUP ? WRIT_R_READ : WRIT_R_MOUNT);
			ck_assert_uint_eq(memfs_calls(), i > 0);
			ck_assert_uint_eq(ses.ngive, 0);
		}
	memfs_reset();
	who.rights = WRIT_R_ALL;
	ck_assert_int_eq(ask_name(FSSRV_REGISTER, "/e", "", 0, &rep), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_int_eq(ask_name(FSSRV_REGISTER, "/e", "", 2, &rep), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_int_eq(ask_name(FSSRV_REGISTER, "/e", "", 3, &rep), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_uint_eq(memfs_calls(), 0);
}
END_TEST

START_TEST(test_a_name_is_registered_found_and_taken_back)
{
	struct pb_rep rep;

	memcpy(who.prefix, "/d", 3);
	ck_assert_int_eq(ask_name(FSSRV_LOOKUP, "/e", "", 0, &rep), -WRIT_E_NOT_FOUND);
	ck_assert_uint_eq(ses.ngive, 0);
	ck_assert_int_eq(ask_name(FSSRV_REGISTER, "/e", "", 1, &rep), 0);
	ck_assert_str_eq(rep.name, "1");
	ck_assert_uint_eq(ses.ngive, 0);
	ck_assert_int_eq(ask_name(FSSRV_REGISTER, "/e", "", 1, &rep), -WRIT_E_NO_SPACE);
	ck_assert_int_eq(ask_name(FSSRV_LOOKUP, "/e", "", 2, &rep), 0); /* what came is not kept */
	ck_assert_str_eq(rep.name, "1");
	ck_assert_uint_eq(ses.ngive, 1);
	ck_assert_uint_eq(ses.give[0], 7);
	ck_assert_int_eq(ask_name(FSSRV_LOOKUP, "/e", "1", 0, &rep), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ask_name(FSSRV_LOOKUP, "/../e", "", 0, &rep), -WRIT_E_BAD_PATH);
	memcpy(who.prefix, "/d/e", 5); /* the prefix can be the name itself */
	ck_assert_int_eq(ask_name(FSSRV_LOOKUP, "", "", 0, &rep), 0);
	ck_assert_int_eq(ask_name(FSSRV_UNREGISTER, "", "", 0, &rep), 0);
	ck_assert_int_eq(ask_name(FSSRV_UNREGISTER, "", "", 0, &rep), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ask_name(FSSRV_LOOKUP, "", "", 0, &rep), -WRIT_E_NOT_FOUND);
}
END_TEST

START_TEST(test_a_server_without_names_says_so)
{
	struct fssrv_ops ops = memfs_ops;
	struct pb_req q = { .path = "/e" };
	struct pb_rep rep;

	ops.enroll = NULL;
	ops.dismiss = NULL;
	ops.lookup = NULL;
	for (q.op = FSSRV_REGISTER; q.op <= FSSRV_LOOKUP; q.op++) {
		int64_t n = pb_req_pack(&q, in, sizeof(in));

		n = fssrv_request(&ses, &ops, in, (size_t)n, out);
		ck_assert_int_eq(pb_rep_unpack(out, (size_t)n, &rep), 0);
		ck_assert_uint_eq(rep.status, WRIT_E_ILLEGAL_OPERATION);
	}
}
END_TEST

START_TEST(test_a_members_name_is_bounded)
{
	char name[FSSRV_MEMBER_MAX + 1] = { 0 };
	struct pb_rep rep = { .name = name }, got;
	int64_t n;

	memset(name, 'x', FSSRV_MEMBER_MAX - 1);
	n = pb_rep_pack(&rep, out, sizeof(out));
	ck_assert_int_eq(pb_rep_unpack(out, (size_t)n, &got), 0);
	ck_assert_str_eq(got.name, name);
	name[FSSRV_MEMBER_MAX - 1] = 'x';
	n = pb_rep_pack(&rep, out, sizeof(out));
	ck_assert_int_eq(pb_rep_unpack(out, (size_t)n, &got), -WRIT_E_BAD_REQUEST);
	name[1] = '\n';
	name[2] = '\0';
	n = pb_rep_pack(&rep, out, sizeof(out));
	ck_assert_int_eq(pb_rep_unpack(out, (size_t)n, &got), -WRIT_E_BAD_REQUEST);
}
END_TEST

START_TEST(test_malformed_requests_end_the_session)
{
	static const uint8_t nul[] = { 0x08, 5, 0x12, 3, '/', 'f', 0 };
	static const uint8_t twice[] = { 0x08, 5, 0x08, 5, 0x12, 2, '/', 'f' };
	static const uint8_t control[] = { 0x08, 5, 0x12, 2, '/', '\n' };
	static const uint8_t fine[] = { 0x08, 5, 0x12, 2, '/', 'f' };
	struct pb_rep rep;

	ck_assert_int_lt(fssrv_request(&ses, &memfs_ops, nul, sizeof(nul), out), 0);
	ck_assert_int_lt(fssrv_request(&ses, &memfs_ops, twice, sizeof(twice), out), 0);
	ck_assert_int_lt(fssrv_request(&ses, &memfs_ops, control, sizeof(control), out), 0);
	ck_assert_int_lt(fssrv_request(&ses, &memfs_ops, "\x12\x7f", 2, out), 0);
	ck_assert_int_gt(fssrv_request(&ses, &memfs_ops, fine, sizeof(fine), out), 0);
	ck_assert_int_eq(ask_path(99, "/f", 0, &rep), -WRIT_E_BAD_REQUEST);
	ck_assert_int_eq(ask_path(0, "/f", 0, &rep), -WRIT_E_BAD_REQUEST);
}
END_TEST

START_TEST(test_hostile_requests)
{
	uint64_t seed = seed_new("fs requests");
	unsigned refused = 0;

	for (unsigned i = 0; i < 50000; i++) {
		struct pb_req q = {
			.op = (unsigned)(rnd(&seed) % 15),
			.path = rnd(&seed) % 2 != 0 ? "/f" : "/d/h",
			.to = "/z",
			.flags = (uint32_t)(rnd(&seed) % 64),
			.handle = (uint32_t)(rnd(&seed) % 4),
			.offset = rnd(&seed) % 8 == 0 ? rnd(&seed) : rnd(&seed) % 100,
			.count = (uint32_t)(rnd(&seed) % 100),
			.data = "0123456789",
			.len = rnd(&seed) % 10,
		};
		int64_t n = pb_req_pack(&q, in, sizeof(in));
		uint8_t *copy;

		for (unsigned m = (unsigned)(rnd(&seed) % 4); m > 0 && n > 0; m--)
			in[rnd(&seed) % (uint64_t)n] = (uint8_t)rnd(&seed);
		if (rnd(&seed) % 8 == 0 && n > 0)
			n = (int64_t)(rnd(&seed) % (uint64_t)n);
		copy = malloc(n > 0 ? (size_t)n : 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, in, (size_t)n);
		refused += fssrv_request(&ses, &memfs_ops, copy, (size_t)n, out) < 0;
		free(copy);
	}
	ck_assert_uint_gt(refused, 1000);
	ck_assert_uint_lt(refused, 49000);
}
END_TEST

Suite *fssrv_suite(void)
{
	Suite *s = suite_create("fssrv");
	TCase *t = tcase_create("fssrv");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_join);
	tcase_add_test(t, test_join_of_long_paths);
	tcase_add_test(t, test_random_paths_never_leave_the_prefix);
	tcase_add_test(t, test_rights_table_for_every_operation_flag_and_mask);
	tcase_add_test(t, test_requests_without_the_right_reach_no_callback);
	tcase_add_test(t, test_who_may_only_create_fills_what_it_made_and_nothing_else);
	tcase_add_test(t, test_who_may_not_read_learns_no_size);
	tcase_add_test(t, test_prefix_holds);
	tcase_add_test(t, test_handles_are_bounded_and_reused);
	tcase_add_test(t, test_flags_that_make_no_sense_are_refused);
	tcase_add_test(t, test_append_ignores_the_offset_and_others_are_bounded);
	tcase_add_test(t, test_rename_and_remove_of_the_root_or_into_itself);
	tcase_add_test(t, test_names_need_their_rights_and_one_capability);
	tcase_add_test(t, test_a_name_is_registered_found_and_taken_back);
	tcase_add_test(t, test_a_server_without_names_says_so);
	tcase_add_test(t, test_a_members_name_is_bounded);
	tcase_add_test(t, test_malformed_requests_end_the_session);
	tcase_add_test(t, test_hostile_requests);
	suite_add_tcase(s, t);
	return s;
}
