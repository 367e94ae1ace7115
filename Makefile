# SPDX-License-Identifier: MIT
#
# The build of Writ: one non-recursive make. Every component lists its files in
# the module.mk of its folder; docs/building.md explains targets and variables.

B           ?= build
PREFIX      ?= /usr/local
DESTDIR     ?=
CFLAGS      ?= -O2 -g
FORTIFY     ?= -D_FORTIFY_SOURCE=2
SAN         ?=
FUZZ_SECS   ?= 60
CLANG       ?= clang-14
CLANG_TIDY  ?= clang-tidy-14
CLANG_FMT   ?= clang-format-14
ifeq ($(origin CC),default)
CC          := gcc
endif
# All is built into B, and clean removes it: never the top folder, nor one above.
ifneq ($(words $(B)),1)
$(error B must be one folder, not "$(B)": leave it out for build/)
endif
ifneq ($(filter $(patsubst %/,%,$(abspath $(B)))/%,$(CURDIR)/.),)
$(error B=$(B) is this folder or one above it: give one of its own, such as build/other)
endif
# One short line a step; the whole commands with V=1.
Q           := $(if $(V),,@)
say          = @$(if $(V),:,printf '  %-6s %s\n' $(1) $(2))
ifeq ($(MAKELEVEL),0)
MAKEFLAGS   += -j$(shell nproc)
endif

WARN    := -std=gnu17 -Wall -Wextra -Werror -Wshadow -Wvla -Wformat=2 -Wundef \
	   -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum
HARDEN  := -fPIE -fno-common -fstack-protector-strong \
	   -fstack-clash-protection -fcf-protection
INCLUDE  = -D_GNU_SOURCE -Iinclude -I$(B)/gen -iquote .
ALLC     = $(INCLUDE) $(HARDEN) $(CFLAGS) $(FORTIFY) $(SAN) -MMD -MP
RELRO   := -Wl,-z,relro,-z,now,-z,noexecstack

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check san fuzz lint fmt fmt-check tcb bench benches install clean tests fuzzers run-fuzzers

include $(sort $(wildcard include/module.mk caps/module.mk kernel/module.mk \
	libsys/module.mk servers/module.mk servers/*/module.mk \
	servers/proxies/*/module.mk tools/module.mk tools/*/module.mk docs/examples/*/module.mk \
	tests/module.mk tests/*/module.mk tests/*/*/module.mk \
	tests/unit/*/*/module.mk))

# What is linked or archived of what changes with these.
MODULES := $(filter %module.mk,$(MAKEFILE_LIST))
GEN_H   := $(patsubst %,$(B)/gen/writ/%.pb-c.h,$(sort $(PROTOS)))
PROGS   := $(BINS) $(TESTS) $(TESTBINS) $(BENCHES) $(GENS)
SRCS    := $(sort $(foreach x,$(PROGS) $(LIBS) $(FUZZERS),$($(x)_SRCS)))
objs     = $(patsubst %.c,$(B)/%.o,$($(1)_SRCS)) \
	   $(patsubst %,$(B)/gen/writ/%.pb-c.o,$($(1)_PROTOS))
bins     = $(patsubst %,$(B)/bin/%,$(1))

all: $(call bins,$(BINS)) $(LIBS:%=$(B)/lib/%.a)

# Programs that run in a proc are static, for a proc has no files to load a
# library from, and not position independent, which makes an exec cheaper.
define bin_rule
$(B)/bin/$(1): $(call objs,$(1)) $($(1)_LIBS:%=$(B)/lib/%.a) $(MODULES)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(SAN) $(if $($(1)_STATIC),-static -no-pie,-pie) $(2) \
		$$(RELRO) -Wl,-Map,$$@.map -o $$@ $$(filter %.o %.a,$$^) $($(1)_LDLIBS)
endef
define lib_rule
$(B)/lib/$(1).a: $(call objs,$(1)) $(MODULES)
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcsD $$@ $$(filter %.o,$$^)
endef
$(foreach b,$(PROGS),$(eval $(call bin_rule,$(b))))
$(foreach f,$(FUZZERS),$(eval $(call bin_rule,$(f),-fsanitize=fuzzer)))
$(foreach l,$(LIBS),$(eval $(call lib_rule,$(l))))

$(B)/gen/writ/%.pb-c.c $(B)/gen/writ/%.pb-c.h &: include/proto/%.proto
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=include/proto --c_out=$(B)/gen/writ $<

