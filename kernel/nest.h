/* SPDX-License-Identifier: MIT */
/*
 * The nest: one already sandboxed process per realm and profile that forks the
 * realm's procs on the kernel's order. Making namespaces and installing a
 * filter costs milliseconds, inheriting them nothing.
 *
 * The nest is trusted code that runs without any authority: once it takes
 * orders it has no Linux capability, an empty read-only root, its profile's
 * seccomp filter and the socket to the kernel. It is pid 1 of its pid
 * namespace: its death ends every proc it forked; the kernel's death ends it.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#include <writ/abi.h>
#include <writ/boot.h>
#include <writ/guard.h>

#define NEST_IMAGE_FD        1000        /* the one descriptor that may be executed */
#define NEST_SHARED          (256 << 20) /* address space of a proc beyond its private memory */
#define NEST_PROC_FDS        900         /* RLIMIT_NOFILE of a proc: below NEST_IMAGE_FD */
/* The same of profile server: two doorbells for each client. */
#define NEST_SERVER_IMAGE_FD 16200
#define NEST_SERVER_FDS      16000
#define NEST_IMAGE_OF(profile) \
	((profile) == WRIT_PROFILE_SERVER ? NEST_SERVER_IMAGE_FD : NEST_IMAGE_FD)
#define NEST_THREADS 64 /* RLIMIT_NPROC of profile server (nng's threads) */

/* RLIMIT_STACK, bytes; on top of the memory limit, but those of a server's threads count. */
#define NEST_PROC_STACK   (8u << 20)
#define NEST_SERVER_STACK (1u << 20)

struct nest_conf {
	const char *realm;  /* also the hostname */
	uint32_t uid;       /* host user and group id that the procs run as; inside they are 1 */
	unsigned profile;   /* enum writ_profile */
	const char *cgroup; /* realm's cgroup name as given to cgroup_make(); NULL: none */
	uint32_t number;    /* the realm's, for @admit */
	/* Called before anything of it runs; 0, or -errno: it does not start. NULL: none. */
	int (*admit)(uint32_t realm, unsigned profile, int pidfd, enum guard_phase phase);
};

struct nest {
	pid_t pid;
	int pidfd, sock;
};

/* kernel -> nest; fds: gate, image, stdout+stderr (or none: /dev/null) */
struct nest_order {
	uint32_t id;         /* comes back in the events */
	uint8_t class, nfds; /* enum writ_class */
	uint16_t pad;
	uint64_t memory;          /* RLIMIT_DATA, bytes; 0: none */
	uint64_t log_max;         /* RLIMIT_FSIZE, bytes, of any file it writes; 0: none */
	char name[WRIT_NAME_MAX]; /* argv[0] and comm */
};
_Static_assert(sizeof(struct nest_order) == 56, "");

/* nest -> kernel */
enum nest_what { NEST_READY = 1, NEST_STARTED, NEST_FAILED, NEST_EXITED };
struct nest_event {
	uint32_t what, id;
	int32_t code; /* READY, FAILED: errno; EXITED: wait status */
	uint32_t pad;
	uint64_t cpu_ns, rss_max; /* EXITED */
	char step[32];            /* READY, FAILED: name of the step that failed */
};
_Static_assert(sizeof(struct nest_event) == 64, "");

/*
 * Start a nest. Returns at once; NEST_READY (code 0, or errno and step) comes
 * over ret->sock (SOCK_SEQPACKET, CLOEXEC) when it takes orders.
 * The kernel owns pid, pidfd and socket; it reaps no child before this returns 0 or -errno.
 * @c and its strings must lie in memory that a fork copies (not MADV_DONTFORK);
 * all else may well be left out: it keeps a nest's, and so its procs', rss_max low.
 */
int nest_start(const struct nest_conf *c, struct nest *ret);

/*
 * Order a proc. @fds are borrowed. Returns 0, -EAGAIN (the socket is full: wait
 * for EPOLLOUT, order again), or -errno (the nest is gone).
 */
int nest_order(const struct nest *n, struct nest_order *o, const int *fds);

/*
 * Take the next event; STARTED brings the proc's pidfd in *ret_pidfd (else -1),
 * owned by the caller. Returns 1, 0 (none now), or -errno (-EPIPE: gone).
 */
int nest_next(const struct nest *n, struct nest_event *ret, int *ret_pidfd);

/* Kill the nest, thereby all its procs, and close what it had. Does not wait. */
void nest_kill(struct nest *n);

/* --- what the kernel and its nests share (io.c) ------------------------------------------- */

