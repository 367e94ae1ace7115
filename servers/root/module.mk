# SPDX-License-Identifier: MIT
BINS += root
root_SRCS := $(addprefix servers/root/,main.c boot.c server.c realm.c plan.c \
	place.c image.c op.c call.c frame.c rows.c table.c check.c layers.c resolve.c explain.c arena.c)
root_PROTOS := manifest op
root_LIBS := libwrit
root_LDLIBS := -Wl,--wrap=sendmsg,--wrap=sysconf,--wrap=pthread_setname_np \
	-lnng -lmbedtls -lmbedx509 -lmbedcrypto -lsodium -lprotobuf-c -lpthread
root_STATIC := 1

TESTS += unit-root
unit-root_SRCS := tests/unit/servers/root/test-root.c servers/root/check.c \
	servers/root/layers.c servers/root/resolve.c servers/root/explain.c libsys/names.c
unit-root_PROTOS := manifest
unit-root_LDLIBS := -lprotobuf-c -lcheck -lsubunit -lm -lrt -lpthread

TESTBINS += sleeper op-frames
sleeper_SRCS := tests/system/root/sleeper.c
sleeper_LIBS := libwrit
sleeper_PROTOS := fs
sleeper_LDLIBS := -lprotobuf-c
sleeper_STATIC := 1
op-frames_SRCS := tests/system/root/op-frames.c
op-frames_PROTOS := manifest op
op-frames_LDLIBS := -lnng -lprotobuf-c
SHTESTS += tests/system/root.sh
