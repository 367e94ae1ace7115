caps_TESTS := tests/unit/caps
TESTS += unit-caps unit-caps-random
unit-caps_SRCS := $(addprefix $(caps_TESTS)/,main.c fixture.c test-slot.c test-tree.c \
	test-object.c test-account.c test-cnode.c test-names.c test-verify.c test-sel4.c \
	test-sel4-cnode.c test-revoke.c test-big.c verify.c) libsys/names.c
unit-caps_LIBS := libcaps
unit-caps_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
caps_DUEL := $(addprefix $(caps_TESTS)/,duel.c duel-pick.c duel-compare.c model.c verify.c) \
	libsys/names.c
unit-caps-random_SRCS := $(caps_TESTS)/test-random.c $(caps_DUEL)
unit-caps-random_LIBS := libcaps
FUZZERS += fuzz-caps
fuzz-caps_SRCS := tests/fuzz/fuzz-caps.c $(caps_DUEL)
fuzz-caps_LIBS := libcaps
