/* SPDX-License-Identifier: MIT */
/*
 * main() of every proc: adopts the gate, calls writ_main(). What that returns
 * is the exit status, which the kernel sees without being told.
 */
#include <writ/writ.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

int main(void)
{
	static const char msg[] = "not started by writ: fd 3 is no gate\n";
	char **argv;
	int argc;

	if (writ_adopt(&argc, &argv) == 0) {
		prctl(PR_SET_NAME, argv[0]); /* what top on the host shows */
		return writ_main(argc, argv);
	}
	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		return EX_IOERR;
	return EX_USAGE;
}