/* -errno if that has @failed, else 0. */
static inline int errno_if(bool failed)
{
	return failed ? -errno : 0;
}
/* A path, a value or a reason; it lives to the end of the statement. */
struct text {
	char s[96];
};
struct text text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Write @value, as one write, to the file at @path, seen from @dir. Returns 0 or -errno. */
int file_put(int dir, const char *path, const char *value);

enum { PACKET_FDS = 3 };

/* Send @iov with up to PACKET_FDS descriptors, borrowed. Returns 0 or -errno. */
int packet_send(int sock, struct iovec *iov, size_t niov, const int *fds, unsigned nfds, int flags);
/*
 * Take the next packet, and its descriptors in fds[PACKET_FDS], the caller's from
 * now on; -1 where there is none. Returns its whole length, which may be more than
 * @iov holds, 0 at the end (or for one without bytes), or -errno.
 */
ssize_t packet_recv(int sock, struct iovec *iov, size_t niov, int *fds, int flags);

/* --- groups of realms (cgroup.c) ----------------------------------------------------------
 * All return 0 or -errno. A realm's processes lie in leaves of its group: nest, where they begin,
 * and sc<id> of a scheduling context. */

/* Once: the node's folder in each hierarchy (-1: none) and the controllers that v2 has. */
void cgroup_init(const int node[BOOT_GROUP_N], unsigned v2_has);

/* Make a realm's group with its limits (0: none): memory bytes, cores in millicores (a weight and,
 * where offered, a ceiling), pids. */
int cgroup_make(const char *realm, uint64_t memory, uint32_t cores, uint32_t pids);
/* The id by which eBPF knows the realm's group; 0: there is none. */
uint64_t cgroup_id(const char *realm);
/* Put process @pid (0: the caller) into the realm's nest. */
int cgroup_enter(const char *realm, pid_t pid);
/* Kill all in the group and remove it with its leaves; -EBUSY: some are still dying, call again. */
int cgroup_remove(const char *realm);

/*
 * Make or change a leaf as @set says: class BE gets only what nobody else wants (where Linux offers
 * that); weight; budget and period where Linux offers bandwidth control. -ENOTSUP: no cpu
 * controller. -EINVAL: Linux has no such numbers (in v1 no larger a share than the realm's). A new
 * leaf may be there after an error: remove it.
 */
int cgroup_leaf(const char *realm, uint32_t id, const struct writ_sched_req *set);
/* Move process @pid there; its memory is counted as before. */
int cgroup_leaf_enter(const char *realm, uint32_t id, pid_t pid);
/* -EBUSY: processes are in it. One that isn't there is no error. */
int cgroup_leaf_remove(const char *realm, uint32_t id);

/* --- inside the nest: for kernel/ and tests/isolation ------------------------------------ */

/* What runs after nest_start(): the steps below, then nest_loop(). Never returns. */
_Noreturn void nest_main(const struct nest_conf *c, int sock);

/* The nest's own descriptors after the step "fds"; 0, 1 and 2 are /dev/null. */
enum { NEST_SOCK_FD = 3, NEST_SIGNAL_FD = 4, NEST_FD_FIRST = 5 };

struct sandbox {
	const struct nest_conf *conf;
	int sock; /* to the kernel; NEST_SOCK_FD from "fds" on */
	int null; /* /dev/null, until "fds" */
};

/* By which a fresh child becomes a nest, in their order. A table, so that a failing step has a name
 * and a test can leave one out to see that it is missed. */
struct sandbox_step {
	const char *name;
	int (*fn)(struct sandbox *s); /* 0 or -errno */
};
extern const struct sandbox_step sandbox_steps[];
extern const unsigned sandbox_nsteps;

/* Send an event over @sock. Returns 0 or -errno (the kernel is gone). */
int nest_send(int sock, const struct nest_event *e, int pidfd);
/* Take orders for ever; ends when the kernel is gone. All steps must be done. */
_Noreturn void nest_loop(const struct nest_conf *c);
/* Set a limit of the calling process, for good. */
int nest_limit(int resource, uint64_t max);

/* What a call that the filter refuses returns: no call of Linux gives it by itself. */
#define FILTER_ERRNO EBADRQC

/* Seccomp filters, made by tools/gen-filter from the table in syscalls.h when Writ is built: one a
 * profile (enum writ_profile), and one that refuses each clone but of a thread. */
enum { FILTER_THREADS = WRIT_PROFILE_N, FILTER_N };
extern const struct sock_fprog filters[FILTER_N];

/* Put a filter on the caller, for ever. Needs no-new-privileges. Returns 0, -EINVAL (no such
 * filter) or -errno. */
int filter_install(unsigned filter);
