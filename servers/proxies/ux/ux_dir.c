/* SPDX-License-Identifier: MIT */
/* Listing the folder's folders, page by page. */
#include "servers/proxies/ux/ux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <writ/err.h>

#define NAMES_MAX 8192 /* bytes of the host's entries at a time */
#define PATH_LEN  1024

/* Could a client name it? Control bytes are never in a path. */
static bool name_served(const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return strlen(name) < sizeof(((struct writ_dirent *)NULL)->name);
}

/* Describe entry @name of the folder @path, open as @dir. Returns 1, 0 (not served), or an error.
 */
static int entry_get(const struct ux *u, const char *path, int dir, const char *name,
    struct writ_dirent *ret)
{
	char full[PATH_LEN];
	struct stat st;
	int n;

	if (!name_served(name))
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return errno == ENOENT ? 0 : ux_err(errno);
	if (S_ISLNK(st.st_mode)) {
		n = snprintf(full, sizeof(full), "%s/%s", path, name);
		if (n >= (int)sizeof(full) || ux_probe(u, full, &st) < 0)
			return 0;
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	*ret = (struct writ_dirent){ .kind = S_ISDIR(st.st_mode) ? WRIT_DIR : WRIT_FILE };
	if (ret->kind == WRIT_FILE)
		ret->size = (uint64_t)st.st_size;
	memcpy(ret->name, name, strlen(name) + 1);
	return 1;
}

/* A page from where @dir stands. */
static int64_t page_read(const struct ux *u, const char *path, int dir, struct writ_dirent *ret,
    unsigned max, uint64_t *ret_next)
{
	_Alignas(struct dirent64) char names[NAMES_MAX];
	unsigned count = 0;

	for (;;) {
		ssize_t len = getdents64(dir, names, sizeof(names));

		if (len < 0)
			return ux_err(errno);
		if (len == 0)
			break;
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *d = (const void *)(names + at);
			int r = entry_get(u, path, dir, d->d_name, &ret[count]);

			if (r < 0)
				return r;
			count += (unsigned)r;
			if (count == max) {
				*ret_next = (uint64_t)d->d_off;
				return count;
			}
			at += d->d_reclen;
		}
	}
	*ret_next = 0;
	return count;
}

int64_t ux_readdir(const struct ux *u, const char *path, uint64_t off, struct writ_dirent *ret,
    unsigned max, uint64_t *ret_next)
{
	int64_t r = 0;
	int dir;

	dir = ux_at(u, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	if (dir < 0)
		return dir;
	if (off != 0 && lseek(dir, (off_t)off, SEEK_SET) < 0)
		r = ux_err(errno);
	if (r == 0)
		r = page_read(u, path, dir, ret, max, ret_next);
	close(dir);
	return r;
}
