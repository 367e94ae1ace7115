# SPDX-License-Identifier: MIT
BINS += schedd
schedd_SRCS := servers/schedd/main.c servers/schedd/policy.c
schedd_LIBS := libwrit
schedd_STATIC := 1

TESTS += unit-schedd
unit-schedd_SRCS := tests/unit/servers/schedd/test-policy.c servers/schedd/policy.c
unit-schedd_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread
