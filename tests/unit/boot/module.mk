# SPDX-License-Identifier: MIT
# what writ-boot loads into Linux: needs root
TESTS += unit-sched unit-group
unit-group_SRCS := tests/unit/boot/test-group.c tools/boot/group.c
unit-group_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
unit-sched_SRCS := tests/unit/boot/test-sched.c tests/unit/boot/telemetry.c
unit-sched_LDLIBS := -lbpf -lcheck -lsubunit -lm -lrt -lpthread
$(B)/tests/unit/boot/telemetry.o: $(B)/gen/bpf/sched.skel.h
$(B)/tests/unit/boot/test-sched.o: $(B)/gen/bpf/tables.skel.h
