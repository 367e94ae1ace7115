/* SPDX-License-Identifier: MIT */
/*
 * The rows of Writ's eBPF maps: what the kernel and writ-boot write, the programs
 * in Linux (kernel/bpf/, tools/boot/bpf/) check and count, and operators read
 * below GUARD_PINS. docs/operators.md is the manual.
 *
 * Compiled by gcc and by clang for eBPF: fixed widths, no padding, no libc.
 * One-byte enums, so that bpftool shows their names.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <writ/rights.h>

/* GUARD_PINS/nodes/NODE/{progs,maps,links,iter}; GUARD_PINS/{progs,...} lead to one node's, the
 * first of them. */
#define GUARD_PINS "/sys/fs/bpf/writ"

#define GUARD_NAME_MAX 32
#define GUARD_PATH_MAX 108 /* of a unix socket, as in struct sockaddr_un */

enum {
	GUARD_CALLS_WORDS = 8,      /* a bit for each number of a system call below 512 */
	GUARD_DEPTH = 32,           /* of a realm's group below the root of cgroup v2, at most */
	GUARD_UNKNOWN = UINT32_MAX, /* no generation: look again */
};

/* What happens to who does what is not allowed. */
enum __attribute__((packed)) guard_mode {
	GUARD_OFF,     /* nothing is looked at */
	GUARD_AUDIT,   /* it is recorded, and goes on */
	GUARD_ENFORCE, /* it is recorded and refused, or ended */
	/* For people, and in no map: ENFORCE, but what looks at each call of every process is
	   attached only while a realm requires it. */
	GUARD_ON_DEMAND,
	GUARD_MODE_N
};

#define GUARD_MODES(X) \
	X(OFF, "off") X(AUDIT, "audit") X(ENFORCE, "enforce") X(ON_DEMAND, "on-demand")

/* Layers that the mode is about: one that only audits holds nobody. */
#define GUARD_LAYERS \
	(1u << WRIT_LAYER_EBPF_CALLS | 1u << WRIT_LAYER_EBPF_SOCKETS | \
	    1u << WRIT_LAYER_EBPF_UNIX | 1u << WRIT_LAYER_EBPF_LSM)

/* Of enum writ_class and enum writ_profile. */
#define GUARD_CLASS(id, name)   CLASS_##id,
#define GUARD_PROFILE(id, name) PROFILE_##id,
enum __attribute__((packed)) guard_class { WRIT_CLASSES(GUARD_CLASS) };
enum __attribute__((packed)) guard_profile { WRIT_PROFILES(GUARD_PROFILE) };
#undef GUARD_CLASS
#undef GUARD_PROFILE

/* Life of a managed process. */
enum __attribute__((packed)) guard_phase {
	GUARD_SETUP,  /* a nest that is not shut in yet: its calls are not looked at */
	GUARD_NEST,   /* it forks; what it forks is in LAUNCH */
	GUARD_LAUNCH, /* may execute once, and then RUNs */
	GUARD_RUN,    /* may neither fork nor execute */
	GUARD_DOOMED, /* came about against the rules: its first call ends it */
};

/* Who refused. */
enum __attribute__((packed)) guard_layer {
	GUARD_BY_SECCOMP, /* what: number of the call */
	GUARD_BY_CALLS,   /* the same, seen by eBPF at the entry of the call */
	GUARD_BY_SOCKETS, /* eBPF on the realm's cgroup; what: enum guard_socket */
	GUARD_BY_LSM,     /* what: enum guard_hook */
};

enum guard_socket {
	GUARD_SOCK_CREATE,
	GUARD_CONNECT4,
	GUARD_CONNECT6,
	GUARD_SENDMSG4,
	GUARD_SENDMSG6,
	GUARD_BIND4,
	GUARD_BIND6,
	GUARD_CONNECT_UNIX,
	GUARD_SENDMSG_UNIX,
};

enum guard_hook {
	GUARD_HOOK_EXEC,
	GUARD_HOOK_FORK,
	GUARD_HOOK_OPEN,
	GUARD_HOOK_SOCKET,
	GUARD_HOOK_PTRACE,
	GUARD_HOOK_MMAP_EXEC,
	GUARD_HOOK_USERNS,
	GUARD_HOOK_BPF,
};

/* Of enum writ_layer: as bits, and by name. */
#define GUARD_LAYER(id, name) uint32_t id : 1;
union guard_layers {
	uint32_t bits;
	struct {
		WRIT_LAYERS(GUARD_LAYER)
	} is;
};
#undef GUARD_LAYER
_Static_assert(sizeof(union guard_layers) == sizeof(uint32_t), "");

