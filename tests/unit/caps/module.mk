caps_TESTS := tests/unit/caps
TESTS += unit-caps unit-caps-random
unit-caps_SRCS := $(addprefix $(caps_TESTS)/,main.c fixture.c test-slot.c test-tree.c \
	test-object.c test-account.c test-cnode.c test-names.c test-verify.c test-sel4.c \
	test-sel4-cnode.c test-revoke.c test-big.c verify.c) libsys/names.c
unit-caps_LIBS := libcaps
unit-caps_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
unit-caps-random_SRCS := $(addprefix $(caps_TESTS)/,test-random.c duel.c duel-compare.c model.c verify.c) libsys/names.c
unit-caps-random_LIBS := libcaps
unit-caps-random_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
FUZZERS += fuzz-caps
fuzz-caps_SRCS := tests/fuzz/fuzz-caps.c $(addprefix $(caps_TESTS)/,duel.c duel-compare.c model.c verify.c) libsys/names.c
fuzz-caps_LIBS := libcaps
TESTBINS += caps-soak
caps-soak_SRCS := $(addprefix $(caps_TESTS)/,soak.c duel.c duel-compare.c model.c verify.c) libsys/names.c
caps-soak_LIBS := libcaps
