/* SPDX-License-Identifier: MIT */
/* Folders that are full or read-only, and mounts inside one; in a mount namespace of the test's
 * own. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <writ/err.h>
#include "tests/unit/servers/ux/ux-tests.h"

static char buf[64];

/* A mount namespace of one's own, where base/in is served. */
static void own_mounts(void)
{
	char path[128];

	ck_assert_msg(unshare(CLONE_NEWNS) == 0, "unshare: %s", strerror(errno));
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(path, sizeof(path), "%s/in", base);
	close(ux.root);
	ux.root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(ux.root, 0);
}

/* Serve a fresh tmpfs at base/@name. */
static void serve_tmpfs(const char *name, const char *options, char path[128])
{
	snprintf(path, 128, "%s/%s", base, name);
	ck_assert_msg(mount("tmpfs", path, "tmpfs", 0, options) == 0, "mount: %s", strerror(errno));
	close(ux.root);
	ux.root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(ux.root, 0);
}

START_TEST(a_full_disk_is_no_space)
{
	static char block[61440];
	struct writ_stat st;
	struct ux_file *f;
	uint64_t off = 0;
	char path[128];
	int64_t n;

	own_mounts();
	serve_tmpfs("in", "size=1m,nr_inodes=8", path);
	ck_assert_int_eq(ux_put("/keep", "kept"), 0);
	ck_assert_int_eq(ux_open(&ux, "/big", WRIT_O_WRITE | WRIT_O_CREATE, 1, &f, &st), 0);
	while ((n = ux_write(f, off, block, sizeof(block))) > 0)
		off += sizeof(block);
	ck_assert_int_eq(n, -WRIT_E_NO_SPACE);
	ck_assert_uint_ge(off, 900000);
	ck_assert_int_eq(ux_stat(&ux, "/big", &st), 0);
	ck_assert(st.size >= off && st.size < off + sizeof(block)); /* at most a first part of it */
	ck_assert_int_eq(ux_text("/keep", buf, sizeof(buf)), 4);
	ux_close(f);
	ck_assert_int_eq(ux_remove(&ux, "/big"), 0);
	ck_assert_int_eq(ux_put("/again", "fits"), 0);
	for (n = 0; n == 0; off++) {
		snprintf(path, sizeof(path), "/i%d", (int)off);
		n = ux_put(path, "");
	}
	ck_assert_int_eq(n, -WRIT_E_NO_SPACE); /* no inodes */
}
END_TEST

START_TEST(a_read_only_folder_refuses_every_change)
{
	struct writ_stat st;
	struct ux_file *f;
	char path[128];

	own_mounts();
	serve_tmpfs("in", "size=1m", path);
	ck_assert_int_eq(ux_put("/f", "text"), 0);
	ck_assert_int_eq(ux_mkdir(&ux, "/d"), 0);
	ck_assert_int_eq(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	ck_assert_int_eq(ux_text("/f", buf, sizeof(buf)), 4);
	ck_assert_int_eq(ux_put("/g", ""), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_open(&ux, "/f", WRIT_O_WRITE, 1, &f, &st), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_open(&ux, "/f", WRIT_O_WRITE | WRIT_O_TRUNC, 1, &f, &st),
	    -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_mkdir(&ux, "/e"), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_remove(&ux, "/f"), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_remove(&ux, "/d"), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_rename(&ux, "/f", "/g"), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_stat(&ux, "/f", &st), 0);
	ck_assert_uint_eq(st.size, 4);
	ck_assert_int_eq(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL), 0);
	ck_assert_int_eq(ux_remove(&ux, "/f"), 0);
}
END_TEST

START_TEST(a_mount_inside_is_not_entered)
{
	char path[128];

	own_mounts();
	host_mkdir("in/m");
	host_put("in/m/f", "under");
	ck_assert_int_eq(ux_text("/m/f", buf, sizeof(buf)), 5);
	snprintf(path, sizeof(path), "%s/in/m", base);
	ck_assert_int_eq(mount("tmpfs", path, "tmpfs", 0, "size=1m"), 0);
	ck_assert_int_eq(ux_text("/m/f", buf, sizeof(buf)), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_put("/m/g", ""), -WRIT_E_NO_RIGHT);
	ck_assert_int_eq(ux_remove(&ux, "/m"), -WRIT_E_BUSY);
	ck_assert_int_eq(umount(path), 0);
	ck_assert_int_eq(ux_text("/m/f", buf, sizeof(buf)), 5);
}
END_TEST

TCase *mounts_case(void)
{
	TCase *c = tcase_create("mounts");

	tcase_set_timeout(c, 30);
	tcase_add_test(c, a_full_disk_is_no_space);
	tcase_add_test(c, a_read_only_folder_refuses_every_change);
	tcase_add_test(c, a_mount_inside_is_not_entered);
	return c;
}
