/* SPDX-License-Identifier: MIT */
/* What a process should not do, each with how to see from outside that it has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

enum { PATIENCE_MS = 300 }; /* for what should not happen, and for what should on a busy machine */

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1 && (p.revents & POLLIN) != 0;
}

static struct sockaddr_in to(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* --- files ---------------------------------------------------------------------------- */

static long run_unlink(struct stage *s)
{
	return syscall(SYS_unlink, s->file);
}

static bool gone(struct stage *s)
{
	return access(s->file, F_OK) < 0;
}

static long run_open(struct stage *s)
{
	return syscall(SYS_open, s->file, O_WRONLY | O_TRUNC);
}

static bool emptied(struct stage *s)
{
	struct stat st;

	return stat(s->file, &st) == 0 && st.st_size == 0;
}

/* unlink() of the 32-bit world */
static long run_unlink32(struct stage *s)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long nr = 10;

	if (low == MAP_FAILED)
		return -1;
	snprintf(low, 4096, "%s", s->file);
	__asm__ volatile("int $0x80" : "+a"(nr) : "b"(low) : "memory", "r8", "r9", "r10", "r11");
	errno = nr < 0 ? (int)-nr : 0;
	return nr < 0 ? -1 : 0;
}

/* --- sockets -------------------------------------------------------------------------- */

static long run_socket(struct stage *s)
{
	(void)s;
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long run_netlink(struct stage *s)
{
	(void)s;
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static long run_mprotect(struct stage *s)
{
	void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)s;
	return m == MAP_FAILED ? -1 : mprotect(m, 4096, PROT_READ | PROT_EXEC);
}

static long run_tcp(struct stage *s)
{
	struct sockaddr_in a = to(s->tcp_port);

	return connect(s->tcp, (struct sockaddr *)&a, sizeof(a));
}

static bool tcp_came(struct stage *s)
{
	return readable(s->tcp_to);
}

static long run_udp(struct stage *s)
{
	struct sockaddr_in a = to(s->udp_port);

	return sendto(s->udp, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
}

static bool udp_came(struct stage *s)
{
	return readable(s->udp_to);
}

static long run_bind(struct stage *s)
{
	struct sockaddr_in a = to(0);

	return bind(s->tcp, (struct sockaddr *)&a, sizeof(a));
}

static bool bound(struct stage *s)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof(a);

	return getsockname(s->tcp, (struct sockaddr *)&a, &n) == 0 && a.sin_port != 0;
}

static long run_unix(struct stage *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	return connect(s->sock, (struct sockaddr *)&a, sizeof(a));
}

static bool unix_came(struct stage *s)
{
	return readable(s->unix_to);
}

/* --- processes ------------------------------------------------------------------------ */

static long run_kill(struct stage *s)
{
	return syscall(SYS_kill, s->victim, SIGKILL);
}

static bool victim_dead(struct stage *s)
{
	siginfo_t si = { 0 };

	for (int i = 0; i < PATIENCE_MS && si.si_pid == 0; i++) {
		usleep(1000);
		if (waitid(P_PID, (id_t)s->victim, &si, WEXITED | WNOHANG | WNOWAIT) != 0)
			return false;
	}
	return si.si_pid == s->victim;
}

static long run_fork(struct stage *s)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		s->shared->touched = 1; /* no call */
		for (;;)
			syscall(SYS_exit_group, 0);
	}
	/* without a call: its parent's end may be its own */
	for (unsigned i = 0; i < 100000000 && pid > 0 && s->shared->touched == 0; i++)
		;
	return pid;
}

static bool touched(struct stage *s)
{
	for (int i = 0; i < PATIENCE_MS && s->shared->touched == 0; i++)
		usleep(1000);
	return s->shared->touched != 0;
}

static long run_exec(struct stage *s)
{
	char *argv[] = { "effect", NULL }, *envp[] = { NULL };

	return execveat(s->image, "", argv, envp, AT_EMPTY_PATH);
}

static bool out_came(struct stage *s)
{
	return readable(s->out[0]);
}

/* As a debugger does. */
static long run_poke(struct stage *s)
{
	int one = 1;
	struct iovec from = { &one, sizeof(one) };
	struct iovec at = { (void *)&s->shared->touched, sizeof(one) };

	return process_vm_writev(s->victim, &from, 1, &at, 1, 0);
}

/* mov byte [rdi], 1; ret */
static long run_code(struct stage *s)
{
	static const uint8_t code[] = { 0xc6, 0x07, 0x01, 0xc3 };
	void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);

	if (m == MAP_FAILED)
		return -1;
	memcpy(m, code, sizeof(code));
	((void (*)(volatile int *))m)(&s->shared->touched);
	return 0;
}

static long run_userns(struct stage *s)
{
	(void)s;
	return unshare(CLONE_NEWUSER);
}

static long run_bpf(struct stage *s)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1 };

	(void)s;
	return syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

/*
 * Columns: none, namespaces, seccomp, landlock, calls, sockets, lsm. W: works,
 * R: refused, D: dies of it before it happens, A: after.
 */
/* clang-format off */
const struct attempt attempts[] = {
	{ "remove a file",                        run_unlink,   gone,        "WRRRAWW" },
	{ "the same by int $0x80",                run_unlink32, gone,        "WRDRAWW" },
	{ "open a file for writing",              run_open,     emptied,     "WRRRAWR" },
	{ "make an IP socket",                    run_socket,   NULL,        "WWRWDRR" },
	{ "make a netlink socket", run_netlink, NULL, "WWRWDWR" },
	{ "connect a TCP socket that it has",     run_tcp,      tcp_came,    "WWRRARW" },
	{ "send by a UDP socket that it has",     run_udp,      udp_came,    "WWRWWRW" },
	{ "bind a TCP socket that it has",        run_bind,     bound,       "WWRRARW" },
	{ "connect a unix socket that it has",    run_unix,     unix_came,   "WRRWARW" },
	{ "kill a process of its user",           run_kill,     victim_dead, "WRRRAWW" },
	{ "fork",                                 run_fork,     touched,     "WWRWDWR" },
	{ "execute a file that it has",           run_exec,     out_came,    "WWRRDWR" },
	{ "write into another's memory",          run_poke,     touched,     "WRRRDWR" },
	{ "run code that it wrote",               run_code,     touched,     "WWRWWWR" },
	{ "make memory executable", run_mprotect, NULL, "WWRWWWR" },
	{ "make a user namespace",                run_userns,   NULL,        "WWRWDWR" },
	{ "make an eBPF map",                     run_bpf,      NULL,        "WRRWDWR" },
};
/* clang-format on */
const unsigned nattempts = sizeof(attempts) / sizeof(attempts[0]);
