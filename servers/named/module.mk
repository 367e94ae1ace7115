# SPDX-License-Identifier: MIT
BINS += named
named_SRCS := servers/named/main.c servers/named/tree.c servers/named/fleet.c servers/named/node.c \
	servers/named/data.c servers/named/mem.c servers/named/siphash.c
named_LIBS := libwrit libproto
named_LDLIBS := -lprotobuf-c
named_STATIC := 1
