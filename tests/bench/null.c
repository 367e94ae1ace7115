/* SPDX-License-Identifier: MIT */
/*
 * The null proc. Its peers execute the same file: started by other hands, with
 * an argument, it ends as quietly as in a realm.
 */
#include <writ/writ.h>

int writ_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
