/* SPDX-License-Identifier: MIT */
/* writ down: asks root to end the node, then its kernel, then makes sure; clears what is left. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "tools/writ/client.h"
#include "tools/writ/node.h"

#define DOWN_ASK_MS  1500 /* for root to answer, and for the end that follows */
#define DOWN_TERM_MS 3000
#define DOWN_KILL_MS 2000

static bool gone(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, cli_ms(ms)) == 1;
}

static bool ask_root(struct cli *c)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	struct client cl;
	int rc = client_open(c, &cl);

	req.op = WRIT__OP__OP__OP_DOWN;
	if (rc == 0) {
		client_limit(&cl, DOWN_ASK_MS);
		rc = client_do(c, &cl, &req);
	}
	client_close(&cl);
	c->error[0] = '\0'; /* the signal follows */
	return rc == 0;
}

/* End the kernel: by root's hand, by SIGTERM, by SIGKILL (its death ends all its procs). */
static int kernel_end(struct cli *c, pid_t pid, int pidfd)
{
	if (ask_root(c) && gone(pidfd, DOWN_ASK_MS))
		return 0;
	if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
		return cli_fail(c, EX_NOPERM, "kernel pid %d: %s", (int)pid, strerror(errno));
	if (gone(pidfd, DOWN_TERM_MS))
		return 0;
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	if (gone(pidfd, DOWN_KILL_MS))
		return 0;
	return cli_fail(c, EX_SOFTWARE, "kernel pid %d doesn't end", (int)pid);
}

static int down_run(struct cli *c)
{
	struct node_files files;
	int guard, pidfd = -1, rc;
	pid_t pid = 0;
	bool ran;

	rc = node_files_find(c, &files);
	if (rc == 0)
		rc = node_guard(c, &guard);
	if (rc != 0)
		return rc;
	rc = node_kernel_find(c, &pid, &pidfd);
	ran = pidfd >= 0;
	if (rc == 0 && ran)
		rc = kernel_end(c, pid, pidfd);
	if (rc == 0 && ran) {
		close(pidfd); /* writ-boot clears, and holds the lock until it has */
		rc = node_kernel_find(c, &pid, &pidfd);
	}
	if (rc == 0)
		rc = node_clean(c);
	if (rc == 0 && ran)
		printf("node %s is down\n", c->node);
	else if (rc == 0)
		printf("node %s was not running; nothing of it is left\n", c->node);
	if (pidfd >= 0)
		close(pidfd);
	close(guard);
	return rc;
}

const struct cmd cmd_down = {
	.name = "down",
	.args = "",
	.doc = "End a node and all that runs on it",
	.more = "Needs root. A node that isn't running is no error: what it left is cleared.\n\n"
		"Example: writ down --node test",
	.run = down_run,
	.flags = CMD_NODE | CMD_ROOT,
	.max = 0,
};
