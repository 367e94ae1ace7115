# SPDX-License-Identifier: MIT
TESTBINS += t-gate
t-gate_SRCS := tests/system/gate/lib.c tests/system/gate/main.c tests/system/gate/child.c \
	tests/system/gate/audit.c tests/system/gate/review.c
t-gate_LIBS := libwrit
t-gate_STATIC := 1
TESTBINS += t-ipc
t-ipc_SRCS := tests/system/gate/lib.c $(addprefix tests/system/ipc/,main.c puppet.c orders.c rights.c \
	transfer.c replies.c revoke.c notify.c deaths.c sessions.c)
t-ipc_LIBS := libwrit
t-ipc_STATIC := 1
TESTBINS += t-objects
t-objects_SRCS := tests/system/gate/lib.c $(wildcard tests/system/objects/*.c)
t-objects_LIBS := libwrit
t-objects_STATIC := 1
TESTBINS += caller
caller_SRCS := tests/system/procs/caller.c
caller_LIBS := libwrit
caller_LDLIBS := -lprotobuf-c
caller_STATIC := 1
SHTESTS += tests/system/modes.sh tests/system/on-demand.sh tests/system/pairs.sh tests/system/held.sh
tests/system/on-demand.sh_SECS := 300
tests/system/pairs.sh_SECS := 300
tests/system/modes.sh_SECS := 300
TESTBINS += odd
odd_SRCS := tests/system/procs/odd.c tests/system/gate/child.c
odd_LIBS := libwrit
odd_LDLIBS := -lprotobuf-c
odd_STATIC := 1
TESTBINS += t-boot
t-boot_SRCS := tests/system/boot/main.c tools/boot/record.c tools/boot/group.c libsys/start.c
t-boot_LDLIBS := -lcap-ng -Wl,--wrap=pwrite,--wrap=capng_apply
SHTESTS += tests/system/boot.sh tests/system/gate.sh tests/system/objects.sh tests/system/ends.sh \
	tests/system/wordcount.sh tests/system/badinput.sh tests/system/cli.sh \
	tests/system/servers.sh tests/system/audit.sh tests/system/docs.sh tests/system/hostile.sh tests/system/ipc.sh tests/system/guard.sh
TESTBINS += t-hostile
t-hostile_SRCS := tests/system/gate/lib.c tests/system/hostile/main.c \
	tests/system/hostile/attack.c tests/system/hostile/good.c
t-hostile_LIBS := libwrit
t-hostile_STATIC := 1
TESTBINS += t-names
t-names_SRCS := $(addprefix tests/system/names/,main.c serve.c client.c hostile.c)
t-names_LIBS := libwrit
t-names_LDLIBS := -lprotobuf-c
t-names_STATIC := 1
SHTESTS += tests/system/names.sh
TESTBINS += t-chan
t-chan_SRCS := tests/system/gate/lib.c tests/unit/libsys/pattern.c $(wildcard tests/system/chan/*.c)
t-chan_LIBS := libwrit
t-chan_LDLIBS := -Wl,--wrap=mmap
t-chan_STATIC := 1
tests/system/chan.sh_SECS := 300
SHTESTS += tests/system/chan.sh
SHTESTS += tests/system/telemetry.sh
tests/system/telemetry.sh_SECS := 300
