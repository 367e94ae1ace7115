# SPDX-License-Identifier: MIT
BINS += hello
hello_SRCS := docs/examples/hello/hello.c
hello_LIBS := libwrit
hello_LDLIBS := -lprotobuf-c
hello_STATIC := 1
