/* SPDX-License-Identifier: MIT */
/*
 * Whole files: get, and put by writing beside and renaming.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/fssrv.h>
#include "libsys/fs.h"
#include "libsys/sys.h"

/* Read on from the handle's start to its end. *ret is the caller's, also on failure (may be NULL).
 */
static int64_t read_all(int h, char **ret)
{
	size_t room = 0, len = 0;
	int64_t n;

	for (;;) {
		if (room - len < 2) {
			size_t more = room > 0 ? room * 2 : 16384;
			char *p = more > room ? realloc(*ret, more) : NULL;

			if (p == NULL)
				return -WRIT_E_NOT_ENOUGH_MEMORY;
			*ret = p;
			room = more;
		}
		n = writ_read(h, *ret + len, room - len - 1);
		if (n < 0)
			return n;
		len += (size_t)n;
		(*ret)[len] = '\0';
		if (n == 0)
			return (int64_t)len;
	}
}

int64_t writ_get(const char *path, char **ret)
{
	char *data = NULL;
	int h = writ_open(path, WRIT_O_READ);
	int64_t n;

	if (h < 0)
		return h;
	n = read_all(h, &data);
	writ_close(h);
	if (n < 0) {
		free(data);
		return n;
	}
	*ret = data;
	return n;
}

static int64_t write_as(const char *path, unsigned flags, const void *data, size_t len)
{
	int h = writ_open(path, WRIT_O_WRITE | flags), r;
	int64_t n;

	if (h < 0)
		return h;
	n = writ_write(h, data, len);
	r = writ_close(h);
	return n >= 0 && r < 0 ? r : n;
}

/* Write beside @path, then take its place. */
static int64_t put_beside(const char *path, const char *tmp, uint32_t rights, const void *data,
    size_t len)
{
	int64_t n = write_as(tmp, WRIT_O_CREATE | WRIT_O_EXCL, data, len);
	int r = n < 0 ? (int)n : writ_rename(tmp, path);

	if (r < 0 && r != -WRIT_E_EXISTS && (rights & WRIT_R_REMOVE) != 0)
		writ_remove(tmp);
	return r < 0 ? r : n;
}

int64_t writ_put(const char *path, const void *data, size_t len)
{
	static unsigned count;
	const uint32_t change = WRIT_R_WRITE | WRIT_R_REMOVE;
	char tmp[WRIT_PREFIX_MAX];
	struct fs_target t, u;
	int n, r = fs_resolve(path, WRIT_R_CREATE, &t);

	if (r < 0)
		return r;
	n = snprintf(tmp, sizeof(tmp), "%s.tmp-%u-%u", path, writ_self()->pid, ++count);
	if ((t.rights & WRIT_R_CREATE) != 0 && (t.rights & change) != 0 && n < (int)sizeof(tmp) &&
	    fs_resolve_quiet(tmp, &u) == 0 && u.conn == t.conn)
		return put_beside(path, tmp, t.rights, data, len);
	if ((t.rights & WRIT_R_WRITE) != 0)
		return write_as(path, WRIT_O_TRUNC, data, len);
	return write_as(path, WRIT_O_CREATE | WRIT_O_EXCL, data, len);
}
