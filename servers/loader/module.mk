# SPDX-License-Identifier: MIT
BINS += loader
loader_SRCS := $(addprefix servers/loader/,main.c build.c make.c prepare.c format.c parse.c words.c) \
	$(addprefix servers/root/,op.c frame.c table.c arena.c)
loader_PROTOS := manifest op
loader_LIBS := libwrit
loader_LDLIBS := -Wl,--wrap=sendmsg,--wrap=sysconf,--wrap=pthread_setname_np \
	-lnng -lmbedtls -lmbedx509 -lmbedcrypto -lsodium \
	-lprotobuf-c -lpthread
loader_STATIC := 1

TESTBINS += weaver
weaver_SRCS := tests/system/dump/weaver.c $(addprefix servers/root/,op.c frame.c table.c arena.c)
weaver_PROTOS := manifest op
weaver_LIBS := libwrit
weaver_LDLIBS := $(loader_LDLIBS)
weaver_STATIC := 1
SHTESTS += tests/system/dump.sh

TESTS += unit-loader
unit-loader_SRCS := tests/unit/servers/loader/test-dump.c \
	$(addprefix servers/loader/,format.c parse.c words.c)
unit-loader_LIBS := libwrit
unit-loader_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
