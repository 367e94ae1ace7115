# What a sandboxed process can and can't do, seen from inside and from outside
nest_SRCS := kernel/io.c kernel/nest.c kernel/nest_loop.c kernel/sandbox.c kernel/filter.c kernel/cgroup.c
isolation_DIR := tests/isolation
BINS += isolation-probe
isolation-probe_SRCS := $(isolation_DIR)/probe.c
isolation-probe_STATIC := 1
BINS += writ-isolation
writ-isolation_SRCS := $(nest_SRCS) tools/boot/group.c tools/boot/clear.c tools/boot/pins.c \
	$(addprefix $(isolation_DIR)/,engine.c report.c subject.c puppet.c survey.c ways.c cases.c \
	harness.c without.c oracle.c node.c servers.c hostile.c spin.c adversary.c \
	traces.c)
writ-isolation_LDLIBS := -Wl,--wrap=nest_main -lcap-ng -lbpf -ljansson
BINS += isolation-actor
isolation-actor_SRCS := $(isolation_DIR)/actor.c tests/system/hostile/attack.c
isolation-actor_LIBS := libwrit
isolation-actor_LDLIBS := -lprotobuf-c
isolation-actor_STATIC := 1
TESTBINS += isolation-nng
isolation-nng_SRCS := $(isolation_DIR)/nng.c
isolation-nng_STATIC := 1
isolation-nng_LDLIBS := -lnng -lmbedtls -lmbedx509 -lmbedcrypto -lpthread
TESTS += isolation
isolation_SRCS := $(nest_SRCS) tools/boot/host.c tools/boot/group.c tools/boot/clear.c tools/boot/pins.c \
	$(addprefix $(isolation_DIR)/,main.c harness.c without.c survey.c \
	oracle.c test-nest.c test-calls.c test-view.c test-limits.c test-host.c test-server.c)
isolation_LDLIBS := -Wl,--wrap=nest_main -lcap-ng -lbpf -lcheck -lsubunit -lm -lrt -lpthread
isolation_NOASAN := 1

# bench-nest [COUNT]: a spawn through the nest beside a bare vfork and exec
TESTBINS += bench-nest isolation-null
bench-nest_SRCS := $(nest_SRCS) $(isolation_DIR)/bench-nest.c
bench-nest_LDLIBS := -lcap-ng
isolation-null_SRCS := $(isolation_DIR)/null.c
isolation-null_STATIC := 1

# The filter without a sandbox: its program against the table
TESTS += unit-filter
unit-filter_SRCS := kernel/filter.c $(isolation_DIR)/oracle.c tests/unit/kernel/test-filter.c
unit-filter_LDLIBS := -lcheck -lsubunit -lm -lrt -lpthread

# The suite that tenants run as well: every way out, tried inside and from outside
tests/isolation/suite.sh_SECS := 240
SHTESTS += tests/isolation/suite.sh

# Adversaries not written here, and what of Writ is preloaded into them
$(B)/lib/isolation-shim.so: $(isolation_DIR)/shim.c kernel/filter.c $(B)/gen/kernel/filters.h
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(INCLUDE) -O2 -shared -fPIC -o $@ $(filter %.c,$^)
tests: $(B)/lib/isolation-shim.so
tests/isolation/adversaries.sh_SECS := 300
SHTESTS += tests/isolation/adversaries.sh

# Each layer alone
TESTBINS += matrix-effect
matrix-effect_SRCS := $(isolation_DIR)/matrix/effect.c
matrix-effect_STATIC := 1
matrix-effect_LDLIBS := -nostartfiles
TESTS += matrix
matrix_SRCS := $(nest_SRCS) $(addprefix tools/boot/,group.c guard.c try.c reason.c pins.c names.c) \
	$(addprefix $(isolation_DIR)/matrix/,main.c attempts.c stage.c columns.c)
matrix_LDLIBS := -Wl,--wrap=nest_main -lcap-ng -lbpf
matrix_NOASAN := 1
TESTS += guard-rules
guard-rules_SRCS := $(nest_SRCS) $(addprefix tools/boot/,group.c guard.c try.c reason.c pins.c names.c) \
	$(addprefix $(isolation_DIR)/matrix/,rules.c told.c)
guard-rules_LDLIBS := -lcap-ng -lbpf -lpthread
guard-rules_NOASAN := 1
TESTS += guard-peers
guard-peers_SRCS := $(nest_SRCS) $(addprefix tools/boot/,group.c guard.c reason.c pins.c names.c) \
	$(addprefix $(isolation_DIR)/matrix/,peers.c told.c)
guard-peers_LDLIBS := -lcap-ng -lbpf
guard-peers_NOASAN := 1
TESTS += guard-demand
guard-demand_SRCS := libsys/names.c $(addprefix tools/boot/,guard.c reason.c pins.c switch.c names.c) \
	$(addprefix $(isolation_DIR)/matrix/,demand.c told.c)
guard-demand_LDLIBS := -Wl,--wrap=bpf_map_get_next_key -lcap-ng -lbpf
guard-demand_NOASAN := 1
