# SPDX-License-Identifier: MIT
TESTS += unit-ux
unit-ux_SRCS := tests/unit/servers/ux/test-ux.c \
	tests/unit/servers/ux/test-confine.c tests/unit/servers/ux/test-mounts.c \
	tests/unit/servers/ux/test-filter.c kernel/filter.c \
	servers/proxies/ux/ux.c servers/proxies/ux/ux_dir.c servers/proxies/ux/ux_errno.c
unit-ux_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