/* maps/config, the only row. A reader that keeps what it looked up notes the generation; who
 * changes what processes are held to writes it last, one higher: so all changes come at once. */
struct guard_config {
	uint32_t generation;
	enum guard_mode mode;
	uint8_t on_demand; /* bool: the node is told GUARD_ON_DEMAND */
	uint8_t pad[2];
	union guard_layers layers; /* that hold each proc now; those of eBPF with them */
	union guard_layers loaded; /* of eBPF's, whatever the mode */
};
_Static_assert(sizeof(struct guard_config) == 16, "");
/* Telemetry that costs more than a counter; on while somebody looks. */
enum guard_trace { GUARD_TRACE_HISTOGRAMS = 1, GUARD_TRACE_OFFCPU = 2 };

/*
 * maps/calls: the calls that a process may make, by number; two sets of rows, one
 * in use and one to prepare the next in. Row guard_calls_row().
 */
struct guard_calls {
	uint64_t bits[GUARD_CALLS_WORDS];
};
enum { GUARD_CALLS_ROWS = 2 * WRIT_PROFILE_N * 2 };
static inline uint32_t guard_calls_row(uint32_t generation, unsigned profile, unsigned nest)
{
	return ((generation & 1) * WRIT_PROFILE_N + profile) * 2 + nest;
}

/*
 * maps/tasks: task storage of the leader of each managed process: what it may do. The
 * kernel writes a nest's, by its pidfd; a fork copies it, and from then on only the
 * programs in Linux change it (kernel/bpf/calls.bpf.c).
 */
struct guard_task {
	uint64_t bits[GUARD_CALLS_WORDS]; /* its row of maps/calls, of that generation */
	uint32_t generation, realm;
	enum guard_phase phase;
	uint8_t profile; /* enum writ_profile */
	uint8_t pad[6];
};
_Static_assert(sizeof(struct guard_task) == 80, "");

/* maps/labels: task storage of the leader as well: which proc it is. The kernel writes it once the
 * proc has started; a nest, and who is about to start, has none. */
struct guard_label {
	uint32_t pid, realm; /* of Writ */
	enum guard_class class;
	enum guard_profile profile;
	uint8_t pad[2];
	char name[GUARD_NAME_MAX];
};
_Static_assert(sizeof(struct guard_label) == 44, "");

/* maps/policy: by the id of a realm's cgroup. Who is in no such group is not Writ's business. */
struct guard_policy {
	uint64_t families;      /* bit of each IP family of which sockets may be made */
	struct guard_label who; /* any of its procs: pid 0, the realm and its name */
	uint32_t pad;
};
_Static_assert(sizeof(struct guard_policy) == 56, "");

/* maps/peers: whom a realm may connect to, send to or (family of IP, own address) bind as. */
struct guard_peer {
	uint64_t cgroup;
	uint16_t family, port; /* port: host byte order; 0 for AF_UNIX */
	uint32_t pad;
	uint8_t addr[GUARD_PATH_MAX + 4]; /* IPv4: 4 bytes, IPv6: 16, unix: the path; then zeros */
};
_Static_assert(sizeof(struct guard_peer) == 128, "");

/* maps/denials: what was refused, to whom, by which layer, how often. */
struct guard_denial_key {
	uint32_t pid, realm; /* pid 0: not known yet */
	enum guard_layer layer;
	uint8_t pad[3];
	uint32_t what; /* by layer */
};
struct guard_denial {
	uint64_t count, last_ns; /* CLOCK_MONOTONIC */
	uint32_t host_pid;
	enum guard_mode mode; /* what was done: AUDIT, it went on */
	uint8_t pad[3];
	char name[GUARD_NAME_MAX];
};
_Static_assert(sizeof(struct guard_denial_key) == 16 && sizeof(struct guard_denial) == 56, "");

/* maps/realms: by number, which no other realm of the node has or had. maps/procs and maps/caps
 * hold struct writ_proc_row by pid and struct writ_cap_info by slot, of <writ/abi.h>. */
struct guard_realm {
	uint64_t cgroup, memory;
	uint32_t uid, cores;
	union guard_layers requires; /* of who made it */
	uint32_t pad;
	char name[GUARD_NAME_MAX];
};
_Static_assert(sizeof(struct guard_realm) == 64, "");
