# SPDX-License-Identifier: MIT
TESTBINS += t-gate
t-gate_SRCS := tests/system/gate/main.c tests/system/gate/child.c
t-gate_LIBS := libwrit
t-gate_STATIC := 1
SHTESTS += tests/system/gate.sh tests/system/ends.sh
