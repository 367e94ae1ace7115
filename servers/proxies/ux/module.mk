# SPDX-License-Identifier: MIT
BINS += ux
ux_SRCS := servers/proxies/ux/main.c servers/proxies/ux/ux.c \
	servers/proxies/ux/ux_dir.c servers/proxies/ux/ux_errno.c
ux_LIBS := libwrit libproto
ux_LDLIBS := -lprotobuf-c
ux_STATIC := 1
