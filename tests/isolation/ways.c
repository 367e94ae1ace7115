/* SPDX-License-Identifier: MIT */
/*
 * Ways out, one call each: with arguments that do it for a plain process of
 * root's. And files that lead out, of those that this machine has.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fanotify.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"

#ifndef SYS_mseal /* younger than Debian 12's headers */
#define SYS_mseal 462
#endif

/* In the place of an argument: where the data lies, and the pid of a neighbour. */
#define BUF(offset) (UINT64_C(0xb0ff000000000000) + (offset))
#define PEER        UINT64_C(0xbee7000000000000)
#define CWD         ((uint64_t)AT_FDCWD)

struct way {
	const char *name;
	uint64_t nr, arg[6];
	int reached; /* an error that says as much as success: all checks of who asks were passed */
	unsigned flags;
	const char *layers, *without;
	const void *data; /* at BUF(0) */
	size_t size;
};

static uint64_t argument(struct subject *s, uint64_t a)
{
	if (a == PEER)
		return (uint64_t)subject_peer();
	return a >= BUF(0) && a < BUF(PUPPET_BUF) ? s->puppet.buf + (a - BUF(0)) : a;
}

static void attempt_way(struct subject *s, const struct icase *c, struct finding *f)
{
	const struct way *w = c->arg;
	uint64_t arg[6];

	for (unsigned i = 0; i < 6; i++)
		arg[i] = argument(s, w->arg[i]);
	if (w->data != NULL)
		puppet_put(&s->puppet, 0, w->data, w->size);
	finding_note(f, w->name, subject_call(s, (uint32_t)w->nr, arg), w->reached);
}

#define TEXT(s) .data = (s), .size = sizeof(s)
#define OF(x)   .data = &(x), .size = sizeof(x)
/* What stops it, and its control. */
#define CAPS    .layers = "seccomp, no capability", .without = BARE, .flags = CASE_BREAKS
#define FILTER  .layers = "seccomp", .without = BARE, .flags = CASE_BREAKS
#define PEERS   .layers = "seccomp, pid namespace", .without = BARE, .flags = CASE_BREAKS
/* not to be done to this machine, or not there: that Linux answers by itself must do as control */
#define ANSWER  .layers = "seccomp, no capability", .without = "filter", .flags = CASE_ANSWERED

static const uint64_t clone_args[11] = { [0] = CLONE_NEWUSER, [4] = SIGCHLD };
static const struct mount_attr attr_ro = { .attr_set = MOUNT_ATTR_NOSUID };
static const uint32_t io_params[30];
static const union bpf_attr bpf_map = { .map_type = BPF_MAP_TYPE_ARRAY,
	.key_size = 4,
	.value_size = 4,
	.max_entries = 1 };
static const struct perf_event_attr perf = { .type = PERF_TYPE_SOFTWARE,
	.size = sizeof(perf),
	.config = PERF_COUNT_SW_CPU_CLOCK };
static const uint32_t ldt[4];
static const int priority = 1;
static const struct rlimit no_core; /* which Linux takes for leave to give cores to a program */
static const struct {
	uint32_t bytes;
	int type;
	char rest[128];
} handle = { 128, 0, "" };
static const struct {
	uint64_t at, size;
} vec[2] = { { 4096, 8 }, { 4096, 8 } };
static const struct {
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2];
} caps = { { _LINUX_CAPABILITY_VERSION_3, 0 },
	{ { 1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 0 }, { 0 } } };

