# SPDX-License-Identifier: MIT
TESTS += unit-cli unit-trail
unit-trail_SRCS := tests/unit/cli/test-trail.c
unit-trail_LIBS := libcli libproto libwrit
unit-trail_LDLIBS = -lcheck -lsubunit -lm -lrt -lpthread $(libcli_LDLIBS)
unit-cli_SRCS := tests/unit/cli/unit.c
unit-cli_LIBS := libcli libproto libwrit
unit-cli_LDLIBS = -lcheck -lsubunit -lm -lrt -lpthread $(libcli_LDLIBS)

FUZZERS += fuzz-trail
fuzz-trail_SRCS := tests/fuzz/fuzz-trail.c
fuzz-trail_LIBS := libcli libproto libwrit
fuzz-trail_LDLIBS = $(libcli_LDLIBS)

TESTBINS += cli-fakeroot cli-deny cli-nodepb
cli-nodepb_SRCS := tests/unit/cli/nodepb.c
cli-nodepb_LIBS := libproto
cli-nodepb_LDLIBS := -lprotobuf-c
cli-fakeroot_SRCS := tests/unit/cli/fakeroot.c
cli-fakeroot_LIBS := libcli libproto libwrit
cli-fakeroot_LDLIBS = $(libcli_LDLIBS)
cli-deny_SRCS := tests/unit/cli/deny.c
cli-deny_LDLIBS := -lseccomp

TESTBINS += cli-sleeper
cli-sleeper_SRCS := tests/unit/cli/sleeper.c
cli-sleeper_LIBS := libwrit
cli-sleeper_STATIC := 1

SHTESTS += tests/unit/cli/command.sh tests/unit/cli/node.sh tests/unit/cli/doctor.sh tests/unit/cli/manual.sh
