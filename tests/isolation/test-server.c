/* SPDX-License-Identifier: MIT */
/* What the profiles files and server are for works in them, and only in them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/nest.h"
#include "tools/boot/host.h"
#include "tests.h"

#define UID 200040

START_TEST(nng_works_only_in_server)
{
	char dir[64], path[96];
	struct host_folder h = { .path = dir, .writable = 1, .uid = UID };
	struct nest n = harness_nest((unsigned)_i, "nng", UID);
	struct nest_order o = harness_order("nng");
	struct nest_event e = { 0 };
	struct stat st;
	int image = harness_image("isolation-nng"), gate = open("/dev/null", O_RDWR | O_CLOEXEC),
	    fd;

	harness_folder(dir, sizeof(dir));
	ck_assert_int_eq(chown(dir, UID, UID), 0);
	ck_assert_int_eq(host_open(&h), 0);
	o.nfds = 3;
	ck_assert_int_eq(nest_order(&n, &o, (int[]){ gate, image, h.fd }), 0);
	ck_assert_int_eq(harness_event(&n, &e, &fd), 1);
	ck_assert_int_eq(e.what, NEST_STARTED);
	close(fd);
	ck_assert_int_eq(harness_event(&n, &e, &fd), 1);
	ck_assert_int_eq(e.what, NEST_EXITED);
	printf("# profile %d: wait status %#x\n", _i, (unsigned)e.code);
	if (_i == WRIT_PROFILE_SERVER)
		ck_assert_int_eq(e.code, 0);
	else
		ck_assert_int_ne(e.code, 0);
	snprintf(path, sizeof(path), "%s/socket", dir);
	if (stat(path, &st) == 0)
		ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	close(image);
	close(gate);
	close(h.fd);
	harness_fini(&n);
}
END_TEST

/* openat2(stdout, name) in the probe, beneath it only. */
static int64_t open_below(const struct nest *n, struct probe *p, const char *name, uint64_t flags)
{
	struct open_how how = { .flags = flags,
		.mode = flags & O_CREAT ? 0600 : 0,
		.resolve = RESOLVE_BENEATH };
	struct probe_req q = { .op = PROBE_CALL, .nr = SYS_openat2 };
	struct probe_rep r;

	harness_call(n, p, SYS_getpid, (uint64_t[6]){ 0 }); /* to know where its scratch lies */
	memcpy(q.data, &how, sizeof(how));
	strncpy(q.data + sizeof(how), name, sizeof(q.data) - sizeof(how) - 1);
	q.arg[0] = STDOUT_FILENO;
	q.arg[1] = p->scratch + sizeof(how);
	q.arg[2] = p->scratch;
	q.arg[3] = sizeof(how);
	ck_assert(harness_ask(n, p, &q, &r));
	return r.ret;
}

START_TEST(a_lent_folder_opens_by_profile)
{
	char dir[64], path[96];
	struct host_folder h = { .path = dir, .writable = 1, .uid = UID };
	struct nest n = harness_nest((unsigned)_i, "lent", UID);
	struct probe p;

	harness_folder(dir, sizeof(dir));
	ck_assert_int_eq(host_open(&h), 0);
	p = harness_probe(&n, harness_order("probe"), h.fd);
	if (_i == WRIT_PROFILE_NATIVE) {
		ck_assert_int_eq(open_below(&n, &p, "f", O_CREAT | O_RDWR), -ENOSYS);
	} else if (h.idmapped) {
		ck_assert_int_ge(open_below(&n, &p, "f", O_CREAT | O_RDWR), 0);
		ck_assert_int_ge(open_below(&n, &p, "f", O_RDONLY), 0);
		ck_assert_int_eq(open_below(&n, &p, "../f", O_RDONLY), -EXDEV);
		ck_assert_int_eq(open_below(&n, &p, "/f", O_RDONLY), -EXDEV);
		snprintf(path, sizeof(path), "%s/f", dir);
		ck_assert_int_eq(unlink(path), 0);
	}
	harness_end(&n, &p);
	harness_fini(&n);
	close(h.fd);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

TCase *server_tests(void)
{
	TCase *t = tcase_create("server");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, nng_works_only_in_server, 0, WRIT_PROFILE_N);
	tcase_add_loop_test(t, a_lent_folder_opens_by_profile, 0, WRIT_PROFILE_N);
	return t;
}
