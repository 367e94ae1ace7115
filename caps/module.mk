# libcaps: the capability library (trusted)
LIBS += libcaps
libcaps_SRCS := caps/slot.c caps/tree.c caps/object.c caps/cnode.c
