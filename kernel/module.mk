# SPDX-License-Identifier: MIT
# The trusted supervisor. This list is the TCB (with caps/): docs/tcb.md says why each must be trusted.
BINS += writ-kernel
writ-kernel_SRCS := kernel/main.c kernel/boot.c kernel/gate.c kernel/call_cap.c kernel/session.c \
	kernel/spawn.c kernel/sched.c kernel/proc.c kernel/realm.c kernel/object.c kernel/audit.c \
	kernel/guard.c kernel/ipc.c kernel/io.c kernel/nest.c kernel/nest_loop.c kernel/sandbox.c \
	kernel/filter.c kernel/cgroup.c
writ-kernel_LIBS := libcaps
writ-kernel_LDLIBS := -lcap-ng -lsodium
# the seccomp filters, from kernel/syscalls.h
$(B)/kernel/filter.o: $(B)/gen/kernel/filters.h
# Enforcement in Linux, by eBPF; writ-boot loads it
BPFS += kernel/bpf/calls kernel/bpf/sockets kernel/bpf/lsm
