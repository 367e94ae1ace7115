# libcaps: the capability library (trusted) and the name tables (shared with libsys)
LIBS += libcaps
libcaps_SRCS := caps/slot.c caps/tree.c caps/object.c caps/account.c caps/cnode.c \
	caps/names.c