/* clang-format off */
static const struct way ways[] = {
	/* namespaces */
	{ "unshare a user namespace", SYS_unshare, { CLONE_NEWUSER }, 0, CAPS },
	{ "unshare a mount namespace", SYS_unshare, { CLONE_NEWNS }, 0, CAPS },
	{ "unshare a pid namespace", SYS_unshare, { CLONE_NEWPID }, 0, CAPS },
	{ "unshare a network namespace", SYS_unshare, { CLONE_NEWNET }, 0, CAPS },
	{ "unshare an ipc namespace", SYS_unshare, { CLONE_NEWIPC }, 0, CAPS },
	{ "unshare a uts namespace", SYS_unshare, { CLONE_NEWUTS }, 0, CAPS },
	{ "unshare a cgroup namespace", SYS_unshare, { CLONE_NEWCGROUP }, 0, CAPS },
	{ "unshare a time namespace", SYS_unshare, { 0x80 }, 0, CAPS },
	{ "setns", SYS_setns, { 0, 0 }, EINVAL, CAPS },
	{ "clone into a user namespace", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, 0, CAPS },
	{ "clone3 into a user namespace", SYS_clone3, { BUF(0), sizeof(clone_args) }, 0, CAPS, OF(clone_args) },
	{ "fork", SYS_fork, { 0 }, 0, FILTER },
	{ "vfork", SYS_vfork, { 0 }, 0, FILTER },
	{ "execve", SYS_execve, { BUF(0), 0, 0 }, ECANCELED, .layers = "seccomp, root, Landlock", .without = BARE,
		.flags = CASE_BREAKS, TEXT("/bin/true") },
	{ "execveat", SYS_execveat, { CWD, BUF(0), 0, 0, 0 }, ECANCELED, .layers = "seccomp, root, Landlock",
		.without = BARE, .flags = CASE_BREAKS, TEXT("/bin/true") },
	/* mounts */
	{ "mount", SYS_mount, { BUF(6), BUF(0), BUF(6), 0, 0 }, 0, CAPS, TEXT("/tmp\0\0tmpfs") },
	{ "umount2", SYS_umount2, { BUF(0), MNT_DETACH }, 0, CAPS, TEXT("/proc") },
	{ "pivot_root", SYS_pivot_root, { BUF(0), BUF(0) }, EBUSY, CAPS, TEXT("/") },
	{ "chroot", SYS_chroot, { BUF(0) }, 0, CAPS, TEXT("/") },
	{ "fsopen", SYS_fsopen, { BUF(0), 0 }, 0, CAPS, TEXT("tmpfs") },
	{ "fspick", SYS_fspick, { CWD, BUF(0), 0 }, 0, CAPS, TEXT("/proc") },
	{ "fsmount", SYS_fsmount, { 0, 0, 0 }, EINVAL, CAPS },
	{ "open_tree", SYS_open_tree, { CWD, BUF(0), OPEN_TREE_CLONE }, 0, CAPS, TEXT("/") },
	{ "move_mount", SYS_move_mount, { CWD, BUF(0), CWD, BUF(6), 0 }, 0, CAPS, TEXT("/proc\0/tmp") },
	{ "mount_setattr", SYS_mount_setattr, { CWD, BUF(64), 0, BUF(0), sizeof(attr_ro) }, ENOENT, CAPS, OF(attr_ro) },
	{ "name_to_handle_at", SYS_name_to_handle_at, { CWD, BUF(256), BUF(0), BUF(512), AT_EMPTY_PATH }, EOPNOTSUPP,
		.layers = "seccomp", .without = BARE, OF(handle) },
	{ "open_by_handle_at", SYS_open_by_handle_at, { CWD, BUF(0), O_RDONLY }, ESTALE, CAPS, OF(handle) },
	{ "quotactl", SYS_quotactl, { 0x80000800, 0, 0, 0 }, 0, ANSWER },
	{ "swapon", SYS_swapon, { BUF(0), 0 }, ENOENT, CAPS, TEXT("/no/such/file") },
	{ "acct", SYS_acct, { BUF(0) }, ENOENT, CAPS, TEXT("/no/such/file") },
	/* what has had many holes */
	{ "io_uring_setup", SYS_io_uring_setup, { 4, BUF(0) }, 0, FILTER, OF(io_params) },
	{ "io_uring_enter", SYS_io_uring_enter, { 0, 1, 0, 0, 0, 0 }, EOPNOTSUPP, FILTER },
	{ "io_uring_register", SYS_io_uring_register, { 0, 0, 0, 0 }, EOPNOTSUPP, FILTER },
	{ "bpf", SYS_bpf, { BPF_MAP_CREATE, BUF(0), sizeof(bpf_map) }, 0, CAPS, OF(bpf_map) },
	{ "userfaultfd", SYS_userfaultfd, { 0 }, 0, FILTER },
	{ "keyctl", SYS_keyctl, { KEYCTL_GET_KEYRING_ID, (uint64_t)KEY_SPEC_PROCESS_KEYRING, 1 }, 0, FILTER },
	{ "add_key", SYS_add_key, { BUF(0), BUF(8), BUF(8), 4, (uint64_t)KEY_SPEC_PROCESS_KEYRING }, 0, FILTER,
		TEXT("user\0\0\0\0writ") },
	{ "request_key", SYS_request_key, { BUF(0), BUF(8), 0, 0 }, 126 /* ENOKEY */, FILTER, TEXT("user\0\0\0\0writ-no") },
	{ "perf_event_open", SYS_perf_event_open, { BUF(0), 0, (uint64_t)-1, (uint64_t)-1, 0 }, 0, FILTER, OF(perf) },
	{ "personality", SYS_personality, { 0x0400000 }, 0, FILTER },
	{ "modify_ldt", SYS_modify_ldt, { 1, BUF(0), sizeof(ldt) }, 0, FILTER, OF(ldt) },
	{ "arch_prctl: GS base", SYS_arch_prctl, { 0x1001, BUF(0) }, 0, FILTER },
	{ "memfd_secret", SYS_memfd_secret, { 0 }, 0, ANSWER },
	{ "remap_file_pages", SYS_remap_file_pages, { BUF(0), 4096, 0, 0, 0 }, EINVAL, FILTER },
	{ "mmap: writable and executable", SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0 }, 0, FILTER },
	{ "mmap: shared anonymous", SYS_mmap, { 0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, (uint64_t)-1, 0 }, 0, FILTER },
	{ "mmap: huge pages", SYS_mmap, { 0, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, (uint64_t)-1, 0 },
		ENOMEM, FILTER },
	{ "memfd_create: huge pages", SYS_memfd_create, { BUF(0), MFD_HUGETLB }, 0, FILTER, TEXT("writ-isolation") },
	{ "mprotect: executable", SYS_mprotect, { BUF(0), 4096, PROT_READ | PROT_EXEC }, 0, FILTER },
	{ "pkey_mprotect: executable", SYS_pkey_mprotect, { BUF(0), 4096, PROT_READ | PROT_EXEC, (uint64_t)-1 }, 0, FILTER },
	{ "mseal", SYS_mseal, { BUF(0), 4096, 0 }, 0, ANSWER },
	{ "mlock", SYS_mlock, { BUF(0), 4096 }, 0, FILTER },
	{ "mlockall", SYS_mlockall, { MCL_CURRENT }, 0, FILTER },
	{ "fanotify_init", SYS_fanotify_init, { FAN_CLASS_NOTIF, 0 }, 0, CAPS },
	{ "inotify_init1", SYS_inotify_init1, { 0 }, 0, FILTER },
	{ "shmget", SYS_shmget, { 0, 4096, 0600 }, 0, FILTER },
	{ "msgget", SYS_msgget, { 0, 0600 }, 0, FILTER },
	{ "semget", SYS_semget, { 0, 1, 0600 }, 0, FILTER },
	{ "mq_open", SYS_mq_open, { BUF(0), O_RDWR | O_CREAT, 0600, 0 }, 0, FILTER, TEXT("writ-isolation") },
	/* authority */
	{ "setuid 0", SYS_setuid, { 0 }, 0, CAPS },
	{ "setgid 0", SYS_setgid, { 0 }, 0, CAPS },
	{ "setresuid 0", SYS_setresuid, { 0, 0, 0 }, 0, CAPS },
	{ "setgroups", SYS_setgroups, { 0, 0 }, 0, CAPS },
	{ "capset", SYS_capset, { BUF(0), BUF(8) }, 0, CAPS, OF(caps) },
	{ "prctl: securebits", SYS_prctl, { PR_SET_SECUREBITS, 0 }, 0, CAPS },
	{ "prlimit64: core dumps", SYS_prlimit64, { 0, RLIMIT_CORE, BUF(0), 0 }, 0, FILTER, OF(no_core) },
	{ "prctl: dumpable", SYS_prctl, { PR_SET_DUMPABLE, 1 }, 0, FILTER },
	{ "prctl: death signal", SYS_prctl, { PR_SET_PDEATHSIG, 0 }, 0, FILTER },
	{ "prctl: ambient capability", SYS_prctl, { PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL }, 0, FILTER },
	{ "sched_setscheduler: real time", SYS_sched_setscheduler, { 0, SCHED_FIFO, BUF(0) }, 0, CAPS, OF(priority) },
	{ "setpriority -20", SYS_setpriority, { 0, 0, (uint64_t)-20 }, 0, CAPS },
	{ "ioprio_set: real time", SYS_ioprio_set, { 1, 0, 1 << 13 }, 0, CAPS },
	{ "sethostname", SYS_sethostname, { BUF(0), (uint64_t)-1 }, EINVAL, CAPS },
	{ "setdomainname", SYS_setdomainname, { BUF(0), (uint64_t)-1 }, EINVAL, CAPS },
	{ "settimeofday", SYS_settimeofday, { 0, 0 }, 0, ANSWER },
	{ "clock_settime", SYS_clock_settime, { 0, 1 }, EFAULT, .layers = "seccomp", .without = BARE },
	{ "adjtimex", SYS_adjtimex, { 1 }, EFAULT, .layers = "seccomp", .without = BARE },
	{ "syslog", SYS_syslog, { 10, 0, 0 }, 0, FILTER },
	{ "iopl", SYS_iopl, { 3 }, 0, ANSWER },
	{ "ioperm", SYS_ioperm, { 0x80, 1, 1 }, 0, ANSWER },
	{ "reboot", SYS_reboot, { 1, 2, 3, 0 }, EINVAL, CAPS },
	{ "kexec_load", SYS_kexec_load, { 0, 0, 0, 0xffff }, 0, ANSWER },
	{ "init_module", SYS_init_module, { 0, 0, 0 }, 0, ANSWER },
	{ "finit_module", SYS_finit_module, { (uint64_t)-1, 0, 0 }, 0, ANSWER },
	{ "delete_module", SYS_delete_module, { 0, 0 }, 0, ANSWER },
	{ "vhangup", SYS_vhangup, { 0 }, 0, ANSWER },
	{ "mknod", SYS_mknod, { BUF(0), 0020600, 0x103 }, EEXIST, .layers = "seccomp, root, no capability", .without = BARE,
		TEXT("/dev/null") },
	/* signals, and looking into others */
	{ "kill a neighbour", SYS_kill, { PEER, 0 }, 0, PEERS },
	{ "kill all", SYS_kill, { (uint64_t)-1, 0 }, 0, PEERS },
	{ "kill the first process", SYS_kill, { 1, 0 }, 0, PEERS },
	{ "tkill a neighbour", SYS_tkill, { PEER, SIGCONT }, 0, PEERS },
	{ "tgkill a neighbour", SYS_tgkill, { PEER, PEER, SIGCONT }, 0, PEERS },
	{ "rt_sigqueueinfo to a neighbour", SYS_rt_sigqueueinfo, { PEER, SIGCONT, 1 }, EFAULT, FILTER },
	{ "pidfd_open of a neighbour", SYS_pidfd_open, { PEER, 0 }, 0, PEERS },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, { 0, 0, 0, 0 }, EBADF, FILTER },
	{ "pidfd_getfd", SYS_pidfd_getfd, { 0, 0, 0 }, EBADF, FILTER },
	{ "ptrace a neighbour", SYS_ptrace, { PTRACE_SEIZE, PEER, 0, 0 }, 0, PEERS },
	{ "process_vm_readv of a neighbour", SYS_process_vm_readv, { PEER, BUF(0), 1, BUF(16), 1, 0 }, EFAULT, PEERS, OF(vec) },
	{ "process_vm_writev of a neighbour", SYS_process_vm_writev, { PEER, BUF(0), 1, BUF(16), 1, 0 }, EFAULT, PEERS, OF(vec) },
	{ "process_madvise of a neighbour", SYS_process_madvise, { 0, 0, 0, 0, 0 }, EBADF, FILTER },
	{ "kcmp with a neighbour", SYS_kcmp, { PEER, PEER, 0, 0, 0 }, 0, PEERS },
	{ "move_pages of a neighbour", SYS_move_pages, { PEER, 0, 0, 0, 0, 0 }, 0, PEERS },
	{ "get_robust_list of a neighbour", SYS_get_robust_list, { PEER, BUF(0), BUF(8) }, 0, PEERS },
	{ "prlimit64 of a neighbour", SYS_prlimit64, { PEER, 7, 0, BUF(0) }, 0, PEERS },
	{ "sched_setaffinity of a neighbour", SYS_sched_setaffinity, { PEER, 8, 1 }, EFAULT, FILTER },
	{ "sched_getaffinity of a neighbour", SYS_sched_getaffinity, { PEER, 128, BUF(0) }, 0,
		.layers = "pid namespace", .without = BARE },
	{ "sched_setscheduler of a neighbour", SYS_sched_setscheduler, { PEER, 0, BUF(256) }, 0, PEERS },
	{ "setpgid of a neighbour", SYS_setpgid, { PEER, 1 }, ESRCH, FILTER },
	{ "getsid of a neighbour", SYS_getsid, { PEER }, 0, PEERS },
	{ "getpriority of a neighbour", SYS_getpriority, { 0, PEER }, 0, PEERS },
};

