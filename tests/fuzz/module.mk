# SPDX-License-Identifier: MIT
# The kernel as one process: all of it but what asks Linux for processes, cgroups and the boot
# record, which tests/fuzz/kernel plays. loop.c includes main.c.
fuzz_KERNEL := $(addprefix tests/fuzz/kernel/,world.c client.c fakes.c loop.c requests.c steps.c \
	verify.c account.c hash.c) tests/unit/caps/verify.c \
	$(filter-out $(addprefix kernel/,main.c boot.c nest.c nest_loop.c sandbox.c filter.c cgroup.c), \
	$(writ-kernel_SRCS))
fuzz_COMMA := ,
fuzz_WRAP := -lsodium $(patsubst %,-Wl$(fuzz_COMMA)--wrap=%,syscall openat unlinkat sched_setscheduler \
	k_proc_host_pid socketpair eventfd memfd_create)
fuzz-kernel_SRCS := tests/fuzz/fuzz-kernel.c $(fuzz_KERNEL)
fuzz-gate_SRCS := tests/fuzz/fuzz-gate.c $(fuzz_KERNEL)
FUZZERS += fuzz-kernel fuzz-gate

# The same without libFuzzer: what the corpora hold, and random bytes.
TESTS += fuzz-kernel-replay fuzz-gate-replay
fuzz-kernel-replay_SRCS := tests/fuzz/replay.c $(fuzz-kernel_SRCS)
fuzz-gate-replay_SRCS := tests/fuzz/replay.c $(fuzz-gate_SRCS)

# Kernels with a mistake.
SHTESTS += tests/fuzz/broken.sh
TESTBINS += fuzz-kernel-broken
fuzz-kernel-broken_SRCS := tests/fuzz/kernel/broken.c $(fuzz-kernel-replay_SRCS)
fuzz_BREAK := $(patsubst %,-Wl$(fuzz_COMMA)--wrap=%,k_pool_put k_hook_moved k_spawn_take k_session_told \
	k_session_settle captab_uncharge captab_unhold captab_cnode_slot captab_revoke_at)

define fuzz_links
$(1)_LIBS := libcaps
$(1)_LDLIBS := $(2)
endef
$(foreach p,fuzz-kernel fuzz-gate fuzz-kernel-replay fuzz-gate-replay,\
	$(eval $(call fuzz_links,$(p),$(fuzz_WRAP))))
$(eval $(call fuzz_links,fuzz-kernel-broken,$(fuzz_WRAP) $(fuzz_BREAK)))

# A ring in memory that changes at random (it includes ring.c), and rings with a mistake.
SHTESTS += tests/fuzz/ring-broken.sh
tests/fuzz/ring-broken.sh_SECS := 400
TESTS += ring-hostile
ring-hostile_SRCS := tests/fuzz/ring-hostile.c tests/unit/libsys/ring_pair.c libsys/link.c libsys/spin.c
ring-hostile_LDLIBS := -lpthread
