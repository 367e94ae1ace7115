/* SPDX-License-Identifier: MIT */
/* writ doctor: namespaces, id maps, and the limit on forking inside them. */
#include "tools/writ/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAPPED_ID 1879048193u /* a host id that nobody has */
#define MAP_ONE   "1 1879048193 1"

static int become_one(struct finding *f)
{
	if (setgroups(0, NULL) < 0 || setresgid(1, 1, 1) < 0 || setresuid(1, 1, 1) < 0)
		return finding_fail(f, errno, "taking the mapped id");
	return 0;
}

/* Seen from the host, who owns a thing that the child makes? Its own /proc/self would say 1. */
static int ids_child(struct finding *f, void *arg)
{
	const int *fd = arg;

	if (become_one(f) < 0)
		return -1;
	if (getuid() != 1)
		return finding_fail(f, 0, "the user id is %u, not 1", (unsigned)getuid());
	/* the kernel stamps messages with the sender's id as the receiver sees it */
	if (write(*fd, "", 1) != 1)
		return finding_fail(f, errno, "socket");
	return finding_ok(f, "user id 1 inside is %u outside", MAPPED_ID);
}

static int probe_user(struct finding *f, const void *arg)
{
	struct trial t = { .flags = CLONE_NEWUSER, .map = MAP_ONE, .fn = ids_child };
	int fd[2], on = 1, r;
	struct ucred cred = { 0 };
	union {
		char buf[CMSG_SPACE(sizeof(cred))];
		struct cmsghdr align;
	} u;
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf) };
	struct cmsghdr *h;

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return finding_fail(f, errno, "socketpair");
	setsockopt(fd[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	t.arg = &fd[1];
	r = trial_run(&t, f);
	if (r == 0 && recvmsg(fd[0], &m, MSG_DONTWAIT) == 1 && (h = CMSG_FIRSTHDR(&m)) != NULL)
		memcpy(&cred, CMSG_DATA(h), sizeof(cred));
	close(fd[0]);
	close(fd[1]);
	if (r == 0 && cred.uid != MAPPED_ID)
		return finding_fail(f, 0, "outside its user id is %u, not %u", (unsigned)cred.uid,
		    MAPPED_ID);
	return r;
}

static int mount_child(struct finding *f, void *arg)
{
	char dir[] = "/tmp";

	(void)arg;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return finding_fail(f, errno, "making mounts private");
	if (mount("none", dir, "tmpfs", 0, "size=64k") < 0)
		return finding_fail(f, errno, "mounting a tmpfs");
	if (chdir(dir) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return finding_fail(f, errno, "pivot_root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return finding_fail(f, errno, "making the root read-only");
	if (access("/etc", F_OK) == 0 || access("/proc", F_OK) == 0)
		return finding_fail(f, 0, "the host's files still show");
	if (mkdir("/x", 0700) == 0 || errno != EROFS)
		return finding_fail(f, 0, "the root can be written to");
	return finding_ok(f, "an empty read-only root, nothing of the host");
}

static int pid_child(struct finding *f, void *arg)
{
	const pid_t *host = arg;

	if (getpid() != 1)
		return finding_fail(f, 0, "the first process is %d, not 1", (int)getpid());
	if (kill(*host, 0) == 0)
		return finding_fail(f, 0, "the host's processes can be named");
	return finding_ok(f, "pid 1; the host's processes can't be named");
}

static int probe_pid(struct finding *f, const void *arg)
{
	pid_t self = getpid();
	struct trial t = { .flags = CLONE_NEWPID, .fn = pid_child, .arg = &self };

	(void)arg;
	return trial_run(&t, f);
}

static int net_child(struct finding *f, void *arg)
{
	struct if_nameindex *all = if_nameindex();
	unsigned others = 0;

	(void)arg;
	if (all == NULL)
		return finding_fail(f, errno, "listing interfaces");
	for (const struct if_nameindex *i = all; i->if_index != 0; i++)
		others += strcmp(i->if_name, "lo") != 0;
	if_freenameindex(all);
	if (others > 0)
		return finding_fail(f, 0, "%u interfaces besides lo", others);
	return finding_ok(f, "no interface but a loopback that is down");
}

static int ipc_child(struct finding *f, void *arg)
{
	const int *queue = arg;
	struct msqid_ds ds;

	if (msgctl(*queue, IPC_STAT, &ds) == 0)
		return finding_fail(f, 0, "a message queue of the host still shows");
	return finding_ok(f, "message queues and shared memory of its own");
}

static int probe_ipc(struct finding *f, const void *arg)
{
	int queue = msgget(IPC_PRIVATE, 0600), r;
	struct trial t = { .flags = CLONE_NEWIPC, .fn = ipc_child, .arg = &queue };
	struct msqid_ds ds;

	(void)arg;
	if (queue < 0)
		return finding_fail(f, errno, "msgget");
	r = trial_run(&t, f);
	if (r == 0 && msgctl(queue, IPC_STAT, &ds) < 0)
		r = finding_fail(f, errno, "the host's own queue is gone");
	msgctl(queue, IPC_RMID, NULL);
	return r;
}

static int uts_child(struct finding *f, void *arg)
{
	(void)arg;
	if (sethostname("writ-doctor", 11) < 0)
		return finding_fail(f, errno, "sethostname");
	return finding_ok(f, "a host name of its own");
}

static int probe_uts(struct finding *f, const void *arg)
{
	struct trial t = { .flags = CLONE_NEWUTS, .fn = uts_child };
	char name[65] = "";
	int r = trial_run(&t, f);

	(void)arg;
	if (r == 0 && gethostname(name, sizeof(name) - 1) == 0 && strcmp(name, "writ-doctor") == 0)
		return finding_fail(f, 0, "the host's name changed as well");
	return r;
}

static int cgroup_child(struct finding *f, void *arg)
{
	const char *outside = arg;
	char link[64] = "";

	if (readlink("/proc/self/ns/cgroup", link, sizeof(link) - 1) < 0)
		return finding_fail(f, errno, "/proc/self/ns/cgroup");
	if (strcmp(link, outside) == 0)
		return finding_fail(f, 0, "the namespace is the host's");
	return finding_ok(f, "the host's groups can't be named");
}

static int probe_cgroup_ns(struct finding *f, const void *arg)
{
	char outside[64] = "";
	struct trial t = { .flags = CLONE_NEWCGROUP, .fn = cgroup_child, .arg = outside };

	(void)arg;
	if (readlink("/proc/self/ns/cgroup", outside, sizeof(outside) - 1) < 0)
		return finding_fail(f, errno, "/proc/self/ns/cgroup");
	return trial_run(&t, f);
}

static int fork_child(struct finding *f, void *arg)
{
	struct rlimit none = { 0, 0 };
	pid_t pid;

	(void)arg;
	if (become_one(f) < 0)
		return -1;
	if (setrlimit(RLIMIT_NPROC, &none) < 0)
		return finding_fail(f, errno, "setrlimit");
	pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return finding_fail(f, 0, "a process without allowance forked");
	}
	if (errno != EAGAIN)
		return finding_fail(f, errno, "fork");
	return finding_ok(f, "RLIMIT_NPROC 0 ends forking in a user namespace");
}

/* @arg is the child and its flags. */
struct plain {
	uint64_t flags;
	const char *map;
	int (*fn)(struct finding *f, void *arg);
};

static int probe_plain(struct finding *f, const void *arg)
{
	const struct plain *p = arg;
	struct trial t = { .flags = p->flags, .map = p->map, .fn = p->fn };

	return trial_run(&t, f);
}

static const struct plain plain_mount = { CLONE_NEWNS, NULL, mount_child };
static const struct plain plain_net = { CLONE_NEWNET, NULL, net_child };
static const struct plain plain_fork = { CLONE_NEWUSER, MAP_ONE, fork_child };

const struct probe doctor_ns[] = {
	{ "user_ns", "user namespace, id map", true, "procs would run as users of the host",
	    probe_user, NULL },
	{ "mount_ns", "mount namespace", true, "procs would see the host's files", probe_plain,
	    &plain_mount },
	{ "pid_ns", "pid namespace", true,
	    "procs would see the host's processes, and could outlive their nest", probe_pid, NULL },
	{ "net_ns", "network namespace", true, "procs would have the host's network", probe_plain,
	    &plain_net },
	{ "ipc_ns", "ipc namespace", true, "procs of two realms could share System V memory",
	    probe_ipc, NULL },
	{ "uts_ns", "uts namespace", true, "procs would see the host's name", probe_uts, NULL },
	{ "cgroup_ns", "cgroup namespace", true, "procs would see the host's groups",
	    probe_cgroup_ns, NULL },
	{ "rlimit_nproc", "limit on forking", true, "only the filter would keep procs from forking",
	    probe_plain, &plain_fork },
	{ 0 },
};
