/* SPDX-License-Identifier: MIT */
/*
 * No way out of the folder, and nothing but files and folders in it. Each
 * refusal stands beside the same call where it is allowed; the races also run
 * against a plain openat(), which must lose them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <writ/err.h>
#include "tests/unit/servers/ux/ux-tests.h"

static char buf[64];

/* Nothing at @path can be used: every operation gives @err. @way: it is a folder on the way. */
static void expect_refused(const char *way, int err)
{
	char path[128];
	struct writ_dirent e[4];
	struct writ_stat st;
	uint64_t next;

	ck_assert_int_eq(ux_readdir(&ux, way, 0, e, 4, &next), -err);
	ck_assert_int_eq(ux_stat(&ux, way, &st), -err);
	snprintf(path, sizeof(path), "%s/secret", way);
	ck_assert_int_eq(ux_text(path, buf, sizeof(buf)), -err);
	ck_assert_int_eq(ux_stat(&ux, path, &st), -err);
	ck_assert_int_eq(ux_remove(&ux, path), -err);
	ck_assert_int_eq(ux_rename(&ux, path, "/got"), -err);
	ck_assert_int_eq(ux_rename(&ux, "/f", path), -err);
	snprintf(path, sizeof(path), "%s/new", way);
	ck_assert_int_eq(ux_put(path, "x"), -err);
	ck_assert_int_eq(ux_mkdir(&ux, path), -err);
	ck_assert(host_exists("out/secret") && !host_exists("out/new") && !host_exists("in/got"));
}

static void expect_served(const char *way)
{
	char path[128];
	struct writ_dirent e[4];
	uint64_t next;

	ck_assert_int_eq(ux_readdir(&ux, way, 0, e, 4, &next), 1);
	snprintf(path, sizeof(path), "%s/g", way);
	ck_assert_int_eq(ux_text(path, buf, sizeof(buf)), 1);
	ck_assert_int_eq(ux_rename(&ux, path, "/moved"), 0);
	ck_assert_int_eq(ux_rename(&ux, "/moved", path), 0);
	snprintf(path, sizeof(path), "%s/new", way);
	ck_assert_int_eq(ux_put(path, "x"), 0);
	ck_assert_int_eq(ux_remove(&ux, path), 0);
	ck_assert_int_eq(ux_mkdir(&ux, path), 0);
	ck_assert_int_eq(ux_remove(&ux, path), 0);
}

static void fill(void)
{
	host_put("out/secret", "secret");
	host_put("in/f", "f");
	host_mkdir("in/d");
	host_put("in/d/g", "g");
}

