/* SPDX-License-Identifier: MIT */
/*
 * ux on a real folder: each operation and refusal, paging, limits of open
 * files. Needs root (devices, mounts of its own).
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <writ/err.h>
#include "tests/unit/servers/ux/ux-tests.h"

struct ux ux;
char base[64];
static char top[] = "/tmp/writ-unit-ux.XXXXXX";

/* --- what the parts share ----------------------------------------------------- */

static const char *host_path(const char *path)
{
	static char full[4096];

	snprintf(full, sizeof(full), "%s/%s", base, path);
	return full;
}

void host_put(const char *path, const char *text)
{
	FILE *f = fopen(host_path(path), "w");

	ck_assert_msg(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "put %s: %s", path,
	    strerror(errno));
}

void host_mkdir(const char *path)
{
	ck_assert_msg(mkdir(host_path(path), 0755) == 0, "mkdir %s: %s", path, strerror(errno));
}

void host_symlink(const char *target, const char *path)
{
	ck_assert_msg(symlink(target, host_path(path)) == 0, "symlink %s: %s", path,
	    strerror(errno));
}

bool host_exists(const char *path)
{
	struct stat st;

	return lstat(host_path(path), &st) == 0;
}

int64_t ux_text(const char *path, char *buf, size_t size)
{
	struct writ_stat st;
	struct ux_file *f;
	int64_t n = ux_open(&ux, path, WRIT_O_READ, 1, &f, &st);

	if (n < 0)
		return n;
	n = ux_read(f, 0, buf, size - 1);
	ux_close(f);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

int ux_put(const char *path, const char *text)
{
	struct writ_stat st;
	struct ux_file *f;
	int64_t n = ux_open(&ux, path, WRIT_O_WRITE | WRIT_O_CREATE | WRIT_O_EXCL, 1, &f, &st);

	if (n < 0)
		return (int)n;
	n = ux_write(f, 0, text, strlen(text));
	ux_close(f);
	return n < 0 ? (int)n : 0;
}

static void setup(void)
{
	static unsigned n;

	snprintf(base, sizeof(base), "%s/t%d-%u", top, (int)getpid(), n++);
	ck_assert_int_eq(mkdir(base, 0755), 0);
	host_mkdir("in");
	host_mkdir("out");
	ux = (struct ux){ .nfiles = UX_FILES_MAX };
	ux.root = open(host_path("in"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(ux.root, 0);
}

/* --- operations ----------------------------------------------------------------- */

START_TEST(files_are_made_read_written_removed)
{
	struct writ_stat st, again;
	struct ux_file *f;
	char buf[64];

	ck_assert_int_eq(ux_put("/a", "hello"), 0);
	ck_assert_int_eq(ux_text("/a", buf, sizeof(buf)), 5);
	ck_assert_str_eq(buf, "hello");
	ck_assert_int_eq(ux_stat(&ux, "/a", &st), 0);
	ck_assert_uint_eq(st.kind, WRIT_FILE);
	ck_assert_uint_eq(st.size, 5);
	ck_assert_uint_gt(st.mtime_ns, UINT64_C(1600000000000000000));
	ck_assert_int_eq(ux_open(&ux, "/a", WRIT_O_WRITE | WRIT_O_APPEND, 1, &f, &st), 0);
	usleep(20000); /* the host's clock for versions has steps */
	ck_assert_int_eq(ux_write(f, UX_END, " world", 6), 6);
	ck_assert_int_eq(ux_stat(&ux, "/a", &again), 0);
	ck_assert_uint_gt(again.version, st.version);
	ux_close(f);
	ck_assert_int_eq(ux_open(&ux, "/a", WRIT_O_READ | WRIT_O_WRITE, 1, &f, &st), 0);
	ck_assert_int_eq(ux_write(f, 0, "J", 1), 1);
	ck_assert_int_eq(ux_write(f, 20, "z", 1), 1);
	ck_assert_int_eq(ux_read(f, 0, buf, sizeof(buf)), 21);
	ck_assert_mem_eq(buf, "Jello world\0\0\0\0\0\0\0\0\0z", 21);
	ck_assert_int_eq(ux_read(f, 21, buf, 1), 0);
	ck_assert_int_eq(ux_read(f, UINT64_MAX, buf, 1), 0);
	ck_assert_int_eq(ux_remove(&ux, "/a"), 0);
	ck_assert_int_eq(ux_read(f, 0, buf, 5), 5); /* a removed file lives on while open */
	ux_close(f);
	ck_assert_int_eq(ux_text("/a", buf, sizeof(buf)), -WRIT_E_NOT_FOUND);
	ck_assert(!host_exists("in/a"));
	ck_assert_int_eq(ux_put("/b", "12345"), 0);
	ck_assert_int_eq(ux_open(&ux, "/b", WRIT_O_WRITE | WRIT_O_TRUNC, 1, &f, &st), 0);
	ck_assert_uint_eq(st.size, 0);
	ux_close(f);
}
END_TEST

START_TEST(each_refusal_has_its_error)
{
	struct writ_dirent e[4];
	struct writ_stat st;
	struct ux_file *f;
	uint64_t next;

	ck_assert_int_eq(ux_put("/f", "1"), 0);
	ck_assert_int_eq(ux_mkdir(&ux, "/d"), 0);
	ck_assert_int_eq(ux_put("/d/g", "2"), 0);
	ck_assert_int_eq(ux_put("/f", ""), -WRIT_E_EXISTS);
	ck_assert_int_eq(ux_put("/d", ""), -WRIT_E_EXISTS);
	ck_assert_int_eq(ux_put("/no/x", ""), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_put("/f/x", ""), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(ux_open(&ux, "/d", WRIT_O_READ, 1, &f, &st), -WRIT_E_IS_DIR);
	ck_assert_int_eq(ux_open(&ux, "/d", WRIT_O_WRITE, 1, &f, &st), -WRIT_E_IS_DIR);
	ck_assert_int_eq(ux_open(&ux, "/", WRIT_O_READ, 1, &f, &st), -WRIT_E_IS_DIR);
	ck_assert_int_eq(ux_stat(&ux, "/no", &st), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_stat(&ux, "/", &st), 0);
	ck_assert_int_eq(ux_mkdir(&ux, "/d"), -WRIT_E_EXISTS);
	ck_assert_int_eq(ux_mkdir(&ux, "/"), -WRIT_E_EXISTS);
	ck_assert_int_eq(ux_mkdir(&ux, "/no/x"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_remove(&ux, "/d"), -WRIT_E_NOT_EMPTY);
	ck_assert_int_eq(ux_remove(&ux, "/no"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_remove(&ux, "/"), -WRIT_E_ILLEGAL_OPERATION);
	ck_assert_int_eq(ux_readdir(&ux, "/f", 0, e, 4, &next), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(ux_readdir(&ux, "/no", 0, e, 4, &next), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_readdir(&ux, "/", UINT64_MAX, e, 4, &next), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_int_eq(ux_rename(&ux, "/no", "/x"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_rename(&ux, "/f", "/no/x"), -WRIT_E_NOT_FOUND);
	ck_assert_int_eq(ux_rename(&ux, "/f", "/d"), -WRIT_E_IS_DIR);
	ck_assert_int_eq(ux_rename(&ux, "/d", "/f"), -WRIT_E_NOT_DIR);
	ck_assert_int_eq(ux_mkdir(&ux, "/empty"), 0);
	ck_assert_int_eq(ux_rename(&ux, "/d", "/empty"), -WRIT_E_IS_DIR);
	ck_assert_int_eq(ux_rename(&ux, "/d", "/d/x"), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_int_eq(ux_remove(&ux, "/empty"), 0);
}
END_TEST

START_TEST(rename_moves_and_replaces)
{
	char buf[8];

	ck_assert_int_eq(ux_mkdir(&ux, "/d"), 0);
	ck_assert_int_eq(ux_put("/d/x", "x"), 0);
	ck_assert_int_eq(ux_put("/y", "y"), 0);
	ck_assert_int_eq(ux_rename(&ux, "/y", "/d/x"), 0);
	ck_assert_int_eq(ux_rename(&ux, "/d", "/e"), 0);
	ck_assert_int_eq(ux_text("/e/x", buf, sizeof(buf)), 1);
	ck_assert_str_eq(buf, "y");
	ck_assert(!host_exists("in/d") && !host_exists("in/y"));
}
END_TEST

START_TEST(names_of_255_bytes)
{
	char path[400], buf[8];

	memset(path, 'n', sizeof(path));
	path[0] = '/';
	path[256] = '\0';
	ck_assert_int_eq(ux_put(path, "long"), 0);
	ck_assert_int_eq(ux_text(path, buf, sizeof(buf)), 4);
	path[256] = 'n';
	path[257] = '\0';
	ck_assert_int_eq(ux_put(path, "long"), -WRIT_E_NAME_TOO_LONG);
}
END_TEST

START_TEST(ten_thousand_entries_are_listed_once)
{
	enum { N = 10000 };
	static unsigned char seen[N];
	struct writ_dirent e[128];
	uint64_t next = 0;
	char path[64];
	unsigned pages = 0;

	host_mkdir("in/d");
	for (unsigned i = 0; i < N; i++) {
		snprintf(path, sizeof(path), "in/d/%u", i);
		host_put(path, "12" + (i & 1));
	}
	do {
		int64_t n = ux_readdir(&ux, "/d", next, e, 128, &next);

		ck_assert_int_ge(n, 0);
		ck_assert(n == 128 || next == 0);
		for (int64_t i = 0; i < n; i++) {
			unsigned k = (unsigned)strtoul(e[i].name, NULL, 10);

			ck_assert_uint_lt(k, N);
			ck_assert_uint_eq(seen[k]++, 0);
			ck_assert_uint_eq(e[i].kind, WRIT_FILE);
			ck_assert_uint_eq(e[i].size, 2 - (k & 1));
		}
		pages++;
	} while (next != 0);
	for (unsigned i = 0; i < N; i++)
		ck_assert_uint_eq(seen[i], 1);
	ck_assert_uint_ge(pages, N / 128);
}
END_TEST

START_TEST(open_files_are_shared_fairly)
{
	struct writ_stat st;
	struct ux_file *f;
	unsigned n = 0;

	ck_assert_int_eq(ux_put("/f", "x"), 0);
	ux.nfiles = 100;
	while (ux_open(&ux, "/f", WRIT_O_READ, 7, &f, &st) == 0)
		n++;
	ck_assert_int_eq(ux_open(&ux, "/f", WRIT_O_READ, 7, &f, &st), -WRIT_E_TOO_MANY_OPEN);
	ck_assert_uint_eq(n, 50);
	for (n = 0; ux_open(&ux, "/f", WRIT_O_READ, 8, &f, &st) == 0; n++)
		;
	ck_assert_uint_eq(n, 25);
	ck_assert_int_eq(ux_open(&ux, "/f", WRIT_O_READ, 9, &f, &st), 0);
	ux_close(f);
	ux_close(&ux.files[0]);
	ck_assert_int_eq(ux_open(&ux, "/f", WRIT_O_READ, 8, &f, &st), 0);
}
END_TEST

START_TEST(a_length_limit_is_a_clear_error)
{
	struct rlimit l = { 4096, 4096 };
	static char block[8192];
	struct writ_stat st;
	struct ux_file *f;

	ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
	ck_assert_int_eq(ux_open(&ux, "/f", WRIT_O_WRITE | WRIT_O_CREATE, 1, &f, &st), 0);
	ck_assert_int_eq(ux_write(f, 0, block, 4096), 4096);
	ck_assert_int_eq(ux_write(f, 4096, block, 1), -WRIT_E_RANGE);
	ck_assert_int_eq(ux_write(f, INT64_MAX, block, 1), -WRIT_E_RANGE);
	ux_close(f);
}
END_TEST

/* --- the program ------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	Suite *s = suite_create("ux");
	TCase *c = tcase_create("operations"), *confine = confine_case(), *mounts = mounts_case(),
	      *filter = filter_case();
	SRunner *r;
	int failed;

	if (mkdtemp(top) == NULL) {
		perror(top);
		return EXIT_FAILURE;
	}
	tcase_add_test(c, files_are_made_read_written_removed);
	tcase_add_test(c, each_refusal_has_its_error);
	tcase_add_test(c, rename_moves_and_replaces);
	tcase_add_test(c, names_of_255_bytes);
	tcase_add_test(c, ten_thousand_entries_are_listed_once);
	tcase_add_test(c, open_files_are_shared_fairly);
	tcase_add_test(c, a_length_limit_is_a_clear_error);
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_checked_fixture(confine, setup, NULL);
	tcase_add_checked_fixture(mounts, setup, NULL);
	tcase_add_checked_fixture(filter, setup, NULL);
	suite_add_tcase(s, c);
	suite_add_tcase(s, confine);
	suite_add_tcase(s, mounts);
	suite_add_tcase(s, filter);
	r = srunner_create(s);
	srunner_run_all(r, CK_VERBOSE);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
