/* SPDX-License-Identifier: MIT */
/*
 * Layer "sockets": programs on the node's cgroup refuse, before it happens, each IP
 * socket of a realm that has no use for them (of other families Linux does not ask
 * here), and each connect, send and bind to whom it was not granted. Keyed by the id of the realm's
 * group, which nobody in it can leave. A path is seen as the caller wrote it, before it is
 * resolved: so folders of sockets must be read-only to who may connect.
 */
#include "kernel/bpf/linux.bpf.h"
#include <bpf/bpf_endian.h>

MAP(policy, HASH, 2048, 0, __u64, struct guard_policy);
MAP(peers, HASH, 16384, BPF_F_NO_PREALLOC, struct guard_peer, __u8);

/* Linux's view of an address that is being connected to; libbpf 1.1 has no type for unix ones. */
struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[GUARD_PATH_MAX];
} ITS;
struct bpf_sock_addr_kern {
	struct sockaddr_un *uaddr;
	__u32 uaddrlen;
} ITS;
extern void *bpf_cast_to_kern_ctx(void *) __ksym __weak;

enum { NO = 0, YES = 1, L_AF_UNIX = 1, L_AF_INET = 2, L_AF_INET6 = 10 };

/* The caller's realm and its group; NULL: it is in none. */
static const struct guard_policy *realm_of(uint64_t *ret_group)
{
	const struct guard_policy *p = NULL;
	uint64_t id = 1;

	for (int i = 1; i <= GUARD_DEPTH && id != 0 && p == NULL; i++) {
		id = bpf_get_current_ancestor_cgroup_id(i);
		p = bpf_map_lookup_elem(&policy, &id);
	}
	*ret_group = id;
	return p;
}

static int refuse(const struct guard_policy *p, __u32 what)
{
	return refused(&p->who, p->who.realm, GUARD_BY_SOCKETS, what) ? NO : YES;
}

SEC("cgroup/sock_create")
int guard_create(struct bpf_sock *sk)
{
	uint64_t group;
	const struct guard_policy *p = realm_of(&group);

	if (p == NULL || (sk->family < 64 && (p->families >> sk->family & 1) != 0))
		return YES;
	return refuse(p, GUARD_SOCK_CREATE);
}

/* NULL: the caller is in no realm. */
static int to_peer(const struct guard_policy *p, const struct guard_peer *peer, __u32 what)
{
	return p == NULL || bpf_map_lookup_elem(&peers, peer) != NULL ? YES : refuse(p, what);
}

static int to_ip(struct bpf_sock_addr *a, __u16 family, __u32 what)
{
	struct guard_peer peer = { .family = family, .port = bpf_ntohs(a->user_port) };
	const struct guard_policy *p = realm_of(&peer.cgroup);

	if (family == L_AF_INET)
		__builtin_memcpy(peer.addr, &a->user_ip4, sizeof(a->user_ip4));
	else
		__builtin_memcpy(peer.addr, a->user_ip6, sizeof(a->user_ip6));
	return to_peer(p, &peer, what);
}

static int to_unix(struct bpf_sock_addr *a, __u32 what)
{
	struct bpf_sock_addr_kern *k = bpf_cast_to_kern_ctx(a);
	struct guard_peer peer = { .family = L_AF_UNIX };
	const struct guard_policy *p = realm_of(&peer.cgroup);
	__u32 n = k->uaddrlen - sizeof(unsigned short);

	if (p != NULL &&
	    (n > GUARD_PATH_MAX ||
		bpf_probe_read_kernel(peer.addr, n, BPF_CORE_READ(k, uaddr, sun_path)) != 0))
		return refuse(p, what);
	return to_peer(p, &peer, what);
}

#define HOOK(on, name, verdict) \
	SEC(on) \
	int name(struct bpf_sock_addr *a) \
	{ \
		return verdict; \
	}
HOOK("cgroup/connect4", guard_connect4, to_ip(a, L_AF_INET, GUARD_CONNECT4))
HOOK("cgroup/connect6", guard_connect6, to_ip(a, L_AF_INET6, GUARD_CONNECT6))
HOOK("cgroup/sendmsg4", guard_sendmsg4, to_ip(a, L_AF_INET, GUARD_SENDMSG4))
HOOK("cgroup/sendmsg6", guard_sendmsg6, to_ip(a, L_AF_INET6, GUARD_SENDMSG6))
HOOK("cgroup/bind4", guard_bind4, to_ip(a, L_AF_INET, GUARD_BIND4))
HOOK("cgroup/bind6", guard_bind6, to_ip(a, L_AF_INET6, GUARD_BIND6))
/* The loader sets their type: Linux has had these hooks since 6.7. */
HOOK("?cgroup/connect_unix", guard_connect_unix, to_unix(a, GUARD_CONNECT_UNIX))
HOOK("?cgroup/sendmsg_unix", guard_sendmsg_unix, to_unix(a, GUARD_SENDMSG_UNIX))

char _license[] SEC("license") = "Dual MIT/GPL";
