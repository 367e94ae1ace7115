/* SPDX-License-Identifier: MIT */
/*
 * Every system call that a sandboxed process may make, and why. The seccomp
 * filter, docs/syscalls.md and the tests are made from this table; what it
 * does not name is refused with FILTER_ERRNO.
 *
 * A call may have several rows: it is allowed when the rule of one of them
 * holds. Rules see the six argument registers, whole, and nothing behind
 * pointers. The nest runs under its procs' filter, so what it needs is here too:
 * each such row says what keeps procs from using it.
 */
#pragma once
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <writ/rights.h>
#include "nest.h"

/* Holds when (argument @arg & @mask) == @value. */
struct syscall_check {
	uint8_t arg;
	uint64_t mask, value;
};
#define SYSCALL_CHECKS_MAX 2
#define SYSCALL_ALL_BITS   UINT64_MAX

/* The nest's way to fork: the parent sleeps until the image runs. */
#define NEST_CLONE (CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD)
/* What glibc's pthread_create() asks for. */
#define PTHREAD_CLONE \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
	    CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* clang-format off */
/* rule, what it asks of the arguments in words, its checks */
#define SYSCALL_RULES(X) \
	X(ANY,          "any arguments") \
	X(ABSENT,       "refused with ENOSYS: the C library then does without") \
	X(NO_EXEC,      "memory is not made executable", \
		{ 2, ~(uint64_t)(PROT_READ | PROT_WRITE), 0 }) \
	X(MAP_PRIVATE,  "private, not executable, no huge pages, does not grow by itself", \
		{ 2, ~(uint64_t)(PROT_READ | PROT_WRITE), 0 }, { 3, MAP_SHARED | MAP_GROWSDOWN | MAP_HUGETLB, 0 }) \
	X(MAP_FILE,     "of a file, not executable", \
		{ 2, ~(uint64_t)(PROT_READ | PROT_WRITE), 0 }, { 3, MAP_ANONYMOUS | MAP_GROWSDOWN, 0 }) \
	X(LIMIT,        "of the calling process, of resources 0 to 3 and 8 to 11", { 0, SYSCALL_ALL_BITS, 0 }, { 1, 4, 0 }) \
	X(LIMIT_COUNT,  "of the calling process, RLIMIT_NPROC and RLIMIT_NOFILE", { 0, SYSCALL_ALL_BITS, 0 }, { 1, ~UINT64_C(1), 6 }) \
	X(SELF_IDLE,    "of the calling process, to SCHED_IDLE", { 0, SYSCALL_ALL_BITS, 0 }, { 1, SYSCALL_ALL_BITS, SCHED_IDLE }) \
	X(NO_ADDRESS,   "to the connected peer (no address)", { 4, SYSCALL_ALL_BITS, 0 }) \
	X(BY_FD,        "of an open descriptor (AT_EMPTY_PATH)", { 3, AT_EMPTY_PATH, AT_EMPTY_PATH }) \
	X(SET_FS,       "ARCH_SET_FS", { 0, SYSCALL_ALL_BITS, 0x1002 }) \
	X(SET_NAME,     "PR_SET_NAME", { 0, SYSCALL_ALL_BITS, PR_SET_NAME }) \
	X(FD_FLAGS,     "F_GETFL, F_SETFD", { 1, ~UINT64_C(1), 2 }) \
	X(FD_GETFD,     "F_GETFD", { 1, SYSCALL_ALL_BITS, F_GETFD }) \
	X(FD_SETFL,     "F_SETFL with O_NONBLOCK", \
		{ 1, SYSCALL_ALL_BITS, F_SETFL }, { 2, O_NONBLOCK, O_NONBLOCK }) \
	X(FD_SEALS,     "F_GET_SEALS", { 1, SYSCALL_ALL_BITS, F_GET_SEALS }) \
	X(NO_HUGE,      "no huge pages", { 1, MFD_HUGETLB, 0 }) \
	X(FD_SEAL,      "F_ADD_SEALS", { 1, SYSCALL_ALL_BITS, F_ADD_SEALS }) \
	X(FD_DUP,       "F_DUPFD_CLOEXEC", { 1, SYSCALL_ALL_BITS, F_DUPFD_CLOEXEC }) \
	X(FD_STD,       "onto descriptors 0 to 3", { 1, ~UINT64_C(3), 0 }) \
	X(FD_IMAGE,     "onto NEST_IMAGE_FD", { 1, SYSCALL_ALL_BITS, NEST_IMAGE_FD }) \
	X(FD_IMAGE_S,   "onto NEST_SERVER_IMAGE_FD", { 1, SYSCALL_ALL_BITS, NEST_SERVER_IMAGE_FD }) \
	X(EXEC_IMAGE,   "of NEST_IMAGE_FD, by descriptor", \
		{ 0, SYSCALL_ALL_BITS, NEST_IMAGE_FD }, { 4, SYSCALL_ALL_BITS, AT_EMPTY_PATH }) \
	X(EXEC_IMAGE_S, "of NEST_SERVER_IMAGE_FD, by descriptor", \
		{ 0, SYSCALL_ALL_BITS, NEST_SERVER_IMAGE_FD }, { 4, SYSCALL_ALL_BITS, AT_EMPTY_PATH }) \
	X(VFORK,        "in the nest's form (vfork with a pidfd)", \
		{ 0, SYSCALL_ALL_BITS, NEST_CLONE }) \
	X(THREAD,       "a thread of the calling process", { 0, SYSCALL_ALL_BITS, PTHREAD_CLONE }) \
	X(UNIX,         "AF_UNIX", { 0, SYSCALL_ALL_BITS, AF_UNIX }) \
	X(NARROW,       "SECCOMP_SET_MODE_FILTER without flags", \
		{ 0, SYSCALL_ALL_BITS, 1 }, { 1, SYSCALL_ALL_BITS, 0 })

