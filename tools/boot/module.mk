# SPDX-License-Identifier: MIT
# writ-boot: what has to be done with names and paths before the kernel serves anybody.
BINS += writ-boot
writ-boot_SRCS := $(addprefix tools/boot/,main.c start.c record.c host.c group.c) libsys/start.c
writ-boot_LDLIBS := -lcap-ng