$(B)/gen/kernel/filters.h: $(B)/bin/gen-filter
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$< >$@

# Programs for Linux's eBPF, and their skeletons for who loads them: BPFS are their names.
BPF_C   = $(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter -std=gnu17 \
	  -ffreestanding -D__TARGET_ARCH_x86 -isystem /usr/include/x86_64-linux-gnu -Iinclude -I$(B)/gen -iquote .
$(B)/gen/bpf/%.bpf.o:
	$(call say,BPF,$(filter %.bpf.c,$^))
	@mkdir -p $(@D)
	$(Q)$(BPF_C) -MMD -MP -MT $@ -c -o $@ $(filter %.bpf.c,$^)
	$(Q)llvm-strip-14 -g $@
$(B)/gen/bpf/%.skel.h: $(B)/gen/bpf/%.bpf.o
	$(Q)bpftool gen skeleton $< name $*_bpf >$@
$(foreach b,$(BPFS),$(eval $(B)/gen/bpf/$(notdir $(b)).bpf.o: $(b).bpf.c))
-include $(foreach b,$(BPFS),$(B)/gen/bpf/$(notdir $(b)).bpf.d)

$(B)/gen/writ/%.pb-c.o: $(B)/gen/writ/%.pb-c.c | $(GEN_H)
	$(call say,CC,$<)
	$(Q)$(CC) -w $(ALLC) -c -o $@ $<

$(B)/%.o: %.c | $(GEN_H)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(ALLC) -c -o $@ $<

-include $(SRCS:%.c=$(B)/%.d)

# A test is a program or a script, with NAME_SECS where 120 s are not enough.
limit    = $(1)$(if $($(2)_SECS),:$($(2)_SECS))
RUN      = $(foreach t,$(1),$(call limit,$(B)/bin/$(t),$(t)))
tests: $(call bins,$(TESTS) $(TESTBINS))
check: all tests
	@B=$(B) tools/run-tests $(call RUN,$(TESTS)) $(foreach t,$(SHTESTS),$(call limit,$(t),$(t)))

# The same in a machine of its own, with a kernel that has what this one may lack.
.PHONY: vmtest vmcontrol
vmtest: all tests
	@B=$(B) tools/vmtest $(VMTESTS)
vmcontrol: all tests
	@B=$(B) tools/run-tests tests/vm/control.sh:600

# Unit tests with AddressSanitizer, whose runtime can't live in a static program or a
# sandbox; the threads of a ring with ThreadSanitizer, which need not know its fences;
# then everything with UBSan's traps, which need no runtime.
ASAN_TESTS := $(foreach t,$(TESTS),$(if $($(t)_STATIC)$($(t)_NOASAN),,$(t)))
UBSAN      := -fsanitize=undefined -fsanitize-undefined-trap-on-error
.PHONY: run-asan run-tsan
run-asan: $(call bins,$(ASAN_TESTS))
	@B=$(B) WRIT_TEST_SCALE=4 tools/run-tests $(call RUN,$(ASAN_TESTS))
run-tsan: $(call bins,ring-threads)
	@B=$(B) tools/run-tests $(call RUN,ring-threads)
san:
	$(MAKE) B=build/asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=all" \
		FORTIFY= CFLAGS="-O1 -g -fno-omit-frame-pointer" run-asan
	$(MAKE) B=build/tsan SAN=-fsanitize=thread FORTIFY= CFLAGS="-O1 -g -Wno-tsan" run-tsan
	WRIT_TEST_SCALE=2 $(MAKE) B=build/ubsan SAN="$(UBSAN)" check

# clang's libFuzzer, for every decoder. A crash leaves its input in build/fuzz.
fuzzers: $(call bins,$(FUZZERS))
run-fuzzers: fuzzers
	tools/run-fuzzers $(FUZZ_SECS) $(call bins,$(FUZZERS))
fuzz:
	$(MAKE) B=build/fuzz CC=$(CLANG) FORTIFY= CFLAGS="-O1 -g" \
		SAN=-fsanitize=fuzzer-no-link,address,undefined run-fuzzers

# gcc 12 is good at lifetimes, and wrong about NULL too often; clang sees to that.
ANALYZE := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-null-argument \
	   -Wno-analyzer-null-dereference -Wno-analyzer-use-of-uninitialized-value

# clang follows so many paths through a function. Its default of 225000 finds hardly more, and takes
# five times as long.
LINT_NODES ?= 20000
NODES      := $(patsubst %,--extra-arg=%,-Xclang -analyzer-config -Xclang max-nodes=$(LINT_NODES))
# One stamp a file, so that only what changed is looked at again.
LINT_OK := $(SRCS:%.c=$(B)/lint/%.ok)
SCRIPTS := $(shell grep -lE '^\#!/bin/(ba)?sh' tools/* tests/*/*.sh tests/vm/control/*.sh .ci/run 2>/dev/null)
$(B)/lint/%.ok: %.c $(B)/%.o .clang-tidy
	$(call say,LINT,$<)
	@mkdir -p $(@D)
	@$(CLANG_TIDY) --quiet $(NODES) $< -- -std=gnu17 $(INCLUDE) 2>$@.log || { cat $@.log; exit 1; }
	@$(CC) $(WARN) $(ANALYZE) $(INCLUDE) $(CFLAGS) -c -o /dev/null $<
	@cppcheck --quiet --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=tools/cppcheck.txt --error-exitcode=1 \
		-D_GNU_SOURCE -D__linux__ -Iinclude -I. $<
	@touch $@
lint: $(LINT_OK) $(GEN_H)
	shellcheck $(SCRIPTS)
	tools/check-headers "$(CC) $(WARN) $(INCLUDE)"
	tools/check-layers $(B) $(SRCS:%.c=$(B)/%.d)
	tools/check-style
	tools/check-docs

FMT_FILES = $(shell find caps docs include kernel libsys servers tests tools -name '*.[ch]')
fmt:
	$(CLANG_FMT) -i $(FMT_FILES)
fmt-check:
	$(CLANG_FMT) --dry-run --Werror $(FMT_FILES)

tcb: all
	tools/tcb-report $(B) docs/tcb.md

benches: all $(call bins,$(BENCHES) $(TESTBINS))
	@printf '%s\n' $(BENCHES) >$(B)/benches
bench:
	+@B=$(B) tools/bench

# Once installed, the manifests of the examples name images in libexec.
MAN      = $(wildcard docs/*.1 docs/man/*.1)
SERVERS  = $(filter-out writ,$(BINS))
DEST     = $(DESTDIR)$(PREFIX)
install: all
	install -d $(DEST)/bin $(DEST)/libexec/writ $(DEST)/lib $(DEST)/include/writ \
		$(DEST)/share/man/man1 $(DEST)/share/writ \
		$(DEST)/share/bash-completion/completions
	install -m 755 $(B)/bin/writ $(DEST)/bin
	install -m 755 $(call bins,$(SERVERS)) $(DEST)/libexec/writ
	install -m 644 $(B)/lib/libwrit.a $(DEST)/lib
	install -m 644 include/writ/*.h $(DEST)/include/writ
	$(if $(MAN),install -m 644 $(MAN) $(DEST)/share/man/man1)
	install -m 644 tools/writ/writ.bash $(DEST)/share/bash-completion/completions/writ
	cp -r docs/examples $(DEST)/share/writ
	find $(DEST)/share/writ/examples -name module.mk -delete
	find $(DEST)/share/writ/examples -name '*.yaml' -exec \
		sed -Ei 's#path: (\.\./\.\./\.\./build/bin/)?([a-z-]+)\}#path: ../../../../libexec/writ/\2}#' {} +

clean:
	rm -rf $(B)

# Too long for every run: proofs, models, and ten million random operations.
.PHONY: prove model soak hostile rings
prove:
	tools/prove
model:
	tools/model
hostile: all tests
	B=$(B) tests/system/hostile.sh 1000 5000 12 3
rings: tests
	WRIT_RING_ROUNDS=100000 WRIT_RING_STRIDE=1 B=$(B) tools/run-tests $(B)/bin/unit-ring:600 $(B)/bin/ring-kill:600
	$(MAKE) B=build/asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=all" \
		FORTIFY= CFLAGS="-O1 -g -fno-omit-frame-pointer" build/asan/bin/ring-hostile
	WRIT_STEPS=1000000 tools/run-tests build/asan/bin/ring-hostile:600
	tests/fuzz/ring-broken.sh long
soak: $(B)/bin/unit-caps-random $(B)/bin/unit-chan
	$< $(or $(SOAK_OPS),10000000)
	WRIT_CHAN_MSGS=$(or $(SOAK_MSGS),5000000) CK_RUN_CASE=switch $(B)/bin/unit-chan