/* Files that lead out of a container, or tell of what is outside. w: opened for writing. */
static const char *const files[] = {
	"/etc/passwd", "/etc/shadow", "/etc/ld.so.cache", "w/etc/hosts", "/bin/sh", "/usr/bin/su", "/usr/bin/passwd",
	"/root", "/home", "/tmp", "w/tmp/writ-isolation-file", "/run", "/run/writ", "/var/log/writ",
	"/run/docker.sock", "/run/containerd/containerd.sock", "/run/systemd/private", "/var/run/dbus/system_bus_socket",
	"/proc/self", "/proc/self/environ", "/proc/self/mem", "/proc/self/root", "/proc/self/cwd", "/proc/self/fd",
	"/proc/self/ns/mnt", "/proc/1/environ", "/proc/1/root", "/proc/1/mem", "/proc/1/ns/mnt", "/proc/thread-self",
	"/proc/kcore", "/proc/kallsyms", "/proc/kmsg", "/proc/iomem", "/proc/keys", "/proc/modules", "/proc/mounts",
	"/proc/net/unix", "/proc/sched_debug", "/proc/timer_list", "/proc/acpi", "/proc/interrupts", "/proc/config.gz",
	"w/proc/sysrq-trigger", "w/proc/sys/kernel/core_pattern", "w/proc/sys/kernel/modprobe", "w/proc/sys/kernel/hostname",
	"w/proc/sys/vm/drop_caches", "w/proc/sys/vm/panic_on_oom", "w/proc/sys/fs/binfmt_misc/register",
	"w/proc/sys/net/ipv4/ip_forward", "w/proc/sys/kernel/ns_last_pid", "w/proc/self/oom_score_adj",
	"w/proc/self/uid_map", "w/proc/self/setgroups",
	"w/sys/kernel/uevent_helper", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security", "/sys/fs/bpf",
	"/sys/fs/bpf/writ", "/sys/firmware", "/sys/class/net", "/sys/kernel/vmcoreinfo", "/sys/fs/cgroup",
	"/dev/null", "/dev/zero", "/dev/mem", "/dev/kmsg", "/dev/port", "/dev/vda", "/dev/sda", "/dev/vsock", "/dev/fuse",
	"/dev/kvm", "/dev/net/tun", "/dev/ptmx", "/dev/tty", "/dev/console", "/dev/shm", "/dev/urandom", "/dev/mqueue",
};
/* The same, more than one: of any mounted cgroup hierarchy. */
static const char *const patterns[] = {
	"w/sys/fs/cgroup/*/release_agent", "w/sys/fs/cgroup/*/notify_on_release", "w/sys/fs/cgroup/cgroup.procs",
	"w/sys/fs/cgroup/unified/cgroup.procs",
};
/* clang-format on */

