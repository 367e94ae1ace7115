/* SPDX-License-Identifier: MIT */
/*
 * Makes a fresh child into a nest, step by step. The child starts as root of
 * nothing: all capabilities in new namespaces, none outside; each step gives
 * up something, and the order matters. No step may be left out: tests/isolation
 * does so and sees that it is missed.
 */
#include "nest.h"

#include <cap-ng.h>
#include <grp.h>
#include <linux/landlock.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ROOT_AT "/proc" /* exists everywhere; hidden only in the nest's own mount namespace */

/* All that Landlock can refuse, as Linux has it; Debian 12's headers know less. */
struct ll_ruleset {
	uint64_t fs, net, scoped;
};

/* Nothing happens before the kernel has written the id maps; and its death is ours from now on. */
static int step_wait(struct sandbox *s)
{
	char go;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return recv(s->sock, &go, 1, 0) == 1 ? 0 : -EPIPE;
}

/* There is no uid 0 in this namespace, so the capabilities stay: the next steps need them. */
static int step_ids(struct sandbox *s)
{
	(void)s;
	return errno_if(setgroups(0, NULL) < 0 || setresgid(1, 1, 1) < 0 || setresuid(1, 1, 1) < 0);
}

static int step_devnull(struct sandbox *s)
{
	s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return errno_if(s->null < 0);
}

static int step_root(struct sandbox *s)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };

	(void)s;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", ROOT_AT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		"mode=0555,size=64k,nr_inodes=16") < 0 ||
	    chdir(ROOT_AT) < 0)
		return -errno;
	/* put the old root on top of the new one, then let go of it */
	return errno_if(syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0 || mount_setattr(AT_FDCWD, "/", 0, &ro, sizeof(ro)) < 0);
}

static int step_hostname(struct sandbox *s)
{
	return errno_if(sethostname(s->conf->realm, strlen(s->conf->realm)) < 0);
}

static int step_fds(struct sandbox *s)
{
	int null = fcntl(s->null, F_DUPFD, NEST_FD_FIRST);
	int sock = fcntl(s->sock, F_DUPFD, NEST_FD_FIRST);

	if (null < 0 || sock < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    dup3(sock, NEST_SOCK_FD, O_CLOEXEC) < 0)
		return -errno;
	s->sock = NEST_SOCK_FD;
	return errno_if(close_range(NEST_SOCK_FD + 1, ~0u, 0) < 0);
}

/* As Linux has it; libc's signal() refuses signals 32 and 33, which make(1) ignores. */
struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void *restorer, *mask;
};

/* What is ignored is inherited: SIGXFSZ alone, so that a full log is an error and not death. */
static int step_signals(struct sandbox *s)
{
	sigset_t set;
	int fd;

	(void)s;
	for (int sig = 1; sig < NSIG; sig++) { /* KILL, STOP: refused */
		struct kernel_sigaction a = { .handler = sig == SIGXFSZ ? SIG_IGN : SIG_DFL };

		syscall(SYS_rt_sigaction, sig, &a, NULL, 8);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd == NEST_SIGNAL_FD ? 0 : -EBADFD;
}

/* What is the same for all procs of a nest. RLIMIT_CORE 1 is less than 0, with which Linux still
 * gives a core to a program of the host's. The stack counts, as RLIMIT_DATA doesn't see it. */
static int step_limits(struct sandbox *s)
{
	bool server = s->conf->profile == WRIT_PROFILE_SERVER;

	umask(022);
	return errno_if(nest_limit(RLIMIT_CORE, 1) < 0 || nest_limit(RLIMIT_MEMLOCK, 0) < 0 ||
	    nest_limit(RLIMIT_MSGQUEUE, 0) < 0 ||
	    nest_limit(RLIMIT_NOFILE, NEST_IMAGE_OF(s->conf->profile) + 24) < 0 ||
	    nest_limit(RLIMIT_STACK, server ? NEST_SERVER_STACK : NEST_PROC_STACK) < 0);
}

static int step_caps(struct sandbox *s)
{
	(void)s;
	capng_setpid(0);
	capng_clear(CAPNG_SELECT_ALL);
	return capng_apply(CAPNG_SELECT_ALL) < 0 ? -EPERM : 0;
}

static int step_no_new_privs(struct sandbox *s)
{
	(void)s;
	return errno_if(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0);
}

/* The change of ids has cleared the parent's death signal. If it died meanwhile, its end of the
 * socket is closed. */
static int step_parent(struct sandbox *s)
{
	struct pollfd p = { s->sock, 0, 0 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NAME, "writ-nest") < 0 || poll(&p, 1, 0) < 0)
		return -errno;
	return p.revents & POLLHUP ? -EPIPE : 0;
}

/*
 * What a profile never does. Files: nothing for native; folders that come by
 * descriptor lie on detached mounts, for which there can be no rule, so the
 * others are held by the filter and the empty root instead.
 */
static int step_landlock(struct sandbox *s)
{
	static const uint8_t fs_bits[] = { 0, 13, 14, 15, 15, 16, 16 }; /* by version */
	int native = s->conf->profile == WRIT_PROFILE_NATIVE;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ll_ruleset r;
	int fd;

	if (abi <= 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno; /* doctor tells */
	abi = abi < 6 ? abi : 6;
	r = (struct ll_ruleset){ .fs = native ? (1u << fs_bits[abi]) - 1 : 0,
		.net = abi >= 4 ? 3 : 0,
		.scoped = abi >= 6 ? 3 : 0 };
	if ((r.fs | r.net | r.scoped) == 0)
		return 0;
	/* older kernels take a longer structure as long as what they don't know is 0 */
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	close(fd);
	return 0;
}

static int step_filter(struct sandbox *s)
{
	return filter_install(s->conf->profile);
}

/* clang-format off */
const struct sandbox_step sandbox_steps[] = {
	{ "wait", step_wait },
	{ "ids", step_ids },            /* files of the new root need a mapped owner */
	{ "devnull", step_devnull },    /* there is none in the new root */
	{ "root", step_root },
	{ "hostname", step_hostname },
	{ "fds", step_fds },
	{ "signals", step_signals },    /* takes descriptor 4 */
	{ "limits", step_limits },
	{ "caps", step_caps },          /* after all that needs one */
	{ "no_new_privs", step_no_new_privs }, /* Landlock and seccomp ask for it */
	{ "parent", step_parent },
	{ "landlock", step_landlock },
	{ "filter", step_filter },      /* last: it forbids all of the above */
};
/* clang-format on */
const unsigned sandbox_nsteps = sizeof(sandbox_steps) / sizeof(sandbox_steps[0]);

void nest_main(const struct nest_conf *c, int sock)
{
	struct sandbox s = { .conf = c, .sock = sock, .null = -1 };
	struct nest_event e = { .what = NEST_READY };

	for (unsigned i = 0; i < sandbox_nsteps && e.code == 0; i++) {
		e.code = -sandbox_steps[i].fn(&s);
		if (e.code != 0)
			strncpy(e.step, sandbox_steps[i].name, sizeof(e.step) - 1);
	}
	if (nest_send(s.sock, &e, -1) < 0 || e.code != 0)
		_exit(EXIT_FAILURE);
	nest_loop(c);
}
