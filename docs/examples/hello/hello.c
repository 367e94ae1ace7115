/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <writ/writ.h>

int writ_main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/out/greeting";
	int64_t r = writ_put(path, "hello\n", 6);
	printf("%s: %s\n", path, r < 0 ? writ_strerror((int)r) : "written");
	return r < 0;
}