/* Open it by every call that opens. */
static void attempt_file(struct subject *s, const struct icase *c, struct finding *f)
{
	const char *path = c->arg;
	int write = *path == 'w', flags = write ? O_WRONLY : O_RDONLY | O_NONBLOCK;
	struct open_how how = { .flags = (uint64_t)flags };
	uint64_t at, by;
	int64_t ret[3];

	path += write;
	at = puppet_put(&s->puppet, 64, path, strlen(path) + 1);
	by = puppet_put(&s->puppet, 0, &how, sizeof(how));
	ret[0] = CALL(s, SYS_open, at, (uint64_t)flags);
	ret[1] = CALL(s, SYS_openat, CWD, at, (uint64_t)flags);
	ret[2] = CALL(s, SYS_openat2, CWD, at, by, sizeof(how));
	for (unsigned i = 0; i < 3; i++) {
		finding_note(f, (const char *const[]){ "open", "openat", "openat2" }[i], ret[i], 0);
		if (ret[i] >= 0)
			CALL(s, SYS_close, (uint64_t)ret[i]);
	}
	finding_note(f, "stat", CALL(s, SYS_stat, at, s->puppet.buf + 4096), 0);
	finding_note(f, "newfstatat", CALL(s, SYS_newfstatat, CWD, at, s->puppet.buf + 4096, 0), 0);
	finding_note(f, "statx", CALL(s, SYS_statx, CWD, at, 0, 0x7ff, s->puppet.buf + 4096), 0);
	finding_note(f, "readlink", CALL(s, SYS_readlink, at, s->puppet.buf + 4096, 256), 0);
}