#define PN (1u << WRIT_PROFILE_NATIVE)
#define PF (1u << WRIT_PROFILE_FILES)
#define PS (1u << WRIT_PROFILE_SERVER)
#define PFS (PF | PS)
#define PNF (PN | PF)
#define PALL (PN | PF | PS)

/* The same for each of some calls. */
#define EACH2(X, a, b, ...) X(a, __VA_ARGS__) X(b, __VA_ARGS__)
#define EACH4(X, a, b, c, d, ...) EACH2(X, a, b, __VA_ARGS__) EACH2(X, c, d, __VA_ARGS__)

/* call, rule, profiles, reason */
#define SYSCALLS(X) \
	/* the nest's own */ \
	X(clone,             VFORK,       PALL, "the nest forks; procs can't: RLIMIT_NPROC 0, in server a second filter") \
	X(execveat,          EXEC_IMAGE,  PNF,  "the nest's child runs its image; procs have nothing at that number, which lies above RLIMIT_NOFILE") \
	X(execveat,          EXEC_IMAGE_S, PS,  "the same, above the RLIMIT_NOFILE of servers") \
	X(dup3,              FD_STD,      PALL, "the nest's child puts gate and log in place; procs can only move what they hold") \
	X(dup3,              FD_IMAGE,    PNF,  "the nest's child puts the image in place; for procs the number lies above RLIMIT_NOFILE") \
	X(dup3,              FD_IMAGE_S,  PS,   "the same, above the RLIMIT_NOFILE of servers") \
	X(wait4,             ANY,         PALL, "the nest reaps; procs have no children") \
	X(sched_setscheduler, SELF_IDLE,  PALL, "the nest's child enters class BE; harmless: it only lowers") \
	X(prlimit64,         LIMIT,       PALL, "the nest's child sets limits, the C library reads the stack's; all can only be lowered, and RLIMIT_CORE not even that") \
	X(prlimit64,         LIMIT_COUNT, PALL, "the nest's child sets limits; they can only be lowered") \
	X(close_range,       ANY,         PALL, "the nest closes what an order brought; touches only one's own descriptors") \
	X(seccomp,           NARROW,      PS,   "the nest's child ends forking; a filter can only take away") \
	X(clone,             THREAD,      PS,   "nng runs threads; RLIMIT_NPROC bounds them") \
	/* descriptors */ \
	EACH2(X, read, readv, ANY,        PALL, "input") \
	X(write,             ANY,         PALL, "output, doorbells") \
	X(writev,            ANY,         PALL, "output: stdio of the C library") \
	X(close,             ANY,         PALL, "give a descriptor back") \
	X(lseek,             ANY,         PALL, "stdio asks for a stream's position") \
	X(fstat,             ANY,         PALL, "size and kind of an open descriptor") \
	X(newfstatat,        BY_FD,       PALL, "fstat() of the C library") \
	X(newfstatat,        ANY,         PFS,  "stat below an open folder") \
	X(fcntl,             FD_FLAGS,    PALL, "non-blocking and close-on-exec descriptors") \
	X(fcntl,             FD_GETFD,    PALL, "non-blocking and close-on-exec descriptors") \
	X(fcntl,             FD_SETFL,    PS,   "nng makes its sockets non-blocking; nothing that was becomes blocking") \
	X(fcntl,             FD_SEALS,    PALL, "to see that shared memory can't shrink") \
	X(fcntl,             FD_DUP,      PFS,  "fdopendir() needs a descriptor of its own") \
	X(fcntl,             FD_SEAL,     PS,   "root seals images") \
	EACH2(X, poll, ppoll, ANY,        PALL, "wait") \
	EACH4(X, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, ANY, PALL, "wait for many") \
	/* sockets that one was given: the gate */ \
	EACH2(X, recvmsg, sendmsg, ANY,   PALL, "the gate, with descriptors") \
	X(recvfrom,          ANY,         PALL, "the gate") \
	X(sendto,            NO_ADDRESS,  PALL, "the gate") \
	/* memory */ \
	X(brk,               ANY,         PALL, "malloc; RLIMIT_DATA bounds it") \
	X(mmap,              MAP_PRIVATE, PALL, "malloc; RLIMIT_DATA bounds it, but neither shared nor growing memory, and no cgroup the huge pages") \
	X(mmap,              MAP_FILE,    PALL, "rings and shared memory, by descriptor") \
	X(mprotect,          NO_EXEC,     PALL, "malloc, guard pages, read-only data") \
	EACH2(X, munmap, madvise, ANY,    PALL, "give memory back") \
	/* signals, threads' support, time */ \
	X(rt_sigaction,      ANY,         PALL, "handlers for one's own faults") \
	X(rt_sigprocmask,    ANY,         PALL, "abort() and others") \
	X(rt_sigreturn,      ANY,         PALL, "return from a handler") \
	X(sigaltstack,       ANY,         PALL, "handle a stack overflow") \
	X(restart_syscall,   ANY,         PALL, "the kernel's own, after a stop") \
	X(futex,             ANY,         PALL, "locks, also in shared memory") \
	EACH2(X, set_tid_address, set_robust_list, ANY, PALL, "start of the C library") \
	X(rseq,              ANY,         PALL, "start of the C library") \
	X(arch_prctl,        SET_FS,      PALL, "start of the C library: thread-local storage") \
	X(prctl,             SET_NAME,    PALL, "a proc's name in top and ps") \
	X(getrandom,         ANY,         PALL, "seeds, keys, the C library's start") \
	EACH2(X, getpid, gettid, ANY,     PALL, "one's number inside the nest") \
	X(sched_yield,       ANY,         PALL, "spin politely") \
	X(sched_getaffinity, ANY,         PALL, "how many CPUs there are") \
	X(getcpu,            ANY,         PALL, "which CPU one is on") \
	X(clock_gettime,     ANY,         PALL, "time, where the vDSO can't tell") \
	EACH2(X, clock_nanosleep, nanosleep, ANY, PALL, "sleep") \
	X(exit,              ANY,         PALL, "end a thread") \
	X(exit_group,        ANY,         PALL, "end") \
	/* files below folders that one was given; the root is empty */ \
	X(openat2,           ANY,         PFS,  "open below a folder, never above it") \
	X(getdents64,        ANY,         PFS,  "list a folder") \
	X(pread64,           ANY,         PFS,  "read at a place") \
	X(pwrite64,          ANY,         PFS,  "write at a place") \
	X(ftruncate,         ANY,         PFS,  "truncate") \
	EACH2(X, fsync, fdatasync, ANY,   PFS,  "durability") \
	X(unlinkat,          ANY,         PFS,  "remove") \
	X(mkdirat,           ANY,         PFS,  "make a folder") \
	X(renameat2,         ANY,         PFS,  "rename, replace as one step") \
	X(statx,             ANY,         PFS,  "stat") \
	X(fstatfs,           ANY,         PFS,  "how much room there is") \
	/* what nng 1.5.2 needs, and root */ \
	X(socket,            UNIX,        PS,   "nng over ipc; no network family, no vsock") \
	X(bind,              ANY,         PS,   "nng over ipc; only AF_UNIX sockets exist here") \
	EACH4(X, listen, accept, accept4, shutdown, ANY, PS, "nng over ipc") \
	X(connect,           ANY,         PS,   "nng over ipc; only AF_UNIX sockets exist here") \
	EACH2(X, getsockname, getpeername, ANY, PS, "nng over ipc") \
	X(getsockopt,        ANY,         PS,   "nng over ipc: the peer's user id") \
	X(setsockopt,        ANY,         PS,   "nng over ipc") \
	X(fchdir,            ANY,         PS,   "root's socket lies in its working folder, on a mount of its own: nothing is above") \
	X(eventfd2,          ANY,         PS,   "nng wakes its own threads") \
	X(unlink,            ANY,         PS,   "nng removes a stale socket") \
	X(chmod,             ANY,         PS,   "nng sets who may connect") \
	X(memfd_create,      NO_HUGE,     PS,   "root makes images; no way to execute one") \
	/* so that the C library falls back, or goes without */ \
	X(clone3,            ABSENT,      PALL, "its flags lie behind a pointer: clone() instead") \
	X(faccessat2,        ABSENT,      PALL, "access()") \
	X(mremap,            ABSENT,      PALL, "a stack that is made longer counts for no limit; realloc() copies instead") \
	X(epoll_pwait2,      ABSENT,      PALL, "epoll_pwait() instead") \
	EACH2(X, readlink, readlinkat, ABSENT, PALL, "a static binary asks for /proc/self/exe at start: there is none") \
	X(openat2,           ABSENT,      PN,   "no files") \
	X(statx,             ABSENT,      PN,   "fstat() instead")
/* clang-format on */

enum syscall_rule {
#define X(id, ...) SYSCALL_##id,
	SYSCALL_RULES(X)
#undef X
	    SYSCALL_RULES_N
};
