/* SPDX-License-Identifier: MIT */
/* What the host's errors mean to a client: the one table. Any other is IO. */
#include "servers/proxies/ux/ux.h"

#include <errno.h>
#include <writ/err.h>

static const struct {
	int err, writ;
} table[] = {
	{ ENOENT, WRIT_E_NOT_FOUND },
	{ ENXIO, WRIT_E_NOT_FOUND }, /* a FIFO or device */
	{ ENODEV, WRIT_E_NOT_FOUND },
	{ EEXIST, WRIT_E_EXISTS },
	{ ENOTDIR, WRIT_E_NOT_DIR },
	{ EISDIR, WRIT_E_IS_DIR },
	{ ENOTEMPTY, WRIT_E_NOT_EMPTY },
	{ EROFS, WRIT_E_NO_RIGHT }, /* the folder is lent read-only */
	{ EACCES, WRIT_E_NO_RIGHT },
	{ EPERM, WRIT_E_NO_RIGHT },
	{ EXDEV, WRIT_E_NO_RIGHT }, /* the path leads out of the folder */
	{ ELOOP, WRIT_E_BAD_PATH }, /* symlinks in a circle, a magic link */
	{ ENAMETOOLONG, WRIT_E_NAME_TOO_LONG },
	{ ENOSPC, WRIT_E_NO_SPACE },
	{ EDQUOT, WRIT_E_NO_SPACE },
	{ EMLINK, WRIT_E_NO_SPACE },
	{ EFBIG, WRIT_E_RANGE }, /* longer than the file system or a limit allows */
	{ EOVERFLOW, WRIT_E_RANGE },
	{ EINVAL, WRIT_E_INVALID_ARGUMENT },
	{ EMFILE, WRIT_E_TOO_MANY_OPEN },
	{ ENFILE, WRIT_E_TOO_MANY_OPEN },
	{ ENOMEM, WRIT_E_NOT_ENOUGH_MEMORY },
	{ EAGAIN, WRIT_E_BUSY },
	{ EBUSY, WRIT_E_BUSY },
	{ ETXTBSY, WRIT_E_BUSY },
};

int ux_err(int err)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].err == err)
			return -table[i].writ;
	return -WRIT_E_IO;
}
