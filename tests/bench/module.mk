# SPDX-License-Identifier: MIT
# A benchmark is a program: BENCHES += bench-NAME, its file and tests/bench/bench.c.
TESTS += unit-bench
unit-bench_SRCS := tests/unit/bench/test-bench.c tests/bench/bench.c
unit-bench_LDLIBS := -ljansson -lcheck -lsubunit -lm -lrt -lpthread

BENCHES += bench-spawn
bench-spawn_SRCS := tests/bench/spawn.c tests/bench/host.c tests/bench/bench.c
bench-spawn_LDLIBS := -ljansson
TESTBINS += bench-spawner bench-null
bench-spawner_SRCS := tests/bench/spawner.c
bench-spawner_STATIC := 1
bench-spawner_LIBS := libwrit
bench-spawner_LDLIBS := -lprotobuf-c
bench-null_SRCS := tests/bench/null.c
bench-null_STATIC := 1
bench-null_LIBS := libwrit
$(B)/bin/bench-spawn: | $(B)/bin/bench-spawner $(B)/bin/bench-null all

BENCHES += bench-caps
bench-caps_SRCS := tests/bench/caps.c tests/bench/bench.c tests/unit/caps/verify.c
bench-caps_LIBS := libcaps
bench-caps_LDLIBS := -ljansson
TESTBINS += bench-bare
bench-bare_SRCS := tests/bench/bare.c
bench-bare_STATIC := 1
bench-bare_LDLIBS := -nostdlib
$(B)/bin/bench-spawn: | $(B)/bin/bench-bare

BENCHES += bench-ipc
bench-ipc_SRCS := tests/bench/ipc.c tests/bench/relay.c tests/bench/node.c tests/bench/host.c \
	tests/bench/bench.c
bench-ipc_LDLIBS := -ljansson
TESTBINS += bench-ipcer
bench-ipcer_SRCS := tests/bench/ipcer.c tests/system/gate/lib.c
bench-ipcer_STATIC := 1
bench-ipcer_LIBS := libwrit
$(B)/bin/bench-ipc: | $(B)/bin/bench-ipcer all

BENCHES += bench-user
bench-user_SRCS := tests/bench/user.c tests/bench/node.c tests/bench/host.c tests/bench/raw.c \
	tests/bench/raw_nng.c tests/bench/bench.c
bench-user_LDLIBS := -lnng -ljansson
TESTBINS += bench-chans
bench-chans_SRCS := tests/bench/chans.c tests/system/gate/lib.c
bench-chans_STATIC := 1
bench-chans_LIBS := libwrit
$(B)/bin/bench-user: | $(B)/bin/bench-chans all

# What tools/bench draws with.
TESTBINS += bench-plot
bench-plot_SRCS := tests/bench/plot.c
bench-plot_LDLIBS := -ljansson -lm

BENCHES += bench-switch
bench-switch_SRCS := tests/bench/switch.c tests/unit/boot/telemetry.c tests/bench/bench.c
bench-switch_LDLIBS := -ljansson -lbpf

BENCHES += bench-guard
bench-guard_SRCS := kernel/cgroup.c kernel/io.c libsys/names.c $(addprefix tools/boot/,group.c guard.c reason.c pins.c switch.c names.c) \
	$(addprefix tests/bench/,guard.c worker.c host.c bench.c)
bench-guard_LDLIBS := -lcap-ng -lbpf -ljansson

BENCHES += bench-wordcount
bench-wordcount_SRCS := $(addprefix tests/bench/,wordcount.c host.c bench.c)
bench-wordcount_LDLIBS := -ljansson
$(B)/bin/bench-wordcount: | all
