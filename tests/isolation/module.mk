# What a sandboxed process can and can't do, seen from inside and from outside
nest_SRCS := kernel/nest.c kernel/nest_loop.c kernel/sandbox.c kernel/filter.c kernel/cgroup.c
TESTBINS += isolation-probe
isolation-probe_SRCS := tests/isolation/probe.c
isolation-probe_STATIC := 1
TESTS += isolation
isolation_SRCS := $(nest_SRCS) $(addprefix tests/isolation/,main.c harness.c test-nest.c)
isolation_LDLIBS := -Wl,--wrap=nest_main -lcap-ng -lcheck -lsubunit -lm -lrt -lpthread
isolation_NOASAN := 1
