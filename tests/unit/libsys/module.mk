# SPDX-License-Identifier: MIT
libsys_TESTS := tests/unit/libsys
TESTS += unit-libsys
unit-libsys_SRCS := $(addprefix $(libsys_TESTS)/,main.c fixture.c test-start.c test-gate.c \
	test-fssrv.c test-session.c test-names.c node.c memfs.c)
unit-libsys_LIBS := libwrit
unit-libsys_LDLIBS := -lprotobuf-c -lcheck -lsubunit -lm -lrt -lpthread

# Rings by themselves, with no kernel behind.
TESTS += unit-ring
unit-ring_SRCS := $(addprefix $(libsys_TESTS)/,ring_main.c ring_pair.c test-ring.c test-link.c \
	test-wake.c test-spin.c) $(addprefix libsys/,ring.c link.c spin.c)
unit-ring_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread

# Channels, and what every transport must do, without a kernel.
TESTS += unit-chan
unit-chan_SRCS := $(addprefix $(libsys_TESTS)/,chan_main.c chan_pair.c pattern.c test-tx.c \
	test-pairs.c test-messages.c test-waits.c test-switch.c tx_any.c tx_stream.c)
unit-chan_SECS := 300
unit-chan_LIBS := libwrit
unit-chan_LDLIBS := -lprotobuf-c -lcheck -lsubunit -lm -lrt -lpthread

# One side is killed at any instruction.
TESTS += ring-kill
ring-kill_SRCS := $(addprefix $(libsys_TESTS)/,ring-kill.c ring_pair.c) \
	$(addprefix libsys/,ring.c link.c spin.c)
ring-kill_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread

# Its two sides as two threads, for ThreadSanitizer. It includes ring.c and link.c.
TESTS += ring-threads
ring-threads_SRCS := $(addprefix $(libsys_TESTS)/,ring-threads.c ring_pair.c) libsys/spin.c
ring-threads_LDLIBS := -lpthread

# The smallest proc, for figures and for tests of the whole.
TESTBINS += null
null_SRCS := $(libsys_TESTS)/null.c
null_LIBS := libwrit
null_STATIC := 1

# From the sources: libwrit's own main() would stand in the way of libFuzzer's.
FUZZERS += fuzz-libsys
fuzz-libsys_SRCS := tests/fuzz/fuzz-libsys.c $(libsys_TESTS)/memfs.c libsys/names.c \
	$(addprefix libsys/,cap.c fssrv.c gate.c path.c pb.c self.c start.c)
fuzz-libsys_PROTOS := fs
fuzz-libsys_LDLIBS := -lprotobuf-c
