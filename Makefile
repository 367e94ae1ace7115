# SPDX-License-Identifier: MIT
#
# The build of Writ: one non-recursive make. Every component lists its files in
# the module.mk of its folder; docs/building.md explains the variables.

B       ?= build
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CFLAGS  ?= -O2 -g
FORTIFY ?= -D_FORTIFY_SOURCE=2
SAN     ?=
PREFIX  ?= /usr/local

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

WARN    := -std=gnu17 -Wall -Wextra -Werror -Wshadow -Wvla -Wformat=2 -Wundef \
	   -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum
HARDEN  := -fPIE -fno-common -fstack-protector-strong \
	   -fstack-clash-protection -fcf-protection
INCLUDE  = -D_GNU_SOURCE -Iinclude -I$(B)/gen -iquote .
ALLC     = $(INCLUDE) $(HARDEN) $(CFLAGS) $(FORTIFY) $(SAN) -MMD -MP
RELRO   := -Wl,-z,relro,-z,now,-z,noexecstack

MODULES := $(sort $(wildcard include/module.mk caps/module.mk kernel/module.mk \
	libsys/module.mk servers/module.mk servers/*/module.mk \
	servers/proxies/*/module.mk tools/module.mk docs/examples/*/module.mk \
	tests/module.mk tests/*/module.mk tests/unit/*/module.mk))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check clean

include $(MODULES)

PROGS   := $(BINS) $(TESTS) $(TESTBINS) $(BENCHES)
PROTOS  := $(sort $(PROTOS))
GEN_H   := $(PROTOS:%=$(B)/gen/writ/%.pb-c.h)
objs     = $(patsubst %.c,$(B)/%.o,$($(1)_SRCS)) \
	   $(patsubst %,$(B)/gen/writ/%.pb-c.o,$($(1)_PROTOS))
ALL_OBJS = $(sort $(foreach x,$(PROGS) $(LIBS) $(FUZZERS),$(call objs,$(x))))

all: $(BINS:%=$(B)/bin/%) $(LIBS:%=$(B)/lib/%.a)

# Programs that run in a proc are static and not position independent: no
# dynamic loader, no relocations, half the cost of an exec (docs/building.md).
define bin_rule
$(B)/bin/$(1): $(call objs,$(1)) $($(1)_LIBS:%=$(B)/lib/%.a)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(SAN) $(if $($(1)_STATIC),-static -no-pie,-pie) \
		$$(RELRO) -Wl,-Map,$$@.map -o $$@ $$^ $($(1)_LDLIBS)
endef
define lib_rule
$(B)/lib/$(1).a: $(call objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcsD $$@ $$^
endef
$(foreach b,$(PROGS),$(eval $(call bin_rule,$(b))))
$(foreach l,$(LIBS),$(eval $(call lib_rule,$(l))))

$(B)/gen/writ/%.pb-c.c $(B)/gen/writ/%.pb-c.h &: include/proto/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=include/proto --c_out=$(B)/gen/writ $<

$(B)/gen/writ/%.pb-c.o: $(B)/gen/writ/%.pb-c.c | $(GEN_H)
	$(CC) -w $(ALLC) -c -o $@ $<

$(B)/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(CC) $(WARN) $(ALLC) -c -o $@ $<

-include $(ALL_OBJS:.o=.d)

check: all $(patsubst %,$(B)/bin/%,$(TESTS) $(TESTBINS))
	B=$(B) tools/run-tests $(TESTS:%=$(B)/bin/%) $(SHTESTS)

clean:
	rm -rf $(B)
