# SPDX-License-Identifier: MIT
# Users add libproto behind libmanifest, and $(libmanifest_LDLIBS).
PROTOS += manifest
LIBS += libmanifest
libmanifest_SRCS := $(addprefix tools/manifest/,doc.c text.c schema.c check.c build.c \
	image.c realm.c procs.c node.c explain.c)
libmanifest_LDLIBS := -lcyaml -lyaml -lsodium -lprotobuf-c
