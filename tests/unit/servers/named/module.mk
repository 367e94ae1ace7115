# SPDX-License-Identifier: MIT
TESTS += unit-named
unit-named_SRCS := tests/unit/servers/named/test-tree.c \
	tests/unit/servers/named/test-random.c \
	tests/unit/servers/named/test-limits.c \
	tests/unit/servers/named/test-fleet.c servers/named/tree.c \
	servers/named/fleet.c servers/named/node.c servers/named/data.c servers/named/mem.c \
	servers/named/siphash.c
unit-named_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