static struct icase file_case(const char *name, const char *file)
{
	return (struct icase){ .name = name,
		.layers = "root, seccomp, Landlock",
		.without = BARE,
		.attempt = attempt_file,
		.arg = file };
}

static void add_file(struct icase *ret, unsigned max, unsigned *n, const char *file)
{
	static char names[256][96];
	int write = *file == 'w';

	if (*n == max || *n == sizeof(names) / sizeof(names[0]))
		harness_fail("too many cases");
	snprintf(names[*n], sizeof(names[*n]), "%s %s", write ? "write to" : "open", file + write);
	ret[*n] = file_case(names[*n], file);
	(*n)++;
}

static void add_pattern(struct icase *ret, unsigned max, unsigned *n, const char *pattern)
{
	glob_t g;

	if (glob(pattern + 1, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char *file = NULL;

		if (asprintf(&file, "w%s", g.gl_pathv[i]) > 0)
			add_file(ret, max, n, file);
	}
	globfree(&g);
}

unsigned way_cases(struct icase *ret, unsigned max)
{
	unsigned n = 0;
	int gone = 0;

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]) && n < max; i++)
		ret[n++] = (struct icase){ .name = ways[i].name,
			.layers = ways[i].layers,
			.without = ways[i].without,
			.flags = ways[i].flags,
			.attempt = attempt_way,
			.arg = &ways[i] };
	printf("# not on this machine, so nothing to be kept from:");
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i] + (files[i][0] == 'w'),
		    (files[i][0] == 'w' ? O_WRONLY : O_RDONLY | O_NONBLOCK) | O_CLOEXEC);

		if (fd >= 0) {
			close(fd);
			add_file(ret, max, &n, files[i]);
		} else {
			printf(" %s", files[i] + (files[i][0] == 'w'));
			gone++;
		}
	}
	puts(gone > 0 ? "" : " nothing");
	for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		add_pattern(ret, max, &n, patterns[i]);
	return n;
}

unsigned proc_cases(struct icase *ret, unsigned max, pid_t pid)
{
	static const char *const of_proc[] = { "mem", "environ", "maps", "root", "fd/0", "ns/mnt",
		"status", "cmdline", "cgroup" };
	static char paths[16][64], names[16][64];
	unsigned n = 0;

	for (; n < sizeof(of_proc) / sizeof(of_proc[0]) && n < max; n++) {
		snprintf(paths[n], sizeof(paths[n]), "/proc/%d/%s", (int)pid, of_proc[n]);
		snprintf(names[n], sizeof(names[n]), "open /proc/PID/%s of it", of_proc[n]);
		ret[n] = file_case(names[n], paths[n]);
	}
	return n;
}
