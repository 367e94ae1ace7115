/* SPDX-License-Identifier: MIT */
/*
 * What a path may look like; the one place that says so, for clients and
 * servers alike. Pure.
 */
#include <writ/err.h>
#include <string.h>
#include "libsys/sys.h"

#define COMPONENT_MAX 255

int sys_path_check(const char *path)
{
	size_t len = strnlen(path, WRIT_PREFIX_MAX), n;

	if (len >= WRIT_PREFIX_MAX)
		return -WRIT_E_NAME_TOO_LONG;
	if (path[0] != '/')
		return -WRIT_E_BAD_PATH;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return -WRIT_E_BAD_PATH;
	if (len == 1)
		return 0;
	for (const char *p = path; *p != '\0'; p += n) {
		p++;
		n = strcspn(p, "/");
		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && memcmp(p, "..", 2) == 0))
			return -WRIT_E_BAD_PATH;
		if (n > COMPONENT_MAX)
			return -WRIT_E_NAME_TOO_LONG;
	}
	return 0;
}