START_TEST(dots_lead_nowhere)
{
	fill();
	expect_refused("/../out", WRIT_E_NO_RIGHT);
	expect_refused("/d/../../out", WRIT_E_NO_RIGHT);
	expect_served("/d/../d");
	ck_assert_int_eq(ux_remove(&ux, "/d/.."), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(ux_mkdir(&ux, "/d/."), -WRIT_E_BAD_PATH);
}
END_TEST

START_TEST(symlinks_lead_only_inside)
{
	char target[128];

	fill();
	snprintf(target, sizeof(target), "%s/out", base);
	host_symlink(target, "in/absolute");
	host_symlink("../out", "in/up");
	host_symlink("d/../../out", "in/winding");
	host_symlink("up", "in/chain");
	snprintf(target, sizeof(target), "%s/in/d", base);
	host_symlink(target, "in/absolute-inside");
	host_symlink("d", "in/good");
	host_symlink("../d/../good", "in/d2");
	expect_refused("/absolute", WRIT_E_NO_RIGHT);
	expect_refused("/up", WRIT_E_NO_RIGHT);
	expect_refused("/winding", WRIT_E_NO_RIGHT);
	expect_refused("/chain", WRIT_E_NO_RIGHT);
	expect_refused("/absolute-inside", WRIT_E_NO_RIGHT);
	expect_refused("/d2", WRIT_E_NO_RIGHT);
	expect_served("/good");
}
END_TEST

START_TEST(a_symlink_as_the_last_part)
{
	struct writ_stat st;

	fill();
	host_symlink("../out/secret", "in/leak");
	host_symlink("d/g", "in/good");
	host_symlink("../out/made", "in/dangling");
	host_symlink("loop2", "in/loop");
	host_symlink("loop", "in/loop2");
	ck_assert_int_eq(ux_text("/leak", buf, sizeof(buf)), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_text("/good", buf, sizeof(buf)), 1);
	ck_assert_int_eq(ux_stat(&ux, "/leak", &st), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_stat(&ux, "/good", &st), 0);
	ck_assert_int_eq(ux_stat(&ux, "/loop", &st), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(ux_put("/loop/x", ""), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(ux_put("/dangling", "x"), -WRIT_E_EXISTS);
	ck_assert(!host_exists("out/made"));
	ck_assert_int_eq(ux_remove(&ux, "/leak"), 0); /* the link, not the file */
	ck_assert_int_eq(ux_rename(&ux, "/f", "/dangling"), 0);
	ck_assert(host_exists("out/secret") && !host_exists("in/leak") && !host_exists("out/made"));
	ck_assert_int_eq(ux_text("/dangling", buf, sizeof(buf)), 1);
}
END_TEST

START_TEST(magic_links_are_not_followed)
{
	struct writ_stat st;

	close(ux.root);
	ux.root = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(ux.root, 0);
	ck_assert_int_gt(ux_text("/status", buf, sizeof(buf)), 0);
	ck_assert_int_eq(ux_stat(&ux, "/cwd", &st), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(ux_stat(&ux, "/root/etc", &st), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(ux_text("/exe", buf, sizeof(buf)), -WRIT_E_BAD_PATH);
	ck_assert_int_eq(ux_text("/fd/0", buf, sizeof(buf)), -WRIT_E_BAD_PATH);
}
END_TEST

START_TEST(hard_links_are_the_files_they_are)
{
	char from[128], to[128];

	fill();
	snprintf(from, sizeof(from), "%s/out/secret", base);
	snprintf(to, sizeof(to), "%s/in/hard", base);
	ck_assert_int_eq(link(from, to), 0); /* only the host can do that: it is lent then */
	ck_assert_int_eq(ux_text("/hard", buf, sizeof(buf)), 6);
	ck_assert_int_eq(ux_remove(&ux, "/hard"), 0);
	ck_assert(host_exists("out/secret"));
}
END_TEST

static void special_expect(const char *path)
{
	struct writ_stat st;
	struct ux_file *f;

	ck_assert_int_eq(ux_open(&ux, path, WRIT_O_READ, 1, &f, &st), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_open(&ux, path, WRIT_O_WRITE, 1, &f, &st), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_open(&ux, path, WRIT_O_READ | WRIT_O_WRITE, 1, &f, &st),
	    -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_stat(&ux, path, &st), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_remove(&ux, path), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_rename(&ux, path, "/f"), -WRIT_E_NOT_FOUND);
}

START_TEST(only_files_and_folders_are_served)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct writ_dirent e[16];
	char path[128];
	uint64_t next = 1;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	fill();
	snprintf(path, sizeof(path), "%s/in/fifo", base);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/in/null", base);
	ck_assert_int_eq(mknod(path, S_IFCHR | 0666, (1 << 8) | 3), 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/in/sock", base);
	ck_assert_int_eq(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	host_symlink("fifo", "in/link");
	host_symlink("../out", "in/leak");
	host_symlink("nowhere", "in/dangling");
	host_symlink("d", "in/good");
	host_put("in/tab\there", "");
	special_expect("/fifo");
	special_expect("/null");
	special_expect("/sock");
	ck_assert_int_eq(ux_text("/link", buf, sizeof(buf)), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_text("/f", buf, sizeof(buf)), 1);
	ck_assert_int_eq(ux_readdir(&ux, "/", 0, e, 16, &next), 3); /* d, f, good */
	ck_assert_uint_eq(next, 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(e[i].kind, strcmp(e[i].name, "f") == 0 ? WRIT_FILE : WRIT_DIR);
	close(s);
}
END_TEST

/* --- races ---------------------------------------------------------------------- */

struct swapper {
	char a[128], b[128];
	atomic_bool stop;
	unsigned long swaps;
	pthread_t thread;
};

static void *swap_run(void *arg)
{
	struct swapper *s = arg;

	while (!s->stop)
		s->swaps += renameat2(AT_FDCWD, s->a, AT_FDCWD, s->b, RENAME_EXCHANGE) == 0;
	return NULL;
}

/* Exchange @a and @b of the served folder without pause. */
static void swap_start(struct swapper *s, const char *a, const char *b)
{
	s->stop = false;
	s->swaps = 0;
	snprintf(s->a, sizeof(s->a), "%s/in/%s", base, a);
	snprintf(s->b, sizeof(s->b), "%s/in/%s", base, b);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, swap_run, s), 0);
}

static void swap_stop(struct swapper *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
}

static bool time_left(const struct timespec *from, double seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - from->tv_sec) + (double)(t.tv_nsec - from->tv_nsec) / 1e9 <
	    seconds;
}

/* What a server without openat2() would do. Returns whether it ever saw the secret. */
static bool plain_open_leaks(void)
{
	struct timespec start;
	bool leaked = false;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!leaked && time_left(&start, 5)) {
		int fd = openat(ux.root, "d/g", O_RDONLY | O_NOFOLLOW);

		if (fd < 0)
			continue;
		leaked = read(fd, buf, 6) == 6;
		close(fd);
	}
	return leaked;
}

START_TEST(a_symlink_swapped_in_during_access)
{
	struct swapper s;
	struct timespec start;
	unsigned got = 0, refused = 0, made = 0;

	fill();
	host_put("out/g", "secret");
	host_symlink("../out", "in/other");
	swap_start(&s, "d", "other");
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (time_left(&start, 2) ||
	    ((got == 0 || made == 0 || refused == 0) && time_left(&start, 15))) {
		int64_t n = ux_text("/d/g", buf, sizeof(buf));

		ck_assert_msg(n <= 1, "read the secret");
		got += n == 1;
		refused += n == -WRIT_E_NO_RIGHT;
		n = ux_put("/d/new", "x");
		made += n == 0;
		ck_assert(!host_exists("out/new"));
		if (n == 0)
			while (ux_remove(&ux, "/d/new") < 0)
				;
		n = ux_mkdir(&ux, "/d/new");
		ck_assert(!host_exists("out/new"));
		if (n == 0)
			while (ux_remove(&ux, "/d/new") < 0)
				;
		ux_remove(&ux, "/d/secret");
		ux_rename(&ux, "/d/secret", "/stolen");
		ck_assert(host_exists("out/secret"));
	}
	ck_assert_msg(plain_open_leaks(), "the race is none: a plain open never lost it");
	swap_stop(&s);
	printf("symlink race: %lu swaps, %u read, %u made, %u refused\n", s.swaps, got, made,
	    refused);
	ck_assert_uint_gt(s.swaps, 1000);
	ck_assert_uint_gt(got, 0);
	ck_assert_uint_gt(made, 0);
	ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(a_fifo_swapped_in_never_hangs)
{
	struct swapper s;
	struct timespec start;
	unsigned got = 0, refused = 0;
	char path[128];

	fill();
	snprintf(path, sizeof(path), "%s/in/fifo", base);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	swap_start(&s, "f", "fifo");
	clock_gettime(CLOCK_MONOTONIC, &start);
	/* the test's time limit is the check */
	while (time_left(&start, 1) || ((got == 0 || refused == 0) && time_left(&start, 10))) {
		int64_t n = ux_text("/f", buf, sizeof(buf));

		ck_assert(n == 1 || n == -WRIT_E_NOT_FOUND);
		got += n == 1;
		refused += n < 0;
	}
	swap_stop(&s);
	ck_assert_uint_gt(got, 0);
	ck_assert_uint_gt(refused, 0);
}
END_TEST

TCase *confine_case(void)
{
	TCase *c = tcase_create("confinement");

	tcase_set_timeout(c, 30);
	tcase_add_test(c, dots_lead_nowhere);
	tcase_add_test(c, symlinks_lead_only_inside);
	tcase_add_test(c, a_symlink_as_the_last_part);
	tcase_add_test(c, magic_links_are_not_followed);
	tcase_add_test(c, hard_links_are_the_files_they_are);
	tcase_add_test(c, only_files_and_folders_are_served);
	tcase_add_test(c, a_symlink_swapped_in_during_access);
	tcase_add_test(c, a_fifo_swapped_in_never_hangs);
	return c;
}
