# SPDX-License-Identifier: MIT
TESTS += unit-manifest unit-manifest-random
manifest_TESTS := tests/unit/manifest
unit-manifest_SRCS := $(addprefix $(manifest_TESTS)/,main.c fixture.c test-wrong.c \
	test-node.c test-good.c test-image.c test-bytes.c test-docs.c)
unit-manifest_LIBS := libmanifest libproto
unit-manifest_LDLIBS = $(libmanifest_LDLIBS) -lcheck -lsubunit -lm -lrt -lpthread
unit-manifest-random_SRCS := $(addprefix $(manifest_TESTS)/,test-random.c fixture.c)
unit-manifest-random_LIBS := libmanifest libproto
unit-manifest-random_LDLIBS = $(unit-manifest_LDLIBS)

FUZZERS += fuzz-manifest
fuzz-manifest_SRCS := tests/fuzz/fuzz-manifest.c
fuzz-manifest_LIBS := libmanifest libproto
fuzz-manifest_LDLIBS = $(libmanifest_LDLIBS)
