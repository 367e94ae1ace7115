/* SPDX-License-Identifier: MIT */
/* The smallest proc: what a proc costs at least. */
#include <writ/writ.h>

int writ_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
