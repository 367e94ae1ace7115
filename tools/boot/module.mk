# SPDX-License-Identifier: MIT
# writ-boot: what has to be done with names and paths before the kernel serves anybody.
BINS += writ-boot
writ-boot_SRCS := $(addprefix tools/boot/,main.c start.c record.c host.c group.c names.c guard.c try.c reason.c pins.c \
	switch.c clear.c) libsys/start.c libsys/names.c
writ-boot_LDLIBS := -lcap-ng -lbpf
$(B)/tools/boot/guard.o: $(patsubst %,$(B)/gen/bpf/%.skel.h,calls sockets lsm tables sched)
# What operators read: tables, and counters of what runs
BPFS += tools/boot/bpf/tables tools/boot/bpf/sched
# names of system calls by number, of all that Linux's headers know
$(B)/tools/boot/names.o $(B)/gen/bpf/sched.bpf.o: $(B)/gen/boot/names.h
$(B)/gen/boot/names.h:
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)echo '#include <asm/unistd_64.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/\2 \1/p' | sort -n | \
		awk '$$1 > n { printf "GAP(%d, %d)\n", n, $$1 - n } \
			{ printf "CALL(%d, %s)\n", $$1, $$2; n = $$1 + 1 }' >$@
